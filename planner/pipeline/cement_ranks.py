"""What the simulated injections say of the needles: when each leaks, and which is the better one."""

from collections.abc import Sequence

import numpy as np

from planner.config.flow_config import FlowConfig
from planner.fill.flow import Flow
from planner.model.gap import Gap
from planner.model.needle import Trajectory
from planner.pipeline.cement_courses import Course

TERM = "cement"
"""Of `score_terms`: the share of what the gap takes that is in when one stops."""


def ranked(
    gap: Gap, own: Sequence[Course], stops: frozenset[str], config: FlowConfig, *, leak_weight: float
) -> tuple[Trajectory, ...]:
    """Rank a gap's needles by their score and by their own injections.

    Parameters
    ----------
    gap : Gap
        The gap, with a measured volume.
    own : sequence of Course
        The course of each needle alone, all with one tissue and cement.
    stops : frozenset of str
        The breaches that one stops for.
    config : FlowConfig
        What the gap takes.
    leak_weight : float
        Share of the score that the injection decides; 0 leaves score and rank.

    Returns
    -------
    tuple of Trajectory
        By rank, with `leak_after_ml` and `leak_breach_id`, and with the term "cement" in the score: what the needle has
        in the gap when one stops for a leak, or no more goes in, over what the gap takes (at most what such needles are
        simulated to). So a needle whose cement leaves at once comes after another that is otherwise alike. Locked ones
        stay first, those that the gantry cannot look along and narrow ways come later, and last what breaks a limit.
        The rule is ours.
    """
    told = [_told(gap, course, stops, config, leak_weight) for course in own]
    if leak_weight > 0.0:
        told.sort(key=_order)
        told = [way.model_copy(update={"rank": rank}) for rank, way in enumerate(told, start=1)]
    return tuple(sorted(told, key=lambda t: t.rank))


def _order(way: Trajectory) -> tuple[bool, bool, bool, bool, float, int]:
    late = not way.bulls_eye.within_gantry_limits
    return bool(way.violations), not way.locked, late, bool(way.margins_reduced), -round(way.score, 6), way.rank


def _told(gap: Gap, course: Course, stops: frozenset[str], config: FlowConfig, leak_weight: float) -> Trajectory:
    (way,) = course.trajectories
    arrivals = course.flow.exit_arrival_ml
    first = min(arrivals, key=lambda name: arrivals[name], default=None)
    update: dict[str, object] = {
        "leak_after_ml": None if first is None else arrivals[first],
        "leak_breach_id": first,
    }
    if leak_weight > 0.0 and gap.volume_ml is not None:
        share = _share_in(gap, course.flow, stops, config, gap.volume_ml.estimate)
        update["score"] = (1.0 - leak_weight) * way.score + leak_weight * share
        update["score_terms"] = {**way.score_terms, TERM: round(share, 4)}
    return way.model_copy(update=update)


def _share_in(gap: Gap, flow: Flow, stops: frozenset[str], config: FlowConfig, volume_ml: float) -> float:
    takes = min(config.share_of(config.interface_tissue) * config.full_share * volume_ml, config.most_other_needle_ml)
    if flow.ended == "no_way" or takes <= 0.0:
        return 0.0
    return min(1.0, held_ml(flow, gap.id, stops) / takes)


def stop_ml(flow: Flow, stops: frozenset[str]) -> float:
    """Give the volume at which the first of some breaches is reached, mL; infinite where none is."""
    return min((ml for name, ml in flow.exit_arrival_ml.items() if name in stops), default=np.inf)


def to_prepare_ml(flow: Flow, stops: frozenset[str]) -> float | None:
    """Give what goes in until one stops, or no more goes in or is tried, mL; None where nothing goes in."""
    return None if flow.ended == "no_way" else min(stop_ml(flow, stops), flow.injected_ml)


def held_ml(flow: Flow, gap_id: str, stops: frozenset[str]) -> float:
    """Give what is in a gap when the first of some breaches is reached, or at the end, mL."""
    injected = [0.0, *(s.injected_ml for s in flow.states)]
    held = [0.0, *(s.gaps_ml[gap_id] for s in flow.states)]
    return float(np.interp(min(stop_ml(flow, stops), injected[-1]), injected, held))
