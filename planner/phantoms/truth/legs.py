"""True length of both legs above the knee, as far as a CT of both hips can tell it, and the femurs' offset."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.geometry.frames import PointTuple, unit
from planner.model.implant import Side


@dataclass(frozen=True)
class TrueHip:
    """One hip's points of measurement, LPS mm.

    Parameters
    ----------
    side : "left" or "right"
        Which.
    centre_lps : tuple of float
        Of the head.
    ischium_lps : tuple of float
        The lowest part of the ischium.
    lesser_trochanter_lps : tuple of float
        Its tip.
    offset_mm : float
        From the head's centre to the axis of the upper shaft.
    """

    side: Side
    centre_lps: PointTuple
    ischium_lps: PointTuple
    lesser_trochanter_lps: PointTuple
    offset_mm: float


def offset_mm(centre_lps: PointTuple, on_axis_lps: PointTuple, axis_lps: PointTuple) -> float:
    """Give the distance of a head's centre from the axis of its shaft, mm."""
    away = np.subtract(centre_lps, on_axis_lps)
    way = unit(axis_lps)
    return float(np.linalg.norm(away - (away @ way) * way))


def left_longer_mm(hips: Sequence[TrueHip]) -> float | None:
    """Say by how much the left leg is longer than the right one, mm; negative where it is shorter.

    Parameters
    ----------
    hips : sequence of TrueHip
        Those that are there.

    Returns
    -------
    float or None
        The right lesser trochanter's height over the line through both ischia, less the left one's, in the coronal
        plane; None unless both hips are there.
    """
    by_side = {h.side: h for h in hips}
    if len(by_side) < 2:
        return None
    left, right = by_side["left"], by_side["right"]
    along = np.subtract(left.ischium_lps, right.ischium_lps)[[0, 2]]
    up = unit([-along[1], along[0]])
    heights = {h.side: float(np.subtract(h.lesser_trochanter_lps, h.ischium_lps)[[0, 2]] @ up) for h in hips}
    return heights["right"] - heights["left"]
