import numpy as np
import pytest

from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.segment.anatomy.canal import Canal
from planner.segment.anatomy.spine_course import course_of

GRID = Grid((120, 90, 110), np.array([[0, 0, 1, -55.0], [0, 1, 0, -60.0], [1, 0, 0, -60.0], [0, 0, 0, 1.0]]))


def bent_canal():
    z = np.arange(-58.0, 58.5)
    line = np.column_stack([0.06 * z, 0.0015 * z**2, z])
    turn = np.arange(48) * 2 * np.pi / 48
    radii = np.broadcast_to(9.0 + 2.0 * np.abs(np.cos(turn)), (len(z), 48)).copy()
    return Canal(points_lps(line), radii, np.ones((len(z), 48), dtype=bool), 1.0)


def bodies(turn_deg):
    """A column of bone before the canal, turned about it."""
    turn = np.radians(turn_deg)
    z, y, x = (GRID.to_lps(np.argwhere(np.ones(GRID.shape, dtype=bool)))[:, k].reshape(GRID.shape) for k in (2, 1, 0))
    dx, dy = x - 0.06 * z, y - 0.0015 * z**2
    return np.hypot(dx - 24.0 * np.sin(turn), dy + 24.0 * np.cos(turn)) < 14.0


@pytest.fixture(scope="module")
def course():
    return course_of(bent_canal(), bodies(0.0), GRID, beyond_mm=20.0)


def test_places_are_found_again(course):
    random = np.random.default_rng(1)
    along, front, left = random.uniform(5, 150, 50), random.uniform(-40, 40, 50), random.uniform(-30, 30, 50)
    back = course.locate(course.place(along, front, left))
    for found, true in zip(back, (along, front, left), strict=True):
        assert found == pytest.approx(true, abs=0.05)


def test_the_axes_stand_square_and_keep_left_left(course):
    frames = np.stack([course.left_lps, -course.front_lps, course.up_lps], axis=2)
    assert np.allclose(np.einsum("nij,nik->njk", frames, frames), np.eye(3), atol=1e-6)
    assert np.allclose(np.linalg.det(frames), 1.0)
    assert (course.left_lps[:, 0] > 0.9).all()
    assert (course.front_lps[:, 1] < -0.9).all()


def test_walls_are_those_of_the_canal(course):
    middle = np.array([course.length_mm / 2])
    assert course.wall_at(middle)[0] == pytest.approx(9.0, abs=0.1)
    assert course.back_at(middle)[0] == pytest.approx(9.0, abs=0.1)
    assert course.aside_at(middle)[0] == pytest.approx(11.0, abs=0.1)


@pytest.mark.parametrize("turn_deg", [-15.0, 15.0])
def test_the_front_turns_with_the_bodies(turn_deg):
    course = course_of(bent_canal(), bodies(turn_deg), GRID, beyond_mm=20.0)
    front = course.front_lps[len(course.front_lps) // 2]
    assert np.degrees(np.arctan2(front[0], -front[1])) == pytest.approx(turn_deg, abs=4.0)


def test_the_line_runs_on_straight_beyond_the_canal(course):
    ends = np.asarray(course.centre_lps)[[0, -1], 2]
    assert ends == pytest.approx([-78.0, 78.0], abs=1.5)
    tail = np.asarray(course.centre_lps)[-15:]
    assert np.linalg.norm(np.diff(tail, n=2, axis=0), axis=1).max() < 1e-6
