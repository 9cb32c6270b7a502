"""Femur and pelvis of the hips in view, their joint space and landmarks."""

from dataclasses import dataclass, replace

import numpy as np

from planner.config.anatomy_config import BoneConfig
from planner.config.hip_bone_config import HipBoneConfig
from planner.geometry.frames import PointsLps, point_tuple, points_lps
from planner.geometry.grid import Grid
from planner.model.bones import Bone, Landmark
from planner.model.finding import Finding
from planner.model.implant import Implant, Side
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.anatomy.bone import bone_envelope
from planner.segment.anatomy.hip_parting import HipParts, part_hip
from planner.segment.anatomy.joint_space import HipJoint, joint_space, joints_of, natural_opening_lps
from planner.segment.anatomy.natural_head import fit_head
from planner.segment.anatomy.sacroiliac import may_hold_sacrum
from planner.segment.anatomy.trochanters import lesser_trochanter, shaft_frame, trochanter_tip
from planner.segment.region import HipLandmarks, hips_of
from planner.segment.upright import Bools, Floats, resample, upright_grid, upright_hu

DEFAULT = HipBoneConfig()
_BONE = BoneConfig()
_HEADS_APART_MM = 180.0
"""Between the centres of both hips, 150 to 210 mm. Ours."""
_ACROSS_MM = (40.0, 35.0, 40.0)
"""So far off its mirrored place the other head may be, along x, y and z. Ours."""
_FROM_NAIL_MM, _ROUND_NAIL_MM = 45.0, (25.0, 30.0, 30.0)
"""The head lies medial of a nail's upper end. Ours."""
_ROOM_MM = ((75.0, 85.0), (65.0, 85.0), (150.0, 70.0))
"""What is looked at round the other head: medial and lateral, before and behind, below and above. Ours."""
_CARTILAGE_MM = 4.0
_SHAFT_FROM_MM, _SHAFT_TO_MM, _LEAST_SHAFT_MM = 75.0, 150.0, 15.0
"""The shaft's axis is taken from the femur so far below its head; from less of it, none. Ours."""
_LESSER_FROM_MM, _LESSER_TO_MM = -75.0, 5.0
"""Along the shaft from where the neck meets it, the lesser trochanter lies 10 to 35 mm lower. Ours."""
_LEAST_BONE_ML = 1.0
_TO_MIDLINE_MM = 95.0
"""From a head's centre to the midline, 75 to 105 mm. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class HipBones:
    """What was told apart round the hips.

    Parameters
    ----------
    joints : tuple of HipJoint
        The joints, natural ones too.
    bones : tuple of Bone
        "femur-left", "pelvis-left", "sacrum", ...
    landmarks : tuple of Landmark
        Trochanters, where they are in view.
    joint : Mask or None
        The joint spaces; None where no joint was found.
    findings : tuple of Finding
        What could not be told.
    """

    joints: tuple[HipJoint, ...] = ()
    bones: tuple[Bone, ...] = ()
    landmarks: tuple[Landmark, ...] = ()
    joint: Mask | None = None
    findings: tuple[Finding, ...] = ()

    def bone(self, name: str) -> Bone | None:
        """Give a bone by its name; None where it was not found."""
        return next((b for b in self.bones if b.name == name), None)


def find_hip_bones(
    ct: Volume,
    *,
    metal: Mask,
    bone: Mask,
    implants: tuple[Implant, ...],
    scan_mm: float | None = None,
    config: HipBoneConfig = DEFAULT,
    monitor: Monitor = SILENT,
) -> HipBones:
    """Tell the bones of every hip that holds an implant.

    Parameters
    ----------
    ct : Volume
        The CT on an upright isotropic grid.
    metal, bone : Mask
        All metal; the envelope of all bone, on the same grid.
    implants : tuple of Implant
        What was found.
    scan_mm : float or None
        The scan's widest spacing, where it is coarser than the grid: a natural head is looked for in fine scans only.
    config : HipBoneConfig
        Limits.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    HipBones
        Without bones for a hip whose joint cannot be told; a finding says so.

    Raises
    ------
    GeometryError
        If the masks lie on other grids.
    CancelledError
        If the monitor says stop.
    """
    grid = ct.grid
    grid.require_same(metal.grid)
    grid.require_same(bone.grid)
    hips = hips_of(implants)
    if not hips:
        return HipBones()
    monitor.report(Progress("telling femur from pelvis"))
    known = {joint.side: joint for joint in joints_of(implants, config=config)}
    hu = np.asarray(ct.hu, dtype=np.float32)
    found, findings = [], []
    for hip in hips:
        check_cancelled(monitor)
        joint = None if hip.side is None else known.get(hip.side)
        if joint is None and max(scan_mm or 0.0, *grid.spacing_mm) <= config.coarsest_mm:
            joint = _natural_at_nail(hip, hu, metal.voxels, grid, config)
        if joint is None:
            findings.append(_not_told(hip))
            continue
        own = _columns_of(joint, [float(h.head_lps[0]) for h in hips if h is not hip], grid)
        found.append(_told(joint, hu, bone.voxels & own, metal.voxels, grid, config))
    return _merged(found, tuple(findings))


def find_other_hip(
    volume: Volume,
    *,
    joint: HipJoint,
    metal: Mask,
    config: HipBoneConfig = DEFAULT,
    bone_config: BoneConfig = _BONE,
    monitor: Monitor = SILENT,
) -> HipBones:
    """Tell the bones of the natural hip on the other side, where it is in view.

    Parameters
    ----------
    volume : Volume
        The CT, any orientation.
    joint : HipJoint
        The hip that is known.
    metal : Mask
        All metal, on any grid.
    config : HipBoneConfig
        Limits.
    bone_config : BoneConfig
        How the envelope is drawn.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    HipBones
        On an upright grid of its own; empty where no natural head is seen, or the slices are too thick to tell one.

    Raises
    ------
    CancelledError
        If the monitor says stop.
    """
    if max(volume.grid.spacing_mm) > config.coarsest_mm:
        return HipBones()
    monitor.report(Progress("looking at the other hip"))
    side: Side = "right" if joint.side == "left" else "left"
    outwards, reach = -joint.outwards, np.array(_ACROSS_MM)
    near = np.asarray(joint.head_lps) + np.array([outwards * _HEADS_APART_MM, 0.0, 0.0])
    edge = max(config.other_hip_edge_mm, *(s for s in (min(volume.grid.spacing_mm),)))
    room = reach + config.largest_head_mm / 2.0 + 6.0
    if not _overlap(volume.grid, np.stack([near - reach, near + reach])):
        return HipBones()
    coarse = upright_grid(volume.grid, edge, np.stack([near - room, near + room]))
    hu, own_metal = _read(volume, metal, coarse)
    ball = fit_head(hu, own_metal, coarse, near_lps=points_lps(near), reach_mm=reach, config=config)
    if ball is None:
        return HipBones()
    check_cancelled(monitor)
    other = natural_joint(side, ball.centre_lps, ball.radius_mm)
    grid = upright_grid(volume.grid, edge, _box_round(other))
    hu, own_metal = _read(volume, metal, grid)
    bone = bone_envelope(hu, own_metal, None, edge, config=bone_config, monitor=monitor)
    return _merged([_told(other, hu, bone, own_metal, grid, config)], ())


def natural_joint(side: Side, centre_lps: PointsLps, radius_mm: float) -> HipJoint:
    """Make the joint of a natural head.

    Parameters
    ----------
    side : {"left", "right"}
        The patient's side.
    centre_lps : PointsLps, shape (3,)
        Centre of the head.
    radius_mm : float
        Its radius, to the bone.

    Returns
    -------
    HipJoint
        Its shaft is not known yet.
    """
    return HipJoint(
        side=side,
        head_lps=centre_lps,
        head_radius_mm=radius_mm,
        socket_lps=centre_lps,
        socket_radius_mm=radius_mm + _CARTILAGE_MM,
        opening_lps=natural_opening_lps(side),
        axis_lps=None,
        is_natural=True,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    joint: HipJoint
    bones: tuple[Bone, ...]
    landmarks: tuple[Landmark, ...]
    space: Mask
    findings: tuple[Finding, ...]


def _told(joint: HipJoint, hu: Floats, bone: Bools, metal: Bools, grid: Grid, config: HipBoneConfig) -> _Told:
    parts = part_hip(hu, bone, metal, joint, grid, config=config)
    if joint.axis_lps is None:
        joint = replace(joint, axis_lps=shaft_axis_of(parts.femur, joint.head_lps, grid))
    solid = parts.femur | parts.pelvis | metal
    space = Mask(grid, joint_space(joint, grid, solid=solid, config=config))
    bones, marks = _bones(parts, joint.side, grid), _landmarks(parts.femur, joint, hu, grid, config)
    return _Told(joint, bones, marks, space, _not_parted(parts, joint, grid))


def _not_parted(parts: HipParts, joint: HipJoint, grid: Grid) -> tuple[Finding, ...]:
    """Say that a pelvis may hold a part of the sacrum: too little of that is in view to part them."""
    if parts.sacrum.any() or not may_hold_sacrum(parts.pelvis, joint, grid):
        return ()
    message = (
        f"pelvis-{joint.side}: it may hold a part of the sacrum, of which too little is in view to part them at the "
        "sacroiliac joint"
    )
    return (Finding(code="pelvis-with-sacrum", severity="info", message=message),)


def _bones(parts: HipParts, side: Side, grid: Grid) -> tuple[Bone, ...]:
    least = _LEAST_BONE_ML * 1000.0 / grid.voxel_volume_mm3
    out = []
    if parts.femur.sum() > least:
        out.append(Bone(f"femur-{side}", "femur", Mask(grid, parts.femur), side=side, is_cut=_is_cut(parts.femur)))
    if parts.pelvis.sum() > least:
        out.append(Bone(f"pelvis-{side}", "pelvis", Mask(grid, parts.pelvis), side=side, is_cut=_is_cut(parts.pelvis)))
    if parts.sacrum.sum() > least:
        out.append(Bone("sacrum", "sacrum", Mask(grid, parts.sacrum), is_cut=_is_cut(parts.sacrum)))
    return tuple(out)


def _is_cut(mask: Bools) -> bool:
    return any(bool(np.take(mask, end, axis=axis).any()) for axis in range(3) for end in (0, -1))


def _landmarks(femur: Bools, joint: HipJoint, hu: Floats, grid: Grid, config: HipBoneConfig) -> tuple[Landmark, ...]:
    base = joint.neck_base_lps
    if joint.axis_lps is None or base is None:
        return ()
    shaft = shaft_frame(*joint.axis_lps, joint.side, neck_lps=joint.neck_lps)
    height = float((base - shaft.origin_lps) @ shaft.up_lps)
    bone = f"femur-{joint.side}"
    out = []
    tip = trochanter_tip(femur, grid, shaft, hu=hu)
    if tip is not None:
        out.append(Landmark("trochanter tip", bone, tip, joint.side))
    lesser = lesser_trochanter(
        femur,
        grid,
        shaft,
        neck_deg=shaft.angle_deg(joint.neck_lps),
        from_mm=height + _LESSER_FROM_MM,
        to_mm=height + _LESSER_TO_MM,
        config=config,
    )
    if lesser is not None:
        out.append(Landmark("lesser trochanter", bone, lesser, joint.side))
    return tuple(out)


def shaft_axis_of(femur: Bools, head_lps: PointsLps, grid: Grid) -> tuple[PointsLps, PointsLps] | None:
    """Fit the axis of a femur's upper shaft.

    Parameters
    ----------
    femur : ndarray of bool, shape ``grid.shape``
        The femur.
    head_lps : PointsLps, shape (3,)
        Centre of its head.
    grid : Grid
        An upright grid.

    Returns
    -------
    tuple of two PointsLps or None
        Level with the head, and at the lower end of what was used: the middles of its sections 75 to 150 mm below the
        head. None where less than 15 mm of that is in view.
    """
    z = grid.lps_from_index[2, 3] + grid.spacing_mm[0] * np.arange(grid.shape[0])
    below = float(head_lps[2]) - z
    rows = np.flatnonzero((below >= _SHAFT_FROM_MM) & (below <= _SHAFT_TO_MM) & femur.any(axis=(1, 2)))
    if len(rows) * grid.spacing_mm[0] < _LEAST_SHAFT_MM:
        return None
    middles = np.stack([grid.to_lps([row, *np.argwhere(femur[row]).mean(axis=0)]) for row in rows])
    slope = np.polyfit(middles[:, 2], middles[:, :2], 1)
    top, low = (np.array([*(slope[1] + slope[0] * h), h]) for h in (float(head_lps[2]), float(middles[:, 2].min())))
    return points_lps(top), points_lps(low)


def _natural_at_nail(hip: HipLandmarks, hu: Floats, metal: Bools, grid: Grid, config: HipBoneConfig) -> HipJoint | None:
    if hip.side is None or hip.axis_lps is None:
        return None
    inwards = -1.0 if hip.side == "left" else 1.0
    near = points_lps(np.asarray(hip.axis_lps[0]) + np.array([inwards * _FROM_NAIL_MM, 0.0, 0.0]))
    ball = fit_head(hu, metal, grid, near_lps=near, reach_mm=np.array(_ROUND_NAIL_MM), config=config)
    if ball is None:
        return None
    return replace(natural_joint(hip.side, ball.centre_lps, ball.radius_mm), axis_lps=hip.axis_lps)


def _columns_of(joint: HipJoint, others_x: list[float], grid: Grid) -> Bools:
    """Say which columns lie nearer to this head than to another, and on its side of the midline, shape (1, 1, C)."""
    x = grid.lps_from_index[0, 3] + grid.spacing_mm[2] * np.arange(grid.shape[2])
    own = float(joint.head_lps[0])
    nearest = np.min([np.abs(x - h) for h in (own, *others_x)], axis=0)
    this_side = joint.outwards * (x - own) > -_TO_MIDLINE_MM
    return np.asarray((np.abs(x - own) <= nearest) & this_side)[None, None, :]


def _merged(found: list[_Told], findings: tuple[Finding, ...]) -> HipBones:
    if not found:
        return HipBones(findings=findings)
    space = np.logical_or.reduce([told.space.voxels for told in found])
    return HipBones(
        joints=tuple(told.joint for told in found),
        bones=_without_twins([bone for told in found for bone in told.bones]),
        landmarks=tuple(mark for told in found for mark in told.landmarks),
        joint=Mask(found[0].space.grid, space),
        findings=(*findings, *(said for told in found for said in told.findings)),
    )


def _without_twins(bones: list[Bone]) -> tuple[Bone, ...]:
    """Join bones of one name: the sacrum is seen from both hips."""
    out: dict[str, Bone] = {}
    for bone in bones:
        twin = out.get(bone.name)
        joined = bone if twin is None else replace(bone, mask=Mask(bone.mask.grid, bone.mask.voxels | twin.mask.voxels))
        out[bone.name] = joined
    return tuple(out.values())


def _not_told(hip: HipLandmarks) -> Finding:
    return Finding(
        code="hip-bones-not-parted",
        severity="caution",
        message="Neither a head nor a cup of this hip could be told: femur and pelvis are not told apart here, and "
        "trochanters, joint space and leg length are missing.",
        where_lps=point_tuple(hip.head_lps),
    )


def _overlap(grid: Grid, box: np.ndarray) -> bool:
    low, high = grid.corners_lps.min(axis=0), grid.corners_lps.max(axis=0)
    return bool(np.all(box[0] < high) and np.all(box[1] > low))


def _box_round(joint: HipJoint) -> np.ndarray:
    (medial, lateral), (before, behind), (below, above) = _ROOM_MM
    left, right = (lateral, medial) if joint.side == "left" else (medial, lateral)
    low = np.asarray(joint.head_lps) - np.array([right, before, below])
    return np.stack([low, np.asarray(joint.head_lps) + np.array([left, behind, above])])


def _read(volume: Volume, metal: Mask, grid: Grid) -> tuple[Floats, Bools]:
    hu = np.nan_to_num(upright_hu(volume, grid), nan=-1000.0)
    return hu, np.asarray(resample(metal.voxels, metal.grid, grid) > 0.4)
