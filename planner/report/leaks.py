"""Where cement will leak, and when, put in order for a reader: target by target, what harms and comes early first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from planner.model.breach import Breach
from planner.model.cement_fill import CementFill, FillStep, NeedleHole
from planner.model.gap import Gap
from planner.model.injection_stop import first_stop, is_at_hip, stops_injection
from planner.model.plan import Plan

MOST_ROWS = 10
"""Of a list of leaks to soft tissue, and of volumes: what a reader takes in at a glance. Ours."""
_NEVER = float("inf")


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
    """

    after_ml: float | None
    earliest_ml: float | None
    breach: Breach | None
    hole: NeedleHole | None
    stops: bool
    more: tuple[Breach, ...] = ()


@dataclass(frozen=True, slots=True)
class FillRow:
    """Where the cement is when so much is in, in the target's own terms.

    Parameters
    ----------
    injected_ml, gap_ml, other_gaps_ml, trabecular_ml, leaked_ml : float
        mL.
    new : tuple of str
        Ids of the breaches that were reached since the row before.
    """

    injected_ml: float
    gap_ml: float
    other_gaps_ml: float
    trabecular_ml: float
    leaked_ml: float
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OtherCourse:
    """Another simulated injection of a target, in short.

    Parameters
    ----------
    fill : CementFill
        It.
    first : Breach or None
        The first way out that it reaches; None where it reaches none.
    first_ml : float or None
        Injected by then.
    stop : Breach or None
        The first that one stops for.
    stop_ml : float or None
        Injected by then.
    """

    fill: CementFill
    first: Breach | None
    first_ml: float | None
    stop: Breach | None
    stop_ml: float | None


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
    never, untold : tuple of Breach
        Breaches that no simulated course reaches, and those of which no simulation says; in the plan's order.
    rows : tuple of FillRow
        The expected course at 1, 2, 3 ... mL and at the end.
    others : tuple of OtherCourse
        The other courses.
    stop, soft : LeakEvent or None
        The first breach that one stops for, and the first other one.
    soft_count : int
        How many places let cement into soft tissue in the simulated courses.
    """

    gap_id: str
    breaches: tuple[Breach, ...]
    fill: CementFill | None
    events: tuple[LeakEvent, ...]
    never: tuple[Breach, ...]
    untold: tuple[Breach, ...]
    rows: tuple[FillRow, ...]
    others: tuple[OtherCourse, ...]
    stop: LeakEvent | None
    soft: LeakEvent | None
    soft_count: int

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
    events = _events(own, fill, by_id, [hole for hole in plan.needle_holes if hole.gap_id == gap.id], hip=hip)
    told = {e.breach.id for e in events if e.breach is not None}
    unreached = [b for b in own if b.id not in told]
    # a needle's hole is closed while the needle is in
    soft = [e for e in events if not e.stops and e.breach is not None]
    return TargetLeaks(
        gap_id=gap.id,
        breaches=own,
        fill=fill,
        events=_shortened(events),
        never=tuple(b for b in plan.breaches if b in unreached and b.reached is False),
        untold=tuple(b for b in plan.breaches if b in unreached and b.reached is not False),
        rows=() if fill is None else fill_rows(fill),
        others=tuple(_other(one, by_id, hip=hip) for one in fills[1:]),
        stop=next((e for e in events if e.stops), None),
        soft=soft[0] if soft else None,
        soft_count=len(soft),
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


def fill_rows(fill: CementFill) -> tuple[FillRow, ...]:
    """Give a course as a table.

    Parameters
    ----------
    fill : CementFill
        The course.

    Returns
    -------
    tuple of FillRow
        At most `MOST_ROWS`, the first and the last among them; what is reached between two rows stands in the later.
    """
    rows: list[FillRow] = []
    seen: set[str] = set()
    for step in _spread(fill.steps):
        new = tuple(name for name in step.reached if name not in seen)
        seen.update(new)
        others = sum(ml for gap_id, ml in step.gaps_ml.items() if gap_id != fill.gap_id)
        rows.append(
            FillRow(
                step.injected_ml,
                step.gaps_ml.get(fill.gap_id, 0.0),
                others,
                step.trabecular_ml,
                step.leaked_ml,
                new,
            )
        )
    return tuple(rows)


def _spread(steps: Sequence[FillStep]) -> Sequence[FillStep]:
    if len(steps) <= MOST_ROWS:
        return steps
    chosen = {round(k * (len(steps) - 1) / (MOST_ROWS - 1)) for k in range(MOST_ROWS)}
    return [steps[k] for k in sorted(chosen)]


def _events(
    own: Sequence[Breach],
    fill: CementFill | None,
    by_id: dict[str, Breach],
    holes: Sequence[NeedleHole],
    *,
    hip: bool,
) -> list[LeakEvent]:
    """List arrivals in the expected course, then what only other courses reach, then holes that are not simulated."""
    expected = {} if fill is None else {arrival.breach_id: arrival.after_ml for arrival in fill.arrivals}
    # the injection into this gap may come out of another's wall
    met = [*own, *(by_id[name] for name in expected if by_id[name] not in own)]
    found = []
    for breach in met:
        after = expected.get(breach.id, breach.leak_after_ml)
        if after is None and breach.stop_ml is None:
            continue
        earliest = breach.stop_ml if breach.stop_ml is not None else after
        found.append(LeakEvent(after, earliest, breach, None, stops_injection(breach, hip=hip)))
    found += [
        LeakEvent(h.leak_after_ml, h.leak_after_ml, None, h, stops=False) for h in holes if h.leak_after_ml is not None
    ]
    return sorted(found, key=_when)


def _when(event: LeakEvent) -> tuple[float, float, bool]:
    return (
        _NEVER if event.after_ml is None else event.after_ml,
        _NEVER if event.earliest_ml is None else event.earliest_ml,
        not event.stops,
    )


def _shortened(events: Sequence[LeakEvent]) -> tuple[LeakEvent, ...]:
    """Keep all that one stops for; of the others so many that the list can be read, and the rest in one line."""
    soft = [e for e in events if not e.stops and e.breach is not None]
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


def _other(fill: CementFill, by_id: dict[str, Breach], *, hip: bool) -> OtherCourse:
    met = [(by_id[arrival.breach_id], arrival.after_ml) for arrival in fill.arrivals]
    first = met[0] if met else (None, None)
    stop = first_stop(fill.arrivals, by_id, hip=hip) or (None, None)
    return OtherCourse(fill, first[0], first[1], stop[0], stop[1])
