"""Diameters over and under a thread, and the blur, from a scan whose screws are known."""

import numpy as np
import pytest

from planner.config.implant_config import ImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.frames import point_tuple, unit
from planner.geometry.grid import Grid
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder
from planner.phantoms.solids.threads import ScrewShaft
from planner.phantoms.tissues import CANCELLOUS, TITANIUM
from planner.segment.implants.blurred_discs import disc_profile
from planner.segment.implants.rods import RodCourse
from planner.segment.implants.shafts import Brightness, trace
from planner.segment.implants.straight_runs import Line
from planner.segment.implants.threads import measure_thread, rod_blur_mm
from planner.segment.unwrap import sampler_round

CONFIG = ImplantConfig()
AXIS = unit([0.35, 0.9, 0.12])
HEAD, TIP = -19.0 * AXIS, 19.0 * AXIS


def _sampler(solid, *, ceiling_hu=None, fwhm_mm=0.9, spacing_mm=(0.8, 0.7, 0.7)):
    half = np.array([9.0, 24.0, 14.0])
    a, b, c = spacing_mm
    matrix = np.array([[0, 0, c, -half[2]], [0, b, 0, -half[1]], [a, 0, 0, -half[0]], [0, 0, 0, 1.0]])
    n = [int(2 * h / s) + 1 for h, s in zip(half, spacing_mm, strict=True)]
    scan = IdealScan(seed=5, subsamples=2, hu_clipped_at=ceiling_hu, psf_fwhm_mm=fwhm_mm)
    volume = ideal_scan(Scene((Part("metal", solid, TITANIUM),), CANCELLOUS), Grid((n[0], n[1], n[2]), matrix), scan)
    return sampler_round(volume.hu, volume.grid, [HEAD, TIP], margin_mm=30.0)


def _traced(sampler, *, level_hu, clipped=False):
    return trace(sampler, Line(np.zeros(3), AXIS, -19.0, 19.0), Brightness(level_hu, 2 * level_hu, clipped))


@pytest.mark.parametrize(("outer", "core", "pitch"), [(6.5, 4.6, 2.75), (4.5, 3.0, 2.0)])
def test_diameters_of_a_threaded_shaft(outer, core, pitch):
    sampler = _sampler(ScrewShaft(point_tuple(HEAD), point_tuple(TIP), outer, core, pitch_mm=pitch))
    screw = _traced(sampler, level_hu=4000.0)
    thread = measure_thread(
        sampler, screw, head_is_high=False, sigma_mm=0.43, ceiling_hu=None, plateau_hu=screw.plateau_hu, config=CONFIG
    )
    assert thread is not None
    assert thread.outer_mm == pytest.approx(outer, abs=0.4)
    assert thread.core_mm == pytest.approx(core, abs=0.5)
    assert thread.pitch_mm == pytest.approx(pitch, abs=0.1)


def test_a_clipped_screw_is_no_thicker():
    solid = ScrewShaft(point_tuple(HEAD), point_tuple(TIP), 6.5, 4.6)
    sampler = _sampler(solid, ceiling_hu=3071.0)
    screw = _traced(sampler, level_hu=2600.0, clipped=True)
    thread = measure_thread(
        sampler, screw, head_is_high=False, sigma_mm=0.43, ceiling_hu=3071.0, plateau_hu=6500.0, config=CONFIG
    )
    assert thread is not None
    assert thread.outer_mm == pytest.approx(6.5, abs=0.5)
    assert thread.core_mm is None


def test_a_smooth_pin_has_no_pitch_and_a_short_one_no_thread():
    sampler = _sampler(Cylinder(point_tuple(HEAD), point_tuple(TIP), 2.5))
    pin = _traced(sampler, level_hu=4000.0)
    args = {"head_is_high": False, "sigma_mm": 0.43, "ceiling_hu": None, "plateau_hu": pin.plateau_hu, "config": CONFIG}
    thread = measure_thread(sampler, pin, **args)
    assert thread is not None
    assert thread.pitch_mm is None
    assert thread.core_mm is None
    short = _sampler(Cylinder(point_tuple(-5.0 * AXIS), point_tuple(5.0 * AXIS), 2.5))
    stub = trace(short, Line(np.zeros(3), AXIS, -5.0, 5.0), Brightness(4000.0, 8000.0, is_clipped=False))
    assert measure_thread(short, stub, **args) is None


@pytest.mark.parametrize("fwhm_mm", [0.8, 1.5])
def test_the_blur_is_measured_on_a_rod(fwhm_mm):
    # trilinear sampling of 0.7 mm voxels blurs by itself
    sampler = _sampler(Cylinder(point_tuple(HEAD), point_tuple(TIP), 2.75), fwhm_mm=fwhm_mm)
    rod = _traced(sampler, level_hu=4000.0)
    middles = np.arange(-12.0, 12.5, 2.0)[:, None] * AXIS
    course = RodCourse(np.stack([TIP, HEAD]), rod, middles, np.broadcast_to(AXIS, middles.shape), is_cut=False)
    radius, sigma = rod_blur_mm(sampler, course, ceiling_hu=None, plateau_hu=rod.plateau_hu, config=CONFIG)
    assert radius == pytest.approx(2.75, abs=0.1)
    assert sigma == pytest.approx(fwhm_mm / 2.355, abs=0.12)


def test_a_disc_far_larger_than_the_blur_has_a_straight_edge():
    at = np.array([29.0, 30.0, 31.0])
    assert disc_profile(np.full(3, 30.0), at, 0.5) == pytest.approx([0.977, 0.5, 0.023], abs=0.02)
    assert disc_profile(np.array([0.0]), np.array([0.0]), 0.5) == pytest.approx([0.0], abs=1e-6)
    # a disc as wide as its blur is nowhere as bright as its plateau
    assert disc_profile(np.array([0.5]), np.array([0.0]), 0.5) == pytest.approx([1 - np.exp(-0.5)], abs=0.02)
