"""What is planned at one place, in words: for whoever puts a name to it."""

from collections.abc import Iterator

from planner.model.gap import Gap
from planner.model.injection_stop import is_at_hip, stops_told
from planner.model.needle import NeedleWay
from planner.model.plan import Plan
from planner.model.proposal import proposed_needles
from planner.report.courses import course_leaks
from planner.report.leak_words import cut_to_tenths, stop_at
from planner.report.needle_words import APPROACHES

_NO_SKIN = "depth from the skin not known, the skin is not in the picture"


def planned_in_gap(plan: Plan, gap: Gap) -> tuple[str, ...]:
    """Say what is planned for one gap: how much it holds, through which needles, and when one stops.

    Parameters
    ----------
    plan : Plan
        The plan.
    gap : Gap
        One of its gaps.

    Returns
    -------
    tuple of str
        A line each: its volume, its proposed needles with their depths, the stop. What is not known is said so.
    """
    return (_volume(gap), *_needles(plan, gap), stop_words(plan, gap))


def needle_in_brief(way: NeedleWay) -> str:
    """Name a needle with its approach and depth: "trajectory-1: transpedicular, 65 mm deep from the skin"."""
    deep = way.depth_from_skin_mm
    return f"{way.id}: {APPROACHES[way.approach]}, {_NO_SKIN if deep is None else f'{deep:.0f} mm deep from the skin'}"


def earliest_stop_ml(plan: Plan, gap: Gap) -> float | None:
    """Give the least volume at which one would stop when the proposed needles inject into a gap.

    Parameters
    ----------
    plan : Plan
        The plan.
    gap : Gap
        One of its gaps.

    Returns
    -------
    float or None
        mL: of the needles proposed for it (of all where none is), of its needle sets, and with the first needle's tip
        off its aim. None where none of these comes to anything that one stops for, or none was simulated.
    """
    told = (ml for _, ml in stops_told(plan.breaches, gap.id, hip=_is_at_hip(plan, gap)))
    return min((ml for ml in (_own_stop_ml(plan, gap), *told) if ml is not None), default=None)


def stop_words(plan: Plan, gap: Gap) -> str:
    """Say when one stops injecting into a gap, the earliest that is simulated; or that it is not known.

    Parameters
    ----------
    plan : Plan
        The plan.
    gap : Gap
        One of its gaps.

    Returns
    -------
    str
    """
    ml, own = earliest_stop_ml(plan, gap), _own_stop_ml(plan, gap)
    if ml is not None:
        is_own = own is not None and cut_to_tenths(own) <= cut_to_tenths(ml)
        of = "" if is_own else ", the earliest: with a tip off its aim, or with several needles"
        return f"stop before {stop_at(ml)}{of}".replace("\u202f", " ")
    mine = [fill for fill in plan.fills if fill.gap_id == gap.id]
    if not mine:
        return "when to stop is not known: no injection was simulated"
    if not any(fill.steps for fill in mine):
        return "in the simulation nothing goes in"
    return "nothing to stop for is reached in the simulation"


def _own_stop_ml(plan: Plan, gap: Gap) -> float | None:
    """Give the least stop of the courses of the proposed needles, alone or together; of all where none is proposed."""
    breaches = {breach.id: breach for breach in plan.breaches}
    names = {way.id for way in _proposed(plan, gap)}
    own = [f for f in plan.fills if f.gap_id == gap.id and (not names or names.issuperset(f.trajectory_ids))]
    stops = (course_leaks(fill, breaches, hip=_is_at_hip(plan, gap)).stop_ml for fill in own)
    return min((ml for ml in stops if ml is not None), default=None)


def _is_at_hip(plan: Plan, gap: Gap) -> bool:
    return is_at_hip(next((one for one in plan.implants if one.id == gap.implant_id), None))


def _volume(gap: Gap) -> str:
    volume = gap.volume_ml
    if volume is None:
        return f"{gap.id}: volume not measured"
    return f"{gap.id}: {volume.estimate:.2f} mL (90 % interval {volume.low:.2f}–{volume.high:.2f})"


def _proposed(plan: Plan, gap: Gap) -> list[NeedleWay]:
    return [way for way in proposed_needles(plan) if way.gap_id == gap.id]


def _needles(plan: Plan, gap: Gap) -> Iterator[str]:
    proposed = _proposed(plan, gap)
    if proposed:
        yield from (f"proposed {needle_in_brief(way)}" for way in proposed)
        return
    mine = sorted((way for way in plan.trajectories if way.gap_id == gap.id), key=lambda way: way.rank)
    yield f"no needle is proposed; first of {len(mine)}: {needle_in_brief(mine[0])}" if mine else "no needle"
