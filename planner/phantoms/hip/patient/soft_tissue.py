"""What lies round the bones of the hip, muscles apart: skin, vessels, nerve, bladder, bowel, capsule; set by eye."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.geometry.frames import PointsLps, point_tuple
from planner.phantoms.hip.patient.muscles import Muscles
from planner.phantoms.hip.patient.pelvis import MIDLINE
from planner.phantoms.hip.patient.sections import Band, Place, Section, Station, rod
from planner.phantoms.solids.basic import Ball, Ellipsoid, Grown, HalfSpace, Intersection, Solid, Union
from planner.phantoms.solids.blended import Blend
from planner.phantoms.truth.facts import Structure

SKIN_MM = 1.8
MARGIN_MM = 4.0
"""Kept from vessels, nerve and bowel; a needle's radius and the tissue it drags along (no source)."""

_THIGH: tuple[Section, ...] = (
    (-260.0, (6.0, -4.0), (9.0, 9.0), 63.0),
    (-170.0, (4.0, -3.0), (11.0, 8.0), 65.0),
    (-110.0, (0.0, -3.0), (10.0, 9.0), 67.0),
    (-50.0, (2.0, -2.0), (5.0, 24.0), 68.0),
    (0.0, (-2.0, 2.0), (2.0, 26.0), 68.0),
    (40.0, (-12.0, 6.0), (-10.0, 24.0), 62.0),
)
_TORSO: tuple[tuple[float, float, float, float], ...] = (
    (24.0, 15.0, 64.0, 94.0),
    (60.0, 16.0, 54.0, 100.0),
    (125.0, 14.0, 46.0, 101.0),
)
"""Height, depth of the middle, half the length of the band across the midline, half its thickness."""
_ARTERY: tuple[Station, ...] = (
    ((-44.0, -18.0, 100.0), 4.6),
    ((-34.0, -40.0, 50.0), 4.5),
    ((-22.0, -56.0, 8.0), 4.5),
    ((-10.0, -55.0, -40.0), 4.2),
    ((-12.0, -40.0, -110.0), 3.6),
    ((-18.0, -16.0, -180.0), 3.4),
    ((-18.0, 0.0, -240.0), 3.4),
)
_DEEP_ARTERY: tuple[Station, ...] = (
    ((-9.0, -53.0, -48.0), 3.2),
    ((0.0, -28.0, -90.0), 2.6),
    ((8.0, -12.0, -150.0), 1.8),
)
_VEIN: tuple[Station, ...] = (
    ((-52.0, -12.0, 100.0), 6.0),
    ((-45.0, -34.0, 50.0), 6.0),
    ((-33.0, -56.0, 8.0), 5.8),
    ((-20.0, -50.0, -40.0), 5.4),
    ((-16.0, -32.0, -110.0), 4.8),
    ((-14.0, -9.0, -180.0), 4.4),
    ((-14.0, 7.0, -240.0), 4.4),
)
_SCIATIC: tuple[Station, ...] = (
    ((-52.0, 73.0, 38.0), 5.0),
    ((-16.0, 68.0, 18.0), 5.2),
    ((8.0, 58.0, -5.0), 5.2),
    ((15.0, 48.0, -48.0), 5.0),
    ((10.0, 40.0, -110.0), 4.5),
    ((6.0, 38.0, -230.0), 4.5),
)
_SMALL_BOWEL: tuple[tuple[Station, ...], ...] = (
    (
        ((-130.0, -30.0, 84.0), 13.0), ((-104.0, -46.0, 92.0), 12.0), ((-76.0, -44.0, 84.0), 13.0),
        ((-50.0, -34.0, 96.0), 11.0),
    ),
    (
        ((-122.0, 2.0, 70.0), 12.0), ((-112.0, 22.0, 92.0), 13.0), ((-86.0, 10.0, 96.0), 14.0),
        ((-60.0, -12.0, 90.0), 12.0),
    ),
    (((-120.0, -20.0, 56.0), 11.0), ((-114.0, -46.0, 66.0), 12.0), ((-90.0, -48.0, 62.0), 11.0)),
)  # fmt: skip
_FEMORAL_NERVE: tuple[Station, ...] = (
    ((-14.0, -48.0, 40.0), 2.2),
    ((-8.0, -57.0, 0.0), 2.2),
    ((2.0, -58.0, -40.0), 1.8),
)


@dataclass(frozen=True)
class SoftTissue:
    """The soft tissue of one side, muscles apart.

    Parameters
    ----------
    muscles : Muscles
        The muscles of that side; their frame and recipe are used.
    bowel_radius_mm : float
        Of the loop of sigmoid.
    """

    muscles: Muscles
    bowel_radius_mm: float = 12.0

    def along(self, stations: tuple[Station, ...]) -> Solid:
        """Make a rod that follows the femur where it is near."""
        return rod(self.muscles.frame, [self.muscles.station(s) for s in stations])

    @cached_property
    def thigh(self) -> Solid:
        """The thigh, skin included."""
        frame, extra = self.muscles.frame, self._outwards(1.0)
        follow = self.muscles.follow
        return Band(frame, tuple((z, follow(p, z), follow(q, z), r + extra) for z, p, q, r in _THIGH))

    def _outwards(self, share: float) -> float:
        """Give how far beyond the drawn muscles the skin lies: fat, and muscles fuller than drawn."""
        patient = self.muscles.patient
        fuller = 22.0 * max(patient.muscle_bulk - 0.92, 0.0)
        return share * patient.fat_mm / self.muscles.frame.scale + fuller

    @cached_property
    def torso(self) -> Solid:
        """The body above the thighs, both sides of the midline, skin included."""
        frame, extra = self.muscles.frame, self._outwards(0.7)
        ends: list[tuple[float, Place, Place, float]] = [
            (z, (-MIDLINE - half, y), (-MIDLINE + half, y), r + extra) for z, y, half, r in _TORSO
        ]
        return Band(frame, tuple(ends))

    @property
    def artery_stations(self) -> tuple[Station, ...]:
        """The artery's course in the muscles' frame."""
        return tuple(self.muscles.station(s) for s in _ARTERY)

    @cached_property
    def artery(self) -> Solid:
        """External iliac and femoral artery, and the deep one of the thigh."""
        return Union((self.along(_ARTERY), self.along(_DEEP_ARTERY)))

    @cached_property
    def vein(self) -> Solid:
        """External iliac and femoral vein."""
        return self.along(_VEIN)

    @cached_property
    def sciatic_nerve(self) -> Solid:
        """The nerve behind the hip."""
        return self.along(_SCIATIC)

    @cached_property
    def femoral_nerve(self) -> Solid:
        """The nerve lateral of the femoral artery."""
        return self.along(_FEMORAL_NERVE)

    @cached_property
    def bladder(self) -> Solid:
        """The bladder's inside."""
        return self._oval((-84.0, -8.0, 22.0), (34.0, 27.0, 25.0))

    @cached_property
    def rectum(self) -> Solid:
        """The rectum before sacrum and coccyx."""
        stations = (
            ((-86.0, 52.0, 70.0), 13.0),
            ((-90.0, 68.0, 35.0), 14.0),
            ((-88.0, 66.0, 0.0), 13.0),
            ((-88.0, 58.0, -40.0), 8.0),
        )
        return rod(self.muscles.frame, stations)

    @cached_property
    def uterus(self) -> Solid:
        """Between bladder and rectum, small as in old women."""
        return self._oval((-90.0, 32.0, 40.0), (20.0, 12.0, 22.0))

    @cached_property
    def bowel(self) -> Solid:
        """A loop of sigmoid beside and above the bladder, wall included."""
        r = self.bowel_radius_mm / self.muscles.frame.scale
        stations = (
            ((-84.0, -22.0, 66.0), r),
            ((-64.0, -2.0, 62.0), 1.08 * r),
            ((-62.0, 26.0, 56.0), r),
            ((-84.0, 40.0, 70.0), r),
        )
        return rod(self.muscles.frame, stations)

    @cached_property
    def small_bowel(self) -> Solid:
        """Loops of small bowel in the upper pelvis."""
        return Union(tuple(rod(self.muscles.frame, loop) for loop in _SMALL_BOWEL))

    @cached_property
    def bowel_gas(self) -> Solid:
        """Gas at the front of the loop, as the patient lies on the back."""
        frame = self.muscles.frame
        front = HalfSpace(frame.place((0.0, -4.0, 0.0)), (0.0, 1.0, 0.0))
        return Union((Intersection((Grown(self.bowel, -2.5), front)), Ball(frame.place((-63.0, 20.0, 61.0)), 3.5)))

    @cached_property
    def capsule(self) -> Solid:
        """Scar round the artificial joint, between cup and trochanter."""
        frame = self.muscles.frame
        root = frame.offsets(PointsLps(np.array(self.muscles.femur.canal_axis(24.0))))
        neck = rod(frame, (((0.0, 0.0, 0.0), 21.0), (point_tuple(0.8 * root), 16.0)))
        return Blend((Ball(frame.place((3.0, -1.0, -3.0)), 26.0 * frame.scale), neck), 6.0)

    def structures(self, inside: Solid) -> tuple[Structure, ...]:
        """Name where no needle may pass, a margin included.

        Parameters
        ----------
        inside : Solid
            The inside of the pelvis.

        Returns
        -------
        tuple of Structure
        """
        return (
            Structure("femoral vessels", Grown(Union((self.artery, self.vein)), MARGIN_MM)),
            Structure("sciatic nerve", Grown(self.sciatic_nerve, MARGIN_MM)),
            Structure("bowel", Grown(Union((self.bowel, self.rectum)), MARGIN_MM)),
            Structure("bladder", Grown(self.bladder, MARGIN_MM)),
            Structure("inside of the pelvis", inside),
        )

    def _oval(self, centre: tuple[float, float, float], half: tuple[float, float, float]) -> Ellipsoid:
        frame = self.muscles.frame
        a, b, c = (h * frame.scale for h in half)
        return Ellipsoid(frame.place(centre), (a, b, c))
