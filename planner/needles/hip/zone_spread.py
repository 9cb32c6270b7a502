"""Keeping every zone of a hip's gap in the search: the best needles of all, and those of each zone among them."""

from collections import Counter

import numpy as np
import numpy.typing as npt

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array
from planner.model.anatomy import Anatomy
from planner.model.needle import Approach
from planner.needles.candidates import Target
from planner.needles.hip.implant_zone import zones_at
from planner.needles.select import Passed, spread_best

_EACH_ZONE = 6
"""So many needles are looked at closer in each zone, however good those of other zones are. Ours."""


def best_by_zone(
    anatomy: Anatomy, target: Target, passed: Passed, score: Array, *, count: int, config: NeedleConfig
) -> npt.NDArray[np.intp]:
    """Pick the best needles that differ, at a hip with some of each zone; elsewhere as `spread_best` does.

    Parameters
    ----------
    anatomy : Anatomy
        The implants.
    target : Target
        The gap and its implant.
    passed : Passed
        N needles.
    score : ndarray, shape (N,)
        Their scores.
    count : int
        How many of the best; those of zones come on top.
    config : NeedleConfig
        What counts as different.

    Returns
    -------
    ndarray of int
        Best first.
    """
    family = passed.family
    zones = zones_at(anatomy, target.implant, family.target_lps) if family.approach == "femoral" else ()
    order = spread_best(passed, score, count=(_EACH_ZONE if zones else 1) * count, config=config)
    if not zones:
        return order
    seen: Counter[str] = Counter()
    kept = []
    for k, needle in enumerate(order):
        zone = zones[int(needle)]
        seen[zone] += 1
        if k < count or seen[zone] <= _EACH_ZONE:
            kept.append(int(needle))
    return np.array(kept, dtype=np.intp)


def of_lost_zones(
    anatomy: Anatomy, target: Target, passed: Passed, score: Array, refined: Passed
) -> npt.NDArray[np.intp]:
    """Pick the best needle of each zone that has none among the refined.

    Needles of other zones were better, or tips moved over a zone's border.

    Parameters
    ----------
    anatomy : Anatomy
        The implants.
    target : Target
        The gap and its implant.
    passed : Passed
        N needles as they were found.
    score : ndarray, shape (N,)
        Their scores.
    refined : Passed
        What became of the best.

    Returns
    -------
    ndarray of int
        Of `passed`; empty away from the hip, and where no zone was left.
    """
    if passed.family.approach != "femoral" or not len(refined):
        return np.empty(0, np.intp)
    kept = set(zones_at(anatomy, target.implant, refined.family.target_lps))
    best: dict[str, int] = {}
    zones = zones_at(anatomy, target.implant, passed.family.target_lps)
    for k in np.argsort(-score, kind="stable") if zones else ():
        best.setdefault(zones[int(k)], int(k))
    return np.array([k for zone, k in best.items() if zone not in kept], dtype=np.intp)


def first_of_zones(
    anatomy: Anatomy, target: Target, tips_lps: Array, score: Array, *, count: int, approach: Approach
) -> list[int]:
    """Pick the best needle of each zone.

    Parameters
    ----------
    anatomy : Anatomy
        The implants.
    target : Target
        The gap and its implant.
    tips_lps : ndarray, shape (N, 3)
        Tips.
    score : ndarray, shape (N,)
        Scores.
    count : int
        How many at most.
    approach : str
        Of the needles.

    Returns
    -------
    list of int
        Best first; empty away from the hip, and without zones.
    """
    zones = zones_at(anatomy, target.implant, tips_lps) if approach == "femoral" else ()
    best: dict[str, int] = {}
    for k in np.argsort(-score, kind="stable") if zones else ():
        best.setdefault(zones[int(k)], int(k))
    return list(best.values())[:count]
