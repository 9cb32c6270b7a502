"""The surface of a gap where it does not touch metal: points, normals and areas, finer than the voxels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.measure import marching_cubes

from planner.geometry.frames import Array, unit
from planner.geometry.grid import Grid

Bools = npt.NDArray[np.bool_]
_SMOOTH_VOXELS = 0.7
"""Steps between voxels are smoothed away over so much before the surface is laid; a flat wall stays where it is."""
_NORMAL_VOXELS = 1.0
"""So much more for the normals."""
_LEAST_SLOPE = 1e-4
"""Where the mask is flat there is no normal: between two sheets a voxel thick."""
_INWARDS_VOXELS = 0.5
"""What lies so far below the surface says whether it is a gap's or the metal's."""


@dataclass(frozen=True, slots=True, eq=False)
class GapSurface:
    """Points spread over a gap's wall.

    Parameters
    ----------
    points_lps, outward_lps : ndarray, shape (N, 3)
        Middles of small triangles, and unit normals out of the gap.
    area_mm2 : ndarray, shape (N,)
        Of the wall that each point stands for.
    """

    points_lps: Array
    outward_lps: Array
    area_mm2: Array

    def __len__(self) -> int:
        """Count the points."""
        return len(self.area_mm2)


def gap_surface(space: Bools, metal: Bools, grid: Grid) -> GapSurface:
    """Lay a surface round a gap.

    Parameters
    ----------
    space, metal : ndarray of bool, shape ``grid.shape``
        The gap, and all metal; nothing of the gap lies at the grid's border.
    grid : Grid
        Their grid.

    Returns
    -------
    GapSurface
        Where the gap touches metal there is no wall. Empty for an empty gap.

    Notes
    -----
    Marching cubes (Lewiner 2003) at half the height of the smoothed mask of gap and metal together: a gap that is one
    voxel wide beside metal keeps its wall.
    """
    nothing = np.zeros((0, 3))
    if not space.any():
        return GapSurface(nothing, nothing, np.zeros(0))
    solid = ndimage.gaussian_filter((space | metal).astype(np.float32), _SMOOTH_VOXELS)
    near = ndimage.binary_dilation(space, np.ones((3, 3, 3), bool), iterations=2)
    if not float(solid[near].min()) < 0.5 < float(solid[near].max()):
        return GapSurface(nothing, nothing, np.zeros(0))
    corners, faces, _, _ = marching_cubes(solid, 0.5, mask=near, allow_degenerate=False)  # type: ignore[no-untyped-call, unused-ignore]
    at = corners[faces].astype(np.float64)
    middle = np.asarray(grid.to_lps(at.mean(axis=1)))
    sides = np.asarray(grid.to_lps(at))
    across = np.cross(sides[:, 1] - sides[:, 0], sides[:, 2] - sides[:, 0])
    length = np.linalg.norm(across, axis=1)
    kept = length > 1e-9
    middle, length = middle[kept], length[kept]
    slope = _slope(ndimage.gaussian_filter(solid, _NORMAL_VOXELS), grid, middle)
    steep = np.linalg.norm(slope, axis=1) > _LEAST_SLOPE
    middle, length, outward = middle[steep], length[steep], unit(-slope[steep])
    inwards = _INWARDS_VOXELS * float(np.mean(grid.spacing_mm))
    below = middle - inwards * outward
    gaps_own = _read(space.astype(np.float32), grid, below) > _read(metal.astype(np.float32), grid, below)
    return GapSurface(middle[gaps_own], outward[gaps_own], 0.5 * length[gaps_own])


def _slope(solid: npt.NDArray[np.float32], grid: Grid, points_lps: Array) -> Array:
    """Give how a smoothed mask rises, per step; triangles of the mask itself stand askew at the steps of its voxels."""
    step = 0.5 * min(grid.spacing_mm)
    slope = [_read(solid, grid, points_lps + d) - _read(solid, grid, points_lps - d) for d in step * np.eye(3)]
    return np.stack(slope, axis=1)


def _read(field: npt.NDArray[np.float32], grid: Grid, points_lps: Array) -> Array:
    index = np.moveaxis(np.asarray(grid.to_index(points_lps)), -1, 0)
    return np.asarray(ndimage.map_coordinates(field, index, order=1, mode="nearest"), dtype=np.float64)
