"""Walls of known thickness, holes of known area, and walls that are none of both."""

import math
from functools import partial

import numpy as np
import pytest

from planner.geometry.frames import Array, PointsLps
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import (
    Ball,
    Cylinder,
    Difference,
    HalfSpace,
    Intersection,
    RoundCone,
    RoundedBox,
    Solid,
    Union,
)
from planner.phantoms.tissues import CANCELLOUS, CSF, DISC, FAT
from planner.phantoms.truth.compartments import behind
from planner.phantoms.truth.patches import Patch, find_patches
from planner.phantoms.truth.places import Place, Votes

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


_BOX = RoundedBox((0, 0, 0), (12.0, 12.0, 12.0), 0.0)


def _beside(hole: Solid, *parts: Part) -> tuple[Patch, ...]:
    """Give the patches of a hole in a box of bone that lies in fat, beside some parts."""
    host = Scene((*parts, Part("L4", _BOX, CANCELLOUS)), FAT)
    gap = Difference(Intersection((hole, _BOX)), _SCREW)
    return find_patches(gap, _BOX, _SCREW, thin_mm=0.8, behind=partial(behind, host))


def _told(patches: tuple[Patch, ...]) -> list[tuple[bool, Place]]:
    return [(patch.is_open, patch.place) for patch in patches]


def test_a_hole_that_opens_to_canal_and_to_fat_is_two_breaches() -> None:
    canal = Part("canal", HalfSpace((2.0, 0, 0), (-1, 0, 0)), CSF)
    patches = _beside(Cylinder((0, -8, 0), (0, 18, 0), 5.0), canal)
    assert _told(patches) == [(True, Place("cortical", "fat")), (True, Place("canal", "canal"))]
    # The line x = 2 cuts a segment from the hole's disc of 5 mm.
    segment_mm2 = 25 * math.acos(2 / 5) - 2 * math.sqrt(25 - 4)
    assert patches[0].area_mm2 == pytest.approx(25 * math.pi - segment_mm2, rel=0.03)
    assert patches[1].area_mm2 == pytest.approx(segment_mm2, rel=0.03)
    assert patches[1].points_lps[:, 0].min() == pytest.approx(2.0, abs=0.3)


@pytest.mark.parametrize(("half_mm", "found"), [(0.3, 1), (1.0, 2)])
def test_an_island_too_small_to_see_joins_the_patch_round_it(half_mm: float, found: int) -> None:
    nerve = Part("canal", Cylinder((1, 0, 0), (1, 30, 0), half_mm), CSF)
    patches = _beside(Cylinder((0, -8, 0), (0, 18, 0), 5.0), nerve)
    assert len(patches) == found
    assert patches[0].place == Place("cortical", "fat")
    assert sum(p.area_mm2 for p in patches) == pytest.approx(25 * math.pi, rel=0.03)


def test_the_border_of_two_patches_does_not_flicker() -> None:
    def uncertain(outside_lps: PointsLps, outward_lps: Array) -> Votes:
        # A quarter of the points say the wrong thing.
        wrong = np.random.default_rng(5).random(len(outside_lps)) < 0.25
        left = (outside_lps[:, 0] > 2.0) != wrong
        counts = np.stack([left, ~left], axis=1).astype(float)
        return Votes((Place("canal", "canal"), Place("foramen", "foramen")), np.arange(2), counts)

    gap = Difference(Intersection((Cylinder((0, -8, 0), (0, 18, 0), 5.0), _BOX)), _SCREW)
    patches = find_patches(gap, _BOX, _SCREW, thin_mm=0.8, behind=uncertain)
    assert [p.place.leak_type for p in patches] == ["foramen", "canal"]
    segment_mm2 = 25 * math.acos(2 / 5) - 2 * math.sqrt(25 - 4)
    assert patches[1].area_mm2 == pytest.approx(segment_mm2, rel=0.08)


_ROOM = RoundedBox((0.0, 8.0, 7.75), (4.0, 10.0, 3.75), 0.0)
"""Open at y = 12 over 8 x 7.5 mm, and 0.5 mm of bone left below z = 12, over 8 x 14 mm."""
_DISC = Part("disc L3-L4", HalfSpace((0, 0, 12.0), (0, 0, -1)), DISC)


def test_a_thin_wall_to_elsewhere_is_kept_beside_an_open_patch() -> None:
    patches = _beside(_ROOM, _DISC)
    assert _told(patches) == [(True, Place("cortical", "fat")), (False, Place("disc", "disc L3-L4"))]
    assert patches[0].area_mm2 == pytest.approx(60.0, rel=0.03)
    # 1.2 mm of it is the open patch's rim.
    assert patches[1].area_mm2 == pytest.approx(8.0 * (14.0 - 1.2), rel=0.03)
    assert patches[1].barrier_mm == pytest.approx(0.5, abs=0.02)


def test_a_thin_wall_beside_an_open_patch_of_its_kind_belongs_to_it() -> None:
    assert _told(_beside(_ROOM)) == [(True, Place("cortical", "fat"))]


def test_a_rim_is_no_patch_whatever_lies_behind_it() -> None:
    rim = RoundedBox((0.0, 12.0, 7.75), (4.0, 1.0, 3.75), 0.0)
    assert _told(_beside(Union((rim, Cylinder((0, 0, 7.75), (0, 12, 7.75), 3.0))), _DISC)) == [
        (True, Place("cortical", "fat"))
    ]


def test_a_thin_wall_of_the_kind_of_an_open_patch_elsewhere_is_kept() -> None:
    # Open to fat at y = 12, and thin towards fat below z = -12, far from there.
    hole = Union((Cylinder((0, -8, 0), (0, 18, 0), 5.0), Cylinder((6, -5, 0), (6, -5, -11.5), 3.0)))
    patches = _beside(hole)
    assert _told(patches) == [(True, Place("cortical", "fat")), (False, Place("cortical", "fat"))]
    assert patches[1].barrier_mm == pytest.approx(0.5, abs=0.02)
