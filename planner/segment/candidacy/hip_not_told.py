"""What could not be measured at a hip, and why: a silent plan must not read as a sound hip."""

from collections.abc import Sequence

import numpy as np

from planner.config.candidacy_config import FemoralDefectConfig, InfectionConfig
from planner.geometry.frames import point_tuple
from planner.model.bones import Bone, Landmark
from planner.model.finding import Finding
from planner.model.volume import Mask
from planner.segment.anatomy.joint_space import HipJoint
from planner.segment.candidacy.acetabular_defects import AcetabularDefect
from planner.segment.candidacy.cup_migration import CupMigration
from planner.segment.candidacy.defect_model import MirrorComparison
from planner.segment.candidacy.femoral_defects import FemoralDefect
from planner.segment.candidacy.gas_collections import Pocket, is_taken_for_bowel

_UNREADABLE = "too little can be read beside the metal and its artefacts"


def femur_not_told(
    joint: HipJoint,
    *,
    femur: Bone | None,
    lesser: Landmark | None,
    defect: FemoralDefect | None,
    config: FemoralDefectConfig,
) -> tuple[str, ...]:
    """Say what of a femur's wall could not be measured.

    Parameters
    ----------
    joint : HipJoint
        The hip.
    femur : Bone or None
        Its femur.
    lesser : Landmark or None
        Its lesser trochanter.
    defect : FemoralDefect or None
        What was measured.
    config : FemoralDefectConfig
        Limits.

    Returns
    -------
    tuple of str
        Each with its reason; empty where a class was given.
    """
    if defect is None:
        if femur is None:
            why = "the femur was not told apart"
        elif joint.axis_lps is None:
            why = "no axis of stem or shaft is known"
        elif lesser is None:
            why = "the lesser trochanter was not found"
        else:
            why = "too little of the shaft is in view or can be read"
        return (f"the femur's wall, its defects and fissures ({why})",)
    if defect.likeness is not None:
        return ()
    return (f"the femur's class of defect ({_why_no_femoral_class(defect, config)})",)


def socket_not_told(
    joint: HipJoint, *, place: CupMigration | None, pelvis: Bone | None, defect: AcetabularDefect | None
) -> tuple[str, ...]:
    """Say what of the bone round a cup could not be measured.

    Parameters
    ----------
    joint : HipJoint
        The hip.
    place : CupMigration or None
        Where its cup stands.
    pelvis : Bone or None
        Its pelvis.
    defect : AcetabularDefect or None
        What was measured.

    Returns
    -------
    tuple of str
        Each with its reason; empty for a natural hip: it has no cup.
    """
    if joint.is_natural:
        return ()
    if place is None:
        return ("the cup's place and the bone that holds it (no cup of metal was found)",)
    if defect is None:
        why = "the pelvis was not told apart" if pelvis is None else "the picture cuts the cup"
        return (f"the bone that holds the cup ({why})",)
    shares = (
        ("the socket's upper rim", defect.rim_lost_share),
        ("the socket's medial wall", defect.floor_lost_share),
        ("how much of the cup bone holds", defect.held_share),
    )
    out = [f"{what} ({_UNREADABLE})" for what, share in shares if share is None]
    if defect.likeness is None:
        out.append(f"the socket's class of defect ({_why_no_acetabular_class(defect, place)})")
    return tuple(out)


def mirror_not_told(against: MirrorComparison) -> tuple[str, ...]:
    """Say that bone which the other side has cannot be called missing here, for nothing can be read there.

    Parameters
    ----------
    against : MirrorComparison
        What was compared.

    Returns
    -------
    tuple of str
        Empty where all that differs can be read, or some of it was told: its finding says the rest.
    """
    if against.model is not None or not against.unread_ml:
        return ()
    return (
        f"whether bone is missing against the mirrored other side (of the {against.unread_ml:.1f} mL in question "
        "artefacts leave nothing readable)",
    )


def other_side_not_told(
    joint: HipJoint,
    *,
    place: CupMigration | None,
    other: HipJoint | None,
    pelvis: Bone | None,
    other_pelvis: Bone | None,
) -> tuple[str, ...]:
    """Say why a cup was not compared with the other side.

    Parameters
    ----------
    joint : HipJoint
        The hip.
    place : CupMigration or None
        Where its cup stands.
    other : HipJoint or None
        The other hip.
    pelvis, other_pelvis : Bone or None
        Both sides' bones.

    Returns
    -------
    tuple of str
        Empty where it was compared, and where there is no cup to compare.
    """
    if joint.is_natural or place is None or place.away_mm is not None:
        return ()
    if other is None:
        why = "the other hip is not in view"
    elif not other.is_natural:
        why = "the other hip is replaced too"
    elif pelvis is None or other_pelvis is None:
        why = "the pelvis was not told apart on both sides"
    else:
        why = "too little of both sides is in view, or they do not fit"
    return (f"whether the cup lies where the other side says ({why})",)


def infection_not_told(body: Mask | None, pockets: Sequence[Pocket], *, config: InfectionConfig) -> tuple[str, ...]:
    """Say what of gas and fluid could not be judged.

    Parameters
    ----------
    body : Mask or None
        The patient within the skin.
    pockets : sequence of Pocket
        Of one hip.
    config : InfectionConfig
        Limits.

    Returns
    -------
    tuple of str
    """
    if body is None:
        return ("gas and fluid round the implant (the skin was not found)",)
    large = [p for p in pockets if is_taken_for_bowel(p, config=config)]
    return tuple(
        f"{p.volume_ml:.0f} mL of gas in one piece near the implant (so much is taken for bowel; an abscess is not "
        "ruled out)"
        for p in large
    )


def not_told_findings(joint: HipJoint, untold: Sequence[str]) -> tuple[Finding, ...]:
    """Say in one finding what could not be measured at a hip.

    Parameters
    ----------
    joint : HipJoint
        The hip.
    untold : sequence of str
        What, and why.

    Returns
    -------
    tuple of Finding
        Empty where all was measured.
    """
    if not untold:
        return ()
    return (
        Finding(
            code="hip-candidacy-not-told",
            severity="info",
            message=f"{joint.side} hip: not measured: {'; '.join(untold)}. What was not measured is not said to be "
            "sound.",
            where_lps=point_tuple(np.round(np.asarray(joint.head_lps), 1)),
            source="this program's rule",
        ),
    )


def _why_no_femoral_class(defect: FemoralDefect, config: FemoralDefectConfig) -> str:
    if defect.view_mm < config.intact_mm:
        return "too little of the shaft is in view"
    if defect.lost_mm is None or defect.intact_mm is None or defect.metaphysis_lost_share is None:
        return _UNREADABLE
    return "a metaphysis that supports over a shaft that is not whole is in none of the classes"


def _why_no_acetabular_class(defect: AcetabularDefect, place: CupMigration) -> str:
    if defect.rim_lost_share is None or defect.floor_lost_share is None:
        return _UNREADABLE
    if place.away_mm is None:
        return "the other side does not say where the cup should lie"
    return "the cup lies far off, yet not as the classes know it"
