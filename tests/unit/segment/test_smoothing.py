"""Gaussian smoothing: scipy's numbers, by another way."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from planner.segment.smoothing import smoothed


@pytest.mark.parametrize("shape", [(9, 14, 11), (1, 4, 30), (2, 1, 3)])
@pytest.mark.parametrize("sigma", [0.45, 3.0, (0.0, 5.0, 5.0), (0.6, 7.5, 1.2)])
@pytest.mark.parametrize("truncate", [2.0, 2.5, 4.0])
def test_smoothing_gives_the_numbers_of_scipy_also_where_the_gaussian_is_wider_than_the_array(shape, sigma, truncate):
    values = np.random.default_rng(4).normal(0.0, 500.0, shape).astype(np.float32)
    expected = ndi.gaussian_filter(values, sigma, truncate=truncate)
    # the last bit depends on the compiler's way with sums
    np.testing.assert_allclose(smoothed(values, sigma, truncate=truncate), expected, rtol=1e-6, atol=1e-4)


def test_an_axis_without_width_stays_as_it_is_and_so_does_what_was_given():
    values = np.random.default_rng(5).normal(0.0, 500.0, (3, 4, 5)).astype(np.float32)
    kept = values.copy()
    assert np.array_equal(smoothed(values, 0.0), values)
    assert smoothed(values[::-1], (0.0, 0.0, 1.0)).dtype == np.float32
    assert np.array_equal(values, kept)


def test_an_array_large_enough_for_two_threads_is_smoothed_as_by_one(monkeypatch):
    values = np.random.default_rng(6).normal(0.0, 500.0, (31, 60, 61)).astype(np.float32)
    shared = smoothed(values, (2.0, 0.6, 1.2), truncate=2.0)
    monkeypatch.setattr("planner.segment.slabs._LEAST_VOXELS", values.size + 1)
    assert np.array_equal(shared, smoothed(values, (2.0, 0.6, 1.2), truncate=2.0))
