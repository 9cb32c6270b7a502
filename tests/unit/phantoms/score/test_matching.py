"""Pairs by place."""

import numpy as np

from planner.phantoms.score.matching import pair_up


def test_as_many_as_may_are_paired_rather_than_the_cheapest_first() -> None:
    cost = np.array([[1.0, 2.0], [1.5, 90.0]])
    allowed = np.array([[True, True], [True, False]])
    assert pair_up(cost, allowed) == ((0, 1), (1, 0))


def test_what_may_not_be_is_not_paired() -> None:
    assert pair_up(np.zeros((2, 1)), np.array([[False], [False]])) == ()


def test_nothing_pairs_with_nothing() -> None:
    assert pair_up(np.zeros((0, 3)), np.zeros((0, 3), dtype=bool)) == ()
