"""Who belongs to whom: what is true and what was found, paired by place."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from planner.geometry.frames import Array

_NEVER = 1e6
"""Dearer than any way through a patient, so that as many as may are paired."""


def pair_up(cost: Array, allowed: npt.NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    """Pair rows with columns so that as many as may are paired, at the least cost in all.

    Parameters
    ----------
    cost : ndarray, shape (true, found)
        What a pair costs, mm; below a million.
    allowed : ndarray of bool, shape (true, found)
        Which pairs may be.

    Returns
    -------
    tuple of (int, int)
        Row and column of each pair, by row. Each row and each column stands in one pair at most.
    """
    if cost.size == 0:
        return ()
    rows, columns = linear_sum_assignment(np.where(allowed, cost, _NEVER))
    return tuple((int(a), int(b)) for a, b in zip(rows, columns, strict=True) if allowed[a, b])
