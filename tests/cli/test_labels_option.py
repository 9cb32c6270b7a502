"""``--labels`` that cannot be used: one line, exit code 3, and nothing written."""

from pathlib import Path

import numpy as np
import pytest

from planner.cli import main
from planner.geometry.grid import Grid
from planner.io.nifti import write_label_nifti
from planner.model.labels import LabelMap

SAMPLE = Path(__file__).resolve().parents[2] / "sample_dicoms" / "lumbar"


def _far_away(path: Path) -> None:
    codes = np.zeros((60, 40, 40), np.uint8)
    codes[34:48, 10:32, 8:32], codes[17:31, 10:32, 8:32] = 22, 23
    matrix = np.array([[0, 0, 2.0, 5000], [0, 2.0, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1]])
    write_label_nifti(LabelMap(Grid(codes.shape, matrix), codes, ()), path)


@pytest.mark.parametrize("command", ["plan", "volume"])
@pytest.mark.parametrize(("make", "why"), [(None, "there are no labels"), (_far_away, "beside the CT")])
def test_labels_that_cannot_be_used(tmp_path, capsys, command, make, why):
    path, out = tmp_path / "labels.nii.gz", tmp_path / "out"
    if make is not None:
        make(path)
    words = [command, str(SAMPLE), "--labels", str(path), *(["-o", str(out)] if command == "plan" else [])]
    assert main(words) == 3
    told = capsys.readouterr()
    assert told.out == "" and not out.exists()
    said = told.err.strip().splitlines()[-1]
    assert said.startswith("cement-planner: ") and why in said and str(tmp_path) not in said
