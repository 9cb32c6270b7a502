"""A CT sampled at many places: each place's value is the one that it has alone."""

import numpy as np
import pytest
from scipy import ndimage

from planner.geometry.grid import Grid
from planner.segment.unwrap import Sampler

MATRIX = np.array([[0.1, 0.0, 0.7, -20.0], [0.0, 0.8, 0.1, 5.0], [1.3, 0.1, 0.0, -300.0], [0.0, 0.0, 0.0, 1.0]])


def _sampler(shape=(11, 12, 13)):
    values = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    return Sampler(values, Grid(shape, MATRIX))


@pytest.mark.parametrize("shape", [(11, 12, 13), (1, 1, 1), (1, 5, 4)])
@pytest.mark.parametrize("count", [0, 1, 7, 120_001])
def test_places_beyond_and_within_the_block(shape, count) -> None:
    sampler = _sampler(shape)
    index = np.random.default_rng(count).uniform(-3.0, 16.0, size=(count, 3))
    points = np.asarray(sampler.grid.to_lps(index))
    found = sampler.at(points)
    inside = np.asarray(sampler.grid.to_index(points)).clip(0, np.array(shape) - 1)
    plain = ndimage.map_coordinates(sampler.values.astype(np.float64), inside.T, order=1, mode="nearest")
    np.testing.assert_allclose(found, plain, atol=1e-5)
    few = slice(count // 2 - 3, count // 2 + 3)
    assert np.array_equal(found[few], sampler.at(points[few]))


def test_rays_are_what_points_are() -> None:
    sampler, rng = _sampler(), np.random.default_rng(4)
    starts = np.asarray(sampler.grid.to_lps(rng.uniform(-1.0, 13.0, size=(41, 3))))
    ways, radii = rng.normal(size=(90, 3)), np.arange(0.0, 6.0, 0.15)
    found = sampler.on_rays(starts, ways, radii)
    assert found.size > 100_000
    points = starts[:, None, None] + radii[:, None] * ways[:, None]
    assert np.array_equal(found, sampler.at(points))
    assert np.array_equal(found[20:22], sampler.on_rays(starts[20:22], ways, radii))


@pytest.mark.parametrize("shape", [(11, 12, 13), (1, 1, 1), (1, 5, 4)])
@pytest.mark.parametrize("count", [0, 1, 160])
def test_sections_are_what_points_are(shape, count) -> None:
    sampler, rng = _sampler(shape), np.random.default_rng(count)
    point, (along, u, v) = np.asarray(sampler.grid.centre_lps), np.linalg.qr(rng.normal(size=(3, 3)))[0]
    t, a, b = 0.5 * np.arange(count) - 20.0, np.arange(-9.0, 9.1, 0.3), np.arange(-5.0, 5.1, 0.3)
    found = sampler.on_sections(point + t[:, None] * along, a[:, None] * u, b[:, None] * v)
    points = point + t[:, None, None, None] * along + a[:, None, None] * u + b[None, :, None] * v
    assert found.shape == (count, len(a), len(b))
    assert np.array_equal(found, sampler.at(points))
