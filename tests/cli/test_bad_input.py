"""One line, the contract's exit code, nothing half-written: whatever goes in."""

import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from planner.errors import PlannerError
from planner.geometry.grid import Grid
from planner.io import inspect_input, load_scan
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.model.volume import Volume

SLICES = 12


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A small CT of water in air, as DICOM."""
    hu = np.full((SLICES, 24, 26), -1000, np.int16)
    hu[:, 6:18, 6:18] = np.random.default_rng(4).normal(0, 8, (SLICES, 12, 12)).astype(np.int16)
    matrix = np.array([[0, 0, 0.8, -10], [0, 0.8, 0, -10], [1.5, 0, 0, 40], [0, 0, 0, 1.0]])
    folder = tmp_path / "ct"
    write_ct_series(Volume(Grid(hu.shape, matrix), hu), folder, identity=SeriesIdentity(seed="bad-input"))
    return folder


def _run(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "planner.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def _assert_refused(result: subprocess.CompletedProcess[str], exit_code: int, *said: str) -> None:
    assert result.returncode == exit_code, result.stderr
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    for word in said:
        assert word.lower() in lines[0].lower()


def _middle(series: Path) -> Path:
    """The file of a slice that is neither first nor last."""
    slices = sorted(series.iterdir(), key=lambda f: pydicom.dcmread(f).ImagePositionPatient[2])
    return slices[len(slices) // 2]


def test_values_that_look_like_no_hu_need_the_users_word(series: Path, tmp_path: Path) -> None:
    for file in series.iterdir():
        ds = pydicom.dcmread(file)
        ds.RescaleIntercept = float(ds.RescaleIntercept) + 1024
        ds.save_as(file)
    picture = tmp_path / "view.png"
    words = ("fluoro", series, "--primary", 0, "--secondary", 0, "-o", picture)
    _assert_refused(_run(*words), 3, "HU + 1024", "--assume-hu")
    assert not picture.exists()
    assert _run(*words, "--assume-hu").returncode == 0
    assert picture.exists()


def test_points_may_begin_with_a_minus(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    _assert_refused(_run("check", tmp_path / "empty", "--entry", "-20,-80,-1.5", "--target", "-.5,0,0"), 3, "empty")


def test_empty_files_are_named_as_the_cause_of_missing_slices(series: Path) -> None:
    slices = sorted(series.iterdir(), key=lambda f: pydicom.dcmread(f).ImagePositionPatient[2])
    for file in slices[4:7]:
        file.write_bytes(b"")
    _assert_refused(_run("volume", series), 3, "3 file(s) of the input are empty", "copy it again")


def test_one_slice_is_too_few_to_plan_on(series: Path) -> None:
    _assert_refused(_run("volume", _middle(series)), 3, "1 slice", "whole series")


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    _assert_refused(_run("plan", tmp_path / "empty", "-o", tmp_path / "out"), 3, "empty")
    assert not (tmp_path / "out").exists()


def test_an_input_that_is_not_there(tmp_path: Path) -> None:
    _assert_refused(_run("inspect", tmp_path / "nowhere"), 3, "nowhere")


def test_a_text_file_named_dcm(tmp_path: Path) -> None:
    (tmp_path / "letter.dcm").write_text("Dear colleague, thank you for sending me this patient.\n" * 9)
    _assert_refused(_run("plan", tmp_path / "letter.dcm", "-o", tmp_path / "out"), 3, "DICOM")


def test_a_truncated_slice(series: Path, tmp_path: Path) -> None:
    victim = _middle(series)
    victim.write_bytes(victim.read_bytes()[:-80])
    _assert_refused(_run("plan", series, "-o", tmp_path / "out"), 3)
    assert [p.name for p in tmp_path.iterdir()] == ["ct"]


def test_an_mr_series(series: Path, tmp_path: Path) -> None:
    for path in series.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.Modality = "MR"
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = pydicom.uid.MRImageStorage
        dataset.save_as(path)
    _assert_refused(_run("plan", series, "-o", tmp_path / "out"), 3, "MR")


def _lose_slices(series: Path) -> None:
    """Take three slices out of the middle: too many to fill in."""
    for _ in range(3):
        _middle(series).unlink()


def test_missing_slices_are_named_by_their_position(series: Path, tmp_path: Path) -> None:
    _lose_slices(series)
    _assert_refused(_run("plan", series, "-o", tmp_path / "out"), 3, "slice", "mm")


def test_an_output_that_cannot_be_written(series: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    _assert_refused(_run("phantom", "lumbar", "-o", tmp_path / "file" / "out"), 6, "-o")
    _assert_refused(_run("plan", series, "-o", tmp_path / "file" / "out"), 6, "-o")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_cannot_be_written(series: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    _assert_refused(_run("plan", series, "-o", locked / "out"), 6, "permission")


def test_an_output_that_exists(series: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "plan.json").write_text("{}")
    _assert_refused(_run("plan", series, "-o", out), 2, "--overwrite")
    assert (out / "plan.json").read_text() == "{}"


def test_wrong_settings(series: Path, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("needel = 3\n")
    _assert_refused(_run("plan", series, "-o", tmp_path / "out", "--settings", tmp_path / "settings.toml"), 2, "needel")


def test_a_series_that_is_not_there(series: Path, tmp_path: Path) -> None:
    _assert_refused(_run("plan", series, "-o", tmp_path / "out", "--series", "1.2.3"), 3, "1.2.3")


def test_wrong_words_end_with_two() -> None:
    assert _run("plan").returncode == 2
    assert _run("phantom", "knee", "-o", "x").returncode == 2
    assert _run("operate").returncode == 2


def test_help_names_every_command() -> None:
    result = _run("--help")
    assert result.returncode == 0
    for command in ("plan", "inspect", "demo", "phantom"):
        assert command in result.stdout


def test_an_unset_variable_is_no_folder() -> None:
    result = _run("volume", "")
    assert result.returncode == 2
    assert "path is empty" in result.stderr


def test_a_full_disk_is_said(series: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full to stand for a full disk")
    with full.open("w") as out:
        command = [sys.executable, "-m", "planner.cli", "inspect", str(series)]
        result = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False, timeout=120)
    assert result.returncode == 6
    assert len(result.stderr.strip().splitlines()) == 1


def test_the_input_is_named(series: Path, tmp_path: Path) -> None:
    _lose_slices(series)
    _assert_refused(_run("volume", series), 3, f"{series.name}: ")


CANARY = "Zz9Canary"
"""Stands wherever a patient could be told by it."""


MARKED = (
    "PatientID",
    "PatientComments",
    "AccessionNumber",
    "InstitutionName",
    "SeriesDescription",
    "StudyDescription",
    "StudyID",
    "ProtocolName",
    "StationName",
    "DeviceSerialNumber",
    "ImageComments",
)


def _mark(series: Path) -> None:
    for number, path in enumerate(sorted(series.iterdir())):
        dataset = pydicom.dcmread(path)
        for word in MARKED:
            setattr(dataset, word, CANARY)
        dataset.PatientName = dataset.ReferringPhysicianName = dataset.OperatorsName = f"{CANARY}^Ann"
        dataset.PatientBirthDate = "19330317"
        dataset.save_as(path)
        path.rename(series / f"{CANARY}_{number}")


def _cut(series: Path) -> None:
    victim = _middle(series)
    victim.write_bytes(victim.read_bytes()[:-90])


def _flip(series: Path) -> None:
    victim = _middle(series)
    victim.write_bytes(victim.read_bytes().replace(b"1.2.840.10008.1.2.1", b"1.2.840.10008.1,2.1"))


def _spoil_texts(series: Path) -> None:
    for path in series.iterdir():
        path.write_bytes(path.read_bytes().replace(b"19330317", b"19\xff30317").replace(b"ISO_IR 192", b"ISO_IR 999"))


def _not_ct(series: Path) -> None:
    for path in series.iterdir():
        path.write_text(CANARY * 99)


@pytest.mark.parametrize(
    "harm",
    [None, _lose_slices, _cut, _flip, _spoil_texts, _not_ct],
    ids=["whole", "slices lost", "cut off", "a bit flipped", "odd texts", "no CT"],
)
def test_no_patient_shows_in_what_is_printed(series: Path, tmp_path: Path, harm: Callable[[Path], None] | None) -> None:
    _mark(series)
    if harm is not None:
        harm(series)
    (series / f"{CANARY}.txt").write_text("a note")
    (series / f"{CANARY}_folder").mkdir()
    for words in (("inspect", series), ("inspect", series, "--json"), ("volume", series)):
        result = _run(*words)
        assert result.returncode in (0, 3, 4), result.stderr
        said = (result.stdout + result.stderr).replace(str(tmp_path), "")
        assert CANARY not in said and "19330317" not in said and "30317" not in said


def test_what_the_libraries_log_shows_no_patient(series: Path, caplog: pytest.LogCaptureFixture) -> None:
    _mark(series)
    _spoil_texts(series)
    _flip(series)
    caplog.set_level(logging.DEBUG)
    inspect_input(series)
    with contextlib.suppress(PlannerError):
        load_scan(series)
    assert CANARY not in caplog.text and "30317" not in caplog.text


def test_a_defect_that_is_none_is_refused_with_the_list(tmp_path: Path) -> None:
    out = tmp_path / "case"
    _assert_refused(_run("phantom", "hip", "--draw", "line,evn", "-o", out), 2, "'evn'", "osteolysis")
    assert not list(tmp_path.iterdir())


def test_a_path_is_named_as_it_was_typed() -> None:
    _assert_refused(_run("inspect", "a/b/nonexistent"), 3, "no file or folder a/b/nonexistent;")


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(tmp_path: Path) -> None:
    _assert_refused(_run("phantom", "hip", "--draw", "broken_stem", "-o", tmp_path / "x"), 2, "mean 'broken stem'?")
    assert not (tmp_path / "x").exists()
