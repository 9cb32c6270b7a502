"""A whole plan against the truth of its case."""

import numpy as np

from planner.model.labels import LabelMap
from planner.model.plan import Plan
from planner.model.record import Record
from planner.phantoms.score.anatomy import AnatomyScore, FoundAnatomy, score_anatomy
from planner.phantoms.score.breaches import BreachesScore, score_breaches
from planner.phantoms.score.gaps import GapsScore, score_gaps
from planner.phantoms.score.implants import ImplantScore, score_implants
from planner.phantoms.score.known_case import KnownCase, codes_on
from planner.phantoms.score.needles import NeedlesScore, score_needles
from planner.phantoms.score.surroundings import SurroundingsScore, score_surroundings


class CaseScore(Record):
    """The errors of each step on one case."""

    implants: tuple[ImplantScore, ...]
    gaps: GapsScore
    breaches: BreachesScore
    needles: NeedlesScore
    surroundings: SurroundingsScore
    anatomy: AnatomyScore | None = None
    """None where the truth does not tell bones apart."""


def score_case(plan: Plan, labels: LabelMap, case: KnownCase, *, found: FoundAnatomy | None = None) -> CaseScore:
    """Hold a plan against the truth.

    Parameters
    ----------
    plan : Plan
        The plan.
    labels : LabelMap
        Its label map, on any grid.
    case : KnownCase
        What is true.
    found : FoundAnatomy or None
        What the plan knows of the anatomy beside its files; None for nothing.

    Returns
    -------
    CaseScore
    """
    codes = codes_on(labels, case.grid)
    gap_codes = [structure.code for structure in labels.structures if structure.kind == "gap"]
    told = case.voxels_lps(np.isin(codes, gap_codes))
    return CaseScore(
        implants=score_implants(plan.implants, case.document.implants),
        gaps=score_gaps(plan, codes, case),
        breaches=score_breaches(plan.breaches, case, told_gaps_lps=told),
        needles=score_needles(plan.trajectories, case, scanned=labels.grid),
        surroundings=score_surroundings(plan.labels, codes, case),
        anatomy=score_anatomy(plan, labels.grid, codes, case, found=found or FoundAnatomy()),
    )
