"""A needle's course by depth, and the names of its places."""

import numpy as np
import pytest

from planner.errors import GeometryError
from planner.station.reslice.course import Course, DepthMark, depth_in_words, depth_marks
from tests.unit.station.slice_plans import needle

BENT = Course(np.array([(0.0, 0.0, 0.0), (0.0, -30.0, 0.0), (0.0, -30.0, 40.0)]))


def test_a_bent_course_is_measured_along_its_pieces():
    assert BENT.length_mm == 70.0
    assert BENT.at(10.0).tolist() == [0.0, -10.0, 0.0] and BENT.direction(10.0).tolist() == [0.0, -1.0, 0.0]
    assert BENT.at(50.0).tolist() == [0.0, -30.0, 20.0] and BENT.direction(50.0).tolist() == [0.0, 0.0, 1.0]
    assert BENT.direction(30.0).tolist() == [0.0, 0.0, 1.0], "at a corner the piece that begins there counts"
    assert BENT.at(75.0).tolist() == [0.0, -30.0, 45.0], "straight on beyond the tip"
    assert BENT.at(-5.0).tolist() == [0.0, 5.0, 0.0]


@pytest.mark.parametrize("depth", [0.0, 12.5, 30.0, 44.0, 70.0, 83.0])
def test_the_depth_of_a_place_on_the_course_is_its_own(depth):
    assert BENT.depth_of(BENT.at(depth)) == pytest.approx(depth)


def test_a_place_outside_of_the_outermost_point_has_depth_nought():
    assert BENT.depth_of((0.0, 20.0, 0.0)) == 0.0
    assert BENT.depth_of((7.0, -12.0, 0.0)) == 12.0


@pytest.mark.parametrize("path", [[], [(1.0, 2.0, 3.0)], [(1.0, 2.0, 3.0)] * 2, [(0, 0, 0), (np.nan, 0, 0)]])
def test_no_course_without_two_places(path):
    with pytest.raises(GeometryError, match="two different points"):
        Course(np.array(path))


def test_ones_own_needle_has_two_marks():
    assert depth_marks(BENT, None) == (DepthMark("entry", 0.0), DepthMark("tip", 70.0))


def test_a_planned_needles_marks_run_from_the_outside_in():
    planned = needle(1)
    course = Course(np.asarray(planned.path_lps))
    marks = depth_marks(course, planned)
    bone = course.corner_depths_mm[1]
    assert [mark.name for mark in marks] == ["skin", "bone", "gap", "tip"]
    assert [mark.depth_mm for mark in marks] == pytest.approx([0.0, bone, bone + 12.0, course.length_mm])


def test_without_skin_a_course_begins_at_the_bone():
    planned = needle(2, skin=None, depth_marks=())
    course = Course(np.asarray(planned.path_lps))
    assert depth_marks(course, planned) == (DepthMark("bone", 0.0), DepthMark("tip", course.length_mm))


def test_depths_in_words():
    marks = (DepthMark("skin", 0.0), DepthMark("bone", 41.5), DepthMark("tip", 60.0))
    assert depth_in_words(41.6, marks) == "41.6 mm from the skin, 18.4 mm to the tip: at the bone"
    assert depth_in_words(50.0, marks) == "50.0 mm from the skin, 10.0 mm to the tip"
    assert depth_in_words(63.0, marks) == "3.0 mm beyond the tip"
