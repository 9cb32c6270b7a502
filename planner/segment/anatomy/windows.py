"""Greatest and least values in boxes, and masks grown and shrunk by a voxel.

The same as `scipy.ndimage` gives with its default borders, but quicker, for whole rows are handled at once where scipy
goes voxel by voxel, and all axes while a slice is in the processor's cache: on 120 x 200 x 200 voxels 0.01 s for the
greatest of 27 in place of 0.11 s, and 0.002 s to grow a mask in place of 0.06 s.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from planner.segment.slabs import by_slabs
from planner.segment.upright import Bools

_Values = npt.NDArray[Any]


def greatest_round(values: _Values, size: int) -> _Values:
    """Give the greatest value in a box round each voxel; as `scipy.ndimage.maximum_filter`.

    Parameters
    ----------
    values : ndarray, shape (S, R, C)
        What is looked through.
    size : int
        The box's edge in voxels, odd.

    Returns
    -------
    ndarray, shape (S, R, C)
    """
    return _boxed(values, size, is_greatest=True)


def least_round(values: _Values, size: int) -> _Values:
    """Give the least value in a box round each voxel; as `scipy.ndimage.minimum_filter`, see `greatest_round`."""
    return _boxed(values, size, is_greatest=False)


def most_round(mask: Bools) -> Bools:
    """Say where most of a voxel and its 26 neighbours lie in a mask; at the grid's border it is mirrored.

    Parameters
    ----------
    mask : ndarray of bool, shape (S, R, C)
        What is looked through.

    Returns
    -------
    ndarray of bool, shape (S, R, C)
        As ``scipy.ndimage.uniform_filter(mask.astype(np.float32), 3) > 0.5``.
    """
    count = np.pad(mask, 1, mode="edge").view(np.uint8)
    for axis in range(3):
        parts = [count[(slice(None),) * axis + (slice(k, k + mask.shape[axis]),)] for k in range(3)]
        count = parts[0] + parts[1]
        count += parts[2]
    return np.asarray(count > 13)


def greatest_beside(values: _Values) -> _Values:
    """Give the greatest value of each voxel and its six neighbours.

    Parameters
    ----------
    values : ndarray, shape (S, R, C)
        What is looked through.

    Returns
    -------
    ndarray, shape (S, R, C)
    """
    out = np.empty(values.shape, dtype=values.dtype)
    by_slabs(_join_beside, out.shape, np.ascontiguousarray(values), out)
    return out


def grown(mask: Bools, *, by_edges: bool = False) -> Bools:
    """Grow a mask by a voxel; as `scipy.ndimage.binary_dilation`.

    Parameters
    ----------
    mask : ndarray of bool, shape (S, R, C)
        What is grown.
    by_edges : bool
        Whether voxels that share no more than an edge with it are taken too.

    Returns
    -------
    ndarray of bool, shape (S, R, C)
    """
    return _with_neighbours(np.logical_or, mask, _FACES_AND_EDGES if by_edges else _FACES)


def shrunk(mask: Bools, *, by_edges: bool = False, goes_on: bool = False) -> Bools:
    """Shrink a mask by a voxel; as `scipy.ndimage.binary_erosion`.

    Parameters
    ----------
    mask : ndarray of bool, shape (S, R, C)
        What is shrunk.
    by_edges : bool
        Whether voxels that lie in the open by no more than an edge go too.
    goes_on : bool
        Whether the mask is taken to go on beyond the grid; else it ends there.

    Returns
    -------
    ndarray of bool, shape (S, R, C)
    """
    steps = _FACES_AND_EDGES if by_edges else _FACES
    if goes_on:
        return _with_neighbours(np.logical_and, mask, steps)
    inner = _with_neighbours(np.logical_and, mask, steps)
    for axis in range(3):
        for end in (0, -1):
            inner[(slice(None),) * axis + (end,)] = False
    return inner


_FACES = tuple((a, b, c) for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1) if abs(a) + abs(b) + abs(c) == 1)
_FACES_AND_EDGES = tuple(
    (a, b, c) for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1) if abs(a) + abs(b) + abs(c) in (1, 2)
)


def _with_neighbours(join: Callable[..., _Values], values: _Values, steps: tuple[tuple[int, ...], ...]) -> _Values:
    """Join each voxel's value with its neighbours'; what lies beyond the grid has no say."""
    out = values.copy()
    for step in steps:
        here = tuple(slice(max(0, -s), n - max(0, s)) for s, n in zip(step, values.shape, strict=True))
        there = tuple(slice(max(0, s), n - max(0, -s)) for s, n in zip(step, values.shape, strict=True))
        join(out[here], values[there], out=out[here])
    return out


def _boxed(values: _Values, size: int, *, is_greatest: bool) -> _Values:
    out = np.empty(values.shape, dtype=values.dtype)
    by_slabs(_join_boxes, out.shape, np.ascontiguousarray(values), size // 2, is_greatest, out)
    return out


@njit(cache=True, nogil=True)
def _join_boxes(first: int, stop: int, values: _Values, reach: int, is_greatest: bool, out: _Values) -> None:  # noqa: FBT001
    """Join each value with those up to `reach` off along each axis; beyond the grid nothing has a say."""
    slices, rows, columns = values.shape
    across = np.empty_like(values[0])
    row = np.empty_like(values[0, 0])
    for z in range(first, stop):
        for y in range(rows):
            across[y] = values[z, y]
            for k in range(max(0, z - reach), min(slices, z + reach + 1)):
                _join(across[y], values[k, y], is_greatest)
        for y in range(rows):
            row[:] = across[y]
            for k in range(max(0, y - reach), min(rows, y + reach + 1)):
                _join(row, across[k], is_greatest)
            out[z, y] = row
            for k in range(1, min(reach, columns - 1) + 1):
                _join(out[z, y, k:], row[: columns - k], is_greatest)
                _join(out[z, y, : columns - k], row[k:], is_greatest)


@njit(cache=True, nogil=True)
def _join_beside(first: int, stop: int, values: _Values, out: _Values) -> None:
    """Take the greatest of each value and its six neighbours."""
    slices, rows, columns = values.shape
    for z in range(first, stop):
        for y in range(rows):
            to, own = out[z, y], values[z, y]
            to[:] = own
            for k in (z - 1, z + 1):
                if 0 <= k < slices:
                    _join(to, values[k, y], True)  # noqa: FBT003
            for k in (y - 1, y + 1):
                if 0 <= k < rows:
                    _join(to, values[z, k], True)  # noqa: FBT003
            _join(to[1:], own[: columns - 1], True)  # noqa: FBT003
            _join(to[: columns - 1], own[1:], True)  # noqa: FBT003


@njit(cache=True, nogil=True)
def _join(to: _Values, more: _Values, is_greatest: bool) -> None:  # noqa: FBT001
    """Keep the greater, or the lesser, of two rows' values; what is no number stays none, as with numpy."""
    if is_greatest:
        for x in range(len(to)):
            to[x] = more[x] if more[x] > to[x] or more[x] != more[x] else to[x]
    else:
        for x in range(len(to)):
            to[x] = more[x] if more[x] < to[x] or more[x] != more[x] else to[x]
