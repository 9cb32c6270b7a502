"""Values between voxels: scipy's numbers, by another way."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from planner.segment.interpolation import interpolated, interpolated_in_double


@pytest.mark.parametrize("shape", [(7, 9, 5), (1, 4, 3), (2, 1, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
@pytest.mark.parametrize("is_turned", [False, True])
def test_what_lies_between_voxels_is_what_scipy_says(shape, dtype, is_turned):
    random = np.random.default_rng(4)
    values = random.uniform(0.0, 250.0, shape).astype(dtype)
    values = values[::-1, :, ::-1] if is_turned else values
    values.setflags(write=False)
    last = np.array(shape) - 1.0
    index = random.uniform(-1.0, last + 1.0, (3000, 3))
    # voxels themselves, the corners, and a hair beyond them
    exact = np.indices(shape).reshape(3, -1).T.astype(float)
    index = np.concatenate([index, exact, [last, 0.0 * last, last + 1e-12, last * 0.0 - 1e-12]])
    expected = ndi.map_coordinates(values, index.T, order=1, cval=np.nan, output=np.float32)
    np.testing.assert_allclose(interpolated(values, index, outside=np.nan), expected, rtol=1e-6, atol=1e-4)
    assert (
        np.isnan(expected).any() and (interpolated(values, index, outside=-1000.0)[np.isnan(expected)] == -1000.0).all()
    )
    to_border = ndi.map_coordinates(values, index.T, order=1, mode="nearest", output=np.float32)
    np.testing.assert_allclose(interpolated(values, index), to_border, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("shape", [(7, 9, 5), (1, 4, 3), (1, 1, 1)])
def test_double_precision_is_scipys_to_the_last_digit_also_beyond_the_border(shape):
    random = np.random.default_rng(5)
    values = random.normal(0.0, 300.0, shape).astype(np.float32)
    index = np.concatenate([random.uniform(-3.0, np.array(shape) + 2.0, (3000, 3)), np.indices(shape).reshape(3, -1).T])
    expected = ndi.map_coordinates(values, index.T, order=1, mode="nearest", output=np.float64)
    assert np.array_equal(interpolated_in_double(values, index), expected)
    assert interpolated_in_double(values, np.zeros((0, 4, 3))).shape == (0, 4)


def test_places_keep_their_order_and_no_places_give_nothing():
    values = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    assert np.array_equal(interpolated(values, np.moveaxis(np.indices((2, 2, 2)), 0, -1)), values)
    assert interpolated(values, np.zeros((0, 5, 3))).shape == (0, 5)
