"""The view from which a leak is watched."""

from functools import partial

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.config.gantry import GantryLimits
from planner.config.visibility_config import HidingConfig
from planner.config.watch_config import WatchConfig
from planner.fluoro.console import console_angles_deg
from planner.geometry.frames import detector_direction
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.volume import Mask, Volume
from planner.safety.watch import WatchScene
from planner.safety.watch_angles import looks_within_reach, steady

GRID = Grid((80, 80, 80), np.array([[0, 0, 1.0, -40], [0, 1.0, 0, -40], [1.0, 0, 0, -40], [0, 0, 0, 1]]))
X, Y, Z = np.moveaxis(np.asarray(GRID.to_lps(np.moveaxis(np.indices(GRID.shape), 0, -1))), -1, 0)
BODY = np.hypot(X, Y) < 38
GAP = np.hypot(X, Z) < 4.0
"""Round a pin along the front-back axis, as a screw lies."""
GAP &= np.abs(Y) < 12
AWAY = (4.0, 0.0, 0.0)
ALL = GantryLimits(primary_min_deg=-180, primary_max_deg=180, secondary_min_deg=-45, secondary_max_deg=45)


def scene(*, metal=None, gaps=(GAP,), hu=None, gantry=ALL, position="HFS", noise=None, fluoro=None, **settings):
    filled = np.any(gaps, axis=0)
    bone = (X < 4.0) & (np.hypot(X + 10, Z) < 16) & (np.abs(Y) < 16)
    values = np.where(BODY, np.where(bone, 250, 40), -1000) if hu is None else hu
    nothing = np.zeros(GRID.shape, bool)
    anatomy = Anatomy(
        ct=Volume(GRID, values.astype(np.int16)), metal=Mask(GRID, nothing if metal is None else metal),
        bone=Mask(GRID, bone | filled),
        gaps=tuple(GapSpace(f"gap-{n}", None, Mask(GRID, voxels)) for n, voxels in enumerate(gaps)),
        implants=(),
    )  # fmt: skip
    return WatchScene(
        anatomy, WatchConfig(gantry=gantry, **settings), fluoro or FluoroConfig(), noise or HidingConfig(),
        partial(console_angles_deg, position=position),
    )  # fmt: skip


def beam(view):
    return np.asarray(detector_direction(view.primary_deg, view.secondary_deg))


def test_a_leak_to_the_left_is_watched_straight_from_the_front():
    view = scene().view(AWAY, (1.0, 0.0, 0.0))
    assert (abs(view.primary_deg) % 180.0, view.secondary_deg) == (0.0, 0.0)
    assert view.slant_deg == pytest.approx(0.0, abs=1e-6) and 0.3 < view.contrast < 0.9


def test_a_leak_to_the_front_is_watched_from_the_side():
    front = (np.abs(X) < 6) & (np.abs(Y) < 6) & (np.abs(Z) < 6)
    view = scene(gaps=(front,)).view((0.0, -6.0, 0.0), (0.0, -1.0, 0.0))
    assert (abs(view.primary_deg), view.secondary_deg) == (90.0, 0.0)


def test_metal_before_the_leak_turns_the_view_away():
    plate = (np.abs(X - 8) < 8) & (Y > 22) & (Y < 30) & (np.abs(Z) < 8)
    view = scene(metal=plate).view(AWAY, (1.0, 0.0, 0.0))
    from_drop = np.array([7.6, 0.0, 0.0]) + np.outer(np.arange(-60.0, 60.0), beam(view))
    index = np.rint(GRID.to_index(from_drop)).astype(int)
    index = index[np.all((index >= 0) & (index < 80), axis=1)]
    assert not plate[tuple(index.T)].any()
    assert view.slant_deg <= 45.0


def test_another_gaps_filling_turns_it_away_too():
    other = (np.abs(X - 8) < 8) & (Y > 18) & (Y < 26) & (np.abs(Z) < 8)
    view, alone = (scene(gaps=gaps).view(AWAY, (1.0, 0.0, 0.0)) for gaps in ((GAP, other), (GAP,)))
    assert (view.primary_deg, view.secondary_deg) != (alone.primary_deg, alone.secondary_deg)


def test_a_leak_that_metal_hides_all_round_has_no_view():
    shell = np.abs(np.linalg.norm([X - 8, Y, Z], axis=0) - 22) < 3
    assert scene(metal=shell).view(AWAY, (1.0, 0.0, 0.0)) is None


def test_what_the_gantry_does_not_reach_is_not_proposed():
    narrow = GantryLimits(primary_min_deg=7, primary_max_deg=20, secondary_min_deg=-10, secondary_max_deg=10)
    view = scene(gantry=narrow).view(AWAY, (1.0, 0.0, 0.0))
    assert narrow.reaches(view.console_primary_deg, view.console_secondary_deg)
    # Along the leak there is no profile.
    side = GantryLimits(primary_min_deg=80, primary_max_deg=100, secondary_min_deg=-10, secondary_max_deg=10)
    assert scene(gantry=side).view(AWAY, (1.0, 0.0, 0.0)) is None


@pytest.mark.parametrize("position", ["HFS", "HFP", "FFP", "HFDL"])
def test_the_limits_are_those_of_the_console_as_the_patient_lies(position):
    gantry = GantryLimits()
    view = scene(gantry=gantry, position=position).view(AWAY, (1.0, 0.0, 0.0))
    dialled = console_angles_deg(view.primary_deg, view.secondary_deg, position)
    assert dialled == pytest.approx((view.console_primary_deg, view.console_secondary_deg), abs=1e-5)
    assert gantry.reaches(view.console_primary_deg, view.console_secondary_deg)


def test_a_drop_that_noise_hides_has_no_view():
    assert scene(noise=HidingConfig(quanta_per_mm2=0.01)).view(AWAY, (1.0, 0.0, 0.0)) is None


def test_a_drop_that_is_like_its_surroundings_has_no_view():
    grains = np.random.default_rng(3).integers(-900, 3000, (20, 20, 20)).repeat(4, 0).repeat(4, 1).repeat(4, 2)
    busy = np.where(BODY, grains, -1000)
    assert scene(hu=busy, least_conspicuity=4.0).view(AWAY, (1.0, 0.0, 0.0)) is None
    assert scene(least_conspicuity=4.0).view(AWAY, (1.0, 0.0, 0.0)) is not None


def test_thin_cement_is_told_to_have_less_contrast():
    thick, thin = (
        scene(fluoro=FluoroConfig(cement_barium_share=share)).view(AWAY, (1.0, 0.0, 0.0)).contrast
        for share in (0.19, 0.03)
    )
    assert thin < 0.6 * thick


def test_without_room_for_a_drop_there_is_no_view():
    assert scene(metal=X > 3.5).view(AWAY, (1.0, 0.0, 0.0)) is None


def test_two_askings_give_the_same():
    made = scene()
    assert made.view(AWAY, (1.0, 0.0, 0.0)) == made.view(AWAY, (1.0, 0.0, 0.0)) == scene().view(AWAY, (1.0, 0.0, 0.0))


def test_a_view_counts_less_where_the_next_ones_are_worse():
    looks = looks_within_reach(config=WatchConfig(gantry=ALL, step_deg=30.0), console=lambda p, s: (p, s))
    shares = np.where(np.abs(looks.angles_deg[:, 0]) <= 60.0, 1.0, 0.0)
    even = steady(looks, shares)
    at = {(float(p), float(s)): value for (p, s), value in zip(looks.angles_deg, even, strict=True)}
    assert at[(0.0, 0.0)] == 1.0 and at[(180.0, 0.0)] == 0.0
    assert at[(60.0, 0.0)] == pytest.approx(0.875)
    # At the end of the tilts there are three neighbours; the missing one counts as the view itself.
    assert at[(0.0, 30.0)] == 1.0


def test_views_all_round_are_next_to_each_other():
    looks = looks_within_reach(config=WatchConfig(gantry=ALL, step_deg=30.0), console=lambda p, s: (p, s))
    shares = np.where(looks.angles_deg[:, 0] == 180.0, 1.0, 0.0)
    even = steady(looks, shares)
    beside = (np.isin(looks.angles_deg[:, 0], [150.0, -150.0])) & (looks.angles_deg[:, 1] == 0.0)
    assert even[beside] == pytest.approx([0.125, 0.125])


def test_no_view_within_reach_is_an_empty_list():
    none = GantryLimits(primary_min_deg=1, primary_max_deg=2, secondary_min_deg=1, secondary_max_deg=2)
    assert len(looks_within_reach(config=WatchConfig(gantry=none), console=lambda p, s: (p, s)).angles_deg) == 0
    assert scene(gantry=none).view(AWAY, (1.0, 0.0, 0.0)) is None
