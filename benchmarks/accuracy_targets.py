"""Gaps and loosening against what is asked of them: few figures, each with its aim."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from accuracy_figures import NOTHING, quantiles, share_with_interval, sizes
from accuracy_run import CaseResult
from accuracy_thresholds import ANCHORED, CaseYardsticks

from planner.phantoms.score.gaps import GapScore
from planner.phantoms.score.implants import ImplantScore

Rows = list[tuple[str, str]]
TITLE = "Gaps and loosening against their aims"
NOTE = (
    "The aim stands in brackets. A gap that was missed is within no limit. Sizes: median / 90th percentile / worst. "
    "The interface of a gap is the surface of its implant beside it; a gap without one has 15 % only. Width: of each "
    "gap the median over its surface. Controls: cases without any gap that were planned. Loose screws: those with a "
    "rim over 1 mm along a third of their shaft or more; missed is one that is called neither probable nor definite, "
    "or was not found."
)
_LARGE_ML = 0.5
_RELATIVE, _WALL_MM = 0.15, 0.25
_WIDTHS_MM = (1.0, 3.0)
_RIM_SHARE = 1.0 / 3.0
_LOOSE_CALLS = ("probable", "definite")


@dataclass(frozen=True, slots=True)
class TargetCase:
    """A case with what it is held against.

    Parameters
    ----------
    result : CaseResult
        What came of it.
    yardsticks : CaseYardsticks or None
        What its truth was asked; None where it was not: rows that need it leave the case out.
    """

    result: CaseResult
    yardsticks: CaseYardsticks | None


def target_rows(cases: Sequence[TargetCase]) -> Rows:
    """Hold gaps and loosening against their aims.

    Parameters
    ----------
    cases : sequence of TargetCase
        The cases.

    Returns
    -------
    list of (str, str)
        Figure and value.
    """
    gaps = [g for c in cases if c.result.score is not None for g in c.result.score.gaps.gaps]
    large = [g for g in gaps if g.true_ml > _LARGE_ML]
    covered = [g.covered for g in gaps if g.covered is not None]
    thin = [g for g in gaps if g.true_width_mm is not None and _WIDTHS_MM[0] <= g.true_width_mm <= _WIDTHS_MM[1]]
    return [
        ("gaps over 0.5 mL: within the larger of 15 % and 0.25 mm x interface (all)", _within(cases)),
        ("gaps over 0.5 mL: volume error, % (median 8 or less)",
         _of(sizes((g.relative_error for g in large), digits=0, scale=100.0), len(large))),
        ("gaps over 0.5 mL: Dice (0.8 or more)", quantiles(g.dice for g in large)),
        ("gaps 1 to 3 mm wide: width error, mean, mm (0.3 or less)", _width_error(thin)),
        ("90 % interval holds the volume (85 to 95 %, 200 or more gaps)",
         share_with_interval(sum(covered), len(covered))),
        ("false volume on controls, mL an implant (each below 0.1)", _false(cases)),
        *_loosening(cases),
    ]  # fmt: skip


def _of(words: str, total: int) -> str:
    return f"{words} of {total}" if words != NOTHING else NOTHING


def _within(cases: Sequence[TargetCase]) -> str:
    """Count the large gaps whose volume is right; those of a case whose interfaces nobody measured are left out."""
    judged: list[bool] = []
    for case in cases:
        if case.result.score is None or case.yardsticks is None:
            continue
        areas = case.yardsticks.interface_mm2
        judged += [_is_right(g, areas.get(g.true_id)) for g in case.result.score.gaps.gaps if g.true_ml > _LARGE_ML]
    return share_with_interval(sum(judged), len(judged))


def _is_right(gap: GapScore, interface_mm2: float | None) -> bool:
    if gap.error_ml is None:
        return False
    wall_ml = 0.0 if interface_mm2 is None else _WALL_MM * interface_mm2 / 1000.0
    return abs(gap.error_ml) <= max(_RELATIVE * gap.true_ml, wall_ml)


def _width_error(gaps: Sequence[GapScore]) -> str:
    errors = [g.width_mm - g.true_width_mm for g in gaps if g.width_mm is not None and g.true_width_mm is not None]
    return f"{np.mean(np.abs(errors)):.2f}, n={len(errors)} of {len(gaps)}" if errors else NOTHING


def _false(cases: Sequence[TargetCase]) -> str:
    false: list[float] = []
    for case in cases:
        score = case.result.score
        if score is None or score.gaps.gaps or not case.result.is_planned:
            continue
        for implant in score.implants:
            if implant.kind in ANCHORED and implant.found_id is not None:
                own = [g.volume_ml or 0.0 for g in score.gaps.false if g.implant_id == implant.found_id]
                false.append(sum(own))
    return sizes(false)


def _loosening(cases: Sequence[TargetCase]) -> Rows:
    firm: list[ImplantScore] = []
    loose: list[ImplantScore] = []
    for case in cases:
        score = case.result.score
        shares = {} if case.yardsticks is None else case.yardsticks.rim_share
        for implant in () if score is None else score.implants:
            rim = None if implant.true_id is None else shares.get(implant.true_id)
            if implant.loose is False:
                firm.append(implant)
            if rim is not None and rim >= _RIM_SHARE:
                loose.append(implant)
    called, told = (sum(i.found_loosening in _LOOSE_CALLS for i in some) for some in (firm, loose))
    return [
        ("firm implants called loose (0)", share_with_interval(called, len(firm))),
        ("loose screws missed (0)", share_with_interval(len(loose) - told, len(loose))),
    ]
