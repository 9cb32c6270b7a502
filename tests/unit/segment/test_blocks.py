"""The block that a mask fills."""

import numpy as np
import pytest

from planner.segment.blocks import block_round


def test_a_block_holds_the_mask_and_no_more():
    mask = np.zeros((9, 8, 7), dtype=bool)
    mask[2, 3, 1] = mask[5, 1, 4] = True
    assert block_round(mask, 0) == (slice(2, 6), slice(1, 4), slice(1, 5))


@pytest.mark.parametrize(("room", "z"), [(2, slice(0, 8)), ((1, 2, 2), slice(1, 7))])
def test_room_round_it_ends_where_the_grid_does(room, z):
    mask = np.zeros((9, 8, 7), dtype=bool)
    mask[2:6, 1:4, 1:5] = True
    assert block_round(mask, room) == (z, slice(0, 6), slice(0, 7))


@pytest.mark.parametrize("shape", [(3, 4, 5), (0, 0, 0)])
def test_an_empty_mask_has_no_block(shape):
    assert block_round(np.zeros(shape, dtype=bool), 1) is None
