"""Which cuts are shown: never mirrored, through the right place, named rightly."""

import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.report.reslice import axial, coronal, sagittal
from planner.station.reslice.course import Course
from planner.station.reslice.cuts import (
    covering_half_mm,
    framed,
    line_in,
    needle_views,
    patient_views,
    place_on,
    seen_from,
    stepped,
    tilt_in_words,
)

BENT = Course(np.array([(0.0, 0.0, 0.0), (0.0, -30.0, 0.0), (0.0, -30.0, 40.0)]))
STRAIGHT = {
    "from behind": ((10, 80, 0), (0, 0, 0)),
    "from the left": ((90, 5, 3), (0, 0, 0)),
    "from the right": ((-90, 5, 3), (0, 0, 0)),
    "from the front": ((4, -70, 9), (0, 0, 0)),
    "from the head": ((2, 3, 80), (0, 0, 0)),
    "from the feet": ((2, 3, -80), (0, 0, 0)),
}


def test_patient_cuts_meet_in_the_cursor_and_are_held_as_usual():
    views = patient_views((1.0, 2.0, 3.0), half_mm=10.0)
    assert [view.name for view in views] == ["axial", "coronal", "sagittal"]
    assert [view.cut.edge_letters()["right"] for view in views] == ["L", "L", "P"]
    assert [view.cut.edge_letters()["top"] for view in views] == ["A", "S", "S"]
    assert all(view.cut.centre_lps.tolist() == [1.0, 2.0, 3.0] for view in views)


@pytest.mark.parametrize("name", STRAIGHT)
def test_the_needles_eye_looks_towards_the_tip(name):
    course = Course(np.array(STRAIGHT[name], dtype=float))
    eye, along, beside = needle_views(course, 20.0, half_mm=30.0)
    assert np.allclose(eye.cut.normal_lps, course.direction(20.0)), "and not back to the hub"
    assert eye.title == f"needle's eye, {name}" and seen_from(eye.cut) == name
    for view in (along, beside):
        _, off = view.cut.project(course.path_lps)
        assert np.allclose(off, 0.0), "the needle lies in the plane"
    assert abs(along.cut.normal_lps @ beside.cut.normal_lps) < 1e-9
    for view in (eye, along, beside):
        assert np.allclose(np.cross(view.cut.right_lps, view.cut.down_lps), view.cut.normal_lps), "not mirrored"
        assert np.allclose(view.cut.project(course.at(20.0))[0], 0.0)


def test_from_behind_left_is_left_and_the_head_is_up():
    eye, along, beside = needle_views(Course(np.array([(0, 60, 0), (0, 0, 0.0)])), 10.0, half_mm=30.0)
    assert eye.cut.edge_letters() == {"left": "L", "right": "R", "top": "S", "bottom": "I"}
    assert along.title == "along needle, axial" and along.cut.edge_letters()["right"] == "L"
    assert beside.title == "along needle, sagittal" and beside.cut.edge_letters()["right"] == "P"


def test_from_the_left_front_is_left():
    eye, _, beside = needle_views(Course(np.array([(60, 0, 0), (0, 0, 0.0)])), 10.0, half_mm=30.0)
    assert eye.cut.edge_letters() == {"left": "A", "right": "P", "top": "S", "bottom": "I"}
    assert beside.title == "along needle, coronal" and beside.cut.edge_letters()["right"] == "L"


def test_a_steep_needle_is_looked_along_with_the_front_up():
    up = needle_views(Course(np.array([(0, 0, -60), (0, 0, 0.0)])), 10.0, half_mm=30.0)
    assert up[0].cut.edge_letters() == axial((0, 0, 0), 1.0).edge_letters()
    down = needle_views(Course(np.array([(0, 0, 60), (0, 0, 0.0)])), 10.0, half_mm=30.0)
    assert down[0].cut.edge_letters() == {"left": "L", "right": "R", "top": "A", "bottom": "P"}
    assert [view.title for view in up[1:]] == ["along needle, coronal", "along needle, sagittal"]


def test_a_bent_needle_is_cut_with_the_piece_at_the_depth():
    before, after = (needle_views(BENT, depth, half_mm=9.0)[0].cut for depth in (10.0, 50.0))
    assert before.normal_lps.tolist() == [0.0, -1.0, 0.0] and after.normal_lps.tolist() == [0.0, 0.0, 1.0]


def test_tilts_are_said():
    assert tilt_in_words(coronal((0, 0, 0), 1.0)) == "coronal"
    tilted = needle_views(Course(np.array([(0, 50, 20), (0, 0, 0.0)])), 0.0, half_mm=9.0)[1]
    assert tilted.title == "along needle, axial tilted 22°"


def test_a_frame_keeps_the_plane():
    cut = framed(axial((1.0, 2.0, 3.0), 50.0), (30.0, 40.0, 99.0), (20.0, 10.0))
    assert cut.centre_lps.tolist() == [30.0, 40.0, 3.0] and cut.half_mm == (20.0, 10.0)
    assert place_on(cut, (5.0, -2.0)) == (35.0, 38.0, 3.0)
    assert cut.project(place_on(cut, (5.0, -2.0)))[0].tolist() == [5.0, -2.0]


def test_a_cut_covers_what_it_is_told_to():
    corners = [(-30.0, 10.0, 5.0), (20.0, -40.0, -60.0)]
    assert covering_half_mm(sagittal((0, 0, 0), 1.0), corners) == (40.0, 60.0)


def test_cuts_cross_in_lines():
    place, run = line_in(axial((1.0, 2.0, 3.0), 9.0), sagittal((7.0, 8.0, 9.0), 9.0))
    assert place == pytest.approx((7.0, 2.0, 3.0)) and np.abs(run).tolist() == [0.0, 1.0, 0.0]
    assert line_in(axial((0, 0, 0), 9.0), axial((0, 0, 5.0), 9.0)) is None


def test_a_step_stays_in_the_ct():
    matrix = np.diag([2.0, 2.0, 2.0, 1.0])
    grid = Grid((10, 10, 10), matrix)
    assert stepped(grid, (4.0, 4.0, 4.0), (0.0, 0.0, 2.0)) == (4.0, 4.0, 6.0)
    assert stepped(grid, (4.0, 4.0, 18.0), (0.0, 0.0, 2.0)) == (4.0, 4.0, 18.0)
