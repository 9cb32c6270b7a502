"""Bent ways round the canal to the far side of the small vertebra's body."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from planner.config.curved_config import BendLimits, CurvedConfig
from planner.config.needle_config import NeedleConfig
from planner.model.anatomy import GapSpace
from planner.model.needle import Needle
from planner.model.volume import Mask
from planner.needles.bent_ways import bent_ways
from planner.needles.candidates import target_of
from planner.needles.surroundings import scene_round

CANNULA = CurvedConfig(
    cannula=True, starts=60, curve=BendLimits(radius_mm=12.0, most_turn_deg=90.0, most_arc_mm=25.0, diameter_mm=1.65)
)
NEEDLE = Needle(gauge="11G", outer_diameter_mm=3.05, length_mm=150.0)


@pytest.fixture(scope="module")
def far_gap(vertebra):
    """A pocket in the front of the body, on the right of the midline; the screw comes from the left."""
    grid = vertebra.grid
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    pocket = np.linalg.norm(points - [-12.0, -6.0, 0.0], axis=-1) < 4.0
    return GapSpace("gap-2", "screw-1", Mask(grid, pocket))


def search(scene, gap, curved, needle=NEEDLE):
    config = NeedleConfig(targets_per_gap=12, direction_step_deg=5.0, curved=curved)
    scene = replace(scene, config=config, anatomy=replace(scene.anatomy, gaps=(gap,)))
    target = target_of(scene.anatomy, gap, scene.fields)
    return bent_ways(scene_round(scene, target), target, needle, ("transpedicular",))


def test_a_curved_cannula_reaches_round_the_canal(scene, far_gap):
    found = search(scene, far_gap, CANNULA)
    assert found
    for _, _, way in found:
        path = np.array(way.path_lps)
        arc = path[-len([p for p in path if not np.allclose(p, path[0])]) :]
        assert way.cannula is not None and way.cannula.turn_deg <= CANNULA.curve.most_turn_deg
        assert np.linalg.norm(np.array(way.target_lps) - [-12.0, -6.0, 0.0]) < 4.0 + 0.9
        pieces = np.linalg.norm(np.diff(path, axis=0), axis=1)
        assert way.depth_from_skin_mm in (None, pytest.approx(pieces.sum(), abs=0.3))
        dense = np.concatenate([a + np.linspace(0, 1, 60)[:, None] * (b - a) for a, b in pairwise(arc)])
        assert np.hypot(dense[:, 0], dense[:, 1] - 14.0).min() - 6.0 - 1.65 / 2 >= way.clearance_mm.canal - 0.6
        assert way.clearance_mm.canal >= 1.5 - 0.6
        assert any("curved cannula" in words for words in way.cautions)


def test_neither_is_tried_unless_allowed(scene, far_gap):
    assert search(scene, far_gap, CurvedConfig()) == []


def test_a_way_that_hardly_bends_does_not_get_there(scene, far_gap):
    stiff = CurvedConfig(cannula=True, curve=BendLimits(radius_mm=900.0, most_turn_deg=1.0, most_arc_mm=10.0))
    assert search(scene, far_gap, stiff) == []


def test_no_arc_runs_through_a_disc(scene, far_gap, vertebra):
    grid = vertebra.grid
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    wall = Mask(grid, (np.abs(points[..., 0] + 5.0) < 1.0) & (points[..., 1] < 8.0))
    walled = replace(scene, anatomy=replace(scene.anatomy, disc=wall))
    assert search(scene, far_gap, CANNULA) and not any(
        np.min(way.path_lps, axis=0)[0] < -6.5 for _, _, way in search(walled, far_gap, CANNULA)
    )


def test_a_steered_needle_tells_where_its_bevel_faces(scene, far_gap):
    steer = CurvedConfig(steering=True, steer=BendLimits(radius_mm=12.0, most_turn_deg=90.0, most_arc_mm=25.0))
    found = search(scene, far_gap, steer, Needle(gauge="15G", outer_diameter_mm=1.83, length_mm=150.0))
    assert found
    for _, _, way in found:
        path = np.array(way.path_lps)
        ahead = np.array(way.aim_lps) - path[0]
        drift = np.array(way.target_lps) - np.array(way.aim_lps)
        aside = drift - (drift @ ahead) / (ahead @ ahead) * ahead
        assert way.cannula is None and way.bevel is not None
        assert aside @ np.array(way.bevel.facing_lps) < 0
        assert way.depth_from_skin_mm is None or way.depth_from_skin_mm <= way.needle.length_mm
