import numpy as np
import pytest

from planner.segment.anatomy.canal_wall import WallRays, off_centre, smooth_tube, straightened

ROWS, ANGLES = 100, 48
BEHIND = slice(8, 17)


def rays(radii, weight=None) -> WallRays:
    known = np.isfinite(radii)
    return WallRays(radii, known.astype(float) if weight is None else weight * known, np.zeros(len(radii)))


def round_tube() -> np.ndarray:
    return np.full((ROWS, ANGLES), 9.0)


def test_a_whole_wall_is_kept():
    radii, met = smooth_tube(rays(round_tube()), unknown_mm=1.0)
    assert met.all()
    assert np.allclose(radii, 9.0, atol=0.05)


def test_an_opening_is_carried_over_from_the_neighbours_and_widened():
    walls = round_tube()
    walls[40:60, BEHIND] = np.nan
    radii, met = smooth_tube(rays(walls), unknown_mm=0.5)
    assert not met[45:55, 10:15].any()
    assert np.allclose(radii[45:55, 10:15], 9.5, atol=0.4)


def test_a_wall_far_behind_an_opening_is_not_the_canals():
    walls = round_tube()
    walls[45:55, BEHIND] = 15.0
    radii, met = smooth_tube(rays(walls), unknown_mm=0.0)
    assert not met[47:53, 10:15].any()
    assert radii[47:53, 10:15].max() < 11.0


def test_a_streak_across_the_canal_does_not_cut_it():
    walls = round_tube()
    walls[50:53] = 3.0
    radii, met = smooth_tube(rays(walls), unknown_mm=0.0)
    assert not met[51].any()
    assert radii[51].min() > 8.0


def test_a_narrow_canal_over_a_level_is_followed():
    walls = round_tube()
    walls[30:70] = 7.0
    radii, met = smooth_tube(rays(walls), unknown_mm=0.0)
    assert met[45:55].all()
    assert np.allclose(radii[45:55], 7.0, atol=0.2)


def test_where_nothing_was_met_the_usual_width_stands_in():
    radii, met = smooth_tube(rays(np.full((ROWS, ANGLES), np.nan)), unknown_mm=0.0)
    assert not met.any()
    assert np.allclose(radii, 8.0, atol=0.1)


def test_an_open_arch_draws_the_middle_nowhere_and_a_shifted_ring_does():
    turn = np.arange(ANGLES) * 2 * np.pi / ANGLES
    shifted = np.tile(9.0 + 2.0 * np.cos(turn), (5, 1))  # to the left
    shift, share = off_centre(shifted, np.ones_like(shifted, dtype=bool))
    assert shift[:, 0] == pytest.approx(2.0, abs=0.3)
    assert shift[:, 1] == pytest.approx(0.0, abs=1e-6)
    assert share == pytest.approx(1.0)
    open_behind = round_tube()[:5]
    open_behind[:, BEHIND] = 15.0
    met = np.ones_like(open_behind, dtype=bool)
    met[:, BEHIND] = False
    shift, share = off_centre(open_behind, met)
    assert np.abs(shift).max() < 1e-6
    assert share.max() < 0.7


def test_the_line_runs_straight_where_its_middle_is_not_known():
    z = np.arange(100.0)
    path = np.column_stack([0.2 * z, np.zeros(100)])
    path[40:60] += 9.0
    share = np.ones(100)
    share[40:60] = 0.0
    drawn = straightened(path, share)
    assert np.abs(drawn[:, 0] - 0.2 * z).max() < 0.5
    assert np.abs(drawn[:, 1]).max() < 0.5


def test_a_line_of_two_points_stays():
    path = np.array([[0.0, 1.0], [2.0, 3.0]])
    assert np.array_equal(straightened(path, np.zeros(2)), path)
