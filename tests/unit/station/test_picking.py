import numpy as np
import pytest

from planner.station.picking import Picked, pick_along, pick_near
from planner.station.surfaces import Surface, tube

AHEAD = (0.0, -1.0, 0.0)
"""From behind."""


def rod(kind, thing, x, y=0.0):
    points, triangles = tube(((x, y, -50.0), (x, y, 50.0)), diameter_mm=6.0, sides=16)
    return Surface(kind, thing, points, triangles)


@pytest.mark.parametrize(
    ("place", "picked"),
    [
        ((101.5, 60.0, 10.0), Picked("needle", "trajectory-1")),
        ((145.0, 30.0, 10.5), Picked("needle", "trajectory-2")),  # beyond its bend
        ((110.0, 21.0, 10.0), Picked("breach", "breach-1")),
        ((120.0, 60.0, 10.0), None),
        ((100.0, 60.0, 14.0), None),  # another slice
        ((100.0, 90.0, 10.0), None),  # outside of the skin
    ],
)
def test_the_nearest_needle_or_breach_of_a_cut(plan, place, picked):
    assert pick_near(plan, place, within_mm=2.0) == picked


def test_what_is_hidden_is_not_picked(plan):
    assert pick_near(plan, (100.0, 60.0, 10.0), within_mm=2.0, hidden={"trajectory-1"}) is None
    eye = (100.0, 500.0, 11.0)
    assert pick_along(plan, (), eye, AHEAD, within_mm=2.0) == Picked("needle", "trajectory-1")
    assert pick_along(plan, (), eye, AHEAD, within_mm=2.0, hidden={"trajectory-1"}) is None


def test_a_line_of_sight_meets_what_is_thin_from_any_side(plan):
    assert pick_along(plan, (), (110.5, 500.0, 10.0), AHEAD, within_mm=2.0) == Picked("breach", "breach-1")
    above = pick_along(plan, (), (101.0, 60.0, 900.0), (0.0, 0.0, -1.0), within_mm=2.0)
    assert above == Picked("needle", "trajectory-1")
    assert pick_along(plan, (), (120.0, 60.0, 900.0), (0.0, 0.0, -1.0), within_mm=2.0) is None


def test_of_solid_things_the_first_is_picked(plan):
    scene = (rod("implant", "screw-1", 20.0), rod("gap", "gap-1", 20.0, 30.0), rod("bone", "bone", 20.0, 60.0))
    assert pick_along(plan, scene, (20.0, 900.0, 3.0), AHEAD, within_mm=2.0) == Picked("gap", "gap-1")
    assert pick_along(plan, scene, (20.0, -900.0, 3.0), (0, 1.0, 0), within_mm=2.0) == Picked("implant", "screw-1")
    without = pick_along(plan, scene, (20.0, 900.0, 3.0), AHEAD, within_mm=2.0, hidden={"gap-1"})
    assert without == Picked("implant", "screw-1")
    assert pick_along(plan, scene, (26.0, 900.0, 3.0), AHEAD, within_mm=2.0) is None


def test_oblique_sight(plan):
    scene = (rod("implant", "screw-1", 20.0),)
    along = np.array([1.0, -2.0, 0.5])
    eye = np.array([20.0, 0.0, 0.0]) - 300.0 * along
    assert pick_along(plan, scene, eye, along, within_mm=2.0) == Picked("implant", "screw-1")
    assert pick_along(plan, scene, eye + np.array([8.0, 0.0, 0.0]), along, within_mm=2.0) is None
