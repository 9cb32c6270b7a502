"""Where a CT's own slices lie."""

import numpy as np
import pytest

from planner.errors import GeometryError
from planner.geometry.grid import Grid
from planner.model.scan import StoredSlices
from planner.model.volume import Volume
from planner.pipeline import scan_of


def _sheared() -> Grid:
    matrix = np.eye(4)
    matrix[:3, :3] = [[0.1, 0.0, 0.8], [0.2, 0.7, 0.0], [1.5, 0.4, 0.0]]
    matrix[:3, 3] = (-30.0, 12.0, 400.0)
    return Grid((5, 4, 3), matrix, "1.2.3")


def test_slices_of_a_grid_lie_on_that_grid() -> None:
    grid = _sheared()
    slices = StoredSlices.of_grid(grid)
    assert slices.shape == grid.shape
    assert slices.grid is not None
    assert slices.grid.is_same(grid)


def test_uneven_slices_lie_on_no_grid() -> None:
    slices = StoredSlices.of_grid(_sheared())
    positions = np.delete(slices.positions_lps, 2, axis=0)
    uneven = StoredSlices(positions, slices.row_step_lps, slices.column_step_lps, 4, 3)
    assert uneven.grid is None
    assert uneven.shape == (4, 4, 3)


def test_one_slice_lies_on_no_grid() -> None:
    slices = StoredSlices.of_grid(_sheared())
    assert StoredSlices(slices.positions_lps[:1], slices.row_step_lps, slices.column_step_lps, 4, 3).grid is None


def test_no_slice_is_refused() -> None:
    with pytest.raises(GeometryError, match="positions_lps"):
        StoredSlices(np.zeros((0, 3)), np.ones(3), np.ones(3), 4, 3)


def test_a_scan_along_the_patient_still_tells_its_files_slices() -> None:
    matrix = np.array([[0.7, 0, 0, 5], [0, 0, -0.9, 6], [0, -1.2, 0, 7], [0, 0, 0, 1.0]])
    volume = Volume(Grid((2, 3, 4), matrix), np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    turned = scan_of(volume).in_patient_axes()
    assert turned.volume.grid.shape == (3, 4, 2)
    assert turned.series.shape_zyx == (2, 3, 4)
    for again in (turned, turned.in_patient_axes()):
        assert again.own_slices.grid is not None
        assert again.own_slices.grid.is_same(volume.grid)
