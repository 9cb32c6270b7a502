"""One line, the contract's exit code, nothing half-written: whatever goes in."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from planner.geometry.grid import Grid
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
    return sorted(series.iterdir(), key=lambda f: pydicom.dcmread(f).ImagePositionPatient[2])[SLICES // 2]


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


def test_a_missing_slice_is_named_by_its_position(series: Path, tmp_path: Path) -> None:
    _middle(series).unlink()
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
    _middle(series).unlink()
    _assert_refused(_run("volume", series), 3, f"{series.name}: ")
