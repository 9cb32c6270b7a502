"""``--gaps``: a plan's gaps are edited and everything is computed anew; what cannot be used ends with exit code 3."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from planner.cli import main
from planner.config.phantoms.scan import IdealScan
from planner.geometry.frames import point_tuple
from planner.geometry.grid import Grid
from planner.io.nifti import read_label_nifti, write_label_nifti
from planner.model.labels import LabelMap
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder, RoundCone, ThreadedShaft
from planner.phantoms.tissues import CANCELLOUS, CORTICAL, FIBROUS, MUSCLE, SCLEROTIC, TITANIUM

AXIS = np.array([-0.25, -0.95, 0.15]) / np.linalg.norm([-0.25, -0.95, 0.15])


def _loose_screw(path: Path) -> None:
    """One screw in bone, 2 mm loose over its lower two thirds, and its scan as NIfTI."""
    at = lambda mm: point_tuple((mm - 18.0) * AXIS)  # noqa: E731
    parts = (
        Part("bone", RoundCone(at(6), at(38), 13, 13), CORTICAL),
        Part("marrow", RoundCone(at(6), at(38), 11.5, 11.5), CANCELLOUS),
        Part("rim", Cylinder(at(11), at(39), 6.0), SCLEROTIC),
        Part("gap", Cylinder(at(12), at(38), 5.0), FIBROUS),
        Part("screw", ThreadedShaft(at(0), at(36), 6.0, 4.4), TITANIUM),
        Part("tulip", Cylinder(at(-13), at(1), 6.0), TITANIUM),
    )
    shape = (49, 128, 81)
    matrix = np.array([[0, 0, 0.6, -24], [0, 0.6, 0, -38.1], [1.0, 0, 0, -24], [0, 0, 0, 1]])
    volume = ideal_scan(Scene(parts, MUSCLE), Grid(shape, matrix), IdealScan(seed=5, subsamples=2))
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix @ np.eye(4)[[2, 1, 0, 3]]
    nib.save(nib.Nifti1Image(np.asarray(volume.hu).transpose(2, 1, 0), affine), path)


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gaps")
    _loose_screw(folder / "ct.nii.gz")
    words = ["plan", str(folder / "ct.nii.gz"), "-o", str(folder / "out"), "--no-figures", "--assume-hu"]
    assert main(words) == 0
    document = json.loads((folder / "out" / "plan.json").read_text())
    assert document["gaps"] and document["review"]["state"] == "unreviewed"
    return folder, document


def _codes(folder):
    labels = read_label_nifti(folder / "out" / "labels.nii.gz")
    return labels.grid, np.asarray(labels.codes).copy()


def test_an_edited_mask_makes_an_edited_plan(planned, tmp_path):
    folder, document = planned
    grid, codes = _codes(folder)
    gap = next(s["code"] for s in document["labels"] if s["kind"] == "gap")
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    lower = points @ AXIS > np.median((points @ AXIS)[codes == gap])
    mask = tmp_path / "Doe_Jane.nii.gz"
    write_label_nifti(LabelMap(grid, ((codes == gap) & lower).astype(np.uint8), ()), mask)
    out = tmp_path / "out"
    words = ["plan", str(folder / "ct.nii.gz"), "-o", str(out), "--no-figures", "--assume-hu", "--gaps", str(mask)]
    assert main(words) == 0
    edited = json.loads((out / "plan.json").read_text())
    assert edited["review"]["state"] == "edited"
    said = next(f for f in edited["findings"] if f["code"] == "gaps-given")
    assert "the given file of gaps" in said["message"] and "1 corrected" in said["message"]
    # People name files after their patient.
    assert not [path for path in out.rglob("*") if path.is_file() and b"Doe_Jane" in path.read_bytes()]
    was, now = document["gaps"][0], edited["gaps"][0]
    assert 0.35 < now["volume_ml"]["estimate"] / was["volume_ml"]["estimate"] < 0.65
    painted = read_label_nifti(out / "labels.nii.gz")
    code = next(s["code"] for s in edited["labels"] if s["kind"] == "gap")
    assert np.array_equal(np.asarray(painted.codes) == code, (codes == gap) & lower)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_plan_that_is_killed_leaves_the_older_one_and_can_be_made_again(planned, tmp_path, share):
    folder, _ = planned
    out = tmp_path / "out"
    shutil.copytree(folder / "out", out)
    (out / "notes.txt").write_text("mine")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    words = ["plan", str(folder / "ct.nii.gz"), "-o", str(out), "--no-figures", "--assume-hu", "--overwrite"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-m", "planner.cli", *words], env=environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        wanted = share * len(before)
        while process.poll() is None and sum(1 for _ in tmp_path.glob(".out.partial-*/**/*")) < max(wanted, 1):
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    if share:
        assert main(words) == 0
        assert [entry.name for entry in tmp_path.iterdir()] == ["out"]
        assert (out / "notes.txt").read_text() == "mine"
        again, first = (
            json.loads(text)["gaps"] for text in ((out / "plan.json").read_bytes(), before[out / "plan.json"])
        )
        assert [gap["id"] for gap in again] == [gap["id"] for gap in first]
        assert {path.relative_to(out) for path in before} <= {path.relative_to(out) for path in out.rglob("*")}


def _far_away(path: Path) -> None:
    matrix = np.array([[0, 0, 1.0, 5000], [0, 1.0, 0, 0], [1.0, 0, 0, 0], [0, 0, 0, 1]])
    write_label_nifti(LabelMap(Grid((9, 9, 9), matrix), np.ones((9, 9, 9), np.uint8), ()), path)


def _empty(path: Path) -> None:
    write_label_nifti(LabelMap(Grid((9, 9, 9), np.eye(4)), np.zeros((9, 9, 9), np.uint8), ()), path)


@pytest.mark.parametrize(
    ("command", "make", "why"),
    [
        ("plan", None, "there is no gap mask"),
        ("volume", _empty, "holds no voxel"),
        ("plan", _far_away, "beside the CT"),
        ("check", _far_away, "beside the CT"),
    ],
)
def test_gaps_that_cannot_be_used(planned, tmp_path, capsys, command, make, why):
    path, out = tmp_path / "mask.nii.gz", tmp_path / "out"
    if make is not None:
        make(path)
    words = [command, str(planned[0] / "ct.nii.gz"), "--assume-hu", "--gaps", str(path)]
    words += {"plan": ["-o", str(out)], "check": ["--entry=0,0,0", "--target=0,10,0"], "volume": []}[command]
    capsys.readouterr()
    assert main(words) == 3
    told = capsys.readouterr()
    assert told.out == "" and not out.exists()
    said = told.err.strip().splitlines()[-1]
    assert said.startswith("cement-planner: ") and why in said and str(tmp_path) not in said
