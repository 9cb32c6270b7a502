"""What of a solid matters near a box."""

import numpy as np

from planner.geometry.frames import points_lps
from planner.phantoms.solids.basic import Ball, Difference, Intersection, Union
from planner.phantoms.solids.nearby import nearby

_ROW = tuple(Ball((12.0 * n, 0.0, 0.0), 5.0) for n in range(8))
_BOX = np.array([-4.0, -4.0, -4.0]), np.array([16.0, 4.0, 4.0])


def test_near_the_box_nothing_changes_and_what_is_far_is_gone() -> None:
    solid = Difference(
        Intersection((Union(_ROW), Ball((40.0, 0.0, 0.0), 90.0))), Union(tuple(Ball(b.centre_lps, 2.0) for b in _ROW))
    )
    less = nearby(solid, _BOX, reach_mm=4.0)
    points = points_lps(np.random.default_rng(2).uniform(_BOX[0], _BOX[1], (5000, 3)))
    assert np.array_equal(less.distance_mm(points) <= 0.0, solid.distance_mm(points) <= 0.0)
    short = np.abs(solid.distance_mm(points)) < 4.0
    assert np.array_equal(less.distance_mm(points)[short], solid.distance_mm(points)[short])
    assert len(nearby(Union(_ROW), _BOX, reach_mm=4.0).solids) == 3


def test_what_is_taken_away_far_off_is_forgotten() -> None:
    assert nearby(Difference(_ROW[0], _ROW[5]), _BOX, reach_mm=4.0) == _ROW[0]


def test_something_is_always_left() -> None:
    far = np.array([500.0] * 3), np.array([510.0] * 3)
    assert len(nearby(Union(_ROW), far, reach_mm=4.0).solids) == 1
