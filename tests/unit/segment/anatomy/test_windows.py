"""Boxes' greatest and least, and masks grown and shrunk: scipy's numbers, by another way."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from planner.segment.anatomy.windows import greatest_beside, greatest_round, grown, least_round, most_round, shrunk

SHAPES = [(9, 14, 11), (1, 6, 5), (2, 1, 7)]
EDGES = ndi.generate_binary_structure(3, 2)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [3, 5, 7])
def test_greatest_and_least_of_a_box_are_those_of_scipy_also_at_the_borders(shape, size):
    values = np.random.default_rng(1).normal(0.0, 300.0, shape).astype(np.float32)
    assert np.array_equal(greatest_round(values, size), ndi.maximum_filter(values, size))
    assert np.array_equal(least_round(values, size), ndi.minimum_filter(values, size))
    assert np.array_equal(
        greatest_round(values.astype(np.int16), size), ndi.maximum_filter(values.astype(np.int16), size)
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_the_greatest_of_six_neighbours_is_that_of_scipy(shape):
    values = np.random.default_rng(2).normal(0.0, 300.0, shape).astype(np.float32)
    assert np.array_equal(
        greatest_beside(values), ndi.maximum_filter(values, footprint=ndi.generate_binary_structure(3, 1))
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.1, 0.9])
@pytest.mark.parametrize("by_edges", [False, True])
def test_masks_are_grown_and_shrunk_as_scipy_does_it(shape, share, by_edges):
    mask = np.random.default_rng(3).random(shape) < share
    structure = EDGES if by_edges else None
    assert np.array_equal(grown(mask, by_edges=by_edges), ndi.binary_dilation(mask, structure))
    assert np.array_equal(shrunk(mask, by_edges=by_edges), ndi.binary_erosion(mask, structure))
    assert np.array_equal(
        shrunk(mask, by_edges=by_edges, goes_on=True), ndi.binary_erosion(mask, structure, border_value=1)
    )


def test_what_is_given_stays_as_it_was():
    mask, values = np.zeros((5, 5, 5), dtype=bool), np.zeros((5, 5, 5), dtype=np.float32)
    mask[2, 2, 2], values[2, 2, 2] = True, 7.0
    grown(mask), shrunk(mask), greatest_round(values, 3), least_round(values, 3)
    assert np.count_nonzero(mask) == 1 and np.count_nonzero(values) == 1


def test_an_empty_mask_grows_into_nothing_and_a_single_voxel_shrinks_to_nothing():
    mask = np.zeros((4, 5, 6), dtype=bool)
    assert not grown(mask).any()
    mask[2, 2, 2] = True
    assert not shrunk(mask).any()
    assert np.count_nonzero(grown(mask)) == 7 and np.count_nonzero(grown(mask, by_edges=True)) == 19


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_most_of_27_voxels_are_what_scipy_s_mean_says(shape, share):
    mask = np.random.default_rng(6).random(shape) < share
    assert np.array_equal(most_round(mask), ndi.uniform_filter(mask.astype(np.float32), 3) > 0.5)
