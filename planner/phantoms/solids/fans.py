"""What a swinging rod sweeps: a body whose section is a stadium, widening along an axis."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.geometry.frames import Array, PointsLps, PointTuple, unit
from planner.phantoms.solids.basic import Bounds


@dataclass(frozen=True)
class Fan:
    """A body along an axis whose section is a disc drawn out to both sides; flat ends.

    Parameters
    ----------
    start_lps, direction_lps : tuple of float
        Where the axis begins, and which way it runs (any length but zero).
    swing_lps : tuple of float
        The way that the discs are drawn out; made square to the axis.
    knots_mm : tuple of float
        Distances along the axis, rising; the first and the last are the ends.
    radii_mm, reaches_mm : tuple of float
        Radius of the disc at each knot, and how far its middle is drawn out to each side.
    """

    start_lps: PointTuple
    direction_lps: PointTuple
    swing_lps: PointTuple
    knots_mm: tuple[float, ...]
    radii_mm: tuple[float, ...]
    reaches_mm: tuple[float, ...]

    @cached_property
    def _frame(self) -> tuple[Array, Array, Array]:
        axis = unit(self.direction_lps)
        swing = np.array(self.swing_lps)
        swing = unit(swing - (swing @ axis) * axis)
        return axis, swing, np.cross(axis, swing)

    @cached_property
    def _steepness(self) -> float:
        radii, reaches = np.diff(self.radii_mm), np.diff(self.reaches_mm)
        return float(np.hypot(1.0, np.max((np.abs(radii) + np.abs(reaches)) / np.diff(self.knots_mm))))

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        axis, swing, across = self._frame
        local = points_lps - np.array(self.start_lps)
        t = local @ axis
        knots = np.array(self.knots_mm)
        reach, radius = np.interp(t, knots, self.reaches_mm), np.interp(t, knots, self.radii_mm)
        aside = np.maximum(np.abs(local @ swing) - reach, 0.0)
        side = (np.hypot(aside, local @ across) - radius) / self._steepness
        return np.asarray(np.maximum(side, np.maximum(knots[0] - t, t - knots[-1])))

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        axis, swing, _ = self._frame
        ends = np.array(self.start_lps) + np.array([self.knots_mm[0], self.knots_mm[-1]])[:, None] * axis
        disc = np.sqrt(np.maximum(0.0, 1.0 - axis**2)) * max(self.radii_mm) + np.abs(swing) * max(self.reaches_mm)
        return ends.min(axis=0) - disc, ends.max(axis=0) + disc

    @property
    def volume_ml(self) -> float:
        """Its volume: a disc and two strips of a section, which Simpson's rule adds up exactly between knots."""
        knots, radii, reaches = (np.array(v) for v in (self.knots_mm, self.radii_mm, self.reaches_mm))
        middle = (radii[:-1] + radii[1:]) / 2.0, (reaches[:-1] + reaches[1:]) / 2.0
        low, mid, high = (
            np.pi * r**2 + 4.0 * r * s for r, s in ((radii[:-1], reaches[:-1]), middle, (radii[1:], reaches[1:]))
        )
        return float(((low + 4.0 * mid + high) * np.diff(knots)).sum() / 6000.0)
