"""Loops over slices shared out to two threads: every slice once, and what goes wrong is heard of."""

import threading

import numpy as np
import pytest
from scipy import ndimage as ndi

from planner.segment.anatomy.windows import greatest_beside, greatest_round, least_round
from planner.segment.slabs import by_slabs

LARGE = (41, 50, 60)


@pytest.mark.parametrize("shape", [LARGE, (1, 400, 400), (2, 300, 300), (5, 4, 3), (0, 4, 3)])
def test_every_slice_is_worked_once(shape):
    seen = np.zeros(shape[0], dtype=int)

    def loop(first: int, stop: int, to: np.ndarray, step: int) -> None:
        to[first:stop] += step

    by_slabs(loop, shape, seen, 3)
    assert (seen == 3).all()


def test_large_volumes_are_worked_on_two_threads_and_small_ones_on_their_own():
    threads = set()

    def loop(first: int, stop: int) -> None:
        threads.add(threading.get_ident())

    by_slabs(loop, (5, 4, 3))
    assert threads == {threading.get_ident()}
    by_slabs(loop, LARGE)
    assert len(threads) == 2


@pytest.mark.parametrize("bad", [0, LARGE[0] // 2])
def test_an_error_in_either_half_is_raised(bad):
    def loop(first: int, stop: int) -> None:
        if first == bad:
            raise ValueError(first)

    with pytest.raises(ValueError, match=str(bad)):
        by_slabs(loop, LARGE)


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_boxes_over_the_seam_of_two_slabs_are_those_of_scipy(dtype):
    values = np.random.default_rng(1).normal(0.0, 300.0, LARGE).astype(dtype)
    assert np.array_equal(greatest_round(values, 7), ndi.maximum_filter(values, 7))
    assert np.array_equal(least_round(values, 7), ndi.minimum_filter(values, 7))
    cross = ndi.generate_binary_structure(3, 1)
    assert np.array_equal(greatest_beside(values), ndi.maximum_filter(values, footprint=cross))
