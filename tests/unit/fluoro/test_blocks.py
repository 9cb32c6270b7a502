"""Slow changes on blocks of pixels."""

import numpy as np
import pytest

from planner.fluoro.blocks import block_means, spread_out


@pytest.mark.parametrize("shape", [(30, 40), (31, 43), (3, 5)])
@pytest.mark.parametrize("step", [1, 4, 7])
def test_an_even_slope_comes_back_but_at_the_border(shape, step):
    rows, columns = np.indices(shape).astype(float)
    slope = 2.0 * rows - columns
    back = spread_out(block_means(slope, step), step, shape)
    assert back.shape == shape
    inside = (slice(step, -2 * step or None), slice(step, -2 * step or None))
    np.testing.assert_allclose(back[inside], slope[inside], atol=1e-9)


def test_a_block_is_averaged():
    picture = np.zeros((4, 6))
    picture[0, 0], picture[3, 5] = 4.0, 8.0
    np.testing.assert_array_equal(block_means(picture, 2), [[1.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
