"""A drop lies where there is room for it: outside of bone, metal and filled gaps."""

import numpy as np
import pytest

from planner.config.watch_config import WatchConfig
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy
from planner.model.volume import Mask, Volume
from planner.safety.watch_drop import leaked_drop

GRID = Grid((80, 80, 80), np.array([[0, 0, 0.5, -20], [0, 0.5, 0, -20], [0.5, 0, 0, -20], [0, 0, 0, 1]]))
X, Y, Z = np.moveaxis(np.asarray(GRID.to_lps(np.moveaxis(np.indices(GRID.shape), 0, -1))), -1, 0)
BREACH, OUT = (-0.3, 0.0, 0.0), (1.0, 0.0, 0.0)
RADIUS = (3 * 200.0 / (4 * np.pi)) ** (1 / 3)


def laid(*, bone=None, metal=None, gap=None, centroid=BREACH, out=OUT, **settings):
    nothing = np.zeros(GRID.shape, bool)
    given = {"bone": bone, "metal": metal, "gap": gap}
    masks = {name: Mask(GRID, nothing if voxels is None else voxels) for name, voxels in given.items()}
    anatomy = Anatomy(
        ct=Volume(GRID, np.zeros(GRID.shape, np.int16)), metal=masks["metal"], bone=masks["bone"], gaps=(), implants=()
    )
    return leaked_drop(anatomy, masks["gap"], centroid, out, config=WatchConfig(**settings))


def points(mask):
    return np.asarray(mask.grid.to_lps(np.argwhere(mask.voxels)))


def in_space(mask, inside):
    """How many of the drop's voxels have their middle in a solid given by a function of the position."""
    x, y, z = points(mask).T
    return int(np.count_nonzero(inside(x, y, z)))


def test_before_a_flat_wall_it_is_a_ball_that_touches_it_or_half_a_ball_on_it():
    drop = laid(bone=X < 0.0, gap=X < -0.2)
    assert not drop.within_bone
    for form, middle in ((drop.ball, RADIUS), (drop.cushion, 3 / 8 * RADIUS * 2 ** (1 / 3))):
        assert form.volume_ml == pytest.approx(0.2, rel=0.04)
        assert points(form).mean(axis=0) == pytest.approx((middle, 0, 0), abs=0.5)
        assert points(form)[:, 0].min() > -0.3
    assert np.linalg.norm(points(drop.ball) - points(drop.ball).mean(axis=0), axis=1).max() < RADIUS + 0.8


def test_its_volume_is_as_asked_for():
    assert laid(bone=X < 0.0, drop_ml=0.5).ball.volume_ml == pytest.approx(0.5, rel=0.04)


@pytest.mark.parametrize("what", ["bone", "metal", "gap"])
def test_between_two_walls_it_spreads_in_the_space_that_is_there(what):
    shut = {"bone": X < 0.0}
    shut[what] = shut.get(what, False) | (X > 2.0)
    drop = laid(**shut)
    for form in drop.forms:
        assert in_space(form, lambda x, y, z: (x > 2.3) | (x < -0.3)) == 0
        assert form.volume_ml == pytest.approx(0.2, rel=0.04)
        assert np.ptp(points(form)[:, 1]) > 2.6 * RADIUS


def test_it_does_not_jump_over_a_wall():
    # A pocket of 0.3 mL behind the breach; beyond its walls there is room that is nearer than the pocket's end.
    pocket = (X > 0) & (X < 3) & (np.abs(Y) < 3) & (Z > -3) & (Z < 14)
    beyond = (X > 4) | (np.abs(Y) > 4)
    drop = laid(bone=~pocket & ~beyond)
    assert in_space(drop.ball, lambda x, y, z: (x > 3.5) | (np.abs(y) > 3.5)) == 0


def test_where_there_is_hardly_room_bone_gives_way_and_metal_does_not():
    pocket = (X > 0) & (X < 3) & (np.abs(Y) < 3) & (np.abs(Z) < 2)
    assert laid(bone=~pocket).within_bone
    assert laid(metal=~pocket) is None


def test_where_bone_is_all_round_cement_runs_in_bone_but_not_in_metal():
    drop = laid(bone=np.ones(GRID.shape, bool), metal=Y > 2.0, gap=X < 0.0)
    assert drop.within_bone
    assert in_space(drop.ball, lambda x, y, z: (y > 2.3) | (x < -0.3)) == 0


def test_bone_further_out_than_a_breachs_wall_is_thick_is_not_leapt():
    assert laid(bone=X < 1.5).within_bone is False
    assert laid(bone=X < 2.5).within_bone is True


def test_it_does_not_run_round_the_gap_to_its_other_side():
    ball = np.hypot(X + 3, Z) < 3
    drop = laid(bone=np.ones(GRID.shape, bool), gap=ball & (np.abs(Y) < 3), metal=(X > 2) & (np.abs(Y) < 12))
    for form in drop.forms:
        assert in_space(form, lambda x, y, z: x < -1.3) == 0


def test_the_nearest_way_out_is_taken_though_the_straight_one_is_shut():
    # Metal stands square to the mean direction; beside it the wall is open.
    drop = laid(bone=X < 0.0, metal=(X > 0.4) & (Y > 0.3))
    assert in_space(drop.cushion, lambda x, y, z: (x > 0.7) & (y > 0.6)) == 0
    assert drop.cushion.volume_ml == pytest.approx(0.2, rel=0.06)


def test_metal_right_behind_the_breach_leaves_no_way():
    assert laid(metal=X > 0.0, gap=X < 0.0) is None


def test_at_the_cts_end_nothing_is_said():
    assert laid(bone=X < 19.5, gap=X < 19.5, centroid=(19.2, 0.0, 0.0)) is None


def test_a_direction_of_any_length_will_do_and_none_will_not():
    one, other = (laid(bone=X < 0.0, out=out).ball for out in (OUT, (7.0, 0.0, 0.0)))
    assert np.array_equal(one.voxels, other.voxels)
    with pytest.raises(ValueError, match="length zero"):
        laid(out=(0.0, 0.0, 0.0))
