"""Bones grown from their cores, each along solid bone, so that they meet where bone is interrupted or narrow."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from planner.segment.anatomy.windows import greatest_round, least_round
from planner.segment.upright import Bools, Floats

Labels = npt.NDArray[np.int16]
_PARTS = 4
"""Ways are priced in quarters of a voxel."""
_MOST_COST = 400.0
_FAR = 1 << 40
_STEPS = [(a, b, c) for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1) if a or b or c]


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """Where labels may grow, and from where; all arrays of one shape (S, R, C).

    Parameters
    ----------
    cost : ndarray of float32
        Price of a voxel's edge of way; negative where there is none.
    seeds : ndarray of int16
        Labels from 1 on where they begin, 0 elsewhere.
    first, last : ndarray of int16
        The labels from `first` to `last` may take the voxel.
    open_to : ndarray of bool
        Where the label `outsider` may grow; the limits do not hold for it.
    outsider : int
        The label that stands for everything else.
    """

    cost: Floats
    seeds: Labels
    first: Labels
    last: Labels
    open_to: Bools
    outsider: int


def flood(ground: Ground) -> Labels:
    """Grow labels from their seeds, each voxel to the label whose way to it costs least.

    Parameters
    ----------
    ground : Ground
        Where, and from where.

    Returns
    -------
    ndarray of int16, shape (S, R, C)
        0 where nothing came.

    Notes
    -----
    Shortest paths from many sources on the 26-neighbourhood (Dijkstra, with Dial's buckets), a step priced by the mean
    of both voxels' cost and its length, to a quarter of a voxel; the same on every run.
    """
    shape = tuple(n + 2 for n in ground.cost.shape)
    cost = np.pad(np.minimum(ground.cost, _MOST_COST), 1, constant_values=-1.0).astype(np.float32).ravel()
    seeds, first, last = (np.pad(a, 1).ravel().astype(np.int16) for a in (ground.seeds, ground.first, ground.last))
    open_to = np.pad(ground.open_to, 1).ravel().astype(np.bool_)
    steps = np.array([(a * shape[1] + b) * shape[2] + c for a, b, c in _STEPS], dtype=np.int64)
    lengths = (np.linalg.norm(_STEPS, axis=1) * 0.5 * _PARTS).astype(np.float32)
    buckets = int(np.ceil(float(lengths.max()) * 2.0 * max(float(cost.max()), 1.0))) + 2
    labels = _grow(cost, seeds, first, last, open_to, ground.outsider, steps, lengths, buckets)
    return np.ascontiguousarray(labels.reshape(shape)[1:-1, 1:-1, 1:-1])


_Chain = npt.NDArray[np.int64]


@njit(cache=True)
def _put(at: int, slot: int, heads: _Chain, after: _Chain, before: _Chain) -> None:
    """Put a voxel at the head of a bucket."""
    after[at], before[at] = heads[slot], -1
    if heads[slot] >= 0:
        before[heads[slot]] = at
    heads[slot] = at


@njit(cache=True)
def _take(at: int, slot: int, heads: _Chain, after: _Chain, before: _Chain) -> None:
    """Take a voxel out of its bucket."""
    if before[at] >= 0:
        after[before[at]] = after[at]
    else:
        heads[slot] = after[at]
    if after[at] >= 0:
        before[after[at]] = before[at]


@njit(cache=True)
def _may(label: int, to: int, first: Labels, last: Labels, open_to: Bools, outsider: int) -> bool:
    if label == outsider:
        return bool(open_to[to])
    return bool(first[to] <= label <= last[to])


@njit(cache=True)
def _grow(
    cost: Floats,
    seeds: Labels,
    first: Labels,
    last: Labels,
    open_to: Bools,
    outsider: int,
    steps: npt.NDArray[np.int64],
    lengths: Floats,
    buckets: int,
) -> Labels:
    price = np.full(cost.shape, _FAR, np.int64)
    labels = np.zeros(cost.shape, np.int16)
    heads = np.full(buckets, -1, np.int64)
    after, before = np.full(cost.shape, -1, np.int64), np.full(cost.shape, -1, np.int64)
    starts = np.flatnonzero((seeds > 0) & (cost >= 0))
    waiting = len(starts)
    for at in starts:
        price[at], labels[at] = 0, seeds[at]
        _put(int(at), 0, heads, after, before)
    reached = 0
    while waiting > 0:
        at = heads[reached % buckets]
        if at < 0:
            reached += 1
            continue
        _take(at, reached % buckets, heads, after, before)
        waiting -= 1
        for k in range(len(steps)):
            to = at + steps[k]
            total = reached + max(1, int(lengths[k] * (cost[at] + cost[to]) + 0.5))
            if cost[to] < 0 or total >= price[to] or not _may(labels[at], to, first, last, open_to, outsider):
                continue
            if price[to] == _FAR:
                waiting += 1
            else:
                _take(to, price[to] % buckets, heads, after, before)
            price[to], labels[to] = total, labels[at]
            _put(to, total % buckets, heads, after, before)
    return labels


def way_cost(
    hu: Floats, blind: Bools, bone: Bools, depth: Floats, *, joint_hu: float, joint_price: float, neck_price: float
) -> Floats:
    """Price the ways through bone: cheap along the middle of solid bone, dear across joints and necks.

    Parameters
    ----------
    hu : ndarray, shape (S, R, C)
        CT.
    blind : ndarray of bool, shape (S, R, C)
        Metal with its bloom, where the CT says nothing.
    bone : ndarray of bool, shape (S, R, C)
        Where ways may run.
    depth : ndarray of float32, shape (S, R, C)
        Distance to the surface of bone, voxels.
    joint_hu : float
        Half of the joint's price is asked at this reading.
    joint_price, neck_price : float
        Of the softest voxel, and of one at the surface, in voxels of solid bone half way between two surfaces.

    Returns
    -------
    ndarray of float32, shape (S, R, C)
        -1 where no way runs.
    """
    soft = 1.0 / (1.0 + np.exp(np.clip((hu - joint_hu) / _JOINT_WIDTH_HU, -30.0, 30.0)))
    read = np.clip(hu, *_READ_HU)
    closed = least_round(greatest_round(read, _JOINT_VOXELS), _JOINT_VOXELS)
    dip = (closed - read) / _JOINT_DIP_HU
    soft = np.where(blind, np.float32(_BLIND_SHARE), soft * np.clip(dip, _LEAST_DIP, 1.0))
    thick = greatest_round(depth, 2 * _THICK_VOXELS + 1)
    cost = 1.0 + joint_price * soft + neck_price * (1.0 - depth / np.maximum(thick, 1e-6)) ** 2
    return np.where(bone, cost, -1.0).astype(np.float32)


_THICK_VOXELS = 3
"""A way's depth is compared with the greatest depth so near to it."""
_READ_HU = (-200.0, 800.0)
_JOINT_VOXELS, _JOINT_DIP_HU, _LEAST_DIP = 3, 150.0, 0.1
"""A joint is a dark line so narrow between bright ones, so much darker than they; marrow is wide, a
rib's 4 voxels."""
_JOINT_WIDTH_HU = 35.0
"""Noise and partial volume: the price falls from three quarters to a quarter over twice this."""
_BLIND_SHARE = 0.1
"""Of the joint's price, where metal hides whether there is one. Ours."""
