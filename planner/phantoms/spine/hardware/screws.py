"""Pedicle screws with tulip heads, rods, and the halos round loose screws."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.geometry.frames import Array, PointTuple, point_tuple, unit
from planner.model.implant import Side
from planner.phantoms.solids.basic import Ball, Cylinder, RoundCone, Solid, ThreadedShaft, Union, tube
from planner.phantoms.solids.columns import Turned
from planner.phantoms.spine.patient.vertebrae import Vertebra

_TULIP_LENGTH_MM = 14.0
_ROD_IN_TULIP_MM = 8.0
_ROD_OVERHANG_MM = 8.0


@dataclass(frozen=True)
class Halo:
    """A lucent hole round a screw.

    Parameters
    ----------
    widths_mm : tuple of (float, float)
        Pairs of distance from the screw's head along its axis, and width from the thread's crest, mm; rising, straight
        in between. Negative widths round the ends off; a last distance past the tip makes a cap.
    offset_mm : tuple of float
        Shift of the hole's axis in the vertebra's own coordinates: one-sided where it is not zero.
    """

    widths_mm: tuple[tuple[float, float], ...]
    offset_mm: PointTuple = (0.0, 0.0, 0.0)

    @property
    def nominal_width_mm(self) -> float:
        """Mean width along the hole, from crest to bone."""
        t, width = np.array(self.widths_mm).T
        return float(np.trapezoid(width, t) / (t[-1] - t[0]))


@dataclass(frozen=True)
class PedicleScrew:
    """A polyaxial pedicle screw.

    Parameters
    ----------
    vertebra : Vertebra
        Where it sits.
    side : "left" or "right"
        Which pedicle.
    head_local_mm, tip_local_mm : tuple of float
        Where the shaft meets the tulip, and the end of the metal, in the vertebra's own coordinates of the left side;
        the right side mirrors them.
    diameter_mm, core_mm : float
        Over the thread, and under it.
    halo : Halo or None
        None for a firm screw.
    """

    vertebra: Vertebra
    side: Side
    head_local_mm: PointTuple
    tip_local_mm: PointTuple
    diameter_mm: float
    core_mm: float
    halo: Halo | None = None

    @property
    def id(self) -> str:
        """Level and side."""
        return f"{self.vertebra.level.lower()}-{self.side}"

    def _place(self, local_mm: PointTuple) -> PointTuple:
        sign = 1.0 if self.side == "left" else -1.0
        return self.vertebra.place((sign * local_mm[0], local_mm[1], local_mm[2]))

    @cached_property
    def head_lps(self) -> PointTuple:
        """Where the shaft meets the tulip, LPS mm."""
        return self._place(self.head_local_mm)

    @cached_property
    def tip_lps(self) -> PointTuple:
        """The end of the metal, LPS mm."""
        return self._place(self.tip_local_mm)

    @property
    def direction(self) -> Array:
        """Unit vector from head to tip."""
        return unit(np.array(self.tip_lps) - np.array(self.head_lps))

    @property
    def length_mm(self) -> float:
        """From head to tip."""
        return float(np.linalg.norm(np.array(self.tip_lps) - np.array(self.head_lps)))

    @property
    def _tulip_axis(self) -> Array:
        # Polyaxial: half way between the shaft and straight back, as the rod pulls it.
        return unit(unit(self.vertebra.axes[:, 1]) - self.direction)

    @property
    def rod_lps(self) -> PointTuple:
        """Where the rod passes through the tulip."""
        return point_tuple(np.array(self.head_lps) + _ROD_IN_TULIP_MM * self._tulip_axis)

    @cached_property
    def metal(self) -> Solid:
        """Shaft, ball and tulip."""
        head, axis = np.array(self.head_lps), self._tulip_axis
        shaft = ThreadedShaft(self.head_lps, self.tip_lps, self.diameter_mm, self.core_mm)
        radius = self.diameter_mm / 2.0
        tulip = Cylinder(point_tuple(head + 1.0 * axis), point_tuple(head + _TULIP_LENGTH_MM * axis), radius + 2.6)
        neck = RoundCone(self.head_lps, point_tuple(head + 3.0 * axis), radius, radius + 1.6)
        return Union((shaft, Ball(self.head_lps, radius), neck, tulip))

    @cached_property
    def hole(self) -> Solid | None:
        """The halo's hole, metal and all; None for a firm screw."""
        if self.halo is None:
            return None
        t, width = np.array(self.halo.widths_mm).T
        start = np.array(self.head_lps) + self.vertebra.axes @ np.array(self.halo.offset_mm)
        knots, radii = tuple(float(v) for v in t), tuple(float(v) + self.diameter_mm / 2.0 for v in width)
        return Turned(point_tuple(start), point_tuple(self.direction), knots, radii)


@dataclass(frozen=True)
class Rod:
    """A rod through the tulips of one side.

    Parameters
    ----------
    side : "left" or "right"
        Which side.
    screws : tuple of PedicleScrew
        From the top down, at least two.
    diameter_mm : float
        Of the rod.
    """

    side: Side
    screws: tuple[PedicleScrew, ...]
    diameter_mm: float

    @cached_property
    def line_lps(self) -> tuple[PointTuple, ...]:
        """From the lower end to the upper end, LPS mm."""
        points = [np.array(s.rod_lps) for s in reversed(self.screws)]
        low = points[0] + _ROD_OVERHANG_MM * unit(points[0] - points[1])
        high = points[-1] + _ROD_OVERHANG_MM * unit(points[-1] - points[-2])
        return tuple(point_tuple(p) for p in (low, *points, high))

    @cached_property
    def metal(self) -> Solid:
        """The rod, ends rounded."""
        return tube(self.line_lps, [self.diameter_mm / 2.0] * len(self.line_lps))

    @property
    def length_mm(self) -> float:
        """Along its bends, without the rounded ends."""
        return _length_mm(self.line_lps)


def _length_mm(points: Sequence[PointTuple]) -> float:
    return float(np.linalg.norm(np.diff(np.array(points), axis=0), axis=1).sum())
