"""Straight needles keep out of discs, but for targets in one; what was not outlined refuses nothing."""

from dataclasses import replace

import numpy as np
import pytest

from planner.config.needle_config import NeedleConfig
from planner.model.anatomy import GapSpace
from planner.model.needle import Needle
from planner.model.volume import Mask
from planner.needles.candidates import Candidates, target_of
from planner.needles.check import check_trajectory
from planner.needles.search import search_gap
from planner.needles.spine.disc import disc_clearance_mm
from planner.needles.spine.foramen import keeps_clear
from planner.needles.spine.pedicle import Pedicle
from planner.needles.spine.spine_margins import spine_margins
from planner.needles.surroundings import scene_round
from planner.safety.fields import FAR_MM, distance_fields

TIP, SKIN = np.array([[12.0, -12.0, 0.0]]), np.array([[12.0, 60.0, 0.0]])
NEEDLE = Needle(gauge="15G", outer_diameter_mm=1.8, length_mm=150.0)
WORDS = "through a disc"


def plate(grid, *, y, thick=3.0):
    """A disc across the way, in front of a plane."""
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    return Mask(grid, (np.abs(points[..., 1] - y) < thick / 2) & (points[..., 0] > 0.0))


def beside(grid, *, x):
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    return Mask(grid, np.hypot(points[..., 0] - x, points[..., 1] - 20.0) < 4.0)


@pytest.mark.parametrize("aside", [0.0, 4.0, 7.0, 9.0])
def test_the_distance_is_that_of_the_needles_surface(scene, change, config, aside):
    fields = distance_fields(change(disc=beside(scene.anatomy.grid, x=12.0 + aside)), config=config)
    free = disc_clearance_mm(fields, TIP, SKIN, radius_mm=0.9)[0]
    assert free == pytest.approx(max(aside - 4.0, -0.5) - 0.9, abs=0.6)
    assert keeps_clear(np.array([free]), margin_mm=0.5)[0] == (aside > 6.0)


def test_far_away_is_far(scene, change, config):
    fields = distance_fields(change(disc=beside(scene.anatomy.grid, x=-35.0)), config=config)
    assert disc_clearance_mm(fields, TIP, SKIN, radius_mm=0.9)[0] > FAR_MM / 2


def test_without_discs_nothing_is_told_and_nothing_refused(scene):
    free = disc_clearance_mm(scene.fields, TIP, SKIN, radius_mm=0.9)
    assert np.isnan(free).all()
    assert keeps_clear(free, margin_mm=0.5).all()


def test_within_the_targets_own_gap_a_disc_does_not_count(scene, change, config):
    """A halo's wall may overlap the outline of the disc that it has reached."""
    anatomy = change(disc=plate(scene.anatomy.grid, y=-12.0))
    around = replace(scene, anatomy=anatomy, fields=distance_fields(anatomy, config=config))
    points = np.asarray(anatomy.grid.to_lps(np.moveaxis(np.indices(anatomy.grid.shape), 0, -1)))
    ball = GapSpace("gap-1", "screw-1", Mask(anatomy.grid, np.linalg.norm(points - TIP[0], axis=-1) < 5.0))
    own = scene_round(around, target_of(anatomy, ball, around.fields))
    assert disc_clearance_mm(own.fields, TIP, SKIN, radius_mm=0.9)[0] > 1.0
    assert disc_clearance_mm(around.fields, TIP, SKIN, radius_mm=0.9)[0] < 0.0


def test_no_proposed_needle_runs_through_a_disc_before_its_gap(scene, change, config):
    """A disc behind the upper half of the body: ways beneath it stay, and one's own needle through it is named."""
    grid = scene.anatomy.grid
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    slab = (points[..., 2] > 4.0) & (points[..., 2] < 8.0) & (points[..., 0] > 0.0)
    anatomy = change(disc=Mask(grid, slab & ~scene.anatomy.gaps[0].mask.voxels))
    walled = replace(scene, anatomy=anatomy, fields=distance_fields(anatomy, config=config))
    bare = search_gap(scene, anatomy.gaps[0]).trajectories
    found = search_gap(walled, anatomy.gaps[0])
    assert found.trajectories and found.refused[WORDS] > 0
    for way in found.trajectories:
        path = np.array(way.path_lps)
        own = scene_round(walled, target_of(anatomy, anatomy.gaps[0], walled.fields))
        ends = np.array([way.aim_lps]), path[:1]
        free = disc_clearance_mm(own.fields, *ends, radius_mm=way.needle.outer_diameter_mm / 2)[0]
        assert free >= config.least.disc_mm
        assert (free >= config.spine.disc_margin_mm) or "disc" in way.margins_reduced
    ends = {"entry_lps": (14.0, 60.0, 16.0), "target_lps": (12.0, -12.0, 0.0), "needle": NEEDLE}
    assert WORDS in check_trajectory(walled, **ends).violations
    assert WORDS not in check_trajectory(scene, **ends).violations
    assert bare


def test_a_target_in_a_disc_is_reached_through_it(scene, change, config):
    grid = scene.anatomy.grid
    anatomy = change(disc=plate(grid, y=-12.0, thick=8.0))
    walled = replace(scene, anatomy=anatomy, fields=distance_fields(anatomy, config=config))
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    for y, known in ((-12.0, False), (0.0, True)):
        place = GapSpace("picked", None, Mask(grid, np.linalg.norm(points - [12.0, y, 0.0], axis=-1) < 2.0))
        own = scene_round(walled, target_of(anatomy, place, walled.fields))
        assert (own.fields.disc is not None) == known


def test_a_narrow_way_tells_its_distance_from_the_disc(scene, change, config):
    pedicle = Pedicle(np.array([14.0, 20.0, 0.0]), np.array([0.0, 1.0, 0.0]), 1.0, np.zeros(3))
    way = Candidates("extrapedicular", "juxtapedicular", TIP, TIP, np.array([[0.0, 1.0, 0.0]]), TIP[0], pedicle=pedicle)
    entry = np.array([[12.0, 28.0, 0.0]])
    near = distance_fields(change(disc=beside(scene.anatomy.grid, x=16.6)), config=config)
    margins, words = spine_margins(near, way, entry, SKIN, NEEDLE, wanted=NeedleConfig())
    assert margins == ("disc",)
    assert "mm free, 0.5 mm wanted" in words[0]
    assert spine_margins(scene.fields, way, entry, SKIN, NEEDLE, wanted=NeedleConfig()) == ((), ())
