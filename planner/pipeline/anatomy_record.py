"""What was measured of the anatomy, as the plan says it: nothing is measured here."""

from collections.abc import Sequence

import numpy as np

from planner.config.fracture_config import FractureConfig
from planner.geometry.distance import distance_mm
from planner.geometry.frames import Array, PointTuple
from planner.model.anatomy_record import (
    AnatomyRecord,
    BodyRecord,
    BoneRecord,
    CanalRecord,
    CortexRecord,
    CorticesRecord,
    CupRecord,
    DiscRecord,
    FemurWallRecord,
    HipRecord,
    LandmarkRecord,
    LegsRecord,
    MissingBoneRecord,
    PedicleRecord,
)
from planner.model.bones import Bone
from planner.model.finding import Finding
from planner.model.implant import Implant
from planner.model.labels import Structure
from planner.model.volume import Mask
from planner.pipeline.candidacy import Candidacy
from planner.pipeline.told_anatomy import ToldAnatomy
from planner.segment.anatomy.cortex import Cortex
from planner.segment.anatomy.joint_space import HipJoint
from planner.segment.anatomy.leg_length import offset_mm
from planner.segment.anatomy.loose_bone import inside_cups
from planner.segment.anatomy.skeleton import Skeleton
from planner.segment.candidacy.acetabular_defects import AcetabularDefect
from planner.segment.candidacy.cup_migration import CupMigration
from planner.segment.candidacy.defect_model import DefectModel
from planner.segment.candidacy.fractures import LevelHeights
from planner.segment.upright import Bools

_NEAR_METAL_MM = 5.0
"""Within 5 mm of metal its bloom reaches a wall; the cortex there is measured less well. Ours."""
_LEAST_TOLD = 0.5
"""Thick walls are told sooner than thin ones: of fewer places the median is that of what shows well. Ours."""
_NOT_FOUND = "canal-not-found"
"""The survey's word for a canal that was looked for in vain."""


def anatomy_record(
    told: ToldAnatomy,
    candidacy: Candidacy,
    *,
    implants: Sequence[Implant],
    structures: Sequence[Structure] = (),
    fractures: FractureConfig,
) -> AnatomyRecord:
    """Say what was measured of the anatomy.

    Parameters
    ----------
    told : ToldAnatomy
        The anatomy round the implants.
    candidacy : Candidacy
        What was measured of vertebral bodies and hips.
    implants : sequence of Implant
        What was found.
    structures : sequence of Structure
        What the codes of the label map stand for; empty where none was painted.
    fractures : FractureConfig
        Limits of the grades of lost height.

    Returns
    -------
    AnatomyRecord
        Lengths to 0.01 mm, volumes to 0.001 mL. What was not measured is None.
    """
    skeleton = told.skeleton
    levels = {bone.name: bone.level for bone in told.bones}
    marks = (*skeleton.landmarks, *skeleton.other_hip.landmarks)
    return AnatomyRecord(
        bones=_bones(told, structures),
        discs=tuple(DiscRecord(above=d.above, below=d.below, volume_ml=_ml(d.mask.volume_ml)) for d in skeleton.discs),
        vertebral_bodies=tuple(_body(one, fractures) for one in candidacy.heights),
        pedicles=tuple(
            PedicleRecord(
                bone=one.bone,
                level=levels.get(one.bone),
                side=one.side,
                centre_lps=_point(one.centre_lps),
                usual_inward_lps=_point(one.inward_lps, 4),
                width_mm=_mm(one.width_mm),
                height_mm=_mm(one.height_mm),
            )
            for one in skeleton.pedicles
        ),
        canal=_canal(told),
        landmarks=tuple(
            LandmarkRecord(name=mark.name, bone=mark.bone, side=mark.side, point_lps=_point(mark.point_lps))
            for mark in marks
        ),
        cortex=None if skeleton.cortex is None else _cortices(skeleton.cortex, told.survey.metal),
        hips=_hips(skeleton),
        legs=_legs(skeleton),
        cups=_cups(candidacy, implants),
        femora=tuple(
            FemurWallRecord(
                side=one.side,
                metaphysis_lost_share=_share(one.metaphysis_lost_share),
                lost_mm=_mm(one.lost_mm),
                intact_mm=_mm(one.intact_mm),
                view_mm=round(one.view_mm, 2),
                paprosky_like=one.likeness,
            )
            for one in candidacy.hips.femora
        ),
        missing_bone=tuple(_missing(model) for model in candidacy.defects),
    )


def not_measured(told: ToldAnatomy) -> tuple[Finding, ...]:
    """Say what of the anatomy's record is None for want of a measurement that no other finding tells of.

    Parameters
    ----------
    told : ToldAnatomy
        The anatomy round the implants.

    Returns
    -------
    tuple of Finding
        One, or none where all was measured.
    """
    skeleton = told.skeleton
    levels = {bone.name: bone.level for bone in told.bones}
    out = []
    blind: dict[str, list[str]] = {}
    for one in skeleton.pedicles:
        if one.width_mm is None or one.height_mm is None:
            blind.setdefault(levels.get(one.bone) or one.bone, []).append(one.side)
    if blind:
        which = ", ".join(f"{name} {' and '.join(sides)}" for name, sides in blind.items())
        out.append(
            f"the narrowest width or height of the pedicles of {which} (beside a screw, in artefact or where bone is "
            "missing a wall cannot be read)"
        )
    joints = (*skeleton.hips.joints, *skeleton.other_hip.joints)
    if joints and skeleton.legs is None:
        out.append("leg length (it needs both hips, their ischial tuberosities and trochanters in view)")
    out += [
        f"the {joint.side} hip's offset (no axis of stem or shaft is known)" for joint in joints if not joint.axis_lps
    ]
    if not out:
        return ()
    return (Finding(code="anatomy-not-measured", severity="info", message=f"Not measured: {'; '.join(out)}."),)


def _bones(told: ToldAnatomy, structures: Sequence[Structure]) -> tuple[BoneRecord, ...]:
    """Give the bones of the working grid, then those of the other hip that are not among them."""
    codes = {one.id: one.code for one in structures if one.kind == "bone"}
    grid, joints = told.survey.grid, told.skeleton.hips.joints
    cups = inside_cups(joints, told.survey.envelope).voxels if joints else None
    names = {bone.name for bone in told.bones}
    others = [bone for bone in told.skeleton.other_hip.bones if bone.name not in names]

    def record(bone: Bone, taken: Bools | None, code: int | None) -> BoneRecord:
        mask = bone.mask if taken is None else Mask(bone.mask.grid, bone.mask.voxels & ~taken)
        return BoneRecord(
            name=bone.name,
            kind=bone.kind,
            level=bone.level,
            side=bone.side,
            label_code=code,
            envelope_ml=_ml(mask.volume_ml),
            is_cut=bone.is_cut,
        )

    own = []
    for bone in told.bones:
        here = bone.mask.grid.is_same(grid)
        own.append(record(bone, cups if here else None, codes.get(bone.name) if here else None))
    return (*own, *(record(bone, None, None) for bone in others))


def _body(one: LevelHeights, config: FractureConfig) -> BodyRecord:
    front, middle, back = one.heights_mm
    losses = [_share(loss) for loss in one.losses]
    return BodyRecord(
        bone=one.bone,
        level=one.level,
        front_mm=_mm(front),
        middle_mm=_mm(middle),
        back_mm=_mm(back),
        front_loss_share=losses[0],
        middle_loss_share=losses[1],
        back_loss_share=losses[2],
        compared_with=None if one.loss is None else "own back wall" if one.is_against_itself else "neighbours",
        genant_like_grade=one.grade(config),
    )


def _canal(told: ToldAnatomy) -> CanalRecord | None:
    canal = told.survey.canal
    if canal is not None:
        return CanalRecord(
            known=True,
            lower_lps=_point(canal.centre_lps[0]),
            upper_lps=_point(canal.centre_lps[-1]),
            cut_below=canal.cut_below,
            cut_above=canal.cut_above,
            bone_met_share=round(float(canal.closed.mean()), 3),
        )
    if not any(finding.code == _NOT_FOUND for finding in told.findings):
        return None
    return CanalRecord(known=False, lower_lps=None, upper_lps=None, cut_below=None, cut_above=None, bone_met_share=None)


def _cortices(cortex: Cortex, metal: Mask) -> CorticesRecord:
    near = _near(metal, cortex.points_lps)
    return CorticesRecord(
        near_metal_mm=_NEAR_METAL_MM,
        thinnest_mm=round(cortex.thinnest_mm, 2),
        near_metal=_cortex(cortex.thickness_mm[near]),
        away_from_metal=_cortex(cortex.thickness_mm[~near]),
    )


def _cortex(thickness_mm: Array) -> CortexRecord:
    told = thickness_mm[np.isfinite(thickness_mm)]
    share = len(told) / len(thickness_mm) if len(thickness_mm) else None
    return CortexRecord(
        places=len(thickness_mm),
        told_share=_share(share),
        median_mm=None if share is None or share < _LEAST_TOLD else round(float(np.median(told)), 2),
    )


def _near(metal: Mask, points: Array) -> Bools:
    """Say which points, shape (N, 3), lie near metal."""
    if not len(points) or not metal.voxels.any():
        return np.zeros(len(points), dtype=bool)
    away = distance_mm(metal.voxels, metal.grid.spacing_mm, reach_mm=_NEAR_METAL_MM)
    index = np.rint(np.asarray(metal.grid.to_index(points))).astype(int)
    index = np.clip(index, 0, np.array(metal.grid.shape) - 1)
    return np.asarray(away[tuple(index.T)] <= _NEAR_METAL_MM)


def _hips(skeleton: Skeleton) -> tuple[HipRecord, ...]:
    legs = skeleton.legs
    below = {} if legs is None else {one.side: one.below_line_mm for one in (legs.left, legs.right)}
    return tuple(
        HipRecord(
            side=joint.side,
            is_natural=joint.is_natural,
            offset_mm=_mm(offset_mm(joint)),
            below_ischia_mm=_mm(below.get(joint.side)),
        )
        for joint in (*skeleton.hips.joints, *skeleton.other_hip.joints)
    )


def _legs(skeleton: Skeleton) -> LegsRecord | None:
    legs = skeleton.legs
    if legs is None:
        return None
    return LegsRecord(
        landmark=legs.landmark,
        left_longer_mm=round(legs.left_longer_mm, 2) + 0.0,
        left_offset_more_mm=_mm(legs.left_offset_more_mm),
    )


def _cups(candidacy: Candidacy, implants: Sequence[Implant]) -> tuple[CupRecord, ...]:
    held = {one.side: one for one in candidacy.hips.acetabula}
    return tuple(_cup(place, held.get(place.side), _cup_of(place.joint, implants)) for place in candidacy.hips.places)


def _cup_of(joint: HipJoint, implants: Sequence[Implant]) -> Implant | None:
    cups = (one for one in implants if one.kind == "acetabular_cup" and one.side == joint.side and one.sphere)
    return next(cups, None)


def _cup(place: CupMigration, held: AcetabularDefect | None, cup: Implant | None) -> CupRecord:
    # without a mouth of its own the joint has the usual one: no measurement
    has_mouth = cup is not None and cup.sphere is not None and cup.sphere.opening_lps is not None
    turn = place.turn if has_mouth else None
    return CupRecord(
        side=place.side,
        implant_id=None if cup is None else cup.id,
        inclination_deg=None if turn is None else _mm(turn.inclination_deg),
        anteversion_deg=None if turn is None else _mm(turn.anteversion_deg),
        head_out_mm=_mm(place.out_mm) if has_mouth else None,
        head_room_mm=_mm(place.room_mm),
        up_mm=_mm(place.up_mm),
        medial_mm=_mm(place.medial_mm),
        behind_mm=_mm(place.behind_mm),
        away_mm=_mm(place.away_mm),
        rim_lost_share=None if held is None else _share(held.rim_lost_share),
        floor_lost_share=None if held is None else _share(held.floor_lost_share),
        held_share=None if held is None else _share(held.held_share),
        paprosky_like=None if held is None else held.likeness,
    )


def _missing(model: DefectModel) -> MissingBoneRecord:
    return MissingBoneRecord(
        bone=model.name.removeprefix("defect-").rsplit("-against-", 1)[0],
        side=model.side,
        against=model.against,
        volume_ml=_ml(model.volume_ml),
        unread_ml=_ml(model.unread_ml),
        fit_error_mm=_mm(model.error_mm),
    )


def _mm(value: float | None) -> float | None:
    # adding nought makes a nought without a sign
    return None if value is None else round(float(value), 2) + 0.0


def _ml(value: float) -> float:
    return round(float(value), 3)


def _share(value: float | None) -> float | None:
    return None if value is None else min(1.0, max(0.0, round(float(value), 3)))


def _point(point: Array, digits: int = 2) -> PointTuple:
    x, y, z = (round(float(v), digits) + 0.0 for v in np.asarray(point))
    return x, y, z
