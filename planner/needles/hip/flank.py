"""Where places lie to the greater trochanter, which is felt, and under whose bursa needles hurt."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.model.bones import Landmark
from planner.needles.hip.femoral import Thigh

MARGIN_MM = 25.0
"""So far before or behind the trochanter's tip its lateral face ends; half the width of a greater trochanter. Ours."""
_TROCHANTER_MM = 40.0
"""Height of the greater trochanter below its tip, where no lesser trochanter was found. Ours."""
_ABOVE_MM = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Flank:
    """Where a place lies to the greater trochanter.

    Parameters
    ----------
    tip_lps : ndarray, shape (3,)
        The trochanter's tip.
    thigh : Thigh
        The thigh's directions.
    height_mm : float
        From the tip down to the end of its lateral face.
    """

    tip_lps: Array
    thigh: Thigh
    height_mm: float

    def above_mm(self, points_lps: Array) -> Array:
        """Give how far points lie above the tip along the thigh; below 0 under it."""
        return np.asarray((points_lps - self.tip_lps) @ self.thigh.proximal)

    def before_mm(self, points_lps: Array) -> Array:
        """Give how far points lie before the tip; below 0 behind it."""
        return np.asarray((points_lps - self.tip_lps) @ self.thigh.front)

    def is_over_trochanter(self, bone_lps: Array) -> bool:
        """Say whether a bone entry lies on the greater trochanter's lateral face, under its bursa."""
        above, before = float(self.above_mm(bone_lps)), float(self.before_mm(bone_lps))
        return -self.height_mm <= above <= _ABOVE_MM and abs(before) <= MARGIN_MM

    def is_trochanteric(self, bone_lps: Array) -> npt.NDArray[np.bool_]:
        """Say which bone entries, shape (N, 3), lie above the end of the trochanter, not on the shaft."""
        return np.asarray(self.above_mm(bone_lps) >= -self.height_mm)


def flank_of(landmarks: tuple[Landmark, ...], side: str | None, thigh: Thigh | None) -> Flank | None:
    """Find the trochanter of a side.

    Parameters
    ----------
    landmarks : tuple of Landmark
        Points of bones.
    side : "left", "right" or None
        Of the implant.
    thigh : Thigh or None
        Its directions.

    Returns
    -------
    Flank or None
        None where the trochanter's tip, or the side, is not known.
    """
    tips = [np.asarray(m.point_lps) for m in landmarks if m.name == "trochanter tip" and m.side == side]
    if not tips or thigh is None or side is None:
        return None
    lesser = [np.asarray(m.point_lps) for m in landmarks if m.name == "lesser trochanter" and m.side == side]
    height = float((tips[0] - lesser[0]) @ thigh.proximal) if lesser else _TROCHANTER_MM
    return Flank(tips[0], thigh, height if height > 0 else _TROCHANTER_MM)
