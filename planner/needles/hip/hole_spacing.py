"""How far the holes of several needles in one femur must lie apart."""

import numpy as np

from planner.model.needle import NeedleWay


def holes_apart(first: NeedleWay, second: NeedleWay, *, least_mm: float) -> bool:
    """Say whether two needles' holes leave enough of a femur's cortex between them.

    Parameters
    ----------
    first, second : NeedleWay
        The needles.
    least_mm : float
        Between the middles of the holes, along and round the shaft alike.

    Returns
    -------
    bool
        True also where one of them enters no femur.
    """
    if any(way.approach != "femoral" or way.family == "to the cup" for way in (first, second)):
        return True
    return float(np.linalg.norm(np.subtract(first.entry_bone_lps, second.entry_bone_lps))) >= least_mm
