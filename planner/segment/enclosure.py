"""How well a mask encloses each voxel: of rays in some directions, how many meet it.

Each ray asks its next voxel how far the mask is from there, so that a direction costs one pass however far its rays go;
whole rows are handled at once, all directions while their slices are in the processor's cache.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from numba import njit

from planner.segment.upright import Bools, shifted

Counts = npt.NDArray[np.uint8]
_Steps = npt.NDArray[np.int64]
_Left = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

_MOST_STEPS = 255
"""Rays of more steps are counted in two bytes."""
AXIAL_16: tuple[tuple[int, int, int], ...] = tuple(
    (0, r, c)
    for r in range(-2, 3)
    for c in range(-2, 3)
    if (abs(r), abs(c)) in {(0, 1), (1, 0), (1, 1), (1, 2), (2, 1)}
)
"""Ray directions in a slice, every 22.5 to 26.6 degrees."""


def enclosure(mask: Bools, steps: Iterable[tuple[int, int, int]], reach_voxels: float) -> Counts:
    """Count the rays from each voxel that meet a mask within a reach.

    Parameters
    ----------
    mask : ndarray of bool, shape (S, R, C)
        What encloses.
    steps : iterable of tuple of int
        Ray directions in voxels; a step longer than one voxel reads the mask grown by a voxel in its slice, so that it
        misses no thin wall.
    reach_voxels : float
        How far the rays go.

    Returns
    -------
    ndarray of uint8, shape (S, R, C)
        A ray begins at the next voxel; beyond the grid there is nothing to meet.
    """
    total = np.zeros(mask.shape, dtype=np.uint8)
    near = [step for step in steps if max(abs(s) for s in step) == 1]
    far = [step for step in steps if max(abs(s) for s in step) > 1]
    for chosen, wall in ((near, mask), (far, _grown_in_slice(mask) if far else mask)):
        ways = np.array(chosen, dtype=np.int64).reshape(-1, 3)
        lengths = np.array([max(1, round(reach_voxels / float(np.linalg.norm(step)))) for step in chosen], np.int64)
        packed = np.ascontiguousarray(wall).view(np.uint8)
        # a ray that goes up asks the slice above, which must have been done before
        for upwards in (False, True):
            some = ways[:, 0] > 0 if upwards else ways[:, 0] <= 0
            if some.any():
                depth = int(np.abs(ways[some, 0]).max()) + 1
                dtype = np.uint8 if lengths.max() <= _MOST_STEPS else np.uint16
                # how many steps of a ray are left where it meets the wall; 0 where it meets none
                left = np.zeros((np.count_nonzero(some), depth, *mask.shape[1:]), dtype=dtype)
                _count(packed, ways[some], lengths[some], upwards, left, total)
    return total


def _grown_in_slice(mask: Bools) -> Bools:
    """Grow a mask by a voxel along rows and columns."""
    return (
        mask
        | shifted(mask, (0, 1, 0))
        | shifted(mask, (0, -1, 0))
        | shifted(mask, (0, 0, 1))
        | shifted(mask, (0, 0, -1))
    )


@njit(cache=True, nogil=True)
def _count(
    wall: Counts,
    steps: _Steps,
    lengths: _Steps,
    upwards: bool,  # noqa: FBT001
    left: _Left,
    total: Counts,
) -> None:
    """Add the rays that meet a wall; all of them go up, or none does."""
    slices, rows, columns = wall.shape
    depth = left.shape[1]
    nothing = np.zeros(columns, dtype=left.dtype)
    # most rows lie far from the wall: from these no ray meets it, and none has a step left
    has_wall = np.empty(rows, dtype=np.bool_)
    is_met = np.zeros((len(steps), depth, rows), dtype=np.bool_)
    for k in range(slices):
        z = slices - 1 - k if upwards else k
        for y in range(rows):
            has_wall[y] = _any(wall[z, y])
        for n in range(len(steps)):
            next_z = z + steps[n, 0]
            for j in range(rows):
                y = rows - 1 - j if steps[n, 1] > 0 else j
                next_y = y + steps[n, 1]
                beyond = next_z < 0 or next_z >= slices or next_y < 0 or next_y >= rows
                own = left[n, z % depth, y]
                asked = not beyond and (steps[n, 0] != 0 or steps[n, 1] != 0) and is_met[n, next_z % depth, next_y]
                if not has_wall[y] and not asked:
                    if is_met[n, z % depth, y]:
                        own[:] = 0
                        is_met[n, z % depth, y] = False
                    continue
                is_met[n, z % depth, y] = True
                there = nothing if beyond else left[n, next_z % depth, next_y]
                if steps[n, 0] == 0 and steps[n, 1] == 0:
                    _along_row(wall[z, y], own, steps[n, 2], lengths[n], total[z, y])
                else:
                    _from_row(wall[z, y], there, own, steps[n, 2], lengths[n], total[z, y])
                    is_met[n, z % depth, y] = _any(own)


@njit(cache=True, nogil=True)
def _from_row(wall: Counts, there: _Left, own: _Left, step: int, length: int, total: Counts) -> None:
    """Ask another row, so many columns aside."""
    count = len(wall)
    first, stop = min(count, max(0, -step)), max(0, count - max(0, step))
    for x in range(first):
        own[x] = length * (wall[x] != 0)
    for x in range(max(first, stop), count):
        own[x] = length * (wall[x] != 0)
    if stop <= first:
        return
    asked, here, to, add = there[first + step : stop + step], wall[first:stop], own[first:stop], total[first:stop]
    for x in range(len(asked)):
        add[x] += asked[x] != 0
    for x in range(len(asked)):
        to[x] = length if here[x] != 0 else asked[x] - (asked[x] != 0)


@njit(cache=True, nogil=True)
def _along_row(wall: Counts, own: _Left, step: int, length: int, total: Counts) -> None:
    """Ask the row itself, one voxel after the other."""
    count = len(wall)
    for k in range(count):
        x = count - 1 - k if step > 0 else k
        rest = 0
        if 0 <= x + step < count:
            rest = int(own[x + step])
        if rest > 0:
            total[x] += 1
            rest -= 1
        own[x] = length if wall[x] else rest


@njit(cache=True, nogil=True)
def _any(row: _Left) -> bool:
    """Say whether a value of a row is set."""
    seen = 0
    for x in range(len(row)):
        seen |= row[x]
    return seen != 0
