"""Axes of shafts that are hollow, starved, or cut, in HU that are known."""

import numpy as np
import pytest

from planner.config.implant_config import ImplantConfig
from planner.geometry.frames import unit
from planner.geometry.grid import Grid
from planner.segment.implants.axes import fit_blade_axis
from planner.segment.implants.naming import is_stump, same_shaft
from planner.segment.implants.shafts import Brightness, outer_fall, rays_across, trace
from planner.segment.implants.straight_runs import Line
from planner.segment.unwrap import sampler_round

AXIS = unit([0.25, 0.96, 0.1])
BRIGHT = Brightness(2600.0, 6500.0, is_clipped=True, ceiling_hu=3071.0)


def _sampler(hu_at, half_mm=(14.0, 30.0, 18.0)):
    """Sample a formula: HU by distance along the axis, within the slices, and across them."""
    a, b, c = half_mm
    matrix = np.array([[0, 0, 0.7, -c], [0, 0.7, 0, -b], [0.8, 0, 0, -a], [0, 0, 0, 1.0]])
    grid = Grid((int(2 * a / 0.8) + 1, int(2 * b / 0.7) + 1, int(2 * c / 0.7) + 1), matrix)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), -1)
    points = np.asarray(grid.to_lps(index.reshape(-1, 3).astype(float)))
    within = unit(np.cross(AXIS, [0, 0, 1.0]))
    hu = hu_at(points @ AXIS, points @ within, points @ np.cross(within, AXIS)).reshape(grid.shape)
    return sampler_round(hu.astype(np.float32), grid, np.zeros((1, 3)), margin_mm=60.0)


def _step(inside_mm):
    """HU of a soft edge, positive inside."""
    return 3071.0 * np.clip(0.5 + inside_mm / 1.2, 0.0, 1.0)


def _tube(t, u, v):
    r = np.hypot(u, v)
    return _step(np.minimum(np.minimum(2.6 - r, r - 0.9), 20.0 - np.abs(t)))


def _blade(t, u, v):
    # as wide as starvation makes it towards its head, round at its tip
    wide = 2.6 + 5.0 * np.clip((15.0 - t) / 20.0, 0.0, 1.0)
    return _step(np.minimum(2.6 * (1 - np.hypot(u / wide, v / 2.6)), 20.0 - np.abs(t)))


def test_a_bore_does_not_hide_a_shaft():
    sampler = _sampler(_tube)
    shaft = trace(sampler, Line(np.zeros(3), unit(AXIS + np.array([0.03, 0, 0.03])), -18.0, 18.0), BRIGHT)
    assert abs(shaft.line.direction @ AXIS) > np.cos(np.radians(0.3))
    assert shaft.length_mm == pytest.approx(40.0, abs=1.5)
    # the soft edge is read at 2600 of 3071 HU, 0.42 mm inside
    assert shaft.radius_mm == pytest.approx(2.18, abs=0.15)
    assert not shaft.is_blade


def test_rays_pass_over_a_bore_but_not_over_a_gap_beside_the_shaft():
    r = np.arange(60) * 0.15
    bored = np.where((r > 0.8) & (r < 3.0), 3000.0, 0.0)
    beside = np.where((r < 2.4) | (r > 3.6), 3000.0, 0.0)
    assert outer_fall(np.stack([bored, beside, np.zeros(60)])[None], 1500.0)[0] == pytest.approx(
        [3.0, 2.4, 0.0], abs=0.16
    )


def test_a_starved_blade_is_centred_and_read_across_the_slices():
    sampler = _sampler(_blade)
    shaft = trace(sampler, Line(1.5 * unit(np.cross(AXIS, [0, 0, 1.0])), AXIS, -19.0, 19.0), BRIGHT)
    assert shaft.is_blade
    assert abs(shaft.line.direction @ AXIS) > np.cos(np.radians(0.7))
    assert shaft.radius_mm == pytest.approx(2.0, abs=0.4)
    line = fit_blade_axis(sampler, Line(np.zeros(3), unit(AXIS + np.array([0.08, 0, 0])), -18.0, 18.0), 2900.0)
    assert abs(line.direction @ AXIS) > np.cos(np.radians(0.7))


def test_a_steep_shaft_has_no_rays_across_the_slices():
    sampler = _sampler(_tube)
    assert rays_across(sampler, np.array([0.0, 0.0, 1.0]), within_deg=35.0) is None
    across = rays_across(sampler, AXIS, within_deg=35.0)
    assert across is not None
    assert across.sum() == pytest.approx(14, abs=2)


def test_a_shaft_that_leaves_the_scan_ends_at_its_edge():
    sampler = _sampler(lambda t, u, v: _step(2.5 - np.hypot(u, v)))
    shaft = trace(sampler, Line(np.zeros(3), AXIS, -20.0, 20.0), BRIGHT)
    assert {end.kind for end in shaft.ends} == {"edge"}


def test_crossing_shafts_are_two_and_finds_of_one_are_one():
    sampler = _sampler(_tube)
    one = trace(sampler, Line(np.zeros(3), AXIS, -18.0, 18.0), BRIGHT)
    again = trace(sampler, Line(3.0 * AXIS, AXIS, -12.0, 12.0), BRIGHT)
    assert same_shaft(one, again)
    across = trace(
        _sampler(lambda t, u, v: _tube(u, t, v)), Line(np.zeros(3), np.cross(AXIS, [0, 0, 1.0]), -16, 16), BRIGHT
    )
    assert not same_shaft(one, across)


def test_a_smooth_pin_is_no_stump():
    shaft = trace(_sampler(_tube), Line(np.zeros(3), AXIS, -18.0, 18.0), BRIGHT)
    assert not is_stump(shaft, ImplantConfig())
