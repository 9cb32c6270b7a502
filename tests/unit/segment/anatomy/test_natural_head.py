import numpy as np
import pytest

from planner.geometry.frames import points_lps
from planner.segment.anatomy.natural_head import fit_head
from tests.unit.segment.anatomy.hip_scene import GRID, HEAD, HipScene

REACH = np.array([30.0, 25.0, 30.0])


def test_the_head_is_found_from_a_guess_two_centimetres_off():
    scene = HipScene()
    near = points_lps(np.add(HEAD, [18.0, -10.0, -12.0]))
    ball = fit_head(np.asarray(scene.volume.hu), scene.metal, GRID, near_lps=near, reach_mm=REACH)
    assert np.linalg.norm(ball.centre_lps - HEAD) < 0.8
    assert ball.radius_mm == pytest.approx(24.0, abs=0.8)
    assert ball.seen > 0.5


def test_a_ball_without_a_socket_is_not_taken_for_a_head():
    scene = HipScene()
    hu = np.where(scene.pelvis, 50.0, np.asarray(scene.volume.hu)).astype(np.float32)
    hu[np.indices(GRID.shape)[0] > 100] = 50.0
    assert fit_head(hu, scene.metal, GRID, near_lps=points_lps(HEAD), reach_mm=REACH) is None


def test_muscle_alone_has_no_head():
    hu = np.full(GRID.shape, 50.0, dtype=np.float32)
    assert fit_head(hu, np.zeros(GRID.shape, bool), GRID, near_lps=points_lps(HEAD), reach_mm=REACH) is None


def test_a_guess_outside_the_picture_gives_none():
    scene = HipScene()
    far = points_lps([-400.0, 0.0, 0.0])
    assert fit_head(np.asarray(scene.volume.hu), scene.metal, GRID, near_lps=far, reach_mm=REACH) is None
