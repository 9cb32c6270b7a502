"""What is added up round each point before its metal's direction is told."""

import numpy as np
import pytest

from planner.config.implant_config import ShaftSearchConfig
from planner.segment.implants.straight_runs import _add_steps, _local_directions


def _plainly(points, pairs):
    one, other = np.concatenate([pairs, pairs[:, ::-1]]).T
    step = points[other] - points[one]

    def added(values):
        return np.bincount(one, weights=values, minlength=len(points))

    products = np.zeros((len(points), 3, 3))
    for a in range(3):
        for b in range(a, 3):
            products[:, a, b] = added(step[:, a] * step[:, b])
    return 1.0 + np.bincount(one, minlength=len(points)), np.stack([added(s) for s in step.T], axis=1), products


@pytest.mark.parametrize("count", [1, 2, 400])
def test_sums_are_the_plain_ones_to_the_last_bit(count) -> None:
    rng = np.random.default_rng(count)
    points = rng.normal(size=(count, 3)) * (3.0, 1.0, 20.0) - 100.0
    pairs = np.argwhere(np.triu(rng.random((count, count)) < 0.2, 1)).astype(np.int64)
    found = np.ones(count), np.zeros((count, 3)), np.zeros((count, 3, 3))
    _add_steps(points, pairs, *found)
    for own, expected in zip(found, _plainly(points, pairs), strict=True):
        assert np.array_equal(own, expected)


def test_points_without_neighbours_are_not_straight() -> None:
    _, straight = _local_directions(np.diag([100.0, 200.0, 300.0]), ShaftSearchConfig())
    assert not straight.any()
