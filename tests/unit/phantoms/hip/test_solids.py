"""The hip's own solids: no distance is overstated, no point lies outside of its box."""

import numpy as np
import pytest

from planner.geometry.frames import PointsLps
from planner.phantoms.hip.anatomy import HipAnatomy
from planner.phantoms.hip.hardware.implants import StemBody
from planner.phantoms.solids.basic import Ball, Grown, RoundCone, Solid, Union
from planner.phantoms.solids.blended import Blend, Boxed, Lining

ROD = RoundCone((0.0, 0.0, -20.0), (4.0, 0.0, 25.0), 9.0, 6.0)
BALL = Ball((9.0, 2.0, 8.0), 7.0)
STEM = StemBody((3.0, 1.0, 60.0), (0.0, -4.0, -68.0), (-40.0, -9.0, 20.0))
SOLIDS: dict[str, Solid] = {
    "blend": Blend((ROD, BALL), 6.0),
    "lining": Lining(ROD, ((-20.0, 1.0), (5.0, 4.0), (25.0, 2.0))),
    "stem": STEM,
    "femur": HipAnatomy((0.0, 0.0, 0.0)).femur,
    "femur inside": HipAnatomy((0.0, 0.0, 0.0)).femur_inside,
    "pelvis": HipAnatomy((0.0, 0.0, 0.0)).pelvis((0.643, -0.276, -0.714)),
    "body": HipAnatomy((0.0, 0.0, 0.0)).body,
}


def around(solid: Solid, count: int) -> np.ndarray:
    low, high = solid.bounds_lps
    return np.random.default_rng(3).uniform(low - 10.0, high + 10.0, (count, 3))


@pytest.mark.parametrize("name", SOLIDS)
def test_distance_changes_by_no_more_than_the_way_walked(name: str) -> None:
    solid, random = SOLIDS[name], np.random.default_rng(4)
    points = around(solid, 20_000)
    step = random.normal(size=points.shape)
    step *= random.uniform(0.01, 8.0, (len(points), 1)) / np.linalg.norm(step, axis=1, keepdims=True)
    change = solid.distance_mm(PointsLps(points + step)) - solid.distance_mm(PointsLps(points))
    assert np.all(np.abs(change) <= np.linalg.norm(step, axis=1) * (1.0 + 1e-9))


@pytest.mark.parametrize("name", SOLIDS)
def test_box_holds_the_solid(name: str) -> None:
    solid, points = SOLIDS[name], around(SOLIDS[name], 20_000)
    inside = points[solid.distance_mm(PointsLps(points)) <= 0.0]
    low, high = solid.bounds_lps
    assert len(inside) > 0
    assert np.all((inside >= low) & (inside <= high))


def test_blend_fills_the_corner_and_nothing_far_from_it() -> None:
    points = PointsLps(around(Union((ROD, BALL)), 50_000))
    plain, blended = Union((ROD, BALL)).distance_mm(points), Blend((ROD, BALL), 6.0).distance_mm(points)
    assert np.all(blended <= plain)
    assert np.any((blended < 0.0) & (plain > 0.3))
    apart = np.abs(ROD.distance_mm(points) - BALL.distance_mm(points)) > 6.0
    assert np.array_equal(blended[apart], plain[apart])


def test_lining_leaves_a_wall_of_the_stated_thickness() -> None:
    tube = RoundCone((0.0, 0.0, -50.0), (0.0, 0.0, 50.0), 10.0, 10.0)
    lining = Lining(tube, ((-40.0, 2.0), (40.0, 6.0)))
    for z, wall in ((-45.0, 2.0), (-40.0, 2.0), (0.0, 4.0), (40.0, 6.0)):
        ends = PointsLps(np.array([[10.0 - wall - 0.01, 0.0, z], [10.0 - wall + 0.01, 0.0, z]]))
        inner, outer = lining.distance_mm(ends)
        assert inner < 0.0 < outer


def test_boxed_solid_is_the_same_body() -> None:
    points = PointsLps(around(STEM, 20_000) * 1.5)
    plain, boxed = STEM.distance_mm(points), Boxed(STEM).distance_mm(points)
    assert np.array_equal(plain <= 0.0, boxed <= 0.0)
    grown = Grown(Boxed(STEM), 2.0).distance_mm(points)
    assert np.array_equal(Grown(STEM, 2.0).distance_mm(points) <= 0.0, grown <= 0.0)
    low, high = STEM.bounds_lps
    far = np.linalg.norm(np.maximum(np.maximum(low - points, points - high), 0.0), axis=1) > 3.0
    assert far.any()
    assert not np.array_equal(plain[far], boxed[far])


def test_stem_faces_stand_where_the_profile_says() -> None:
    axis, medial, across, length = STEM.frame
    assert length == pytest.approx(np.linalg.norm(np.array(STEM.tip_lps) - np.array(STEM.shoulder_lps)))
    start = np.array(STEM.shoulder_lps)
    for along, way, half in ((30.0, medial, 11.0), (126.0, medial, 5.2), (63.0, -medial, 7.6), (63.0, across, 6.0)):
        ends = PointsLps(np.array([start + along * axis + (half + d) * way for d in (-0.05, 0.05)]))
        inner, outer = STEM.distance_mm(ends)
        if along < 120.0:
            assert inner < 0.0 < outer
        else:
            assert outer > 0.0  # the tip's chamfer has begun
    assert STEM.distance_mm(PointsLps(start[None] + (length + 0.1) * axis))[0] > 0.0
