"""Bones and soft tissue round the left hip of a supine patient, in closed form.

Positions are offsets from the hip's centre in LPS mm: +x is lateral (it is a left hip), +y posterior, +z superior. They
follow the proportions of an elderly femur: neck-shaft angle 131 degrees, anteversion 15, offset 42 mm, cortex from 2 mm
at the neck to 7 mm at mid shaft (Noble 1988, doi 10.1097/00003086-198810000-00016, for the canal's shape); the rest was
set by eye on reformatted pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.geometry.frames import PointTuple, point_tuple, unit
from planner.phantoms.solids.basic import (
    Ball,
    Difference,
    Ellipsoid,
    Grown,
    HalfSpace,
    Intersection,
    RoundCone,
    Solid,
    Union,
    tube,
)
from planner.phantoms.solids.blended import Blend, Lining
from planner.phantoms.truth.facts import Structure

Offset = tuple[float, float, float]
Station = tuple[Offset, float]
"""A point of a tube and the tube's radius there."""

_SHAFT: tuple[Station, ...] = (
    ((41.5, 11.5, -48.0), 17.5),
    ((40.0, 9.5, -62.0), 16.8),
    ((37.5, 7.0, -85.0), 15.3),
    ((34.5, 4.5, -115.0), 14.2),
    ((30.5, 2.4, -155.0), 13.7),
    ((25.5, 1.8, -205.0), 13.8),
    ((21.0, 2.4, -250.0), 14.4),
)
_NECK: tuple[Station, ...] = (((41.0, 11.0, -43.0), 17.0), ((25.0, 6.8, -23.0), 14.5), ((8.0, 2.0, -8.0), 14.0))
_GREATER_TROCHANTER: tuple[Station, ...] = (
    ((49.0, 13.5, -50.0), 15.0),
    ((53.0, 17.5, -26.0), 14.0),
    ((52.0, 22.0, -9.0), 9.0),
)
_LESSER_TROCHANTER: tuple[Station, ...] = (((34.0, 15.0, -60.0), 10.0), ((24.5, 22.0, -57.0), 5.5))
_FEMUR_WALL_MM = ((-205.0, 7.2), (-155.0, 6.8), (-115.0, 5.6), (-85.0, 4.2), (-60.0, 2.8), (-35.0, 1.9), (0.0, 1.6))
_MARROW_BELOW = -108.0

_ILIUM: tuple[tuple[Station, ...], ...] = (
    # Anterior column towards the anterior spines, posterior column towards the sciatic notch, and the plate between.
    (((-2.0, -16.0, 22.0), 17.0), ((4.0, -28.0, 45.0), 11.0), ((14.0, -38.0, 80.0), 10.0)),
    (((-8.0, 10.0, 24.0), 18.0), ((-8.0, 22.0, 48.0), 12.0), ((-12.0, 32.0, 80.0), 12.0)),
    (((-4.0, -2.0, 28.0), 17.0), ((-1.0, -4.0, 52.0), 9.0), ((3.0, -6.0, 80.0), 6.5)),
    (((-3.0, 9.0, 40.0), 10.0), ((-4.0, 14.0, 80.0), 6.5)),
    (((2.0, -16.0, 44.0), 10.0), ((8.0, -22.0, 80.0), 6.5)),
)
_PUBIS: tuple[Station, ...] = (
    ((-20.0, -20.0, -2.0), 13.0),
    ((-48.0, -36.0, -16.0), 8.0),
    ((-78.0, -42.0, -30.0), 9.0),
    ((-84.0, -38.0, -52.0), 8.0),
    ((-52.0, -10.0, -66.0), 6.0),
    ((-20.0, 22.0, -66.0), 8.0),
)
_ISCHIUM: tuple[Station, ...] = (
    ((-14.0, 24.0, -4.0), 16.0),
    ((-12.0, 34.0, -34.0), 12.5),
    ((-10.0, 30.0, -62.0), 15.0),
)
_PELVIS_WALL_MM = 1.7

_MUSCLES: dict[str, tuple[Station, ...]] = {
    "gluteus maximus": (((-40.0, 100.0, 40.0), 24.0), ((5.0, 82.0, -15.0), 24.0), ((48.0, 44.0, -75.0), 13.0)),
    "gluteus medius": (((24.0, 20.0, 75.0), 30.0), ((40.0, 18.0, 30.0), 25.0), ((62.0, 16.0, -14.0), 11.0)),
    "gluteus minimus": (((24.0, -8.0, 65.0), 20.0), ((50.0, -6.0, -16.0), 9.0)),
    "tensor fasciae latae": (((40.0, -52.0, 50.0), 10.0), ((58.0, -38.0, -60.0), 13.0), ((60.0, -14.0, -130.0), 5.0)),
    "iliopsoas": (((-30.0, -30.0, 75.0), 23.0), ((-6.0, -36.0, 5.0), 15.0), ((18.0, -6.0, -50.0), 10.0)),
    "rectus femoris": (((18.0, -48.0, 10.0), 7.0), ((28.0, -48.0, -80.0), 15.0), ((24.0, -48.0, -230.0), 17.0)),
    "sartorius": (((30.0, -55.0, 50.0), 6.0), ((0.0, -56.0, -70.0), 9.0), ((-28.0, -34.0, -230.0), 10.0)),
    "vastus lateralis": (((54.0, 0.0, -55.0), 14.0), ((54.0, -6.0, -110.0), 22.0), ((50.0, -6.0, -230.0), 24.0)),
    "vastus intermedius": (((38.0, -12.0, -60.0), 13.0), ((32.0, -18.0, -120.0), 20.0), ((26.0, -18.0, -230.0), 22.0)),
    "vastus medialis": (((16.0, -8.0, -90.0), 10.0), ((2.0, -14.0, -230.0), 20.0)),
    "adductor magnus": (((-22.0, 18.0, -70.0), 20.0), ((-14.0, 22.0, -130.0), 25.0), ((0.0, 28.0, -230.0), 19.0)),
    "adductor longus": (((-58.0, -26.0, -55.0), 13.0), ((-26.0, -14.0, -120.0), 20.0), ((4.0, 8.0, -230.0), 9.0)),
    "pectineus": (((-44.0, -40.0, -20.0), 10.0), ((16.0, -2.0, -75.0), 11.0)),
    "gracilis": (((-56.0, -8.0, -70.0), 8.0), ((-43.0, 12.0, -230.0), 7.0)),
    "biceps femoris": (((-4.0, 46.0, -70.0), 11.0), ((24.0, 44.0, -140.0), 17.0), ((38.0, 40.0, -230.0), 18.0)),
    "semitendinosus": (((-14.0, 48.0, -72.0), 11.0), ((-10.0, 52.0, -140.0), 17.0), ((-8.0, 54.0, -230.0), 17.0)),
    "obturator": (((-58.0, 2.0, -26.0), 13.0), ((-40.0, -2.0, -36.0), 12.0)),
    "quadratus femoris": (((2.0, 34.0, -50.0), 11.0), ((36.0, 30.0, -54.0), 9.0)),
    "piriformis": (((-60.0, 50.0, 50.0), 14.0), ((0.0, 48.0, 22.0), 12.0), ((46.0, 28.0, -2.0), 6.0)),
}
_MUSCLE_BULK_MM = 4.5
"""Added to every muscle's radius, so that neighbours meet. Set by eye."""
_ARTERY: tuple[Station, ...] = (
    ((-42.0, -30.0, 85.0), 4.5),
    ((-10.0, -56.0, 8.0), 4.5),
    ((0.0, -44.0, -60.0), 4.0),
    ((-12.0, -26.0, -140.0), 3.5),
    ((-18.0, -8.0, -230.0), 3.5),
)
_VEIN_BESIDE: Offset = (-9.5, 4.5, 0.0)
_SCIATIC: tuple[Station, ...] = (
    ((-34.0, 52.0, 45.0), 5.5),
    ((8.0, 52.0, 2.0), 5.5),
    ((18.0, 52.0, -50.0), 5.5),
    ((12.0, 37.0, -140.0), 5.0),
    ((14.0, 38.0, -230.0), 5.0),
)
_MARGIN_MM = 4.0
"""Kept from vessels and nerve; a needle's radius and the tissue it drags along (no source)."""
_THIGH: tuple[Station, ...] = (((16.0, 12.0, -20.0), 84.0), ((14.0, 8.0, -110.0), 80.0), ((10.0, 8.0, -240.0), 73.0))


@dataclass(frozen=True)
class HipAnatomy:
    """The living part of a left hip.

    Parameters
    ----------
    centre_lps : tuple of float
        The hip's centre of rotation, LPS mm.
    neck_cut : tuple of float
        A point of the neck's resection, offset from the centre.
    """

    centre_lps: PointTuple
    neck_cut: Offset = (26.0, 6.8, -22.0)

    def place(self, offset: Offset) -> PointTuple:
        """Turn an offset from the hip's centre into an LPS position."""
        return point_tuple(np.array(self.centre_lps) + np.array(offset))

    def level(self, offset_z: float) -> float:
        """Turn a height over the hip's centre into LPS z."""
        return self.centre_lps[2] + offset_z

    def along(self, stations: Sequence[Station]) -> Solid:
        """Make a tube through stations."""
        return tube([self.place(p) for p, _ in stations], [r for _, r in stations])

    @property
    def neck_direction_lps(self) -> PointTuple:
        """Unit vector along the femoral neck, towards the head."""
        return point_tuple(unit(np.array(_NECK[2][0]) - np.array(_NECK[0][0])))

    @cached_property
    def _below_cut(self) -> HalfSpace:
        return HalfSpace(self.place(self.neck_cut), self.neck_direction_lps)

    @cached_property
    def _whole_femur(self) -> Solid:
        parts = (_SHAFT, _NECK, _GREATER_TROCHANTER, _LESSER_TROCHANTER)
        return Blend(tuple(self.along(s) for s in parts), 9.0)

    @cached_property
    def femur(self) -> Solid:
        """The femur's outside, neck resected, as if it were solid bone."""
        return Intersection((self._whole_femur, self._below_cut))

    @cached_property
    def femur_inside(self) -> Solid:
        """What lies within the femur's cortex."""
        wall = tuple((self.level(z), t) for z, t in _FEMUR_WALL_MM)
        return Intersection((Lining(self._whole_femur, wall), self._below_cut))

    @cached_property
    def marrow(self) -> Solid:
        """The medullary canal below the metaphysis, without cancellous bone."""
        return Intersection((self.femur_inside, HalfSpace(self.place((0.0, 0.0, _MARROW_BELOW)), (0.0, 0.0, 1.0))))

    def pelvis(self, cup_opening_lps: PointTuple) -> Solid:
        """Give the outside of the left innominate bone, as if it were solid and the cup's bed not reamed.

        Parameters
        ----------
        cup_opening_lps : tuple of float
            Unit vector out of the acetabulum; no bone stands in front of its plane.

        Returns
        -------
        Solid
        """
        out = np.array(cup_opening_lps)
        rim = HalfSpace(self.place(point_tuple(-3.0 * out)), point_tuple(out))
        socket = Intersection((Ball(self.place(point_tuple(-5.0 * out)), 33.0), rim))
        columns = tuple(self.along(s) for s in (*_ILIUM, _PUBIS, _ISCHIUM))
        mouth = HalfSpace(self.place(point_tuple(-3.0 * out)), point_tuple(-out))
        front = Intersection((Ball(self.centre_lps, 30.0), mouth))
        return Difference(Blend((socket, *columns), 8.0), front)

    def pelvis_inside(self, cup_opening_lps: PointTuple) -> Solid:
        """Give what lies within the pelvis's cortex."""
        return Grown(self.pelvis(cup_opening_lps), -_PELVIS_WALL_MM)

    @cached_property
    def body(self) -> Solid:
        """Thigh and pelvis, skin included."""
        torso = Ellipsoid(self.place((-88.0, 18.0, 70.0)), (186.0, 112.0, 170.0))
        return Blend((self.along(_THIGH), torso), 40.0)

    @cached_property
    def muscles(self) -> dict[str, Solid]:
        """Muscles by name; what is between them is fat."""
        return {n: self.along([(p, r + _MUSCLE_BULK_MM) for p, r in stations]) for n, stations in _MUSCLES.items()}

    @cached_property
    def joint_capsule(self) -> Solid:
        """Scar round the artificial joint, between cup and trochanter."""
        along_neck = RoundCone(self.centre_lps, self.place((32.0, 9.0, -26.0)), 22.0, 17.0)
        return Blend((Ball(self.place((4.0, 0.0, -4.0)), 28.0), along_neck), 6.0)

    @cached_property
    def vessels(self) -> Solid:
        """Femoral artery and vein, and their trunks in the pelvis."""
        vein = tuple((tuple(np.array(p) + np.array(_VEIN_BESIDE)), r + 1.2) for p, r in _ARTERY)
        return Union((self.along(_ARTERY), self.along([(point_tuple(p), r) for p, r in vein])))

    @cached_property
    def sciatic_nerve(self) -> Solid:
        """The nerve behind the hip."""
        return self.along(_SCIATIC)

    @cached_property
    def bladder(self) -> Solid:
        """The left part of the bladder."""
        return Ellipsoid(self.place((-88.0, -16.0, 14.0)), (36.0, 30.0, 26.0))

    @cached_property
    def bowel_wall(self) -> Solid:
        """A loop of sigmoid."""
        return self.along((((-80.0, -30.0, 45.0), 12.0), ((-57.0, -2.0, 47.0), 13.0), ((-80.0, 30.0, 45.0), 12.0)))

    @cached_property
    def bowel_gas(self) -> Solid:
        """The pocket of gas in it, at the front as the patient lies on the back."""
        front = HalfSpace(self.place((0.0, -4.0, 0.0)), (0.0, 1.0, 0.0))
        pocket = Grown(self.bowel_wall, -3.0)
        return Union((Intersection((pocket, front)), Ball(self.place((-66.0, 14.0, 46.0)), 5.0)))

    @cached_property
    def structures(self) -> tuple[Structure, ...]:
        """Where no needle may pass: femoral vessels, sciatic nerve, inside of the pelvis, a margin included."""
        inside = Ellipsoid(self.place((-92.0, 4.0, 34.0)), (58.0, 62.0, 60.0))
        return (
            Structure("femoral vessels", Grown(self.vessels, _MARGIN_MM)),
            Structure("sciatic nerve", Grown(self.sciatic_nerve, _MARGIN_MM)),
            Structure("inside of the pelvis", inside),
        )
