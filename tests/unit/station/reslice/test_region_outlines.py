"""Cuts through balls and boxes that a person drew."""

import numpy as np
import pytest

from planner.config.wishes_config import BallRegion, BoxRegion, WishedTarget
from planner.report.reslice import Cut, axial, coronal, sagittal
from planner.station.reslice.region_outlines import outline_on

BALL = BallRegion(centre_lps=(10.0, -5.0, 30.0), radius_mm=5.0)
BOX = BoxRegion(low_lps=(0.0, -10.0, 20.0), high_lps=(8.0, 6.0, 23.0))


def through(view, place):
    return view(place, half_mm=50.0)


def area(outline):
    after = np.roll(outline, -1, axis=0)
    return abs(np.sum(outline[:, 0] * after[:, 1] - outline[:, 1] * after[:, 0])) / 2


@pytest.mark.parametrize("off_mm", [0.0, 3.0, -4.0])
def test_a_ball_is_a_circle_as_wide_as_the_cut_through_it(off_mm):
    cut = through(axial, (10.0, -5.0, 30.0 + off_mm))
    outline = outline_on(cut, BALL)
    middle, _ = cut.project(np.array([10.0, -5.0, 30.0]))
    assert np.linalg.norm(outline - middle, axis=1) == pytest.approx(np.sqrt(25.0 - off_mm**2))


@pytest.mark.parametrize("off_mm", [5.0, 5.1, -80.0])
def test_a_cut_beside_a_ball_or_touching_it_shows_nothing(off_mm):
    assert outline_on(through(axial, (10.0, -5.0, 30.0 + off_mm)), BALL) is None


def test_a_target_is_the_ball_in_which_tips_may_lie():
    target = WishedTarget(point_lps=(10.0, -5.0, 30.0), radius_mm=2.0)
    assert np.ptp(outline_on(through(coronal, (10.0, -5.0, 30.0)), target), axis=0) == pytest.approx(
        [4.0, 4.0], abs=1e-2
    )
    assert outline_on(through(coronal, (10.0, -8.0, 30.0)), target) is None


@pytest.mark.parametrize(
    ("view", "mm2"), [(axial, 8.0 * 16.0), (coronal, 8.0 * 3.0), (sagittal, 16.0 * 3.0)], ids=["axial", "cor", "sag"]
)
def test_a_box_is_a_rectangle_in_cuts_along_its_sides(view, mm2):
    outline = outline_on(through(view, (2.0, -1.0, 21.0)), BOX)
    assert outline.shape == (4, 2) and area(outline) == pytest.approx(mm2)


def test_left_of_the_patient_lies_right_in_the_cut():
    cut = through(axial, (0.0, 0.0, 21.0))
    outline = outline_on(cut, BOX)
    assert outline[:, 0].min() == pytest.approx(0.0) and outline[:, 0].max() == pytest.approx(8.0)


def test_a_slanted_cut_through_a_cube_is_a_hexagon():
    cube = BoxRegion(low_lps=(-1.0, -1.0, -1.0), high_lps=(1.0, 1.0, 1.0))
    right = np.array([1.0, -1.0, 0.0]) / np.sqrt(2)
    down = np.array([1.0, 1.0, -2.0]) / np.sqrt(6)
    slanted = Cut(np.zeros(3), right, down, (5.0, 5.0))
    outline = outline_on(slanted, cube)
    assert outline.shape == (6, 2) and area(outline) == pytest.approx(3.0 * np.sqrt(3.0), rel=1e-5)


@pytest.mark.parametrize("z", [19.9, 23.5])
def test_a_cut_beside_a_box_shows_nothing(z):
    assert outline_on(through(axial, (2.0, -1.0, z)), BOX) is None
