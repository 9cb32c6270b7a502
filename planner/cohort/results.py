"""What a cohort comes to: its tables and its page, made from the plans that are there."""

from collections.abc import Sequence
from typing import Final

from planner.cohort import columns
from planner.cohort.columns import BreachRow, GapRow, NeedleRow, StudyRow
from planner.cohort.folder import CohortFolder
from planner.cohort.study_record import StudyRecord
from planner.cohort.summary_measures import CohortRows
from planner.cohort.summary_page import summary_page
from planner.cohort.tables import write_table
from planner.config.cohort_config import CohortConfig
from planner.errors import InputError
from planner.io.plan_json import load_plan
from planner.io.whole_file import write_whole

_UNUSED: Final[dict[str, object]] = {
    "anatomy": None,
    "labels": (),
    "needle_searches": (),
    "risk_factors": (),
    "views": (),
}
"""What no table tells is let go at once: of thousands of plans all of it would not fit into memory."""


def write_results(
    records: Sequence[StudyRecord], study_ids: Sequence[str], folder: CohortFolder, config: CohortConfig
) -> None:
    """Write a cohort's tables and its page.

    Parameters
    ----------
    records : sequence of StudyRecord
        Of the studies that are settled.
    study_ids : sequence of str
        Of all studies, in their order.
    folder : CohortFolder
        Where the plans lie, and the results go.
    config : CohortConfig
        What is an outlier.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    known = {record.study: record for record in records}
    studies = [_with_plan(study, known.get(study), folder) for study in study_ids]
    planned = [(row.study, row.plan) for row in studies if row.plan is not None]
    rows = CohortRows(
        studies=studies,
        gaps=[GapRow(study, plan, gap) for study, plan in planned for gap in plan.gaps],
        needles=[NeedleRow(study, plan, way) for study, plan in planned for way in plan.ways],
        breaches=[BreachRow(study, plan, breach) for study, plan in planned for breach in plan.breaches],
    )
    tables = folder.path / "tables"
    write_table(columns.STUDIES, rows.studies, tables, "studies")
    write_table(columns.GAPS, rows.gaps, tables, "gaps")
    write_table(columns.NEEDLES, rows.needles, tables, "needles")
    write_table(columns.BREACHES, rows.breaches, tables, "breaches")
    write_whole(summary_page(rows, folder, config).encode("utf-8"), folder.path / "summary.html")


def _with_plan(study: str, record: StudyRecord | None, folder: CohortFolder) -> StudyRow:
    if record is None or record.state != "planned":
        return StudyRow(study, record, None)
    try:
        plan = load_plan(folder.plan_folder(study) / "plan.json")
        return StudyRow(study, record, plan.model_copy(update=_UNUSED))
    except InputError as error:  # somebody changed it since
        told = {"state": "failed", "error_class": type(error).__name__, "error": " ".join(str(error).split())}
        return StudyRow(study, record.model_copy(update=told), None)
