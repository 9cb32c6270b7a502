"""Distances of places from surfaces, held against the least over all triangles, each found by plain search."""

import numpy as np
import pytest
import trimesh

from planner.io.surface_distance import distances_mm, places_on

RNG = np.random.default_rng(7)


def plainly(places, points, triangles):
    """Walk over a fine lattice on each triangle, then nearer and nearer: no formula of where the nearest lies."""
    corners = points[triangles]
    found = np.full(len(places), np.inf)
    for k, place in enumerate(places):
        for a, b, c in corners:
            s, t, width = 1 / 3, 1 / 3, 1.0
            for _ in range(40):
                u, v = np.meshgrid(s + width * np.linspace(-1, 1, 9), t + width * np.linspace(-1, 1, 9))
                u = np.clip(u, 0, 1)
                v = np.clip(v, 0, 1 - u)
                away = np.linalg.norm(a + u[..., None] * (b - a) + v[..., None] * (c - a) - place, axis=-1)
                at = np.unravel_index(away.argmin(), away.shape)
                s, t, width = u[at], v[at], width * 0.6
            found[k] = min(found[k], away.min())
    return found


@pytest.mark.parametrize("spread", [(1.0, 1.0, 1.0), (5.0, 0.2, 1.0)])
def test_nearest_of_all_triangles(spread):
    points = RNG.normal(size=(12, 3)) * spread
    triangles = np.array([RNG.choice(12, 3, replace=False) for _ in range(8)])
    places = RNG.normal(size=(25, 3)) * 1.5
    slow = plainly(places, points, triangles)
    for within_mm in (100.0, 0.8):
        found = distances_mm(places, points, triangles, within_mm=within_mm)
        near = slow <= within_mm
        assert near.any() and np.allclose(found[near], slow[near], atol=1e-6)
        assert np.isinf(found[~near]).all()


def test_corners_edges_and_faces_of_a_box():
    box = trimesh.creation.box(bounds=[[0, 0, 0], [2, 3, 4]])
    places = np.array([[1.0, 1.0, 4.1], [2.1, 3.0, 2.0], [2.1, 3.2, 4.2], [0.0, 0.0, 0.0], [1.0, 1.5, 3.9], [9, 9, 9]])
    found = distances_mm(places, np.array(box.vertices), np.array(box.faces), within_mm=0.5)
    assert np.allclose(found, [0.1, 0.1, 0.3, 0.0, 0.1, np.inf])


def test_far_places_are_said_to_be_far_and_reach_counts_to_the_end():
    points, triangles = np.eye(3), np.array([[0, 1, 2]])
    middle = points.mean(axis=0)
    out = np.full(3, 3**-0.5)
    places = middle + np.outer([0.15, 0.15 + 1e-9, 1000.0, -1000.0], out)
    found = distances_mm(places, points, triangles, within_mm=0.15 + 1e-12)
    assert found[0] == pytest.approx(0.15) and np.isinf(found[1:]).all()


def test_triangles_that_are_lines_or_points():
    points = np.array([[0.0, 0, 0], [4, 0, 0], [1, 0, 0]])
    places = np.array([[2.0, 0.3, 0], [-0.3, 0, 0.4], [5, 0, 0]])
    line = distances_mm(places, points, np.array([[0, 1, 2]]), within_mm=2.0)
    assert np.allclose(line, [0.3, 0.5, 1.0])
    dot = distances_mm(places, points, np.array([[2, 2, 2]]), within_mm=2.0)
    assert np.allclose(dot, [np.hypot(1, 0.3), np.hypot(1.3, 0.4), np.inf])


def test_places_are_corners_and_middles():
    places = places_on(np.eye(3), np.array([[0, 1, 2], [0, 0, 1]]))
    assert np.allclose(places[3:], [[1 / 3] * 3, [2 / 3, 1 / 3, 0]])


def test_middles_are_means_to_the_last_digit():
    drawn = np.random.default_rng(2)
    points, triangles = drawn.normal(0.0, 300.0, (50, 3)), drawn.integers(0, 50, (400, 3))
    assert np.array_equal(places_on(points, triangles)[50:], points[triangles].mean(axis=1))
