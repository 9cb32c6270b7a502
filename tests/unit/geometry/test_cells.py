import numpy as np
import pytest

from planner.geometry.cells import cells_in, quantile_of_groups
from planner.geometry.rigid import perpendicular_pair, perpendicular_pairs


@pytest.mark.parametrize("share", [0.0, 0.02, 1.0])
def test_cells_come_as_argwhere_gives_them(share):
    voxels = np.random.default_rng(1).random((4, 7, 5)) < share
    found = cells_in(voxels)
    assert found.shape == (np.count_nonzero(voxels), 3)
    assert np.array_equal(found, np.argwhere(voxels))


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_quantiles_of_groups_are_those_of_each_group(share):
    rng = np.random.default_rng(2)
    group = np.concatenate([rng.integers(-3, 4, 200), [9]])
    values = rng.normal(size=len(group))
    wanted = [np.quantile(values[group == g], share) for g in np.unique(group)]
    assert quantile_of_groups(values, group, share) == pytest.approx(wanted)


def test_pairs_across_many_directions_are_those_across_each():
    directions = np.random.default_rng(3).normal(size=(50, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    assert perpendicular_pairs(directions) == pytest.approx(np.array([perpendicular_pair(d) for d in directions]))
    assert perpendicular_pairs(np.empty((0, 3))).shape == (0, 2, 3)
