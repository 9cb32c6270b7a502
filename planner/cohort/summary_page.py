"""``summary.html``: a cohort on one page that needs nothing else, to be looked at rather than read."""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import jinja2
from markupsafe import Markup

from planner import __version__
from planner.cohort.charts import bar_chart, dot_chart
from planner.cohort.columns import GapRow, StudyRow
from planner.cohort.folder import CohortFolder
from planner.cohort.outliers import Measure, Outlier, outliers
from planner.cohort.summary_measures import (
    LEAKS,
    CohortRows,
    clearance_measures,
    cost_measures,
    dot_rows,
    gap_measures,
    leak_bars,
    leak_prone,
    report_of,
    share_interval,
)
from planner.config.cohort_config import CohortConfig
from planner.model.proposal import no_candidate, proposed_needles

_MOST_OUTLIERS, _MOST_FAILURES = 25, 200
_STATES = (
    ("planned", "planned", "#0072b2"),
    ("no implant", "without implant", "#56b4e9"),
    ("failed", "failed", "#d55e00"),
    ("worker died", "worker died", "#a0447c"),
    ("not done", "not done yet", "#d5dae0"),
)


@dataclass(frozen=True, slots=True)
class _Tile:
    """One figure that is to be seen at once."""

    figure: str
    unit: str
    name: str
    more: str


@dataclass(frozen=True, slots=True)
class _State:
    name: str
    count: int
    colour: str


@dataclass(frozen=True, slots=True)
class _Failure:
    study: str
    state: str
    error_class: str
    error: str
    log: str | None


def summary_page(rows: CohortRows, folder: CohortFolder, config: CohortConfig) -> str:
    """Write a cohort's page.

    Parameters
    ----------
    rows : CohortRows
        All that its plans hold. Nothing is known here of the patients but their studies' ids.
    folder : CohortFolder
        Where it will lie; links lead from there.
    config : CohortConfig
        What is an outlier.

    Returns
    -------
    str
        HTML 5 with its drawings inside, without scripts; a browser may load nothing for it.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("planner.cohort"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    volumes, widths, stops = gap_measures(rows)
    clearances, costs = clearance_measures(rows), cost_measures(rows)
    measures = [*volumes, *widths, *stops, *clearances, *costs]
    found = outliers(measures, beyond_z=config.outlier_z, least=config.least_for_outliers)
    failures = _failures(rows.studies, folder)
    return environment.get_template("summary.html.j2").render(
        studies=len(rows.studies),
        states=_states(rows.studies),
        tiles=_tiles(rows, costs),
        gaps=len(rows.gaps),
        volumes=dot_chart(
            dot_rows(volumes, found), title="Volumes of the gaps by kind of implant", unit="mL", by_ratio=True
        ),
        stops=dot_chart(dot_rows(stops, found), title="Stop volumes by kind of implant", unit="mL", empty="no stop"),
        simulated=sum(row.is_simulated for row in rows.gaps),
        stopped=sum(row.first_stop is not None for row in rows.gaps),
        leaks=bar_chart(leak_bars(rows), title="Leak-prone gaps by kind of implant"),
        leak_legend=tuple(LEAKS.items()),
        clearances=dot_chart(dot_rows(clearances, found), title="Clearances of the proposed needles", unit="mm"),
        proposed=sum(len(proposed_needles(study.plan)) for study in rows.studies if study.plan is not None),
        costs=[_cost_chart(one, found) for one in costs],
        outliers=found[:_MOST_OUTLIERS],
        more_outliers=len(found) - len(found[:_MOST_OUTLIERS]),
        outlier_z=config.outlier_z,
        least=config.least_for_outliers,
        failures=failures[:_MOST_FAILURES],
        more_failures=len(failures) - len(failures[:_MOST_FAILURES]),
        failure_kinds=Counter(one.state for one in failures).most_common(),
        same_series=_same_series(rows.studies),
        report_of=report_of,
        version=__version__,
        protocol=_protocol(rows.studies),
    )


def _states(studies: Sequence[StudyRow]) -> list[_State]:
    counts = Counter(_state(row) for row in studies)
    return [_State(words, counts[state], colour) for state, words, colour in _STATES if counts[state]]


def _state(row: StudyRow) -> str:
    return "not done" if row.record is None else row.record.state


def _tiles(rows: CohortRows, costs: Sequence[Measure]) -> list[_Tile]:
    plans = [row.plan for row in rows.studies if row.plan is not None]
    implants = [one for plan in plans for one in plan.implants]
    judged = [one for one in implants if one.loosening is not None]
    loose = sum(one.loosening in ("probable", "definite") for one in judged)
    needles = sum(len(proposed_needles(plan)) for plan in plans)
    refused = sum(bool(no_candidate(plan.findings)) for plan in plans)
    against = f"; cement is advised against in {refused}" if refused else ""
    seconds = [one.value for one in costs[0].values]
    return [
        _Tile(str(len(plans)), "", "studies planned", f"of {len(rows.studies)}{against}"),
        _Tile(str(loose), "", "implants called loose", f"of {len(judged)} judged, {len(implants)} found"),
        _Tile(str(len(rows.gaps)), "", "gaps", _volume_words(rows.gaps)),
        _leak_tile(rows),
        _Tile(str(needles), "", "needles proposed", _reached_words(rows)),
        _Tile(
            f"{statistics.median(seconds):.0f}" if seconds else "–", "s" if seconds else "", "to plan a study",
            f"median of {len(seconds)}" if seconds else "not measured",
        ),
    ]  # fmt: skip


def _volume_words(gaps: Sequence[GapRow]) -> str:
    known = [row.gap.volume_ml.estimate for row in gaps if row.gap.volume_ml is not None]
    if not known:
        return "none measured"
    left_out = f", {len(gaps) - len(known)} not measured" if len(known) < len(gaps) else ""
    return f"median {statistics.median(known):.2f} mL{left_out}"


def _leak_tile(rows: CohortRows) -> _Tile:
    total, count = len(rows.gaps), leak_prone(rows)
    if not total:
        return _Tile("–", "", "gaps leak-prone", "no gap")
    low, high = share_interval(count, total)
    more = f"{count} of {total}; 95 % interval {100 * low:.0f}–{100 * high:.0f} %"
    return _Tile(f"{100 * count / total:.0f}", "%", "gaps leak-prone", more)


def _reached_words(rows: CohortRows) -> str:
    reached = {(row.study, row.gap_id) for row in rows.needles if row.gap_id is not None}
    return f"a needle reaches {len(reached)} of {len(rows.gaps)} gaps"


def _cost_chart(measure: Measure, found: Sequence[Outlier]) -> Markup | None:
    rows = dot_rows([measure], found, named_by="name")
    return dot_chart(rows, title=f"{measure.name} of each study", unit=measure.unit, by_ratio=False)


def _failures(studies: Sequence[StudyRow], folder: CohortFolder) -> list[_Failure]:
    told = []
    for row in studies:
        record = row.record
        if record is None or record.error is None:
            continue
        log = folder.log_file(row.study)
        kind = record.error_class or ""
        told.append(
            _Failure(row.study, record.state, kind, record.error, f"logs/{log.name}" if log.is_file() else None)
        )
    return sorted(told, key=lambda one: (one.state == "no implant", one.error_class, one.study))


def _same_series(studies: Sequence[StudyRow]) -> list[str]:
    """Give the studies that hold one and the same CT series, which would count twice."""
    by_series: dict[str, list[str]] = {}
    for row in studies:
        name = None if row.plan is None else row.plan.series.name
        if name is not None:
            by_series.setdefault(name, []).append(row.study)
    return [", ".join(names) for names in by_series.values() if len(names) > 1]


def _protocol(studies: Sequence[StudyRow]) -> str | None:
    plan = next((row.plan for row in studies if row.plan is not None), None)
    return None if plan is None else plan.settings_sha256[:12]
