"""Studies side by side on real workers: what fails, dies or is stopped, and what a second run does."""

import csv
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from planner.cohort.cluster import Workers, local_client, remote_client
from planner.cohort.cohort import CohortOutcome, run_cohort
from planner.cohort.protocol import CohortProtocol
from planner.cohort.studies import find_studies
from planner.cohort.study_record import StudyRecord
from planner.config.cohort_config import CohortConfig
from planner.errors import CancelledError, ClusterError, OutputError, UsageError
from planner.progress import SILENT
from tests.cohort.stand_in import SETTINGS, make_studies, stand_in, tries

# Dask leaves sockets to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore:Port .* is already in use"
)
CONFIG = CohortConfig(look_s=0.1, most_starts=2)
PROTOCOL = CohortProtocol(SETTINGS)


@pytest.fixture(scope="module")
def two() -> Iterator[Client]:
    """Two workers, for all tests of this file."""
    with local_client(Workers(2, 1.0, 1), CONFIG) as client:
        yield client


def go(source: Path, out: Path, client: Client, **more: object) -> tuple[CohortOutcome, list[StudyRecord]]:
    told: list[StudyRecord] = []

    @contextmanager
    def opened() -> Iterator[Client]:
        yield client

    options = {"finished": told.append, "config": CONFIG, **more}
    outcome = run_cohort(
        find_studies(source, but=out), PROTOCOL, out, open_client=opened, monitor=SILENT, task=stand_in, **options
    )
    return outcome, told


def rows(out: Path, table: str = "studies") -> dict[str, dict[str, str]]:
    with (out / "tables" / f"{table}.csv").open(newline="") as file:
        return {row["study"]: row for row in csv.DictReader(file)}


def test_every_study_becomes_a_row_whatever_happens_to_it(two: Client, tmp_path: Path) -> None:
    source = make_studies(
        tmp_path / "in", good="plan", hip="plan hip", bad="fail", broken="fault", bare="no-implant", deadly="hog",
        unlucky="die-once",
    )  # fmt: skip
    outcome, told = go(source, tmp_path / "out", two)
    found = rows(tmp_path / "out")
    assert {name: row["state"] for name, row in found.items()} == {
        "good": "planned", "hip": "planned", "unlucky": "planned", "bad": "failed", "broken": "failed",
        "bare": "no implant", "deadly": "worker died",
    }  # fmt: skip
    assert {record.study for record in told} == set(found) and len(told) == len(found)
    assert outcome.count("planned") == 3 and outcome.kept == 0
    codes = {name: row["exit_code"] for name, row in found.items()}
    assert codes == {"good": "0", "hip": "0", "unlucky": "0", "bad": "3", "broken": "1", "bare": "4", "deadly": ""}
    assert found["bad"]["error"] == "bad: slices are missing in bad" and found["bad"]["error_class"] == "SeriesError"
    assert found["unlucky"]["starts"] == "2" and found["deadly"]["starts"] == "2"
    assert tries(source, "deadly") == CONFIG.most_starts and tries(source, "good") == 1
    plan = json.loads((tmp_path / "out" / "studies" / "good" / "plan.json").read_text())
    assert len([1 for row in csv_rows(tmp_path / "out", "gaps") if row["study"] == "good"]) == len(plan["gaps"])


def csv_rows(out: Path, table: str) -> list[dict[str, str]]:
    with (out / "tables" / f"{table}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_fault_is_told_by_its_place_and_class_not_by_its_words(two: Client, tmp_path: Path) -> None:
    source = make_studies(tmp_path / "in", broken="fault")
    go(source, tmp_path / "out", two)
    log = (tmp_path / "out" / "logs" / "broken.log").read_text()
    assert "KeyError" in log and "stand_in" in log and str(tmp_path) not in log
    for file in (tmp_path / "out").rglob("*"):
        assert not file.is_file() or b"Canary" not in file.read_bytes(), file


def test_a_second_run_does_only_what_is_due(two: Client, tmp_path: Path) -> None:
    source = make_studies(tmp_path / "in", a="plan", b="plan", c="fail")
    out = tmp_path / "out"
    go(source, out, two)
    again, told = go(source, out, two)
    assert not told and again.kept == 3 and [tries(source, name) for name in "abc"] == [1, 1, 1]
    (source / "b" / "more").write_text("another slice")
    make_studies(source, d="plan hip")
    _, told = go(source, out, two)
    assert sorted(record.study for record in told) == ["b", "d"]
    (source / "c" / "behaviour").unlink()
    (source / "c" / "behaviour").write_text("plan")
    _, told = go(source, out, two)
    assert [record.study for record in told] == ["c"], "its file changed"
    assert list(rows(out)) == ["a", "b", "c", "d"]


def test_failed_studies_are_tried_again_when_that_is_asked_for(two: Client, tmp_path: Path) -> None:
    source = make_studies(tmp_path / "in", a="plan", c="fail", d="no-implant")
    go(source, tmp_path / "out", two)
    _, told = go(source, tmp_path / "out", two, retry=True)
    assert [record.study for record in told] == ["c"]


def test_a_study_that_fails_now_keeps_no_older_plan(two: Client, tmp_path: Path) -> None:
    source = make_studies(tmp_path / "in", a="plan")
    out = tmp_path / "out"
    go(source, out, two)
    (out / "studies" / "a" / "notes.txt").write_text("mine")
    (source / "a" / "behaviour").write_text("fail now")
    go(source, out, two)
    assert [entry.name for entry in (out / "studies" / "a").iterdir()] == ["notes.txt"]


def test_a_plan_that_a_person_edited_is_not_replaced_unasked(two: Client, tmp_path: Path) -> None:
    source = make_studies(tmp_path / "in", a="plan")
    out = tmp_path / "out"
    go(source, out, two)
    file = out / "studies" / "a" / "plan.json"
    document = json.loads(file.read_text())
    document["review"] = {"state": "approved", "by": "a surgeon", "at": None}
    file.write_text(json.dumps(document))
    _, told = go(source, out, two)
    assert not told and rows(out)["a"]["review"] == "approved"
    (source / "a" / "behaviour").write_text("plan hip")
    go(source, out, two)
    assert rows(out)["a"]["state"] == "failed" and "left alone" in rows(out)["a"]["error"]
    assert json.loads(file.read_text())["review"]["state"] == "approved"
    go(source, out, two, overwrite=True)
    assert rows(out)["a"]["state"] == "planned" and rows(out)["a"]["review"] == "unreviewed"


def test_a_disk_that_is_full_ends_the_run_and_is_no_studys_fault(two: Client, tmp_path: Path) -> None:
    source = make_studies(tmp_path / "in", a="full")
    with pytest.raises(OutputError, match="no room"):
        go(source, tmp_path / "out", two)
    assert rows(tmp_path / "out")["a"]["state"] == "not done"


@pytest.fixture
def heeding_ctrl_c() -> Iterator[None]:
    """Let Ctrl-C interrupt also where the tests were begun in a shell's background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeding_ctrl_c")
def test_ctrl_c_keeps_what_is_done_and_a_second_run_goes_on(two: Client, tmp_path: Path) -> None:
    source = make_studies(tmp_path / "in", a="plan", b="wait")
    out = tmp_path / "out"
    done = threading.Event()

    def interrupt() -> None:
        done.wait(60.0)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(CancelledError, match="1 of 2 studies are settled"):
        run_cohort(
            find_studies(source), PROTOCOL, out, monitor=SILENT, task=stand_in, config=CONFIG,
            open_client=lambda: local_client(Workers(2, 1.0, 1), CONFIG), finished=lambda record: done.set(),
        )  # fmt: skip
    assert {name: row["state"] for name, row in rows(out).items()} == {"a": "planned", "b": "not done"}
    assert "1</b> not done yet" in (out / "summary.html").read_text()
    (source / "b" / "behaviour").write_text("plan")
    _, told = go(source, out, two)
    assert [record.study for record in told] == ["b"] and tries(source, "a") == 1
    assert [entry.name for entry in (out / "studies").iterdir() if entry.name.startswith(".")] == []


def test_a_cluster_that_is_there_is_used_and_judged(tmp_path: Path) -> None:
    source = make_studies(tmp_path / "in", a="plan")
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0", protocol="tcp://",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        remote_client(cluster.scheduler_address, CONFIG, must_see=(source,)) as client,
    ):  # fmt: skip
        go(source, tmp_path / "out", client)
        assert rows(tmp_path / "out")["a"]["state"] == "planned"
        with (
            pytest.raises(ClusterError, match="does not see gone"),
            remote_client(cluster.scheduler_address, CONFIG, must_see=(tmp_path / "gone",)),
        ):
            pass


def test_a_scheduler_that_does_not_answer_is_told_in_one_line() -> None:
    with (
        pytest.raises(ClusterError, match="no Dask scheduler answers"),
        remote_client("tcp://127.0.0.1:9", CONFIG.model_copy(update={"connect_s": 0.5}), must_see=()),
    ):
        pass


def test_one_run_at_a_time_and_one_protocol(two: Client, tmp_path: Path) -> None:
    source = make_studies(tmp_path / "in", a="plan")
    out = tmp_path / "out"
    go(source, out, two)
    from planner.cohort.folder import open_cohort

    with open_cohort(out, PROTOCOL, overwrite=False), pytest.raises(UsageError, match="another run plans"):
        go(source, out, two)
    other = CohortProtocol(SETTINGS.model_copy(update={"treatment_position": "HFS"}))
    with pytest.raises(UsageError, match="other settings; give --overwrite"), open_cohort(out, other, overwrite=False):
        pass
