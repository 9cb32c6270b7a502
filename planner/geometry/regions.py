"""Balls and boxes in the patient: which points and which voxels lie in them."""

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.geometry.grid import Grid


def in_ball(points_lps: npt.ArrayLike, centre_lps: npt.ArrayLike, radius_mm: float) -> npt.NDArray[np.bool_]:
    """Say which points lie in a ball.

    Parameters
    ----------
    points_lps : array_like, shape (..., 3)
        Positions, LPS mm.
    centre_lps : array_like, shape (3,)
        Its middle, LPS mm.
    radius_mm : float
        Its radius; the surface belongs to it.

    Returns
    -------
    ndarray of bool, shape (...)
    """
    apart = np.asarray(points_lps, dtype=np.float64) - np.asarray(centre_lps, dtype=np.float64)
    return np.asarray(np.linalg.norm(apart, axis=-1) <= radius_mm)


def in_box(points_lps: npt.ArrayLike, low_lps: npt.ArrayLike, high_lps: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Say which points lie between two corners.

    Parameters
    ----------
    points_lps : array_like, shape (..., 3)
        Positions, LPS mm.
    low_lps, high_lps : array_like, shape (3,)
        The corners, LPS mm; the faces belong to the box.

    Returns
    -------
    ndarray of bool, shape (...)
    """
    points = np.asarray(points_lps, dtype=np.float64)
    return np.asarray(np.all((points >= np.asarray(low_lps)) & (points <= np.asarray(high_lps)), axis=-1))


def block_between(grid: Grid, low_lps: npt.ArrayLike, high_lps: npt.ArrayLike) -> tuple[slice, slice, slice]:
    """Give the block of voxels that holds a box along the patient's axes.

    Parameters
    ----------
    grid : Grid
        Where the voxels are; turned as it may be.
    low_lps, high_lps : array_like, shape (3,)
        The box's corners, LPS mm.

    Returns
    -------
    tuple of slice
        Along (slice, row, column); empty where the box lies outside of the grid.
    """
    ends = np.stack([np.asarray(low_lps, dtype=np.float64), np.asarray(high_lps, dtype=np.float64)])
    corners = np.array([[ends[i, 0], ends[j, 1], ends[k, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    index = np.asarray(grid.to_index(corners))
    start = np.clip(np.floor(index.min(axis=0)), 0, grid.shape).astype(int)
    stop = np.clip(np.ceil(index.max(axis=0)) + 1, 0, grid.shape).astype(int)
    first, second, third = (slice(int(a), max(int(a), int(b))) for a, b in zip(start, stop, strict=True))
    return first, second, third


def voxel_centres(grid: Grid, block: tuple[slice, slice, slice]) -> Array:
    """Give the centres of a block's voxels.

    Parameters
    ----------
    grid : Grid
        Where the voxels are.
    block : tuple of slice
        Along (slice, row, column), with start and stop.

    Returns
    -------
    ndarray, shape (Z, Y, X, 3)
        LPS mm.
    """
    index = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in block), indexing="ij"), axis=-1)
    return np.asarray(grid.to_lps(index.reshape(-1, 3))).reshape(*index.shape[:3], 3)
