"""Slices that lie evenly, unevenly, leaning or rounded: where they are planned on, and when they are refused."""

import numpy as np
import pytest

from planner.errors import SeriesError
from planner.geometry.rigid import rotation_about
from planner.io.slice_distances import CLEAR_OF_METAL_MM, heights_mm
from planner.io.slice_layout import lay_out
from planner.model.scan import StoredSlices

TURN = rotation_about((0.3, 1.0, -0.4), 27.0)


def stack(heights, *, lean=(0.0, 0.0), turn=None, rounded=None, rows=20, columns=24):
    """Slices at heights along their normal; ``lean`` moves them along the column and the row, mm per mm."""
    turn = np.eye(3) if turn is None else turn
    row, column, normal = turn.T
    heights = np.asarray(heights, dtype=float)
    first = np.array([-31.5, 12.25, -403.75])
    positions = first + np.outer(heights, normal + lean[0] * column + lean[1] * row)
    if rounded is not None:
        positions = np.round(positions / rounded) * rounded
    return StoredSlices(positions, column * 0.8, row * 0.7, rows, columns, "1.2.3")


def codes(layout):
    return [finding.code for finding in layout.findings]


@pytest.mark.parametrize("turn", [np.eye(3), TURN])
@pytest.mark.parametrize("sense", [1, -1])
def test_even_upright_slices_stay_as_they_are(turn, sense):
    slices = stack(np.arange(12) * 1.25 * sense, turn=turn)
    layout = lay_out(slices)
    assert layout.is_rectangular and codes(layout) == [] and layout.odd_places == ()
    assert layout.spacing_mm == pytest.approx((1.25, 0.8, 0.7))
    for k in range(12):
        assert layout.grid.to_lps((k, 0, 0)) == pytest.approx(slices.positions_lps[k])


def test_rounding_to_a_tenth_does_not_add_up():
    true = stack(np.arange(300) * 0.625)
    layout = lay_out(stack(np.arange(300) * 0.625, rounded=0.1))
    assert layout.is_rectangular and codes(layout) == []
    places = np.array([layout.grid.to_lps((k, 0, 0)) for k in range(300)])
    assert np.abs(places - true.positions_lps)[:, 2].max() < 0.01
    assert layout.spacing_mm[0] == pytest.approx(0.625, abs=1e-4)


@pytest.mark.parametrize("step_mm", [1.25, 1.5, 2.4, 3.3])
def test_rounding_to_whole_mm_is_told_from_missing_slices(step_mm):
    true = stack(np.arange(60) * step_mm)
    layout = lay_out(stack(np.arange(60) * step_mm, rounded=1.0), thickness_mm=round(step_mm, 1))
    assert layout.is_rectangular and codes(layout) == ["positions-rounded"]
    places = np.array([layout.grid.to_lps((k, 0, 0)) for k in range(60)])
    assert np.abs(places - true.positions_lps)[:, 2].max() < 0.3
    assert layout.spacing_mm[0] == pytest.approx(step_mm, abs=0.02)


@pytest.mark.parametrize("lost", [(30,), (20, 40)])
def test_missing_slices_on_whole_mm_are_no_rounding(lost):
    layout = lay_out(stack(np.delete(np.arange(60.0), lost), rounded=1.0))
    assert codes(layout) == ["slice-missing"] * len(lost)
    assert layout.grid.shape[0] == 60


LOST = {
    "every ninth": (40, [9, 18, 27, 36]),
    "every fourth": (40, list(range(3, 40, 4))),
    "three": (30, [7, 15, 22]),
    "every tenth": (60, [6, 16, 26, 36, 46, 56]),
}


@pytest.mark.parametrize("name", LOST)
@pytest.mark.parametrize("thickness_mm", [None, 0.9, 1.0, 1.6])
def test_slices_lost_regularly_on_whole_mm_are_no_rounding(name, thickness_mm):
    count, lost = LOST[name]
    place = rf"-{404 - (lost[0] - 1)}\.00\) mm; slices are missing, or the positions are rounded"
    with pytest.raises(SeriesError, match=place):
        lay_out(stack(np.delete(np.arange(count), lost), rounded=1.0), thickness_mm=thickness_mm)


@pytest.mark.parametrize("thickness_mm", [None, 2.0, 2.4, 3.0])
def test_distances_that_no_lost_slice_makes_are_rounded(thickness_mm):
    layout = lay_out(stack(np.arange(60) * 2.4, rounded=1.0), thickness_mm=thickness_mm)
    assert codes(layout) == ["positions-rounded"] and layout.odd_places == ()


def test_thin_slices_far_apart_are_no_rounding():
    with pytest.raises(SeriesError, match=r"irregular: 3\d x 2\.00 mm, 2\d x 3\.00 mm"):
        lay_out(stack(np.arange(60) * 2.4, rounded=1.0), thickness_mm=1.0)


@pytest.mark.parametrize("off_mm", [0.3, -0.3])
def test_a_slice_out_of_place_is_not_called_missing(off_mm):
    heights = np.arange(40.0)
    heights[12] += off_mm
    (finding,) = lay_out(stack(heights)).findings
    assert finding.code == "slices-uneven" and "missing" not in finding.message
    first, second = 1 + off_mm, 1 - off_mm
    assert f"slices lie {first:.2f} mm and {second:.2f} mm apart round (-31.50, 12.25, " in finding.message
    assert f"within {CLEAR_OF_METAL_MM:g} mm of metal" in finding.message


def test_slices_that_drift_apart_are_interpolated_where_they_lie_in_no_plane():
    layout = lay_out(stack(np.cumsum(np.linspace(1.0, 1.08, 60))))
    assert len(layout.odd_places) > 50 and 58 not in layout.odd_places


def test_a_few_wide_distances_are_uneven_and_a_wide_one_is_a_missing_slice():
    heights = np.cumsum(np.r_[np.ones(15), 1.4, np.ones(15), 1.9, np.ones(15)])
    messages = [f.message for f in lay_out(stack(heights)).findings]
    assert [m.split(" after")[0] for m in messages] == ["slices lie 1.40 mm apart", "a slice is missing"]


def test_one_missing_slice_is_found_with_its_place():
    slices = stack(np.delete(np.arange(12) * 1.25, 5))
    layout = lay_out(slices)
    assert layout.odd_places == (4,) and not layout.is_rectangular
    assert layout.grid.shape == (12, 20, 24) and layout.spacing_mm[0] == pytest.approx(1.25)
    (finding,) = layout.findings
    assert finding.code == "slice-missing" and finding.measured == pytest.approx(2.5)
    assert f"{CLEAR_OF_METAL_MM:g} mm" in finding.message and "(-31.50, 12.25, -398.75) mm" in finding.message
    wanted = np.add((-31.5, 12.25, -403.75), (0.7 * 23 / 2, 0.8 * 19 / 2, 5 * 1.25))
    assert finding.where_lps == pytest.approx(tuple(wanted))


def test_distances_that_stray_a_little_are_made_even():
    rng = np.random.default_rng(3)
    heights = np.cumsum(np.r_[0.0, 1.0 + rng.uniform(-0.2, 0.2, 40)])
    layout = lay_out(stack(heights))
    assert codes(layout) == ["slices-uneven"] and layout.odd_places and not layout.is_rectangular
    assert layout.findings[0].where_lps is not None
    assert layout.findings[0].measured == pytest.approx(np.abs(np.diff(heights) - np.diff(heights).mean()).max())
    assert np.ptp(heights_mm(layout.stored)) == pytest.approx(np.ptp(heights))
    ends = heights_mm(StoredSlices.of_grid(layout.grid))
    assert ends[-1] == pytest.approx(heights[-1])


def test_distances_that_grow_slowly_are_said():
    heights = np.cumsum(np.linspace(1.0, 1.08, 60))
    layout = lay_out(stack(heights))
    assert codes(layout) == ["slices-uneven"] and not layout.is_rectangular
    assert layout.spacing_mm[0] == pytest.approx(np.diff(heights).mean())


@pytest.mark.parametrize("lean_deg", [0.5, 18.5, -18.5, 29.9])
@pytest.mark.parametrize("about", ["row", "column"])
@pytest.mark.parametrize("turn", [np.eye(3), TURN])
def test_a_leaning_stack_gets_a_grid_that_holds_every_voxel(lean_deg, about, turn):
    slope = np.tan(np.radians(lean_deg))
    slices = stack(np.arange(12) * 1.25, lean=(slope, 0.0) if about == "row" else (0.0, slope), turn=turn)
    layout = lay_out(slices)
    assert codes(layout) == ["gantry-tilt"] and layout.tilt_deg == pytest.approx(abs(lean_deg))
    assert layout.findings[0].measured == pytest.approx(abs(lean_deg)) and layout.findings[0].limit == 30
    assert layout.grid.is_rectangular and layout.spacing_mm == pytest.approx((1.25, 0.8, 0.7))
    assert layout.grid.directions_lps[:, 0] == pytest.approx(turn[:, 2])
    index = layout.grid.to_index(slices.positions_lps)
    assert index[:, 0] == pytest.approx(np.arange(12))
    assert index[:, 1:].min() == pytest.approx(0.0, abs=1e-6)
    assert np.all(index[:, 1] <= layout.grid.shape[1] - 20 + 1e-6)
    assert np.all(index[:, 2] <= layout.grid.shape[2] - 24 + 1e-6)


def test_a_tilt_beyond_any_gantry_is_refused():
    with pytest.raises(SeriesError, match=r"lean by 31\.0 degrees"):
        lay_out(stack(np.arange(12) * 1.25, lean=(np.tan(np.radians(31.0)), 0.0)))


REFUSED = {
    "two missing in one place": (np.delete(np.arange(30.0), [10, 11]), r"2 slice\(s\) are missing after .*3\.00 mm on"),
    "one missing of thick slices": (np.delete(np.arange(30.0) * 3, [10]), r"1 slice\(s\) are missing .*5 mm at most"),
    "two blocks": (np.r_[0:40:4.0, 40:110:7.0], r"irregular: 10 x 4\.00 mm, 9 x 7\.00 mm; the first"),
    "too many missing": (np.delete(np.arange(30.0), [5, 10, 15, 19, 25]), "irregular: 19 x 1.00 mm, 5 x 2.00 mm"),
    "almost in one place": (np.sort(np.r_[np.arange(30.0), 7.1]), r"0\.10 mm after"),
    "in one place": (np.sort(np.r_[np.arange(30.0), 7.0]), "one plane"),
    "no distance": (np.zeros(3), "unit"),
    "one slice": (np.zeros(1), "one slice alone"),
    "metres for mm": (np.arange(5) * 1000.0, "unit"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_put_right_is_refused(name):
    heights, words = REFUSED[name]
    with pytest.raises(SeriesError, match=words):
        lay_out(stack(heights))


def test_a_slice_shifted_sideways_is_refused_with_its_place():
    slices = stack(np.arange(12) * 1.25)
    positions = np.array(slices.positions_lps)
    positions[6, 0] += 2.0
    with pytest.raises(SeriesError, match=r"\(-29\.50, 12\.25, -396\.25\) mm is shifted sideways"):
        lay_out(StoredSlices(positions, slices.row_step_lps, slices.column_step_lps, 20, 24))


def test_pixels_of_a_wrong_unit_are_refused():
    slices = stack(np.arange(12) * 1.25)
    with pytest.raises(SeriesError, match="unit"):
        lay_out(StoredSlices(slices.positions_lps, slices.row_step_lps * 1000, slices.column_step_lps, 20, 24))


def test_uneven_and_leaning_at_once():
    heights = np.delete(np.arange(30.0), 12)
    layout = lay_out(stack(heights, lean=(0.3, 0.0)))
    assert codes(layout) == ["gantry-tilt", "slice-missing"]
    assert layout.tilt_deg == pytest.approx(np.degrees(np.arctan(0.3)))
    assert layout.grid.is_rectangular and layout.grid.shape[0] == 30
