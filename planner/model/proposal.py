"""What a plan proposes to do: the one answer for the sheet, the pages, pictures, SR, Slicer and the command line."""

from collections.abc import Iterable

from planner.model.finding import Finding
from planner.model.needle import Procedure, Trajectory
from planner.model.plan import Plan


def no_candidate(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Give what says that the patient is no candidate, so that no needle is to be praised; empty where nothing does."""
    return tuple(f.message for f in findings if f.code == "no-candidate")


def proposal_of(plan: Plan) -> Procedure | None:
    """Give what a plan proposes for one sitting.

    Parameters
    ----------
    plan : Plan
        The plan. Its needles are searched and put together for everybody.

    Returns
    -------
    Procedure or None
        None where nothing was put together, and where the plan says that the patient is no candidate.
    """
    return None if no_candidate(plan.findings) else plan.procedure


def proposed_needles(plan: Plan) -> tuple[Trajectory, ...]:
    """Give the needles that a plan proposes.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    tuple of Trajectory
        In the order of injection; empty where `proposal_of` is None.
    """
    proposal = proposal_of(plan)
    by_id = {way.id: way for way in plan.trajectories}
    return () if proposal is None else tuple(by_id[name] for one in proposal.sets for name in one.trajectory_ids)


def leading_needles(plan: Plan) -> tuple[Trajectory, ...]:
    """Give the needles to be shown first: those that are proposed; where no proposal was made the best of each gap.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    tuple of Trajectory
        In the order of injection, or of the gaps; empty where the patient is no candidate.
    """
    if no_candidate(plan.findings) or plan.procedure is not None:
        return proposed_needles(plan)
    order = {gap.id: k for k, gap in enumerate(plan.gaps)}
    first = (way for way in plan.trajectories if way.rank == 1 and way.gap_id in order)
    return tuple(sorted(first, key=lambda way: order[way.gap_id]))
