"""The cement's course from the planned needles' tips: which breaches it reaches, and how much it takes."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from planner.config.flow_config import FlowConfig
from planner.fill.flow import Flow
from planner.fill.openings import FlowExit
from planner.geometry.frames import PointTuple, point_tuple
from planner.model.anatomy import Anatomy
from planner.model.arrival_map import ArrivalMap
from planner.model.breach import Breach
from planner.model.cement_fill import BreachArrival, CementFill, CementViscosity, FillStep, InterfaceTissue
from planner.model.finding import Finding
from planner.model.gap import Gap, Interval
from planner.model.injection_stop import is_at_hip, stops_injection
from planner.model.needle import NeedleSet, Trajectory
from planner.model.plan import Plan
from planner.pipeline.cement_courses import Course, courses_of
from planner.pipeline.cement_ranks import held_ml, ranked, to_prepare_ml
from planner.progress import SILENT, Monitor, track
from planner.safety.breaches import BreachPatch

Regroup = Callable[[Sequence[Trajectory]], tuple[NeedleSet, ...]]
"""Puts the needles of one implant together."""


def with_cement(
    plan: Plan,
    anatomy: Anatomy,
    patches: Sequence[BreachPatch],
    config: FlowConfig,
    *,
    aim_error_mm: float = 0.0,
    leak_weight: float = 0.0,
    regroup: Regroup | None = None,
    monitor: Monitor = SILENT,
) -> tuple[Plan, tuple[ArrivalMap, ...]]:
    """Simulate the injections that a plan proposes, and write down what they tell.

    Parameters
    ----------
    plan : Plan
        With gaps, breaches, needles and needle sets.
    anatomy : Anatomy
        On the working grid.
    patches : sequence of BreachPatch
        Where the plan's breaches are.
    config : FlowConfig
        The settings.
    aim_error_mm : float
        So far along its needle the first-ranked tip is moved, to and fro, for the volumes from which to look
        (`stop_ml`); 0 moves none.
    leak_weight : float
        Share of a needle's score that its own injection decides; 0 leaves scores and ranks as they are.
    regroup : callable or None
        Puts the needles of an implant together anew once they are ranked anew, where it has one gap; None keeps the
        plan's sets.
    monitor : Monitor
        Follows the work, and may stop it before each course.

    Returns
    -------
    Plan
        With `fills` (see `planner.pipeline.cement_courses.courses_of`), what needles, breaches, gaps and needle sets
        have of them, and findings where most cement leaks. Needles are ranked anew
        (`planner.pipeline.cement_ranks.ranked`), and the fills are those of the new first ones. None is told of gaps
        without a needle or without a measured volume above 0: nothing was simulated there.
    tuple of ArrivalMap
        Of each gap's expected course.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    exits = tuple(exit_of(patch, anatomy) for patch in patches)
    fills: list[CementFill] = []
    maps: list[ArrivalMap] = []
    gaps = {gap.id: gap.model_copy(update={"expected_fill_ml": None}) for gap in plan.gaps}
    sets: dict[tuple[str, tuple[str, ...]], float | None] = {}
    ranks: dict[str, tuple[Trajectory, ...]] = {}
    by_gap: dict[str, list[Course]] = {}
    findings: list[Finding] = []
    implants = {implant.id: implant for implant in plan.implants}
    together = {gap.id: _sets_for(plan, gap) for gap in plan.gaps}
    for gap in track(plan.gaps, stage="letting cement run", monitor=monitor):
        hip = is_at_hip(implants.get(gap.implant_id or ""))
        stops = frozenset(b.id for b in plan.breaches if stops_injection(b, hip=hip))

        def first_of(own: Sequence[Course], gap: Gap = gap, stops: frozenset[str] = stops) -> Trajectory:
            ranks[gap.id] = ranked(gap, own, stops, config, leak_weight=leak_weight)
            if regroup is not None and _stands_alone(plan, gap):
                together[gap.id] = regroup(ranks[gap.id])
            return ranks[gap.id][0]

        courses = list(
            courses_of(
                plan,
                gap,
                anatomy,
                exits,
                config,
                first_of=first_of,
                sets_of=partial(together.__getitem__, gap.id),
                aim_error_mm=aim_error_mm,
                monitor=monitor,
            )
        )
        if not courses or gap.volume_ml is None:
            continue
        by_gap[gap.id] = courses
        for course in (c for c in courses if c.use != "moved"):
            fills.append(_fill(f"fill-{len(fills) + 1}", gap.id, course))
        expected = courses[0]
        if expected.flow.ended != "no_way":
            told_fill = _expected(gap, courses, stops, config)
            gaps[gap.id] = gap.model_copy(update={"expected_fill_ml": told_fill})
            maps.append(ArrivalMap(gap.id, expected.flow.grid, expected.flow.arrival_ml))
        findings += _of_leaking(gap, expected, config)
        sets |= {
            (gap.id, tuple(sorted(t.id for t in course.trajectories))): to_prepare_ml(course.flow, stops)
            for course in reversed(courses)
            if (course.tissue, course.viscosity) == (expected.tissue, expected.viscosity) and course.use != "moved"
        }
    told = plan.model_copy(
        update={
            "gaps": tuple(gaps.values()),
            "fills": tuple(fills),
            "breaches": tuple(_breach(breach, by_gap.get(breach.gap_id)) for breach in plan.breaches),
            "trajectories": tuple(way for gap in plan.gaps for way in ranks.get(gap.id, _of(plan, gap))),
            "needle_sets": tuple(_set(one, plan, sets) for one in _regrouped(plan, together)),
            "findings": (*plan.findings, *findings),
        }
    )
    return told, tuple(maps)


def exit_of(patch: BreachPatch, anatomy: Anatomy) -> FlowExit:
    """Give a breach as the flow knows it.

    Parameters
    ----------
    patch : BreachPatch
        The breach, and where it is.
    anatomy : Anatomy
        Tells the size of a voxel.

    Returns
    -------
    FlowExit
        At the patch's own places.
    """
    breach = patch.breach
    area = breach.area_mm2
    return FlowExit(
        id=breach.id,
        points_lps=patch.points_lps,
        # an opening whose area was not measured leaks as a voxel's face at each of its places
        area_mm2=len(patch.points_lps) * anatomy.grid.voxel_volume_mm3 ** (2 / 3) if area is None else area,
        is_open=breach.severity == "open",
        wall_mm=0.0 if breach.barrier_mm is None else breach.barrier_mm,
    )


def fill_record(
    name: str,
    flow: Flow,
    *,
    gap_id: str,
    trajectory_ids: tuple[str, ...],
    tips_lps: Sequence[PointTuple],
    tissue: InterfaceTissue,
    viscosity: CementViscosity,
) -> CementFill:
    """Write down one simulated injection.

    Parameters
    ----------
    name : str
        Its id.
    flow : Flow
        What came out.
    gap_id, trajectory_ids, tips_lps, tissue, viscosity
        What was asked, as in `CementFill`.

    Returns
    -------
    CementFill
        With a step at each whole millilitre and at the end; without any where there was no way.
    """
    whole = [s for s in flow.states[:-1] if s.injected_ml > 0.5 and abs(s.injected_ml - round(s.injected_ml)) < 1e-6]
    arrivals = flow.exit_arrival_ml
    steps = tuple(
        FillStep(
            injected_ml=state.injected_ml,
            gaps_ml=state.gaps_ml,
            trabecular_ml=state.trabecular_ml,
            leaked_ml=sum(state.leaked_ml.values()),
            reached=tuple(name for name, ml in arrivals.items() if ml <= state.injected_ml),
        )
        for state in (*whole, *flow.states[-1:])
    )
    return CementFill(
        id=name,
        gap_id=gap_id,
        trajectory_ids=trajectory_ids,
        tips_lps=tuple(tips_lps),
        interface_tissue=tissue,
        viscosity=viscosity,
        steps=steps,
        arrivals=tuple(BreachArrival(breach_id=name, after_ml=ml) for name, ml in arrivals.items()),
        ended=flow.ended,
    )


def _fill(name: str, gap_id: str, course: Course) -> CementFill:
    return fill_record(
        name,
        course.flow,
        gap_id=gap_id,
        trajectory_ids=tuple(t.id for t in course.trajectories),
        tips_lps=[point_tuple(t.target_lps) for t in course.trajectories],
        tissue=course.tissue,
        viscosity=course.viscosity,
    )


def _expected(gap: Gap, courses: Sequence[Course], stops: frozenset[str], config: FlowConfig) -> Interval | None:
    """Say what is in the gap when the injection ends, or is stopped."""
    volume = gap.volume_ml
    if volume is None or volume.estimate == 0.0:
        return None
    simulated = [course for course in courses if course.flow.ended != "no_way" and course.use != "needle"]
    amounts = [held_ml(course.flow, gap.id, stops) for course in simulated]
    full = min(config.least_share_in_place, config.share_in_place) * volume.estimate
    worst = [
        min(ml, full) if course.tissue == "in_place" else ml for ml, course in zip(amounts, simulated, strict=True)
    ]
    estimate = min(amounts[0], volume.high)
    low = min(*worst, estimate) * volume.low / volume.estimate
    high = max(*amounts, estimate) * volume.high / volume.estimate
    return Interval(estimate=estimate, low=low, high=high)


def _of(plan: Plan, gap: Gap) -> tuple[Trajectory, ...]:
    return tuple(t for t in plan.trajectories if t.gap_id == gap.id)


def _breach(breach: Breach, courses: Sequence[Course] | None) -> Breach:
    """Tell when its own gap's courses reach a breach: another gap's injection is none that one stops for it."""
    if courses is None:
        return breach.model_copy(update={"stop_ml": None})
    arrivals = [course.flow.exit_arrival_ml.get(breach.id) for course in courses if course.use != "needle"]
    stop = min((ml for ml in arrivals if ml is not None), default=None)
    if courses[0].flow.ended == "no_way":
        return breach.model_copy(update={"stop_ml": stop})
    after = courses[0].flow.exit_arrival_ml.get(breach.id)
    return breach.model_copy(update={"reached": after is not None, "leak_after_ml": after, "stop_ml": stop})


def _of_leaking(gap: Gap, expected: Course, config: FlowConfig) -> list[Finding]:
    """Warn of a target that most cement leaves."""
    flow = expected.flow
    if flow.ended != "leaks_away":
        return []
    last = flow.states[-1]
    lost = sum(last.leaked_ml.values()) / last.injected_ml
    names = ", ".join(t.id for t in expected.trajectories)
    return [
        Finding(
            code="cement-leaks-away",
            severity="warning",
            message=f"{gap.id}: in the simulated filling {100.0 * lost:.0f} % of {last.injected_ml:.2f} mL injected by "
            f"{names} leave the bone; {last.gaps_ml[gap.id]:.2f} mL stay in the gap",
            where_lps=expected.trajectories[0].target_lps,
            measured=lost,
            limit=config.leaks_away_share,
            source="ours",
            implant_id=gap.implant_id,
            gap_id=gap.id,
        )
    ]


def _stands_alone(plan: Plan, gap: Gap) -> bool:
    """Say whether a gap is its implant's only one; one without an implant is."""
    return gap.implant_id is None or sum(other.implant_id == gap.implant_id for other in plan.gaps) == 1


def _sets_for(plan: Plan, gap: Gap) -> tuple[NeedleSet, ...]:
    own = {way.id for way in _of(plan, gap)}
    return tuple(one for one in plan.needle_sets if own.intersection(one.trajectory_ids))


def _regrouped(plan: Plan, together: Mapping[str, tuple[NeedleSet, ...]]) -> tuple[NeedleSet, ...]:
    """Give all sets in the order of the gaps, those over several gaps once."""
    sets: list[NeedleSet] = []
    for gap in plan.gaps:
        sets += [one for one in together[gap.id] if one not in sets]
    return tuple(sets)


def _set(one: NeedleSet, plan: Plan, prepared: dict[tuple[str, tuple[str, ...]], float | None]) -> NeedleSet:
    """Sum up what a set's needles inject, gap by gap; None where one of its gaps was not simulated, or takes none."""
    gap_of = {t.id: t.gap_id for t in plan.trajectories}
    parts = [
        prepared.get((gap_id, tuple(sorted(name for name in one.trajectory_ids if gap_of[name] == gap_id))))
        for gap_id in dict.fromkeys(gap_of[name] for name in one.trajectory_ids)
    ]
    known = [ml for ml in parts if ml is not None]
    return one.model_copy(update={"cement_ml": sum(known) if known and len(known) == len(parts) else None})
