"""Soft tissue along the patient's long axis, and flat bone: bundles of changing section, and thick triangles."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.geometry.frames import Array, PointsLps, PointTuple
from planner.phantoms.solids.basic import Bounds

_FAR = 3.0
"""Beyond three half axes a bundle's distance grows no more: it stays a true lower bound, and its slope is known."""


@dataclass(frozen=True)
class Bundle:
    """A muscle, a vessel or a trunk: an oval section whose middle and half axes run evenly between knots along z.

    Parameters
    ----------
    middles_lps : tuple of (x, y, z)
        Middle of the section at each knot, z rising, at least two.
    halves_mm : tuple of (float, float)
        Half axes along x and y at each knot.
    exponent : float
        2 for an ellipse; more is squarer.
    turn_deg : float
        Turn of the section about z, from x to y.
    """

    middles_lps: tuple[PointTuple, ...]
    halves_mm: tuple[tuple[float, float], ...]
    exponent: float = 2.0
    turn_deg: float = 0.0

    @cached_property
    def _table(self) -> tuple[Array, Array, float, float]:
        middles, halves = np.array(self.middles_lps), np.array(self.halves_mm)
        rise = np.diff(middles[:, 2])[:, None]
        shift = float(np.abs(np.hypot(*(np.diff(middles[:, :2], axis=0) / rise).T)).max())
        swell = float(np.abs(np.diff(halves, axis=0) / rise).max())
        # d(norm)/dz is at most (shift + _FAR * swell) / least.
        return middles, halves, float(halves.min()), float(np.hypot(1.0, shift + _FAR * swell))

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        middles, halves, least, steepest = self._table
        points, knots = np.asarray(points_lps), middles[:, 2]
        z = points[..., 2]
        x, y = (points[..., i] - np.interp(z, knots, middles[:, i]) for i in (0, 1))
        if self.turn_deg:
            c, s = np.cos(np.radians(self.turn_deg)), np.sin(np.radians(self.turn_deg))
            x, y = c * x + s * y, c * y - s * x
        u, v = (np.abs(w) / np.interp(z, knots, halves[:, i]) for i, w in ((0, x), (1, y)))
        if self.exponent == 2.0:
            norm = np.hypot(u, v)
        else:
            norm = (u**self.exponent + v**self.exponent) ** (1.0 / self.exponent)
        side = (np.minimum(norm, _FAR) - 1.0) * least / steepest
        return np.asarray(np.maximum(side, np.maximum(knots[0] - z, z - knots[-1])))

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        middles, halves, _, _ = self._table
        c, s = abs(np.cos(np.radians(self.turn_deg))), abs(np.sin(np.radians(self.turn_deg)))
        reach = np.stack([c * halves[:, 0] + s * halves[:, 1], s * halves[:, 0] + c * halves[:, 1]], axis=-1)
        low = np.append((middles[:, :2] - reach).min(axis=0), middles[0, 2])
        return low, np.append((middles[:, :2] + reach).max(axis=0), middles[-1, 2])


@dataclass(frozen=True)
class ThickTriangle:
    """All within `radius_mm` of a flat triangle: a piece of flat bone with round edges."""

    corners_lps: tuple[PointTuple, PointTuple, PointTuple]
    radius_mm: float

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give the signed distance of points, shape (N, 3) to (N,), negative inside."""
        corners = np.array(self.corners_lps)
        points = np.asarray(points_lps)
        normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
        normal /= np.linalg.norm(normal)
        above = np.ones(points.shape[:-1], dtype=bool)
        nearest = np.full(points.shape[:-1], np.inf)
        for i in range(3):
            edge, local = corners[(i + 1) % 3] - corners[i], points - corners[i]
            above &= local @ np.cross(normal, edge) >= 0.0
            share = np.clip(local @ edge / (edge @ edge), 0.0, 1.0)
            nearest = np.minimum(nearest, np.linalg.norm(local - share[..., None] * edge, axis=-1))
        flat = np.abs((points - corners[0]) @ normal)
        return np.asarray(np.where(above, flat, nearest) - self.radius_mm)

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        corners = np.array(self.corners_lps)
        return corners.min(axis=0) - self.radius_mm, corners.max(axis=0) + self.radius_mm
