"""The map over all angles: a rod's shadow where geometry has it, the gantry's reach in every position."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.config.gantry import GantryLimits
from planner.config.visibility_config import VisibilityConfig
from planner.fluoro.angle_map import angle_map
from planner.fluoro.console import console_angles_deg
from planner.fluoro.views import view_at
from planner.fluoro.visibility import target_sight
from planner.geometry.frames import points_lps
from planner.model.view_sight import AngleMap
from tests.unit.fluoro.scenes import CENTRE, EVERYWHERE, ball_points, no_metal, rod, scene

FLUORO, CONFIG = FluoroConfig(), VisibilityConfig()
POSITIONS = ("HFS", "HFP", "HFDR", "HFDL", "FFS", "FFP", "FFDR", "FFDL")


def mapped(seen, config=CONFIG):
    return angle_map(seen, fluoro=FLUORO, config=config)


def test_a_long_rod_shades_its_side_and_the_opposite_one_at_every_tilt():
    looks = np.degrees(np.arctan2(18.0, 18.0))
    half = np.degrees(np.arcsin(3.0 / np.hypot(18.0, 18.0)))
    angles = mapped(scene(rod((18.0, -18.0, 0.0), half_mm=43.0), points=points_lps([CENTRE])))
    rows = np.abs(angles.secondary_deg) <= 40.0
    for column, primary in enumerate(angles.primary_deg):
        off = min(abs((primary - looks - turn + 180) % 360 - 180) for turn in (0, 180))
        if abs(off - half) > 1.0:
            assert np.all(angles.visible_share[rows, column] == (0.0 if off < half else 1.0)), primary


def test_every_cell_in_reach_shows_what_its_view_shows_and_the_others_are_not_known():
    seen = scene(rod((10.0, -20.0, 5.0)), gantry=GantryLimits(), points=ball_points(count=100))
    angles = mapped(seen)
    np.testing.assert_array_equal(angles.known, angles.in_reach)
    assert 0 < angles.in_reach.sum() < angles.in_reach.size
    middle = seen.points_lps.mean(axis=0)
    for row, column in [(3, 5), (10, 25), (12, 28), (8, 31), (15, 40)]:
        carm = view_at(
            middle, primary_deg=angles.primary_deg[column], secondary_deg=angles.secondary_deg[row], config=FLUORO
        )
        wanted = target_sight(seen, carm, config=CONFIG).visible_share
        assert angles.visible_share[row, column] == pytest.approx(wanted, abs=1e-9)
        assert angles.share_at(carm.primary_deg + 360.0, carm.secondary_deg) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("position", POSITIONS)
def test_the_reach_is_that_of_the_console_in_one_piece_with_its_limits(position):
    limits = GantryLimits(primary_min_deg=-115, primary_max_deg=105, secondary_min_deg=-45, secondary_max_deg=50)
    angles = mapped(scene(no_metal(), position=position, gantry=limits))
    assert angles.in_reach.sum() == (220 / 5 + 1) * (95 / 5 + 1), "the limits themselves are reached"
    columns = np.flatnonzero(angles.in_reach.any(axis=0))
    np.testing.assert_array_equal(np.diff(columns), 1)
    assert len(angles.primary_deg) == len(columns) + 4
    np.testing.assert_allclose(np.diff(angles.primary_deg), 5.0)
    assert 2 not in np.diff(angles.in_reach.astype(int), axis=1)
    for row, column in [(0, 0), (5, 7), (12, 30)]:
        wanted = console_angles_deg(angles.primary_deg[column], angles.secondary_deg[row], position)
        turned = (angles.console_deg[row, column] - wanted + 180) % 360 - 180
        np.testing.assert_allclose(turned, 0.0, atol=1e-5)


def test_prone_is_supine_seen_from_behind():
    metal = rod((10.0, -20.0, 5.0))
    supine, prone = (mapped(scene(metal, position=p, gantry=GantryLimits())) for p in ("HFS", "HFP"))
    assert supine.primary_deg[[0, -1]].tolist() == [-125.0, 115.0]
    assert prone.primary_deg[[0, -1]].tolist() == [55.0, 295.0]
    for primary in (65.0, 90.0, 105.0):
        for secondary in (-40.0, 0.0, 30.0):
            assert supine.share_at(primary, secondary) == prone.share_at(primary, secondary)
    assert supine.share_at(0.0, 0.0) is not None and prone.share_at(0.0, 0.0) is None
    assert supine.share_at(180.0, 0.0) is None and prone.share_at(180.0, 0.0) is not None


def test_a_gantry_that_reaches_all_round_has_a_map_all_round():
    angles = mapped(scene(no_metal()), VisibilityConfig(map_step_deg=10.0))
    assert angles.visible_share.shape == (19, 36)
    assert angles.in_reach.all() and np.all(angles.visible_share == 1.0)


def test_where_cut_metal_may_lie_in_the_way_the_map_says_nothing():
    high = points_lps([np.add(CENTRE, [0.0, 0.0, 38.0])])
    angles = mapped(scene(rod((0.0, -25.0, 0.0), half_mm=80.0), points=high, gantry=GantryLimits()))
    assert np.any(angles.in_reach & ~angles.known)
    assert angles.share_at(0.0, 0.0) == 0.0, "behind what is there it is hidden whatever goes on above"
    assert angles.share_at(0.0, 40.0) is None
    assert angles.share_at(90.0, 0.0) == 1.0


def test_a_reach_beside_every_cell_leaves_all_unknown():
    between = GantryLimits(primary_min_deg=1.0, primary_max_deg=2.0, secondary_min_deg=1.0, secondary_max_deg=2.0)
    angles = mapped(scene(no_metal(), gantry=between))
    assert not angles.known.any() and not angles.in_reach.any()


def test_few_points_stand_for_many():
    many = ball_points(count=2000)
    fine = mapped(scene(rod((10.0, -20.0, 5.0)), points=many), VisibilityConfig(map_points=2000))
    coarse = mapped(scene(rod((10.0, -20.0, 5.0)), points=many))
    assert np.abs(fine.visible_share - coarse.visible_share).max() < 0.12
    assert np.abs(fine.visible_share - coarse.visible_share).mean() < 0.01


def test_arrays_that_do_not_fit_together_are_refused():
    rows, columns = np.arange(3.0), np.arange(4.0)
    flags, shares = np.ones((3, 4), bool), np.ones((3, 4))
    with pytest.raises(ValueError, match="visible_share"):
        AngleMap("gap-1", columns, rows, np.zeros((3, 4, 2)), flags, shares.T)
    with pytest.raises(ValueError, match="console_deg"):
        AngleMap("gap-1", columns, rows, np.zeros((3, 4)), flags, shares)
    assert AngleMap("gap-1", columns, rows, np.zeros((3, 4, 2)), flags, shares).share_at(9.0, 0.0) is None
    assert EVERYWHERE.reaches(180.0, -90.0)
