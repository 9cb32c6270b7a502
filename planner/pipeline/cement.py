"""The cement's course from the planned needles' tips: which breaches it reaches, and how much it takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from planner.config.flow_config import FlowConfig
from planner.fill.flow import Flow, Spread, flow_of, nowhere, spread
from planner.fill.flow_space import FlowSpace, flow_space
from planner.fill.openings import FlowExit
from planner.geometry.frames import PointTuple, point_tuple
from planner.model.anatomy import Anatomy
from planner.model.arrival_map import ArrivalMap
from planner.model.breach import Breach
from planner.model.cement_fill import BreachArrival, CementFill, CementViscosity, FillStep, InterfaceTissue
from planner.model.gap import Gap, Interval
from planner.model.injection_stop import is_at_hip, stops_injection
from planner.model.needle import NeedleSet, Trajectory
from planner.model.plan import Plan
from planner.progress import SILENT, Monitor, track
from planner.safety.breaches import BreachPatch

_VISCOSITIES: tuple[CementViscosity, ...] = ("low", "medium", "high")
_TISSUES: tuple[InterfaceTissue, ...] = ("in_place", "removed")


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """One simulated injection, and what was asked.

    Parameters
    ----------
    trajectories : tuple of Trajectory
        The needles.
    tissue : InterfaceTissue
        Whether the gap's tissue was left.
    viscosity : CementViscosity
        The cement's.
    flow : Flow
        What came out.
    """

    trajectories: tuple[Trajectory, ...]
    tissue: InterfaceTissue
    viscosity: CementViscosity
    flow: Flow


def with_cement(
    plan: Plan,
    anatomy: Anatomy,
    patches: Sequence[BreachPatch],
    config: FlowConfig,
    *,
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
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    Plan
        With `fills`, what breaches, gaps and needle sets have of them. None is told of gaps without a needle or
        without a measured volume: nothing was simulated there.
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
    sets: dict[tuple[str, ...], float | None] = {}
    courses_of: dict[str, list[Course]] = {}
    implants = {implant.id: implant for implant in plan.implants}
    opened = frozenset(b.id for b in plan.breaches if b.severity == "open")
    for gap in track(plan.gaps, stage="letting cement run", monitor=monitor):
        courses = list(_courses(plan, gap, anatomy, exits, config))
        if not courses or gap.volume_ml is None:
            continue
        courses_of[gap.id] = courses
        for course in courses:
            fills.append(_fill(f"fill-{len(fills) + 1}", gap.id, course))
        hip = is_at_hip(implants.get(gap.implant_id or ""))
        stops = frozenset(b.id for b in plan.breaches if stops_injection(b, hip=hip))
        expected = courses[0]
        if expected.flow.ended != "no_way":
            told_fill = _expected(gap, courses, stops, opened, config)
            gaps[gap.id] = gap.model_copy(update={"expected_fill_ml": told_fill})
            maps.append(ArrivalMap(gap.id, expected.flow.grid, expected.flow.arrival_ml))
        sets |= {
            tuple(t.id for t in course.trajectories): _to_prepare(course, stops)
            for course in reversed(courses)
            if (course.tissue, course.viscosity) == (expected.tissue, expected.viscosity)
        }
    told = plan.model_copy(
        update={
            "gaps": tuple(gaps.values()),
            "fills": tuple(fills),
            "breaches": tuple(_breach(breach, courses_of) for breach in plan.breaches),
            "needle_sets": tuple(_set(one, sets) for one in plan.needle_sets),
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


def _courses(plan: Plan, gap: Gap, anatomy: Anatomy, exits: Sequence[FlowExit], config: FlowConfig) -> Iterator[Course]:
    """Simulate from the first-ranked needle: as expected, with the other tissue, with other cements; then each set."""
    ways = {t.id: t for t in plan.trajectories if t.gap_id == gap.id}
    first = next((t for t in ways.values() if t.rank == 1), None)
    space = next((s for s in anatomy.gaps if s.id == gap.id), None)
    if first is None or gap.volume_ml is None or space is None or not space.mask.voxels.any():
        return
    volumes = {g.id: None if g.volume_ml is None else g.volume_ml.estimate for g in plan.gaps}
    most_ml = config.most_gap_volumes * gap.volume_ml.estimate
    spaces = {tissue: flow_space(anatomy, volumes, exits, config, target=gap.id, tissue=tissue) for tissue in _TISSUES}

    def run(tissue: InterfaceTissue, needles: tuple[Trajectory, ...]) -> tuple[FlowSpace, Spread | None]:
        tips = np.array([t.target_lps for t in needles])
        return spaces[tissue], spread(spaces[tissue], tips, config, target=gap.id, target_ml=most_ml)

    tissue, viscosity = config.interface_tissue, config.viscosity
    expected = run(tissue, (first,))
    yield Course((first,), tissue, viscosity, _flow(*expected, viscosity, config))
    other: InterfaceTissue = "removed" if tissue == "in_place" else "in_place"
    yield Course((first,), other, viscosity, _flow(*run(other, (first,)), viscosity, config))
    for cement in _VISCOSITIES:
        if cement != viscosity:
            yield Course((first,), tissue, cement, _flow(*expected, cement, config))
    for one in plan.needle_sets:
        if one.gap_ids != (gap.id,) or one.trajectory_ids == (first.id,):
            continue
        needles = tuple(ways[name] for name in one.trajectory_ids)
        yield Course(needles, tissue, viscosity, _flow(*run(tissue, needles), viscosity, config))


def _flow(space: FlowSpace, way: Spread | None, viscosity: CementViscosity, config: FlowConfig) -> Flow:
    return nowhere(space) if way is None else flow_of(way, config, viscosity=viscosity)


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


def _to_prepare(course: Course, stops: frozenset[str]) -> float | None:
    """Give what goes in until one stops, or no more goes in or is tried; None where nothing goes in."""
    flow = course.flow
    return None if flow.ended == "no_way" else min(_stop_ml(flow, stops), flow.injected_ml)


def _expected(
    gap: Gap, courses: Sequence[Course], stops: frozenset[str], opened: frozenset[str], config: FlowConfig
) -> Interval | None:
    """Say what is in the gap when the injection ends, or is stopped; at most as if walls that are not open held."""
    volume = gap.volume_ml
    if volume is None or volume.estimate == 0.0:
        return None
    simulated = [course for course in courses if course.flow.ended != "no_way"]
    amounts = [_held_ml(course.flow, gap.id, stops) for course in simulated]
    most = [_held_ml(course.flow, gap.id, stops & opened) for course in simulated]
    share = config.least_share_in_place / config.share_in_place
    worst = [
        ml * (min(1.0, share) if course.tissue == "in_place" else 1.0)
        for ml, course in zip(amounts, simulated, strict=True)
    ]
    estimate = min(amounts[0], volume.high)
    low = min(*worst, estimate) * volume.low / volume.estimate
    high = max(*most, estimate) * volume.high / volume.estimate
    return Interval(estimate=estimate, low=low, high=high)


def _stop_ml(flow: Flow, stops: frozenset[str]) -> float:
    """Give the volume at which the first of some breaches is reached; infinite where none is."""
    return min((ml for name, ml in flow.exit_arrival_ml.items() if name in stops), default=np.inf)


def _held_ml(flow: Flow, gap_id: str, stops: frozenset[str]) -> float:
    """Give what is in a gap when the first of some breaches is reached, or at the end."""
    injected = [0.0, *(s.injected_ml for s in flow.states)]
    held = [0.0, *(s.gaps_ml[gap_id] for s in flow.states)]
    return float(np.interp(min(_stop_ml(flow, stops), injected[-1]), injected, held))


def _breach(breach: Breach, courses_of: dict[str, list[Course]]) -> Breach:
    every = [
        course.flow.exit_arrival_ml[breach.id]
        for courses in courses_of.values()
        for course in courses
        if breach.id in course.flow.exit_arrival_ml
    ]
    stop = min(every, default=None)
    own = courses_of.get(breach.gap_id)
    if own is None or own[0].flow.ended == "no_way":
        return breach.model_copy(update={"stop_ml": stop})
    after = own[0].flow.exit_arrival_ml.get(breach.id)
    return breach.model_copy(update={"reached": after is not None, "leak_after_ml": after, "stop_ml": stop})


def _set(one: NeedleSet, prepared: dict[tuple[str, ...], float | None]) -> NeedleSet:
    return one.model_copy(update={"cement_ml": prepared.get(one.trajectory_ids)})
