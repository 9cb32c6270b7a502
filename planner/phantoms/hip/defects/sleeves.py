"""Lucent lines: sleeves round a stem or a cup, as wide as asked for in each zone, rounded off at their ends."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from planner.geometry.frames import POSTERIOR, SUPERIOR, Array, PointsLps, PointTuple, point_tuple, unit
from planner.phantoms.solids.basic import Bounds, Solid

_DOME_HALF_DEG = 30.0
"""DeLee and Charnley's zones are thirds of the cup's half circle, as `planner.geometry.implant_zones` has them."""
_REACH_MM = 45.0
"""Further from the stem's axis than any bone of the femur."""


@dataclass(frozen=True)
class StemAxis:
    """The straight axis of a stem, and which way is medial.

    Parameters
    ----------
    shoulder_lps, tip_lps : tuple of float
        Its ends on the metal, LPS mm.
    medial_lps : tuple of float
        Towards the midline; only its part at right angles to the axis counts.
    """

    shoulder_lps: PointTuple
    tip_lps: PointTuple
    medial_lps: PointTuple

    @cached_property
    def frame(self) -> tuple[Array, Array, Array, float]:
        """Unit vectors down the axis, medially and backwards, LPS; and the length, mm."""
        along = np.array(self.tip_lps) - np.array(self.shoulder_lps)
        axis = unit(along)
        medial = np.array(self.medial_lps)
        medial = unit(medial - (medial @ axis) * axis)
        back = np.cross(axis, medial)
        back = back if back @ POSTERIOR > 0 else -back
        return axis, medial, back, float(np.linalg.norm(along))

    @property
    def length_mm(self) -> float:
        """From shoulder to tip."""
        return self.frame[3]

    def at(self, along: float, medial: float = 0.0, posterior: float = 0.0) -> PointTuple:
        """Give the point so far down the axis from the shoulder, so far medially and backwards, LPS mm."""
        axis, inner, back, _ = self.frame
        return point_tuple(np.array(self.shoulder_lps) + along * axis + medial * inner + posterior * back)

    def outward(self, quadrant: int) -> Array:
        """Give the unit vector into the middle of a quadrant: 0 lateral, 1 anterior, 2 medial, 3 posterior."""
        _, medial, back, _ = self.frame
        return (-medial, -back, medial, back)[quadrant]


class Patch(Protocol):
    """A part of an implant's surface, and how wide the line is over it: full from a little within the edge on."""

    @property
    def rounding_mm(self) -> float:
        """How far within the edge the line has its full width."""

    @property
    def slope(self) -> float:
        """Greatest change of the full width, mm per mm."""

    @property
    def greatest_mm(self) -> float:
        """Greatest width."""

    @cached_property
    def bounds_lps(self) -> Bounds:
        """A box that holds what lies over the patch."""

    def depth_mm(self, points_lps: PointsLps) -> Array:
        """Say how far within the patch's edge points lie, shape (N,); negative beyond it, never overstated."""

    def full_mm(self, points_lps: PointsLps) -> Array:
        """Give the line's full width over points, shape (N,)."""


def _rounded(depth_mm: Array, over_mm: float) -> Array:
    """Rise from 0 at the edge to 1 so far within it, steep at first: a rounded end."""
    return np.asarray(np.sin(np.clip(depth_mm / over_mm, 0.0, 1.0) * (np.pi / 2.0)))


@dataclass(frozen=True)
class StemPatch:
    """A stretch of a stem's surface within an angle round its axis.

    Parameters
    ----------
    axis : StemAxis
        The stem's.
    start_mm, stop_mm : float
        From the shoulder along the axis.
    knots_mm : tuple of (float, float)
        Places along the axis and the width there; straight in between, constant beyond.
    first, count : int
        Quadrants as `Block` has them.
    ceiling : Solid or None
        The patch ends at this solid's surface.
    """

    axis: StemAxis
    start_mm: float
    stop_mm: float
    knots_mm: tuple[tuple[float, float], ...]
    first: int = 0
    count: int = 4
    ceiling: Solid | None = None

    @property
    def greatest_mm(self) -> float:
        """Greatest width."""
        return max(w for _, w in self.knots_mm)

    @property
    def rounding_mm(self) -> float:
        """How far within the edge the line has its full width."""
        return max(2.0, 1.5 * self.greatest_mm)

    @cached_property
    def slope(self) -> float:
        """Greatest change of the full width, mm per mm."""
        places, widths = np.array(self.knots_mm).T
        return float(np.abs(np.diff(widths) / np.diff(places)).max()) if len(places) > 1 else 0.0

    @cached_property
    def bounds_lps(self) -> Bounds:
        """A box that holds what lies over the patch."""
        start, stop = max(self.start_mm, -_REACH_MM), min(self.stop_mm, self.axis.length_mm + _REACH_MM)
        corners = [self.axis.at(t, u, v) for t in (start, stop) for u in _SIDES for v in _SIDES]
        return np.min(corners, axis=0), np.max(corners, axis=0)

    def depth_mm(self, points_lps: PointsLps) -> Array:
        """Say how far within the patch's edge points lie, shape (N,); negative beyond it, never overstated."""
        down, medial, back, _ = self.axis.frame
        local = points_lps - np.array(self.axis.shoulder_lps)
        t = local @ down
        depth = np.minimum(t - self.start_mm, self.stop_mm - t)
        if self.count < 4:
            middle, half = np.radians(90.0 * self.first + 45.0 * (self.count - 1)), np.radians(45.0 * self.count)
            lateral, front = -(local @ medial), -(local @ back)
            along = np.cos(middle) * lateral + np.sin(middle) * front
            beside = np.abs(np.cos(middle) * front - np.sin(middle) * lateral)
            depth = np.minimum(depth, np.sin(half) * along - np.cos(half) * beside)
        if self.ceiling is not None:
            depth = np.minimum(depth, -self.ceiling.distance_mm(points_lps))
        return np.asarray(depth)

    def full_mm(self, points_lps: PointsLps) -> Array:
        """Give the line's full width over points, shape (N,)."""
        if len(self.knots_mm) == 1:
            return np.full(len(points_lps), self.knots_mm[0][1])
        places, widths = np.array(self.knots_mm).T
        t = (points_lps - np.array(self.axis.shoulder_lps)) @ self.axis.frame[0]
        return np.asarray(np.interp(t, places, widths))


_SIDES = (-_REACH_MM, _REACH_MM)


@dataclass(frozen=True)
class CupPatch:
    """A run of DeLee and Charnley's zones behind a cup.

    Parameters
    ----------
    centre_lps, opening_lps : tuple of float
        The cup's centre, and the unit vector out of its mouth.
    lateral_lps : tuple of float
        Unit vector to the patient's outside.
    zones : tuple of int
        First and last zone, 1 to 3.
    line_mm : float
        Width of the line.
    rim_mm : float
        The patch ends so far behind the plane of the mouth.
    """

    centre_lps: PointTuple
    opening_lps: PointTuple
    lateral_lps: PointTuple
    zones: tuple[int, int]
    line_mm: float
    rim_mm: float = 3.0

    @property
    def greatest_mm(self) -> float:
        """Greatest width."""
        return self.line_mm

    @property
    def rounding_mm(self) -> float:
        """How far within the edge the line has its full width."""
        return max(2.0, 1.5 * self.line_mm)

    @property
    def slope(self) -> float:
        """Greatest change of the full width, mm per mm."""
        return 0.0

    @cached_property
    def bounds_lps(self) -> Bounds:
        """A box that holds what lies over the patch."""
        centre = np.array(self.centre_lps)
        return centre - _REACH_MM, centre + _REACH_MM

    @cached_property
    def _frontal(self) -> tuple[Array, Array]:
        """The pole's direction on the AP view, and a quarter turn from it towards zone 1."""
        lateral = np.array(self.lateral_lps)
        pole = -np.array(self.opening_lps)
        flat = unit(np.array([pole @ lateral, pole @ SUPERIOR]))
        dome = flat[0] * lateral + flat[1] * SUPERIOR
        # From the pole (medial and up) the angle grows upwards and then laterally: zone 1 lies at the upper rim.
        upper = flat[1] * lateral - flat[0] * SUPERIOR
        return dome, upper

    def depth_mm(self, points_lps: PointsLps) -> Array:
        """Say how far within the patch's edge points lie, shape (N,); negative beyond it, never overstated."""
        dome, upper = self._frontal
        local = points_lps - np.array(self.centre_lps)
        along, up = local @ dome, local @ upper
        depth = -(local @ np.array(self.opening_lps)) - self.rim_mm
        slant = np.radians(_DOME_HALF_DEG)
        # Beyond the borders at +-30 degrees from the pole; in front of and behind the hip, zones 1 and 3 meet at 180.
        over_upper, over_lower = (np.cos(slant) * up - sign * np.sin(slant) * along for sign in (1.0, -1.0))
        within = {
            (1, 1): lambda: np.minimum(over_upper, up),
            (1, 2): lambda: np.maximum(over_lower, up),
            (2, 2): lambda: np.minimum(over_lower, -over_upper),
            (2, 3): lambda: np.maximum(-over_upper, -up),
            (3, 3): lambda: np.minimum(-over_lower, -up),
        }.get(self.zones)
        if within is not None:
            depth = np.minimum(depth, within())
        return np.asarray(depth)

    def full_mm(self, points_lps: PointsLps) -> Array:
        """Give the line's full width over points, shape (N,)."""
        return np.full(len(points_lps), self.line_mm)


@dataclass(frozen=True)
class Sleeve:
    """All that lies over the patches of a surface, as near to it as the line there is wide; the implant included.

    Parameters
    ----------
    core : Solid
        The implant (or its cement mantle).
    patches : tuple of Patch
        Where the line runs; over several of them it is as wide as the widest.
    grown_mm : float
        Added to width and reach: the outline of a rim round the line.
    """

    core: Solid
    patches: tuple[Patch, ...]
    grown_mm: float = 0.0

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        boxes = [p.bounds_lps for p in self.patches]
        # The core may understate its distances, by half at most.
        widest = 2.0 * (self.grown_mm + max(p.greatest_mm for p in self.patches))
        low = np.maximum(np.min([b[0] for b in boxes], axis=0) - self.grown_mm, self.core.bounds_lps[0] - widest)
        high = np.minimum(np.max([b[1] for b in boxes], axis=0) + self.grown_mm, self.core.bounds_lps[1] + widest)
        return low, np.maximum(low, high)

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        points = PointsLps(np.asarray(points_lps))
        from_core = self.core.distance_mm(points) - self.grown_mm
        return np.asarray(np.minimum.reduce([self._over(p, points, from_core) for p in self.patches]))

    def _over(self, patch: Patch, points: PointsLps, from_core: Array) -> Array:
        depth, full, rounding = patch.depth_mm(points) + self.grown_mm, patch.full_mm(points), patch.rounding_mm
        steepest = 1.0 + patch.slope + patch.greatest_mm * (np.pi / 2.0) / rounding
        line = (from_core - full * _rounded(depth, rounding)) / steepest
        # Two tighter bounds: nothing lies beyond the full width, and away from the edges the width is full.
        beyond = (from_core - full) / (1.0 + patch.slope)
        return np.maximum(np.minimum(np.maximum(line, beyond), np.maximum(beyond, rounding - depth)), -depth)
