"""Floods from sources: scikit-image's, by another way."""

import numpy as np
import pytest
from skimage.segmentation import watershed as reference

from planner.segment.anatomy.watershed import watershed


@pytest.mark.parametrize("shape", [(9, 14, 11), (1, 6, 5), (2, 1, 7), (1, 1, 1), (17, 20, 23)])
@pytest.mark.parametrize("levels", [1, 3, 4000])
@pytest.mark.parametrize("share", [0.02, 0.3])
def test_floods_meet_where_scikit_image_lets_them_meet_also_on_the_flat(shape, levels, share):
    random = np.random.default_rng(7)
    for _ in range(4):
        height = (random.integers(0, levels, shape) - levels // 2).astype(np.int16)
        space = random.random(shape) < 0.8
        sources = np.where(random.random(shape) < share, random.integers(1, 4, shape), 0).astype(np.uint8)
        expected = reference(height, sources.astype(np.int32), mask=space)
        assert np.array_equal(watershed(height, sources, space), expected)


def test_the_lowest_and_the_highest_places_that_16_bits_hold_are_flooded_in_their_order():
    height = np.array([[[0, 32767, -32768, 32767, -8000, 0]]], dtype=np.int16)
    sources = np.array([[[1, 0, 0, 0, 0, 2]]], dtype=np.uint8)
    space = np.ones(height.shape, dtype=bool)
    expected = reference(height, sources.astype(np.int32), mask=space)
    assert np.array_equal(watershed(height, sources, space), expected)


def test_what_no_flood_reaches_and_what_is_no_space_stays_dry():
    space = np.ones((3, 3, 5), dtype=bool)
    space[:, :, 2] = False
    sources = np.zeros(space.shape, dtype=np.uint8)
    sources[1, 1, 0] = 7
    sources[1, 1, 2] = 9
    found = watershed(np.zeros(space.shape, dtype=np.int16), sources, space)
    assert (found[:, :, :2] == 7).all() and not found[:, :, 2:].any()
    assert not watershed(np.zeros(space.shape, dtype=np.int16), sources, np.zeros_like(space)).any()


def test_what_is_given_stays_as_it_was():
    height, sources = np.zeros((3, 4, 5), dtype=np.int16), np.zeros((3, 4, 5), dtype=np.uint8)
    sources[0, 0, 0] = 1
    assert (watershed(height, sources, np.ones((3, 4, 5), dtype=bool)) == 1).all()
    assert np.count_nonzero(sources) == 1 and not height.any()
