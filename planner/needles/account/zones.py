"""Which of an implant's zones cement from a needle's tip is taken to reach."""

from collections import Counter

import numpy as np

from planner.geometry.frames import Array
from planner.model.anatomy import Anatomy
from planner.model.implant import Implant
from planner.needles.hip.implant_zone import zones_at

_LEAST_SHARE = 0.05
"""Of the gap within reach, less in a zone is its edge: not named. Ours."""


def zones_reached(
    anatomy: Anatomy, implant: Implant | None, gap_points_lps: Array, tip_lps: Array, *, reach_mm: float
) -> tuple[str, ...]:
    """Name the zones within reach of a tip.

    Parameters
    ----------
    anatomy : Anatomy
        The implants.
    implant : Implant or None
        The gap's implant.
    gap_points_lps : ndarray, shape (N, 3)
        The gap's voxels, LPS mm.
    tip_lps : ndarray, shape (3,)
        The needle's tip.
    reach_mm : float
        How far cement is taken to run.

    Returns
    -------
    tuple of str
        The tip's own zone first, then those of the gap within reach, the fullest first; empty where the implant has
        none.
    """
    own = zones_at(anatomy, implant, np.asarray(tip_lps)[None])
    if not own:
        return ()
    near = gap_points_lps[np.linalg.norm(gap_points_lps - tip_lps, axis=1) <= reach_mm]
    counts = Counter(zones_at(anatomy, implant, near))
    others = [z for z, n in counts.most_common() if n >= _LEAST_SHARE * len(near) and z != own[0]]
    return (own[0], *others)
