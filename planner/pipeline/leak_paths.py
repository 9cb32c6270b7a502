"""What a finished plan adds on leaks: needle holes that open gaps, and the risk factors that follow from it."""

from planner.config.needle_hole_config import NeedleHoleConfig
from planner.model.anatomy import Anatomy
from planner.model.cement_fill import CementViscosity
from planner.model.plan import Plan
from planner.pipeline.risk_factors import leak_risk_factors
from planner.safety.needle_holes import Arrival, find_needle_holes, planned_trajectories


def with_leak_paths(
    plan: Plan,
    anatomy: Anatomy,
    config: NeedleHoleConfig,
    *,
    arrival: Arrival | None = None,
    viscosity: CementViscosity | None = None,
    viscosity_pa_s: float | None = None,
) -> Plan:
    """Add needle holes, what is to be said of them, and risk factors to a plan.

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
        plan.needle_sets,
        findings=plan.findings,
        viscosity=viscosity,
        viscosity_pa_s=viscosity_pa_s,
    )
    return plan.model_copy(
        update={
            "needle_holes": holes,
            "risk_factors": (*plan.risk_factors, *risks),
            "findings": (*plan.findings, *said),
        }
    )
