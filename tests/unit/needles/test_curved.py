"""Arcs beyond a straight needle, against circles in closed form."""

import numpy as np
import pytest

from planner.config.curved_config import BendLimits
from planner.needles.curved import Bends, arc_points, bends_into, samples

AIM = np.array([[10.0, 20.0, 30.0]])
OUTWARD = np.array([[0.0, 1.0, 0.0]])
LIMITS = BendLimits(radius_mm=25.0, most_turn_deg=70.0, most_arc_mm=40.0)


def test_an_arc_lies_on_its_circle_and_begins_along_the_needle():
    side = np.array([1.0, 0.0, 0.0])
    along = np.linspace(0.0, 30.0, 40)
    points = arc_points(AIM, OUTWARD, side, along, radius_mm=25.0)
    centre = AIM[0] + 25.0 * side
    assert np.linalg.norm(points - centre, axis=1) == pytest.approx(25.0)
    assert np.linalg.norm(np.diff(points, axis=0), axis=1).sum() == pytest.approx(30.0, abs=0.05)
    first = (points[1] - points[0]) / np.linalg.norm(points[1] - points[0])
    assert first @ -OUTWARD[0] > 0.999
    # a quarter turn ends one radius ahead and one to the side
    quarter = arc_points(AIM, OUTWARD, side, np.array([25.0 * np.pi / 2]), radius_mm=25.0)[0]
    assert quarter == pytest.approx(AIM[0] + [25.0, -25.0, 0.0])


def ball(centre, radius=2.0):
    axis = np.arange(-radius, radius + 0.1, 0.5)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    return np.asarray(centre) + points[np.linalg.norm(points, axis=1) <= radius]


@pytest.mark.parametrize("side", [(1.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0)])
def test_a_bend_finds_a_gap_to_its_side(side):
    goal = arc_points(AIM, OUTWARD, np.array(side), np.array([20.0]), radius_mm=25.0)[0]
    found = bends_into(ball(goal), AIM, OUTWARD, limits=LIMITS, planes=12, within_mm=0.6)
    assert len(found)
    points, is_tip = samples(found, AIM, OUTWARD)
    tips = points[:, is_tip][:, 0]
    assert np.linalg.norm(tips - goal, axis=1).min() < 1.0
    assert np.linalg.norm(tips - goal, axis=1).max() <= 2.0 + 0.6
    assert points[:, 0] == pytest.approx(np.repeat(AIM, len(found), axis=0))
    assert np.linalg.norm(np.diff(points, axis=1), axis=2).max() <= 0.5 + 1e-9


@pytest.mark.parametrize(
    "limits",
    [
        BendLimits(radius_mm=25.0, most_turn_deg=20.0, most_arc_mm=40.0),
        BendLimits(radius_mm=25.0, most_turn_deg=70.0, most_arc_mm=10.0),
        BendLimits(radius_mm=80.0, most_turn_deg=70.0, most_arc_mm=40.0),
    ],
)
def test_limits_of_turn_length_and_radius_hold(limits):
    goal = arc_points(AIM, OUTWARD, np.array([1.0, 0.0, 0.0]), np.array([25.0]), radius_mm=25.0)[0]
    assert not len(bends_into(ball(goal, 1.0), AIM, OUTWARD, limits=limits, planes=12, within_mm=0.6))


def test_nothing_to_bend_into():
    none = bends_into(np.empty((0, 3)), AIM, OUTWARD, limits=LIMITS, planes=12, within_mm=0.6)
    assert isinstance(none, Bends) and len(none) == 0
    assert not len(bends_into(ball(AIM[0]), np.empty((0, 3)), np.empty((0, 3)), limits=LIMITS, planes=4, within_mm=0.6))
