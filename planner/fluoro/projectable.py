"""A CT made ready for projection: tissue by its HU, metal and cement by what they are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from planner.config.fluoro_config import FluoroConfig, ImplantMaterial
from planner.fluoro.beam import METALS, Material
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume

_Voxel = TypeVar("_Voxel", bound=np.generic)

AIR_HU = -1000
_TOP_HU = 3094
"""Just above a 12-bit CT's ceiling: whatever is denser and is not marked as metal counts as dense bone."""
_OUTSIDE_CODE = 200
"""HU + 1000 below which the noise of air lies: planes at the CT's sides with nothing above it are left away. Ours."""
_MARGIN = 2
"""Planes kept beyond that, for what is only half in a voxel."""

_TISSUE_CODE = 700
"""HU + 1000 of tissue, fat included, with room for noise; air and lung lie below."""
_TISSUE_SHARE = 0.02
"""Share of tissue from which an end slice counts as cut through the body; less is dust and table. Ours."""

MARKED: tuple[Material, ...] = (*METALS, "cement")
"""What is marked in voxels, and not told from HU: code 1 is the first."""


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """Voxels of metal and cement, cut to the box that holds them.

    Parameters
    ----------
    grid : Grid
        The box.
    codes : ndarray of uint8, shape ``grid.shape``, C order
        1 + place in `MARKED`; 0 elsewhere.
    """

    grid: Grid
    codes: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Tissue:
    """How HU are split into water and cortical bone: along straight lines between four HU.

    Parameters
    ----------
    knees : tuple of float
        HU + 1000 where the lines bend: soft tissue, whole cortical bone.
    water, bone : tuple of float
        Amounts per HU of what lies above 0 and above each knee: the code itself, and its excess over the knees.
    """

    knees: tuple[float, float]
    water: tuple[float, float, float]
    bone: tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Projectable:
    """A CT made ready for projection: made once, projected from many sides.

    Parameters
    ----------
    grid : Grid
        Where the voxels are; air round the body is cut off.
    codes : ndarray of uint16, shape ``grid.shape``, C order
        HU + 1000; 0 (air) where something is marked.
    tissue : Tissue
        How the codes are split into water and bone.
    marked : Marked or None
        Metal and cement; None where nothing is marked.
    whole_grid : Grid
        All of the CT.
    cut_faces : ndarray of bool, shape (2, 3)
        Whether the body goes on beyond the low and the high face of each axis of the whole CT.
    """

    grid: Grid
    codes: npt.NDArray[np.uint16]
    tissue: Tissue
    marked: Marked | None
    whole_grid: Grid
    cut_faces: npt.NDArray[np.bool_]


def make_projectable(
    volume: Volume,
    *,
    metal: Mask | None = None,
    cement: Mask | None = None,
    body: Mask | None = None,
    alloys: Mapping[ImplantMaterial, Mask] | None = None,
    config: FluoroConfig,
) -> Projectable:
    """Make a CT ready for projection.

    Parameters
    ----------
    volume : Volume
        The CT. Padding counts as air.
    metal, cement : Mask or None
        Voxels of metal and of (planned or present) cement, which get their true attenuation instead of the CT's, that
        is clipped or blurred; where both are set, it is metal.
    body : Mask or None
        What lies outside of it, as the CT's table, becomes air; None keeps all. Metal and cement stay.
    alloys : mapping of str to Mask, or None
        Voxels of metal whose alloy is known; other metal is the settings' `metal_material`.
    config : FluoroConfig
        Settings.

    Returns
    -------
    Projectable

    Raises
    ------
    GeometryError
        If a mask is on another grid.
    """
    codes = np.empty(volume.grid.shape, dtype=np.uint16)
    for plane, hu in zip(codes, volume.hu, strict=True):
        kept = np.clip(hu, AIR_HU, _TOP_HU)
        plane[...] = (kept if np.issubdtype(kept.dtype, np.integer) else np.rint(kept)) - AIR_HU
    if volume.padding is not None:
        codes[volume.padding] = 0
    if body is not None:
        volume.grid.require_same(body.grid)
        codes[~body.voxels] = 0
    named: dict[Material, Mask | None] = {"cement": cement, config.metal_material: metal}
    marks = np.zeros(volume.grid.shape, dtype=np.uint8)
    for material, mask in (*named.items(), *(alloys or {}).items()):
        if mask is not None:
            volume.grid.require_same(mask.grid)
            marks[mask.voxels] = MARKED.index(material) + 1
    cut = _faces_in_tissue(codes)
    codes[marks > 0] = 0
    grid, codes = _cut_to(volume.grid, codes, codes > _OUTSIDE_CODE)
    marked = None
    if marks.any():
        marked = Marked(*_cut_to(volume.grid, marks, marks > 0))
    return Projectable(grid, codes, _tissue(config), marked, volume.grid, cut)


def with_cement(projectable: Projectable, cement: Mask) -> Projectable:
    """Put cement into a CT that was made ready before: quicker than making it ready anew.

    Parameters
    ----------
    projectable : Projectable
        The CT, made ready.
    cement : Mask
        Voxels that get cement's attenuation; metal stays metal.

    Returns
    -------
    Projectable
        The same CT with this cement added; the one that was given where the mask is empty.

    Raises
    ------
    GeometryError
        If the mask is on another grid than the whole CT.
    """
    projectable.whole_grid.require_same(cement.grid)
    if not cement.voxels.any():
        return projectable
    marks = np.zeros(cement.grid.shape, dtype=np.uint8)
    marks[cement.voxels] = MARKED.index("cement") + 1
    if projectable.marked is not None:
        before = _place_in(cement.grid, projectable.marked.grid)
        own = projectable.marked.codes
        marks[before] = np.where(own > 0, own, marks[before])
    codes = projectable.codes.copy()
    codes[marks[_place_in(cement.grid, projectable.grid)] > 0] = 0
    codes.setflags(write=False)
    return replace(projectable, codes=codes, marked=Marked(*_cut_to(cement.grid, marks, marks > 0)))


def _place_in(whole: Grid, block: Grid) -> tuple[slice, slice, slice]:
    """Say which voxels of a grid a block cut from it holds."""
    low = np.rint(whole.to_index(block.to_lps((0.0, 0.0, 0.0)))).astype(int)
    first, second, third = (slice(int(a), int(a) + n) for a, n in zip(low, block.shape, strict=True))
    return first, second, third


def _faces_in_tissue(codes: npt.NDArray[np.uint16]) -> npt.NDArray[np.bool_]:
    """Say at which faces the CT was cut off within the body: shape (2, 3), the low and the high face of each axis."""
    faces = [[np.take(codes, end, axis=axis) for axis in range(3)] for end in (0, -1)]
    return np.array([[np.mean(face > _TISSUE_CODE) > _TISSUE_SHARE for face in row] for row in faces])


def _cut_to(grid: Grid, voxels: npt.NDArray[_Voxel], wanted: npt.NDArray[np.bool_]) -> tuple[Grid, npt.NDArray[_Voxel]]:
    """Cut voxels to the box of the wanted ones, with a margin (all where there is none): read-only, C order."""
    stack = np.any(wanted, axis=0)
    lines = (np.any(wanted, axis=(1, 2)), np.any(stack, axis=1), np.any(stack, axis=0))
    start, stop = [0, 0, 0], list(grid.shape)
    for axis, planes in enumerate(np.flatnonzero(line) for line in lines):
        if planes.size:
            start[axis] = max(int(planes[0]) - _MARGIN, 0)
            stop[axis] = min(int(planes[-1]) + 1 + _MARGIN, grid.shape[axis])
    low, high = (start[0], start[1], start[2]), (stop[0], stop[1], stop[2])
    cut = np.ascontiguousarray(voxels[low[0] : high[0], low[1] : high[1], low[2] : high[2]])
    cut.setflags(write=False)
    return grid.crop(low, high), cut


def marked_box(mask: Mask) -> Marked | None:
    """Cut a mask to its box.

    Parameters
    ----------
    mask : Mask
        The voxels.

    Returns
    -------
    Marked or None
        With code 1; None for an empty mask.
    """
    if not mask.voxels.any():
        return None
    return Marked(*_cut_to(mask.grid, mask.voxels.view(np.uint8), mask.voxels))


def cut_to_box(mask: Mask) -> Mask:
    """Cut a mask to the box that holds it, as for a shadow that is cast many times.

    Parameters
    ----------
    mask : Mask
        The voxels.

    Returns
    -------
    Mask
        The same voxels on a smaller grid; the mask itself where it is empty.
    """
    if not mask.voxels.any():
        return mask
    return Mask(*_cut_to(mask.grid, mask.voxels, mask.voxels))


def _tissue(config: FluoroConfig) -> Tissue:
    """Split HU into water and cortical bone: continuous, and exact for water, air and whole cortical bone.

    Water alone up to soft tissue's HU; from there to cortical bone's a mixture of both; beyond, bone that is denser.
    """
    soft, cortical = config.soft_tissue_hu, config.cortical_hu
    watery = 1.0 + soft / 1000.0
    slope = 1.0 / (cortical - soft)
    denser = 1.0 / (1000.0 + cortical)
    return Tissue(
        knees=(soft - AIR_HU, cortical - AIR_HU),
        water=(1e-3, -1e-3 - watery * slope, watery * slope),
        bone=(0.0, slope, denser - slope),
    )
