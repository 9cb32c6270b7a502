"""Who is no candidate for cement round a hip implant, or only with care: all that the CT shows of it, in one call."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    compare_with_mirror,
    defect_findings,
    defect_from_envelope,
)
from planner.segment.candidacy.femoral_defects import FemoralDefect, femoral_defect, femoral_findings
from planner.segment.candidacy.femoral_wall import femoral_wall
from planner.segment.candidacy.fissures import Fissure, find_fissures, fissure_findings
from planner.segment.candidacy.gas_collections import Pocket, find_pockets, infection_findings
from planner.segment.candidacy.hip_not_told import (
    femur_not_told,
    infection_not_told,
    mirror_not_told,
    not_told_findings,
    other_side_not_told,
    socket_not_told,
)
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
    space_trusts : tuple of float or None
        How far each space is to be believed, 0..1; None where it was not told. Empty, or one for each space.
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
    space_trusts: tuple[float | None, ...] = ()

    def believed_spaces(self, least_trust: float) -> tuple[Mask, ...]:
        """Give the lucent spaces without those that are known to deserve less trust."""
        if not self.space_trusts:
            return self.spaces
        pairs = zip(self.spaces, self.space_trusts, strict=True)
        return tuple(space for space, trust in pairs if trust is None or trust >= least_trust)

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
    untold : tuple of str
        What could not be measured, and why; the findings say it with the hip's side.
    """

    findings: tuple[Finding, ...] = ()
    places: tuple[CupMigration, ...] = ()
    acetabula: tuple[AcetabularDefect, ...] = ()
    femora: tuple[FemoralDefect, ...] = ()
    fissures: tuple[Fissure, ...] = ()
    pockets: tuple[Pocket, ...] = ()
    defects: tuple[DefectModel, ...] = ()
    untold: tuple[str, ...] = ()


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
        Of hips whose bones were not told apart, only what needs none; one finding for each hip says what was not
        measured.

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
        other = next((j for j in (*other_joints, *scene.joints) if j.side != joint.side), None)
        theirs = _pelvis_of((*other_bones, *scene.bones), "right" if joint.side == "left" else "left")
        of_socket = _of_socket(joint, scene, other, theirs, config)
        check_cancelled(monitor)
        of_femur = _of_femur(joint, scene, config)
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
        of_pockets = HipCandidacy(
            findings=infection_findings(pockets, joint=joint, config=config.infection),
            pockets=pockets,
            untold=infection_not_told(scene.body, pockets, config=config.infection),
        )
        own = _joined((of_socket, of_femur, of_pockets))
        parts.append(replace(own, findings=(*own.findings, *not_told_findings(joint, own.untold))))
    return _joined(parts)


def _mirrored(
    joint: HipJoint, pelvis: Bone | None, other: HipJoint | None, theirs: Bone | None, config: HipCandidacyConfig
) -> MirroredSide | None:
    if joint.is_natural or other is None or pelvis is None or theirs is None:
        return None
    return mirrored_side(joint, pelvis, other, theirs, config=config.mirror)


def _pelvis_of(bones: Sequence[Bone], side: Side) -> Bone | None:
    return next((b for b in bones if b.kind == "pelvis" and b.side == side), None)


def _of_socket(
    joint: HipJoint,
    scene: HipScene,
    other: HipJoint | None,
    theirs: Bone | None,
    config: HipCandidacyConfig,
) -> HipCandidacy:
    pelvis = scene.bone_of("pelvis", joint.side)
    mirrored = _mirrored(joint, pelvis, other, theirs, config)
    kinds = {i.kind for i in scene.implants if i.side == joint.side and i.sphere is not None}
    place = cup_migration(joint, has_head="femoral_head" in kinds, has_cup="acetabular_cup" in kinds, mirrored=mirrored)
    said = migration_findings(place, config=config.cup)
    uncompared = other_side_not_told(joint, place=place, other=other, pelvis=pelvis, other_pelvis=theirs)
    if place is None or pelvis is None:
        unheld = socket_not_told(joint, place=place, pelvis=pelvis, defect=None)
        return HipCandidacy(said, places=() if place is None else (place,), untold=(*uncompared, *unheld))
    held = acetabular_defect(
        joint,
        pelvis=pelvis,
        ct=scene.ct,
        metal=scene.metal,
        place=place,
        trust=scene.trust,
        config=config.acetabulum,
    )
    spaces = scene.believed_spaces(config.model.least_trust)
    models = [defect_from_envelope(pelvis, spaces=spaces, metal=scene.metal, config=config.model)]
    unread: tuple[str, ...] = ()
    if mirrored is not None and theirs is not None:
        against = compare_with_mirror(
            joint,
            pelvis=pelvis,
            other_pelvis=theirs,
            mirrored=mirrored,
            metal=scene.metal,
            trust=scene.trust,
            config=config.model,
        )
        models.append(against.model)
        unread = mirror_not_told(against)
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
        untold=(*uncompared, *unread, *socket_not_told(joint, place=place, pelvis=pelvis, defect=held)),
    )


def _of_femur(joint: HipJoint, scene: HipScene, config: HipCandidacyConfig) -> HipCandidacy:
    femur = scene.bone_of("femur", joint.side)
    marks = (m for m in scene.landmarks if m.name == "lesser trochanter" and m.side == joint.side)
    lesser = next(marks, None)
    if femur is None:
        unread = femur_not_told(joint, femur=None, lesser=lesser, defect=None, config=config.femur)
        return HipCandidacy(untold=unread)
    spaces = scene.believed_spaces(config.model.least_trust)
    model = defect_from_envelope(femur, spaces=spaces, metal=scene.metal, config=config.model)
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
        unread = femur_not_told(joint, femur=femur, lesser=lesser, defect=None, config=config.femur)
        return HipCandidacy(said, defects=defects, untold=unread)
    lost = femoral_defect(wall, config=config.femur)
    lines = find_fissures(wall, config=config.fissures)
    said = (
        *femoral_findings(lost, config=config.femur),
        *fissure_findings(lines, config=config.fissures),
        *said,
    )
    unread = femur_not_told(joint, femur=femur, lesser=lesser, defect=lost, config=config.femur)
    return HipCandidacy(said, femora=(lost,), fissures=lines, defects=defects, untold=unread)


def _joined(parts: Sequence[HipCandidacy]) -> HipCandidacy:
    return HipCandidacy(
        findings=tuple(x for p in parts for x in p.findings),
        places=tuple(x for p in parts for x in p.places),
        acetabula=tuple(x for p in parts for x in p.acetabula),
        femora=tuple(x for p in parts for x in p.femora),
        fissures=tuple(x for p in parts for x in p.fissures),
        pockets=tuple(x for p in parts for x in p.pockets),
        defects=tuple(x for p in parts for x in p.defects),
        untold=tuple(x for p in parts for x in p.untold),
    )
