"""Polyaxial screws: threaded shaft, U-shaped tulip with its set screw, breaks, bores."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from planner.config.phantoms.spine_hardware import Screw
from planner.geometry.frames import Array, PointTuple, point_tuple, unit
from planner.geometry.rigid import angle_between_deg, rotation_about
from planner.phantoms.solids.basic import (
    Ball,
    Cylinder,
    Difference,
    HalfSpace,
    Intersection,
    RoundCone,
    RoundedBox,
    Solid,
    Union,
)
from planner.phantoms.solids.threads import BUTTRESS_THREAD, V_THREAD, ScrewShaft
from planner.phantoms.spine.halos import ScrewAxis

_SMOOTH_MM = 3.0
"""Of the shaft beneath the tulip, without thread."""
_ROD_IN_TULIP_MM = 8.0
_TULIP_MM = 15.0
_SWIVEL_DEG = 30.0
"""A polyaxial head swivels by 30 degrees or so to each side (no source)."""
_PLAY_MM = 0.15
_SET_SCREW_MM = 4.5


@dataclass(frozen=True)
class PolyaxialScrew:
    """A screw of a recipe, where it is in the patient.

    Parameters
    ----------
    recipe : Screw
        What it is.
    planned : ScrewAxis
        Where it was put; a pulled-out screw has left there.
    backward_lps : tuple of float
        To the back of its vertebra, any length: between this and the shaft's own way back the tulip is turned.
    rod_lps : tuple of float or None
        Direction of the rod in its tulip, any length; None where no rod runs.
    rod_mm : float
        Diameter of the rod that the tulip is made for.
    seated : bool
        Whether rod and set screw are in place.
    """

    recipe: Screw
    planned: ScrewAxis
    backward_lps: PointTuple
    rod_lps: PointTuple | None = None
    rod_mm: float = 5.5
    seated: bool = True

    @cached_property
    def axis(self) -> ScrewAxis:
        """Where the screw is now."""
        return self.planned.moved(-self.recipe.pulled_out_mm * self.planned.direction)

    @cached_property
    def tulip_axis(self) -> Array:
        """Unit vector through the tulip: half way between the shaft and straight back, as far as it swivels."""
        back = -self.axis.direction
        half = unit(unit(self.backward_lps) + back)
        angle = angle_between_deg(back, half)
        if angle <= _SWIVEL_DEG:
            return half
        return np.asarray(rotation_about(np.cross(back, half), _SWIVEL_DEG) @ back)

    @property
    def rod_point_lps(self) -> PointTuple:
        """Where the rod's middle lies in the tulip."""
        return point_tuple(np.array(self.axis.head_lps) + _ROD_IN_TULIP_MM * self.tulip_axis)

    @cached_property
    def shaft(self) -> ScrewShaft:
        """The threaded shaft in one piece, without bore."""
        recipe = self.recipe
        return ScrewShaft(
            self.axis.head_lps,
            self.axis.tip_lps,
            recipe.diameter_mm,
            recipe.core_mm,
            recipe.tip_core_mm,
            V_THREAD if recipe.thread == "v" else BUTTRESS_THREAD,
            recipe.pitch_mm,
            _SMOOTH_MM,
        )

    @cached_property
    def bore(self) -> Solid | None:
        """The bore of a cannulated screw, from the tulip's floor to the tip."""
        if self.recipe.cannula_mm is None:
            return None
        start, stop = self.axis.at(-4.0), self.axis.at(self.axis.length_mm + 0.5)
        return Cylinder(point_tuple(start), point_tuple(stop), self.recipe.cannula_mm / 2.0)

    @cached_property
    def pieces(self) -> tuple[Solid, ...]:
        """The shaft as it is: whole, or the outer and the inner piece of a broken one; without bore."""
        broken = self.recipe.broken
        if broken is None:
            return (self.shaft,)
        forward = point_tuple(self.axis.direction)
        outer = HalfSpace(point_tuple(self.axis.at(broken.at_mm)), forward)
        shift = broken.apart_mm * self.axis.direction + broken.offset_mm * self.axis.toward(broken.toward_deg)
        away = self.axis.moved(shift)
        moved = replace(self.shaft, head_lps=away.head_lps, tip_lps=away.tip_lps)
        inner = HalfSpace(point_tuple(self.axis.at(broken.at_mm) + shift), point_tuple(-self.axis.direction))
        return Intersection((self.shaft, outer)), Intersection((moved, inner))

    @cached_property
    def tip_lps(self) -> PointTuple:
        """The end of the metal, also where the inner piece of a broken screw has moved."""
        broken = self.recipe.broken
        if broken is None:
            return self.axis.tip_lps
        shift = broken.apart_mm * self.axis.direction + broken.offset_mm * self.axis.toward(broken.toward_deg)
        return point_tuple(np.array(self.axis.tip_lps) + shift)

    @cached_property
    def hull(self) -> Solid:
        """All that the screw takes from the bone: shaft and tulip, bore and slot filled."""
        return Union((*self.pieces, self._ball, self._neck, self._cup))

    @cached_property
    def metal(self) -> Solid:
        """Shaft, ball, tulip and set screw."""
        bored: tuple[Solid, ...] = (*self.pieces, self._ball)
        if self.bore is not None:
            bored = tuple(Difference(piece, self.bore) for piece in bored)
        return Union((*bored, *self.tulip))

    @cached_property
    def tulip(self) -> tuple[Solid, ...]:
        """The U-shaped head: a cup with a slot for the rod, the set screw over it, the neck below."""
        head, axis = np.array(self.axis.head_lps), self.tulip_axis
        along = np.array(self.rod_lps) if self.rod_lps is not None else np.cross(axis, [1.0, 0.0, 0.0])
        along = unit(along - (along @ axis) * axis)
        seat = head + _ROD_IN_TULIP_MM * axis
        half = self.rod_mm / 2.0 + _PLAY_MM
        side = np.cross(axis, along)
        frame = tuple(point_tuple(row) for row in np.stack([along, side, axis], axis=1))
        floor = Cylinder(point_tuple(seat - 12.0 * along), point_tuple(seat + 12.0 * along), half)
        slot = RoundedBox(point_tuple(seat + 6.0 * axis), (12.0, half, 6.0), 0.0, frame)
        cup = Difference(self._cup, Union((floor, slot)))
        if not self.seated:
            return self._neck, cup
        low, high = seat + (self.rod_mm / 2.0) * axis, head + (_TULIP_MM - 0.5) * axis
        return self._neck, cup, Cylinder(point_tuple(low), point_tuple(high), _SET_SCREW_MM)

    @property
    def _cup(self) -> Solid:
        head, axis = np.array(self.axis.head_lps), self.tulip_axis
        radius = max(self.recipe.diameter_mm / 2.0 + 2.9, self.rod_mm / 2.0 + 3.4)
        low = Cylinder(point_tuple(head + 2.0 * axis), point_tuple(head + _TULIP_MM * axis), radius)
        # Its bottom is turned to a ball, so that it clears the facet.
        round_off = Ball(point_tuple(head + 9.0 * axis), float(np.hypot(radius, 6.0)))
        return Intersection((low, Union((round_off, HalfSpace(point_tuple(head + 9.0 * axis), point_tuple(-axis))))))

    @property
    def _neck(self) -> Solid:
        head = np.array(self.axis.head_lps)
        radius = self.recipe.core_mm / 2.0
        # It ends below the rod.
        wide = min(radius + 1.4, _ROD_IN_TULIP_MM - self.rod_mm / 2.0 - 2.2)
        return RoundCone(point_tuple(head), point_tuple(head + 2.0 * self.tulip_axis), radius, wide)

    @property
    def _ball(self) -> Solid:
        return Ball(self.axis.head_lps, self.recipe.core_mm / 2.0 + 0.4)
