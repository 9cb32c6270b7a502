"""What a worker makes of a study, without any cluster."""

from pathlib import Path

import pytest

from planner.cohort.folder import CohortFolder, open_cohort
from planner.cohort.protocol import CohortProtocol, difference
from planner.cohort.studies import Study
from planner.cohort.study_plan import Halt, StudyOrder, carry_out, without_names
from planner.cohort.study_record import StudyRecord
from planner.config.output_config import OutputConfig
from planner.config.plan_config import PlanConfig
from planner.errors import OutputError, SeriesError, UsageError
from planner.io.dicom.pseudonyms import Pseudonyms
from planner.progress import Monitor, check_cancelled

PROTOCOL = CohortProtocol(PlanConfig())


def order_in(out: Path, run: str, source: Path, **changes: object) -> StudyOrder:
    fields = {"study": Study("s", source), "protocol": PROTOCOL, "out": out, "run": run, "look_s": 0.0, **changes}
    return StudyOrder(**fields)


def nothing(order: StudyOrder, monitor: Monitor) -> None:
    """Plan nothing."""


def test_a_message_names_neither_the_study_nor_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "Canary^Ann"
    (folder / "Canary Eva 1933").mkdir(parents=True)
    (folder / "Canary Eva 1933" / "Ann_001.dcm").touch()
    (folder / "CT").mkdir()
    study = Study("s-1", folder)
    said = without_names(f"Canary^Ann: Ann_001.dcm of the CT in\n{folder}/Canary Eva 1933 is cut (001)", study)
    assert said == "s-1: a file of the CT in s-1/a file is cut (001)"
    assert len(without_names("x" * 1000, study)) == 400
    said = without_names("series 1.2.840.113619.2.55.3.604 of 2.25.123456789, 0.6.1 and 1.5 mm", study)
    assert said == "series (UID) of (UID), 0.6.1 and 1.5 mm"


@pytest.mark.parametrize("name", ["is", "slice", "DICOM", "12"])
def test_a_study_named_like_a_word_of_the_message_leaves_the_message_whole(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    said = "the slice at 12 is empty; give the folder of a DICOM series"
    assert without_names(f"{tmp_path / name}: {said}", Study("P1", tmp_path / name)) == f"P1: {said}"


def test_a_study_that_goes_by_its_own_name_is_called_by_it(tmp_path: Path) -> None:
    said = without_names("there is no file or folder hello; check the path", Study("hello", tmp_path / "hello"))
    assert said == "there is no file or folder hello; check the path"


def test_a_worker_with_another_version_plans_nothing(tmp_path: Path) -> None:
    with open_cohort(tmp_path / "out", PROTOCOL, overwrite=False) as (folder, run):
        halt = carry_out(order_in(folder.path, run, tmp_path, version="0.0.0"), task=nothing)
        assert isinstance(halt, Halt) and "of 0.0.0" in halt.message and folder.record_of("s") is None


def test_a_worker_that_does_not_see_the_output_ends_the_run_and_says_so(tmp_path: Path) -> None:
    halt = carry_out(order_in(tmp_path / "elsewhere", "r", tmp_path), task=nothing)
    assert isinstance(halt, Halt) and "does not see elsewhere" in halt.message


def test_a_study_that_was_begun_too_often_is_given_up_and_one_that_is_settled_stays(tmp_path: Path) -> None:
    def never(order: StudyOrder, monitor: Monitor) -> None:
        raise AssertionError("this study is not to be planned")

    with open_cohort(tmp_path / "out", PROTOCOL, overwrite=False) as (folder, run):
        order = order_in(folder.path, run, tmp_path)
        first = carry_out(order, task=nothing)
        assert isinstance(first, StudyRecord) and first.state == "planned" and first.starts == 1
        assert carry_out(order, task=never) == first
        folder.keep(first.model_copy(update={"state": "begun", "starts": 3}))
        record = carry_out(order, task=never)
        assert isinstance(record, StudyRecord) and record.state == "worker died" and "3 times" in str(record.error)
        assert folder.record_of("s") == record


def test_a_study_whose_run_was_ended_comes_to_nothing(tmp_path: Path) -> None:
    with open_cohort(tmp_path / "out", PROTOCOL, overwrite=False) as (folder, run):

        def ended(order: StudyOrder, monitor: Monitor) -> None:
            folder.end_run()
            check_cancelled(monitor)

        order = order_in(folder.path, run, tmp_path)
        assert carry_out(order, task=ended) is None
        kept = folder.record_of("s")
        assert kept is not None and kept.state == "begun"
        assert carry_out(order, task=ended) is None


def test_no_room_halts_the_run(tmp_path: Path) -> None:
    def full(order: StudyOrder, monitor: Monitor) -> None:
        raise OutputError("no room")

    with open_cohort(tmp_path / "out", PROTOCOL, overwrite=False) as (folder, run):
        assert carry_out(order_in(folder.path, run, tmp_path), task=full) == Halt("no room")


def test_a_plans_folder_that_is_somebody_elses_is_that_studys_row(tmp_path: Path) -> None:
    def closed(order: StudyOrder, monitor: Monitor) -> None:
        raise OutputError("s cannot be replaced") from PermissionError(13, "Permission denied")

    with open_cohort(tmp_path / "out", PROTOCOL, overwrite=False) as (folder, run):
        record = carry_out(order_in(folder.path, run, tmp_path), task=closed)
    assert isinstance(record, StudyRecord) and record.state == "failed" and record.error_class == "OutputError"


def test_a_path_that_cannot_be_looked_at_is_that_studys_row(tmp_path: Path) -> None:
    def absent(order: StudyOrder, monitor: Monitor) -> None:
        raise SeriesError("there is no file or folder")

    with open_cohort(tmp_path / "out", PROTOCOL, overwrite=False) as (folder, run):
        record = carry_out(order_in(folder.path, run, tmp_path / ("x" * 5000)), task=absent)
    assert isinstance(record, StudyRecord) and record.state == "failed"


def test_an_error_and_a_state_belong_together() -> None:
    fields = {"study": "s", "run": "r", "starts": 1, "protocol_sha256": "", "input_sha256": ""}
    with pytest.raises(ValueError, match="only then"):
        StudyRecord(state="planned", error="no", **fields)
    with pytest.raises(ValueError, match="only then"):
        StudyRecord(state="failed", **fields)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"study": 3}', "[" * 100_000])
def test_a_record_that_cannot_be_understood_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "s.json").write_text(content)
    assert CohortFolder(tmp_path).record_of("s") is None


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").touch()
    with pytest.raises(UsageError, match="holds files but no cohort"), open_cohort(tmp_path, PROTOCOL, overwrite=True):
        pass
    (tmp_path / "cohort.json").write_text('{"schema": "cement-planner/cohort/99"}')
    with pytest.raises(UsageError, match="of another kind"), open_cohort(tmp_path, PROTOCOL, overwrite=True):
        pass


def test_protocols_are_told_apart() -> None:
    keyed = CohortProtocol(PlanConfig(), pseudonyms=Pseudonyms(b"k" * 32))
    others = {
        "other settings": CohortProtocol(PlanConfig(treatment_position="HFS")),
        "pictures": PROTOCOL,
        "other pseudonyms, or none": keyed,
    }
    assert difference(PROTOCOL.record, PROTOCOL.record) is None
    assert difference(PROTOCOL.record, CohortProtocol(PlanConfig(), figures=False).record) == "pictures"
    plain = PlanConfig(output=OutputConfig(surfaces=()))
    assert "surfaces" in str(difference(PROTOCOL.record, CohortProtocol(plain).record))
    for word in ("other settings", "other pseudonyms, or none"):
        assert difference(PROTOCOL.record, others[word].record) == word
        assert PROTOCOL.sha256 != others[word].sha256
    assert b"k" * 32 not in keyed.record.model_dump_json().encode()
    older = PROTOCOL.record.model_copy(update={"version": "0.0.1"})
    assert "version 0.0.1" in str(difference(older, PROTOCOL.record))


def test_half_written_plans_of_killed_workers_are_swept_away(tmp_path: Path) -> None:
    with open_cohort(tmp_path / "out", PROTOCOL, overwrite=False) as (folder, _):
        left = folder.path / "studies" / ".case-1.partial-machine-77"
        other = folder.path / "studies" / ".notes"
        for one in (left, other, folder.path / "studies" / "case-1"):
            one.mkdir()
        folder.sweep()
        assert not left.exists() and other.exists() and (folder.path / "studies" / "case-1").exists()
