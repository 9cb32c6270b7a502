"""What a plan's folder tells of metal artefacts: in its place, or not known."""

import numpy as np
import pytest

from planner.config.plan_config import PlanConfig
from planner.geometry.grid import Grid
from planner.io.nifti import write_label_nifti
from planner.model.labels import LabelMap
from planner.station.keeping.unreadable_file import TRUST_FILE, read_unreadable

GRID = Grid((6, 7, 8), np.array([[0.0, 0.0, 0.7, 5.0], [0.0, 0.7, 0.0, -9.0], [2.0, 0.0, 0.0, 30.0], [0, 0, 0, 1.0]]))
CONFIG = PlanConfig()
LIMIT = round(100 * CONFIG.trust.unreadable_below)


def write(folder, values, grid=GRID):
    write_label_nifti(LabelMap(grid, values, ()), folder / TRUST_FILE)


@pytest.fixture
def percent():
    values = np.full(GRID.shape, 100, np.uint8)
    values[2, 3, 4], values[3, 5, 4], values[0, 0, 0] = LIMIT - 20, LIMIT, LIMIT + 1
    return values


def test_it_lies_where_it_was_written(tmp_path, percent):
    write(tmp_path, percent)
    labels = LabelMap(GRID, np.zeros(GRID.shape, np.uint8), ())
    for beside in (labels, None):
        found = read_unreadable(tmp_path, CONFIG, labels=beside)
        assert found.voxels.shape == (2, 3, 1), "only the block that holds it"
        places = [(2, 3, 4), (3, 5, 4), (0, 0, 0), (2, 3, 5), (5, 6, 7)]
        assert found.at(GRID.to_lps(places)).tolist() == [True, True, False, False, False]


def test_where_all_is_readable_nothing_is_unreadable_which_is_known(tmp_path):
    write(tmp_path, np.full(GRID.shape, 100, np.uint8))
    assert not read_unreadable(tmp_path, CONFIG, labels=None).voxels.any()


def test_what_is_not_there_or_not_this_plans_is_not_known(tmp_path, percent):
    assert read_unreadable(tmp_path, CONFIG, labels=None) is None, "no file"
    write(tmp_path, percent)
    assert read_unreadable(tmp_path, None, labels=None) is None, "what counts as unreadable is not known"
    matrix = GRID.lps_from_index.copy()
    matrix[0, 3] += 3.0
    moved = LabelMap(Grid(GRID.shape, matrix), np.zeros(GRID.shape, np.uint8), ())
    assert read_unreadable(tmp_path, CONFIG, labels=moved) is None, "of another CT"
    percent[0, 0, 0] = 101
    write(tmp_path, percent)
    assert read_unreadable(tmp_path, CONFIG, labels=None) is None, "no percent"
    (tmp_path / TRUST_FILE).write_bytes(b"broken")
    assert read_unreadable(tmp_path, CONFIG, labels=None) is None, "cannot be read"
