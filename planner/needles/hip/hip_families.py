"""Which families of ways lead to a hip's implant, and which directions they may come from."""

import numpy as np
import numpy.typing as npt

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array
from planner.needles.candidates import Candidates, Target
from planner.needles.hip.acetabular import CUP_KINDS, allowed_to_cup, to_the_cup
from planner.needles.hip.femoral import allowed_directions, from_the_side, thigh_of


def to_the_hip(target: Target, tips_lps: Array, *, config: NeedleConfig) -> tuple[Candidates, ...]:
    """Give the ways to a gap of a hip: to a cup, or to what stands in the femur.

    Parameters
    ----------
    target : Target
        The gap and its implant.
    tips_lps : ndarray, shape (N, 3)
        Places for the tip, LPS mm.
    config : NeedleConfig
        Limits of turn and tilt.

    Returns
    -------
    tuple of Candidates
        Empty where the side is not known.
    """
    if not _is_cup(target):
        return from_the_side(target, tips_lps, config=config)
    ways = to_the_cup(target, tips_lps, config=config)
    return () if ways is None else (ways,)


def direction_allowed(target: Target, outward_lps: Array, *, config: NeedleConfig) -> npt.NDArray[np.bool_]:
    """Say which directions a needle to a gap of a hip may come from.

    Parameters
    ----------
    target : Target
        The gap and its implant: a cup has limits of its own.
    outward_lps : ndarray, shape (N, 3)
        Unit vectors towards the operator, LPS.
    config : NeedleConfig
        Limits of turn and tilt.

    Returns
    -------
    ndarray of bool, shape (N,)
        All False where the side is not known: lateral could not be told from medial.
    """
    thigh = thigh_of(target)
    if thigh is None:
        return np.zeros(len(outward_lps), bool)
    allowed = allowed_to_cup if _is_cup(target) else allowed_directions
    return allowed(thigh, outward_lps, config=config)


def _is_cup(target: Target) -> bool:
    return target.implant is not None and target.implant.kind in CUP_KINDS
