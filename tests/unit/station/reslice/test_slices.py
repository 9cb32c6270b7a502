"""What a cut shows: the right voxels in the right place, from any storage, and nothing where there is nothing."""

from dataclasses import replace

import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.model.labels import LabelMap
from planner.model.volume import Mask, Volume
from planner.report.palette import BREACH, CEMENT, GAP
from planner.report.reslice import axial, coronal, sagittal, sample
from planner.station.reslice.course import Course
from planner.station.reslice.cuts import needle_views
from planner.station.reslice.slices import (
    OUTSIDE_RGB,
    PAINTED,
    Sampled,
    colours_of,
    hu_on,
    nearest_on,
    picture,
    rgb,
    sampled,
    slice_step_mm,
)
from planner.station.reslice.windows import WINDOWS, Window
from tests.unit.station.slice_plans import MARKER_LPS, STORED, grid_of, labels_of, plan_of, scan_of

SIZE = (120, 120)


def side_of_marker(hu):
    rows, columns = np.nonzero(hu > 1500)
    assert len(rows) > 20
    middle = (np.array(hu.shape) - 1) / 2
    return int(np.sign(columns.mean() - middle[1])), int(np.sign(rows.mean() - middle[0]))


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize(
    ("cut", "side"), [(axial, (1, -1)), (coronal, (1, -1)), (sagittal, (-1, -1))], ids=["axial", "coronal", "sagittal"]
)
def test_the_patient_is_never_mirrored(stored, cut, side):
    seen = cut(MARKER_LPS * np.abs(cut((0, 0, 0), 1.0).normal_lps), 45.0)
    assert side_of_marker(hu_on(scan_of(stored).volume, seen, SIZE)) == side
    mirrored = replace(seen, right_lps=-seen.right_lps)
    assert side_of_marker(hu_on(scan_of(stored).volume, mirrored, SIZE)) == (-side[0], side[1]), "the test can fail"


@pytest.mark.parametrize("stored", STORED)
def test_the_needles_eye_from_behind_has_left_at_the_left(stored):
    course = Course(np.array([(0.0, 60.0, 10.0), (0.0, -40.0, 10.0)]))
    eye, along, beside = (view.cut for view in needle_views(course, course.depth_of(MARKER_LPS), half_mm=45.0))
    volume = scan_of(stored).volume
    assert side_of_marker(hu_on(volume, eye, SIZE)) == (-1, -1)
    for off_marker in (along, beside):
        assert not np.any(hu_on(volume, off_marker, SIZE) > 1500)


@pytest.mark.parametrize("stored", STORED)
def test_hu_are_the_reports_own(stored):
    rng = np.random.default_rng(7)
    grid = grid_of(stored)
    volume = Volume(grid, rng.integers(-1000, 3000, grid.shape).astype(np.int16))
    cut = needle_views(Course(np.array([(20.0, 50.0, 14.0), (0.0, 0.0, 0.0)])), 40.0, half_mm=60.0)[0].cut
    expected = sample(grid, volume.hu, cut.points(1.0), outside=-5000.0)
    seen = hu_on(volume, cut, SIZE)
    assert np.array_equal(np.isnan(seen), expected == -5000.0)
    assert np.allclose(seen[~np.isnan(seen)], expected[expected > -5000.0], atol=0.05)


def test_codes_are_never_mixed_and_end_with_the_grid():
    labels = labels_of(grid_of())
    cut = axial((10.13, 0.07, 1.0), 60.0)
    codes = nearest_on(labels.grid, labels.codes, cut, SIZE)
    points = cut.points(1.0)
    index = np.clip(np.rint(labels.grid.to_index(points)).astype(int), 0, np.array(labels.grid.shape) - 1)
    inside = labels.grid.contains(points)
    expected = np.zeros(SIZE, int)
    expected[inside] = labels.codes[tuple(index[inside].T)]
    assert set(np.unique(codes)) == {0, 1, 2, 4, 5}
    assert np.array_equal(codes, expected)
    assert not codes[~inside].any()


def test_what_the_scanner_did_not_measure_is_not_shown():
    grid = grid_of()
    padding = np.zeros(grid.shape, bool)
    padding[:, :, 35:] = True
    seen = hu_on(scan_of(padding=padding).volume, axial((0, 0, 0), 40.0), SIZE)
    assert np.isnan(seen[:, 70:]).all() and not np.isnan(seen[:, :50]).any()


def test_outside_of_the_ct_is_no_air():
    scan = scan_of()
    seen = sampled(axial((0, 0, 0), 80.0), SIZE, volume=scan.volume)
    painted = picture(seen, WINDOWS["bone"])
    assert painted[0, 0].tolist() == list(OUTSIDE_RGB)
    assert painted[90, 92].tolist() == [0, 0, 0], "air"
    nothing = picture(sampled(axial((0, 0, 0), 80.0), SIZE, volume=None), WINDOWS["bone"])
    assert np.all(nothing == np.array(OUTSIDE_RGB))


def test_a_window_maps_its_ends_to_black_and_white():
    hu = np.array([[-60.0, -61.0, 90.0, 240.0, 300.0]], np.float32)
    none = np.zeros(hu.shape, bool)
    painted = picture(Sampled(hu, np.zeros(hu.shape, np.int32), none, none), Window(90.0, 300.0))
    assert painted[0, :, 0].tolist() == [0, 0, 127, 255, 255]
    assert np.all(painted[..., 0:1] == painted)


def painted_codes(**changes):
    labels = labels_of(grid_of())
    codes = np.full((9, 9), 5, np.int32)
    codes[1:8, 1:8] = 2
    none = np.zeros(codes.shape, bool)
    seen = replace(Sampled(np.full(codes.shape, 40.0, np.float32), codes, none, none), **changes)
    return labels, seen


def test_structures_are_outlined_in_full_and_filled_lightly():
    labels, seen = painted_codes()
    table = colours_of(labels)
    painted = picture(seen, WINDOWS["bone"], table)
    assert painted[1, 4].tolist() == list(rgb(GAP)) and painted[0, 0].tolist() == [81, 81, 81]
    assert painted[4, 4, 0] > painted[4, 4, 2], "the gap's yellow over the CT"
    outlined = picture(seen, WINDOWS["bone"], table, is_filled=False)
    assert outlined[1, 4].tolist() == list(rgb(GAP)) and outlined[4, 4].tolist() == [81, 81, 81]
    assert np.all(picture(seen, WINDOWS["bone"], None) == 81)


def test_what_is_hidden_is_not_drawn_and_takes_its_breaches_along():
    labels = labels_of(grid_of())
    plan = plan_of(scan_of())
    table = colours_of(labels, plan=plan, hidden=frozenset({"gap-1"}))
    assert table[2, 3] < 0 and table[3, 3] < 0 and table[4, 3] >= 0
    shown = colours_of(labels, plan=plan)
    assert shown[3, :3].tolist() == list(rgb(BREACH)) and shown[5, 3] < 0
    assert colours_of(labels, with_bone=True)[5, 3] > 0


def test_cement_lies_on_top_and_unreadable_tissue_is_striped():
    cement, unreadable = np.zeros((9, 9), bool), np.ones((9, 9), bool)
    cement[3:6, 3:6] = True
    labels, seen = painted_codes(cement=cement, unreadable=unreadable)
    painted = picture(seen, WINDOWS["bone"], colours_of(labels))
    assert painted[3, 4].tolist() == list(rgb(CEMENT))
    striped = {tuple(colour) for colour in painted[[0, 8]].reshape(-1, 3).tolist()}
    assert (81, 81, 81) in striped and len(striped) == 2


def test_metal_itself_is_not_striped():
    grid = grid_of()
    labels = labels_of(grid)
    everywhere = Mask(grid, np.ones(grid.shape, bool))
    seen = sampled(axial((10.0, 10.0, -1.0), 20.0), SIZE, volume=scan_of().volume, labels=labels, unreadable=everywhere)
    assert np.array_equal(seen.unreadable, seen.codes != 1) and (seen.codes == 1).any()


def test_masks_lie_on_grids_of_their_own():
    matrix = np.diag([5.0, 5.0, 5.0, 1.0])
    cement = Mask(Grid((2, 2, 2), matrix), np.ones((2, 2, 2), bool))
    seen = sampled(axial((2.5, 2.5, 2.5), 20.0), SIZE, volume=None, cement=cement)
    assert np.count_nonzero(seen.cement) == pytest.approx(10.0 * 10.0 * 9.0, rel=0.02)


def test_a_step_is_the_spacing_across_the_cut():
    grid = grid_of("sagittal")
    assert slice_step_mm(grid, sagittal((0, 0, 0), 1.0)) == pytest.approx(2.0)
    assert slice_step_mm(grid, axial((0, 0, 0), 1.0)) == pytest.approx(1.5)
    assert slice_step_mm(grid, coronal((0, 0, 0), 1.0)) == pytest.approx(1.3)


@pytest.mark.parametrize("stored", STORED)
def test_painted_gaps_are_outlined_where_they_are_and_nothing_below_is_covered(stored):
    grid, cut = grid_of(stored), axial(MARKER_LPS * (0.0, 0.0, 1.0), 45.0)
    points = grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))
    codes = np.where(np.linalg.norm(points - MARKER_LPS, axis=-1) < 8.0, 7, 0).astype(np.uint16)
    bare = sampled(cut, SIZE, volume=scan_of(stored).volume)
    seen = sampled(cut, SIZE, volume=scan_of(stored).volume, painted=LabelMap(grid, codes, ()))
    assert bare.painted is None and side_of_marker(np.where(seen.painted > 0, 2000, 0)) == (1, -1)
    window = WINDOWS["bone"]
    before, after = picture(bare, window), picture(seen, window)
    changed = (before != after).any(axis=-1)
    assert changed.any() and (after[changed] == rgb(PAINTED)).all()
    inner = (seen.painted > 0) & ~changed
    assert inner.sum() > changed.sum(), "an outline only"
    empty = sampled(cut, SIZE, volume=scan_of(stored).volume, painted=LabelMap(grid, np.zeros_like(codes), ()))
    assert np.array_equal(picture(empty, window), before)
