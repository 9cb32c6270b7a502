"""Regions that an operator drew, as voxels and points."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from planner.config.wishes_config import BallRegion, BoxRegion
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.geometry.regions import block_between, in_ball, in_box, voxel_centres


def voxels_in(regions: Sequence[BallRegion | BoxRegion], grid: Grid) -> npt.NDArray[np.bool_]:
    """Give the voxels whose centres lie in any of some regions.

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
    for region in regions:
        if isinstance(region, BallRegion):
            centre = np.asarray(region.centre_lps)
            low, high = centre - region.radius_mm, centre + region.radius_mm
        else:
            low, high = np.asarray(region.low_lps), np.asarray(region.high_lps)
        block = block_between(grid, low, high)
        out[block] |= points_in((region,), voxel_centres(grid, block))
    return out


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
