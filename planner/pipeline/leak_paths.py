"""What a finished plan adds on leaks: needle holes that open gaps, and the risk factors that follow from it."""

from collections.abc import Iterable

import numpy as np

from planner.config.needle_hole_config import NeedleHoleConfig
from planner.model.anatomy import Anatomy
from planner.model.arrival_map import ArrivalMap
from planner.model.cement_fill import CementViscosity
from planner.model.needle import NeedleSet
from planner.model.plan import Plan
from planner.model.record import PointLps
from planner.pipeline.risk_factors import leak_risk_factors
from planner.safety.needle_holes import Arrival, find_needle_holes, planned_trajectories
from planner.safety.wall_findings import wall_findings

_AT_THE_WALL = 1.5
"""A place on a gap's wall is reached with the first voxel this near, in voxels: beside an edge or a corner."""


def arrival_of(maps: Iterable[ArrivalMap]) -> Arrival:
    """Give a lookup of when cement reaches a place on a gap's wall.

    Parameters
    ----------
    maps : iterable of ArrivalMap
        Of each gap's expected course.

    Returns
    -------
    callable
        From a gap's id and a place, LPS mm, to the mL injected when cement is beside it; None where it never comes, or
        that gap's course was not simulated.
    """
    by_gap = {one.gap_id: one for one in maps}

    def arrival(gap_id: str, place_lps: PointLps) -> float | None:
        found = by_gap.get(gap_id)
        if found is None:
            return None
        at = np.asarray(found.grid.to_index(place_lps))
        low = np.clip(np.floor(at - _AT_THE_WALL).astype(int), 0, found.grid.shape)
        high = np.clip(np.ceil(at + _AT_THE_WALL).astype(int) + 1, 0, found.grid.shape)
        block = found.injected_ml[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        near = np.abs(np.moveaxis(np.indices(block.shape), 0, -1) + low - at).max(axis=-1) <= _AT_THE_WALL
        reached = block[near & np.isfinite(block)]
        return float(reached.min()) if reached.size else None

    return arrival


def with_leak_paths(
    plan: Plan,
    anatomy: Anatomy,
    config: NeedleHoleConfig,
    *,
    arrival: Arrival | None = None,
    viscosity: CementViscosity | None = None,
    viscosity_pa_s: float | None = None,
) -> Plan:
    """Add needle holes, what is to be said of them and of the gaps' walls, and risk factors to a plan.

    Parameters
    ----------
    plan : Plan
        With gaps, breaches and needles, and with the cement's course where that was simulated.
    anatomy : Anatomy
        On the working grid.
    config : NeedleHoleConfig
        When a hole counts.
    arrival : callable or None
        When expected cement reaches a place on a gap's wall; None where nothing was simulated.
    viscosity : {"low", "medium", "high"} or None
        The cement's, as set; None leaves that factor out.
    viscosity_pa_s : float or None
        The same in figures, Pa s.

    Returns
    -------
    Plan
        With `needle_holes`, and more `findings` and `risk_factors`.
    """
    needles = planned_trajectories(plan.trajectories, plan.needle_sets)
    holes, said = find_needle_holes(anatomy, plan.gaps, needles, config=config, arrival=arrival)
    risks = leak_risk_factors(
        anatomy,
        plan.gaps,
        plan.breaches,
        _proposed(plan),
        findings=plan.findings,
        viscosity=viscosity,
        viscosity_pa_s=viscosity_pa_s,
    )
    return plan.model_copy(
        update={
            "needle_holes": holes,
            "risk_factors": (*plan.risk_factors, *risks),
            "findings": (*plan.findings, *said, *wall_findings(anatomy, plan.gaps)),
        }
    )


def _proposed(plan: Plan) -> tuple[NeedleSet, ...]:
    """Give the sets that are proposed; all where none is."""
    if plan.procedure is None:
        return plan.needle_sets
    chosen = {frozenset(one.trajectory_ids) for one in plan.procedure.sets}
    return tuple(one for one in plan.needle_sets if frozenset(one.trajectory_ids) in chosen)
