"""The proximal femur: shaft with its canal, neck, head and trochanters, made to the recipe's figures.

Heights are measured along the axis of the upper shaft from the middle of the lesser trochanter, upwards. The axis is
straight from there up, and bows forwards below. Neck-shaft angle, anteversion and offset are those between that axis
and the neck's; the cortex is what lies between two bodies of the same make, the inner one thinner by the wall.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.interpolate import PchipInterpolator

from planner.config.phantoms.hip.patient import HipPatient
from planner.geometry.frames import Array, PointTuple, point_tuple, unit
from planner.phantoms.hip.frames import BodyFrame
from planner.phantoms.hip.patient.sections import Band, Section, Station, rod
from planner.phantoms.solids.basic import Ball, HalfSpace, Intersection, RoundCone, Solid, Union
from planner.phantoms.solids.blended import Blend

_NECK_OVER_LESSER_MM = 26.0
"""From the lesser trochanter up to where the neck's axis meets the shaft's, in a mean woman (by eye)."""
_WIDENING = (
    (-220.0, 0.06), (-170.0, 0.02), (-100.0, 0.0), (-70.0, 0.05), (-45.0, 0.12), (-20.0, 0.25),
    (0.0, 0.52), (20.0, 1.0), (30.0, 1.12),
)  # fmt: skip
"""Share of the canal's flare that each height has: 0 at the isthmus, 1 at 20 mm; the course between is by eye."""
_MEDIAL_SHARE = 0.75
"""Share of the flare that lies medially: the lateral wall is nearly straight (by eye)."""
_DEPTH_SHARE = 0.42
"""How much of the flare the canal's depth, front to back, has (by eye)."""
_LOWEST, _TOP = -230.0, 24.0
_FILLET_MM = 9.0
_HALF_FEMUR_MM = 190.0
"""Half a mean woman's femur; the bow's chord lies level along the table (by eye)."""


@dataclass(frozen=True)
class Femur:
    """The femur of one hip.

    Parameters
    ----------
    patient : HipPatient
        The recipe.
    body : BodyFrame
        The hip's frame: the head's centre is its origin.
    """

    patient: HipPatient
    body: BodyFrame

    @cached_property
    def frame(self) -> BodyFrame:
        """Axes of the upper shaft (lateral, posterior, up); the origin is on it, level with the lesser trochanter."""
        p = self.patient
        lean, pitch = np.tan(np.radians(p.adduction_deg)), _HALF_FEMUR_MM * p.size / p.bow_radius_mm
        up = unit([lean, pitch, 1.0])
        turn = np.radians(p.external_rotation_deg)
        lateral = np.array([np.cos(turn), np.sin(turn), 0.0])
        lateral = unit(lateral - (lateral @ up) * up)
        axes = np.stack([lateral, np.cross(up, lateral), up], axis=-1)
        origin = axes @ -np.array(self._head_in_frame)
        return self.body.turn(axes, origin=point_tuple(origin))

    @cached_property
    def inward(self) -> Array:
        """Unit vector in the shaft's frame, across the shaft, towards the head."""
        turn = np.radians(self.patient.anteversion_deg)
        return np.array([-np.cos(turn), -np.sin(turn), 0.0])

    @cached_property
    def _neck(self) -> Array:
        angle = np.radians(self.patient.neck_shaft_deg)
        return np.asarray(np.sin(angle) * self.inward - np.cos(angle) * np.array([0.0, 0.0, 1.0]))

    @cached_property
    def _neck_base(self) -> Array:
        return np.array([0.0, 0.0, _NECK_OVER_LESSER_MM * self.patient.size])

    @cached_property
    def _head_in_frame(self) -> Array:
        angle = np.radians(self.patient.neck_shaft_deg)
        return np.asarray(self._neck_base + self._neck * (self.patient.offset_mm / np.sin(angle)))

    @property
    def neck_direction_lps(self) -> PointTuple:
        """Unit vector along the neck, towards the head."""
        return point_tuple(self.frame.direction(self._neck))

    def bow_mm(self, height_mm: float) -> float:
        """Say how far behind the straight axis the bowed shaft lies at a height."""
        below = max(-height_mm, 0.0)
        return below**2 / (2.0 * self.patient.bow_radius_mm)

    def canal_axis(self, height_mm: float) -> PointTuple:
        """Give the middle of the canal at a height over the lesser trochanter, LPS mm."""
        section = self._section(height_mm)
        middle = (np.array(section[1]) + np.array(section[2])) / 2.0
        return self.frame.place((*middle, height_mm))

    def canal_direction(self, height_mm: float) -> PointTuple:
        """Give the unit vector along the canal at a height, upwards, LPS."""
        above, below = self.canal_axis(height_mm + 1.0), self.canal_axis(height_mm - 1.0)
        return point_tuple(unit(np.array(above) - np.array(below)))

    def canal_half_widths_mm(self, height_mm: float) -> tuple[float, float]:
        """Give half the canal's width towards the head and half its depth across that, mm, at a height."""
        _, first, last, radius = self._section(height_mm)
        return float(np.hypot(*np.subtract(last, first)) / 2.0 + radius), radius

    def cortex_mm(self, height_mm: float) -> float:
        """Give the thickness of the shaft's cortex at a height, mm."""
        p = self.patient
        heights = (-80.0, 0.0, 20.0)
        return float(
            np.interp(height_mm, heights, (p.cortex_shaft_mm, p.cortex_lesser_trochanter_mm, p.cortex_metaphysis_mm))
        )

    @cached_property
    def _widening(self) -> PchipInterpolator:
        heights, shares = zip(*_WIDENING, strict=True)
        return PchipInterpolator(heights, shares)

    def _section(self, height_mm: float) -> Section:
        """Give the canal's section at a height: a band towards the head."""
        p = self.patient
        flare = p.isthmus_mm * (p.canal_flare_index - 1.0) * float(self._widening(height_mm))
        radius = p.isthmus_mm / 2.0 + flare / 2.0 * _DEPTH_SHARE
        half_length = p.isthmus_mm / 2.0 + flare / 2.0 - radius
        centre = np.array([0.0, self.bow_mm(height_mm)]) + self.inward[:2] * flare * (_MEDIAL_SHARE - 0.5)
        outer, inner = (centre + sign * half_length * self.inward[:2] for sign in (-1.0, 1.0))
        return height_mm, (float(outer[0]), float(outer[1])), (float(inner[0]), float(inner[1])), float(radius)

    def _shaft(self, *, inside: bool) -> Solid:
        sections = []
        for height in np.arange(_LOWEST, _TOP, 4.0):
            z, first, last, radius = self._section(float(height))
            sections.append((z, first, last, radius if inside else radius + self.cortex_mm(z)))
        return Band(self.frame, tuple(sections))

    @cached_property
    def lesser_trochanter(self) -> tuple[PointTuple, PointTuple]:
        """The lesser trochanter's root, within the shaft, and its tip, behind and medial, in the shaft's frame."""
        _, outer, inner, radius = self._section(0.0)
        middle = 0.35 * np.array(outer) + 0.65 * np.array(inner)
        way = unit(np.array([-0.45, 0.89]))
        root = middle + way * 0.4 * radius
        tip = middle + way * (radius + self.cortex_mm(0.0) + 4.0 * self.patient.size)
        return point_tuple([*root, -3.0 * self.patient.size]), point_tuple([*tip, 0.0])

    def _rods(self) -> tuple[tuple[Station, ...], ...]:
        """Give neck and lesser trochanter: stations in the shaft's frame, mm."""
        s, head = self.patient.size, self.patient.head_diameter_mm / 2.0
        base, way, top = self._neck_base, self._neck, self._head_in_frame
        neck = (
            (point_tuple(base + 2.0 * way), 0.78 * head),
            (point_tuple(base + 0.55 * (top - base)), 0.66 * head),
            (point_tuple(base + 0.85 * (top - base)), 0.70 * head),
        )
        root, tip = self.lesser_trochanter
        lesser = ((root, 9.0 * s), (tip, 5.5 * s))
        return neck, lesser

    def _greater_trochanter(self, shrunk_mm: float) -> Solid:
        s, base = self.patient.size, float(self._neck_base[2])
        return Band(
            self.frame,
            (
                (-6.0 * s, (7.5 * s, -2.0 * s), (7.5 * s, 4.0 * s), 11.5 * s),
                (base - 4.0 * s, (10.5 * s, -7.0 * s), (11.5 * s, 10.0 * s), 11.5 * s),
                (base + 20.0 * s, (10.5 * s, 3.0 * s), (11.0 * s, 15.0 * s), 8.0 * s),
            ),
            shrunk_mm,
        )

    def _body(self, *, inside: bool) -> Blend:
        wall = self.patient.cortex_metaphysis_mm if inside else 0.0
        rods = tuple(rod(self.frame, stations, shrunk_mm=wall) for stations in self._rods())
        return Blend((self._shaft(inside=inside), self._greater_trochanter(wall), *rods), _FILLET_MM)

    @cached_property
    def ridge(self) -> Solid:
        """The linea aspera: the cortex's ridge behind the shaft, all of it compact bone."""
        stations: list[Station] = []
        for height in np.arange(-220.0, -30.0, 10.0):
            _, first, _, radius = self._section(float(height))
            behind = first[1] + radius + self.cortex_mm(float(height)) - 2.6
            stations.append(((first[0] + 1.0, behind, float(height)), 4.2))
        return rod(self.frame, stations)

    @cached_property
    def head(self) -> Solid:
        """The bone of the femoral head, where it was not resected."""
        return Ball(self.body.origin_lps, self.patient.head_diameter_mm / 2.0)

    @cached_property
    def whole(self) -> Solid:
        """Outside of the whole proximal femur, head and all."""
        return Union((Blend((*self._body(inside=False).solids, self.ridge), 5.0), self.head))

    @cached_property
    def whole_inside(self) -> Solid:
        """What lies within the cortex of the whole proximal femur."""
        wall = self.patient.cortex_metaphysis_mm
        return Union((self._body(inside=True), Ball(self.body.origin_lps, self.patient.head_diameter_mm / 2.0 - wall)))

    @cached_property
    def kept(self) -> Solid:
        """All that the resection of the neck leaves: below the cut, and lateral of the neck's root."""
        p = self.patient
        reach = p.isthmus_mm / 2.0 + p.isthmus_mm * (p.canal_flare_index - 1.0) * _MEDIAL_SHARE
        calcar = self.inward * reach + np.array([0.0, 0.0, p.neck_resection_mm])
        below = HalfSpace(self.frame.place(calcar), self.neck_direction_lps)
        lateral = HalfSpace(self.frame.place(self.inward * 2.0), point_tuple(self.frame.direction(self.inward)))
        return Union((below, lateral))

    @cached_property
    def outside(self) -> Solid:
        """Outside of the femur, neck resected, as if it were solid bone."""
        return Intersection((Union((self._body(inside=False), self.ridge)), self.kept))

    @cached_property
    def inside(self) -> Solid:
        """What lies within the femur's cortex, neck resected."""
        return Intersection((self._body(inside=True), self.kept))

    @cached_property
    def canal(self) -> Solid:
        """The inside of shaft and metaphysis alone, without neck and trochanters."""
        return self._shaft(inside=True)

    @cached_property
    def marrow(self) -> Solid:
        """The medullary canal below the metaphysis, without cancellous bone."""
        start, stop = self.canal_axis(-66.0), self.canal_axis(-18.0)
        below = HalfSpace(start, point_tuple(self.frame.direction((0.0, 0.0, 1.0))))
        # It thins out upwards between the trabeculae.
        tongue = RoundCone(start, stop, 0.6 * self.patient.isthmus_mm, 2.0)
        return Intersection((self.canal, Union((below, tongue))))
