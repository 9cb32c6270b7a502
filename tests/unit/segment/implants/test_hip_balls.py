"""Spheres laid through voxels; head, cup, bipolar and metal-on-metal told from each other."""

import numpy as np
import pytest

from planner.config.hip_config import HipImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.frames import point_tuple, unit
from planner.geometry.grid import Grid
from planner.geometry.rigid import angle_between_deg
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, Cylinder, Difference, HalfSpace, Intersection
from planner.phantoms.tissues import ALUMINA, COBALT_CHROME, MUSCLE, POLYETHYLENE, TITANIUM
from planner.segment.implants.hip_balls import find_head_and_cup
from planner.segment.implants.hip_edges import Scanned
from planner.segment.implants.hip_spheres import fit_sphere
from planner.segment.upright import upright_grid, upright_hu

CONFIG = HipImplantConfig()
CENTRE = np.array([1.3, -0.7, 0.4])
OPENING = unit([0.6, -0.2, -0.75])
HALF_MM = 36.0


def scanned(parts, *, clipped=False):
    spacing = (2.0, 0.9, 0.9)
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(spacing[::-1])[:, ::-1]
    matrix[:3, 3] = -HALF_MM
    count = [round(2 * HALF_MM / s) + 1 for s in spacing]
    settings = IdealScan(seed=2, subsamples=4, hu_clipped_at=3071.0 if clipped else None)
    scene = Scene(tuple(Part(f"part {k}", solid, tissue) for k, (solid, tissue) in enumerate(parts)), MUSCLE)
    return Scanned.of(ideal_scan(scene, Grid(tuple(count), matrix), settings), CONFIG)


def ball(radius, at=CENTRE):
    return Ball(point_tuple(at), radius)


def cap(outer, inner, *, rim_mm=0.0):
    mouth = HalfSpace(point_tuple(CENTRE + rim_mm * OPENING), point_tuple(OPENING))
    return Difference(Intersection((ball(outer), mouth)), ball(inner))


def neck():
    return Cylinder(point_tuple(CENTRE), point_tuple(CENTRE + 45 * OPENING), 6.0)


def told(of):
    grid = upright_grid(of.volume.grid, CONFIG.edge_mm)
    hu = np.nan_to_num(upright_hu(of.volume, grid), nan=-1000.0)
    return find_head_and_cup(of, hu, hu > CONFIG.metal_hu, grid)


@pytest.mark.parametrize(("tissue", "clipped"), [(COBALT_CHROME, False), (COBALT_CHROME, True), (ALUMINA, False)])
def test_a_sphere_is_laid_to_a_fraction_of_a_voxel(tissue, clipped):
    of = scanned([(ball(14.0), tissue)], clipped=clipped)
    found = fit_sphere(of, CENTRE + np.array([0.9, -0.6, 0.8]), 15.2, wall_mm=5.0, presumed_hu=CONFIG.heavy_hu)
    assert np.linalg.norm(found.centre_lps - CENTRE) < 0.15
    assert 2 * found.radius_mm == pytest.approx(28.0, abs=0.5)
    assert found.cover > 0.9


def test_a_sphere_does_not_depend_on_how_many_voxels_are_sorted_at_once(monkeypatch):
    of = scanned([(ball(14.0), COBALT_CHROME)])
    found = fit_sphere(of, CENTRE, 14.0, wall_mm=5.0, presumed_hu=CONFIG.heavy_hu)
    monkeypatch.setattr("planner.segment.implants.hip_spheres._AT_ONCE", 10**9)
    again = fit_sphere(of, CENTRE, 14.0, wall_mm=5.0, presumed_hu=CONFIG.heavy_hu)
    assert (again.radius_mm, again.plateau_hu, *again.centre_lps) == (
        found.radius_mm,
        found.plateau_hu,
        *found.centre_lps,
    )
    assert np.array_equal(again.shown, found.shown)


def test_no_sphere_is_laid_where_metal_ends_on_none():
    of = scanned([(Cylinder((-30.0, 0.0, 0.0), (30.0, 0.0, 0.0), 6.0), TITANIUM)])
    assert fit_sphere(of, np.array([0.0, 0.0, 20.0]), 14.0, wall_mm=5.0, presumed_hu=CONFIG.heavy_hu) is None


@pytest.mark.parametrize(("tissue", "clipped"), [(ALUMINA, False), (ALUMINA, True), (COBALT_CHROME, True)])
def test_a_head_is_told_from_its_cup_and_the_cup_s_mouth_is_measured(tissue, clipped):
    parts = [(cap(24.0, 20.5), TITANIUM), (cap(20.5, 14.0), POLYETHYLENE), (neck(), TITANIUM), (ball(14.0), tissue)]
    head, cup = told(scanned(parts, clipped=clipped))
    assert 2 * head.radius_mm == pytest.approx(28.0, abs=0.5)
    assert 2 * cup.sphere.radius_mm == pytest.approx(48.0, abs=0.5)
    assert angle_between_deg(cup.opening_lps, OPENING) < 2.0
    assert cup.wall_mm == pytest.approx(3.5, abs=0.5)
    assert abs(cup.rim) < 0.1


def test_a_metal_head_without_a_liner_is_told_from_its_metal_cup():
    head, cup = told(scanned([(cap(26.0, 22.0), TITANIUM), (neck(), TITANIUM), (ball(22.0), COBALT_CHROME)]))
    assert 2 * head.radius_mm == pytest.approx(44.0, abs=0.8)
    assert 2 * cup.sphere.radius_mm == pytest.approx(52.0, abs=0.8)


def test_a_shell_beyond_its_equator_is_a_bipolar_head_and_no_cup():
    rim = 12.0
    parts = [
        (cap(24.0, 21.0, rim_mm=rim), COBALT_CHROME), (cap(21.0, 14.0, rim_mm=rim), POLYETHYLENE), (neck(), TITANIUM),
        (ball(14.0), COBALT_CHROME),
    ]  # fmt: skip
    head, cup = told(scanned(parts))
    assert cup is None and 2 * head.radius_mm == pytest.approx(48.0, abs=0.8)


def test_a_lone_head_has_no_cup_and_a_hollow_ball_is_no_head():
    head, cup = told(scanned([(neck(), TITANIUM), (ball(23.0), COBALT_CHROME)]))
    assert cup is None and 2 * head.radius_mm == pytest.approx(46.0, abs=0.6)
    assert told(scanned([(Difference(ball(20.0), ball(16.0)), TITANIUM)])) == (None, None)
