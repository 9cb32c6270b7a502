"""Ablation: thresholded voxels against profiles, on the same gaps of the same scans."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from accuracy_figures import NOTHING, known, quantiles, sizes, spread
from accuracy_run import CaseResult
from accuracy_thresholds import HIGH_HU, LOW_HU, REACH_MM, CaseYardsticks, ThresholdedImplant

from planner.phantoms.score.case_score import CaseScore

TITLE = "Ablation: thresholded voxels against profiles"
COLUMNS = ("set", "site", "artefacts", "method", "implants with a gap", "volume, %", "volume, % (signed)", "Dice",
           "volume missed, %", "implants without", "false, mL an implant")  # fmt: skip
NOTE = (
    f"Screws, stems and cups. Thresholded: voxels of {LOW_HU} to {HIGH_HU} HU within {REACH_MM:g} mm of metal, inside "
    "the true outline of the bone and outside of the true metal, each with the nearest implant, or with the gap that "
    "it truly lies in: more help than a scan gives. Profiles: what the plan says. All gaps of an implant together; an "
    "implant on which nothing was found counts as 0 mL, so as -100 %, in both. Volume: size of the error (median / "
    "90th percentile / worst), then with its sign (median and quartiles). Dice: median / 10th percentile / worst. "
    "False: on implants without a gap, of cases that were planned: mean; then median / 90th percentile / worst."
)
_METHODS = ("thresholded", "profiles")


@dataclass(frozen=True, slots=True)
class _Measured:
    """One implant as one method has it."""

    true_ml: float
    found_ml: float
    dice: float | None
    missed: float | None

    @property
    def relative_error(self) -> float | None:
        return self.found_ml / self.true_ml - 1.0 if self.true_ml > 0.0 else None


@dataclass(frozen=True, slots=True)
class AblatedCase:
    """A case whose voxels were counted.

    Parameters
    ----------
    group, site, artefacts : str
        As the case says.
    result : CaseResult
        What came of it.
    yardsticks : CaseYardsticks or None
        The counted voxels; None where there are none, and the case is left out.
    """

    group: str
    site: str
    artefacts: str
    result: CaseResult
    yardsticks: CaseYardsticks | None


def ablation_rows(cases: Sequence[AblatedCase]) -> tuple[tuple[str, ...], ...]:
    """Give two rows for each set, site and strength of artefacts, and for each set and site as a whole.

    Parameters
    ----------
    cases : sequence of AblatedCase
        The cases, in the table's order.

    Returns
    -------
    tuple of tuple of str
        As `COLUMNS` name them.
    """
    rows: list[tuple[str, ...]] = []
    for group in dict.fromkeys(c.group for c in cases):
        own = [c for c in cases if c.group == group]
        for site in dict.fromkeys(c.site for c in own):
            here = [c for c in own if c.site == site]
            for strength in dict.fromkeys(c.artefacts for c in here):
                rows += _rows((group, site, strength), [c for c in here if c.artefacts == strength])
            rows += _rows((group, site, "all"), here)
        rows += _rows((group, "all", "all"), own)
    return tuple(rows)


def _rows(head: tuple[str, str, str], cases: Sequence[AblatedCase]) -> list[tuple[str, ...]]:
    return [(*head, method, *_figures(method, cases)) for method in _METHODS]


def _figures(method: str, cases: Sequence[AblatedCase]) -> tuple[str, ...]:
    with_gap: list[_Measured] = []
    without: list[_Measured] = []
    for case in cases:
        score = case.result.score
        for counted in () if case.yardsticks is None or score is None else case.yardsticks.thresholded:
            measured = _counted(counted) if method == "thresholded" else _planned(counted, score)
            if counted.true_ml > 0.0:
                with_gap.append(measured)
            elif case.result.is_planned:
                without.append(measured)
    false = [m.found_ml for m in without]
    return (
        str(len(with_gap)),
        sizes((m.relative_error for m in with_gap), digits=0, scale=100.0),
        spread((m.relative_error for m in with_gap), digits=0, scale=100.0),
        quantiles(m.dice for m in with_gap),
        sizes((m.missed for m in with_gap), digits=0, scale=100.0),
        str(len(without)),
        f"{np.mean(false):.2f}; {sizes(false)}" if false else NOTHING,
    )


def _counted(counted: ThresholdedImplant) -> _Measured:
    return _Measured(counted.true_ml, counted.found_ml, counted.dice, counted.missed)


def _planned(counted: ThresholdedImplant, score: CaseScore) -> _Measured:
    """Give what the plan says of an implant: its gaps' volumes together, their Dice and what they miss by volume."""
    gaps = [g for g in score.gaps.gaps if g.implant_id == counted.implant_id]
    if counted.true_ml <= 0.0:
        found_as = {i.found_id for i in score.implants if i.true_id == counted.implant_id and i.found_id is not None}
        return _Measured(0.0, sum(g.volume_ml or 0.0 for g in score.gaps.false if g.implant_id in found_as), None, None)
    weights = [g.true_ml for g in gaps]
    dice, marked = (
        float(np.average(values, weights=weights)) if sum(weights) > 0.0 else None
        for values in ([g.dice for g in gaps], [g.sensitivity for g in gaps])
    )
    found_ml = sum(known(g.estimate_ml for g in gaps))
    return _Measured(counted.true_ml, found_ml, dice, None if marked is None else 1.0 - marked)
