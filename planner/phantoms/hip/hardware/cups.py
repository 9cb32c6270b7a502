"""Acetabular cups: a titanium shell with liner and screws, or polyethylene with a wire marker in cement; and heads."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.config.phantoms.hip.implants import Cup, CupScrew, Head, MetalName
from planner.errors import UsageError
from planner.geometry.frames import SUPERIOR, Array, PointsLps, PointTuple, point_tuple, unit
from planner.geometry.rigid import rotation_about
from planner.phantoms.solids.basic import (
    Ball,
    Bounds,
    Difference,
    HalfSpace,
    Intersection,
    Solid,
    ThreadedShaft,
    Union,
)
from planner.phantoms.solids.blended import Boxed
from planner.phantoms.tissues import ALUMINA, COBALT_CHROME, STEEL, TITANIUM, Tissue

_SHELL_MM = 3.5
_WIRE_RADIUS_MM = 0.8
_SCREW_MM, _SCREW_CORE_MM = 6.5, 4.6
"""A cancellous bone screw: ISO 5835 HB 6.5 has a core of 3.0; screws of cups are thicker in the core (by eye)."""
_SCREW_STARTS_MM = 2.5
"""Within the shell's outside: the screw's head sits in it."""
_SCREW_KEEPS_MM = 3.25
"""Half the thread: no part of a screw stands out of the bone."""
_SCREW_LONGEST_MM, _SCREW_SHORTEST_MM = 35.0, 12.0
_TILTS_DEG = (0.0, -5.0, 5.0, -10.0, 10.0, -15.0, 15.0, -20.0, -25.0)
_TURNS_DEG = tuple(float(turn) for turn in range(-80, 81, 8))
"""How far a screw that does not fit as asked for may be turned aside (by eye)."""
_STEEPEST_DEG = 40.0
_NEIGHBOURS_COSINE = float(np.cos(np.radians(17.0)))
"""Screws this far apart clear each other where they start."""
_BREAK_SHARE, _BREAK_MM = 0.34, 1.2

METALS: dict[str, Tissue] = {
    "titanium": TITANIUM,
    "cobalt-chrome": COBALT_CHROME,
    "steel": STEEL,
    "ceramic": ALUMINA,
}


@dataclass(frozen=True)
class Ring:
    """A wire bent to a circle.

    Parameters
    ----------
    centre_lps, axis_lps : tuple of float
        Its middle, and a vector across its plane.
    radius_mm, wire_radius_mm : float
        Of the circle, and of the wire.
    """

    centre_lps: PointTuple
    axis_lps: PointTuple
    radius_mm: float
    wire_radius_mm: float

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give the signed distance of points, shape (N, 3) to (N,), negative inside."""
        local, axis = points_lps - np.array(self.centre_lps), unit(self.axis_lps)
        height = local @ axis
        across = np.linalg.norm(local - height[..., None] * axis, axis=-1)
        return np.asarray(np.hypot(across - self.radius_mm, height) - self.wire_radius_mm)

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        disc = np.sqrt(np.maximum(0.0, 1.0 - unit(self.axis_lps) ** 2)) * self.radius_mm + self.wire_radius_mm
        return np.array(self.centre_lps) - disc, np.array(self.centre_lps) + disc


@dataclass(frozen=True)
class FittedScrew:
    """A cup screw in the pelvis: its ends, its metal (in two pieces where it is broken)."""

    head_lps: PointTuple
    tip_lps: PointTuple
    pieces: tuple[Solid, ...]
    diameter_mm: float = _SCREW_MM


@dataclass(frozen=True)
class FittedCup:
    """A cup in its pelvis.

    Parameters
    ----------
    centre_lps, opening_lps : tuple of float
        Its centre, and the unit vector out of its mouth.
    lateral_lps : tuple of float
        Unit vector to the patient's outside.
    radius_mm : float
        Of its outside, without cement.
    mantle_mm : float
        Cement behind it; 0 without.
    head_radius_mm : float
        Of the ball that it holds.
    screws : tuple of FittedScrew
        Through its dome.
    """

    centre_lps: PointTuple
    opening_lps: PointTuple
    lateral_lps: PointTuple
    radius_mm: float
    mantle_mm: float
    head_radius_mm: float
    screws: tuple[FittedScrew, ...] = ()

    @property
    def cemented(self) -> bool:
        """Whether it lies in cement."""
        return self.mantle_mm > 0.0

    @property
    def core_radius_mm(self) -> float:
        """Radius against which the bone lies: of the metal, or of the cement."""
        return self.radius_mm + self.mantle_mm

    def _cap(self, radius_mm: float, hollow_mm: float) -> Solid:
        mouth = HalfSpace(self.centre_lps, self.opening_lps)
        return Difference(Intersection((Ball(self.centre_lps, radius_mm), mouth)), Ball(self.centre_lps, hollow_mm))

    @cached_property
    def shell(self) -> Solid:
        """The metal shell; of a cemented cup its polyethylene."""
        return self._cap(self.radius_mm, self.head_radius_mm if self.cemented else self.radius_mm - _SHELL_MM)

    @cached_property
    def liner(self) -> Solid | None:
        """The polyethylene between metal shell and head."""
        return None if self.cemented else self._cap(self.radius_mm - _SHELL_MM, self.head_radius_mm)

    @cached_property
    def mantle(self) -> Solid | None:
        """The cement behind it."""
        return self._cap(self.core_radius_mm, self.radius_mm) if self.cemented else None

    @cached_property
    def marker(self) -> Solid | None:
        """The wire in a cemented cup: a ring round its rim, and an arch over its dome."""
        if not self.cemented:
            return None
        opening = np.array(self.opening_lps)
        depth, radius = 4.0, self.radius_mm - 2.0
        rim = Ring(
            point_tuple(np.array(self.centre_lps) - depth * opening),
            self.opening_lps,
            float(np.sqrt(radius**2 - depth**2)),
            _WIRE_RADIUS_MM,
        )
        across = np.cross(opening, np.array(self.lateral_lps))
        arch = Intersection(
            (
                Ring(self.centre_lps, point_tuple(across), radius, _WIRE_RADIUS_MM),
                HalfSpace(point_tuple(np.array(self.centre_lps) - depth * opening), self.opening_lps),
            )
        )
        return Union((rim, arch))

    @cached_property
    def whole_ball(self) -> Solid:
        """All within the cup's outside, cement included: no gap lies in there."""
        return Ball(self.centre_lps, self.core_radius_mm)


def fit_cup(cup: Cup, head: Head, *, centre_lps: PointTuple, lateral_lps: PointTuple, pelvis: Solid) -> FittedCup:
    """Place a cup about a hip's centre, its screws within the pelvis.

    Parameters
    ----------
    cup, head : Cup, Head
        What is wanted.
    centre_lps, lateral_lps : tuple of float
        The hip's centre, and the unit vector to the patient's outside.
    pelvis : Solid
        The bone, its cup's bed filled.

    Returns
    -------
    FittedCup
        A screw without a given length that finds no 12 mm of bone as asked for is turned aside; it is left out where no
        bone is near.

    Raises
    ------
    UsageError
        If a broken screw has no room.
    """
    cemented = cup.fixation == "cemented"
    radius = cup.diameter_mm / 2.0
    screws = _screws(cup, centre_lps, lateral_lps, radius, pelvis)
    return FittedCup(
        centre_lps=centre_lps,
        opening_lps=cup_opening(cup, lateral_lps),
        lateral_lps=lateral_lps,
        radius_mm=radius,
        mantle_mm=cup.mantle_mm if cemented else 0.0,
        head_radius_mm=head.diameter_mm / 2.0,
        screws=screws,
    )


def cup_opening(cup: Cup, lateral_lps: PointTuple) -> PointTuple:
    """Give the unit vector out of a cup's mouth, by radiographic inclination and anteversion (Murray 1993).

    Parameters
    ----------
    cup : Cup
        Its angles.
    lateral_lps : tuple of float
        Unit vector to the patient's outside.

    Returns
    -------
    tuple of float
    """
    inclination, anteversion = np.radians([cup.inclination_deg, cup.anteversion_deg])
    flat = np.cos(anteversion)
    side = float(np.sign(lateral_lps[0]))
    return point_tuple([side * np.sin(inclination) * flat, -np.sin(anteversion), -np.cos(inclination) * flat])


def screw_way(screw: CupScrew, lateral_lps: PointTuple) -> Array:
    """Give the unit vector along a cup screw, from the cup into the pelvis."""
    turn = np.radians(screw.turn_deg)
    aside = np.cos(turn) * np.array(lateral_lps) + np.sin(turn) * np.array([0.0, 1.0, 0.0])
    axis = np.cross(SUPERIOR, aside)
    return np.asarray(rotation_about(axis, screw.tilt_deg) @ SUPERIOR)


def _screws(
    cup: Cup, centre_lps: PointTuple, lateral_lps: PointTuple, radius_mm: float, pelvis: Solid
) -> tuple[FittedScrew, ...]:
    """Place screws one after the other: those of given length as asked for, the others where they fit."""
    made: list[FittedScrew] = []
    ways: list[Array] = []
    for screw in cup.screws:
        way: Array | None = screw_way(screw, lateral_lps)
        length = screw.length_mm
        if length is None:
            way, length = _place_that_fits(screw, ways, centre_lps, lateral_lps, radius_mm, pelvis)
        if way is None:
            if screw.broken:
                raise UsageError(
                    "the pelvis has no room for the broken screw of the cup: give it a length, or no screw"
                )
            continue
        ways.append(way)
        made.append(_screw(way, length, np.array(centre_lps), radius_mm, broken=screw.broken))
    return tuple(made)


def _place_that_fits(
    screw: CupScrew, others: Sequence[Array], centre_lps: PointTuple, lateral_lps: PointTuple, radius_mm: float,
    pelvis: Solid,
) -> tuple[Array | None, float]:  # fmt: skip
    """Give way and length of a screw: as asked for, or turned aside as little as need be; None if it fits nowhere."""
    asked = screw_way(screw, lateral_lps)
    tilts = [t for t in (screw.tilt_deg + d for d in _TILTS_DEG) if 0.0 <= t <= max(_STEEPEST_DEG, screw.tilt_deg)]
    places = [
        screw.model_copy(update={"tilt_deg": tilt, "turn_deg": screw.turn_deg + turn})
        for tilt in tilts
        for turn in _TURNS_DEG
    ]
    ways = sorted((screw_way(place, lateral_lps) for place in places), key=lambda way: -float(way @ asked))
    for way in ways:
        if all(float(way @ other) < _NEIGHBOURS_COSINE for other in others):
            length = _length_inside_mm(way, np.array(centre_lps), radius_mm, pelvis)
            if length >= _SCREW_SHORTEST_MM:
                return way, length
    return None, 0.0


def _length_inside_mm(way: Array, centre: Array, radius_mm: float, pelvis: Solid) -> float:
    """Give how far a screw may go in without its thread standing out of the pelvis, 35 mm at most."""
    steps = np.arange(radius_mm + _SCREW_STARTS_MM, radius_mm + _SCREW_LONGEST_MM + 0.25, 0.5)
    out = np.flatnonzero(-pelvis.distance_mm(PointsLps(centre + steps[:, None] * way)) < _SCREW_KEEPS_MM)
    return float(steps[out[0]] - 0.5 - radius_mm) if len(out) else _SCREW_LONGEST_MM


def _screw(way: Array, length: float, centre: Array, radius_mm: float, *, broken: bool) -> FittedScrew:
    head, tip = centre + (radius_mm - _SCREW_STARTS_MM) * way, centre + (radius_mm + length) * way
    whole = ThreadedShaft(point_tuple(head), point_tuple(tip), _SCREW_MM, _SCREW_CORE_MM, nose_mm=6.0)
    if not broken:
        return FittedScrew(point_tuple(head), point_tuple(tip), (whole,))
    at = centre + (radius_mm + _BREAK_SHARE * length) * way
    upper = HalfSpace(point_tuple(at - _BREAK_MM / 2.0 * way), point_tuple(way))
    lower = HalfSpace(point_tuple(at + _BREAK_MM / 2.0 * way), point_tuple(-way))
    pieces = (Boxed(Intersection((whole, upper))), Boxed(Intersection((whole, lower))))
    return FittedScrew(point_tuple(head), point_tuple(tip), pieces)


def metal(name: MetalName) -> Tissue:
    """Give the tissue of a metal."""
    return METALS[name]
