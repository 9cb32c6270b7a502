"""The stretch of needles that slide on beside a screw: least distances along it."""

from dataclasses import dataclass

import numpy as np

from planner.geometry.frames import Array
from planner.safety.clearance import Least, least_distances, sample
from planner.safety.fields import BONE, Fields

_STEP_MM = 0.5
"""Between samples of a slide: under a voxel of a usual CT."""


@dataclass(frozen=True, slots=True, eq=False)
class SlideLeast:
    """Least distances of N slides.

    Parameters
    ----------
    surface : Least
        Of the needle's surface from metal, canal, forbidden tissue and other bones.
    bone_mm : ndarray, shape (N,)
        Least depth of the axis below the bone's surface; NaN where a slide leaves the picture.
    """

    surface: Least
    bone_mm: Array


def slide_points(aim_lps: Array, target_lps: Array) -> Array:
    """Give places along slides, no farther apart than half a millimetre.

    Parameters
    ----------
    aim_lps, target_lps : ndarray, shape (N, 3)
        Where slides begin and end, LPS mm.

    Returns
    -------
    ndarray, shape (N, S, 3)
        LPS mm, both ends among them; all slides have as many as the longest needs.
    """
    length = np.linalg.norm(target_lps - aim_lps, axis=1)
    count = max(2, int(np.ceil(float(length.max(initial=0.0)) / _STEP_MM)) + 1)
    shares = np.linspace(0.0, 1.0, count)[:, None]
    return np.asarray(aim_lps[:, None, :] + shares * (target_lps - aim_lps)[:, None, :])


def slide_least(fields: Fields, aim_lps: Array, target_lps: Array, *, radius_mm: float) -> SlideLeast:
    """Measure slides along their whole length.

    Parameters
    ----------
    fields : Fields
        Distances.
    aim_lps, target_lps : ndarray, shape (N, 3)
        Where slides begin and end, LPS mm.
    radius_mm : float
        The needles'.

    Returns
    -------
    SlideLeast
        Metal is that of the screw, too, which the slide touches.
    """
    points = slide_points(aim_lps, target_lps)
    depth = sample(fields, points.reshape(-1, 3), BONE).reshape(points.shape[:2])
    back = aim_lps - target_lps
    length = np.linalg.norm(back, axis=1)
    outward = back / np.maximum(length, 1e-6)[:, None]
    surface = least_distances(fields, target_lps, outward, length, radius_mm=radius_mm)
    # the walk outwards ends in mid-step: the contact is looked at, too
    contact = least_distances(fields, aim_lps, outward, np.zeros(len(aim_lps)), radius_mm=radius_mm)
    both = Least(
        np.minimum(surface.metal_mm, contact.metal_mm),
        np.minimum(surface.canal_mm, contact.canal_mm),
        np.minimum(surface.forbidden_mm, contact.forbidden_mm),
        np.minimum(surface.other_bone_mm, contact.other_bone_mm),
        surface.comes_back,
    )
    return SlideLeast(both, depth.min(axis=1))
