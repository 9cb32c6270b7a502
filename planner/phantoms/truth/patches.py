"""Where the wall of a gap is open or thin: patches of it on a fine lattice."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.geometry.frames import PointsLps, PointTuple
from planner.geometry.grid import Grid
from planner.phantoms.solids.basic import Solid
from planner.phantoms.solids.raster import grid_over, rasterise

_SPACING_MM = 0.3
_LEAST_AREA_MM2 = 1.5
"""Smaller patches are corners of the lattice, not holes that a reader could see. Set on the sample phantoms."""
_EVERY_NEIGHBOUR = np.ones((3, 3, 3), dtype=bool)


@dataclass(frozen=True)
class Patch:
    """A patch of a gap's wall.

    Parameters
    ----------
    points_lps : PointsLps, shape (N, 3)
        Lattice points of the gap on the patch.
    outside_lps : PointsLps, shape (M, 3)
        For each, the nearest point outside of the bone.
    centre_lps : tuple of float
        The point of the patch that lies nearest to the middle of all of them.
    is_open : bool
        Whether the gap touches what is outside over a patch of its own.
    barrier_mm : float
        Least thickness of bone; 0 where it is open. Good to half the lattice's spacing.
    area_mm2 : float
        Rough area: lattice points times the area of one.
    """

    points_lps: PointsLps
    outside_lps: PointsLps
    centre_lps: PointTuple
    is_open: bool
    barrier_mm: float
    area_mm2: float


def find_patches(gap: Solid, env: Solid, metal: Solid, *, thin_mm: float) -> tuple[Patch, ...]:
    """Find where a gap touches, or nearly touches, what is outside of the bone.

    Parameters
    ----------
    gap : Solid
        The lucent space, without metal.
    env : Solid
        The bone with its gaps filled.
    metal : Solid
        The implants: metal that fills a hole is no way out.
    thin_mm : float
        A wall thinner than this counts as thin.

    Returns
    -------
    tuple of Patch
        Open patches first, then thin ones; larger ones first. A thin rim round an open patch belongs to it and is no
        patch of its own.
    """
    grid = grid_over(gap.bounds_lps, _SPACING_MM, margin_mm=thin_mm + 3 * _SPACING_MM)
    inside = rasterise(gap, grid)
    outside = ~rasterise(env, grid) & ~rasterise(metal, grid)
    if not outside.any():
        return ()
    far, nearest = ndimage.distance_transform_edt(~outside, sampling=_SPACING_MM, return_indices=True)
    # From centre to centre: neighbours with nothing between them lie one lattice step apart, corner to corner sqrt 3.
    touching = inside & (far <= _SPACING_MM * 1.75)
    thin = inside & (far - _SPACING_MM <= thin_mm)
    opened = _split(touching, grid)
    ways_out = np.zeros(grid.shape, dtype=bool)
    for voxels in opened:
        ways_out[voxels] = True
    rim = ndimage.binary_dilation(ways_out, _EVERY_NEIGHBOUR, iterations=-1, mask=thin)
    patches = [_patch(voxels, nearest, grid, is_open=True, barrier_mm=0.0) for voxels in opened]
    for voxels in _split(thin & ~rim, grid):
        barrier_mm = max(float(far[voxels].min()) - _SPACING_MM, 0.0)
        patches.append(_patch(voxels, nearest, grid, is_open=False, barrier_mm=barrier_mm))
    return tuple(patches)


def _split(mask: npt.NDArray[np.bool_], grid: Grid) -> list[tuple[npt.NDArray[np.intp], ...]]:
    labels, count = ndimage.label(mask, structure=_EVERY_NEIGHBOUR)
    pieces = [np.nonzero(labels == number) for number in range(1, count + 1)]
    least = _LEAST_AREA_MM2 / grid.spacing_mm[0] ** 2
    return sorted((p for p in pieces if len(p[0]) >= least), key=lambda p: -len(p[0]))


def _patch(
    voxels: tuple[npt.NDArray[np.intp], ...],
    nearest: npt.NDArray[np.int32],
    grid: Grid,
    *,
    is_open: bool,
    barrier_mm: float,
) -> Patch:
    points = grid.to_lps(np.stack(voxels, axis=-1))
    middle = points.mean(axis=0)
    x, y, z = (float(v) for v in points[int(np.argmin(np.linalg.norm(points - middle, axis=1)))])
    outside = grid.to_lps(np.stack([n[voxels] for n in nearest], axis=-1))
    return Patch(points, outside, (x, y, z), is_open, barrier_mm, len(points) * grid.spacing_mm[0] ** 2)
