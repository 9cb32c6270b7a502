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

Place = tuple[float, float]
"""A distance from the shoulder, and that of a face from the axis there, mm."""
_SKEW = 1.01
"""Faces of the stem lean on each other by less than 1 in 50, so their rounded joint overstates by less than this."""


def _sloped(across: Array, along: Array, start: tuple[float, float], stop: tuple[float, float]) -> Array:
    """Give the distance in front of a face that runs through two points of (along, across)."""
    slope = (stop[1] - start[1]) / (stop[0] - start[0])
    return np.asarray((across - start[1] - slope * (along - start[0])) / np.hypot(1.0, slope))


@dataclass(frozen=True)
class Outline:
    """Where the faces of a stem stand.

    Parameters
    ----------
    medial_mm : tuple of Place
        The medial face, from the shoulder down: the calcar curve, hollow outwards, so that its slope only falls.
    lateral_mm, half_thickness_mm : two of Place
        The lateral face; the front and back faces, which are alike. Straight.
    shoulder_chamfer_mm : float
        How much of the lateral corner is cut off.
    edge_rounding_mm : float
        Radius of the long edges.
    tip_flat_mm : float
        Half the breadth of the flat end.
    """

    medial_mm: tuple[Place, ...] = ((0.0, 21.5), (14.0, 14.5), (30.0, 11.0), (60.0, 8.8), (126.0, 5.2))
    lateral_mm: tuple[Place, Place] = ((0.0, 10.0), (126.0, 5.2))
    half_thickness_mm: tuple[Place, Place] = ((0.0, 7.2), (126.0, 4.8))
    shoulder_chamfer_mm: float = 6.0
    edge_rounding_mm: float = 3.0
    tip_flat_mm: float = 2.5

    def scaled(self, *, across: float, along: float) -> "Outline":
        """Make the outline so many times as thick and so many times as long."""

        def stretched(places: tuple[Place, ...]) -> tuple[Place, ...]:
            return tuple((t * along, u * across) for t, u in places)

        return Outline(
            stretched(self.medial_mm),
            (stretched(self.lateral_mm)[0], stretched(self.lateral_mm)[1]),
            (stretched(self.half_thickness_mm)[0], stretched(self.half_thickness_mm)[1]),
            self.shoulder_chamfer_mm * across,
            self.edge_rounding_mm * across,
            self.tip_flat_mm * across,
        )


TAPERED = Outline()


@dataclass(frozen=True)
class StemBody:
    """The part of a collarless stem that sits in the femur: flat faces, rounded edges, a medial curve.

    Parameters
    ----------
    shoulder_lps, tip_lps : tuple of float
        Ends of the axis on the metal, LPS mm.
    medial_lps : tuple of float
        Towards the medial face; only its part at right angles to the axis counts.
    outline : Outline
        Its faces.
    """

    shoulder_lps: PointTuple
    tip_lps: PointTuple
    medial_lps: PointTuple
    outline: Outline = TAPERED

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
        (axis, medial, across, length), of = self.frame, self.outline
        rounding = of.edge_rounding_mm
        local = points_lps - np.array(self.shoulder_lps)
        t, u, v = local @ axis, local @ medial, np.abs(local @ across)
        inner = np.minimum.reduce([_sloped(u, t, a, b) for a, b in pairwise(of.medial_mm)])
        side = np.maximum(inner, _sloped(-u, t, *of.lateral_mm))
        flat = _sloped(v, t, *of.half_thickness_mm)
        beyond = np.maximum(np.stack([side, flat]) + rounding, 0.0)
        prism = np.hypot(*beyond) + np.minimum(np.maximum(side, flat) + rounding, 0.0) - rounding
        shoulder = np.maximum(-t, (-u - t - of.lateral_mm[0][1] + of.shoulder_chamfer_mm) / np.sqrt(2.0))
        tip = np.maximum(t - length, (np.maximum(np.abs(u), v) + t - length - of.tip_flat_mm) / np.sqrt(2.0))
        return np.asarray(np.maximum.reduce([prism / _SKEW, shoulder, tip]))

    @property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        (axis, medial, across, length), of = self.frame, self.outline
        thick = of.half_thickness_mm[0][1]
        corners = [
            np.array(self.shoulder_lps) + t * axis + u * medial + v * across
            for t in (0.0, length)
            for u in (-of.lateral_mm[0][1], of.medial_mm[0][1])
            for v in (-thick, thick)
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
