"""The body of a vertebra: kidney-shaped section with a waist, dished endplates, its height not the same everywhere."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.geometry.frames import Array, PointsLps
from planner.phantoms.solids.basic import Bounds, RoundedBox

_EXPONENT = 2.4
"""2 is an ellipse; bodies are a little squarer. Set by eye."""
_NOTCH_RADIUS_MM = 16.0
Heights = tuple[float, float, float]
"""In front, in the middle, behind, mm."""
Rows = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class VertebralBody:
    """A vertebral body.

    Parameters
    ----------
    centre_lps : tuple of float
        The middle, from which heights are counted.
    half_width_mm, half_depth_mm : float
        Half axes of the section at the endplates.
    upper_mm, lower_mm : tuple of float
        How far the rim of each endplate lies from the middle, in front, in the middle, behind; straight in between.
    axes_lps : tuple of three rows
        Orthonormal; the body's x (left), y (back), z (up) are its columns.
    waist : float
        Share by which the section is narrower half way up; negative where it bulges.
    dish_mm : float
        How far the middle of each endplate lies below its rim.
    notch_mm : float
        How deep the back wall is hollowed in the midline.
    """

    centre_lps: tuple[float, float, float]
    half_width_mm: float
    half_depth_mm: float
    upper_mm: Heights
    lower_mm: Heights
    axes_lps: Rows
    waist: float = 0.1
    dish_mm: float = 1.2
    notch_mm: float = 1.0

    @cached_property
    def _matrix(self) -> Array:
        return np.array(self.axes_lps)

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        local = (points_lps - np.array(self.centre_lps)) @ self._matrix
        x, y, z = local[..., 0], local[..., 1], local[..., 2]
        a, b = self.half_width_mm, self.half_depth_mm
        least = min(a, b)
        # The norm's gradient is at most 1 / least for exponents of 2 and more.
        norm = (np.abs(x / a) ** _EXPONENT + np.abs(y / b) ** _EXPONENT) ** (1.0 / _EXPONENT)
        half = (max(self.upper_mm) + max(self.lower_mm)) / 2.0
        up = np.clip(z / half, -1.0, 1.0)
        side = (norm - 1.0 + self.waist * (1.0 - up**2)) * least
        side /= np.hypot(1.0, 2.0 * abs(self.waist) * least / half)
        dish = self.dish_mm * (1.0 - np.minimum(norm, 1.0) ** 2)
        top = (z - self._height(y, self.upper_mm) + dish) / self._slant(self.upper_mm)
        bottom = (-z - self._height(y, self.lower_mm) + dish) / self._slant(self.lower_mm)
        notch = _NOTCH_RADIUS_MM - np.hypot(x, y - (b - self.notch_mm + _NOTCH_RADIUS_MM))
        return np.asarray(np.maximum(np.maximum(side, notch), np.maximum(top, bottom)))

    def _height(self, y: Array, heights: Heights) -> Array:
        return np.interp(y, [-self.half_depth_mm, 0.0, self.half_depth_mm], heights)

    def _slant(self, heights: Heights) -> float:
        steepest = max(abs(heights[0] - heights[1]), abs(heights[1] - heights[2])) / self.half_depth_mm
        return float(np.hypot(1.0, steepest + 2.0 * self.dish_mm / min(self.half_width_mm, self.half_depth_mm)))

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        wide = 1.0 + max(0.0, -self.waist)
        half = (self.half_width_mm * wide, self.half_depth_mm * wide, max(*self.upper_mm, *self.lower_mm))
        return RoundedBox(self.centre_lps, half, 0.0, self.axes_lps).bounds_lps

    def shrunk(self, *, wall_mm: float, endplate_mm: float) -> "VertebralBody":
        """Give what lies within a wall and endplates of the given thickness."""
        return VertebralBody(
            self.centre_lps,
            self.half_width_mm - wall_mm,
            self.half_depth_mm - wall_mm,
            _lowered(self.upper_mm, endplate_mm),
            _lowered(self.lower_mm, endplate_mm),
            self.axes_lps,
            self.waist,
            self.dish_mm,
            self.notch_mm,
        )


def _lowered(heights: Heights, by_mm: float) -> Heights:
    return heights[0] - by_mm, heights[1] - by_mm, heights[2] - by_mm
