"""Regions that an operator drew, as voxels and points."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from planner.config.wishes_config import BallRegion, BoxRegion
from planner.geometry.frames import Array, point_tuple
from planner.geometry.grid import Grid
from planner.geometry.regions import block_between, in_ball, in_box, voxel_centres


def voxels_in(regions: Sequence[BallRegion | BoxRegion], grid: Grid) -> npt.NDArray[np.bool_]:
    """Give the voxels that any of some regions touches: a region smaller than a voxel is none the less there.

    Parameters
    ----------
    regions : sequence of BallRegion or BoxRegion
        The regions.
    grid : Grid
        Where the voxels are.

    Returns
    -------
    ndarray of bool, shape ``grid.shape``
    """
    out = np.zeros(grid.shape, bool)
    half = 0.5 * np.asarray(grid.spacing_mm).max()
    for region in regions:
        wider = _wider(region, half)
        block = block_between(grid, *_ends(wider))
        out[block] |= points_in((wider,), voxel_centres(grid, block))
    return out


def _wider(region: BallRegion | BoxRegion, by_mm: float) -> BallRegion | BoxRegion:
    if isinstance(region, BallRegion):
        return region.model_copy(update={"radius_mm": region.radius_mm + by_mm})
    low, high = np.asarray(region.low_lps) - by_mm, np.asarray(region.high_lps) + by_mm
    return region.model_copy(update={"low_lps": point_tuple(low), "high_lps": point_tuple(high)})


def _ends(region: BallRegion | BoxRegion) -> tuple[Array, Array]:
    if isinstance(region, BallRegion):
        centre = np.asarray(region.centre_lps)
        return centre - region.radius_mm, centre + region.radius_mm
    return np.asarray(region.low_lps), np.asarray(region.high_lps)


def points_in(regions: Sequence[BallRegion | BoxRegion], points_lps: Array) -> npt.NDArray[np.bool_]:
    """Say which points lie in any of some regions.

    Parameters
    ----------
    regions : sequence of BallRegion or BoxRegion
        The regions.
    points_lps : ndarray, shape (..., 3)
        Positions, LPS mm.

    Returns
    -------
    ndarray of bool, shape (...)
    """
    out = np.zeros(np.shape(points_lps)[:-1], bool)
    for region in regions:
        if isinstance(region, BallRegion):
            out |= in_ball(points_lps, region.centre_lps, region.radius_mm)
        else:
            out |= in_box(points_lps, region.low_lps, region.high_lps)
    return out
