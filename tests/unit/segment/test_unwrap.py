"""The CT read on rays from many places: the numbers that reading point by point gives."""

import numpy as np

from planner.geometry.grid import Grid
from planner.segment.unwrap import Sampler


def test_rays_are_read_as_their_points_are_also_beyond_the_block():
    rng = np.random.default_rng(8)
    matrix = np.eye(4)
    matrix[:3, :3] = [[0.1, 0.02, 0.8], [0.03, 0.79, 0.1], [1.2, 0.01, 0.02]]
    sampler = Sampler(rng.normal(0.0, 500.0, (9, 11, 13)).astype(np.float32), Grid((9, 11, 13), matrix))
    starts, ways = rng.uniform(-3.0, 12.0, (7, 3)), rng.normal(size=(5, 3))
    radii = np.arange(0.0, 4.0, 0.15)
    points = starts[:, None, None] + radii[None, None, :, None] * ways[None, :, None]
    read = sampler.on_rays(starts, ways, radii)
    assert read.shape == (7, 5, len(radii)) and read.dtype == np.float32
    assert np.array_equal(read, sampler.at(points))


def test_no_start_gives_no_value():
    sampler = Sampler(np.zeros((2, 2, 2), dtype=np.float32), Grid((2, 2, 2), np.eye(4)))
    assert sampler.on_rays(np.empty((0, 3)), np.eye(3), np.arange(2.0)).shape == (0, 3, 2)
