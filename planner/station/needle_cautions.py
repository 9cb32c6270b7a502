"""What speaks against a needle that keeps every limit: one rule for needles of the plan and for a person's own."""

import numpy as np

from planner.model.injection_stop import is_at_hip, stops_told
from planner.model.needle import NeedleWay, Trajectory
from planner.model.plan import Plan
from planner.model.record import PointLps
from planner.report.courses import course_leaks
from planner.report.leak_words import behind
from planner.report.needle_words import CLEARANCES, margins_in_words

_AT_ONCE_ML = 0.1
"""Nobody stops sooner: the least that the words for stops tell apart."""
_SAME_MM = 0.01
_AIMED_OFF = (
    ("metal", "meet an implant or cement"),
    ("canal", "enter the canal"),
    ("forbidden", "meet forbidden tissue"),
)
_NO_SKIN = "the skin lies outside of the scan: its way through soft tissue is not checked to the end"
_NO_VIEW = "the C-arm does not reach its bull's-eye view"
"""Most of these the plan tells of its own needles, in the same words: they stand once."""


def cautions_of(way: NeedleWay, *, at_once: str | None = None) -> tuple[str, ...]:
    """Say what speaks against a needle beside broken limits.

    Parameters
    ----------
    way : NeedleWay
        The needle, planned or a person's own.
    at_once : str or None
        As `at_once_words` says it; None where an injection does not stop at once, or nobody simulated it.

    Returns
    -------
    tuple of str
        Its own cautions, what a bad aim would meet, narrower margins, a skin that is not seen, a view out of the
        gantry's reach, `at_once`; each once. Empty where nothing that was measured speaks against it.
    """
    margins = (margins_in_words(way.margins_reduced),) if way.margins_reduced else ()
    skin = (_NO_SKIN,) if way.entry_skin_lps is None else ()
    gantry = () if way.bulls_eye.within_gantry_limits else (_NO_VIEW,)
    stops = () if at_once is None else (at_once,)
    return tuple(dict.fromkeys((*way.cautions, *aimed_off(way), *margins, *skin, *gantry, *stops)))


def unmeasured(way: NeedleWay) -> tuple[str, ...]:
    """Name what every needle of this way must be told to keep away from, and nobody measured how far it does."""
    # A femoral needle has no canal beside it.
    matter = ("metal",) if way.approach == "femoral" else ("metal", "canal")
    return tuple(name for field, name in CLEARANCES if field in matter and getattr(way.clearance_mm, field) is None)


def aimed_off(way: NeedleWay) -> tuple[str, ...]:
    """Say what a badly aimed needle would meet; nothing where it would meet nothing, or that was not measured."""
    error = way.with_aim_error
    if error is None:
        return ()
    off = f"aimed {error.error_mm:g} mm and {error.error_deg:g} degrees off it may"
    return tuple(f"{off} {what}" for field, what in _AIMED_OFF if (getattr(error, field) or 0.0) < 0.0)


def is_without_caution(plan: Plan, way: NeedleWay) -> bool:
    """Say whether nothing speaks against a planned needle: neither a broken limit nor any caution."""
    return not way.violations and not cautions_of(way, at_once=at_once_of(plan, way))


def at_once_of(plan: Plan, way: NeedleWay) -> str | None:
    """Say that an injection through a planned needle stops at once, as `at_once_words`."""
    if isinstance(way, Trajectory):
        return at_once_words(plan, way.gap_id, way.target_lps)
    picked = next((target for target in plan.picked_targets if target.id == way.goal_id), None)
    return None if picked is None or picked.gap_id is None else at_once_words(plan, picked.gap_id, way.target_lps)


def at_once_words(plan: Plan, gap_id: str, tip_lps: PointLps) -> str | None:
    """Say that an injection into a gap stops at once.

    Parameters
    ----------
    plan : Plan
        The plan with its simulated injections.
    gap_id : str
        The gap.
    tip_lps : PointLps
        Where the needle's tip is, LPS mm.

    Returns
    -------
    str or None
        Where a course from this tip, or the earliest of the gap, comes to a way out that one stops for within 0.1 mL.
        None where none does, and where none was simulated.
    """
    gap = next((one for one in plan.gaps if one.id == gap_id), None)
    if gap is None:
        return None
    hip = is_at_hip(next((one for one in plan.implants if one.id == gap.implant_id), None))
    breaches = {breach.id: breach for breach in plan.breaches}
    met = [(ml, breach) for breach, ml in stops_told(plan.breaches, gap_id, hip=hip)]
    for fill in plan.fills:
        if fill.gap_id == gap_id and len(fill.tips_lps) == 1 and _is_same(fill.tips_lps[0], tip_lps):
            course = course_leaks(fill, breaches, hip=hip)
            if course.stop is not None and course.stop_ml is not None:
                met.append((course.stop_ml, course.stop))
    soon = [(ml, breach) for ml, breach in met if ml < _AT_ONCE_ML]
    if not soon:
        return None
    _, first = min(soon, key=lambda pair: pair[0])
    return (
        f"an injection into {gap_id} stops at once: within the first 0.1 mL cement is at {behind(first)} ({first.id})"
    )


def _is_same(one: PointLps, other: PointLps) -> bool:
    return float(np.linalg.norm(np.subtract(one, other))) <= _SAME_MM
