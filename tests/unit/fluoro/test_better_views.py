"""The best view near a wanted one: past the metal, no further than needed, with the landmarks that are asked for."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.config.gantry import GantryLimits
from planner.config.visibility_config import VisibilityConfig
from planner.fluoro.better_views import best_view_near
from planner.fluoro.views import ap_view, view_at
from planner.fluoro.visibility import target_sight
from planner.geometry.frames import points_lps
from tests.unit.fluoro.scenes import CENTRE, ball_points, no_metal, plate, rod, scene, tube

FLUORO, CONFIG = FluoroConfig(), VisibilityConfig()
AP = ap_view(CENTRE, config=FLUORO)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_past_a_long_rod_by_the_shorter_way(side):
    """A rod of 3 mm radius 25 mm in front, 1 mm to one side: past it on the other, by asin(3 / 25) - asin(1 / 25)."""
    seen = scene(rod((side, -25.0, 0.0), half_mm=43.0), points=points_lps([CENTRE]), hiding_mm=0.5)
    found = best_view_near(seen, AP, config=CONFIG)
    assert found is not None
    assert found.target.verdict == "visible"
    assert np.sign(found.carm.primary_deg) == -side, "away from the side on which the rod is"
    assert 4.0 <= found.turn_deg <= 4.6 + CONFIG.near_step_deg
    assert found.carm.secondary_deg == 0.0, "about one axis alone"
    assert found.carm.isocentre_lps == AP.isocentre_lps
    assert found.carm.primary_deg == round(found.carm.primary_deg)
    assert found.target == target_sight(seen, found.carm, config=CONFIG)


def test_past_a_short_rod_by_tilting():
    """A rod that reaches 3 mm above the target and far below, 25 mm in front, and wide: over it."""
    wide = no_metal()
    x, y, z = np.moveaxis(np.asarray(wide.grid.to_lps(np.moveaxis(np.indices(wide.grid.shape), 0, -1))) - CENTRE, -1, 0)
    wall = type(wide)(wide.grid, (np.abs(y + 25.0) < 2.0) & (np.abs(x) < 30.0) & (z < 3.0))
    found = best_view_near(scene(wall, points=ball_points(0.5)), AP, config=CONFIG)
    assert found is not None
    assert found.carm.secondary_deg > 6.0
    assert abs(found.carm.primary_deg) <= 2.0


def test_a_view_that_shows_all_has_no_better_one():
    assert best_view_near(scene(no_metal()), AP, config=CONFIG) is None
    aside = scene(rod((25.0, 0.0, 0.0), half_mm=43.0))
    assert best_view_near(aside, AP, config=CONFIG) is None


def test_a_gain_that_does_not_count_is_none():
    seen = scene(rod((0.0, -25.0, 0.0), half_mm=43.0), hiding_mm=2.0)
    found = best_view_near(seen, AP, config=CONFIG)
    assert found is not None and found.target.visible_share == 1.0
    partly = scene(rod((3.5, -25.0, 0.0), half_mm=43.0))
    share = target_sight(partly, AP, config=CONFIG).visible_share
    assert 0.0 < share < 1.0
    assert best_view_near(partly, AP, config=VisibilityConfig(least_gain_share=1.01 - share)) is None
    assert best_view_near(partly, AP, config=VisibilityConfig(least_gain_share=0.99 - share)) is not None


def test_where_metal_stands_all_round_there_is_none():
    cage = no_metal()
    at = np.asarray(cage.grid.to_lps(np.moveaxis(np.indices(cage.grid.shape), 0, -1))) - CENTRE
    shell = type(cage)(cage.grid, np.abs(np.linalg.norm(at, axis=-1) - 25.0) < 3.0)
    assert best_view_near(scene(shell), AP, config=CONFIG) is None


def test_what_is_out_of_the_gantrys_reach_is_not_proposed():
    seen = scene(rod((1.0, -25.0, 0.0), half_mm=43.0), points=points_lps([CENTRE]), hiding_mm=0.5)
    left_only = GantryLimits(primary_min_deg=0.0, primary_max_deg=100.0)
    found = best_view_near(
        scene(rod((1.0, -25.0, 0.0), half_mm=43.0), points=points_lps([CENTRE]), hiding_mm=0.5, gantry=left_only),
        AP,
        config=CONFIG,
    )
    free = best_view_near(seen, AP, config=CONFIG)
    assert found is not None and free is not None
    assert found.carm.primary_deg > 0.0 > free.carm.primary_deg
    assert found.within_gantry_limits
    nowhere = GantryLimits(primary_min_deg=90.0, primary_max_deg=100.0)
    assert best_view_near(scene(no_metal(), gantry=nowhere), AP, config=CONFIG) is None


def test_a_wanted_view_out_of_reach_has_its_nearest_in_reach():
    beyond = scene(no_metal(), gantry=GantryLimits(primary_min_deg=8.0, primary_max_deg=100.0))
    found = best_view_near(beyond, AP, config=CONFIG)
    assert found is not None
    assert found.carm.primary_deg == pytest.approx(8.0, abs=CONFIG.near_step_deg)
    assert found.within_gantry_limits


def test_the_landmarks_that_are_asked_for_stay_in_profile():
    """Past the rod to the side is nearest; a plate that is edge on only where the beam is tilted calls for that."""
    metal = rod((0.0, -25.0, 0.0), half_mm=43.0)
    upright, tilted = plate([0.0, 0.0, 1.0]), plate([0.0, np.sin(np.radians(14.0)), np.cos(np.radians(14.0))])
    seen = scene(metal, points=points_lps([CENTRE]), hiding_mm=0.5, landmarks=(upright, tilted))
    free = best_view_near(seen, AP, config=CONFIG)
    assert free is not None
    assert [one.verdict for one in free.landmarks][1] == "not in profile"
    asked = best_view_near(seen, AP, must_show=[tilted], config=CONFIG)
    assert asked is not None
    assert [one.verdict for one in asked.landmarks][1] in ("visible", "partly")
    assert asked.turn_deg > free.turn_deg
    never = tube([1.0, 0.0, 0.0])
    assert best_view_near(seen, AP, must_show=[never], config=CONFIG) is None


def test_a_view_that_lacks_a_landmark_has_a_better_one_though_it_shows_the_target():
    tilted = plate([0.0, np.sin(np.radians(14.0)), np.cos(np.radians(14.0))])
    seen = scene(no_metal(), landmarks=(tilted,))
    assert best_view_near(seen, AP, config=CONFIG) is None
    found = best_view_near(seen, AP, must_show=[tilted], config=CONFIG)
    assert found is not None
    assert found.landmarks[0].verdict == "visible"
    assert found.turn_deg <= 14.0 - CONFIG.profile_deg + 2 * CONFIG.near_step_deg


def test_it_works_straight_up_and_down_too():
    along = view_at(CENTRE, primary_deg=0.0, secondary_deg=90.0, config=FLUORO)
    above = scene(rod((0.0, 0.0, 25.0), half_mm=10.0), points=points_lps([CENTRE]))
    assert target_sight(above, along, config=CONFIG).verdict == "hidden"
    found = best_view_near(above, along, config=CONFIG)
    assert found is not None and found.target.verdict == "visible"


def test_what_is_not_known_is_not_proposed():
    high = points_lps([np.add(CENTRE, [0.0, 0.0, 38.0])])
    cut = scene(rod((0.0, -25.0, 0.0), half_mm=80.0), points=high)
    wanted = view_at(high[0], primary_deg=0.0, secondary_deg=30.0, config=FLUORO)
    found = best_view_near(cut, wanted, config=CONFIG)
    assert found is None or found.target.unknown_share <= CONFIG.most_unknown_share
    narrow = VisibilityConfig(near_deg=5.0)
    assert best_view_near(cut, wanted, config=narrow) is None
