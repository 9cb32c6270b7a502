"""Distances to straight lines, against brute force."""

import numpy as np
import pytest

from planner.geometry.rays import clip_to_box, segment_distance_mm, segments_distance_mm
from planner.geometry.rigid import angle_between_deg, perpendicular_pair, rotation_about


def test_segments_against_brute_force() -> None:
    rng = np.random.default_rng(2)
    share = np.linspace(0, 1, 201)[:, None]
    for _ in range(40):
        a, b, c, d = rng.uniform(-10, 10, (4, 3))
        first, second = a + share * (b - a), c + share * (d - c)
        brute = np.linalg.norm(first[:, None] - second[None], axis=-1).min()
        exact = segments_distance_mm(a, b, c, d)
        assert exact <= brute + 1e-9
        assert exact == pytest.approx(brute, abs=0.12)


def test_parallel_and_crossing_segments() -> None:
    assert segments_distance_mm((0, 0, 0), (10, 0, 0), (2, 3, 0), (5, 3, 0)) == pytest.approx(3)
    assert segments_distance_mm((0, 0, 0), (10, 0, 0), (5, -1, 2), (5, 1, 2)) == pytest.approx(2)
    assert segments_distance_mm((0, 0, 0), (1, 0, 0), (4, 4, 0), (4, 9, 0)) == pytest.approx(5)


def test_a_segment_of_no_length_is_a_point() -> None:
    assert segment_distance_mm((3, 4, 0), (0, 0, 0), (0, 0, 0)) == pytest.approx(5)


def test_a_line_through_and_beside_a_box() -> None:
    assert clip_to_box((-1, 0.5, 0.5), (1, 0, 0), (0, 0, 0), (2, 1, 1)) == pytest.approx((1, 3))
    assert clip_to_box((-1, 1.5, 0.5), (1, 0, 0), (0, 0, 0), (2, 1, 1)) is None
    assert clip_to_box((-1, -1.2, 0.5), (1, 1, 0), (0, 0, 0), (0.1, 1, 1)) is None


def test_frames_on_an_axis_are_right_handed() -> None:
    for axis in np.random.default_rng(3).normal(size=(20, 3)):
        first, second = perpendicular_pair(axis)
        np.testing.assert_allclose(np.cross(first, second), axis / np.linalg.norm(axis), atol=1e-12)


def test_rotation_turns_right_handed() -> None:
    np.testing.assert_allclose(rotation_about((0, 0, 5), 90) @ (1, 0, 0), (0, 1, 0), atol=1e-12)


def test_small_angles_are_not_lost() -> None:
    assert angle_between_deg((1, 0, 0), (1, 1e-7, 0)) == pytest.approx(np.degrees(1e-7))
    assert angle_between_deg((1, 0, 0), (-2, 0, 0)) == pytest.approx(180)
