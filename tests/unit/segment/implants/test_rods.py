"""Rods as curves, from end to end."""

from dataclasses import replace

import numpy as np
import pytest

from planner.config.implant_config import ImplantConfig, ShaftSearchConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.frames import point_tuple, unit
from planner.geometry.grid import Grid
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder, Difference, Union, tube
from planner.phantoms.tissues import MUSCLE, TITANIUM
from planner.segment.implants.rods import is_of_rod, rod_courses
from planner.segment.implants.shafts import Brightness, trace
from planner.segment.implants.straight_runs import straight_runs
from planner.segment.unwrap import sampler_round

BENT = [(0.0, 4.0, 44.0), (1.0, 2.0, 22.0), (2.0, 0.0, 0.0), (1.0, 1.0, -22.0), (-1.0, 3.0, -44.0)]


def _courses(solid, *, half_z=54.0):
    matrix = np.array([[0, 0, 0.8, -14.0], [0, 0.8, 0, -14.0], [1.0, 0, 0, -half_z], [0, 0, 0, 1.0]])
    grid = Grid((int(2 * half_z) + 1, 36, 36), matrix)
    volume = ideal_scan(Scene((Part("rod", solid, TITANIUM),), MUSCLE), grid, IdealScan(seed=2, subsamples=2))
    points = np.asarray(grid.to_lps(np.argwhere(np.asarray(volume.hu) > 4000.0)))
    sampler = sampler_round(volume.hu, grid, points, margin_mm=32.0)
    runs = straight_runs(points, shortest_mm=12.0, config=ShaftSearchConfig())
    bright = Brightness(4000.0, 8000.0, is_clipped=False)
    return rod_courses(sampler, [t for t in (trace(sampler, run, bright) for run in runs) if t.radius_mm < 3.5])


def _tulip(z):
    x, y = (np.interp(z, [p[2] for p in BENT[::-1]], [p[k] for p in BENT[::-1]]) for k in (0, 1))
    return Cylinder((x, y - 7.0, z), (x, y + 7.0, z), 5.8)


def test_a_bent_rod_is_one_through_its_tulips():
    solid = Union((tube(BENT, [2.75] * len(BENT)), *(_tulip(z) for z in (28.0, 0.0, -30.0))))
    (rod,) = _courses(solid)
    assert rod.course_lps[0] == pytest.approx(BENT[0], abs=1.2)
    assert rod.course_lps[-1] == pytest.approx(BENT[-1], abs=1.2)
    steps = np.linalg.norm(np.diff(rod.course_lps, axis=0), axis=1)
    assert steps.max() <= 5.0
    assert not rod.is_cut
    # it bends as the rod does
    middle = rod.course_lps[int(np.argmin(np.abs(rod.course_lps[:, 2] - 15.0)))]
    truth = np.array(BENT[1]) + (np.array(BENT[2]) - np.array(BENT[1])) * (22.0 - middle[2]) / 22.0
    assert np.linalg.norm(middle - truth) < 1.0


def test_a_broken_rod_is_two():
    halves = [tube([(0, 0, 40), (0, 0, 6)], [2.75] * 2), tube([(0, 0, -3), (0, 0, -40)], [2.75] * 2)]
    upper, lower = sorted(_courses(Union(tuple(halves))), key=lambda rod: -rod.course_lps[0, 2])
    assert upper.course_lps[-1] == pytest.approx([0, 0, 6], abs=1.2)
    assert lower.course_lps[0] == pytest.approx([0, 0, -3], abs=1.2)


@pytest.mark.parametrize("blunt", [False, True])
def test_the_line_ends_where_the_whole_section_does(blunt):
    ends = (0.0, 0.0, 30.0), (0.0, 0.0, -30.0)
    (rod,) = _courses(Cylinder(*ends, 2.75) if blunt else tube(list(ends), [2.75] * 2))
    assert rod.course_lps[0] == pytest.approx(ends[0], abs=1.0)
    assert rod.course_lps[-1] == pytest.approx(ends[1], abs=1.0)


def test_a_rod_that_leaves_the_scan_is_cut():
    (rod,) = _courses(Cylinder((0, 0, 80), (0, 0, -20), 2.75), half_z=40.0)
    assert rod.is_cut
    assert rod.course_lps[0, 2] > 37.0
    assert unit(rod.course_lps[0] - rod.course_lps[-1]) == pytest.approx([0, 0, 1], abs=0.02)


def test_no_stretch_gives_no_rod():
    assert _courses(tube([(0, 0, 3), point_tuple(np.array([0.0, 0.0, -3.0]))], [2.5] * 2)) == []


def test_a_break_within_a_tulip_parts_the_rod():
    # rounded ends 1.5 mm apart, and a tulip round them that joins both
    halves = [tube([(0, 0, 40), (0, 0, 4.25)], [2.75] * 2), tube([(0, 0, -2.75), (0, 0, -40)], [2.75] * 2)]
    tulip = Difference(Cylinder((0, -7, 1.5), (0, 9, 1.5), 5.8), Cylinder((0, 0, 8), (0, 0, -6), 2.9))
    upper, lower = sorted(_courses(Union((*halves, tulip))), key=lambda rod: -rod.course_lps[0, 2])
    # the tulip hides how round the ends are: at most as far as the metal itself
    assert 1.0 < upper.course_lps[-1, 2] < 4.75
    assert -3.25 < lower.course_lps[0, 2] < 0.5
    (whole,) = _courses(Union((tube([(0, 0, 40), (0, 0, -40)], [2.75] * 2), tulip)))
    assert whole.length_mm == pytest.approx(80.0, abs=1.5)


@pytest.mark.parametrize(("blunt", "metal_mm"), [(False, 65.5), (True, 60.0)])
def test_the_metal_reaches_to_the_caps(blunt, metal_mm):
    ends = (0.0, 0.0, 30.0), (0.0, 0.0, -30.0)
    (rod,) = _courses(Cylinder(*ends, 2.75) if blunt else tube(list(ends), [2.75] * 2))
    assert rod.metal_mm == pytest.approx(metal_mm, abs=1.5)


def test_a_smooth_stretch_on_a_rod_is_of_it_and_a_thread_or_one_aside_is_not():
    (rod,) = _courses(tube([(0, 0, 40), (0, 0, -40)], [2.75] * 2))
    own = rod.traced
    assert is_of_rod(own, [rod], ImplantConfig())
    assert not is_of_rod(replace(own, thread_mm=0.4), [rod], ImplantConfig())
    aside = replace(own.line, point=own.line.point + np.array([9.0, 0.0, 0.0]))
    assert not is_of_rod(replace(own, line=aside), [rod], ImplantConfig())
    assert not is_of_rod(own, [], ImplantConfig())
