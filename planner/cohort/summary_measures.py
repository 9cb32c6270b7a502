"""What a cohort's page shows of its rows: measures, shares, and the dots of its drawings."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from planner.cohort.charts import AMBER, BLUE, PALE, VERMILION, Dot, DotRow, Part
from planner.cohort.columns import BreachRow, GapRow, NeedleRow, StudyRow
from planner.cohort.outliers import Measure, Measured, Outlier
from planner.model.needle import Clearances
from planner.model.proposal import proposed_needles

LEAKS: Final = {
    "open, an injection stops for it": VERMILION,
    "open, to soft tissue": AMBER,
    "thin wall only": PALE,
    "no breach found": BLUE,
}
"""What is known of a gap's wall, the worst first, and its colour."""
_KINDS: Final = {
    "pedicle_screw": "pedicle screws",
    "femoral_stem": "femoral stems",
    "acetabular_cup": "acetabular cups",
    "cup_screw": "cup screws",
    "femoral_head": "femoral heads",
    "cage": "cages",
    "nail": "nails",
    "plate": "plates",
    "rod": "rods",
    "cement": "cement",
    "unknown": "unknown implants",
    None: "without implant",
}
_CLEARANCES: Final[tuple[tuple[str, Callable[[Clearances], float | None]], ...]] = (
    ("from metal", lambda free: free.metal),
    ("from the canal", lambda free: free.canal),
    ("from forbidden tissue", lambda free: free.forbidden),
    ("from a breach", lambda free: free.nearest_breach),
)


@dataclass(frozen=True, slots=True)
class CohortRows:
    """All that a cohort's plans hold, row by row.

    Parameters
    ----------
    studies : list of StudyRow
        Every study, also those without a plan.
    gaps : list of GapRow
        Of all plans, as are those that follow.
    needles : list of NeedleRow
        Those to gaps, to picked targets and to intact levels.
    breaches : list of BreachRow
        Of all gaps.
    """

    studies: list[StudyRow]
    gaps: list[GapRow]
    needles: list[NeedleRow]
    breaches: list[BreachRow]


def gap_measures(rows: CohortRows) -> tuple[list[Measure], list[Measure], list[Measure]]:
    """Give volumes, greatest widths and stops of gaps, by the kind of their implants.

    Parameters
    ----------
    rows : CohortRows
        The cohort.

    Returns
    -------
    three lists of Measure
        One for each kind that has a gap; what was not measured is left out, so that a measure may be empty.
    """
    volumes, widths, stops = [], [], []
    for kind in kinds_of(rows.gaps):
        own, among = [row for row in rows.gaps if _kind(row) == kind], _KINDS[kind]
        volumes.append(Measure("gap volume", among, "mL", _of_gaps(own, _volume_ml), by_ratio=True))
        widths.append(Measure("greatest width", among, "mm", _of_gaps(own, _width_mm), by_ratio=True))
        stops.append(Measure("stop volume", among, "mL", _of_gaps(own, _stop_ml)))
    return volumes, widths, stops


def clearance_measures(rows: CohortRows) -> list[Measure]:
    """Give what the proposed needles leave free, by what they must not touch; only what was measured anywhere."""
    proposed = {study.study: {way.id for way in proposed_needles(study.plan)} for study in rows.studies if study.plan}
    own = [row for row in rows.needles if row.way.id in proposed.get(row.study, ())]
    measures = []
    for words, of in _CLEARANCES:
        found = [(of(row.way.clearance_mm), row) for row in own]
        values = tuple(Measured(value, row.study, row.way.id) for value, row in found if value is not None)
        measures.append(Measure("needle clearance", words, "mm", values, matters="low"))
    return [measure for measure in measures if measure.values]


def cost_measures(rows: CohortRows) -> list[Measure]:
    """Give time and memory of the studies that were planned."""
    planned = [row.record for row in rows.studies if row.record is not None and row.plan is not None]
    seconds = [(record.seconds, record.study) for record in planned]
    memory = [(record.peak_memory_mib, record.study) for record in planned]
    return [
        Measure("time", "planned studies", "s", _of_studies(seconds), by_ratio=True, matters="high"),
        Measure("peak memory", "planned studies", "MiB", _of_studies(memory), by_ratio=True, matters="high"),
    ]


def dot_rows(measures: Sequence[Measure], found: Iterable[Outlier], *, named_by: str = "among") -> list[DotRow]:
    """Give a drawing's rows.

    Parameters
    ----------
    measures : sequence of Measure
        A row each.
    found : iterable of Outlier
        Which are drawn so that they stand out.
    named_by : {"among", "name"}
        What a row is called by.

    Returns
    -------
    list of DotRow
    """
    out = {(id(one.measure), one.measured) for one in found}
    return [
        DotRow(
            str(getattr(measure, named_by)),
            tuple(
                Dot(
                    one.value,
                    f"{one.name}: {one.value:.4g} {measure.unit}",
                    report_of(one.study),
                    stands_out=(id(measure), one) in out,
                )
                for one in measure.values
            ),
        )
        for measure in measures
    ]


def leak_bars(rows: CohortRows) -> list[tuple[str, list[Part]]]:
    """Count gaps by the worst that is known of their walls, for each kind of implant."""
    bars = []
    for kind in kinds_of(rows.gaps):
        found = [_wall(row) for row in rows.gaps if _kind(row) == kind]
        bars.append((_KINDS[kind], [Part(name, found.count(name), colour) for name, colour in LEAKS.items()]))
    return bars


def leak_prone(rows: CohortRows) -> int:
    """Count the gaps with an open breach that an injection stops for."""
    return sum(bool(row.stops) for row in rows.gaps)


def share_interval(count: int, total: int) -> tuple[float, float]:
    """Give the 95 % interval of a share.

    Parameters
    ----------
    count, total : int
        How many of how many; at least one in all.

    Returns
    -------
    tuple of float
        0 to 1 (Wilson 1927). Gaps of one patient are taken for independent, so that it is narrower than it ought to be.
    """
    z = 1.959964
    share = count / total
    middle = share + z * z / (2.0 * total)
    half = z * math.sqrt(share * (1.0 - share) / total + z * z / (4.0 * total * total))
    return max(0.0, (middle - half) / (1.0 + z * z / total)), min(1.0, (middle + half) / (1.0 + z * z / total))


def report_of(study: str) -> str:
    """Give the way from the page to a study's report."""
    return f"studies/{quote(study)}/report.html"


def kinds_of(gaps: Iterable[GapRow]) -> list[str | None]:
    """Give the kinds of implants that have gaps, in the page's order."""
    there = {_kind(row) for row in gaps}
    return [kind for kind in _KINDS if kind in there]


def _kind(row: GapRow) -> str | None:
    return None if row.implant is None else row.implant.kind


def _wall(row: GapRow) -> str:
    stops, opened, thin, none = LEAKS
    if row.stops:
        return stops
    if any(breach.severity == "open" for breach in row.breaches):
        return opened
    return thin if row.breaches else none


def _volume_ml(row: GapRow) -> float | None:
    return None if row.gap.volume_ml is None else row.gap.volume_ml.estimate


def _width_mm(row: GapRow) -> float | None:
    return None if row.gap.width_mm is None else row.gap.width_mm.max


def _stop_ml(row: GapRow) -> float | None:
    return None if row.first_stop is None else row.first_stop[1]


def _of_gaps(rows: Iterable[GapRow], of: Callable[[GapRow], float | None]) -> tuple[Measured, ...]:
    found = [(of(row), row) for row in rows]
    return tuple(Measured(value, row.study, row.gap.id) for value, row in found if value is not None)


def _of_studies(values: Iterable[tuple[float | None, str]]) -> tuple[Measured, ...]:
    return tuple(Measured(value, study) for value, study in values if value is not None)
