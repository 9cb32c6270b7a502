"""Past the pedicle: between pedicle and rib head in the chest, from behind and the side in the lumbar spine."""

import numpy as np
import numpy.typing as npt

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array, unit
from planner.model.needle import Family
from planner.needles.candidates import Candidates, Target, cone, every_pair, from_behind
from planner.needles.spine.pedicle import Pedicle, at_isthmus, within_pedicle


def past_the_pedicle(
    target: Target, tips_lps: Array, *, config: NeedleConfig, pedicle: Pedicle | None = None
) -> list[Candidates]:
    """Give straight ways that come from the side of access and pass the pedicle's outer side.

    Parameters
    ----------
    target : Target
        The gap and its pedicle.
    tips_lps : ndarray, shape (N, 3)
        Places for the tip.
    config : NeedleConfig
        Angles.
    pedicle : Pedicle or None
        By which one; None for the target's own.

    Returns
    -------
    list of Candidates
        Where a rib meets the vertebra, one family between pedicle and rib head; else one that hugs the pedicle's outer
        wall, and one further to the side. For what has no screw also the ways across a screw's course. Empty away from
        the spine, and in the ilium.
    """
    pedicle = target.pedicle if pedicle is None else pedicle
    if pedicle is None or pedicle.in_ilium or not len(tips_lps):
        return []
    spine = config.spine
    angle = np.radians(spine.lateral_ideal_deg)
    ideal = unit([pedicle.side * np.sin(angle), np.cos(angle), 0.0])
    directions = cone(ideal, half_angle_deg=spine.lateral_spread_deg, step_deg=config.direction_step_deg)
    lateral_deg = np.degrees(np.arctan2(directions[:, 0] * pedicle.side, directions[:, 1]))
    directions = directions[from_behind(directions, config=config) & (lateral_deg >= spine.least_lateral_deg)]
    families: list[Candidates] = []

    def add(family: Family, tips: Array, outward: Array) -> None:
        if len(tips):
            families.append(Candidates("extrapedicular", family, tips, tips, outward, ideal, pedicle=pedicle))

    tips, outward, beyond = _past(pedicle, tips_lps, directions, config=config)
    close = beyond <= spine.hugging_mm
    if pedicle.has_rib:
        add("between pedicle and rib head", tips, outward)
    else:
        add("juxtapedicular", tips[close], outward[close])
        add("posterolateral", tips[~close], outward[~close])
    if target.implant is None:
        tips, outward, beyond = _past(pedicle, anterior_and_medial(target, tips_lps), directions, config=config)
        close = beyond <= spine.hugging_mm
        add("across the screw's course", tips[close], outward[close])
    return families


def _past(pedicle: Pedicle, tips: Array, directions: Array, *, config: NeedleConfig) -> tuple[Array, Array, Array]:
    """Give the pairs that pass the outer side of a pedicle, and how far beside its wall."""
    tips, outward = every_pair(tips, directions)
    lateral, other = at_isthmus(pedicle, tips, outward)
    half = config.pedicle_reach_mm if pedicle.half_width_mm is None else pedicle.half_width_mm
    keep = (lateral > half) & ~within_pedicle(pedicle, lateral, other, reach_mm=config.pedicle_reach_mm)
    return tips[keep], outward[keep], lateral[keep] - half


def anterior_and_medial(target: Target, tips_lps: Array) -> Array:
    """Give the places of a fracture's gap that lie in its front third and nearest to the midline.

    Parameters
    ----------
    target : Target
        The gap and its pedicle, which knows the midline.
    tips_lps : ndarray, shape (N, 3)
        Places for the tip, LPS mm.

    Returns
    -------
    ndarray, shape (M, 3)
        The front third by LPS y, and of that the half that lies nearer to the midline.
    """
    if target.pedicle is None or not len(tips_lps):
        return tips_lps[:0]
    front = tips_lps[tips_lps[:, 1] <= np.quantile(target.points_lps[:, 1], 1 / 3)]
    if not len(front):
        return front
    off = np.abs(front[:, 0] - target.pedicle.middle_lps[0])
    return np.asarray(front[off <= np.median(off)])


def enters_beside_pedicle(
    pedicle: Pedicle, bone_lps: Array, aim_lps: Array, *, reach_mm: float
) -> npt.NDArray[np.bool_]:
    """Say which needles enter the bone beside the pedicle, on its own side of the canal.

    Parameters
    ----------
    pedicle : Pedicle
        The narrowest place.
    bone_lps, aim_lps : ndarray, shape (N, 3)
        Bone entries and inner ends.
    reach_mm : float
        Half axis of a pedicle that was not measured.

    Returns
    -------
    ndarray of bool, shape (N,)
        True where the isthmus' plane is passed lateral of the pedicle, and the bone is entered lateral of its middle.
    """
    length = np.linalg.norm(bone_lps - aim_lps, axis=1, keepdims=True)
    lateral, other = at_isthmus(pedicle, aim_lps, (bone_lps - aim_lps) / np.maximum(length, 1e-6))
    outside = (lateral > 0) & ~within_pedicle(pedicle, lateral, other, reach_mm=reach_mm)
    entered = (bone_lps[:, 0] - pedicle.isthmus_lps[0]) * pedicle.side > 0
    return np.asarray(entered & outside)
