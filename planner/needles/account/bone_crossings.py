"""How often a needle enters bone on its way in."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from planner.geometry.frames import Array
from planner.safety.clearance import sample
from planner.safety.fields import BONE, Fields

_STEP_MM = 0.25


def bone_crossings(fields: Fields, path_lps: Sequence[Array]) -> int | None:
    """Count how often a needle's axis enters bone.

    Parameters
    ----------
    fields : Fields
        Distances, of the bone's surface among them; gaps, and implants in bone, count as bone.
    path_lps : sequence of ndarray, shape (3,)
        The path's corners from outside in, the skin or the picture's edge first, LPS mm.

    Returns
    -------
    int or None
        1 for a needle that enters one bone once; None where the path begins in bone or leaves the picture, so that an
        entry would be missed.
    """
    pieces = []
    for outer, inner in pairwise(path_lps):
        count = max(2, int(np.ceil(float(np.linalg.norm(inner - outer)) / _STEP_MM)) + 1)
        pieces.append(outer + np.linspace(0.0, 1.0, count)[:, None] * (inner - outer))
    depth = sample(fields, np.concatenate(pieces), BONE)
    if np.isnan(depth).any() or depth[0] > 0.0:
        return None
    within = depth > 0.0
    return int(np.count_nonzero(within[1:] & ~within[:-1]))
