"""Who is no candidate for cement round a hip implant, or only with care: all that the CT shows of it, in one call."""

from collections.abc import Sequence
from dataclasses import dataclass

from planner.config.candidacy_config import HipCandidacyConfig
from planner.model.bones import Bone, Landmark
from planner.model.finding import Finding
from planner.model.implant import Implant, Side
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.anatomy.joint_space import HipJoint
from planner.segment.candidacy.acetabular_defects import AcetabularDefect, acetabular_defect, acetabular_findings
from planner.segment.candidacy.cup_migration import CupMigration, cup_migration, migration_findings
from planner.segment.candidacy.cup_place import MirroredSide, mirrored_side
from planner.segment.candidacy.defect_model import (
    DefectModel,
    defect_findings,
    defect_from_envelope,
    defect_from_mirror,
)
from planner.segment.candidacy.femoral_defects import FemoralDefect, femoral_defect, femoral_findings
from planner.segment.candidacy.femoral_wall import femoral_wall
from planner.segment.candidacy.fissures import Fissure, find_fissures, fissure_findings
from planner.segment.candidacy.gas_collections import Pocket, find_pockets, infection_findings
from planner.segment.trust import TrustMap

DEFAULT = HipCandidacyConfig()
NO_CANDIDATE = frozenset({"femoral-defect-no-candidate"})
"""Codes that rule cement out. A gross migration does so only where earlier pictures show it; the rest are cautions."""


@dataclass(frozen=True, slots=True, eq=False)
class HipScene:
    """What is known round the hips, all masks on one upright grid.

    Parameters
    ----------
    ct : Volume
        The CT on the working grid.
    metal, bone : Mask
        All metal, and the envelope of all bone.
    body : Mask or None
        The body within its skin.
    implants : tuple of Implant
        What was found.
    joints : tuple of HipJoint
        The hips.
    bones : tuple of Bone
        Femora and pelves on the same grid; may be empty.
    landmarks : tuple of Landmark
        Trochanters; may be empty.
    spaces : tuple of Mask
        The lucent spaces that were measured, on any grids.
    trust : TrustMap or None
        What artefacts leave readable.
    """

    ct: Volume
    metal: Mask
    bone: Mask
    body: Mask | None
    implants: tuple[Implant, ...]
    joints: tuple[HipJoint, ...]
    bones: tuple[Bone, ...] = ()
    landmarks: tuple[Landmark, ...] = ()
    spaces: tuple[Mask, ...] = ()
    trust: TrustMap | None = None

    def bone_of(self, kind: str, side: Side) -> Bone | None:
        """Give the femur or pelvis of a side; None where it was not told."""
        return next((b for b in self.bones if b.kind == kind and b.side == side), None)


@dataclass(frozen=True, slots=True, eq=False)
class HipCandidacy:
    """What speaks against cement at the hips.

    Parameters
    ----------
    findings : tuple of Finding
        In words.
    places : tuple of CupMigration
        Where the cups stand.
    acetabula : tuple of AcetabularDefect
        What holds them.
    femora : tuple of FemoralDefect
        What is missing of the femora's walls.
    fissures : tuple of Fissure
        Lines through them.
    pockets : tuple of Pocket
        Gas and fluid.
    defects : tuple of DefectModel
        Missing bone, as masks.
    """

    findings: tuple[Finding, ...] = ()
    places: tuple[CupMigration, ...] = ()
    acetabula: tuple[AcetabularDefect, ...] = ()
    femora: tuple[FemoralDefect, ...] = ()
    fissures: tuple[Fissure, ...] = ()
    pockets: tuple[Pocket, ...] = ()
    defects: tuple[DefectModel, ...] = ()


def hip_candidacy(
    scene: HipScene,
    *,
    other_joints: Sequence[HipJoint] = (),
    other_bones: Sequence[Bone] = (),
    config: HipCandidacyConfig = DEFAULT,
    monitor: Monitor = SILENT,
) -> HipCandidacy:
    """Look for what makes a hip no candidate for cement.

    Parameters
    ----------
    scene : HipScene
        What is known round the hips.
    other_joints, other_bones : sequence
        The natural hip of the other side, on a grid of its own; empty where it is not in view.
    config : HipCandidacyConfig
        Limits.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    HipCandidacy
        Of hips whose bones were not told apart, only what needs none.

    Raises
    ------
    GeometryError
        If masks lie on other grids.
    CancelledError
        If the monitor says stop.
    """
    parts: list[HipCandidacy] = []
    for joint in scene.joints:
        check_cancelled(monitor)
        monitor.report(Progress(f"looking for what speaks against cement at the {joint.side} hip"))
        mirrored = None if joint.is_natural else _mirrored(joint, scene, other_joints, other_bones, config)
        parts.append(_of_socket(joint, scene, mirrored, other_bones, config))
        check_cancelled(monitor)
        parts.append(_of_femur(joint, scene, config))
        check_cancelled(monitor)
        pockets = find_pockets(
            joint,
            ct=scene.ct,
            metal=scene.metal,
            bone=scene.bone,
            body=scene.body,
            trust=scene.trust,
            config=config.infection,
        )
        said = infection_findings(pockets, joint=joint, config=config.infection)
        parts.append(HipCandidacy(findings=said, pockets=pockets))
    return _joined(parts)


def _mirrored(
    joint: HipJoint,
    scene: HipScene,
    other_joints: Sequence[HipJoint],
    other_bones: Sequence[Bone],
    config: HipCandidacyConfig,
) -> MirroredSide | None:
    other = next((j for j in (*other_joints, *scene.joints) if j.side != joint.side), None)
    if other is None:
        return None
    pelvis = scene.bone_of("pelvis", joint.side)
    theirs = _pelvis_of((*other_bones, *scene.bones), other.side)
    if pelvis is None or theirs is None:
        return None
    return mirrored_side(joint, pelvis, other, theirs, config=config.mirror)


def _pelvis_of(bones: Sequence[Bone], side: Side) -> Bone | None:
    return next((b for b in bones if b.kind == "pelvis" and b.side == side), None)


def _of_socket(
    joint: HipJoint,
    scene: HipScene,
    mirrored: MirroredSide | None,
    other_bones: Sequence[Bone],
    config: HipCandidacyConfig,
) -> HipCandidacy:
    kinds = {i.kind for i in scene.implants if i.side == joint.side and i.sphere is not None}
    place = cup_migration(joint, has_head="femoral_head" in kinds, has_cup="acetabular_cup" in kinds, mirrored=mirrored)
    said = migration_findings(place, config=config.cup)
    pelvis = scene.bone_of("pelvis", joint.side)
    if place is None or pelvis is None:
        return HipCandidacy(said, places=() if place is None else (place,))
    held = acetabular_defect(
        joint,
        pelvis=pelvis,
        ct=scene.ct,
        metal=scene.metal,
        place=place,
        trust=scene.trust,
        config=config.acetabulum,
    )
    models = [defect_from_envelope(pelvis, spaces=scene.spaces, metal=scene.metal, config=config.model)]
    theirs = _pelvis_of((*other_bones, *scene.bones), "right" if joint.side == "left" else "left")
    if mirrored is not None and theirs is not None:
        models.append(
            defect_from_mirror(
                joint,
                pelvis=pelvis,
                other_pelvis=theirs,
                mirrored=mirrored,
                metal=scene.metal,
                config=config.model,
            )
        )
    defects = tuple(m for m in models if m is not None)
    return HipCandidacy(
        findings=(
            *said,
            *acetabular_findings(held, config=config.acetabulum),
            *defect_findings(defects, config=config.model),
        ),
        places=(place,),
        acetabula=() if held is None else (held,),
        defects=defects,
    )


def _of_femur(joint: HipJoint, scene: HipScene, config: HipCandidacyConfig) -> HipCandidacy:
    femur = scene.bone_of("femur", joint.side)
    marks = (m for m in scene.landmarks if m.name == "lesser trochanter" and m.side == joint.side)
    lesser = next(marks, None)
    if femur is None:
        return HipCandidacy()
    model = defect_from_envelope(femur, spaces=scene.spaces, metal=scene.metal, config=config.model)
    defects = () if model is None else (model,)
    said = defect_findings(defects, config=config.model)
    wall = None
    if joint.axis_lps is not None and lesser is not None:
        wall = femoral_wall(
            femur,
            ct=scene.ct,
            metal=scene.metal,
            axis_lps=joint.axis_lps,
            lesser_lps=lesser.point_lps,
            trust=scene.trust,
            config=config.wall,
        )
    if wall is None:
        return HipCandidacy(said, defects=defects)
    lost = femoral_defect(wall, config=config.femur)
    lines = find_fissures(wall, config=config.fissures)
    said = (
        *femoral_findings(lost, config=config.femur),
        *fissure_findings(lines, config=config.fissures),
        *said,
    )
    return HipCandidacy(said, femora=(lost,), fissures=lines, defects=defects)


def _joined(parts: Sequence[HipCandidacy]) -> HipCandidacy:
    return HipCandidacy(
        findings=tuple(x for p in parts for x in p.findings),
        places=tuple(x for p in parts for x in p.places),
        acetabula=tuple(x for p in parts for x in p.acetabula),
        femora=tuple(x for p in parts for x in p.femora),
        fissures=tuple(x for p in parts for x in p.fissures),
        pockets=tuple(x for p in parts for x in p.pockets),
        defects=tuple(x for p in parts for x in p.defects),
    )
