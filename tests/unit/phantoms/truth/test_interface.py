"""Widths of gaps whose width is known everywhere, and what share of an interface they take."""

import math

import numpy as np
import pytest

from planner.phantoms.solids.basic import (
    Ball,
    Cylinder,
    Difference,
    Grown,
    HalfSpace,
    Intersection,
    RoundCone,
    ThreadedShaft,
    Union,
)
from planner.phantoms.truth.interface import Interface, gap_width, shaft_interface, share_of_area, surface_interface
from planner.phantoms.truth.loosening import rim_share, screw_loosening, stem_loosening

_HEAD, _TIP = (1.0, 2.0, 0.0), (1.0, 2.0, 40.0)
_CREST = 3.25
_SCREW = ThreadedShaft(_HEAD, _TIP, 2 * _CREST, 4.6)
_BONE = Cylinder((1.0, 2.0, 10.0), (1.0, 2.0, 90.0), 30.0)


def _screw() -> Interface:
    return shaft_interface(_HEAD, _TIP, 2 * _CREST, _SCREW, env=_BONE, metal=_SCREW)


def _halo(start: float, stop: float, radius: float, shift: float = 0.0) -> Difference:
    return Difference(Cylinder((1.0 + shift, 2.0, start), (1.0 + shift, 2.0, stop), radius), _SCREW)


def test_an_even_halo_has_its_width_everywhere() -> None:
    screw = _screw()
    widths = screw.widths_mm(_halo(5.0, 60.0, _CREST + 2.0))
    on_shaft = screw.in_bone & ~screw.is_tip
    assert widths[on_shaft] == pytest.approx(2.0, abs=0.005)
    width = gap_width(screw, widths)
    assert (width.median, width.p95, width.max) == pytest.approx((2.0, 2.0, 2.0), abs=0.005)
    # The bone begins 10 mm from the head, the tip 3.25 mm before the end.
    assert screw.area_mm2[on_shaft].sum() == pytest.approx(2 * math.pi * _CREST * 26.75, rel=0.02)
    assert share_of_area(screw, widths > 0.0) == pytest.approx(1.0)
    assert rim_share(screw, widths) == pytest.approx(1.0)


def test_a_one_sided_halo_follows_its_formula() -> None:
    screw, shift, radius = _screw(), 1.2, _CREST + 0.9
    widths = screw.widths_mm(_halo(5.0, 60.0, radius, shift))
    cosine = screw.way_lps[:, 0]
    expected = np.maximum(shift * cosine + np.sqrt(radius**2 - shift**2 * (1 - cosine**2)) - _CREST, 0.0)
    shaft = screw.in_bone & ~screw.is_tip & ((expected == 0.0) | (expected > 0.06))
    assert widths[shaft] == pytest.approx(expected[shaft], abs=0.005)
    assert (expected[shaft] == 0.0).any()
    fine = np.cos(np.linspace(0, np.pi, 20001))
    exact = shift * fine + np.sqrt(radius**2 - shift**2 * (1 - fine**2)) - _CREST
    width = gap_width(screw, widths)
    assert width.max == pytest.approx(shift + 0.9, abs=0.01)
    assert width.median == pytest.approx(np.median(exact[exact > 0.05]), abs=0.06)
    assert rim_share(screw, widths) == pytest.approx(np.mean(exact > 1.0), abs=0.02)


def test_a_halo_over_part_of_the_shaft_takes_its_share() -> None:
    screw = _screw()
    # 8 of the 26.75 mm of shaft in bone.
    widths = screw.widths_mm(_halo(20.0, 28.0, _CREST + 1.5))
    assert rim_share(screw, widths) == pytest.approx(8 / 26.75, abs=0.02)
    assert share_of_area(screw, widths > 0.0) < rim_share(screw, widths)


def test_a_thin_rim_is_lucent_but_no_sign_of_loosening() -> None:
    screw = _screw()
    widths = screw.widths_mm(_halo(5.0, 60.0, _CREST + 0.8))
    assert share_of_area(screw, (widths > 0.0), shaft_only=True) == pytest.approx(1.0)
    assert rim_share(screw, widths) == 0.0


def test_a_hole_at_the_tip_alone_is_measured_there() -> None:
    screw = _screw()
    hole = Difference(Ball((1.0, 2.0, 41.5), 3.0), _SCREW)
    widths = screw.widths_mm(hole)
    assert not widths[~screw.is_tip].any()
    straight_ahead = screw.is_tip & (screw.way_lps[:, 2] > 0.99)
    # The end of the nose is a twentieth as wide as the shaft.
    assert widths[straight_ahead] == pytest.approx(4.5, abs=0.25)
    assert gap_width(screw, widths).max >= 4.5
    assert rim_share(screw, widths) == 0.0


def test_no_gap_and_no_bone_have_no_figures() -> None:
    screw = _screw()
    assert gap_width(screw, np.zeros(len(screw.area_mm2))) is None
    away = shaft_interface(_HEAD, _TIP, 6.5, _SCREW, env=Ball((90, 0, 0), 5.0), metal=_SCREW)
    assert share_of_area(away, np.ones(len(away.area_mm2), dtype=bool)) is None
    assert rim_share(away, np.zeros(len(away.area_mm2))) is None


def test_a_stem_is_measured_square_to_its_surface() -> None:
    stem = RoundCone((0, 0, 0), (0, 0, -80.0), 9.0, 5.0)
    bone = Cylinder((0, 0, -20.0), (0, 0, -120.0), 30.0)
    upper = HalfSpace((0, 0, -50.0), (0, 0, -1.0))
    gap = Difference(Intersection((Grown(stem, 2.5), upper, bone)), stem)
    face = surface_interface(stem, env=bone, metal=stem)
    widths = face.widths_mm(gap)
    lucent = gap_width(face, widths)
    assert lucent.median == pytest.approx(2.5, abs=0.01)
    # Frustum from 20 to 50 mm against frustum from 20 to 80 mm and the round end.
    radii = [9.0 - 4.0 * z / 80.0 for z in (20.0, 50.0, 80.0)]
    slant = math.hypot(1.0, 4.0 / 80.0)
    upper_mm2 = math.pi * (radii[0] + radii[1]) * 30.0 * slant
    lower_mm2 = math.pi * (radii[1] + radii[2]) * 30.0 * slant + 2 * math.pi * 25
    assert share_of_area(face, widths > 0.0) == pytest.approx(upper_mm2 / (upper_mm2 + lower_mm2), abs=0.02)


def test_only_the_outside_of_a_cup_counts() -> None:
    mouth = HalfSpace((0, 0, 0), (0, 0, -1.0))
    cup = Difference(Intersection((Ball((0, 0, 0), 25.0), mouth)), Ball((0, 0, 0), 21.0))
    bone = Ball((0, 0, 10.0), 60.0)
    face = surface_interface(cup, env=bone, metal=cup, away_from_lps=(0.0, 0.0, 0.0))
    assert face.area_mm2[face.in_bone].sum() == pytest.approx(2 * math.pi * 25**2, rel=0.03)
    both = surface_interface(cup, env=bone, metal=cup)
    assert both.area_mm2[both.in_bone].sum() > 1.6 * face.area_mm2[face.in_bone].sum()


def test_where_other_metal_lies_there_is_no_interface() -> None:
    plate = Cylinder((1.0, 2.0, 20.0), (1.0, 2.0, 30.0), 8.0)
    free, held = (
        shaft_interface(_HEAD, _TIP, 6.5, _SCREW, env=_BONE, metal=m) for m in (_SCREW, Union((_SCREW, plate)))
    )
    lost = free.area_mm2[free.in_bone].sum() - held.area_mm2[held.in_bone].sum()
    assert lost == pytest.approx(2 * math.pi * _CREST * 10.0, rel=0.06)


def test_screws_are_graded_by_the_share_of_the_shaft() -> None:
    calls = [screw_loosening(share) for share in (None, 0.0, 0.005, 0.02, 0.33, 0.34, 1.0)]
    assert calls == [None, "none", "none", "possible", "possible", "probable", "probable"]


def _ring(widths: list[float], *, bone: bool = True) -> tuple[Interface, np.ndarray]:
    count = len(widths)
    flags = np.zeros(count, dtype=bool)
    return Interface(np.zeros((count, 3)), np.zeros((count, 3)), np.ones(count), flags, flags | bone), np.array(widths)


@pytest.mark.parametrize(
    ("widths", "call"),
    [
        ([0.0] * 6 + [1.5] * 4, "none"),
        ([0.0] * 4 + [1.5] * 6, "possible"),
        ([1.5] * 10, "probable"),
        ([0.0] * 9 + [2.5], "probable"),
        ([0.0] * 19 + [2.5], "none"),
    ],
)
def test_stems_are_graded_by_how_much_is_lucent_and_how_widely(widths: list[float], call: str) -> None:
    assert stem_loosening(*_ring(widths)) == call


def test_a_stem_outside_of_bone_is_not_graded() -> None:
    assert stem_loosening(*_ring([1.5], bone=False)) is None
