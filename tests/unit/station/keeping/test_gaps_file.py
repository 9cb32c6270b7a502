"""Painted gaps as files: what is written is read again as the same gaps in the same place."""

import numpy as np
import pytest

from planner.errors import UsageError
from planner.io.labels.gap_labels import load_gap_labels
from planner.model.scan import StoredSlices
from planner.station.edited_gaps import canvas_of
from planner.station.keeping.gaps_file import gaps_on_own_slices, write_gaps
from tests.unit.station.test_edited_gaps import labels


def slices_of(grid, *, uneven=False):
    """Those that a file would hold for a grid, the last pushed away where they are to lie on none."""
    matrix = grid.lps_from_index
    positions = matrix[:3, 3] + np.arange(grid.shape[0])[:, None] * matrix[:3, 0]
    if uneven:
        positions[-1] += 3.0 * matrix[:3, 0]
    return StoredSlices(positions, matrix[:3, 1], matrix[:3, 2], grid.shape[1], grid.shape[2], None)


def painted_of(canvas):
    """Erase a part of gap-1, paint a new gap with the value 9."""
    painted = np.where(np.isin(canvas.shown.codes, (2, 3)), canvas.shown.codes, 0).astype(np.uint16)
    painted[3:5] = np.where(painted[3:5] == 2, 0, painted[3:5])
    row, column = (length // 2 for length in canvas.shown.grid.shape[1:])
    painted[9:11, row - 1 : row + 1, column - 1 : column + 2] = 9
    return painted


def places(label_map, code):
    points = label_map.grid.to_lps(np.argwhere(np.asarray(label_map.codes) == code))
    return {tuple(point) for point in np.round(points, 2)}


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd"])
@pytest.mark.parametrize("turn", [0.0, 20.0])
def test_what_is_written_is_read_again_in_the_same_place(tmp_path, suffix, turn):
    canvas = canvas_of(labels(turn))
    own = labels(turn, flipped=True).grid
    gaps = gaps_on_own_slices(canvas, painted_of(canvas), slices_of(canvas.own.grid))
    assert gaps.grid.is_same(canvas.own.grid) and not gaps.grid.is_same(own)
    write_gaps(gaps, tmp_path / f"mine{suffix}")
    read = load_gap_labels(tmp_path / f"mine{suffix}").labels
    assert {int(code) for code in np.unique(read.codes)} == {0, 2, 3, 9}
    assert read.grid.is_same(canvas.own.grid)
    for code in (2, 3, 9):
        assert places(read, code) == places(gaps, code) != set()
    assert [path.name for path in tmp_path.iterdir()] == [f"mine{suffix}"]


def test_they_lie_on_the_slices_that_the_file_holds(tmp_path):
    """The CT was turned the right way round to be planned on: its file still runs the other way."""
    canvas = canvas_of(labels())
    own = slices_of(canvas.own.grid)
    turned = StoredSlices(own.positions_lps[::-1], own.row_step_lps, own.column_step_lps, own.rows, own.columns, None)
    gaps = gaps_on_own_slices(canvas, painted_of(canvas), turned)
    assert gaps.grid.lps_from_index[2, 0] == -canvas.own.grid.lps_from_index[2, 0]
    straight = gaps_on_own_slices(canvas, painted_of(canvas), own)
    assert places(gaps, 9) == places(straight, 9) != set()


def test_uneven_slices_lie_on_no_grid_and_the_planned_one_is_taken():
    canvas = canvas_of(labels())
    gaps = gaps_on_own_slices(canvas, painted_of(canvas), slices_of(canvas.own.grid, uneven=True))
    assert gaps.grid.is_same(canvas.own.grid)


def test_unchanged_gaps_are_the_plans_own():
    canvas = canvas_of(labels())
    same = np.where(np.isin(canvas.shown.codes, (2, 3)), canvas.shown.codes, 0)
    gaps = gaps_on_own_slices(canvas, same, slices_of(canvas.own.grid))
    assert np.array_equal(gaps.codes, np.where(np.isin(canvas.own.codes, (2, 3)), canvas.own.codes, 0))


def test_what_could_not_be_read_again_is_not_written(tmp_path):
    canvas = canvas_of(labels())
    none = gaps_on_own_slices(canvas, np.zeros_like(canvas.shown.codes), slices_of(canvas.own.grid))
    with pytest.raises(UsageError, match="all gaps are erased"):
        write_gaps(none, tmp_path / "mine.nii.gz")
    some = gaps_on_own_slices(canvas, painted_of(canvas), slices_of(canvas.own.grid))
    with pytest.raises(UsageError, match="ends in none of"):
        write_gaps(some, tmp_path / "mine.tif")
    assert not list(tmp_path.iterdir())


def test_a_plans_own_labels_are_left_alone(tmp_path):
    canvas = canvas_of(labels())
    gaps = gaps_on_own_slices(canvas, painted_of(canvas), slices_of(canvas.own.grid))
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(UsageError, match="belongs to the plan"):
        write_gaps(gaps, tmp_path / "labels.nii.gz")
    write_gaps(gaps, tmp_path / "mine.nii.gz")
    assert (tmp_path / "mine.nii.gz").is_file()
