"""Past the pedicle: between pedicle and rib head in the chest, from behind and the side in the lumbar spine."""

import numpy as np
import numpy.typing as npt

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array, unit
from planner.needles.candidates import Candidates, Pedicle, Target, cone, every_pair, from_behind
from planner.needles.transpedicular import passes_pedicle

_IDEAL_LATERAL_DEG = 35.0
"""About 55 degrees from the coronal plane (secondary sources, see the clinical figures)."""


def past_the_pedicle(target: Target, tips_lps: Array, *, config: NeedleConfig) -> Candidates | None:
    """Give straight ways that come from the side of access and enter the bone beside the pedicle.

    Parameters
    ----------
    target : Target
        The gap and its pedicle.
    tips_lps : ndarray, shape (N, 3)
        Places for the tip.
    config : NeedleConfig
        Angles.

    Returns
    -------
    Candidates or None
        None away from the spine.
    """
    if target.pedicle is None or not len(tips_lps):
        return None
    lateral = np.radians(_IDEAL_LATERAL_DEG)
    ideal = unit([target.pedicle.side * np.sin(lateral), np.cos(lateral), 0.15])
    directions = cone(ideal, half_angle_deg=30.0, step_deg=config.direction_step_deg)
    keep = from_behind(directions, config=config) & (directions[:, 0] * target.pedicle.side > 0.15)
    tips, outward = every_pair(tips_lps, directions[keep])
    return Candidates("extrapedicular", "posterolateral", tips, tips, outward, ideal)


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
        How far round the isthmus counts as the pedicle.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    lateral = (bone_lps[:, 0] - pedicle.isthmus_lps[0]) * pedicle.side > 0
    return np.asarray(lateral & ~passes_pedicle(pedicle, bone_lps, aim_lps, reach_mm=reach_mm))
