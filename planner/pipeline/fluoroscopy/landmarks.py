"""Landmarks of a plan's bones as fluoroscopy shows them: pieces of measured surface, and what views are lined up by."""

from collections.abc import Iterator
from dataclasses import dataclass

import edt
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from planner.geometry.frames import POSTERIOR, Array, PointsLps, points_lps, unit
from planner.model.bones import Bone, Pedicle
from planner.model.implant import Implant, ImplantAxis, Side
from planner.model.view_landmark import VertebraMarks, ViewLandmark, ViewLandmarkName
from planner.model.volume import Mask
from planner.pipeline.planned_case import PlannedCase
from planner.segment.anatomy.endplates import Endplate, VertebralBody

Flags = npt.NDArray[np.bool_]
Parts = npt.NDArray[np.intp]

_LEAST_SHARE = 0.25
"""A bone that holds so much of a gap is the gap's: a cage's lies in two. Ours."""
_BESIDE_MM = 3.0
"""A gap that lies in no bone belongs to those that reach so near to it: a cage's interface. Ours."""
_BELOW_MM = 1.2
"""So far below a place of the surface lies the bone that it belongs to: more than a voxel. Ours."""
_ISTHMUS_MM = 3.0
"""A pedicle's ring is the surface so far to either side of its narrowest section: the ring in a bull's-eye view is the
outline of the narrowest part, which is some 6 mm long before both ends flare. By eye on two phantoms."""
_USUAL_HALF_MM, _RING_ROOM_MM = 8.0, 3.0
"""Half a pedicle's height where its own was not read, and what the surface may lie further out. Ours."""
_RING_PARTS = 16
_MEDIAL_DEG = 60.0
"""The medial wall reaches so far up and down from straight medial. Ours."""
_RADIAL = 0.5
"""A tube's surface looks away from its axis within 60 degrees; what does not is another part of the bone. Ours."""
_BACK = 0.7
"""The back wall looks back within 45 degrees. Ours."""
_TO_CANAL_MM = 3.0
"""So far behind the back wall lies the canal: its outline keeps off the wall by less. Ours."""
_WALL_PART_MM = 2.0
_PLATE_PART_MM, _PLATE_NEAR_MM = 5.0, 5.0
"""An endplate is looked at in squares; the slope of each is that of a plane through what lies so near to its middle:
wide enough that steps between voxels count little. Ours."""
_FEWEST_NEAR = 8
_CORTEX_DEG, _CORTEX_PART_MM = 30.0, 3.0
"""A cortex's side is a sixth of its circumference: further round it is another side. Ours."""
_STEEP = float(np.cos(np.radians(45.0)))
"""A femur's shaft stands steeper than this in a patient who lies. Ours."""
_BESIDE_GAP_MM = 5.0
"""A femur's cortex is looked at along the gap and so far beyond its ends. Ours."""
_BEYOND_TIP_MM = 2.0
"""A tip is told by what lies just beyond it: there no metal may lie in the way, beside it its own does. Ours."""
_FEWEST_PARTS = 4
"""Of fewer stretches a landmark was not measured: half a medial wall, a quarter of a ring. Ours."""
_TIPS: dict[str, ViewLandmarkName] = {"pedicle_screw": "screw tip", "femoral_stem": "stem tip", "nail": "nail tip"}


def bones_of_gap(case: PlannedCase, gap_id: str) -> tuple[Bone, ...]:
    """Tell which bones a gap belongs to, whether or not anybody told their levels.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    gap_id : str
        The gap.

    Returns
    -------
    tuple of Bone
        The bone whose outline holds most of the gap's voxels first; a second one where it holds a quarter at least. Of
        a gap in no bone those within 3 mm of a quarter of it. Empty where there is no such gap or bone.
    """
    space = next((one for one in case.anatomy.gaps if one.id == gap_id), None)
    if space is None or not space.mask.voxels.any():
        return ()
    inside = [float(bone.mask.voxels[space.mask.voxels].mean()) for bone in case.anatomy.bones]
    if not any(share >= _LEAST_SHARE for share in inside):
        inside = [_share_near(space.mask, bone.mask) for bone in case.anatomy.bones]
    ranked = sorted(zip(inside, range(len(inside)), strict=True), key=lambda one: (-one[0], one[1]))
    return tuple(case.anatomy.bones[number] for share, number in ranked if share >= _LEAST_SHARE)


def _share_near(space: Mask, bone: Mask) -> float:
    index = np.argwhere(space.voxels)
    margin = np.ceil(_BESIDE_MM / np.array(space.grid.spacing_mm)).astype(int) + 1
    low = np.maximum(index.min(axis=0) - margin, 0)
    high = np.minimum(index.max(axis=0) + margin + 1, space.grid.shape)
    block = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    if not bone.voxels[block].any():
        return 0.0
    away = edt.edt(~bone.voxels[block], anisotropy=space.grid.spacing_mm, black_border=False, parallel=2)
    return float(np.mean(away[space.voxels[block]] <= _BESIDE_MM))


def vertebra_marks(case: PlannedCase, gap_id: str) -> VertebraMarks | None:
    """Give what views of a gap's vertebra are lined up by.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    gap_id : str
        The gap.

    Returns
    -------
    VertebraMarks or None
        Of the vertebra or sacrum that holds most of the gap; None where it is in none whose body was measured. What of
        it was not measured is None.
    """
    names = {bone.name: bone for bone in bones_of_gap(case, gap_id)[:1]}
    body = next((one for one in _bodies(case) if one.bone in names), None)
    if body is None or case.skeleton is None:
        return None
    pedicles = {one.side: one.centre_lps for one in case.skeleton.pedicles if one.bone == body.bone}
    wall = next(_posterior_wall(case, names[body.bone], body, _surface_of(case, names[body.bone])), None)
    tips = (one.point_lps for one in case.skeleton.landmarks if (one.name, one.bone) == ("spinous process", body.bone))
    return VertebraMarks(
        bone=body.bone,
        level=names[body.bone].level,
        centre_lps=body.centre_lps,
        upper_normal_lps=None if body.upper is None else body.upper.normal_lps,
        lower_normal_lps=None if body.lower is None else body.lower.normal_lps,
        wall_normal_lps=None if wall is None or wall.normals_lps is None else unit(wall.normals_lps.mean(axis=0)),
        left_pedicle_lps=pedicles.get("left"),
        right_pedicle_lps=pedicles.get("right"),
        spinous_lps=next(tips, None),
    )


def gap_landmarks(case: PlannedCase, gap_id: str) -> tuple[ViewLandmark, ...]:
    """Give the landmarks of the bones that a gap lies in, and its implant's tip.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    gap_id : str
        The gap.

    Returns
    -------
    tuple of ViewLandmark
        Of a vertebra: the rings and medial walls of its pedicles, its posterior wall and endplates. Of a femur: the
        cortex on four sides along the gap. A landmark that is not there was not measured.

    Notes
    -----
    Places lie on the bone's outer face, where the cortex was measured, and on its outline elsewhere (beside metal).
    """
    bones = bones_of_gap(case, gap_id)
    space = next((one for one in case.anatomy.gaps if one.id == gap_id), None)
    if space is None or not bones:
        return ()
    implant = case.anatomy.implant(space.implant_id)
    found: list[ViewLandmark] = []
    for bone in bones:
        surface = _surface_of(case, bone)
        found += _of_pedicles(case, bone, surface)
        for body in (one for one in _bodies(case) if one.bone == bone.name):
            found += _of_body(case, bone, body, surface)
        if bone.kind == "femur":
            found += _of_femur(case, bone, space.mask, implant, surface)
    return (*found, *_tip(implant, bones[0]))


@dataclass(frozen=True, slots=True, eq=False)
class _Surface:
    """Places on a bone's surface, and its outward normals."""

    at: PointsLps
    out: Array

    def where(self, kept: Flags) -> "_Surface":
        return _Surface(points_lps(self.at[kept]), self.out[kept])


def _surface_of(case: PlannedCase, bone: Bone) -> _Surface:
    """Give the part of all bones' measured surface that is this one's; empty where the cortex was not looked at."""
    cortex = None if case.skeleton is None else case.skeleton.cortex
    if cortex is None:
        return _Surface(points_lps(np.zeros((0, 3))), np.zeros((0, 3)))
    whole = _Surface(cortex.points_lps, cortex.outward_lps)
    return whole.where(_holds(bone.mask, points_lps(whole.at - _BELOW_MM * whole.out)))


def _holds(mask: Mask, at: PointsLps) -> Flags:
    index = np.rint(mask.grid.to_index(at)).astype(np.intp)
    inside = np.all((index >= 0) & (index < mask.grid.shape), axis=-1)
    out = np.zeros(len(index), dtype=np.bool_)
    out[inside] = mask.voxels[tuple(index[inside].T)]
    return out


def _bodies(case: PlannedCase) -> tuple[VertebralBody, ...]:
    spine = None if case.skeleton is None else case.skeleton.spine
    return () if spine is None else spine.bodies


def _made(
    name: ViewLandmarkName, bone: Bone, side: Side | None, surface: _Surface, part: npt.NDArray[np.generic]
) -> Iterator[ViewLandmark]:
    """Make a landmark of places and the stretches that they belong to, if there are enough of these."""
    numbers, parts = np.unique(part, return_inverse=True)
    if len(numbers) >= _FEWEST_PARTS:
        yield ViewLandmark(name, bone.name, bone.level, side, surface.at, surface.out, parts.astype(np.intp))


def _of_pedicles(case: PlannedCase, bone: Bone, surface: _Surface) -> list[ViewLandmark]:
    pedicles = () if case.skeleton is None else case.skeleton.pedicles
    found: list[ViewLandmark] = []
    for pedicle in (one for one in pedicles if one.bone == bone.name):
        ring, turn_deg = _round_isthmus(pedicle, surface)
        part = np.floor(turn_deg / (360.0 / _RING_PARTS)).astype(np.intp)
        found += _made("pedicle ring", bone, pedicle.side, ring, part)
        medial = np.abs(turn_deg - 180.0) <= _MEDIAL_DEG
        found += _made("medial pedicle wall", bone, pedicle.side, ring.where(medial), part[medial])
    return found


def _round_isthmus(pedicle: Pedicle, surface: _Surface) -> tuple[_Surface, Array]:
    """Give the surface round a pedicle's isthmus, and each place's turn about the axis: 0 lateral, 180 medial."""
    axis = unit(pedicle.inward_lps)
    outwards = np.array([1.0 if pedicle.side == "left" else -1.0, 0.0, 0.0])
    lateral = unit(outwards - (outwards @ axis) * axis)
    from_centre = surface.at - pedicle.centre_lps
    along = from_centre @ axis
    aside = from_centre - along[:, None] * axis
    away = np.linalg.norm(aside, axis=1)
    half = max((v / 2 for v in (pedicle.width_mm, pedicle.height_mm) if v is not None), default=_USUAL_HALF_MM)
    away_from_axis = np.einsum("ij,ij->i", aside, surface.out) > _RADIAL * away
    kept = (np.abs(along) <= _ISTHMUS_MM) & (away <= half + _RING_ROOM_MM) & (away > 0.0) & away_from_axis
    turn = np.degrees(np.arctan2(aside[kept] @ np.cross(axis, lateral), aside[kept] @ lateral)) % 360.0
    return surface.where(kept), turn


def _of_body(case: PlannedCase, bone: Bone, body: VertebralBody, surface: _Surface) -> list[ViewLandmark]:
    found = list(_posterior_wall(case, bone, body, surface))
    plates: tuple[tuple[ViewLandmarkName, Endplate | None], ...] = (
        ("upper endplate", body.upper),
        ("lower endplate", body.lower),
    )
    for name, plate in plates:
        if plate is not None:
            found += _plate(name, bone, body, plate)
    return found


def _posterior_wall(case: PlannedCase, bone: Bone, body: VertebralBody, surface: _Surface) -> Iterator[ViewLandmark]:
    canal = case.anatomy.canal
    if canal is None:
        return
    back, up = body.axes_lps[:, 1], body.axes_lps[:, 2]
    facing = (surface.out @ back > _BACK) & _holds(canal, points_lps(surface.at + _TO_CANAL_MM * surface.out))
    wall = surface.where(facing & _between_plates(body, surface.at))
    part = np.floor((wall.at - body.centre_lps) @ up / _WALL_PART_MM).astype(np.intp)
    # a wall makes a line where it is seen edge on from side to side, not where some of its dents are
    yield from _made("posterior wall", bone, None, _Surface(wall.at, _mean_normals(wall.out, part)), part)


def _between_plates(body: VertebralBody, at: PointsLps) -> Flags:
    """Say which places lie between a body's endplates, as far as these were measured."""
    between = np.ones(len(at), dtype=np.bool_)
    for plate in (body.upper, body.lower):
        if plate is not None:
            between &= (at - plate.centre_lps) @ plate.normal_lps < 0.0
    return between


def _mean_normals(out: Array, part: Parts) -> Array:
    """Give each place the mean normal of its stretch."""
    means = np.zeros_like(out)
    for number in np.unique(part):
        means[part == number] = unit(out[part == number].mean(axis=0))
    return means


def _plate(name: ViewLandmarkName, bone: Bone, body: VertebralBody, plate: Endplate) -> Iterator[ViewLandmark]:
    at = plate.points_lps
    cell = np.floor((at - plate.centre_lps) @ body.axes_lps[:, :2] / _PLATE_PART_MM + 0.5).astype(np.intp)
    cells, part = np.unique(cell, axis=0, return_inverse=True)
    part = part.reshape(-1)
    tree = cKDTree(at)
    normals, kept = np.zeros((len(at), 3)), np.zeros(len(at), dtype=np.bool_)
    for number in range(len(cells)):
        own = part == number
        near = at[tree.query_ball_point(at[own].mean(axis=0), _PLATE_NEAR_MM)]
        if len(near) >= _FEWEST_NEAR:
            normal = np.linalg.svd(near - near.mean(axis=0), full_matrices=False)[2][2]
            normals[own], kept[own] = normal if normal @ plate.normal_lps > 0.0 else -normal, True
    surface = _Surface(points_lps(at[kept]), normals[kept])
    yield from _made(name, bone, None, surface, part[kept])


def _of_femur(
    case: PlannedCase, bone: Bone, gap: Mask, implant: Implant | None, surface: _Surface
) -> list[ViewLandmark]:
    axis = _shaft_axis(case, bone, implant)
    if axis is None or bone.side is None:
        return []
    start, down = axis
    space = (np.asarray(gap.grid.to_lps(np.argwhere(gap.voxels))) - start) @ down
    from_start = surface.at - start
    along = from_start @ down
    aside = from_start - along[:, None] * down
    away = np.linalg.norm(aside, axis=1)
    beside = (along >= space.min() - _BESIDE_GAP_MM) & (along <= space.max() + _BESIDE_GAP_MM) & (away > 0.0)
    beside &= np.einsum("ij,ij->i", aside, surface.out) > _RADIAL * away
    inwards = np.array([-1.0 if bone.side == "left" else 1.0, 0.0, 0.0])
    medial = unit(inwards - (inwards @ down) * down)
    back = unit(np.asarray(POSTERIOR) - (POSTERIOR @ down) * down - (POSTERIOR @ medial) * medial)
    sides: tuple[tuple[ViewLandmarkName, Array], ...] = (
        ("medial cortex", medial), ("lateral cortex", -medial), ("anterior cortex", -back), ("posterior cortex", back),
    )  # fmt: skip
    found: list[ViewLandmark] = []
    for name, way in sides:
        own = beside & (aside @ way >= np.cos(np.radians(_CORTEX_DEG)) * away)
        found += _made(name, bone, bone.side, surface.where(own), np.floor(along[own] / _CORTEX_PART_MM))
    return found


def _shaft_axis(case: PlannedCase, bone: Bone, implant: Implant | None) -> tuple[Array, Array] | None:
    """Give a point and the way down of a femur's axis: the joint's, else its implant's; None where neither is known."""
    joints = () if case.skeleton is None else case.skeleton.hips.joints
    known = [one.axis_lps for one in joints if one.side == bone.side and one.axis_lps is not None]
    if known:
        top, low = np.asarray(known[0][0]), np.asarray(known[0][1])
    elif implant is not None and implant.axis is not None and implant.kind in ("femoral_stem", "nail"):
        top, low = np.array(implant.axis.head_lps), np.array(implant.axis.tip_lps)
    else:
        return None
    top, low = (top, low) if top[2] > low[2] else (low, top)
    down = unit(low - top)
    # a nail's lag screw lies along the neck
    return None if -down[2] < _STEEP else (top, down)


def _tip(implant: Implant | None, bone: Bone) -> Iterator[ViewLandmark]:
    # where the scan cuts it, or nobody looked, what is seen last may not be the tip
    if implant is None or implant.axis is None or implant.kind not in _TIPS or implant.is_cut is not False:
        return
    place = points_lps([_beyond_tip(implant.axis)])
    yield ViewLandmark(
        _TIPS[implant.kind], bone.name, bone.level, implant.side, place, None, np.zeros(1, dtype=np.intp)
    )


def _beyond_tip(axis: ImplantAxis) -> Array:
    head, tip = np.array(axis.head_lps), np.array(axis.tip_lps)
    return np.asarray(tip + _BEYOND_TIP_MM * unit(tip - head))
