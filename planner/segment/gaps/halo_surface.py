"""The halo's outer wall as an optimal surface on the unwrapped map."""

import numpy as np
import numpy.typing as npt
from numba import njit

from planner.geometry.frames import Array

P_STEP, P_JUMP, P_EDGE = 0.15, 1.2, 0.6
"""Price of a width that differs by one step or by more from the neighbour's, and of a border between gap and no gap.
In units of a rise of 100 HU; set by eye on one simulated thoracic case, checked on 24 screws simulated in its bone."""


@njit(cache=True)
def _best(cost: Array, k: int, none: float, lowest: float, gap_lowest: float) -> float:
    """Cheapest way into label k from the neighbour's labels."""
    if k == 0:
        return float(min(cost[0], gap_lowest + P_EDGE))
    best = min(cost[k], none + P_EDGE, gap_lowest + P_JUMP)
    for d in (1, 2):
        if k - d >= 1:
            best = min(best, cost[k - d] + P_STEP * (1.1 * d if d > 1 else 1.0))
        if k + d < len(cost):
            best = min(best, cost[k + d] + P_STEP * (1.1 * d if d > 1 else 1.0))
    return float(best)


@njit(cache=True)
def _sweep(cost: Array, rows: int, turn: int, total: Array) -> None:
    """Add the path costs that come from one direction; angles are cyclic."""
    n_rows, n_angles, n_labels = cost.shape
    before, now = np.zeros((n_angles, n_labels)), np.zeros((n_angles, n_labels))
    for i in range(n_rows):
        r = i if rows > 0 else n_rows - 1 - i
        for a in range(n_angles):
            b = (a - turn) % n_angles
            lowest, gap_lowest, none = before[b].min(), before[b, 1:].min(), before[b, 0]
            for k in range(n_labels):
                way = 0.0 if i == 0 else _best(before[b], k, none, lowest, gap_lowest) - lowest
                now[a, k] = cost[r, a, k] + way
                total[r, a, k] += now[a, k]
        before[:] = now


@njit(cache=True)
def _ring(cost: Array, turn: int, total: Array) -> None:
    """Add the path costs that come from round the shaft: three turns, the last one counts."""
    n_rows, n_angles, n_labels = cost.shape
    for r in range(n_rows):
        before = cost[r, 0].copy()
        now = before.copy()
        for step in range(1, 3 * n_angles):
            a = (step * turn) % n_angles
            lowest, gap_lowest, none = before.min(), before[1:].min(), before[0]
            for k in range(n_labels):
                now[k] = cost[r, a, k] + _best(before, k, none, lowest, gap_lowest) - lowest
                if step >= 2 * n_angles:
                    total[r, a, k] += now[k]
            before[:] = now


def optimal_labels(cost: Array) -> npt.NDArray[np.intp]:
    """Choose one label a cell: 0 for no gap, k for the k-th width.

    Parameters
    ----------
    cost : ndarray, shape (rows, angles, labels)
        Price of each label in each cell; angles are cyclic.

    Returns
    -------
    ndarray of int, shape (rows, angles)

    Notes
    -----
    Semi-global matching over eight directions (Hirschmueller, PAMI 2008, doi 10.1109/TPAMI.2007.1166).
    """
    total = np.zeros_like(cost)
    for rows in (1, -1):
        for turn in (-1, 0, 1):
            _sweep(cost, rows, turn, total)
    for turn in (1, -1):
        _ring(cost, turn, total)
    return np.asarray(np.argmin(total, axis=2))
