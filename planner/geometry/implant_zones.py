"""Zones round an implant: Gruen's of a stem, DeLee and Charnley's of a cup, thirds and tip of a screw."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import POSTERIOR, SUPERIOR, Array, unit

_TIP_MM = 5.0
"""Zone 4 (11) begins this far above the tip, where the stem's end rounds off; ours."""
_DOME_DEG = 30.0
"""DeLee and Charnley's zones are thirds of the cup's half circle: 60 degrees each."""
SCREW_ZONES = ("screw-proximal", "screw-middle", "screw-distal", "screw-tip")
"""Zones of a screw, from the head down; `screw_zones` counts them from 0."""


def gruen_zones(points_lps: Array, shoulder_lps: Array, tip_lps: Array, medial_lps: Array) -> npt.NDArray[np.int64]:
    """Give the Gruen zone of points round a stem.

    Parameters
    ----------
    points_lps : ndarray, shape (N, 3)
        The points.
    shoulder_lps, tip_lps : ndarray, shape (3,)
        The stem's ends.
    medial_lps : ndarray, shape (3,)
        Towards the midline, as the neck points.

    Returns
    -------
    ndarray of int, shape (N,)
        1 to 14. A point's quadrant round the axis says its view: lateral 1-3 and medial 7-5 downwards on the AP view,
        anterior 8-10 and posterior 14-12 downwards on the lateral view. What lies at the tip is 4 in the lateral and
        medial quadrants, 11 in the others. Levels are thirds of the stem.
    """
    shoulder, down = np.asarray(shoulder_lps), np.asarray(tip_lps) - np.asarray(shoulder_lps)
    length, axis = float(np.linalg.norm(down)), unit(down)
    medial = unit(medial_lps - (medial_lps @ axis) * axis)
    back = np.cross(axis, medial)
    back = back if back @ POSTERIOR > 0 else -back
    from_top = np.asarray(points_lps) - shoulder
    along, inwards, behind = from_top @ axis, from_top @ medial, from_top @ back
    third = np.clip((3 * along / length).astype(int), 0, 2)
    frontal = np.abs(inwards) >= np.abs(behind)
    beside = np.where(
        frontal,
        np.where(inwards > 0, np.array([7, 6, 5])[third], np.array([1, 2, 3])[third]),
        np.where(behind > 0, np.array([14, 13, 12])[third], np.array([8, 9, 10])[third]),
    )
    return np.asarray(np.where(along > length - _TIP_MM, np.where(frontal, 4, 11), beside))


def charnley_zones(
    points_lps: Array, centre_lps: Array, opening_lps: Array, side: Literal["left", "right"] | None
) -> npt.NDArray[np.int64]:
    """Give the DeLee-Charnley zone of points behind a cup.

    Parameters
    ----------
    points_lps : ndarray, shape (N, 3)
        The points.
    centre_lps : ndarray, shape (3,)
        The cup's centre.
    opening_lps : ndarray, shape (3,)
        Out of its mouth.
    side : "left", "right" or None
        Side of the hip; None takes the side to which the cup opens.

    Returns
    -------
    ndarray of int, shape (N,)
        On the AP view: 1 above and lateral, 2 behind the dome, 3 below and medial.
    """
    across = np.array([1.0, 0.0, 0.0]) * (
        1.0 if (side or ("left" if opening_lps[0] > 0 else "right")) == "left" else -1.0
    )
    rays = np.asarray(points_lps) - np.asarray(centre_lps)
    lateral, up = rays @ across, rays @ SUPERIOR
    pole = -np.asarray(opening_lps)
    turned = np.arctan2(up, -lateral) - np.arctan2(float(pole @ SUPERIOR), -float(pole @ across))
    angle = np.degrees((turned + np.pi) % (2 * np.pi) - np.pi)
    return np.asarray(np.where(np.abs(angle) <= _DOME_DEG, 2, np.where(angle > 0, 1, 3)))


def screw_zones(along_mm: Array, length_mm: float, is_tip: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Give the zone of places along a screw.

    Parameters
    ----------
    along_mm : ndarray, shape (N,)
        Distance from the head along the axis, mm.
    length_mm : float
        From head to tip, mm.
    is_tip : ndarray of bool, shape (N,)
        What lies round the tip: from one radius before the end of the metal on.

    Returns
    -------
    ndarray of int, shape (N,)
        Index into `SCREW_ZONES`: thirds of the length, and the tip.
    """
    third = np.clip((np.asarray(along_mm) / length_mm * 3).astype(np.int64), 0, 2)
    return np.asarray(np.where(is_tip, 3, third))
