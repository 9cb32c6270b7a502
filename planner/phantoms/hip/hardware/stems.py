"""Femoral stems, fitted to the canal of a patient: tapered, collared, short, cylindrical, curved, polished taper.

Outlines and lengths are those of common stems as their makers print them (uncemented tapers 110-150 mm, short ones
below 110, fully coated cylinders and curved ones from 150, polished tapers 125-150); no maker's model is copied.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.config.phantoms.hip.implants import BrokenStem, Stem, StemShape
from planner.errors import UsageError
from planner.geometry.frames import Array, PointsLps, PointTuple, point_tuple, unit
from planner.phantoms.hip.defects.sleeves import StemAxis
from planner.phantoms.hip.hardware.implants import TAPERED, Outline, StemBody
from planner.phantoms.hip.lattices import lattice_points
from planner.phantoms.hip.patient.femur import Femur
from planner.phantoms.solids.basic import (
    Cylinder,
    Difference,
    Grown,
    HalfSpace,
    Intersection,
    RoundCone,
    Solid,
    Union,
    tube,
)
from planner.phantoms.solids.blended import Boxed

_LENGTHS_MM: dict[StemShape, float] = {
    "tapered": 128.0,
    "collared": 128.0,
    "short": 95.0,
    "cylindrical": 155.0,
    "curved": 170.0,
    "polished": 145.0,
}
_SHORT = Outline(
    medial_mm=((0.0, 20.0), (12.0, 13.5), (26.0, 10.0), (50.0, 7.8), (95.0, 4.2)),
    lateral_mm=((0.0, 9.0), (95.0, 4.2)),
    half_thickness_mm=((0.0, 7.0), (95.0, 4.0)),
    edge_rounding_mm=2.6,
)
_POLISHED = Outline(
    medial_mm=((0.0, 15.5), (14.0, 11.5), (40.0, 8.6), (145.0, 3.4)),
    lateral_mm=((0.0, 8.5), (145.0, 3.4)),
    half_thickness_mm=((0.0, 6.2), (145.0, 3.0)),
    shoulder_chamfer_mm=5.0,
    edge_rounding_mm=2.2,
    tip_flat_mm=1.6,
)
_FLARED = Outline(
    medial_mm=((0.0, 20.5), (14.0, 14.0), (30.0, 10.0), (70.0, 4.5)),
    lateral_mm=((0.0, 9.5), (70.0, 5.0)),
    half_thickness_mm=((0.0, 7.2), (70.0, 4.6)),
)
"""The upper part of cylindrical and curved stems; the shaft runs through it."""
_OUTLINES: dict[StemShape, Outline] = {
    "tapered": TAPERED,
    "collared": TAPERED,
    "short": _SHORT,
    "cylindrical": _FLARED,
    "curved": _FLARED,
    "polished": _POLISHED,
}
_FLARED_LENGTH_MM = 70.0
_GREATEST_GIRTH, _LEAST_GIRTH, _GIRTH_STEP = 1.3, 0.6, 0.05
_SHAFT_MM = (4.5, 9.0)
"""Thinnest and thickest shaft of a cylindrical stem: 9-18 mm are made."""
_PRESS_MM = 0.5
"""Bone left between an uncemented stem and the cortex, so that it never cuts into it. Set by eye."""
_SHAFT_FROM_MM = 32.0
_BEND_MM = (42.0, 75.0)
"""Between these a curved stem leaves its straight axis for the middle of the canal."""
_TILT_PIVOT = 0.25
_SHOULDER_MM = 36.0
"""Height of the shoulder over the lesser trochanter, in a mean woman (by eye)."""
_NARROW_FROM = 0.4
"""From this share of its length on a stem lies in the narrow canal, whose middle it follows."""
_COLLAR_MM, _COLLAR_REACH_MM = 3.0, 8.0
"""Thickness of a collar, and how far it stands out (by eye)."""
_OUTSIDE_MM = -1.5
"""How far the axis of a perforating tip lies outside of the bone: just within, so that half of it stands out."""


_BREAK_REACH_MM = 14.0
"""A break, which runs aslant, lies within this of its middle: only its box rests on it."""


@dataclass(frozen=True)
class FittedStem:
    """A stem in its femur.

    Parameters
    ----------
    axis : StemAxis
        From the shoulder to the tip.
    body : Solid
        What of it sits in the femur.
    neck : Solid
        From the body into the head.
    collar : Solid or None
        What rests on the calcar.
    girth : float
        Thickness against the shape's own.
    broken : BrokenStem or None
        Where it is in two.
    """

    axis: StemAxis
    body: Solid
    neck: Solid
    collar: Solid | None
    girth: float
    broken: BrokenStem | None = None

    @cached_property
    def whole(self) -> Solid:
        """All its metal, as if it were not broken."""
        return Union((self.body, self.neck) if self.collar is None else (self.body, self.neck, self.collar))

    @cached_property
    def pieces(self) -> tuple[Solid, ...]:
        """The metal: one piece, or the upper and the lower one of a broken stem."""
        if self.broken is None:
            return (self.whole,)
        above, below = self._ends(self.broken)
        return Union((self.neck, Intersection((self.without_neck, above)))), Intersection((self.body, below))

    @cached_property
    def cleft(self) -> Solid | None:
        """The plane slab in which a stem is broken, wider than the stem."""
        if self.broken is None:
            return None
        middle = self.broken.at_share * self.axis.length_mm
        near = Cylinder(self.axis.at(middle - _BREAK_REACH_MM), self.axis.at(middle + _BREAK_REACH_MM), 40.0)
        return Difference(near, Union(self._ends(self.broken)))

    @cached_property
    def parting(self) -> Solid | None:
        """What lies between the pieces of a broken stem."""
        return None if self.cleft is None else Boxed(Difference(Intersection((self.body, self.cleft)), self.neck))

    def _ends(self, broken: BrokenStem) -> tuple[Solid, Solid]:
        """Give all that lies above a break, and all that lies below."""
        # Fatigue cracks start at the lateral edge and run inwards a little downwards.
        way = point_tuple(unit(self.axis.frame[0] + 0.25 * self.axis.frame[1]))
        middle, half = broken.at_share * self.axis.length_mm, broken.opened_mm / 2.0
        return (
            HalfSpace(self.axis.at(middle - half), way),
            HalfSpace(self.axis.at(middle + half), point_tuple(-np.array(way))),
        )

    @cached_property
    def without_neck(self) -> Solid:
        """Body and collar."""
        return self.body if self.collar is None else Union((self.body, self.collar))


def fit_stem(stem: Stem, femur: Femur) -> FittedStem:
    """Place a stem in a femur's canal, as thick as it fits where no girth is asked for.

    Parameters
    ----------
    stem : Stem
        What is wanted.
    femur : Femur
        The patient's bone.

    Returns
    -------
    FittedStem
        Below the neck's resection all metal and cement lies within the cortex, but for a tip that perforates it.

    Raises
    ------
    UsageError
        If the canal is too narrow for it.
    """
    girths = (
        [stem.girth] if stem.girth is not None else list(np.arange(_GREATEST_GIRTH, _LEAST_GIRTH - 1e-9, -_GIRTH_STEP))
    )
    axis = stem_axis(stem, femur)
    margin = _PRESS_MM if stem.mantle is None else stem.mantle.thickness_mm + 0.2
    for girth in girths:
        body = _body(stem, femur, axis, float(girth))
        if body is not None and _fits(
            body, femur, margin, down_to_mm=0.45 * axis.length_mm if stem.perforates else None
        ):
            return _finished(stem, femur, axis, body, float(girth))
    length = f"{axis.length_mm:.0f} mm long"
    raise UsageError(
        f"the femur's canal has no room for a {stem.shape} stem {length}, {girths[-1]:.2f} times its own thickness: "
        "choose a thinner or shorter one, less tilt or less cement"
    )


def stem_axis(stem: Stem, femur: Femur) -> StemAxis:
    """Lay a stem's axis through the canal, from the neck's resection down.

    The axis is straight: below the metaphysis it runs as near to the middle of the bowed canal as a line can.

    Parameters
    ----------
    stem : Stem
        What is wanted.
    femur : Femur
        The patient's bone.

    Returns
    -------
    StemAxis
    """
    length = stem.length_mm if stem.length_mm is not None else _LENGTHS_MM[stem.shape]
    top = _SHOULDER_MM * femur.patient.size
    heights = top - length * np.linspace(_NARROW_FROM, 1.0, 12)
    middles = np.array([femur.frame.offsets(PointsLps(np.array([femur.canal_axis(float(h))])))[0] for h in heights])
    slope, behind = np.polyfit(heights, middles[:, 1], 1)
    # Across, the lateral wall is nearly straight: the stem stands over the middle of the isthmus.
    shoulder = np.array([middles[-1, 0], slope * top + behind, top])
    down = unit([0.0, -slope, -1.0])
    tip = shoulder + length * down
    tilt = np.tan(np.radians(stem.varus_deg))
    if stem.perforates:
        out = _way_out_mm(femur, femur.frame.place(point_tuple(tip)))
        tilt = max(tilt, (out + _OUTSIDE_MM) / ((1.0 - _TILT_PIVOT) * length))
    pivot = shoulder + _TILT_PIVOT * length * down
    turned = unit(down + tilt * np.array([1.0, 0.0, 0.0]))
    ends = (pivot - _TILT_PIVOT * length * turned, pivot + (1.0 - _TILT_PIVOT) * length * turned)
    first, last = (femur.frame.place(point_tuple(p)) for p in ends)
    return StemAxis(first, last, point_tuple(np.array(femur.body.origin_lps) - np.array(first)))


def _way_out_mm(femur: Femur, start_lps: PointTuple) -> float:
    """Give how far outwards from a point in the canal the bone ends, mm."""
    return point_on_surface(femur.outside, start_lps, femur.frame.direction((1.0, 0.0, 0.0)))


def _body(stem: Stem, femur: Femur, axis: StemAxis, girth: float) -> Solid | None:
    outline = _OUTLINES[stem.shape]
    if stem.shape not in ("cylindrical", "curved"):
        own = _LENGTHS_MM[stem.shape]
        scaled = outline.scaled(across=girth, along=axis.length_mm / own)
        return StemBody(axis.shoulder_lps, axis.tip_lps, axis.medial_lps, scaled)
    flare = StemBody(
        axis.shoulder_lps, axis.at(_FLARED_LENGTH_MM), axis.medial_lps, outline.scaled(across=girth, along=1.0)
    )
    shaft = _shaft(stem, femur, axis)
    return None if shaft is None else Union((flare, *(Boxed(s) for s in shaft)))


def _shaft(stem: Stem, femur: Femur, axis: StemAxis) -> tuple[Solid, ...] | None:
    """Make the round shaft of a cylindrical or curved stem, as thick as the canal allows."""
    places = np.linspace(_SHAFT_FROM_MM, axis.length_mm, 12)
    line = np.array([_shaft_centre(stem, femur, axis, float(t)) for t in places])
    inside = femur.inside.distance_mm(PointsLps(line[2:]))
    radius = min(float(-inside.max()) - _PRESS_MM, _SHAFT_MM[1])
    if radius < _SHAFT_MM[0]:
        return None
    # The round end's outermost point is the tip.
    end = line[-1] - radius * unit(line[-1] - line[-2])
    points = [point_tuple(p) for p in (*line[:-1], end)]
    whole = tube(points, [radius] * len(points))
    return whole.solids if isinstance(whole, Union) else (whole,)


def _shaft_centre(stem: Stem, femur: Femur, axis: StemAxis, along: float) -> Array:
    straight = np.array(axis.at(along))
    if stem.shape == "cylindrical":
        return straight
    start, stop = _BEND_MM
    share = float(np.clip((along - start) / (stop - start), 0.0, 1.0))
    # The tip itself stays on the axis, which ends in the middle of the canal.
    height = float(femur.frame.offsets(PointsLps(straight[None]))[0, 2])
    centre = np.array(femur.canal_axis(height))
    return np.asarray(straight + share**2 * (3.0 - 2.0 * share) * (centre - straight))


def _fits(body: Solid, femur: Femur, margin_mm: float, *, down_to_mm: float | None) -> bool:
    """Say whether a body keeps a margin from the cortex below the neck's resection (down to a depth)."""
    points = lattice_points(body.bounds_lps, 1.8, margin_mm=margin_mm)
    apart = body.distance_mm(points)
    points = PointsLps(points[(apart <= margin_mm) & (apart > margin_mm - 1.2)])
    points = PointsLps(points[femur.kept.distance_mm(points) < -2.0])
    if down_to_mm is not None:
        points = PointsLps(points[points[:, 2] > body.bounds_lps[1][2] - down_to_mm])
    return bool(len(points) > 0 and np.all(femur.inside.distance_mm(points) <= 0.0))


def _finished(stem: Stem, femur: Femur, axis: StemAxis, body: Solid, girth: float) -> FittedStem:
    centre = np.array(femur.body.origin_lps)
    thick = min(7.0, _OUTLINES[stem.shape].half_thickness_mm[0][1] * girth)
    root = np.array(axis.at(10.0, 6.0 * min(girth, 1.0)))
    into = centre + 9.0 * unit(root - centre)
    neck = RoundCone(point_tuple(root), point_tuple(into), thick, min(thick, 6.0))
    collar = _collar(femur, axis, body) if stem.shape == "collared" else None
    return FittedStem(axis, body, neck, collar, girth, stem.broken)


def _collar(femur: Femur, axis: StemAxis, body: Solid) -> Solid:
    """Make a plate 3 mm thick that rests on the calcar's cut."""
    inner = HalfSpace(axis.at(0.0, 13.0), point_tuple(-axis.frame[1]))
    plate = Intersection((Grown(body, _COLLAR_REACH_MM), Grown(femur.kept, _COLLAR_MM), inner))
    return Boxed(Difference(plate, femur.kept))


def point_on_surface(body: Solid, start_lps: PointTuple, way: Array, *, reach_mm: float = 40.0) -> float:
    """Give how far from a point within a body its surface lies in a direction, mm; the outermost crossing.

    Parameters
    ----------
    body : Solid
        The body.
    start_lps : tuple of float
        Where to start, LPS mm.
    way : ndarray, shape (3,)
        Unit vector.
    reach_mm : float
        How far to look.

    Returns
    -------
    float
        To 0.05 mm; 0 where the body does not lie that way.
    """
    steps = np.arange(0.0, reach_mm, 0.05)
    inside = body.distance_mm(PointsLps(np.array(start_lps) + steps[:, None] * way)) <= 0.0
    return float(steps[inside].max()) if inside.any() else 0.0
