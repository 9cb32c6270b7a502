"""Walls of known thickness, holes of known area, and walls that are none of both."""

import math

import numpy as np
import pytest

from planner.phantoms.solids.basic import Ball, Cylinder, Difference, Intersection, RoundCone, RoundedBox, Solid
from planner.phantoms.truth.patches import Patch, find_patches

_BONE = Ball((0, 0, 0), 16.0)
_SCREW = Cylinder((0, -20, 0), (0, 8, 0), 3.0)


def _patches(hole: Solid, *, bone: Solid = _BONE, ways_out: tuple[Solid, ...] = ()) -> tuple[Patch, ...]:
    gap = Difference(Intersection((hole, bone)), _SCREW)
    return find_patches(gap, bone, _SCREW, thin_mm=0.8, ways_out=ways_out)


def test_a_hole_has_the_area_of_the_cap_that_it_cuts() -> None:
    (patch,) = _patches(Cylinder((0, -8, 0), (0, 18, 0), 5.0))
    cap_mm2 = 2 * math.pi * 16 * (16 - math.sqrt(16**2 - 25))
    assert patch.is_open
    assert patch.barrier_mm == 0.0
    assert patch.area_mm2 == pytest.approx(cap_mm2, rel=0.03)
    assert patch.direction_lps == pytest.approx((0, 1, 0), abs=0.03)
    assert patch.centre_lps == pytest.approx((0, 16, 0), abs=0.5)


@pytest.mark.parametrize("wall_mm", [0.1, 0.3, 0.5, 0.7])
def test_a_wall_of_known_thickness(wall_mm: float) -> None:
    # A round end towards a ball: the thinnest place is a single point.
    (patch,) = _patches(RoundCone((0.4, -8, 0.2), (0.4, 11.0 - wall_mm, 0.2), 5.0, 5.0))
    thickness_mm = 16.0 - 5.0 - math.hypot(0.4, 11.0 - wall_mm, 0.2)
    assert not patch.is_open
    assert patch.barrier_mm == pytest.approx(thickness_mm, abs=0.02)
    assert patch.direction_lps == pytest.approx((0, 1, 0), abs=0.06)


def test_an_even_wall_between_two_planes_that_fit_no_lattice() -> None:
    box = RoundedBox((0.03, 0.0, 0.0), (12.0, 12.0, 12.0))
    # Only its upper face comes near to the box's: 0.5 mm.
    (patch,) = _patches(Cylinder((5.0, 3.0, 0.0), (5.0, 3.0, 11.5), 4.0), bone=box)
    assert patch.barrier_mm == pytest.approx(0.5, abs=0.01)
    # The face, and a little of the rim below it.
    assert math.pi * 16 < patch.area_mm2 < 1.15 * math.pi * 16


def test_a_thicker_wall_is_no_breach() -> None:
    assert _patches(RoundCone((0, -8, 0), (0, 10.1, 0), 5.0, 5.0)) == ()


def test_a_gap_that_points_away_from_a_near_outside_has_no_breach_there() -> None:
    # What metal closes is no way out, however near the outside is.
    bone = Cylinder((0, -9, 0), (0, 9, 0), 12.0)
    assert _patches(Cylinder((0, -5, 0), (0, 5, 0), 5.0), bone=bone) == ()


def test_a_hole_smaller_than_a_reader_sees_is_left_out_and_a_small_one_is_open() -> None:
    assert _patches(Ball((0, 0, 15.2), 0.3)) == ()
    chimney = RoundCone((0, 0, 5.0), (0, 0, 15.0 - 0.02), 1.1, 1.1)
    (patch,) = _patches(chimney)
    assert patch.is_open
    # A ball of 1.1 mm that leaves another of 16 mm by 0.08 mm at its pole.
    away, r, big = 14.98, 1.1, 16.0
    height = (away**2 + big**2 - r**2) / (2 * away)
    assert patch.area_mm2 == pytest.approx(2 * math.pi * big * (big - height), rel=0.1)


def test_a_vein_behind_the_wall_is_a_way_out() -> None:
    hole = RoundCone((0, -6, 0), (0, 4.0, 0), 5.0, 5.0)
    vein = Cylinder((-9, 0.0, 5.5), (9, 0.0, 5.5), 0.2)
    assert _patches(hole) == ()
    (patch,) = _patches(hole, ways_out=(vein,))
    assert patch.barrier_mm == pytest.approx(0.3, abs=0.03)
    assert np.median(np.abs(vein.distance_mm(patch.outside_lps))) < 1e-3
