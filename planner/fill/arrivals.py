"""When the front passes each voxel, read from the volumes at which it was solved."""

import numpy as np

from planner.fill.spread import Spread
from planner.geometry.frames import Array


def arrivals_mm3(way: Spread) -> Array:
    """Give the injected volume when the front passes each voxel's centre.

    Behind a front at the distance d the push is capacity x d^2 / 2 over the permeability, and d grows with the volume:
    two volumes tell when it was 0. A voxel is full only when the front is half its edge farther, as `late` says. That
    is exact along an axis of the grid; across it voxels fill sooner. So it gives the order, and the volumes are set so
    that what was reached holds what is in.

    Parameters
    ----------
    way : Spread
        The way that cement takes.

    Returns
    -------
    ndarray, shape (N,)
        mm3; infinite where it never comes.
    """
    space, volumes = way.space, way.injected_mm3
    levels, count = way.push.shape
    ease = space.conductance.max(axis=1)
    late = np.divide(space.capacity_mm3, 8.0 * ease, out=np.zeros(count), where=ease > 0.0)
    half = way.held_mm3 > 0.5 * space.capacity_mm3
    ever = half.any(axis=0)
    level = np.argmax(half, axis=0)
    latest, earliest = volumes[level], np.concatenate([[0.0], volumes])[level]
    full = way.push > 0.0
    first = np.where(full.any(axis=0), np.argmax(full, axis=0), levels)
    passed = latest.copy()
    for k in range(levels - 1):
        mine = np.flatnonzero(first == k)
        depth, deeper = (np.sqrt(way.push[n, mine] + late[mine]) for n in (k, k + 1))
        rise = np.maximum(deeper - depth, 1e-9 * deeper)
        passed[mine] = volumes[k] - (volumes[k + 1] - volumes[k]) * depth / rise
    # a voxel is passed while it is half full; where pressure does not build up, at an exit, that alone tells
    passed = np.where(ever, np.clip(passed, earliest, latest), np.inf)
    share = way.held_mm3 / space.capacity_mm3
    there = np.take_along_axis(share, level[None], axis=0)[0]
    before = np.where(level > 0, np.take_along_axis(share, np.maximum(level - 1, 0)[None], axis=0)[0], 0.0)
    crossed = earliest + (latest - earliest) * (0.5 - before) / np.maximum(there - before, 1e-9)
    told = ever & ((first >= levels - 1) | (space.exit_conductance > 0.0))
    passed[told] = crossed[told]
    reached = np.flatnonzero(np.isfinite(passed))
    order = reached[np.argsort(passed[reached], kind="stable")]
    middle = np.cumsum(space.capacity_mm3[order]) - 0.5 * space.capacity_mm3[order]
    inside = np.maximum.accumulate(np.concatenate([[0.0], way.held_mm3.sum(axis=1)]))
    inside += 1e-9 * np.arange(len(inside)) * inside[-1]
    passed[order] = np.interp(middle, inside, np.concatenate([[0.0], volumes]))
    return passed
