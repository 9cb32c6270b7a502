"""Where to look: boxes round spinal and hip implants, and which hip each hip implant belongs to."""

from dataclasses import dataclass

import numpy as np

from planner.config.anatomy_config import RegionConfig
from planner.geometry.frames import Array, PointsLps, points_lps
from planner.geometry.grid import Grid
from planner.model.implant import HIP_KINDS, SPINE_KINDS, Implant, Side
from planner.model.volume import Mask
from planner.segment.upright import upright_grid

_HIPS_APART_MM = 80.0
"""Parts of one hip lie within 60 mm of each other across the body, the two hips 150 mm and more apart."""
_AROUND_POINT_MM = 40.0
"""Metal so near to an implant's known points is its own: half a cup, a rod between two screws."""


@dataclass(frozen=True, slots=True, eq=False)
class HipLandmarks:
    """Where one hip is.

    Parameters
    ----------
    head_lps : PointsLps, shape (3,)
        Centre of the head or cup; of a femur without either, the upper end of the implant.
    axis_lps : tuple of two PointsLps or None
        Proximal and distal end of stem or nail.
    side : {"left", "right"} or None
        None where it cannot be told.
    """

    head_lps: PointsLps
    axis_lps: tuple[PointsLps, PointsLps] | None
    side: Side | None


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """One implant group and the box round it.

    Parameters
    ----------
    metal_lps : ndarray, shape (2, 3)
        Two corners of the box of its metal.
    box_lps : ndarray, shape (2, 3)
        The same with what needles need round it.
    hip : HipLandmarks or None
        None at the spine.
    """

    metal_lps: Array
    box_lps: Array
    hip: HipLandmarks | None


def hips_of(implants: tuple[Implant, ...]) -> tuple[HipLandmarks, ...]:
    """Tell the hips from the implants' records.

    Parameters
    ----------
    implants : tuple of Implant
        All implants.

    Returns
    -------
    tuple of HipLandmarks
        From the patient's right to the left.
    """
    return tuple(_landmarks(group) for group in _hip_groups(implants))


def regions_of(
    implants: tuple[Implant, ...], metal: Mask, hips: tuple[HipLandmarks, ...] | None, config: RegionConfig
) -> tuple[Region, ...]:
    """Lay the boxes.

    Parameters
    ----------
    implants : tuple of Implant
        All implants; what is of no kind of the hip counts as the spine's unless there are hip implants.
    metal : Mask
        All metal, for the implants' extent.
    hips : tuple of HipLandmarks or None
        Landmarks from elsewhere; None takes them from the records.
    config : RegionConfig
        How far the boxes run.

    Returns
    -------
    tuple of Region
    """
    groups = _hip_groups(implants)
    out = []
    for group in groups:
        own = _landmarks(group)
        if hips:
            own = min(hips, key=lambda h: float(np.abs(h.head_lps[0] - own.head_lps[0])))
        box = _metal_box(group, metal)
        out.append(Region(box, _hip_box(box, own.side, config), own))
    spine = [i for i in implants if i.kind in SPINE_KINDS or (not groups and i.kind not in HIP_KINDS)]
    if spine:
        box = _metal_box(spine, metal)
        low = box[0] - [config.spine_lateral_mm, config.spine_anterior_mm, config.spine_along_mm]
        high = box[1] + [config.spine_lateral_mm, config.spine_posterior_mm, config.spine_along_mm]
        out.append(Region(box, np.stack([low, high]), None))
    return tuple(out)


def _hip_box(box: Array, side: Side | None, config: RegionConfig) -> Array:
    left, right = config.hip_lateral_mm, config.hip_lateral_mm
    if side == "left":
        right = config.hip_medial_mm
    elif side == "right":
        left = config.hip_medial_mm
    low = box[0] - [right, config.hip_anterior_mm, config.hip_along_mm]
    return np.stack([low, box[1] + [left, config.hip_posterior_mm, config.hip_along_mm]])


def working_grid(grid: Grid, box_lps: Array, *, edge_mm: float, most_voxels: int) -> Grid:
    """Lay the working grid over a box, coarser where it would grow too large.

    Parameters
    ----------
    grid : Grid
        The scan's grid.
    box_lps : ndarray, shape (2, 3)
        The box.
    edge_mm : float
        Edge of the voxels where there is room.
    most_voxels : int
        Room.

    Returns
    -------
    Grid
    """
    edge = max(edge_mm, min(grid.spacing_mm))
    laid = upright_grid(grid, edge, box_lps)
    count = float(np.prod(laid.shape))
    if count > most_voxels:
        laid = upright_grid(grid, edge * (count / most_voxels) ** (1 / 3), box_lps)
    return laid


def block_of(grid: Grid, box_lps: Array) -> tuple[slice, slice, slice]:
    """Give the block of an upright grid that a box covers.

    Parameters
    ----------
    grid : Grid
        An upright grid.
    box_lps : ndarray, shape (2, 3)
        Two corners, LPS mm.

    Returns
    -------
    tuple of slice
        May be empty.
    """
    corners = np.sort(grid.to_index(box_lps), axis=0)
    start = np.clip(np.floor(corners[0]).astype(int), 0, grid.shape)
    stop = np.clip(np.ceil(corners[1]).astype(int) + 1, start, grid.shape)
    z, y, x = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    return z, y, x


def _points(implant: Implant) -> list[tuple[float, float, float]]:
    axis = implant.axis
    return [implant.centroid_lps] if axis is None else [implant.centroid_lps, axis.head_lps, axis.tip_lps]


def _metal_box(group: list[Implant], metal: Mask) -> Array:
    points = np.array([p for implant in group for p in _points(implant)])
    low, high = points.min(axis=0), points.max(axis=0)
    # thinned out: a box needs no more than one voxel in about 2 mm
    step = tuple(max(1, round(2.0 / s)) for s in metal.grid.spacing_mm)
    cells = np.argwhere(metal.voxels[:: step[0], :: step[1], :: step[2]]) * step
    found = metal.grid.to_lps(cells)
    near = np.all((found >= low - _AROUND_POINT_MM) & (found <= high + _AROUND_POINT_MM), axis=1)
    if near.any():
        low, high = np.minimum(low, found[near].min(axis=0)), np.maximum(high, found[near].max(axis=0))
    return np.stack([low, high])


def _hip_groups(implants: tuple[Implant, ...]) -> list[list[Implant]]:
    ordered = sorted((i for i in implants if i.kind in HIP_KINDS), key=lambda i: i.centroid_lps[0])
    groups: list[list[Implant]] = []
    for implant in ordered:
        if groups and implant.centroid_lps[0] - groups[-1][-1].centroid_lps[0] < _HIPS_APART_MM:
            groups[-1].append(implant)
        else:
            groups.append([implant])
    return groups


def _landmarks(group: list[Implant]) -> HipLandmarks:
    by_kind = {i.kind: i for i in group}
    ball = by_kind.get("femoral_head") or by_kind.get("acetabular_cup")
    shaft = next((i.axis for k in ("femoral_stem", "nail") if (i := by_kind.get(k)) and i.axis is not None), None)
    axis = None if shaft is None else (points_lps(shaft.head_lps), points_lps(shaft.tip_lps))
    head = points_lps(ball.centroid_lps) if ball else axis[0] if axis else points_lps(group[0].centroid_lps)
    side = next((i.side for i in group if i.side is not None), None)
    if side is None and ball is not None and axis is not None:
        side = "left" if axis[0][0] > head[0] else "right"
    return HipLandmarks(head, axis, side)
