"""The front of a liquid, held against plain relaxation of the same problem until nothing moves."""

import numpy as np
import pytest

from planner.fill.front import contents, settle


def links(shape, seed):
    """Voxels of a block, each tied to its neighbours by random conductances; some ties are cut, some voxels alone."""
    rng = np.random.default_rng(seed)
    index = np.arange(np.prod(shape)).reshape(shape)
    neighbour = np.zeros((index.size, 6), np.int32)
    conductance = np.zeros((index.size, 6))
    alone = rng.random(shape) < 0.1
    for axis in range(3):
        low = tuple(slice(None, -1) if k == axis else slice(None) for k in range(3))
        high = tuple(slice(1, None) if k == axis else slice(None) for k in range(3))
        here, there = index[low].ravel(), index[high].ravel()
        tie = rng.uniform(0.2, 3.0, here.size) * (rng.random(here.size) > 0.1)
        tie *= ~(alone[low] | alone[high]).ravel()
        neighbour[here, 3 + axis], neighbour[there, axis] = there, here
        conductance[here, 3 + axis] = conductance[there, axis] = tie
    return neighbour, conductance


def relaxed(load, neighbour, conductance, diagonal):
    """Set each voxel by its neighbours, none below 0, over and over."""
    u = np.zeros(len(load))
    for _ in range(3000):
        before = u.copy()
        for i in np.flatnonzero(diagonal > 0.0):
            u[i] = max(0.0, (load[i] + conductance[i] @ u[neighbour[i]]) / diagonal[i])
        if np.abs(u - before).max() < 1e-12:
            break
    return u


@pytest.mark.parametrize("shape", [(5, 6, 4), (1, 12, 1), (3, 3, 1)])
@pytest.mark.parametrize("start", ["none", "too much"])
def test_is_what_plain_relaxation_comes_to(shape, start):
    neighbour, conductance = links(shape, seed=sum(shape))
    count = len(conductance)
    exits = np.where(np.arange(count) % 7 == 3, 0.4, 0.0) * (conductance.sum(axis=1) > 0.0)
    diagonal = conductance.sum(axis=1) + exits
    injected = np.zeros(count)
    injected[np.flatnonzero(conductance.sum(axis=1) > 0.0)[count // 3]] = 0.25 * count
    load = injected - 1.0
    u = np.zeros(count) if start == "none" else np.where(diagonal > 0.0, 50.0, 0.0)
    wrong = settle(u, load, neighbour, conductance, diagonal, 1e-9, 500)
    assert wrong <= 1e-9
    np.testing.assert_allclose(u, relaxed(load, neighbour, conductance, diagonal), atol=1e-7)
    held = contents(u, injected, neighbour, conductance, exits)
    assert held.sum() + exits @ u == pytest.approx(injected.sum())
    assert (u > 0).any() and held.max() < 1.0 + 1e-6


def test_where_nothing_is_injected_nothing_moves():
    neighbour, conductance = links((3, 4, 2), seed=1)
    u = np.zeros(24)
    assert settle(u, np.full(24, -1.0), neighbour, conductance, conductance.sum(axis=1), 1e-9, 5) == 0.0
    assert not u.any()
