"""A needle that passes a pedicle keeps clear of the foramen, where the nerve's root leaves the canal."""

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.safety.boxed import sample_boxed
from planner.safety.clearance import sample
from planner.safety.fields import BONE, FAR_MM, Fields

_STEP_MM = 0.5
_OUTSIDE_MM = 60.0
"""So much of the way before the bone is looked at: no foramen lies farther out; ours."""


def foramen_clearance_mm(fields: Fields, bone_lps: Array, outward_lps: Array, *, radius_mm: float) -> Array:
    """Measure how near needles come to a foramen before they are in bone; within it the bone's own margins hold.

    Parameters
    ----------
    fields : Fields
        Distances, of the foramina among them.
    bone_lps, outward_lps : ndarray, shape (N, 3)
        Bone entries, LPS mm, and unit vectors towards the operator.
    radius_mm : float
        The needles'.

    Returns
    -------
    ndarray, shape (N,)
        Of the surface, mm, below 0 within; `FAR_MM` where none is near; NaN where foramina were not outlined.
    """
    boxed = fields.foramen
    if boxed is None:
        return np.full(len(bone_lps), np.nan)
    ways = np.arange(0.0, _OUTSIDE_MM, _STEP_MM)
    points = (bone_lps[:, None, :] + ways[:, None] * outward_lps[:, None, :]).reshape(-1, 3)
    far = sample_boxed(boxed, fields.grid, points)
    # beyond the picture's edge nothing is told of the bone
    far[~(sample(fields, points, BONE) < 0.0)] = FAR_MM
    return np.asarray(far.reshape(len(bone_lps), -1).min(axis=1) - radius_mm)


def keeps_clear(clearance_mm: Array, *, margin_mm: float) -> npt.NDArray[np.bool_]:
    """Say which needles keep a margin; what was not measured refuses none.

    Parameters
    ----------
    clearance_mm : ndarray, shape (N,)
        From `foramen_clearance_mm`.
    margin_mm : float
        Free space wanted.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    return np.asarray(np.isnan(clearance_mm) | (clearance_mm >= margin_mm))
