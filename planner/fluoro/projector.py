"""Cone-beam projection of a CT: how much of each material every ray passes.

Tissue is looked up by HU and split into water and bone after the look-up; metal and cement are few, and are summed
apart in the box that holds them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.config.fluoro_config import ImplantMaterial
from planner.fluoro.beam import METALS, Material
from planner.fluoro.carm import pixel_lps, pose
from planner.fluoro.projectable import MARKED, Marked, Projectable, marked_box
from planner.fluoro.ray_sums import cast_few, cast_many, cast_tissue
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.carm import CArm
from planner.model.volume import Mask
from planner.progress import SILENT, Monitor, Progress, check_cancelled

_Floats = npt.NDArray[np.float32]

_FEW_RAYS = 1 << 13
"""Up to so many rays through what is marked one thread casts them: waking others takes longer, the more so where they
have other work. Ours."""
_BLOCK_RAYS = 1 << 16
"""Rays between two looks at whether the user has stopped the work."""


@dataclass(frozen=True, slots=True, eq=False)
class Shadows:
    """How much of each material every ray passes.

    Parameters
    ----------
    water_mm, bone_mm : ndarray of float32, shape (rows, columns)
        Lengths, mm: soft tissue as so much water, bone as so much whole cortical bone.
    metals_mm : dict of str to ndarray of float32, shape (rows, columns)
        Length in each metal, mm.
    cement_mm : ndarray of float32, shape (rows, columns)
        Length in cement, mm.
    """

    water_mm: _Floats
    bone_mm: _Floats
    metals_mm: dict[ImplantMaterial, _Floats]
    cement_mm: _Floats

    @property
    def metal_mm(self) -> _Floats:
        """Length in metal of any kind, mm."""
        return np.asarray(sum(self.metals_mm.values(), np.zeros_like(self.cement_mm)))

    @property
    def by_material(self) -> dict[Material, _Floats]:
        """The lengths by material."""
        tissue: dict[Material, _Floats] = {"water": self.water_mm, "bone": self.bone_mm, "cement": self.cement_mm}
        return tissue | {metal: self.metals_mm[metal] for metal in METALS}


def project_volume(projectable: Projectable, carm: CArm, *, monitor: Monitor = SILENT) -> Shadows:
    """Cast a CT's shadow.

    Parameters
    ----------
    projectable : Projectable
        The CT, made ready.
    carm : CArm
        The C-arm.
    monitor : Monitor
        Who is following the work.

    Returns
    -------
    Shadows

    Raises
    ------
    CancelledError
        If the user stops the work.
    GeometryError
        If the C-arm's distances cannot be.
    """
    rays = _Rays.of_detector(carm, projectable.grid)
    flat = projectable.codes.reshape(-1)
    tissue = np.zeros((2, rays.count), dtype=np.float32)
    knees = np.array(projectable.tissue.knees, dtype=np.float32)
    shares = np.array([projectable.tissue.water, projectable.tissue.bone], dtype=np.float32)
    for start in range(0, rays.count, _BLOCK_RAYS):
        check_cancelled(monitor)
        stop = min(start + _BLOCK_RAYS, rays.count)
        cast_tissue(
            flat, rays.shape, knees, shares, rays.source_idx, rays.ends_idx, rays.edges_lps, start, stop, tissue
        )
        monitor.report(Progress("projecting", stop, rays.count))
    marked = _marked_lengths(projectable.marked, lambda grid: _Rays.of_detector(carm, grid), kinds=len(MARKED))
    apart = np.zeros((len(MARKED), rays.count), dtype=np.float32) if marked is None else marked
    water, bone = (_picture(row, carm) for row in tissue)
    lengths = {name: _picture(row, carm) for name, row in zip(MARKED, apart, strict=True)}
    return Shadows(water, bone, {metal: lengths[metal] for metal in METALS}, lengths["cement"])


def _picture(row: _Floats, carm: CArm) -> _Floats:
    picture = row.reshape(carm.rows, carm.columns)
    picture.setflags(write=False)
    return picture


def project_mask(mask: Mask, carm: CArm) -> _Floats:
    """Give how far the ray to each pixel runs inside a mask.

    Parameters
    ----------
    mask : Mask
        The voxels.
    carm : CArm
        The C-arm.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Lengths, mm.
    """
    lengths = _marked_lengths(marked_box(mask), lambda grid: _Rays.of_detector(carm, grid), kinds=1)
    if lengths is None:
        return np.zeros((carm.rows, carm.columns), dtype=np.float32)
    return _picture(lengths[0], carm)


def mask_lengths(mask: Mask, start_lps: npt.ArrayLike, ends_lps: npt.ArrayLike) -> _Floats:
    """Give how far single rays run inside a mask.

    Parameters
    ----------
    mask : Mask
        The voxels.
    start_lps : array_like, shape (3,)
        Where all rays begin, as at a focal spot.
    ends_lps : array_like, shape (N, 3)
        Where each ends.

    Returns
    -------
    ndarray of float32, shape (N,)
        Lengths, mm.
    """
    ends = np.atleast_2d(np.asarray(ends_lps, dtype=np.float64))
    lengths = _marked_lengths(marked_box(mask), lambda grid: _Rays.between(start_lps, ends, grid), kinds=1)
    return np.zeros(len(ends), dtype=np.float32) if lengths is None else lengths[0]


@dataclass(frozen=True, slots=True, eq=False)
class _Rays:
    """Rays from one point, in the index coordinates of a grid."""

    source_idx: Array
    ends_idx: Array
    shape: npt.NDArray[np.int64]
    edges_lps: Array

    @property
    def count(self) -> int:
        return len(self.ends_idx)

    @classmethod
    def between(cls, start_lps: npt.ArrayLike, ends_lps: Array, grid: Grid) -> "_Rays":
        source = np.asarray(grid.to_index(start_lps))
        ends = np.ascontiguousarray(grid.to_index(ends_lps))
        edges = np.ascontiguousarray(grid.lps_from_index[:3, :3])
        return cls(source, ends, np.array(grid.shape, dtype=np.int64), edges)

    @classmethod
    def of_detector(cls, carm: CArm, grid: Grid) -> "_Rays":
        # Pixels lie evenly, and in index coordinates, too: three of them tell where all are.
        corner, below, right = grid.to_index(pixel_lps(carm, [(0, 0), (1, 0), (0, 1)]))
        down = np.arange(carm.rows)[:, None, None] * (below - corner)
        across = np.arange(carm.columns)[:, None] * (right - corner)
        ends = (corner + down + across).reshape(-1, 3)
        edges = np.ascontiguousarray(grid.lps_from_index[:3, :3])
        source = np.asarray(grid.to_index(pose(carm).source_lps))
        return cls(source, ends, np.array(grid.shape, dtype=np.int64), edges)


def _marked_lengths(marked: Marked | None, rays_in: Callable[[Grid], _Rays], *, kinds: int) -> _Floats | None:
    """Give the length of every ray in each kind of marked voxel, shape (kinds, rays)."""
    if marked is None:
        return None
    rays = rays_in(marked.grid)
    lengths = np.zeros((kinds, rays.count), dtype=np.float32)
    cast = cast_many if rays.count > _FEW_RAYS else cast_few
    cast(marked.codes.reshape(-1), rays.shape, rays.source_idx, rays.ends_idx, rays.edges_lps, lengths)
    return lengths
