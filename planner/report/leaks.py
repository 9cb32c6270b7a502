"""Where cement will leak, and when, put in order for a reader: target by target, what harms and comes early first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from planner.config.watch_config import WatchConfig
from planner.geometry.frames import detector_direction
from planner.model.breach import Breach
from planner.model.cement_fill import CementFill, NeedleHole
from planner.model.gap import Gap
from planner.model.injection_stop import is_at_hip, stops_injection
from planner.model.plan import Plan
from planner.report.courses import (
    CourseLeaks,
    comes_out_as,
    course_leaks,
    drop_leaked_ml,
    leaks_of_needles,
)
from planner.report.fill_rows import MOST_ROWS, FillRow, fill_rows

DROP_ML = float(WatchConfig.model_fields["drop_ml"].default)
"""The drop that watch views are made to show."""
_NEVER = float("inf")
_SAME_ML = 1e-6
_SOON_ML = 0.5
"""Leaks that follow so soon leave no time to turn the C-arm: half of a 1 mL syringe. Ours."""
_OTHER_VIEW_DEG = 15.0
"""Views that differ by more are two settings of the C-arm. Ours."""


@dataclass(frozen=True, slots=True)
class LeakEvent:
    """One thing that happens as more is injected.

    Parameters
    ----------
    after_ml : float or None
        Injected by then in the expected course; None where it happens only in another one.
    earliest_ml : float or None
        The earliest in any simulated course; None where no course says.
    breach : Breach or None
        The way out that cement has come to.
    hole : NeedleHole or None
        Or the needle's hole.
    stops : bool
        Whether one stops for it.
    more : tuple of Breach
        Ways out to soft tissue that follow and are not listed one by one.
    course : CementFill or None
        Where it does not happen in the expected course, the one in which it happens first; None where the plan does
        not hold it.
    """

    after_ml: float | None
    earliest_ml: float | None
    breach: Breach | None
    hole: NeedleHole | None
    stops: bool
    more: tuple[Breach, ...] = ()
    course: CementFill | None = None


@dataclass(frozen=True, slots=True)
class TargetLeaks:
    """All that is told of leaks from one gap.

    Parameters
    ----------
    gap_id : str
        The gap.
    breaches : tuple of Breach
        Its own, in reading order.
    fill : CementFill or None
        The expected course; None where none was simulated.
    events : tuple of LeakEvent
        In the order in which they come in the expected course; then those that only other courses know.
    elsewhere : tuple of LeakEvent
        Its breaches that only other single needles reach, or the filling of another gap.
    never, untold : tuple of Breach
        Breaches that no simulated course reaches, and those of which no simulation says; in the plan's order.
    rows : tuple of FillRow
        The expected course at 1, 2, 3 ... mL and at the end.
    others : tuple of CourseLeaks
        The other courses that come out otherwise, without those of other single needles: `leaks_by_needle` has them.
    alike : tuple of CementFill
        Courses with other settings that come out as the expected one.
    sets : tuple of CourseLeaks
        Of what is proposed for this gap, where that is not its first-ranked needle alone.
    stop, soft : LeakEvent or None
        The first leak that one stops for, and the first other one.
    caution : LeakEvent or None
        The first thin wall towards what an injection would stop for, where cement lies against it before the stop.
    soft_count : int
        How many places let cement into soft tissue in the simulated courses.
    soon : tuple of LeakEvent
        Leaks to stop for that follow the first at once and are seen in another view.
    drop_ml : float or None
        Injected when what has leaked is the drop that watch views are made for, mL; None where it never is.
    look_from : Mapping of str to float
        By the breach's id, from how many mL on to look there: the earliest with these needles, else with others.
    """

    gap_id: str
    breaches: tuple[Breach, ...]
    fill: CementFill | None
    events: tuple[LeakEvent, ...]
    elsewhere: tuple[LeakEvent, ...]
    never: tuple[Breach, ...]
    untold: tuple[Breach, ...]
    rows: tuple[FillRow, ...]
    others: tuple[CourseLeaks, ...]
    alike: tuple[CementFill, ...]
    sets: tuple[CourseLeaks, ...]
    stop: LeakEvent | None
    soft: LeakEvent | None
    caution: LeakEvent | None
    soft_count: int
    soon: tuple[LeakEvent, ...]
    drop_ml: float | None
    look_from: Mapping[str, float]

    @property
    def is_told(self) -> bool:
        """Whether there is anything to say beyond that no breach was found."""
        return bool(self.breaches or self.fill or self.events)


def leaks_of(plan: Plan, gap: Gap) -> TargetLeaks:
    """Put in order what is told of leaks from one gap.

    Parameters
    ----------
    plan : Plan
        The plan.
    gap : Gap
        One of its gaps.

    Returns
    -------
    TargetLeaks
    """
    hip = is_at_hip(next((i for i in plan.implants if i.id == gap.implant_id), None))
    fills = [fill for fill in plan.fills if fill.gap_id == gap.id]
    fill = fills[0] if fills else None
    own = in_reading_order((b for b in plan.breaches if b.gap_id == gap.id), hip=hip)
    by_id = {breach.id: breach for breach in plan.breaches}
    found = _events(own, plan, gap, fill, hip=hip)
    elsewhere = tuple(e for e in found if e.course is not None and _kinship(e.course, fill, gap.id) > 0)
    events = [e for e in found if e not in elsewhere]
    told = {e.breach.id for e in found if e.breach is not None}
    unreached = [b for b in own if b.id not in told]
    soft = [e for e in events if not e.stops and e.breach is not None and e.breach.severity == "open"]
    stop = next((e for e in events if e.stops), None)
    others = [one for one in fills[1:] if _kinship(one, fill, gap.id) == 0]
    alike = tuple(one for one in others if fill is not None and comes_out_as(one, fill))
    marked = [e.after_ml for e in (stop, *soft[:1]) if e is not None and e.after_ml is not None]
    return TargetLeaks(
        gap_id=gap.id,
        breaches=own,
        fill=fill,
        events=_shortened(events),
        elsewhere=elsewhere,
        never=tuple(b for b in plan.breaches if b in unreached and b.reached is False),
        untold=tuple(b for b in plan.breaches if b in unreached and b.reached is not False),
        rows=() if fill is None else fill_rows(fill, marked_ml=marked),
        others=tuple(course_leaks(one, by_id, hip=hip) for one in others if one not in alike),
        alike=alike,
        sets=_sets(plan, gap, fill),
        stop=stop,
        soft=soft[0] if soft else None,
        caution=_caution(events, stop),
        soft_count=len(soft),
        soon=_soon(events, stop),
        drop_ml=None if fill is None else drop_leaked_ml(fill, by_id, drop_ml=DROP_ML),
        look_from={
            e.breach.id: e.earliest_ml if e.breach.stop_ml is None else min(e.earliest_ml, e.breach.stop_ml)
            for e in found
            if e.breach is not None and e.earliest_ml is not None
        },
    )


def in_reading_order(breaches: Iterable[Breach], *, hip: bool = False) -> tuple[Breach, ...]:
    """Sort breaches: those that one stops for first, the early before the late, open walls before thin ones.

    Parameters
    ----------
    breaches : iterable of Breach
        Of one gap.
    hip : bool
        Whether it is a gap at a hip implant: there all open walls stop an injection.

    Returns
    -------
    tuple of Breach
    """
    return tuple(
        sorted(
            breaches,
            key=lambda b: (
                not stops_injection(b, hip=hip),
                _NEVER if b.leak_after_ml is None else b.leak_after_ml,
                _NEVER if b.stop_ml is None else b.stop_ml,
                b.severity != "open",
                -(b.area_mm2 or 0.0),
            ),
        )
    )


def _events(own: Sequence[Breach], plan: Plan, gap: Gap, fill: CementFill | None, *, hip: bool) -> list[LeakEvent]:
    """List arrivals in the expected course, then what only other courses reach."""
    expected = {} if fill is None else {arrival.breach_id: arrival.after_ml for arrival in fill.arrivals}
    # the injection into this gap may come out of another's wall
    met = [*own, *(b for b in plan.breaches if b.id in expected and b not in own)]
    found = []
    for breach in met:
        after = expected.get(breach.id, breach.leak_after_ml)
        earliest, course = _earliest(plan, gap, fill, breach)
        if after is not None:
            earliest = after if earliest is None else min(earliest, after)
        if earliest is not None:
            course = course if after is None else None
            found.append(LeakEvent(after, earliest, breach, None, stops_injection(breach, hip=hip), course=course))
    # another needle's hole is not there in this course
    needles = () if fill is None else fill.trajectory_ids
    found += [
        LeakEvent(h.leak_after_ml, h.leak_after_ml, None, h, stops=False)
        for h in plan.needle_holes
        if h.gap_id == gap.id and h.leak_after_ml is not None and h.trajectory_id in needles
    ]
    return sorted(found, key=_when)


def _earliest(
    plan: Plan, gap: Gap, expected: CementFill | None, breach: Breach
) -> tuple[float | None, CementFill | None]:
    """Give the mL at which a breach is first reached, and in which course; of the expected needle if in any."""
    met = [
        (_kinship(fill, expected, gap.id), a.after_ml, k)
        for k, fill in enumerate(plan.fills)
        for a in fill.arrivals
        if a.breach_id == breach.id
    ]
    listed = min((ml for _, ml, _ in met), default=_NEVER)
    if breach.stop_ml is not None and breach.stop_ml < listed - _SAME_ML:
        # more was simulated than the plan lists
        return breach.stop_ml, None
    if not met:
        return None, None
    _, ml, k = min(met)
    return ml, plan.fills[k]


def _kinship(fill: CementFill, expected: CementFill | None, gap_id: str) -> int:
    """Sort courses: 0 the expected needle's or several together; 1 another single needle's; 2 into another gap."""
    if fill.gap_id != gap_id:
        return 2
    alone = expected is not None and len(fill.trajectory_ids) == 1 and fill.trajectory_ids != expected.trajectory_ids
    return 1 if alone else 0


def _sets(plan: Plan, gap: Gap, fill: CementFill | None) -> tuple[CourseLeaks, ...]:
    """Give the courses of what the proposed needles put into a gap; of all sets where none is proposed."""
    own = {t.id for t in plan.trajectories if t.gap_id == gap.id}
    sets = plan.needle_sets if plan.procedure is None else plan.procedure.sets
    parts = (tuple(t.id for t in plan.trajectories if t.id in own and t.id in one.trajectory_ids) for one in sets)
    first = () if fill is None else fill.trajectory_ids
    told = (leaks_of_needles(plan, (gap.id,), names) for names in dict.fromkeys(parts) if names and names != first)
    return tuple(leaks for leaks in told if leaks is not None)


def _caution(events: Iterable[LeakEvent], stop: LeakEvent | None) -> LeakEvent | None:
    thin = [e for e in events if e.breach is not None and e.breach.severity == "thin" and e.breach.is_harmful]
    return next((e for e in thin if stop is None or _when(e) < _when(stop)), None)


def _soon(events: Iterable[LeakEvent], stop: LeakEvent | None) -> tuple[LeakEvent, ...]:
    """Give the leaks to stop for that follow the first before one can turn the C-arm to them."""
    if stop is None or stop.after_ml is None or stop.breach is None:
        return ()
    return tuple(
        e
        for e in events
        if e.stops and e.breach is not None and e.after_ml is not None and e.after_ml - stop.after_ml <= _SOON_ML
        and _views_differ(stop.breach, e.breach)
    )  # fmt: skip


def _views_differ(one: Breach, other: Breach) -> bool:
    """Say whether two breaches are watched in two views; from behind is the same view."""
    if one.watch_view is None or other.watch_view is None:
        return False
    beams = [detector_direction(view.primary_deg, view.secondary_deg) for view in (one.watch_view, other.watch_view)]
    return bool(abs(float(np.dot(*beams))) < np.cos(np.radians(_OTHER_VIEW_DEG)))


def _when(event: LeakEvent) -> tuple[float, float, bool]:
    return (
        _NEVER if event.after_ml is None else event.after_ml,
        _NEVER if event.earliest_ml is None else event.earliest_ml,
        not event.stops,
    )


def _shortened(events: Sequence[LeakEvent]) -> tuple[LeakEvent, ...]:
    """Keep all towards what harms; of the others so many that the list can be read, and the rest in one line."""
    soft = [e for e in events if not e.stops and e.breach is not None and not e.breach.is_harmful]
    if len(events) <= MOST_ROWS or len(soft) < 3:
        return tuple(events)
    room = max(1, MOST_ROWS - (len(events) - len(soft)) - 1)
    rest = soft[room:]
    if len(rest) < 2:
        return tuple(events)
    first = rest[0]
    line = LeakEvent(
        first.after_ml, first.earliest_ml, None, None, stops=False, more=tuple(e.breach for e in rest if e.breach)
    )
    dropped = {id(e) for e in rest}
    return tuple(sorted((*(e for e in events if id(e) not in dropped), line), key=_when))
