"""A hip replacement in closed form: tapered stem, head, cup with its liner, cup screw.

Dimensions are those of common uncemented implants as their makers print them (stem about 130 mm, 32 mm head, 54 mm
cup, 6.5 mm cancellous screw); no maker's model is copied.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from planner.geometry.frames import Array, PointsLps, PointTuple, point_tuple, unit
from planner.phantoms.solids.basic import (
    Ball,
    Bounds,
    Difference,
    HalfSpace,
    Intersection,
    RoundCone,
    Solid,
    ThreadedShaft,
    Union,
)

_MEDIAL_MM = ((0.0, 21.5), (14.0, 14.5), (30.0, 11.0), (60.0, 8.8), (126.0, 5.2))
"""Distance of the medial face from the axis, by distance from the shoulder: the calcar curve, hollow outwards."""
_LATERAL_MM = ((0.0, 10.0), (126.0, 5.2))
_HALF_THICKNESS_MM = ((0.0, 7.2), (126.0, 4.8))
_SHOULDER_CHAMFER_MM = 6.0
"""How much of the lateral corner is cut off."""
_EDGE_ROUNDING_MM = 3.0
_TIP_FLAT_MM = 2.5
_SKEW = 1.01
"""Faces of the stem lean on each other by less than 1 in 50, so their rounded joint overstates by less than this."""


def _sloped(across: Array, along: Array, start: tuple[float, float], stop: tuple[float, float]) -> Array:
    """Give the distance in front of a face that runs through two points of (along, across)."""
    slope = (stop[1] - start[1]) / (stop[0] - start[0])
    return np.asarray((across - start[1] - slope * (along - start[0])) / np.hypot(1.0, slope))


@dataclass(frozen=True)
class StemBody:
    """The part of a tapered, collarless stem that sits in the femur: flat faces, rounded edges, a medial curve.

    Parameters
    ----------
    shoulder_lps, tip_lps : tuple of float
        Ends of the axis on the metal, LPS mm.
    medial_lps : tuple of float
        Towards the medial face; only its part at right angles to the axis counts.
    """

    shoulder_lps: PointTuple
    tip_lps: PointTuple
    medial_lps: PointTuple

    @cached_property
    def frame(self) -> tuple[Array, Array, Array, float]:
        """Unit vectors along the axis (downwards), medially and across both, LPS; and the length, mm."""
        along = np.array(self.tip_lps) - np.array(self.shoulder_lps)
        axis = unit(along)
        medial = np.array(self.medial_lps)
        medial = unit(medial - (medial @ axis) * axis)
        return axis, medial, np.cross(axis, medial), float(np.linalg.norm(along))

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        axis, medial, across, length = self.frame
        local = points_lps - np.array(self.shoulder_lps)
        t, u, v = local @ axis, local @ medial, np.abs(local @ across)
        inner = np.minimum.reduce([_sloped(u, t, a, b) for a, b in pairwise(_MEDIAL_MM)])
        side = np.maximum(inner, _sloped(-u, t, *_LATERAL_MM))
        flat = _sloped(v, t, *_HALF_THICKNESS_MM)
        beyond = np.maximum(np.stack([side, flat]) + _EDGE_ROUNDING_MM, 0.0)
        prism = np.hypot(*beyond) + np.minimum(np.maximum(side, flat) + _EDGE_ROUNDING_MM, 0.0) - _EDGE_ROUNDING_MM
        shoulder = np.maximum(-t, (-u - t - _LATERAL_MM[0][1] + _SHOULDER_CHAMFER_MM) / np.sqrt(2.0))
        tip = np.maximum(t - length, (np.maximum(np.abs(u), v) + t - length - _TIP_FLAT_MM) / np.sqrt(2.0))
        return np.asarray(np.maximum.reduce([prism / _SKEW, shoulder, tip]))

    @property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        axis, medial, across, length = self.frame
        corners = [
            np.array(self.shoulder_lps) + t * axis + u * medial + v * across
            for t in (0.0, length)
            for u in (-_LATERAL_MM[0][1], _MEDIAL_MM[0][1])
            for v in (-_HALF_THICKNESS_MM[0][1], _HALF_THICKNESS_MM[0][1])
        ]
        return np.min(corners, axis=0), np.max(corners, axis=0)


@dataclass(frozen=True)
class HipReplacement:
    """The metal and plastic of one hip.

    Parameters
    ----------
    centre_lps : tuple of float
        Centre of head and cup, LPS mm.
    body : StemBody
        The stem within the femur.
    cup_opening_lps : tuple of float
        Unit vector out of the cup's mouth.
    screw_head_lps, screw_tip_lps : tuple of float
        Ends of the cup screw.
    """

    centre_lps: PointTuple
    body: StemBody
    cup_opening_lps: PointTuple
    screw_head_lps: PointTuple
    screw_tip_lps: PointTuple
    head_radius_mm: float = 16.0
    cup_radius_mm: float = 27.0
    shell_mm: float = 3.5
    screw_diameter_mm: float = 6.5
    screw_core_mm: float = 4.6

    @cached_property
    def neck(self) -> Solid:
        """The stem's neck, from the body into the head's bore."""
        centre, (axis, medial, _, _) = np.array(self.centre_lps), self.body.frame
        root = np.array(self.body.shoulder_lps) + 10.0 * axis + 6.0 * medial
        into = centre + 9.0 * unit(root - centre)
        return RoundCone(point_tuple(root), point_tuple(into), 7.0, 6.0)

    @cached_property
    def stem(self) -> Solid:
        """Body and neck, one piece of titanium alloy."""
        return Union((self.body, self.neck))

    @cached_property
    def head(self) -> Solid:
        """The ball, with its bore for the neck."""
        return Difference(Ball(self.centre_lps, self.head_radius_mm), self.neck)

    def _cap(self, radius_mm: float, hollow_mm: float) -> Solid:
        mouth = HalfSpace(self.centre_lps, self.cup_opening_lps)
        return Difference(Intersection((Ball(self.centre_lps, radius_mm), mouth)), Ball(self.centre_lps, hollow_mm))

    @cached_property
    def shell(self) -> Solid:
        """The cup's metal shell."""
        return self._cap(self.cup_radius_mm, self.cup_radius_mm - self.shell_mm)

    @cached_property
    def liner(self) -> Solid:
        """The polyethylene between shell and head."""
        return self._cap(self.cup_radius_mm - self.shell_mm, self.head_radius_mm)

    @cached_property
    def screw(self) -> Solid:
        """A cancellous bone screw through the shell's dome."""
        return ThreadedShaft(
            self.screw_head_lps, self.screw_tip_lps, self.screw_diameter_mm, self.screw_core_mm, nose_mm=6.0
        )
