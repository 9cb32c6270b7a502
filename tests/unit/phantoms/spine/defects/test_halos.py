"""Halos round screws: widths where they are said to be, volumes in closed form."""

from itertools import pairwise

import numpy as np
import pytest

from planner.config.phantoms.spine.defects import EvenHalo, Halo, OneSidedHalo, TipHalo, WallDefect, WiperHalo
from planner.geometry.frames import PointsLps, point_tuple
from planner.phantoms.solids.basic import Ball, Cylinder, Difference
from planner.phantoms.solids.measuring import measure
from planner.phantoms.spine.defects.halos import ScrewAxis, empty_track, halo_hole, nominal_width_mm, wall_channel

DIAMETER = 6.5
AXIS = ScrewAxis((22.0, 43.0, 6.5), (10.0, -2.0, 4.0), (0.05, 0.1, 1.0))
TURNS = np.arange(0.0, 360.0, 5.0)


def widths_at(halo: Halo, along_mm: float) -> np.ndarray:
    """Width of a halo from the crest in each of `TURNS`, by walking outwards; negative where it lies within."""
    hole = halo_hole(halo, AXIS, DIAMETER)
    r = np.arange(0.0, 14.0, 0.02)
    out = []
    for turn in TURNS:
        points = PointsLps(AXIS.at(along_mm) + r[:, None] * AXIS.toward(turn))
        out.append(np.count_nonzero(hole.distance_mm(points) <= 0.0) * 0.02 - DIAMETER / 2.0)
    return np.array(out)


def test_directions_run_from_cranial_to_the_left() -> None:
    assert AXIS.toward(0.0)[2] > 0.95
    assert AXIS.toward(90.0)[0] > 0.9  # LPS: the patient's left
    assert AXIS.toward(90.0) @ AXIS.direction == pytest.approx(0.0, abs=1e-12)


def test_even_halo_is_as_wide_all_round_and_beyond_the_tip() -> None:
    halo = EvenHalo(width_mm=2.2, start_mm=18.0)
    for along in (25.0, 35.0, AXIS.length_mm - 2.0):
        assert widths_at(halo, along) == pytest.approx(2.2, abs=0.04)
    hole = halo_hole(halo, AXIS, DIAMETER)
    beyond = PointsLps(np.array([AXIS.at(AXIS.length_mm + d) for d in (2.15, 2.25)]))
    inner, outer = hole.distance_mm(beyond)
    assert inner < 0.0 < outer
    assert widths_at(halo, 17.0).max() < -2.0  # nothing before it begins


def test_even_halo_round_a_plain_cylinder_has_the_volume_of_the_formula() -> None:
    halo = EvenHalo(width_mm=2.0, start_mm=18.0)
    length, r = AXIS.length_mm, DIAMETER / 2.0
    plain = Cylinder(AXIS.head_lps, AXIS.tip_lps, r)
    gap = Difference(halo_hole(halo, AXIS, DIAMETER), plain)
    knots = [
        (18.0, r - 0.6),
        (20.0, r + 2.0),
        (length - 1.0, r + 2.0),
        (length + 1.1, 0.8 * r + 1.2),
        (length + 2.0, 0.35 * r),
    ]
    mm3 = 0.0
    for (a, first), (b, last) in pairwise(knots):
        mm3 += np.pi * (b - a) * (first**2 + first * last + last**2) / 3.0
    # Within its mouth the hole is narrower than the cylinder: there the gap has no part of it.
    mouth = 18.0 + 2.0 * 0.6 / 2.6
    mm3 -= np.pi * (mouth - 18.0) * ((r - 0.6) ** 2 + (r - 0.6) * r + r**2) / 3.0
    mm3 -= np.pi * r**2 * (length - mouth)
    counted = measure(gap)
    assert counted.volume_ml == pytest.approx(mm3 / 1000.0, rel=2e-3)


def test_one_sided_halo_touches_the_crest_on_the_other_side() -> None:
    widths = widths_at(OneSidedHalo(width_mm=3.0, toward_deg=90.0), 35.0)
    assert widths[list(TURNS).index(90.0)] == pytest.approx(3.0, abs=0.05)
    assert widths[list(TURNS).index(270.0)] == pytest.approx(0.0, abs=0.05)
    assert 1.2 < widths[list(TURNS).index(0.0)] < 1.6


def test_tip_halo_leaves_the_rest_of_the_shaft_alone() -> None:
    halo = TipHalo(width_mm=2.5, length_mm=12.0)
    assert widths_at(halo, AXIS.length_mm - 6.0) == pytest.approx(2.5, abs=0.04)
    assert widths_at(halo, AXIS.length_mm - 13.0).max() < -2.0


def test_wiper_widens_from_its_pivot_to_both_ends_in_the_plane_of_the_swing() -> None:
    halo = WiperHalo(start_mm=14.0, pivot_mm=26.0, width_mm=4.0, swing_deg=0.0)
    across, along = list(TURNS).index(90.0), list(TURNS).index(0.0)
    pivot, middle, end = (widths_at(halo, t) for t in (26.0, 36.0, AXIS.length_mm - 0.6))
    assert pivot.max() < 0.25
    assert 1.2 < middle[along] < 3.0
    assert end[along] == pytest.approx(4.0, abs=0.3)
    assert widths_at(halo, 15.0)[along] > 1.0
    assert end[across] < 0.4


def test_wiper_without_a_plane_is_a_double_cone() -> None:
    end = widths_at(WiperHalo(start_mm=14.0, pivot_mm=26.0, width_mm=4.0, swing_deg=None), AXIS.length_mm - 0.6)
    assert end == pytest.approx(4.1, abs=0.25)


@pytest.mark.parametrize(
    "halo",
    [
        EvenHalo(width_mm=1.7), OneSidedHalo(width_mm=3.0, toward_deg=45.0), TipHalo(width_mm=2.0),
        WiperHalo(start_mm=14.0, width_mm=4.0), WiperHalo(start_mm=14.0, width_mm=4.0, swing_deg=None),
    ],
)  # fmt: skip
def test_nominal_width_is_the_mean_of_what_is_measured(halo: Halo) -> None:
    start = AXIS.length_mm - 9.0 if isinstance(halo, TipHalo) else halo.start_mm + 3.5
    if isinstance(halo, WiperHalo):
        start = halo.start_mm + 0.2
    measured = np.mean([widths_at(halo, t).mean() for t in np.linspace(start, AXIS.length_mm - 1.1, 8)])
    assert nominal_width_mm(halo, AXIS, DIAMETER) == pytest.approx(measured, rel=0.12)


def test_empty_track_is_the_screw_and_no_more() -> None:
    track = empty_track(AXIS, DIAMETER)
    points = PointsLps(np.array([AXIS.at(20.0) + r * AXIS.toward(30.0) for r in (3.5, 3.6)]))
    inner, outer = track.distance_mm(points)
    assert inner < 0.0 < outer


def test_channel_ends_at_the_wall_or_before_it() -> None:
    bone = Ball(point_tuple(AXIS.at(35.0)), 12.0)
    for wall in (0.0, 0.8):
        channel = wall_channel(WallDefect(at_mm=35.0, toward_deg=90.0, wall_mm=wall), AXIS, bone)
        r = np.arange(0.0, 20.0, 0.01)
        points = PointsLps(AXIS.at(35.0) + r[:, None] * AXIS.toward(90.0))
        assert np.count_nonzero(channel.distance_mm(points) <= 0.0) * 0.01 == pytest.approx(12.0 - wall, abs=0.03)
        other_way = PointsLps(AXIS.at(35.0) + r[100:, None] * AXIS.toward(270.0))
        assert channel.distance_mm(other_way).min() > 0.0
