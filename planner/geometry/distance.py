"""How far every voxel lies from a mask: Euclidean distances in single precision, one axis after the other.

After Felzenszwalb and Huttenlocher (Distance transforms of sampled functions, Theory of Computing 8, 2012): along rows
the steps to the nearest voxel of the mask are added up, as `edt` adds them; along each further axis the squared
distances of a line are the lower envelope of one parabola a voxel. Lines that run across memory are worked in blocks of
neighbours, so that what is fetched is used. `benchmarks/speed.py parts` holds it against other programs.
"""

import numba
import numpy as np
import numpy.typing as npt

from planner.geometry.one_at_a_time import one_at_a_time

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

# Arrays of the model are read-only; one that may be written passes as such, too.
_READ = numba.types.Array(numba.uint8, 3, "C", readonly=True)
_LINES = 16
"""Neighbouring lines that are worked together: a cache line of single-precision values."""


def distance_mm(mask: Bools, spacing_mm: tuple[float, float, float], *, reach_mm: float = np.inf) -> Floats:
    """Give the distance of every voxel's middle from the nearest middle of a voxel of a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (Z, Y, X)
        From where it is measured.
    spacing_mm : tuple of float
        Voxel spacing along the axes, mm.
    reach_mm : float
        What lies farther need not be told apart: only the box round the mask that it spans is worked.

    Returns
    -------
    ndarray of float32, shape (Z, Y, X)
        Distances, mm; 0 within the mask. Infinite where the mask is empty, and, with a reach, outside of that box;
        within the box they are right beyond the reach too.

    Raises
    ------
    ValueError
        If the mask has not three axes, or a spacing is not above 0.
    """
    if mask.ndim != 3 or not all(step > 0 for step in spacing_mm):
        raise ValueError(f"a mask of three axes and spacings above 0 are needed, not {mask.shape} and {spacing_mm}")
    box = _reached(mask, spacing_mm, reach_mm)
    if box is None:
        return np.full(mask.shape, np.inf, dtype=np.float32)
    near = np.ascontiguousarray(mask[box])
    away = np.empty(near.shape, dtype=np.float32)
    z_mm, y_mm, x_mm = (np.float32(step) for step in spacing_mm)
    planes, rows, columns = near.shape
    _along_rows(near.view(np.uint8), x_mm, away)
    _across(away, y_mm)
    _across(away.reshape(1, planes, rows * columns), z_mm)
    np.sqrt(away, out=away)
    if away.shape == mask.shape:
        return away
    out = np.full(mask.shape, np.inf, dtype=np.float32)
    out[box] = away
    return out


def _reached(mask: Bools, spacing_mm: tuple[float, float, float], reach_mm: float) -> tuple[slice, slice, slice] | None:
    """Give the box of a mask grown by a reach, clipped to the grid; None for an empty mask."""
    spans = []
    for axis, step in enumerate(spacing_mm):
        found = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        if found.size == 0:
            return None
        # one voxel more than the reach: single precision may round a distance to it
        most = mask.shape[axis]
        margin = most if np.isinf(reach_mm) else min(most, int(reach_mm / step) + 1)
        spans.append(slice(max(0, int(found[0]) - margin), min(most, int(found[-1]) + 1 + margin)))
    return spans[0], spans[1], spans[2]


@numba.njit(cache=True, nogil=True)  # type: ignore[misc, unused-ignore]
def _lower_envelope(
    line: Floats, step2: np.float32, seeds: npt.NDArray[np.int32], starts: npt.NDArray[np.float64]
) -> None:
    """Replace each value of a line by the least of all parabolas that stand on the line's values."""
    length, last = len(line), -1
    heights = np.empty(length, dtype=np.float64)
    for seed in range(length):
        if line[seed] == np.inf:
            continue
        start = -np.inf
        while last >= 0:
            other = seeds[last]
            rise = np.float64(line[seed]) - heights[last]
            start = rise / (2.0 * step2 * (seed - other)) + 0.5 * (seed + other)
            if start > starts[last]:
                break
            last -= 1
            start = -np.inf
        last += 1
        seeds[last], starts[last], heights[last] = seed, start, line[seed]
    if last < 0:
        return
    now = 0
    for place in range(length):
        while now < last and starts[now + 1] < place:
            now += 1
        steps = np.float32(place - seeds[now])
        # rounded once: as a fused multiplication and addition gives it
        line[place] = np.float64(step2) * np.float64(steps * steps) + heights[now]


@one_at_a_time
@numba.njit(  # type: ignore[misc, unused-ignore]
    (_READ, numba.float32, numba.float32[:, :, ::1]), cache=True, nogil=True, parallel=True
)
def _along_rows(mask: npt.NDArray[np.uint8], step_mm: np.float32, out: Floats) -> None:
    """Write the squared distance of every voxel from the mask's voxels of its own row."""
    planes, rows, columns = mask.shape
    for line in numba.prange(planes * rows):
        plane, row = line // rows, line % rows
        away = np.float32(np.inf)
        for column in range(columns):
            away = np.float32(0.0) if mask[plane, row, column] else away + step_mm
            out[plane, row, column] = away
        away = np.float32(np.inf)
        for column in range(columns - 1, -1, -1):
            away = np.float32(0.0) if mask[plane, row, column] else away + step_mm
            nearest = min(away, out[plane, row, column])
            out[plane, row, column] = nearest * nearest


@one_at_a_time
@numba.njit("(float32[:, :, ::1], float32)", cache=True, nogil=True, parallel=True)  # type: ignore[misc, unused-ignore]
def _across(squared: Floats, step_mm: np.float32) -> None:
    """Take squared distances along the middle axis into those that are there, shape (outer, line, neighbour)."""
    outer, length, neighbours = squared.shape
    step2 = step_mm * step_mm
    blocks = (neighbours + _LINES - 1) // _LINES
    for job in numba.prange(outer * blocks):
        place, first = job // blocks, (job % blocks) * _LINES
        count = min(_LINES, neighbours - first)
        lines = np.empty((count, length), dtype=np.float32)
        is_near = False
        for step in range(length):
            for line in range(count):
                value = squared[place, step, first + line]
                is_near |= value != np.inf
                lines[line, step] = value
        if not is_near:
            continue
        seeds = np.empty(length, dtype=np.int32)
        starts = np.empty(length, dtype=np.float64)
        for line in range(count):
            _lower_envelope(lines[line], step2, seeds, starts)
        for step in range(length):
            for line in range(count):
                squared[place, step, first + line] = lines[line, step]
