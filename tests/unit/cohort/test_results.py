"""A cohort's tables and its page, from plans that were made before."""

import csv
import json
import math
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from planner.cohort import columns
from planner.cohort.folder import CohortFolder
from planner.cohort.results import write_results
from planner.config.cohort_config import CohortConfig
from planner.model.privacy import carries
from tests.cohort.drawn_cohort import make_cohort, record_of

TABLES = {
    "studies": columns.STUDIES,
    "gaps": columns.GAPS,
    "needles": columns.NEEDLES,
    "breaches": columns.BREACHES,
}
DOCS = Path(__file__).resolve().parents[3] / "docs" / "cohort.md"


def write(out: Path, *, planned: int, failed: int = 0, waiting: int = 0) -> Path:
    records = make_cohort(out, planned=planned, failed=failed)
    ids = [record.study for record in records] + [f"later-{k}" for k in range(waiting)]
    write_results(records, ids, CohortFolder(out), CohortConfig())
    return out


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("cohort") / "out", planned=24, failed=2, waiting=1)


def rows(out: Path, table: str) -> list[dict[str, str]]:
    with (out / "tables" / f"{table}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("table", TABLES)
def test_parquet_and_csv_hold_the_same(cohort: Path, table: str) -> None:
    stored = pq.read_table(cohort / "tables" / f"{table}.parquet")
    assert stored.column_names == [column.name for column in TABLES[table]]
    said = {field.name: field.metadata[b"description"].decode() for field in stored.schema}
    assert said == {column.name: column.said for column in TABLES[table]}
    plain = rows(cohort, table)
    assert len(plain) == stored.num_rows > 0
    for written, row in zip(plain, stored.to_pylist(), strict=True):
        for name, value in row.items():
            expected = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            assert written[name] == expected


def test_numbers_have_the_digits_of_the_plan_and_what_is_missing_is_empty(cohort: Path) -> None:
    plan = json.loads((cohort / "studies" / "study-001" / "plan.json").read_text())
    own = [row for row in rows(cohort, "gaps") if row["study"] == "study-001"]
    for gap, row in zip(plan["gaps"], own, strict=True):
        assert row["volume_ml"] == repr(gap["volume_ml"]["estimate"]) and row["centroid_x_mm"] == repr(
            gap["centroid_lps"][0]
        )
    breaches = {b["id"]: b for b in plan["breaches"]}
    for row in (row for row in rows(cohort, "breaches") if row["study"] == "study-001"):
        stop = breaches[row["breach"]]["stop_ml"]
        assert row["stop_ml"] == ("" if stop is None else repr(stop))


def test_every_study_has_one_row(cohort: Path) -> None:
    found = rows(cohort, "studies")
    assert [row["study"] for row in found] == [*(f"study-{k:03d}" for k in range(24)), "bad-0", "bad-1", "later-0"]
    assert [row["state"] for row in found][-3:] == ["failed", "failed", "not done"]
    assert found[-2]["gaps"] == "" and found[-1]["exit_code"] == "" and found[0]["gaps"] != ""
    needles = [row for row in rows(cohort, "needles") if row["study"] == "study-000"]
    assert sum(row["proposed"] == "true" for row in needles) == int(found[0]["proposed_needles"])


def test_the_first_stop_is_the_earliest_of_those_that_stop(cohort: Path) -> None:
    breaches = rows(cohort, "breaches")
    for gap in rows(cohort, "gaps"):
        own = {b["breach"]: b for b in breaches if (b["study"], b["gap"]) == (gap["study"], gap["gap"])}
        hip = gap["implant_kind"] in ("femoral_stem", "acetabular_cup")
        harmful = ("canal", "foramen", "disc", "joint", "venous", "")
        stops = [
            float(b["stop_ml"])
            for b in own.values()
            if b["severity"] == "open" and (hip or b["leak_type"] in harmful) and b["stop_ml"]
        ]
        assert (float(gap["stop_ml"]) if gap["stop_ml"] else None) == (min(stops) if stops else None)


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_told_in_the_docs(table: str) -> None:
    told = DOCS.read_text(encoding="utf-8").partition(f"## {table}.csv")[2].partition("\n## ")[0]
    for column in TABLES[table]:
        assert f"| `{column.name}` | {column.said} |" in told


def test_a_gap_that_was_not_measured_leaves_its_sum_open(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (record,) = make_cohort(out, planned=1)
    file = out / "studies" / "study-000" / "plan.json"
    plan = json.loads(file.read_text())
    plan["gaps"][0]["volume_ml"] = None
    file.write_text(json.dumps(plan))
    write_results([record], ["study-000"], CohortFolder(out), CohortConfig())
    assert rows(out, "studies")[0]["gaps_ml"] == "" and rows(out, "gaps")[0]["volume_ml"] == ""


def test_a_plan_that_cannot_be_read_any_more_is_told(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (record,) = make_cohort(out, planned=1)
    (out / "studies" / "study-000" / "plan.json").write_text("{")
    write_results([record], ["study-000"], CohortFolder(out), CohortConfig())
    assert rows(out, "studies")[0]["state"] == "failed" and "is not JSON" in rows(out, "studies")[0]["error"]


class _Page(HTMLParser):
    """All that a page would load or lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href")]


@pytest.mark.parametrize(("planned", "failed"), [(12, 2), (1, 0), (0, 2), (0, 0), (12, 0)])
def test_the_page_is_whole_needs_nothing_and_its_links_lead_somewhere(
    tmp_path: Path, planned: int, failed: int
) -> None:
    out = write(tmp_path / "out", planned=planned, failed=failed, waiting=int(planned + failed == 0))
    text = (out / "summary.html").read_text(encoding="utf-8")
    page = _Page(text)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags) and "default-src 'none'" in text
    assert "nan" not in re.sub(r"[A-Za-z]nan|nan[A-Za-z]", "", text) and "None" not in text
    for link in page.links:
        assert re.fullmatch(r"studies/[A-Za-z0-9._-]+/report\.html|logs/[A-Za-z0-9._-]+\.log", link)
    assert ("Every study that was begun has a plan" in text) == (failed == 0)


def test_the_page_shows_every_gap_and_ranks_what_stands_out(cohort: Path) -> None:
    text = (cohort / "summary.html").read_text(encoding="utf-8")
    volumes = text.partition("How large the gaps are")[2].partition("<h2>")[0]
    assert volumes.count("<circle") == len(rows(cohort, "gaps"))
    ranked = re.findall(r"<td><a href=\"studies/(study-\d+)/report.html\">", text)
    assert ranked and "SeriesError" in text and "not done yet" in text
    zs = [abs(float(z.replace("−", "-"))) for z in re.findall(r"keep out\">([+−][\d.]+)", text)]
    assert zs == sorted(zs, reverse=True) and all(math.isfinite(z) and z >= 3.5 for z in zs)


def test_the_same_ct_under_two_ids_is_told(cohort: Path, tmp_path: Path) -> None:
    records = make_cohort(tmp_path / "out", planned=2)
    for number, uid in enumerate(("2.25.11111", "2.25.11111")):
        file = tmp_path / "out" / "studies" / f"study-00{number}" / "plan.json"
        plan = json.loads(file.read_text())
        plan["series"]["series_instance_uid"] = uid
        file.write_text(json.dumps(plan))
    ids = [record.study for record in records]
    write_results(records, ids, CohortFolder(tmp_path / "out"), CohortConfig())
    text = (tmp_path / "out" / "summary.html").read_text()
    assert "The same CT series counts more than once: study-000, study-001." in text and "2.25.11111" not in text


def test_what_a_study_says_is_text_and_no_markup(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make_cohort(out, planned=0)
    record = record_of("s", state="failed", error_class="InputError", error="<script>alert(1)</script>", exit_code=3)
    write_results([record], ["s"], CohortFolder(out), CohortConfig())
    assert "<script" not in (out / "summary.html").read_text()


def own_files(out: Path) -> Iterator[Path]:
    return (file for file in out.rglob("*") if file.is_file())


def test_the_policy_knows_every_file(cohort: Path) -> None:
    assert {carries(file.name) for file in own_files(cohort)} <= {"nothing", "uids"}
