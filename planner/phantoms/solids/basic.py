"""Solids in closed form: the signed distance of a point from their surface.

Every solid answers `distance_mm` (negative inside; its size never overstates the true distance, so that a voxel further
from every surface than its own half diagonal is known to be whole) and `bounds_lps` (a box that holds it).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, PointsLps, unit
from planner.geometry.rigid import perpendicular_pair

Bounds = tuple[Array, Array]
_EVERYWHERE = 1e6
"""Half edge of an unbounded solid's box, mm."""


class Solid(Protocol):
    """A body whose surface is known in closed form."""

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give the signed distance of points, shape (N, 3) to (N,), negative inside."""

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""


_TOUCHING_MM = 1e-9


def _box_distance_mm(bounds: Bounds, points_lps: Array) -> Array:
    """Give the greatest distance along an axis from points outside of a box, 0 within: never more than the true one."""
    outside = np.zeros(len(points_lps))
    for axis in range(3):
        along = points_lps[:, axis]
        np.maximum(outside, bounds[0][axis] - along, out=outside)
        np.maximum(outside, along - bounds[1][axis], out=outside)
    return outside


def _box(low: npt.ArrayLike, high: npt.ArrayLike) -> Bounds:
    return np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)


@dataclass(frozen=True)
class Ball:
    """A ball; `radius_mm` about `centre_lps`."""

    centre_lps: tuple[float, float, float]
    radius_mm: float

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give the signed distance of points, shape (N, 3) to (N,), negative inside."""
        return np.asarray(np.linalg.norm(points_lps - np.array(self.centre_lps), axis=-1) - self.radius_mm)

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        centre = np.array(self.centre_lps)
        return _box(centre - self.radius_mm, centre + self.radius_mm)


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid with three half axes along the columns of `axes_lps` (3 x 3, orthonormal; None for L, P, S)."""

    centre_lps: tuple[float, float, float]
    half_axes_mm: tuple[float, float, float]
    axes_lps: tuple[tuple[float, float, float], ...] | None = None

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        local = points_lps - np.array(self.centre_lps)
        if self.axes_lps is not None:
            local = local @ np.array(self.axes_lps)
        half = np.array(self.half_axes_mm)
        # |p / half| is 1 on the surface and changes by at most 1 / min(half) a millimetre.
        return np.asarray((np.linalg.norm(local / half, axis=-1) - 1.0) * half.min())

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        axes = np.eye(3) if self.axes_lps is None else np.array(self.axes_lps)
        reach = np.sqrt(((axes * np.array(self.half_axes_mm)) ** 2).sum(axis=1))
        return _box(np.array(self.centre_lps) - reach, np.array(self.centre_lps) + reach)


@dataclass(frozen=True)
class RoundCone:
    """A cone or rod between two balls; equal radii make a capsule."""

    start_lps: tuple[float, float, float]
    stop_lps: tuple[float, float, float]
    start_radius_mm: float
    stop_radius_mm: float

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        a, b = np.array(self.start_lps), np.array(self.stop_lps)
        along = b - a
        length = float(np.linalg.norm(along))
        t = np.clip((points_lps - a) @ along / length**2, 0.0, 1.0)
        radius = self.start_radius_mm + t * (self.stop_radius_mm - self.start_radius_mm)
        slope = (self.stop_radius_mm - self.start_radius_mm) / length
        across = np.linalg.norm(points_lps - a - t[..., None] * along, axis=-1)
        return np.asarray((across - radius) / np.hypot(1.0, slope))

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        a, b = np.array(self.start_lps), np.array(self.stop_lps)
        ra, rb = self.start_radius_mm, self.stop_radius_mm
        return _box(np.minimum(a - ra, b - rb), np.maximum(a + ra, b + rb))


@dataclass(frozen=True)
class Cylinder:
    """A cylinder with flat ends; the radius may change evenly from start to stop (a truncated cone)."""

    start_lps: tuple[float, float, float]
    stop_lps: tuple[float, float, float]
    radius_mm: float
    stop_radius_mm: float | None = None

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        a, b = np.array(self.start_lps), np.array(self.stop_lps)
        length = float(np.linalg.norm(b - a))
        axis = (b - a) / length
        t = (points_lps - a) @ axis
        across = np.linalg.norm(points_lps - a - t[..., None] * axis, axis=-1)
        end = self.radius_mm if self.stop_radius_mm is None else self.stop_radius_mm
        slope = (end - self.radius_mm) / length
        radius = self.radius_mm + np.clip(t, 0.0, length) * slope
        return np.asarray(np.maximum((across - radius) / np.hypot(1.0, slope), np.maximum(-t, t - length)))

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        a, b = np.array(self.start_lps), np.array(self.stop_lps)
        axis = unit(b - a)
        disc = np.sqrt(np.maximum(0.0, 1.0 - axis**2))
        end = self.radius_mm if self.stop_radius_mm is None else self.stop_radius_mm
        return _box(
            np.minimum(a - disc * self.radius_mm, b - disc * end), np.maximum(a + disc * self.radius_mm, b + disc * end)
        )


@dataclass(frozen=True)
class RoundedBox:
    """A box with rounded edges; half edges include the rounding, along the columns of `axes_lps` (None for L, P, S)."""

    centre_lps: tuple[float, float, float]
    half_edges_mm: tuple[float, float, float]
    rounding_mm: float = 0.0
    axes_lps: tuple[tuple[float, float, float], ...] | None = None

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give the signed distance of points, shape (N, 3) to (N,), negative inside."""
        local = points_lps - np.array(self.centre_lps)
        if self.axes_lps is not None:
            local = local @ np.array(self.axes_lps)
        beyond = np.abs(local) - (np.array(self.half_edges_mm) - self.rounding_mm)
        outside = np.linalg.norm(np.maximum(beyond, 0.0), axis=-1)
        return np.asarray(outside + np.minimum(beyond.max(axis=-1), 0.0) - self.rounding_mm)

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        axes = np.eye(3) if self.axes_lps is None else np.array(self.axes_lps)
        reach = np.abs(axes) @ np.array(self.half_edges_mm)
        return _box(np.array(self.centre_lps) - reach, np.array(self.centre_lps) + reach)


@dataclass(frozen=True)
class HalfSpace:
    """All that lies behind a plane: `outward_lps` points out of the solid."""

    point_lps: tuple[float, float, float]
    outward_lps: tuple[float, float, float]

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give the signed distance of points, shape (N, 3) to (N,), negative inside."""
        return np.asarray((points_lps - np.array(self.point_lps)) @ unit(self.outward_lps))

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        return _box([-_EVERYWHERE] * 3, [_EVERYWHERE] * 3)


@dataclass(frozen=True)
class ThreadedShaft:
    """A screw's shaft: core and crest taper to the tip, with a helical V thread.

    Parameters
    ----------
    head_lps, tip_lps : tuple of float
        Where the shaft begins, and the end of the metal.
    outer_diameter_mm, core_diameter_mm : float
        Over the thread's crest, and under it.
    pitch_mm : float
        Advance of the thread a turn.
    nose_mm : float
        Length of the cone at the tip.
    """

    head_lps: tuple[float, float, float]
    tip_lps: tuple[float, float, float]
    outer_diameter_mm: float
    core_diameter_mm: float
    pitch_mm: float = 2.75
    nose_mm: float = 4.0

    @cached_property
    def _frame(self) -> tuple[Array, Array, Array, float]:
        head, tip = np.array(self.head_lps), np.array(self.tip_lps)
        axis = unit(tip - head)
        first, second = perpendicular_pair(axis)
        return axis, first, second, float(np.linalg.norm(tip - head))

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        axis, first, second, length = self._frame
        local = points_lps - np.array(self.head_lps)
        t, u, v = local @ axis, local @ first, local @ second
        across = np.hypot(u, v)
        turn = (t / self.pitch_mm - np.arctan2(v, u) / (2.0 * np.pi)) % 1.0
        crest = 1.0 - np.abs(2.0 * turn - 1.0)  # 0 in the valley, 1 on the crest
        core, outer = self.core_diameter_mm / 2.0, self.outer_diameter_mm / 2.0
        nose = np.clip((length - t) / self.nose_mm, 0.05, 1.0)
        radius = nose * (core + (outer - core) * crest)
        # The steepest slope of the surface: flank of the thread together with the cone of the nose.
        slope = 2.0 * (outer - core) / self.pitch_mm + outer / self.nose_mm * 0.95
        helix = (outer - core) / (np.pi * core)
        side = (across - radius) / np.sqrt(1.0 + slope**2 + helix**2)
        return np.asarray(np.maximum(side, np.maximum(-t, t - length)))

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        return Cylinder(self.head_lps, self.tip_lps, self.outer_diameter_mm / 2.0).bounds_lps


@dataclass(frozen=True)
class Union:
    """All that lies in any of the solids."""

    solids: tuple[Solid, ...]

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        least = self.solids[0].distance_mm(points_lps)
        for solid in self.solids[1:]:
            # A solid whose box is further off than the nearest so far cannot be nearer itself.
            near = np.flatnonzero(_box_distance_mm(solid.bounds_lps, points_lps) < np.maximum(least, _TOUCHING_MM))
            if len(near):
                least[near] = np.minimum(least[near], solid.distance_mm(PointsLps(points_lps[near])))
        return least

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        boxes = [s.bounds_lps for s in self.solids]
        return np.min([b[0] for b in boxes], axis=0), np.max([b[1] for b in boxes], axis=0)


@dataclass(frozen=True)
class Intersection:
    """All that lies in every one of the solids."""

    solids: tuple[Solid, ...]

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        return np.asarray(np.maximum.reduce([s.distance_mm(points_lps) for s in self.solids]))

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        boxes = [s.bounds_lps for s in self.solids]
        low = np.max([b[0] for b in boxes], axis=0)
        return low, np.maximum(low, np.min([b[1] for b in boxes], axis=0))


@dataclass(frozen=True)
class Difference:
    """What is left of a solid when another is taken away."""

    solid: Solid
    without: Solid

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        return np.maximum(self.solid.distance_mm(points_lps), -self.without.distance_mm(points_lps))

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        return self.solid.bounds_lps


@dataclass(frozen=True)
class Grown:
    """A solid grown by a margin on all sides (shrunk by a negative one)."""

    solid: Solid
    margin_mm: float

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        return self.solid.distance_mm(points_lps) - self.margin_mm

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        # The inner solid may understate distances; twice the margin is then still outside of what is grown.
        low, high = self.solid.bounds_lps
        margin = max(self.margin_mm, 0.0) * 2.0
        return low - margin, high + margin


def tube(points_lps: Sequence[tuple[float, float, float]], radii_mm: Sequence[float]) -> Solid:
    """Make a bent rod of changing radius along a polyline.

    Parameters
    ----------
    points_lps : sequence of (x, y, z)
        The polyline, LPS mm, at least two points.
    radii_mm : sequence of float
        The radius at each point.

    Returns
    -------
    Solid
    """
    pieces = zip(points_lps[:-1], points_lps[1:], radii_mm[:-1], radii_mm[1:], strict=True)
    return Union(tuple(RoundCone(a, b, ra, rb) for a, b, ra, rb in pieces))
