"""Lucent lines: no distance overstated, volumes by formula, ends rounded."""

import numpy as np
import pytest

from planner.geometry.frames import PointsLps
from planner.phantoms.hip.defects.sleeves import CupPatch, Sleeve, StemAxis, StemPatch
from planner.phantoms.hip.hardware.cups import Ring
from planner.phantoms.solids.basic import Ball, Cylinder, Difference, HalfSpace, Solid
from planner.phantoms.solids.measuring import measure

RADIUS, LENGTH = 6.0, 120.0
AXIS = StemAxis((3.0, 1.0, 60.0), (3.0, 1.0, -60.0), (-1.0, 0.2, 0.1))
TILTED = StemAxis((3.0, 1.0, 60.0), (0.0, -4.0, -58.0), (-40.0, -9.0, 20.0))
ROD = Cylinder(AXIS.shoulder_lps, AXIS.tip_lps, RADIUS)
OPENING = (0.643, -0.276, -0.714)
KNOTS = ((0.0, 2.0), (45.0, 0.7), (118.0, 3.5))


def round_rod(first: int, count: int, width: float, start: float = 40.0, stop: float = 80.0) -> Sleeve:
    return Sleeve(ROD, (StemPatch(AXIS, start, stop, ((0.0, width),), first, count),))


def cup_line(zones: tuple[int, int], width: float = 2.0) -> Sleeve:
    return Sleeve(Ball((0.0, 0.0, 0.0), 27.0), (CupPatch((0.0, 0.0, 0.0), OPENING, (1.0, 0.0, 0.0), zones, width),))


SOLIDS: dict[str, Solid] = {
    "quadrant": round_rod(1, 1, 2.0),
    "three quadrants": round_rod(2, 3, 3.0),
    "grown": Sleeve(ROD, (StemPatch(AXIS, 40.0, 80.0, ((0.0, 2.0),), 0, 2),), 1.0),
    "swinging": Sleeve(
        Cylinder(TILTED.shoulder_lps, TILTED.tip_lps, 7.0, 4.0),
        (
            StemPatch(TILTED, 6.0, 1e3, KNOTS, 0, 1, HalfSpace((0.0, 0.0, 48.0), (-0.6, 0.0, 0.8))),
            StemPatch(TILTED, 6.0, 1e3, tuple((t, 0.4 * w) for t, w in KNOTS)),
        ),
    ),
    "cup 1": cup_line((1, 1)),
    "cup 2-3": cup_line((2, 3), 3.0),
    "ring": Ring((1.0, 2.0, 3.0), (0.3, -0.2, 0.9), 25.0, 0.8),
}


def around(solid: Solid, count: int) -> np.ndarray:
    low, high = solid.bounds_lps
    return np.random.default_rng(3).uniform(low - 6.0, high + 6.0, (count, 3))


@pytest.mark.parametrize("name", SOLIDS)
def test_distance_changes_by_no_more_than_the_way_walked(name: str) -> None:
    solid, random = SOLIDS[name], np.random.default_rng(4)
    points = around(solid, 20_000)
    step = random.normal(size=points.shape)
    step *= random.uniform(0.01, 6.0, (len(points), 1)) / np.linalg.norm(step, axis=1, keepdims=True)
    change = solid.distance_mm(PointsLps(points + step)) - solid.distance_mm(PointsLps(points))
    assert np.all(np.abs(change) <= np.linalg.norm(step, axis=1) * (1.0 + 1e-9))


@pytest.mark.parametrize("name", SOLIDS)
def test_box_holds_the_solid(name: str) -> None:
    solid, points = SOLIDS[name], around(SOLIDS[name], 40_000)
    inside = points[solid.distance_mm(PointsLps(points)) <= 0.0]
    low, high = solid.bounds_lps
    assert len(inside) > 0
    assert np.all((inside >= low) & (inside <= high))


def volume_mm3(solid: Solid) -> float:
    return 1000.0 * measure(solid).volume_ml


def test_a_line_all_round_has_the_volume_of_the_formula() -> None:
    width, start, stop = 2.0, 40.0, 80.0
    line = Difference(round_rod(0, 4, width, start, stop), ROD)
    rounding, length = 3.0, stop - start
    # Over each rounded end the width is a quarter of a sine wave: mean 2/pi, mean square 1/2.
    first = width * (length - 2.0 * rounding + 2.0 * rounding * 2.0 / np.pi)
    second = width**2 * (length - 2.0 * rounding + 2.0 * rounding * 0.5)
    assert volume_mm3(line) == pytest.approx(np.pi * (2.0 * RADIUS * first + second), rel=0.01)


def test_a_line_in_one_zone_has_the_volume_of_the_formula() -> None:
    width, start, stop, rounding = 2.0, 40.0, 80.0, 3.0
    line = Difference(round_rod(3, 1, width, start, stop), ROD)
    # Outer radius by angle and height, from the sine at whichever edge is nearer; solved by halving.
    angle, height = np.meshgrid(np.radians(np.arange(-44.95, 45.0, 0.1)), np.arange(start + 0.05, stop, 0.1))
    low, high = np.full(angle.shape, RADIUS), np.full(angle.shape, RADIUS + width)
    for _ in range(40):
        middle = (low + high) / 2.0
        depth = np.minimum(np.minimum(height - start, stop - height), middle * np.sin(np.pi / 4.0 - np.abs(angle)))
        wide = width * np.sin(np.clip(depth / rounding, 0.0, 1.0) * np.pi / 2.0)
        low, high = np.where(middle - RADIUS < wide, middle, low), np.where(middle - RADIUS < wide, high, middle)
    formula = float(((low**2 - RADIUS**2) / 2.0).sum() * np.radians(0.1) * 0.1)
    assert volume_mm3(line) == pytest.approx(formula, rel=0.015)
    whole_quarter = np.pi / 4.0 * ((RADIUS + width) ** 2 - RADIUS**2) * (stop - start)
    assert formula < whole_quarter


@pytest.mark.parametrize("quadrant", [0, 1, 2, 3])
def test_a_line_in_one_zone_lies_in_no_other(quadrant: int) -> None:
    line = round_rod(quadrant, 1, 2.0)
    for other in range(4):
        ways = np.array(AXIS.at(60.0)) + np.array([RADIUS + 1.9, RADIUS + 2.1])[:, None] * AXIS.outward(other)
        near, far = line.distance_mm(PointsLps(ways))
        assert far > 0.0
        assert (near < 0.0) == (other == quadrant)


def test_a_line_behind_a_cup_lies_in_its_zones_only() -> None:
    pole = -np.array(OPENING)
    inward = np.array([pole[0], 0.0, pole[2]]) / np.hypot(pole[0], pole[2])
    turned = np.array([inward[2], 0.0, -inward[0]])  # towards the upper rim of a left hip
    for zones, inside in (
        ((1, 1), (True, False, False)),
        ((2, 2), (False, True, False)),
        ((2, 3), (False, True, True)),
    ):
        line = cup_line(zones)
        for angle, wanted in zip(np.radians([60.0, 0.0, -60.0]), inside, strict=True):
            point = 28.5 * (np.cos(angle) * inward + np.sin(angle) * turned)
            assert (line.distance_mm(PointsLps(point[None]))[0] < 0.0) == wanted


def test_a_line_behind_a_whole_cup_has_the_volume_of_the_formula() -> None:
    width, radius, rim, rounding = 2.0, 27.0, 3.0, 3.0
    line = Difference(cup_line((1, 3), width), Ball((0.0, 0.0, 0.0), radius))
    # Height over the rim's plane in polar slices: the width is full from so far behind the rim on.
    polar = np.radians(np.arange(0.05, 90.0, 0.1))
    low, high = np.full(polar.shape, radius), np.full(polar.shape, radius + width)
    for _ in range(40):
        middle = (low + high) / 2.0
        wide = width * np.sin(np.clip((middle * np.cos(polar) - rim) / rounding, 0.0, 1.0) * np.pi / 2.0)
        low, high = np.where(middle - radius < wide, middle, low), np.where(middle - radius < wide, high, middle)
    formula = float((2.0 * np.pi * np.sin(polar) * (low**3 - radius**3) / 3.0).sum() * np.radians(0.1))
    assert volume_mm3(line) == pytest.approx(formula, rel=0.01)


def test_a_swinging_stem_is_wide_at_its_ends_and_narrow_at_the_pivot() -> None:
    sleeve, core = SOLIDS["swinging"], Cylinder(TILTED.shoulder_lps, TILTED.tip_lps, 7.0, 4.0)
    widths = []
    for along in (25.0, 45.0, 105.0):
        steps = np.arange(0.0, 20.0, 0.01)
        points = PointsLps(np.array(TILTED.at(along)) + steps[:, None] * TILTED.outward(0))
        widths.append(0.01 * ((sleeve.distance_mm(points) <= 0.0) & (core.distance_mm(points) > 0.0)).sum())
    assert widths[1] == pytest.approx(0.7, abs=0.05)
    assert widths[0] > widths[1] + 0.4
    assert widths[2] == pytest.approx(float(np.interp(105.0, *zip(*KNOTS, strict=True))), abs=0.1)
