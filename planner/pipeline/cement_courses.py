"""The injections that are simulated for one gap of a plan."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from planner.config.flow_config import FlowConfig
from planner.fill.flow import Flow, end_of, flow_of, nowhere
from planner.fill.flow_space import FlowSpace, flow_space
from planner.fill.openings import FlowExit
from planner.fill.spread import Spread, spread
from planner.geometry.frames import Array, unit
from planner.model.anatomy import Anatomy
from planner.model.cement_fill import CementViscosity, InterfaceTissue
from planner.model.gap import Gap
from planner.model.needle import NeedleSet, Trajectory
from planner.model.plan import Plan
from planner.progress import SILENT, Monitor, check_cancelled

_Asked = TypeVar("_Asked")
_Made = TypeVar("_Made")
_VISCOSITIES: tuple[CementViscosity, ...] = ("low", "medium", "high")
_TISSUES: tuple[InterfaceTissue, ...] = ("in_place", "removed")
_POINT_MM = 1e-3
"""Two points of a needle's way nearer than this have no direction between them."""
CourseUse = Literal["planned", "needle", "moved"]
"""What a course is for: an injection from the first-ranked needle or from a needle set; from another needle of the
list; from the first-ranked one with its tip an aiming error off, which is not written down."""


FirstOf = Callable[[Sequence["Course"]], Trajectory]
"""Chooses the needle whose injection is expected from all needles' own courses."""


SetsOf = Callable[[], Sequence[NeedleSet]]
"""Gives the needle sets once the needles are ranked by their own courses."""


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
    use : CourseUse
        What it is for.
    """

    trajectories: tuple[Trajectory, ...]
    tissue: InterfaceTissue
    viscosity: CementViscosity
    flow: Flow
    use: CourseUse = "planned"


def courses_of(
    plan: Plan,
    gap: Gap,
    anatomy: Anatomy,
    exits: Sequence[FlowExit],
    config: FlowConfig,
    *,
    first_of: FirstOf | None = None,
    sets_of: SetsOf | None = None,
    aim_error_mm: float = 0.0,
    monitor: Monitor = SILENT,
) -> Iterator[Course]:
    """Simulate the injections that are proposed for a gap.

    First the first needle with the settings' tissue and cement; then with the other tissue, and with other cements;
    then what each needle set puts into this gap, then every other needle of the list. Last the first needle with its
    tip moved along it. Viscosity changes the pressure only (`planner.fill.flow.end_of`): a cement whose injection ends
    at the same volume for the same reason would tell the first course again, and is left out, as is another tissue that
    tells nothing else. The needles of a set that go to other gaps inject there, before or after: they are no part of
    this gap's courses.

    Parameters
    ----------
    plan : Plan
        With needles and needle sets.
    gap : Gap
        The target.
    anatomy : Anatomy
        On the working grid.
    exits : sequence of FlowExit
        Where cement may leave.
    config : FlowConfig
        The settings.
    first_of : callable or None
        Which needle is the first, from every needle's own course (cut at `most_other_needle_ml`); None for that of
        rank 1.
    sets_of : callable or None
        The needle sets, asked for after the first needle was chosen; None for the plan's.
    aim_error_mm : float
        So far the tip is moved, to and fro; not where it would then lie in nothing that takes cement.
    monitor : Monitor
        Asked before each course.

    Yields
    ------
    Course
        None where the gap has no needle, no voxel, or no measured volume above 0.
    """
    ways = {t.id: t for t in plan.trajectories if t.gap_id == gap.id}
    if not ways or gap.volume_ml is None or not _can_be_filled(gap, anatomy):
        return
    volumes = {g.id: None if g.volume_ml is None else g.volume_ml.estimate for g in plan.gaps}
    most_ml = min(config.most_gap_volumes * gap.volume_ml.estimate, config.most_ml)
    made = _two_at_once(lambda one: flow_space(anatomy, volumes, exits, config, target=gap.id, tissue=one), _TISSUES)
    spaces = dict(zip(_TISSUES, made, strict=True))
    tissue, viscosity = config.interface_tissue, config.viscosity

    def run(place: FlowSpace, tips: Array, use: CourseUse = "planned") -> Spread | None:
        check_cancelled(monitor)
        ml = most_ml if use == "planned" else min(most_ml, config.most_other_needle_ml)
        return spread(place, tips, config, target=gap.id, target_ml=ml)

    def course(needles: tuple[Trajectory, ...], use: CourseUse, tips: Array | None = None) -> Course:
        places = np.array([t.target_lps for t in needles]) if tips is None else tips
        return Course(needles, tissue, viscosity, _flow(spaces[tissue], run(spaces[tissue], places, use), config), use)

    spreads = _two_at_once(lambda way: run(spaces[tissue], np.array([way.target_lps]), "needle"), ways.values())
    alone = dict(zip(ways, spreads, strict=True))
    own = {
        name: Course((ways[name],), tissue, viscosity, _flow(spaces[tissue], way, config), "needle")
        for name, way in alone.items()
    }
    first = min(ways.values(), key=lambda t: t.rank) if first_of is None else first_of(tuple(own.values()))
    tip = np.array([first.target_lps])
    is_whole = most_ml <= config.most_other_needle_ml
    way = alone[first.id] if is_whole else run(spaces[tissue], tip)
    expected = own[first.id].flow if is_whole else _flow(spaces[tissue], way, config)
    yield Course((first,), tissue, viscosity, expected)
    other: InterfaceTissue = "removed" if tissue == "in_place" else "in_place"
    changed = _flow(spaces[other], run(spaces[other], tip), config)
    if not _tells_the_same(expected, changed):
        yield Course((first,), other, viscosity, changed)
    if way is not None:
        for cement in _ending_otherwise(way, config):
            yield Course((first,), tissue, cement, flow_of(way, config, viscosity=cement))
    done: set[tuple[str, ...]] = {(first.id,)}
    sets = _in_gap(plan.needle_sets if sets_of is None else sets_of(), ways)
    for names in (*sets, *((name,) for name in ways)):
        if names not in done:
            use: CourseUse = "planned" if names in sets else "needle"
            known = len(names) == 1 and (is_whole or use == "needle")
            yield replace(own[names[0]], use=use) if known else course(tuple(ways[name] for name in names), use)
        done.add(names)
    for moved in _moved_tips(first, spaces[tissue], anatomy, aim_error_mm):
        yield course((first,), "moved", moved[None])


def _two_at_once(make: Callable[[_Asked], _Made], asked: Iterable[_Asked]) -> list[_Made]:
    """Make what does not hang together on two threads, in order: the solver lets other threads run."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(make, asked))


def _in_gap(sets: Sequence[NeedleSet], ways: Mapping[str, Trajectory]) -> list[tuple[str, ...]]:
    """Give of each needle set the needles that go to one gap."""
    parts = (tuple(name for name in one.trajectory_ids if name in ways) for one in sets)
    return [names for names in parts if names]


def _can_be_filled(gap: Gap, anatomy: Anatomy) -> bool:
    """Say whether a gap has voxels, and a measured volume above 0."""
    space = next((s for s in anatomy.gaps if s.id == gap.id), None)
    there = space is not None and bool(space.mask.voxels.any())
    return there and gap.volume_ml is not None and gap.volume_ml.estimate > 0.0


def _flow(space: FlowSpace, way: Spread | None, config: FlowConfig) -> Flow:
    return nowhere(space) if way is None else flow_of(way, config)


def _ending_otherwise(way: Spread, config: FlowConfig) -> list[CementViscosity]:
    """Name the cements whose injection does not end as that of the settings' cement."""
    usual = end_of(way, config, config.viscosity)
    return [one for one in _VISCOSITIES if end_of(way, config, one) != usual]


def _tells_the_same(one: Flow, two: Flow) -> bool:
    """Say whether two courses end, and reach breaches, at the same volumes."""
    if one.ended != two.ended or one.exit_arrival_ml.keys() != two.exit_arrival_ml.keys():
        return False
    pairs = [(one.injected_ml, two.injected_ml)]
    pairs += [(ml, two.exit_arrival_ml[name]) for name, ml in one.exit_arrival_ml.items()]
    if one.states and two.states:
        pairs += [(ml, two.states[-1].gaps_ml[name]) for name, ml in one.states[-1].gaps_ml.items()]
        pairs.append((one.states[-1].trabecular_ml, two.states[-1].trabecular_ml))
    first, second = np.transpose(pairs)
    return bool(np.allclose(first, second, rtol=1e-3, atol=1e-4))


def _moved_tips(needle: Trajectory, space: FlowSpace, anatomy: Anatomy, by_mm: float) -> list[Array]:
    """Give a needle's tip moved along the last part of its way, where it then still lies in gap or bone."""
    tip = np.array(needle.target_lps)
    points = [np.array(p) for p in (needle.entry_bone_lps, *needle.path_lps)]
    before = [p for p in points if np.linalg.norm(tip - p) > _POINT_MM]
    if by_mm == 0.0 or not before:
        return []
    along = unit(tip - before[-1])
    return [moved for moved in (tip - by_mm * along, tip + by_mm * along) if _takes_cement(moved, space, anatomy)]


def _takes_cement(place_lps: Array, space: FlowSpace, anatomy: Anatomy) -> bool:
    at = np.rint(np.asarray(space.grid.to_index(place_lps))).astype(int)
    if (at < 0).any() or (at >= space.grid.shape).any() or space.index[tuple(at)] < 0:
        return False
    inside = np.rint(np.asarray(anatomy.grid.to_index(place_lps))).astype(int)
    return not bool(anatomy.metal.voxels[tuple(inside)])
