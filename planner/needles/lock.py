"""A planned needle as one that stays: as a wish for the next plan."""

from collections.abc import Mapping

import numpy as np

from planner.config.wishes_config import LockedNeedle
from planner.errors import UsageError
from planner.geometry.frames import unit
from planner.model.needle import Needle, NeedleWay, Trajectory
from planner.model.plan import Plan
from planner.needles.catalogue import CATALOGUE, needles_named

_BENT = "it slides along the implant or bends, and only straight needles can be held"
_SAME_MM = 0.01
_SAME_DIRECTION = 1e-4
"""Two needles so near are one: far below a voxel, above what is lost by writing positions down."""


def lock_of(plan: Plan, needle_id: str, *, catalogue: Mapping[str, Needle] = CATALOGUE) -> LockedNeedle:
    """Give the wish that holds a planned needle as it is.

    Parameters
    ----------
    plan : Plan
        The plan.
    needle_id : str
        The id of one of its needles.
    catalogue : Mapping of str to Needle
        The needles that can be had.

    Returns
    -------
    LockedNeedle
        From its entry (where the skin is not in view, into bone) to its tip, made by who made the needle.

    Raises
    ------
    UsageError
        If the plan holds no such needle, or the needle is not one straight line to a gap with a needle of the
        catalogue: such a one cannot be held yet.
    """
    way = _way_of(plan, needle_id)
    why = _why_not(plan, way)
    if why is not None:
        raise UsageError(f"{needle_id} cannot be locked: {why}")
    return _straight(way, catalogue, "locked")


def why_not_locked(plan: Plan, needle_id: str, *, catalogue: Mapping[str, Needle] = CATALOGUE) -> str | None:
    """Say why a planned needle cannot be held, before anybody asks for it.

    Parameters
    ----------
    plan : Plan
        The plan.
    needle_id : str
        The id of one of its needles.
    catalogue : Mapping of str to Needle
        The needles that can be had.

    Returns
    -------
    str or None
        None where `lock_of` gives its wish.
    """
    try:
        lock_of(plan, needle_id, catalogue=catalogue)
    except UsageError as error:
        return str(error)
    return None


def straight_of(plan: Plan, needle_id: str, *, catalogue: Mapping[str, Needle] = CATALOGUE) -> LockedNeedle:
    """Give a planned needle as one that a person can move, whether or not it leads to a gap.

    Parameters
    ----------
    plan : Plan
        The plan.
    needle_id : str
        The id of one of its needles.
    catalogue : Mapping of str to Needle
        The needles that can be had.

    Returns
    -------
    LockedNeedle
        From its entry (where the skin is not in view, into bone) to its tip, made by who made the needle: moved, it is
        a person's.

    Raises
    ------
    UsageError
        If the plan holds no such needle, or the needle is not one straight line with a needle of the catalogue.
    """
    way = _way_of(plan, needle_id)
    if _is_bent(way):
        raise UsageError(f"{needle_id} cannot be moved: {_BENT}")
    return _straight(way, catalogue, "moved")


def is_held_by(way: NeedleWay, wish: LockedNeedle, *, catalogue: Mapping[str, Needle] = CATALOGUE) -> bool:
    """Say whether a needle is the one that a wish holds.

    Parameters
    ----------
    way : NeedleWay
        A planned needle.
    wish : LockedNeedle
        A needle that stays.
    catalogue : Mapping of str to Needle
        The needles that can be had.

    Returns
    -------
    bool
        Same tip, same direction, same needle (of a gauge alone, any of its lengths).

    Raises
    ------
    UsageError
        If the catalogue does not hold the wish's needle.
    """
    tip, wished_tip = np.asarray(way.target_lps), np.asarray(wish.target_lps)
    if (
        way.needle not in needles_named(wish.needle, catalogue=catalogue)
        or np.linalg.norm(tip - wished_tip) > _SAME_MM
        or _is_bent(way)
    ):
        return False
    out, wished_out = unit(np.asarray(way.path_lps[0]) - tip), unit(np.asarray(wish.entry_lps) - wished_tip)
    return bool(np.linalg.norm(out - wished_out) <= _SAME_DIRECTION)


def _way_of(plan: Plan, needle_id: str) -> NeedleWay:
    way = next((way for way in plan.ways if way.id == needle_id), None)
    if way is None:
        raise UsageError(f"the plan holds no needle {needle_id!r}")
    return way


def _straight(way: NeedleWay, catalogue: Mapping[str, Needle], what: str) -> LockedNeedle:
    name = next((name for name, needle in catalogue.items() if needle == way.needle), None)
    if name is None:
        size = f"{way.needle.gauge}, {way.needle.length_mm:.0f} mm"
        raise UsageError(f"{way.id} cannot be {what}: its needle ({size}) is not in the catalogue")
    return LockedNeedle(entry_lps=way.path_lps[0], target_lps=way.target_lps, needle=name, made=way.made)


def _why_not(plan: Plan, way: NeedleWay) -> str | None:
    if not isinstance(way, Trajectory):
        target = next((target for target in plan.picked_targets if target.id == way.goal_id), None)
        if target is None or target.gap_id is None:
            return "it leads to no gap"
    if _is_bent(way):
        return _BENT
    return None


def _is_bent(way: NeedleWay) -> bool:
    away = float(np.linalg.norm(np.asarray(way.aim_lps) - np.asarray(way.target_lps)))
    return way.slides_along_implant or way.cannula is not None or away > _SAME_MM
