"""A simulated course as a table: where the cement is at 1, 2, 3 ... mL."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from planner.model.cement_fill import CementFill, FillStep
from planner.report.leak_words import cut_to_tenths

MOST_ROWS = 10
"""Of volumes, and of leaks to soft tissue: what a reader takes in at a glance. Ours."""


@dataclass(frozen=True, slots=True)
class FillRow:
    """Where the cement is when so much is in, in the target's own terms.

    Parameters
    ----------
    injected_ml, gap_ml, other_gaps_ml, trabecular_ml, leaked_ml : float
        mL.
    new : tuple of str
        Ids of the breaches that were reached since the row before.
    skipped : int
        Rows left out before this one.
    """

    injected_ml: float
    gap_ml: float
    other_gaps_ml: float
    trabecular_ml: float
    leaked_ml: float
    new: tuple[str, ...]
    skipped: int


def fill_rows(fill: CementFill, *, marked_ml: Iterable[float] = ()) -> tuple[FillRow, ...]:
    """Give a course as a table.

    Parameters
    ----------
    fill : CementFill
        The course.
    marked_ml : iterable of float
        Injected volumes, mL, whose rows on both sides are kept first; the leaks to stop for, say.

    Returns
    -------
    tuple of FillRow
        At most `MOST_ROWS`, the first and the last among them, of two that would read the same the later; what is
        reached between two rows stands in the later, volumes cut to tenths as they are told elsewhere.
    """
    rows: list[FillRow] = []
    seen: set[str] = set()
    before = -1
    steps = [a for a, b in pairwise(fill.steps) if _tenths(a) != _tenths(b)] + list(fill.steps[-1:])
    for k in _chosen(steps, marked_ml):
        step = steps[k]
        last = k == len(steps) - 1
        met = [a.breach_id for a in fill.arrivals if last or cut_to_tenths(a.after_ml) <= step.injected_ml]
        new = tuple(name for name in met if name not in seen)
        seen.update(new)
        rows.append(
            FillRow(
                injected_ml=step.injected_ml,
                gap_ml=step.gaps_ml.get(fill.gap_id, 0.0),
                other_gaps_ml=sum(ml for gap_id, ml in step.gaps_ml.items() if gap_id != fill.gap_id),
                trabecular_ml=step.trabecular_ml,
                leaked_ml=step.leaked_ml,
                new=new,
                skipped=k - before - 1,
            )
        )
        before = k
    return tuple(rows)


def _tenths(step: FillStep) -> str:
    return f"{step.injected_ml:.1f}"


def _chosen(steps: Sequence[FillStep], marked_ml: Iterable[float]) -> list[int]:
    """Choose rows: the ends, then the row before and after each mark, then evenly."""
    last = len(steps) - 1
    if last < MOST_ROWS:
        return list(range(len(steps)))
    injected = [step.injected_ml for step in steps]
    wanted = [0, last]
    for ml in marked_ml:
        after = min(int(np.searchsorted(injected, ml)), last)
        wanted += [after, max(after - 1, 0)]
    kept = list(dict.fromkeys(wanted))[:MOST_ROWS]
    while len(kept) < MOST_ROWS:
        kept.append(max((k for k in range(last + 1) if k not in kept), key=lambda k: _distance(k, kept)))
    return sorted(kept)


def _distance(row: int, kept: Sequence[int]) -> int:
    return min(abs(row - k) for k in kept)
