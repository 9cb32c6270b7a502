"""Fewer pixels while the C-arm turns: the same field, at the same place."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.carm import project
from planner.fluoro.overlay import Layer, Line, Ring, Words
from planner.fluoro.views import ap_view
from planner.station.carm.fluoro_binning import (
    binned,
    first_binning,
    next_binning,
    onto_all_pixels,
    spread_over_all_pixels,
)

VIEW = ap_view((0.0, 0.0, 0.0), config=FluoroConfig())
POINT = (31.0, 12.0, -44.0)


@pytest.mark.parametrize("binning", [2, 3, 4, 5])
@pytest.mark.parametrize("size", [(512, 512), (480, 620)])
def test_what_is_drawn_on_fewer_pixels_lies_where_it_lies_on_all(binning, size):
    carm = VIEW.model_copy(update={"rows": size[0], "columns": size[1]})
    small = binned(carm, binning)
    row, column = project(small, POINT)
    drawn = Layer("x", (Line(np.array([[row, column]]), (1, 2, 3)), Ring((row, column), 4.0, (1, 2, 3)),
                        Words((row, column), "w", (1, 2, 3))))  # fmt: skip
    moved = onto_all_pixels(drawn, small, carm)
    wanted = project(carm, POINT)
    np.testing.assert_allclose(moved.shapes[0].pixels[0], wanted, atol=1e-9)
    np.testing.assert_allclose([shape.pixel for shape in moved.shapes[1:]], [wanted, wanted], atol=1e-9)
    assert moved.shapes[1].radius_px == 4.0


@pytest.mark.parametrize("binning", [2, 3, 4, 5])
def test_a_picture_of_fewer_pixels_is_spread_without_a_shift(binning):
    small = binned(VIEW, binning)

    def blob(carm):
        rows, columns = np.mgrid[: carm.rows, : carm.columns]
        row, column = project(carm, POINT)
        wide = 25.0 / carm.pixel_mm
        return 250.0 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2.0 * wide**2))

    spread = spread_over_all_pixels(blob(small).astype(np.uint8), small, VIEW).astype(float)
    assert spread.shape == (VIEW.rows, VIEW.columns)
    assert np.abs(spread - blob(VIEW)).max() < 5.0


def test_all_pixels_stay_as_they_are():
    grey = np.zeros((VIEW.rows, VIEW.columns), np.uint8)
    assert binned(VIEW, 1) is VIEW
    assert spread_over_all_pixels(grey, VIEW, VIEW) is grey


@pytest.mark.parametrize(
    ("binning", "took_s", "following"),
    [(2, 0.08, 2), (2, 0.2, 3), (3, 0.08, 3), (3, 0.02, 2), (2, 0.02, 2), (5, 0.5, 5)],
)
def test_slow_pictures_get_coarser_and_quick_ones_finer_within_limits(binning, took_s, following):
    assert next_binning(binning, took_s, VIEW) == following


@pytest.mark.parametrize(("rows", "binning"), [(512, 2), (200, 2), (1536, 6)])
def test_a_turn_begins_with_some_256_rows(rows, binning):
    assert first_binning(VIEW.model_copy(update={"rows": rows, "columns": rows})) == binning
