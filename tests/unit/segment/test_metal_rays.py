"""Rays through a disc against its chords, and back again."""

import numpy as np
import pytest

from planner.segment.metal_rays import rays_through

RADIUS, ROW, COLUMN = 8.0, 30.0, 22.0


def _disc() -> np.ndarray:
    row, column = np.mgrid[0:51, 0:61]
    share = np.clip(RADIUS + 0.5 - np.hypot(row - ROW, column - COLUMN), 0.0, 1.0)
    return share[None].astype(np.float32)


def test_paths_are_the_chords_of_a_disc():
    rays = rays_through(51, 61, 36)
    paths = rays.paths(_disc())[0]
    offset = np.arange(rays.bins) - rays.bins // 2
    for view, angle in enumerate(rays.angle_rad):
        middle = (COLUMN - 30.0) * np.cos(angle) + (ROW - 25.0) * np.sin(angle)
        chord = 2 * np.sqrt(np.maximum(RADIUS**2 - (offset - middle) ** 2, 0.0))
        assert paths[view].sum() == pytest.approx(np.pi * RADIUS**2, rel=0.01)
        inside = np.abs(offset - middle) < 0.8 * RADIUS
        assert paths[view][inside] == pytest.approx(chord[inside], rel=0.2)


def test_filtered_paths_smeared_back_are_the_disc_in_its_place():
    rays = rays_through(51, 61, 90)
    views = rays.filtered(rays.paths(_disc()))
    back = rays.smeared_back(views[..., None], slice(10, 51), slice(5, 61))[0, ..., 0]
    row, column = np.mgrid[10:51, 5:61]
    away = np.hypot(row - ROW, column - COLUMN)
    assert back[away < 5].mean() == pytest.approx(1.0, abs=0.05)
    assert np.abs(back[away > 12]).mean() < 0.03


def test_rays_beside_all_metal_meet_none():
    rays = rays_through(51, 61, 36)
    assert not rays.paths(np.zeros((2, 51, 61), dtype=np.float32)).any()
