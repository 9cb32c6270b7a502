"""Half a pelvis and the sacrum: ilium, pubis and ischium round the socket, drawn section by section.

Offsets are those of a mean woman, mm, in the pelvis's own frame (which the recipe scales and tilts); they were set by
eye on pictures of axial, coronal and sagittal sections.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.config.phantoms.hip.patient import HipPatient
from planner.geometry.frames import PointTuple, point_tuple, unit
from planner.phantoms.hip.frames import BodyFrame, tilted
from planner.phantoms.hip.patient.sections import Place, Section, Station, rod, sheet
from planner.phantoms.solids.basic import Ball, Difference, HalfSpace, Intersection, RoundCone, Solid, Union
from planner.phantoms.solids.blended import Blend, Boxed

MIDLINE = 88.0
"""From a mean woman's hip centre to her midline (by eye)."""
NATIVE_OPENING = (0.72, -0.26, -0.64)
"""Out of the natural socket: lateral, forwards, down (by eye)."""
_DRAWN_TILT_DEG = 4.0
"""The pelvic tilt at which the offsets were drawn."""

_ILIUM: tuple[tuple[float, tuple[Place, ...], float], ...] = (
    (14.0, ((-2.0, -24.0), (-6.0, 0.0), (-20.0, 28.0)), 11.0),
    (28.0, ((6.0, -30.0), (-2.0, 0.0), (-22.0, 32.0)), 9.0),
    (40.0, ((9.0, -34.0), (2.0, 0.0), (-24.0, 36.0)), 7.5),
    (55.0, ((13.0, -37.0), (7.0, 3.0), (-32.0, 52.0)), 5.5),
    (75.0, ((24.0, -45.0), (14.0, 6.0), (-43.0, 72.0)), 4.6),
    (88.0, ((29.0, -48.0), (19.0, 7.0), (-46.0, 78.0)), 4.2),
    (110.0, ((35.0, -40.0), (27.0, 8.0), (-45.0, 82.0)), 4.4),
    (126.0, ((37.0, -26.0), (31.0, 8.0), (-38.0, 70.0)), 6.0),
)
_ANTERIOR_SPINE: tuple[Station, ...] = (((4.0, -30.0, 22.0), 9.0), ((9.0, -38.0, 38.0), 6.5))
_PUBIS: tuple[Station, ...] = (
    ((-16.0, -20.0, 2.0), 13.0),
    ((-34.0, -33.0, -4.0), 9.0),
    ((-58.0, -42.0, -12.0), 7.5),
    ((-74.0, -45.0, -17.0), 7.5),
)
_PUBIC_BODY: tuple[Section, ...] = (
    (-46.0, (-81.5, -26.0), (-80.0, -34.0), 4.8),
    (-32.0, (-80.5, -30.0), (-79.0, -40.0), 6.0),
    (-16.0, (-80.0, -38.0), (-75.0, -46.0), 6.5),
)
_LOWER_RAMUS: tuple[Station, ...] = (
    ((-79.0, -29.0, -44.0), 6.0),
    ((-58.0, -6.0, -62.0), 5.0),
    ((-34.0, 20.0, -70.0), 7.0),
)
_ISCHIUM: tuple[Section, ...] = (
    (-66.0, (-20.0, 20.0), (-27.0, 38.0), 10.5),
    (-56.0, (-17.0, 20.0), (-25.0, 40.0), 11.0),
    (-38.0, (-13.0, 22.0), (-22.0, 36.0), 9.0),
    (-18.0, (-13.0, 20.0), (-20.0, 33.0), 9.5),
    (6.0, (-14.0, 16.0), (-15.0, 27.0), 12.5),
)
_ISCHIAL_SPINE: tuple[Station, ...] = (((-20.0, 32.0, 6.0), 9.0), ((-37.0, 42.0, -2.0), 3.5))

_SACRUM: tuple[Section, ...] = (
    (-9.0, (-91.0, 80.0), (-85.0, 80.0), 3.5),
    (4.0, (-94.0, 88.0), (-82.0, 88.0), 4.5),
    (20.0, (-102.0, 95.0), (-74.0, 95.0), 6.5),
    (40.0, (-108.0, 93.0), (-68.0, 93.0), 9.0),
    (60.0, (-106.0, 83.0), (-70.0, 83.0), 13.0),
    (80.0, (-100.0, 70.0), (-76.0, 70.0), 17.0),
    (105.0, (-100.0, 52.0), (-76.0, 52.0), 20.0),
    (118.0, (-100.0, 44.0), (-76.0, 44.0), 21.0),
)
_WINGS: tuple[tuple[float, tuple[Place, ...], float], ...] = (
    (48.0, ((-116.0, 92.0), (-88.0, 92.0), (-60.0, 92.0)), 7.0),
    (66.0, ((-124.0, 82.0), (-88.0, 82.0), (-52.0, 82.0)), 10.0),
    (85.0, ((-126.0, 76.0), (-88.0, 72.0), (-50.0, 76.0)), 11.0),
    (104.0, ((-126.0, 66.0), (-88.0, 64.0), (-50.0, 66.0)), 10.0),
    (116.0, ((-118.0, 58.0), (-88.0, 58.0), (-58.0, 58.0)), 8.0),
)
_SPINOUS: tuple[Station, ...] = (((-88.0, 103.0, 40.0), 3.0), ((-88.0, 105.0, 66.0), 4.0), ((-88.0, 96.0, 95.0), 4.5))
_SACRAL_CANAL: tuple[Station, ...] = (
    ((-88.0, 74.0, 118.0), 8.0),
    ((-88.0, 92.0, 72.0), 5.5),
    ((-88.0, 98.0, 40.0), 3.0),
)
_FORAMINA = ((68.0, 80.0), (48.0, 91.0), (30.0, 96.0))
"""Height and depth of the holes of the sacral nerves, to both sides of the midline."""
_COLUMN_FILLET, _SOCKET_RADIUS, _SOCKET_WALL = 8.0, 3.0, 8.0


@dataclass(frozen=True)
class Pelvis:
    """The innominate bone of one side, and the sacrum.

    Parameters
    ----------
    patient : HipPatient
        The recipe.
    body : BodyFrame
        The hip's frame: the socket's centre is its origin.
    """

    patient: HipPatient
    body: BodyFrame

    @cached_property
    def frame(self) -> BodyFrame:
        """The pelvis's own frame, tilted and scaled."""
        return self.body.turn(tilted(self.patient.pelvic_tilt_deg - _DRAWN_TILT_DEG), scale=self.patient.size)

    @property
    def native_opening_lps(self) -> PointTuple:
        """Unit vector out of the natural socket."""
        return point_tuple(unit(self.frame.direction(NATIVE_OPENING)))

    @property
    def native_radius_mm(self) -> float:
        """Radius of the natural socket, cartilage included."""
        return self.patient.head_diameter_mm / 2.0 + _SOCKET_RADIUS

    def _columns(self, shrunk_mm: float) -> tuple[Solid, ...]:
        frame = self.frame
        rods = (_ANTERIOR_SPINE, _PUBIS, _LOWER_RAMUS, _ISCHIAL_SPINE)
        bands = (tuple((z, (p, q), r) for z, p, q, r in band) for band in (_PUBIC_BODY, _ISCHIUM))
        return (
            sheet(frame, _ILIUM, shrunk_mm=shrunk_mm),
            *(sheet(frame, band, shrunk_mm=shrunk_mm) for band in bands),
            *(rod(frame, stations, shrunk_mm=shrunk_mm) for stations in rods),
        )

    def _blended(self, opening_lps: PointTuple, ream_radius_mm: float, shrunk_mm: float) -> Solid:
        out, centre = np.array(opening_lps), np.array(self.body.origin_lps)
        rim = HalfSpace(point_tuple(centre - (2.0 + shrunk_mm) * out), opening_lps)
        wall = _SOCKET_WALL * self.patient.size - shrunk_mm
        radius = max(self.native_radius_mm, ream_radius_mm - 2.0)
        socket = Intersection((Ball(point_tuple(centre - 4.0 * out), radius + wall - 2.0), rim))
        return Blend((socket, *self._columns(shrunk_mm)), _COLUMN_FILLET)

    def _bed(self, opening_lps: PointTuple, ream_radius_mm: float) -> Solid:
        """Give what is empty of bone at the joint: the reamed ball and all that lies before its mouth."""
        out, centre = np.array(opening_lps), np.array(self.body.origin_lps)
        mouth = RoundCone(point_tuple(centre), point_tuple(centre + 40.0 * out), ream_radius_mm, ream_radius_mm + 8.0)
        return Union((Ball(point_tuple(centre), ream_radius_mm), mouth))

    def outside(self, opening_lps: PointTuple, ream_radius_mm: float) -> Solid:
        """Give the outside of the innominate bone, reamed for a cup, as if it were solid.

        Parameters
        ----------
        opening_lps : tuple of float
            Unit vector out of the cup.
        ream_radius_mm : float
            Radius of the bed, about the hip's centre.

        Returns
        -------
        Solid
        """
        whole = Boxed(self._blended(opening_lps, ream_radius_mm, 0.0))
        return Difference(whole, self._bed(opening_lps, ream_radius_mm))

    def inside(self, opening_lps: PointTuple, ream_radius_mm: float, *, bed_wall_mm: float = 0.0) -> Solid:
        """Give what lies within the shell of the innominate bone.

        Parameters
        ----------
        opening_lps : tuple of float
            Unit vector out of the cup.
        ream_radius_mm : float
            Radius of the bed.
        bed_wall_mm : float
            Compact bone left round the bed: none after reaming; the subchondral plate of a natural socket.

        Returns
        -------
        Solid
        """
        within = Boxed(self._blended(opening_lps, ream_radius_mm, self.patient.cortex_pelvis_mm))
        return Difference(within, self._bed(opening_lps, ream_radius_mm + bed_wall_mm))

    def _sacrum(self, shrunk_mm: float) -> Solid:
        frame = self.frame
        middle = sheet(frame, tuple((z, (p, q), r) for z, p, q, r in _SACRUM), shrunk_mm=shrunk_mm)
        return Blend(
            (middle, sheet(frame, _WINGS, shrunk_mm=shrunk_mm), rod(frame, _SPINOUS, shrunk_mm=shrunk_mm)), 6.0
        )

    @cached_property
    def sacrum(self) -> Solid:
        """Sacrum and coccyx as if they were solid."""
        return Boxed(self._sacrum(0.0))

    @cached_property
    def sacrum_inside(self) -> Solid:
        """What lies within the sacrum's shell."""
        return Boxed(self._sacrum(self.patient.cortex_pelvis_mm))

    @cached_property
    def sacral_openings(self) -> Solid:
        """The sacral canal and the holes of its nerves, filled with fat."""
        holes = []
        for z, y in _FORAMINA:
            for x in (-88.0 - 15.0, -88.0 + 15.0):
                holes.append(rod(self.frame, (((x, y - 20.0, z - 4.0), 3.6), ((x, y + 4.0, z + 3.0), 3.2))))
        return Union((rod(self.frame, _SACRAL_CANAL), *holes))

    @cached_property
    def symphysis(self) -> Solid:
        """The disc between the pubic bones."""
        return rod(self.frame, (((-88.0, -41.0, -15.0), 7.0), ((-88.0, -31.0, -44.0), 6.0)))
