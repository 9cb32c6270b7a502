"""Polyaxial screws: threaded shaft, U-shaped tulip with its set screw, breaks, bores."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from planner.config.phantoms.spine.hardware import Screw
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
from planner.phantoms.spine.defects.halos import ScrewAxis

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
    def _moved(self) -> ScrewAxis:
        """Where the whole screw would lie if all of it had moved as the inner piece of a broken one has."""
        broken = self.recipe.broken
        if broken is None:
            return self.axis
        shift = broken.apart_mm * self.axis.direction + broken.offset_mm * self.axis.toward(broken.toward_deg)
        return self.axis.moved(shift)

    @cached_property
    def _halves(self) -> tuple[HalfSpace, HalfSpace] | None:
        """What lies on the head's side of a break, and what lies beyond it; None for a whole screw."""
        broken, way = self.recipe.broken, self.axis.direction
        if broken is None:
            return None
        outer = HalfSpace(point_tuple(self.axis.at(broken.at_mm)), point_tuple(way))
        return outer, HalfSpace(point_tuple(self._moved.at(broken.at_mm)), point_tuple(-way))

    @cached_property
    def bores(self) -> tuple[Solid, ...]:
        """The bore of each piece of a cannulated screw, from the tulip's floor to the tip; none of a solid one."""
        cannula = self.recipe.cannula_mm
        if cannula is None:
            return ()
        outer, inner = (
            Cylinder(point_tuple(x.at(-4.0)), point_tuple(x.at(x.length_mm + 0.5)), cannula / 2.0)
            for x in (self.axis, self._moved)
        )
        if self._halves is None:
            return (outer,)
        return Intersection((outer, self._halves[0])), Intersection((inner, self._halves[1]))

    @cached_property
    def pieces(self) -> tuple[Solid, ...]:
        """The shaft as it is: whole, or the outer and the inner piece of a broken one; without bore."""
        if self._halves is None:
            return (self.shaft,)
        moved = replace(self.shaft, head_lps=self._moved.head_lps, tip_lps=self._moved.tip_lps)
        return Intersection((self.shaft, self._halves[0])), Intersection((moved, self._halves[1]))

    @cached_property
    def axes(self) -> tuple[ScrewAxis, ...]:
        """The axis of each piece, from its own head's end to its own tip's end."""
        broken = self.recipe.broken
        if broken is None:
            return (self.axis,)
        outer = replace(self.axis, tip_lps=point_tuple(self.axis.at(broken.at_mm)))
        return outer, replace(self._moved, head_lps=point_tuple(self._moved.at(broken.at_mm)))

    @property
    def piece_ids(self) -> tuple[str, ...]:
        """The name of each piece: the screw's own for that with the head, "-tip" after it for a broken-off one."""
        return (self.recipe.id,) if self.recipe.broken is None else (self.recipe.id, f"{self.recipe.id}-tip")

    @property
    def loose_piece(self) -> int | None:
        """Which piece lies in the screw's lucent space, or in most of it; None where there is none."""
        recipe, length = self.recipe, self.axis.length_mm
        if recipe.halo is None and recipe.pulled_out_mm == 0.0:
            return None
        if recipe.broken is None:
            return 0
        start, at = 0.0, recipe.broken.at_mm
        if recipe.halo is not None:
            start = length - recipe.halo.length_mm if recipe.halo.kind == "tip" else recipe.halo.start_mm
        return 0 if at - start > length - max(at, start) else 1

    @property
    def tip_lps(self) -> PointTuple:
        """The end of the metal, also where the inner piece of a broken screw has moved."""
        return self._moved.tip_lps

    @cached_property
    def hull(self) -> Solid:
        """All that the screw takes from the bone: shaft and tulip, bore and slot filled."""
        return Union((*self.pieces, self._ball, self._neck, self._cup))

    @cached_property
    def metals(self) -> tuple[Solid, ...]:
        """The metal of each piece: first shaft, ball, tulip and set screw, then what is broken off."""
        shafts: tuple[Solid, ...] = self.pieces
        ball: list[Solid] = [self._ball]
        if self.bores:
            shafts = tuple(Difference(piece, bore) for piece, bore in zip(self.pieces, self.bores, strict=True))
            ball = [Difference(self._ball, self.bores[0])]
        return Union((shafts[0], *ball, *self.tulip)), *shafts[1:]

    @cached_property
    def metal(self) -> Solid:
        """All its pieces."""
        return Union(self.metals)

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
