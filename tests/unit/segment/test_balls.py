"""Masks grown by a ball: what a map of distances gives."""

import edt
import numpy as np
import pytest

from planner.segment.balls import grown_by


@pytest.mark.parametrize("shape", [(9, 14, 11), (1, 6, 25), (2, 1, 7)])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.97])
@pytest.mark.parametrize("reach", [0.0, 0.9, 1.0, 1.5, 2.0**0.5, 2.25, 3.0, 5.2, 7.9, 9.5])
def test_a_mask_grows_as_far_as_distances_from_it_say(shape, share, reach):
    mask = np.random.default_rng(3).random(shape) < share
    mask[0, 0, -1] = True
    assert np.array_equal(grown_by(mask, reach), edt.edt(~mask) <= reach)


@pytest.mark.parametrize("shape", [(9, 14, 11), (1, 6, 25), (12, 2, 7)])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
@pytest.mark.parametrize("spacing", [(0.8, 0.8, 0.8), (2.5, 0.7, 0.7), (1.0, 0.31, 0.9)])
@pytest.mark.parametrize("reach", [0.0, 0.8, 1.6, 2.4, 3.1, 20.0])
def test_a_mask_grows_in_millimetres_as_a_map_of_them_says(shape, share, spacing, reach):
    mask = np.random.default_rng(3).random(shape) < share
    mask[0, 0, -1] = share > 0
    expected = edt.edt(~mask, anisotropy=spacing) <= reach if share > 0 else np.zeros(shape, dtype=bool)
    assert np.array_equal(grown_by(mask, reach, spacing), expected)


def test_a_voxel_just_within_reach_is_taken_and_one_just_beyond_is_not():
    mask = np.zeros((7, 7, 7), dtype=bool)
    mask[3, 3, 3] = True
    # two along one axis and one along another: the root of five away
    assert grown_by(mask, 2.24)[3, 4, 5] and not grown_by(mask, 2.23)[3, 4, 5]


@pytest.mark.parametrize("reach", [2.0, 20.0])
def test_nothing_grows_from_an_empty_mask_and_the_given_one_stays_as_it_is(reach):
    mask = np.zeros((4, 5, 6), dtype=bool)
    assert not grown_by(mask, reach).any()
    mask[1, 2, 3] = True
    kept = mask.copy()
    assert grown_by(mask[:, ::-1], reach).any()
    assert np.array_equal(mask, kept)
