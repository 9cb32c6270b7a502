"""To stems, nails and cups: from the side, from the side in front, and past the trochanter."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import LEFT, SUPERIOR, Array, unit
from planner.model.needle import Family
from planner.needles.candidates import Candidates, Target, cone, every_pair

_STEEP_DEG, _STEEPEST_AT_SHAFT_DEG = 35.0, 50.0
"""From here on a way may come past the trochanter, up to here enter the shaft (the limit of the entry angle). Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class Thigh:
    """The directions of one thigh, LPS unit vectors at right angles to each other."""

    lateral: Array
    front: Array
    proximal: Array


def thigh_of(target: Target) -> Thigh | None:
    """Give the thigh's directions from the stem's axis and side.

    Parameters
    ----------
    target : Target
        The gap and its implant.

    Returns
    -------
    Thigh or None
        None where the side is not known: lateral could not be told from medial, where vessels and nerves run.
    """
    implant = target.implant
    if implant is None or implant.side is None:
        return None
    proximal = np.asarray(SUPERIOR)
    if implant.axis is not None and implant.kind in ("femoral_stem", "nail"):
        along = unit(np.array(implant.axis.head_lps) - np.array(implant.axis.tip_lps))
        # An axis that lies more across than along the body is no stem's: keep the body's own direction.
        proximal = along if along[2] > 0.7 else proximal
    sideways = np.asarray(LEFT) * (1.0 if implant.side == "left" else -1.0)
    lateral = unit(sideways - (sideways @ proximal) * proximal)
    front = np.cross(lateral, proximal) if implant.side == "right" else np.cross(proximal, lateral)
    return Thigh(lateral, front if front[1] < 0 else -front, proximal)


def turn_and_tilt_deg(thigh: Thigh, outward_lps: Array) -> tuple[Array, Array]:
    """Give directions as the turn from lateral to the front and the tilt upwards.

    Parameters
    ----------
    thigh : Thigh
        The thigh's directions.
    outward_lps : ndarray, shape (N, 3)
        Unit vectors towards the operator.

    Returns
    -------
    turn_deg, tilt_deg : ndarray, shape (N,)
    """
    turn = np.degrees(np.arctan2(outward_lps @ thigh.front, outward_lps @ thigh.lateral))
    tilt = np.degrees(np.arcsin(np.clip(outward_lps @ thigh.proximal, -1.0, 1.0)))
    return turn, tilt


def allowed_directions(thigh: Thigh, outward_lps: Array, *, config: NeedleConfig) -> npt.NDArray[np.bool_]:
    """Say which directions keep to the thigh's safe side.

    Parameters
    ----------
    thigh : Thigh
        The thigh's directions.
    outward_lps : ndarray, shape (N, 3)
        Unit vectors towards the operator.
    config : NeedleConfig
        Turn and tilt limits.

    Returns
    -------
    ndarray of bool, shape (N,)

    Notes
    -----
    Vessels and nerves run medially and behind (AO reference); the sciatic nerve runs 10 mm (0-24) from the
    trochanter's tip.
    """
    turn, tilt = turn_and_tilt_deg(thigh, outward_lps)
    turned = (turn >= -config.femur_posterior_deg) & (turn <= config.femur_anterior_deg)
    return np.asarray(turned & (tilt >= -config.femur_distal_deg) & (tilt <= config.femur_proximal_deg))


def from_the_side(target: Target, tips_lps: Array, *, config: NeedleConfig) -> tuple[Candidates, ...]:
    """Give lateral, anterolateral and trochanteric ways to a gap.

    Parameters
    ----------
    target : Target
        The gap and its implant.
    tips_lps : ndarray, shape (N, 3)
        Places for the tip.
    config : NeedleConfig
        Turn and tilt limits.

    Returns
    -------
    tuple of Candidates
        Empty where the side is not known.
    """
    thigh = thigh_of(target)
    if thigh is None or not len(tips_lps):
        return ()
    directions = cone(thigh.lateral, half_angle_deg=80.0, step_deg=config.direction_step_deg * 1.4)
    directions = directions[allowed_directions(thigh, directions, config=config)]
    turn, tilt = turn_and_tilt_deg(thigh, directions)
    families: tuple[tuple[Family, npt.NDArray[np.bool_], Array], ...] = (
        ("trochanteric", tilt > _STEEP_DEG, unit(thigh.lateral + thigh.proximal)),
        ("lateral", (tilt <= _STEEPEST_AT_SHAFT_DEG) & (turn <= 20.0), thigh.lateral),
        ("anterolateral", (tilt <= _STEEPEST_AT_SHAFT_DEG) & (turn > 20.0), unit(thigh.lateral + 0.7 * thigh.front)),
    )
    out = []
    for family, chosen, ideal in families:
        if chosen.any():
            tips, outward = every_pair(tips_lps, directions[chosen])
            out.append(Candidates("femoral", family, tips, tips, outward, ideal))
    return tuple(out)
