"""Where in the patient a target lies, in words: side and level, or that they are not told."""

from typing import Literal

import numpy as np

from planner.model.gap import Gap
from planner.model.implant import HIP_KINDS, SPINE_KINDS, Implant, Side
from planner.model.plan import Plan

_IN_PEDICLE_MM = 10.0
"""A screw whose axis passes a pedicle's middle nearer than this lies in it. Ours: about a lumbar pedicle's half
height."""


def side_words(side: Side | None) -> str:
    """Say a side so that it cannot be overlooked."""
    return "SIDE NOT TOLD" if side is None else side.upper()


def place_of(gap: Gap, implant: Implant | None, plan: Plan) -> str:
    """Say at which level a gap lies: "L4"; by its vertebra in the scan where no level was told; "" at a hip.

    Of a gap without implant it may be told neither that it lies at the spine nor at a hip: "place not told".

    Parameters
    ----------
    gap : Gap
        The gap.
    implant : Implant or None
        Its implant.
    plan : Plan
        The plan.

    Returns
    -------
    str
    """
    level = gap.level or (None if implant is None else implant.level)
    if level:
        return level
    if implant is not None and implant.kind in HIP_KINDS:
        return ""
    if implant is None and (lies := whereabouts(gap, plan)) != "spine":
        return "" if lies == "hip" else "place not told"
    bone = None if implant is None else bone_of(implant, plan)
    return f"{bone} of the scan, level not told" if bone else "level not told"


def bone_of(implant: Implant, plan: Plan) -> str | None:
    """Name the vertebra whose pedicle a screw lies in.

    Parameters
    ----------
    implant : Implant
        One of the plan's.
    plan : Plan
        The plan, with the pedicles' places.

    Returns
    -------
    str or None
        The bone's name ("vertebra-2"); None where the screw passes no pedicle that was found on its side.
    """
    if plan.anatomy is None or implant.axis is None:
        return None
    head, tip = np.array(implant.axis.head_lps), np.array(implant.axis.tip_lps)
    run = tip - head
    near: list[tuple[float, str]] = []
    for pedicle in plan.anatomy.pedicles:
        if pedicle.side != implant.side or not run.any():
            continue
        centre = np.array(pedicle.centre_lps)
        share = float(np.clip((centre - head) @ run / (run @ run), 0.0, 1.0))
        near.append((float(np.linalg.norm(head + share * run - centre)), pedicle.bone))
    distance, name = min(near, default=(np.inf, ""))
    return name if distance < _IN_PEDICLE_MM else None


def is_spinal(plan: Plan) -> bool:
    """Say whether a plan is of a spine, or of one too: plates, cement and what is not known lie anywhere."""
    return any(one.kind in SPINE_KINDS for one in plan.implants) or any(map(_has_level, plan.gaps))


def implants_at_hips(plan: Plan) -> tuple[Implant, ...]:
    """Give the implants that are shown with the hips: the hips' own; with them, where there is no spine, all others."""
    hips = tuple(one for one in plan.implants if one.kind in HIP_KINDS)
    return hips if is_spinal(plan) or not hips else plan.implants


def whereabouts(gap: Gap, plan: Plan) -> Literal["spine", "hip"] | None:
    """Say with what a gap is shown.

    Parameters
    ----------
    gap : Gap
        One of the plan's.
    plan : Plan
        The plan.

    Returns
    -------
    "spine", "hip" or None
        That of its implant. Of a gap without one: "spine" for a fractured vertebra, or where a level is told; else, for
        lysis may lie in any bone, what the plan alone is of. None where it is of both, or of neither.
    """
    if gap.implant_id is not None:
        return "hip" if gap.implant_id in {one.id for one in implants_at_hips(plan)} else "spine"
    if _has_level(gap):
        return "spine"
    of_hip, of_spine = any(one.kind in HIP_KINDS for one in plan.implants), is_spinal(plan)
    return None if of_hip == of_spine else "hip" if of_hip else "spine"


def free_gaps_at_hip(plan: Plan, side: Side | None) -> tuple[Gap, ...]:
    """Give the gaps without implant that are shown with one hip's implants.

    Parameters
    ----------
    plan : Plan
        The plan, which does not tell what side they are on.
    side : "left", "right" or None
        Of that hip's implants.

    Returns
    -------
    tuple of Gap
        Empty where there are implants of another hip too: which of the two it is, is not told.
    """
    if {one.side for one in plan.implants if one.kind in HIP_KINDS} != {side}:
        return ()
    return tuple(gap for gap in plan.gaps if gap.implant_id is None and whereabouts(gap, plan) == "hip")


def _has_level(gap: Gap) -> bool:
    """Say whether a gap without implant lies in a vertebra for certain."""
    return gap.implant_id is None and (gap.kind == "fracture_level" or gap.level is not None)
