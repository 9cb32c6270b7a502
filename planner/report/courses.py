"""Simulated courses in short: what each comes to first, needle by needle, and which ones come out the same."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from planner.model.breach import Breach
from planner.model.cement_fill import CementFill
from planner.model.injection_stop import first_stop, is_at_hip, stops_told
from planner.model.plan import Plan


@dataclass(frozen=True, slots=True)
class CourseLeaks:
    """A simulated injection, and what it comes to first.

    Parameters
    ----------
    fill : CementFill
        It.
    first : Breach or None
        The first open way out that it reaches; None where it reaches none. A thin wall is no leak.
    first_ml : float or None
        Injected by then.
    stop : Breach or None
        The first that one stops for.
    stop_ml : float or None
        Injected by then.
    earliest_stop_ml : float or None
        The least at which one would stop in this course or in those that the gap's breaches tell of (`Breach.stop_ml`:
        the tip off its aim, needle sets); None where in none.
    """

    fill: CementFill
    first: Breach | None
    first_ml: float | None
    stop: Breach | None
    stop_ml: float | None
    earliest_stop_ml: float | None


def course_leaks(fill: CementFill, breaches: Mapping[str, Breach], *, hip: bool) -> CourseLeaks:
    """Say what a course comes to first.

    Parameters
    ----------
    fill : CementFill
        The course.
    breaches : Mapping of str to Breach
        The plan's, by id.
    hip : bool
        Whether the gap is at a hip implant.

    Returns
    -------
    CourseLeaks
    """
    met = ((breaches[a.breach_id], a.after_ml) for a in fill.arrivals)
    leaks = sorted((pair for pair in met if pair[0].severity == "open"), key=lambda pair: pair[1])
    first = leaks[0] if leaks else (None, None)
    stop = first_stop(fill.arrivals, breaches, hip=hip) or (None, None)
    told = (ml for _, ml in stops_told(breaches.values(), fill.gap_id, hip=hip))
    stops = [ml for ml in (stop[1], *told) if ml is not None]
    return CourseLeaks(fill, first[0], first[1], stop[0], stop[1], min(stops, default=None))


def course_of(plan: Plan, gap_id: str, trajectory_ids: tuple[str, ...]) -> CementFill | None:
    """Give the expected course of some needles that inject together into a gap.

    Parameters
    ----------
    plan : Plan
        The plan.
    gap_id : str
        The gap.
    trajectory_ids : tuple of str
        The needles, in any order.

    Returns
    -------
    CementFill or None
        The one with the interface tissue and the cement that the gap's first course has, as the settings say; None
        where it was not simulated.
    """
    mine = [fill for fill in plan.fills if fill.gap_id == gap_id]
    alike = (fill for fill in mine if not differs_by_setting(fill, mine[0]))
    return next((fill for fill in alike if sorted(fill.trajectory_ids) == sorted(trajectory_ids)), None)


def leaks_by_needle(plan: Plan) -> dict[str, CourseLeaks]:
    """Say of each needle what its own injection comes to first.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    dict of str to CourseLeaks
        By the needle's id; needles whose injection was not simulated are left out.
    """
    found = ((t.id, leaks_of_needles(plan, (t.gap_id,), (t.id,))) for t in plan.trajectories)
    return {name: told for name, told in found if told is not None}


def leaks_of_needles(plan: Plan, gap_ids: tuple[str, ...], trajectory_ids: tuple[str, ...]) -> CourseLeaks | None:
    """Say what needles that inject together come to first.

    Parameters
    ----------
    plan : Plan
        The plan.
    gap_ids : tuple of str
        The gaps that they fill.
    trajectory_ids : tuple of str
        The needles.

    Returns
    -------
    CourseLeaks or None
        None where that was not simulated, as for needles in several gaps.
    """
    fill = course_of(plan, gap_ids[0], trajectory_ids) if len(gap_ids) == 1 else None
    if fill is None:
        return None
    gap = next(gap for gap in plan.gaps if gap.id == fill.gap_id)
    hip = is_at_hip(next((i for i in plan.implants if i.id == gap.implant_id), None))
    return course_leaks(fill, {breach.id: breach for breach in plan.breaches}, hip=hip)


def differs_by_setting(fill: CementFill, expected: CementFill) -> bool:
    """Say whether a course has other tissue or other cement than another."""
    return (fill.interface_tissue, fill.viscosity) != (expected.interface_tissue, expected.viscosity)


def comes_out_as(fill: CementFill, expected: CementFill) -> bool:
    """Say whether a course runs as another one, in all that is told of it."""
    return (fill.steps, fill.arrivals, fill.ended) == (expected.steps, expected.arrivals, expected.ended)


def drop_leaked_ml(fill: CementFill, breaches: Mapping[str, Breach], *, drop_ml: float) -> float | None:
    """Say when so much has leaked that it can be seen.

    Parameters
    ----------
    fill : CementFill
        The course.
    breaches : Mapping of str to Breach
        The plan's, by id.
    drop_ml : float
        What can be seen, mL.

    Returns
    -------
    float or None
        mL injected when all leaks together have let out that much, between the course's steps on a straight line;
        None where they have not by its end.
    """
    begins = min((a.after_ml for a in fill.arrivals if breaches[a.breach_id].severity == "open"), default=0.0)
    later = [(step.injected_ml, step.leaked_ml) for step in fill.steps if step.injected_ml > begins]
    if not later or later[-1][1] < drop_ml:
        return None
    injected, leaked = zip((begins, 0.0), *later, strict=True)
    past = int(np.argmax(np.asarray(leaked) >= drop_ml))
    return float(np.interp(drop_ml, leaked[past - 1 : past + 1], injected[past - 1 : past + 1]))
