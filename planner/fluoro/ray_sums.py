"""What rays sum up on their way through voxels: the compiled part of the projector.

Joseph's method (IEEE TMI 1982): along the axis that a ray crosses most planes of, the volume is sampled once a plane,
bilinearly within it. All is done in index coordinates, so that permuted, flipped, oblique and sheared grids need
nothing of their own; only the step's length is taken in the patient.

Positions in a plane are whole numbers with 24 binary places: twice as quick as floating point, and off by less than a
thousandth of a voxel after 500 planes.

All that calls each other stays in this one file: numba compiles anew only what is in a file that changed.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.geometry.one_at_a_time import one_at_a_time

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Floats = npt.NDArray[np.float32]

_PLACES = 24
_ONE = np.int64(1) << _PLACES
_TINY = np.float32(1.0 / (1 << _PLACES))


def _compiled(*, parallel: bool = False) -> Callable[[_Function], _Function]:
    """Compile with numba, and keep the result on disk; typed, which numba's own decorator is not.

    Without ``fastmath``: with it sums are put in another order when the compiled loop comes from the disk than in the
    process that compiled it, and a first plan differs from all later ones in its last digits. It saved 5 % at most.
    """
    return cast("Callable[[_Function], _Function]", numba.njit(cache=True, nogil=True, parallel=parallel))


@_compiled()
def _span(shape: npt.NDArray[np.int64], source: Array, run: Array) -> tuple[float, float]:
    """Give the shares of a ray, 0 at the source and 1 at its end, between which it is inside the voxels."""
    enter, leave = 0.0, 1.0
    for axis in range(3):
        low, high = -0.5 - source[axis], shape[axis] - 0.5 - source[axis]
        if abs(run[axis]) < 1e-12:
            if low > 0.0 or high < 0.0:
                return 1.0, 0.0
            continue
        near, far = low / run[axis], high / run[axis]
        enter = max(enter, min(near, far))
        leave = min(leave, max(near, far))
    return enter, leave


@_compiled()
def _main_axis(run: Array) -> int:
    axis = 0
    if abs(run[1]) > abs(run[axis]):
        axis = 1
    if abs(run[2]) > abs(run[axis]):
        axis = 2
    return axis


@_compiled()
def _stride(shape: npt.NDArray[np.int64], axis: int) -> np.int64:
    return shape[1] * shape[2] if axis == 0 else (shape[2] if axis == 1 else np.int64(1))


@_compiled()
def _step_mm(edges_lps: Array, run: Array, axis: int) -> float:
    """Give the length of a ray from one plane to the next."""
    total = 0.0
    for row in range(3):
        along = edges_lps[row, 0] * run[0] + edges_lps[row, 1] * run[1] + edges_lps[row, 2] * run[2]
        total += along * along
    return float(np.sqrt(total) / abs(run[axis]))


@_compiled()
def _course(
    shape: npt.NDArray[np.int64], source: Array, run: Array
) -> tuple[int, int, int, int, int, float, float, int, int, int, int]:
    """Lay a ray through the planes of its main axis.

    Returns the axis and the two across it; the first and the last plane, and how much of the half voxel on either side
    of them counts (a plane stands for it); position in the first plane and step to the next, across the axis, in
    whole numbers with binary places. The last plane is -1 where the ray misses the voxels.
    """
    a = _main_axis(run)
    b, c = (a + 1) % 3, (a + 2) % 3
    enter, leave = _span(shape, source, run)
    if leave <= enter:
        return a, b, c, 0, -1, 0.0, 0.0, 0, 0, 0, 0
    one, other = source[a] + enter * run[a], source[a] + leave * run[a]
    low, high = min(one, other), max(one, other)
    first, last = max(int(np.floor(low + 0.5)), 0), min(int(np.floor(high + 0.5)), shape[a] - 1)
    first_share = min(high, first + 0.5) - max(low, first - 0.5)
    last_share = min(high, last + 0.5) - max(low, last - 0.5)
    slope_b, slope_c = run[b] / run[a], run[c] / run[a]
    at_b = int((source[b] + (first - source[a]) * slope_b) * _ONE)
    at_c = int((source[c] + (first - source[a]) * slope_c) * _ONE)
    return a, b, c, first, last, first_share, last_share, at_b, at_c, int(slope_b * _ONE), int(slope_c * _ONE)


@one_at_a_time
@_compiled(parallel=True)
def cast_tissue(
    codes: npt.NDArray[np.uint16],
    shape: npt.NDArray[np.int64],
    knees: _Floats,
    shares: _Floats,
    source: Array,
    ends: Array,
    edges_lps: Array,
    start: int,
    stop_before: int,
    lengths: _Floats,
) -> None:
    """Sum up water and bone along some of the rays.

    Parameters
    ----------
    codes : ndarray of uint16, shape (voxels,)
        Tissue as `planner.fluoro.projectable` codes it, in C order.
    shape : ndarray of int64, shape (3,)
        The voxels' shape.
    knees : ndarray of float32, shape (2,)
        Codes at which the shares change.
    shares : ndarray of float32, shape (2, 3)
        Of water and of bone: what a code counts for, and what more above each knee.
    source : ndarray, shape (3,)
        Where all rays begin, in indices.
    ends : ndarray, shape (rays, 3)
        Where each ends, in indices.
    edges_lps : ndarray, shape (3, 3)
        A voxel's edges as columns, LPS mm.
    start, stop_before : int
        Which rays.
    lengths : ndarray of float32, shape (2, rays)
        Takes the lengths in water and in bone, mm.
    """
    for ray in numba.prange(start, stop_before):
        run = ends[ray] - source
        a, b, c, first, last, first_share, last_share, at_b, at_c, step_b, step_c = _course(shape, source, run)
        plane, over_b, over_c = _stride(shape, a), _stride(shape, b), _stride(shape, c)
        top_b, top_c = (shape[b] - 1) * _ONE, (shape[c] - 1) * _ONE
        plain = over = far_over = np.float32(0.0)
        number = first
        while number <= last:
            # The first and the last plane stand for less than the others, and have a turn of their own.
            share = first_share if number == first else (last_share if number == last else 1.0)
            stop = last if first < number < last else number + 1
            here = here_over = here_far = np.float32(0.0)
            for index in range(number, stop):
                # Past the outermost voxels' centres their own values hold; there the neighbour has no weight.
                in_b = min(max(at_b, 0), max(top_b - 1, 0))
                in_c = min(max(at_c, 0), max(top_c - 1, 0))
                # Unsigned: numba would otherwise look at each index for Python's counting from the end.
                corner = np.uint64(index * plane + (in_b >> _PLACES) * over_b + (in_c >> _PLACES) * over_c)
                next_b = np.uint64(over_b if top_b > 0 else 0)
                next_c = np.uint64(over_c if top_c > 0 else 0)
                up_b = np.float32(np.int32(in_b & (_ONE - 1))) * _TINY
                up_c = np.float32(np.int32(in_c & (_ONE - 1))) * _TINY
                c00, c10 = np.int32(codes[corner]), np.int32(codes[corner + next_b])
                c01, c11 = np.int32(codes[corner + next_c]), np.int32(codes[corner + next_b + next_c])
                low = np.float32(c00) + up_c * np.float32(c01 - c00)
                high = np.float32(c10) + up_c * np.float32(c11 - c10)
                code = low + up_b * (high - low)
                here += code
                here_over += max(code - knees[0], np.float32(0.0))
                here_far += max(code - knees[1], np.float32(0.0))
                at_b += step_b
                at_c += step_c
            plain += np.float32(share) * here
            over += np.float32(share) * here_over
            far_over += np.float32(share) * here_far
            number = stop
        step = np.float32(_step_mm(edges_lps, run, a))
        for kind in range(2):
            amount = shares[kind, 0] * plain + shares[kind, 1] * over + shares[kind, 2] * far_over
            lengths[kind, ray] = amount * step


@_compiled()
def _cast_marked(
    codes: npt.NDArray[np.uint8],
    shape: npt.NDArray[np.int64],
    source: Array,
    ends: Array,
    edges_lps: Array,
    lengths: _Floats,
    ray: int,
) -> None:
    """Sum the lengths in each kind of marked voxel along one of the rays: its column of (kinds, rays), mm."""
    run = ends[ray] - source
    a, b, c, first, last, first_share, last_share, at_b, at_c, step_b, step_c = _course(shape, source, run)
    plane, over_b, over_c = _stride(shape, a), _stride(shape, b), _stride(shape, c)
    top_b, top_c = (shape[b] - 1) * _ONE, (shape[c] - 1) * _ONE
    next_b, next_c = np.uint64(over_b if top_b > 0 else 0), np.uint64(over_c if top_c > 0 else 0)
    step = np.float32(_step_mm(edges_lps, run, a))
    for index in range(first, last + 1):
        in_b, in_c = min(max(at_b, 0), max(top_b - 1, 0)), min(max(at_c, 0), max(top_c - 1, 0))
        corner = np.uint64(index * plane + (in_b >> _PLACES) * over_b + (in_c >> _PLACES) * over_c)
        c00, c10, c01, c11 = (
            codes[corner],
            codes[corner + next_b],
            codes[corner + next_c],
            codes[corner + next_b + next_c],
        )
        if c00 | c10 | c01 | c11:
            share = first_share if index == first else (last_share if index == last else 1.0)
            up_b = np.float32(np.int32(in_b & (_ONE - 1))) * _TINY
            up_c = np.float32(np.int32(in_c & (_ONE - 1))) * _TINY
            weight = np.float32(share) * step
            both = up_b * up_c
            if c00:
                lengths[c00 - 1, ray] += weight * (np.float32(1.0) - up_b - up_c + both)
            if c10:
                lengths[c10 - 1, ray] += weight * (up_b - both)
            if c01:
                lengths[c01 - 1, ray] += weight * (up_c - both)
            if c11:
                lengths[c11 - 1, ray] += weight * both
        at_b += step_b
        at_c += step_c


@_compiled()
def cast_few(
    codes: npt.NDArray[np.uint8],
    shape: npt.NDArray[np.int64],
    source: Array,
    ends: Array,
    edges_lps: Array,
    lengths: _Floats,
) -> None:
    """Sum up the lengths in each kind of marked voxel along rays, in one thread.

    Parameters
    ----------
    codes : ndarray of uint8, shape (voxels,)
        0 for what is not marked, else the kind, in C order.
    shape : ndarray of int64, shape (3,)
        The voxels' shape.
    source : ndarray, shape (3,)
        Where all rays begin, in indices.
    ends : ndarray, shape (rays, 3)
        Where each ends, in indices.
    edges_lps : ndarray, shape (3, 3)
        A voxel's edges as columns, LPS mm.
    lengths : ndarray of float32, shape (kinds, rays)
        The lengths are added to it, mm.

    Notes
    -----
    Written out beside `cast_many`: numba's cache knows functions by name, not by whether they run in parallel.
    """
    for ray in range(len(ends)):
        _cast_marked(codes, shape, source, ends, edges_lps, lengths, ray)


@one_at_a_time
@_compiled(parallel=True)
def cast_many(
    codes: npt.NDArray[np.uint8],
    shape: npt.NDArray[np.int64],
    source: Array,
    ends: Array,
    edges_lps: Array,
    lengths: _Floats,
) -> None:
    """Do what `cast_few` does in all threads, with the same parameters.

    Parameters
    ----------
    codes, shape, source, ends, edges_lps, lengths : ndarray
        As there.
    """
    for ray in numba.prange(len(ends)):
        _cast_marked(codes, shape, source, ends, edges_lps, lengths, ray)
