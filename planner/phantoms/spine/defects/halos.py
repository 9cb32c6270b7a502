"""The lucent spaces round loose screws: holes of several forms about a screw's axis, and channels through the wall."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.config.phantoms.spine.defects import EvenHalo, Halo, OneSidedHalo, TipHalo, WallDefect, WiperHalo
from planner.geometry.frames import Array, PointTuple, point_tuple, unit
from planner.phantoms.solids.basic import Cylinder, Grown, Intersection, Solid
from planner.phantoms.solids.columns import Turned
from planner.phantoms.solids.fans import Fan

_MOUTH_MM = 0.6
"""A halo opens within the thread, so that it begins with an edge of no width."""
_WAIST_MM = 0.15
"""Width that a wiper's halo has at its pivot."""
TRACK_MM = 0.3
"""Clearance of the hole that a pulled-out screw leaves behind."""
_WALL_REACH_MM = 45.0
"""Further from any screw than any wall of its bone."""


@dataclass(frozen=True)
class ScrewAxis:
    """A screw's axis with the directions round it.

    Parameters
    ----------
    head_lps, tip_lps : tuple of float
        LPS mm.
    upward_lps : tuple of float
        Cranial in the vertebra, any length; made square to the axis.
    """

    head_lps: PointTuple
    tip_lps: PointTuple
    upward_lps: PointTuple

    @cached_property
    def direction(self) -> Array:
        """Unit vector from head to tip."""
        return unit(np.array(self.tip_lps) - np.array(self.head_lps))

    @cached_property
    def length_mm(self) -> float:
        """From head to tip."""
        return float(np.linalg.norm(np.array(self.tip_lps) - np.array(self.head_lps)))

    def toward(self, turn_deg: float) -> Array:
        """Give the unit vector square to the axis that points cranially for 0 degrees, to the left for 90."""
        up = np.array(self.upward_lps)
        up = unit(up - (up @ self.direction) * self.direction)
        left = np.cross(up, self.direction)
        return np.asarray(np.cos(np.radians(turn_deg)) * up + np.sin(np.radians(turn_deg)) * left)

    def at(self, along_mm: float) -> Array:
        """Give the point of the axis so far from the head, LPS mm."""
        return np.asarray(np.array(self.head_lps) + along_mm * self.direction)

    def moved(self, shift_mm: Array) -> "ScrewAxis":
        """Give the axis shifted by a vector, LPS mm."""
        head, tip = (point_tuple(np.array(p) + shift_mm) for p in (self.head_lps, self.tip_lps))
        return ScrewAxis(head, tip, self.upward_lps)


def halo_hole(halo: Halo, axis: ScrewAxis, diameter_mm: float) -> Turned | Fan:
    """Give the hole of a halo, metal and all.

    Parameters
    ----------
    halo : Halo
        Its form and width.
    axis : ScrewAxis
        Of the screw.
    diameter_mm : float
        Of the screw, over the thread.

    Returns
    -------
    Turned or Fan
    """
    radius = diameter_mm / 2.0
    if isinstance(halo, WiperHalo):
        return _wiper(halo, axis, radius)
    start = halo.start_mm if not isinstance(halo, TipHalo) else max(axis.length_mm - halo.length_mm, 0.0)
    if isinstance(halo, EvenHalo | TipHalo):
        return _even(axis, start, radius, halo.width_mm)
    half = halo.width_mm / 2.0
    # The hole is half as much wider as the gap is wide, and touches the crest on the side where there is none.
    return _even(axis.moved(half * axis.toward(halo.toward_deg)), start, radius, half)


def _even(axis: ScrewAxis, start: float, radius: float, width: float) -> Turned:
    length = axis.length_mm
    ramp = min(max(1.5, width), (length - start) / 2.0)
    knots = (start, start + ramp, length - 1.0, length + 0.55 * width, length + width)
    radii = (radius - _MOUTH_MM, radius + width, radius + width, 0.8 * radius + 0.6 * width, 0.35 * radius)
    return Turned(axis.head_lps, point_tuple(axis.direction), knots, radii)


def _wiper(halo: WiperHalo, axis: ScrewAxis, radius: float) -> Turned | Fan:
    length, pivot = axis.length_mm, halo.pivot_mm
    slope = halo.width_mm / (length - pivot)
    end = length + 0.5 * halo.width_mm
    knots, widths = [halo.start_mm], [max(pivot - halo.start_mm, 0.0) * slope]
    if halo.start_mm < pivot:
        knots.append(pivot)
        widths.append(0.0)
    else:
        widths[0] = (halo.start_mm - pivot) * slope
    knots += [length - 0.5, end]
    widths += [(length - 0.5 - pivot) * slope, halo.width_mm * 0.6]
    radii = [radius + _WAIST_MM] * (len(knots) - 1) + [0.55 * radius]
    direction = point_tuple(axis.direction)
    if halo.swing_deg is None:
        wide = tuple(r + w for r, w in zip(radii, widths, strict=True))
        return Turned(axis.head_lps, direction, tuple(knots), wide)
    swing = point_tuple(axis.toward(halo.swing_deg))
    return Fan(axis.head_lps, direction, swing, tuple(knots), tuple(radii), tuple(widths))


def empty_track(axis: ScrewAxis, diameter_mm: float) -> Turned:
    """Give the hole that a screw has left, all along its first place."""
    radius, length = diameter_mm / 2.0 + TRACK_MM, axis.length_mm
    knots, radii = (0.0, length - 3.0, length), (radius, radius, 0.5 * radius)
    return Turned(axis.head_lps, point_tuple(axis.direction), knots, radii)


def wall_channel(defect: WallDefect, axis: ScrewAxis, bone: Solid) -> Solid:
    """Give the channel from a screw's axis through the wall of the bone, or up to what is left of it.

    Parameters
    ----------
    defect : WallDefect
        Where it goes, how wide it is, how much bone it leaves.
    axis : ScrewAxis
        Of the screw.
    bone : Solid
        The bone's outer form.

    Returns
    -------
    Solid
        Before metal is taken from it.
    """
    start = axis.at(defect.at_mm)
    stop = start + _WALL_REACH_MM * axis.toward(defect.toward_deg)
    channel = Cylinder(point_tuple(start), point_tuple(stop), defect.diameter_mm / 2.0)
    # A solid never overstates how deep a point lies, so that what is left is never thinner than it should be.
    return Intersection((channel, Grown(bone, -defect.wall_mm)))


def nominal_width_mm(halo: Halo, axis: ScrewAxis, diameter_mm: float) -> float:
    """Give a halo's mean width round the screw and along it, from the thread's crest, its ends left out.

    Parameters
    ----------
    halo : Halo
        Its form.
    axis : ScrewAxis
        Of the screw.
    diameter_mm : float
        Of the screw, over the thread.

    Returns
    -------
    float
        The stated width of even and tip halos, half of it where one side has none; of a wiper's the mean over its
        length and over all directions.
    """
    if isinstance(halo, EvenHalo | TipHalo):
        return halo.width_mm
    if isinstance(halo, OneSidedHalo):
        return halo.width_mm / 2.0
    along = np.linspace(halo.start_mm, axis.length_mm, 200)
    reach = np.abs(along - halo.pivot_mm) * halo.width_mm / (axis.length_mm - halo.pivot_mm)
    radius = diameter_mm / 2.0
    if halo.swing_deg is None:
        return float(_WAIST_MM + reach.mean())
    # From the middle of a disc that is drawn out: to its straight sides, or to its round ends.
    turn = np.radians(np.arange(0.5, 90.0))
    across, ahead, wide = np.sin(turn), np.cos(turn), radius + _WAIST_MM
    flat = wide / across
    drawn = reach[:, None] * ahead + np.sqrt(np.maximum(wide**2 - (reach[:, None] * across) ** 2, 0.0))
    edge = np.where(flat * ahead < reach[:, None], flat, drawn)
    return float(edge.mean() - radius)
