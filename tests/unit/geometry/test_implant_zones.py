"""Zones of stems, cups and screws."""

import numpy as np
import pytest

from planner.geometry.implant_zones import SCREW_ZONES, charnley_zones, gruen_zones, screw_zones


def test_zones_of_a_stem():
    points = np.array([(5, 0, -1), (5, 0, -10), (5, 0, -20), (0, 0, -29.5), (-5, 0, -20), (0, -5, -1), (0, 5, -1.0)])
    zones = gruen_zones(points, np.zeros(3), np.array([0, 0, -30.0]), np.array([-1.0, 0, 0.3]))
    assert zones.tolist() == [1, 2, 3, 4, 5, 8, 14]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_zones_of_a_cup(sign):
    opening = np.array([sign, 0.0, -1.0]) / np.sqrt(2)
    points = np.array([(sign * 10, 0, 25), (-sign * 20, 0, 20), (-sign * 25, 0, -10.0)])
    assert charnley_zones(points, np.zeros(3), opening, None).tolist() == [1, 2, 3]


def test_the_side_decides_where_a_cup_opens_straight_down():
    points = np.array([(10.0, 0, 25), (-20.0, 0, 20)])
    down = np.array([0.0, 0.0, -1.0])
    left = charnley_zones(points, np.zeros(3), down, "left").tolist()
    assert left != charnley_zones(points, np.zeros(3), down, "right").tolist()


def test_zones_of_a_screw():
    along = np.array([-1.0, 9.0, 11.0, 25.0, 29.5, 29.5])
    at_tip = np.array([False, False, False, False, False, True])
    names = [SCREW_ZONES[k] for k in screw_zones(along, 30.0, at_tip)]
    assert names == ["screw-proximal"] * 2 + ["screw-middle"] + ["screw-distal"] * 2 + ["screw-tip"]
