"""Solids along an axis: bodies of revolution, and columns of elliptic section."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from planner.geometry.frames import Array, PointsLps, unit
from planner.phantoms.solids.basic import Bounds, RoundedBox


@dataclass(frozen=True)
class Turned:
    """A body of revolution: its radius runs evenly between knots along the axis; flat ends.

    Parameters
    ----------
    start_lps, direction_lps : tuple of float
        Where the axis begins, and which way it runs (any length but zero).
    knots_mm : tuple of float
        Distances along the axis, rising; the first and the last are the ends.
    radii_mm : tuple of float
        The radius at each knot.
    """

    start_lps: tuple[float, float, float]
    direction_lps: tuple[float, float, float]
    knots_mm: tuple[float, ...]
    radii_mm: tuple[float, ...]

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give the signed distance of points, shape (N, 3) to (N,), negative inside."""
        axis = unit(self.direction_lps)
        local = points_lps - np.array(self.start_lps)
        t = local @ axis
        across = np.linalg.norm(local - t[..., None] * axis, axis=-1)
        knots, radii = np.array(self.knots_mm), np.array(self.radii_mm)
        inside = (across <= np.interp(t, knots, radii)) & (t >= knots[0]) & (t <= knots[-1])
        # The outline in the half plane of axis and radius: start disc, side, end disc.
        outline = np.stack([[knots[0], *knots, knots[-1]], [0.0, *radii, 0.0]], axis=-1)
        apart = np.full(t.shape, np.inf)
        for first, last in pairwise(outline):
            apart = np.minimum(apart, _to_stretch_mm(t, across, first, last))
        return np.asarray(np.where(inside, -apart, apart))

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        axis, start = unit(self.direction_lps), np.array(self.start_lps)
        first, last = start + self.knots_mm[0] * axis, start + self.knots_mm[-1] * axis
        disc = np.sqrt(np.maximum(0.0, 1.0 - axis**2)) * max(self.radii_mm)
        return np.minimum(first, last) - disc, np.maximum(first, last) + disc


def _to_stretch_mm(t: Array, across: Array, first: Array, last: Array) -> Array:
    """Give the distance of points (t, across), shape (N,) each, from a stretch of an outline."""
    along = last - first
    length2 = float(along @ along)
    share = np.clip(((t - first[0]) * along[0] + (across - first[1]) * along[1]) / max(length2, 1e-12), 0.0, 1.0)
    return np.asarray(np.hypot(t - first[0] - share * along[0], across - first[1] - share * along[1]))


@dataclass(frozen=True)
class EllipticColumn:
    """A column of elliptic section with a waist, and flat ends.

    Parameters
    ----------
    centre_lps : tuple of float
        Its middle.
    half_axes_mm : tuple of float
        Half axes of the section at the ends, and half the height.
    waist : float
        Share by which the section is narrower at half height; wider where it is negative.
    axes_lps : tuple of three rows or None
        Orthonormal; the half axes run along its columns. None for L, P, S.
    """

    centre_lps: tuple[float, float, float]
    half_axes_mm: tuple[float, float, float]
    waist: float = 0.0
    axes_lps: tuple[tuple[float, float, float], ...] | None = None

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        local = points_lps - np.array(self.centre_lps)
        if self.axes_lps is not None:
            local = local @ np.array(self.axes_lps)
        a, b, half_height = self.half_axes_mm
        up = np.clip(local[..., 2] / half_height, -1.0, 1.0)
        section = 1.0 - self.waist * (1.0 - up**2)
        least = min(a, b)
        steepest = 2.0 * self.waist * least / half_height
        side = (np.hypot(local[..., 0] / a, local[..., 1] / b) - section) * least / np.hypot(1.0, steepest)
        return np.asarray(np.maximum(side, np.abs(local[..., 2]) - half_height))

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        a, b, half_height = self.half_axes_mm
        wide = 1.0 + max(0.0, -self.waist)
        return RoundedBox(self.centre_lps, (a * wide, b * wide, half_height), 0.0, self.axes_lps).bounds_lps
