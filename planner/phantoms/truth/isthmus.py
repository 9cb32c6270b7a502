"""The narrowest place of a pedicle, measured on its solid: for shapes that do not say where it is."""

from dataclasses import dataclass

import numpy as np

from planner.geometry.frames import Array, PointsLps, PointTuple, point_tuple, unit
from planner.phantoms.solids.basic import Solid
from planner.phantoms.solids.nearby import nearby
from planner.phantoms.solids.raster import contains

_STEP_MM, _FAR_MM = 0.1, 14.0
_ALONG_MM = 0.5
_RAYS = 9


@dataclass(frozen=True)
class Isthmus:
    """The narrowest section of a pedicle, LPS mm; see `planner.model.bones.Pedicle`."""

    centre_lps: PointTuple
    inward_lps: PointTuple
    width_mm: float
    height_mm: float


def isthmus(bone: Solid, back_lps: PointTuple, front_lps: PointTuple, up_lps: PointTuple) -> Isthmus:
    """Find the narrowest section between two points of a pedicle's axis.

    Parameters
    ----------
    bone : Solid
        The vertebra, its canal taken out.
    back_lps, front_lps : tuple of float
        Between these it is looked for; the axis runs through both.
    up_lps : tuple of float
        Roughly along the pedicle's height.

    Returns
    -------
    Isthmus
    """
    back, front = np.array(back_lps), np.array(front_lps)
    inward = unit(front - back)
    up = unit(np.array(up_lps) - (np.array(up_lps) @ inward) * inward)
    aside = np.cross(up, inward)
    along = np.arange(0.0, float(np.linalg.norm(front - back)) + _ALONG_MM / 2.0, _ALONG_MM)
    middles = back + along[:, None] * inward
    near = nearby(bone, (np.minimum(back, front) - _FAR_MM, np.maximum(back, front) + _FAR_MM), reach_mm=1.0)
    low, high = -_reaches_mm(near, middles, -up), _reaches_mm(near, middles, up)
    # The section's extent to the side, over rays across the middle half of its height.
    heights = np.linspace(0.75 * low + 0.25 * high, 0.25 * low + 0.75 * high, _RAYS, axis=-1)
    starts = middles[:, None, :] + heights[..., None] * up
    left, right = (_reaches_mm(near, starts, way).max(axis=-1) for way in (aside, -aside))
    least = int(np.argmin(left + right))
    centre = middles[least] + (low[least] + high[least]) / 2.0 * up + (left[least] - right[least]) / 2.0 * aside
    width, height = float(left[least] + right[least]), float(high[least] - low[least])
    return Isthmus(point_tuple(centre), point_tuple(inward), width, height)


def _reaches_mm(bone: Solid, starts: Array, way: Array) -> Array:
    """Say how far the bone goes on from points, shape (..., 3) to (...), at most as far as is looked."""
    steps = np.arange(0.0, _FAR_MM, _STEP_MM)
    at = starts[..., None, :] + steps[:, None] * way
    outside = ~contains(bone, PointsLps(at.reshape(-1, 3))).reshape(at.shape[:-1])
    ends = np.maximum(steps[np.argmax(outside, axis=-1)] - _STEP_MM / 2.0, 0.0)
    return np.asarray(np.where(outside.any(axis=-1), ends, _FAR_MM))
