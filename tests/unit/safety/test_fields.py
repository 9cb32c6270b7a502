"""Distances that needles are judged by, held against every pair of voxels."""

import numpy as np
import pytest
from scipy import ndimage

from planner.safety.fields import FAR_MM, _mostly, depth_mm, distance_mm

SPACINGS = [(1.0, 1.0, 1.0), (2.5, 0.8, 0.7)]


def masks():
    """Cases that boxes may get wrong: nothing, one voxel, a corner, all, and scattered pieces with holes."""
    shape = (7, 9, 8)
    one, corner = np.zeros(shape, bool), np.zeros(shape, bool)
    one[3, 4, 5] = True
    corner[-2:, -3:, :2] = True
    block = np.zeros(shape, bool)
    block[1:6, 2:8, 1:7] = True
    block[3, 4, 4] = False
    scattered = np.random.default_rng(3).random(shape) < 0.2
    return {
        "nothing": np.zeros(shape, bool),
        "one voxel": one,
        "a corner": corner,
        "all": np.ones(shape, bool),
        "a block with a hole": block,
        "scattered": scattered,
    }


def by_pairs(mask, spacing_mm):
    if not mask.any():
        return np.full(mask.shape, FAR_MM)
    places = np.argwhere(np.ones(mask.shape, bool)) * spacing_mm
    squared = ((places[:, None] - (np.argwhere(mask) * spacing_mm)[None]) ** 2).sum(axis=2).min(axis=1)
    return np.sqrt(squared).reshape(mask.shape) - 0.5 * np.prod(spacing_mm) ** (1 / 3)


@pytest.mark.parametrize("spacing_mm", SPACINGS)
@pytest.mark.parametrize("mask", masks().values(), ids=masks())
def test_distances_and_depths_are_those_of_all_pairs(mask, spacing_mm):
    mask.setflags(write=False)
    outside, inside = by_pairs(mask, spacing_mm), by_pairs(~mask, spacing_mm)
    np.testing.assert_allclose(distance_mm(mask, spacing_mm), outside, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(depth_mm(mask, spacing_mm), np.where(mask, inside, -outside), rtol=1e-5, atol=1e-5)
    assert depth_mm(mask, spacing_mm).dtype == np.float32


@pytest.mark.parametrize("shape", [(9, 8, 7), (1, 5, 2), (2, 2, 2), (1, 1, 1)])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_gas_fills_most_of_what_lies_round_where_its_mean_is_above_a_half(shape, share):
    mask = np.random.default_rng(8).random(shape) < share
    assert np.array_equal(_mostly(mask), ndimage.uniform_filter(mask.astype(np.float64), 3) > 0.5)
