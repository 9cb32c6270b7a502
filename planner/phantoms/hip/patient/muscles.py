"""Muscles of hip and thigh, section by section as a CT shows them; what lies between them is fat.

Places are (lateral, posterior) of a mean woman's hip centre, mm, by height over it; half the thickness follows. All
were set by eye on axial pictures.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.config.phantoms.hip.patient import HipPatient
from planner.geometry.frames import PointsLps
from planner.phantoms.hip.frames import BodyFrame
from planner.phantoms.hip.patient.femur import Femur
from planner.phantoms.hip.patient.sections import Place, Station, rod, sheet
from planner.phantoms.solids.basic import Solid

Level = tuple[float, tuple[Place, ...], float]

_DRAWN_AXIS = ((-230.0, 23.0, 2.0), (-150.0, 31.0, 2.5), (-50.0, 41.0, 10.0), (0.0, 45.0, 14.0), (40.0, 46.0, 14.0))
"""Height and place of the shaft round which the muscles were drawn: they follow the recipe's own."""
_DRAWN_END = -230.0
"""Muscles that reach this far down go on; all pictures end before."""
_FULLER_MM = 3.0
"""Added to half the thickness of every muscle, so that neighbours nearly meet (by eye)."""
_FOLLOWS_FROM, _FOLLOWS_WHOLLY = -35.0, 15.0
"""Places medial of the first stay with the pelvis; lateral of the second they go with the femur."""
_THIGH_BELOW, _THIGH_MM = -90.0, 70.0
"""From this height down, and wholly so much lower, all of the thigh goes with the femur."""

SHEETS: dict[str, tuple[Level, ...]] = {
    "gluteus maximus": (
        (-118.0, ((40.0, 40.0), (46.0, 34.0), (50.0, 27.0)), 4.0),
        (-90.0, ((14.0, 66.0), (34.0, 58.0), (54.0, 34.0)), 8.0),
        (-60.0, ((-26.0, 80.0), (12.0, 78.0), (60.0, 40.0)), 12.0),
        (-20.0, ((-48.0, 94.0), (0.0, 88.0), (60.0, 46.0)), 14.0),
        (20.0, ((-56.0, 103.0), (-6.0, 92.0), (46.0, 58.0)), 13.5),
        (60.0, ((-56.0, 104.0), (-10.0, 88.0), (18.0, 68.0)), 11.0),
        (95.0, ((-48.0, 100.0), (-20.0, 90.0), (-2.0, 76.0)), 7.0),
    ),
    "gluteus medius": (
        (-18.0, ((62.0, 10.0), (60.0, 18.0), (58.0, 22.0)), 3.5),
        (0.0, ((62.0, 0.0), (60.0, 14.0), (52.0, 26.0)), 6.0),
        (20.0, ((56.0, -14.0), (52.0, 14.0), (36.0, 34.0)), 9.0),
        (50.0, ((42.0, -26.0), (40.0, 12.0), (8.0, 50.0)), 12.0),
        (80.0, ((44.0, -36.0), (38.0, 12.0), (-6.0, 56.0)), 11.5),
        (112.0, ((48.0, -34.0), (41.0, 10.0), (0.0, 56.0)), 8.0),
    ),
    "gluteus minimus": (
        (-14.0, ((56.0, -4.0), (57.0, 0.0)), 3.0),
        (5.0, ((46.0, -14.0), (48.0, 4.0)), 5.0),
        (22.0, ((30.0, -24.0), (32.0, 14.0)), 6.5),
        (50.0, ((24.0, -26.0), (14.0, 22.0)), 6.0),
        (82.0, ((28.0, -16.0), (16.0, 26.0)), 4.0),
    ),
    "tensor fasciae latae": (
        (-100.0, ((64.0, -20.0), (67.0, -12.0)), 2.5),
        (-60.0, ((62.0, -32.0), (68.0, -16.0)), 5.5),
        (-20.0, ((58.0, -46.0), (67.0, -28.0)), 6.5),
        (25.0, ((48.0, -52.0), (56.0, -38.0)), 6.5),
        (65.0, ((36.0, -54.0), (40.0, -50.0)), 4.5),
    ),
    "iliopsoas": (
        (-62.0, ((24.0, 6.0), (26.0, 8.0)), 5.0),
        (-45.0, ((16.0, -8.0), (20.0, -4.0)), 8.0),
        (-22.0, ((2.0, -28.0), (10.0, -24.0)), 10.5),
        (0.0, ((-10.0, -38.0), (2.0, -36.0)), 11.0),
        (25.0, ((-18.0, -38.0), (-6.0, -42.0)), 12.0),
        (50.0, ((-24.0, -26.0), (-4.0, -38.0)), 12.5),
        (80.0, ((-36.0, -6.0), (-20.0, -16.0)), 15.0),
        (115.0, ((-46.0, 12.0), (-36.0, 6.0)), 17.0),
    ),
    "iliacus": (
        (35.0, ((-6.0, -36.0), (-14.0, 2.0)), 6.0),
        (55.0, ((2.0, -34.0), (-14.0, 12.0)), 7.5),
        (80.0, ((10.0, -34.0), (0.0, 8.0)), 9.0),
        (112.0, ((22.0, -30.0), (8.0, 20.0)), 8.0),
    ),
    "sartorius": (
        (-230.0, ((-40.0, -22.0), (-34.0, -28.0)), 6.0),
        (-110.0, ((-18.0, -52.0), (-10.0, -56.0)), 6.0),
        (-50.0, ((6.0, -66.0), (14.0, -66.0)), 5.0),
        (0.0, ((20.0, -66.0), (26.0, -64.0)), 5.0),
        (50.0, ((29.0, -59.0), (33.0, -57.0)), 4.5),
        (78.0, ((30.0, -54.0), (31.0, -53.0)), 3.5),
    ),
    "rectus femoris": (
        (-230.0, ((20.0, -54.0), (34.0, -52.0)), 9.0),
        (-120.0, ((24.0, -55.0), (38.0, -52.0)), 10.0),
        (-50.0, ((28.0, -56.0), (36.0, -53.0)), 9.0),
        (-5.0, ((22.0, -51.0), (27.0, -49.0)), 7.0),
        (32.0, ((12.0, -45.0), (14.0, -44.0)), 4.0),
    ),
    "vastus lateralis": (
        (-230.0, ((44.0, -34.0), (58.0, -4.0), (46.0, 20.0)), 12.0),
        (-160.0, ((46.0, -34.0), (60.0, -4.0), (48.0, 20.0)), 12.0),
        (-105.0, ((50.0, -32.0), (62.0, -4.0), (54.0, 20.0)), 11.0),
        (-60.0, ((58.0, -22.0), (65.0, -2.0), (62.0, 14.0)), 7.5),
        (-28.0, ((60.0, -8.0), (64.0, 0.0), (65.0, 6.0)), 3.5),
    ),
    "vastus intermedius": (
        (-230.0, ((14.0, -24.0), (40.0, -18.0)), 12.0),
        (-110.0, ((26.0, -22.0), (48.0, -16.0)), 9.5),
        (-60.0, ((38.0, -16.0), (46.0, -12.0)), 5.0),
    ),
    "vastus medialis": (
        (-230.0, ((-2.0, -30.0), (0.0, 0.0)), 12.5),
        (-180.0, ((6.0, -28.0), (8.0, -4.0)), 10.5),
        (-120.0, ((16.0, -20.0), (18.0, -4.0)), 6.5),
        (-75.0, ((24.0, -6.0), (26.0, -2.0)), 3.5),
    ),
    "adductor magnus": (
        (-230.0, ((-20.0, 18.0), (4.0, 20.0)), 11.0),
        (-190.0, ((-22.0, 22.0), (14.0, 17.0)), 13.0),
        (-140.0, ((-28.0, 20.0), (20.0, 20.0)), 15.0),
        (-95.0, ((-36.0, 18.0), (18.0, 22.0)), 12.0),
        (-62.0, ((-38.0, 14.0), (-22.0, 24.0)), 7.0),
    ),
    "adductor longus": (
        (-200.0, ((2.0, 2.0), (6.0, 3.0)), 4.0),
        (-150.0, ((-18.0, -14.0), (6.0, -6.0)), 7.5),
        (-95.0, ((-42.0, -26.0), (-14.0, -18.0)), 9.5),
        (-60.0, ((-54.0, -36.0), (-36.0, -32.0)), 8.5),
        (-30.0, ((-68.0, -46.0), (-64.0, -46.0)), 5.0),
    ),
    "adductor brevis": (
        (-135.0, ((6.0, 2.0), (16.0, 4.0)), 4.0),
        (-105.0, ((-18.0, -2.0), (14.0, 4.0)), 6.5),
        (-75.0, ((-44.0, -14.0), (-8.0, -2.0)), 8.5),
        (-42.0, ((-64.0, -30.0), (-58.0, -26.0)), 5.5),
    ),
    "pectineus": (
        (-85.0, ((12.0, -2.0), (22.0, 2.0)), 4.0),
        (-58.0, ((-16.0, -20.0), (12.0, -6.0)), 7.0),
        (-30.0, ((-42.0, -40.0), (-16.0, -26.0)), 7.5),
        (0.0, ((-54.0, -50.0), (-40.0, -44.0)), 4.5),
    ),
    "gracilis": (
        (-230.0, ((-48.0, 8.0), (-42.0, 18.0)), 5.0),
        (-105.0, ((-62.0, -16.0), (-58.0, 4.0)), 4.5),
        (-52.0, ((-78.0, -28.0), (-76.0, -20.0)), 4.0),
    ),
    "obturator internus": (
        (-55.0, ((-48.0, -2.0), (-40.0, 22.0)), 4.0),
        (-28.0, ((-48.0, -14.0), (-38.0, 28.0)), 6.0),
        (2.0, ((-43.0, -10.0), (-41.0, 30.0)), 6.0),
        (25.0, ((-36.0, 6.0), (-36.0, 26.0)), 3.5),
    ),
    "obturator externus": (
        (-50.0, ((-44.0, -10.0), (-8.0, 10.0)), 5.0),
        (-34.0, ((-56.0, -26.0), (2.0, 12.0)), 7.5),
        (-18.0, ((-46.0, -26.0), (16.0, 22.0)), 5.0),
    ),
    "quadratus femoris": (
        (-72.0, ((8.0, 31.0), (34.0, 27.0)), 5.0),
        (-48.0, ((2.0, 34.0), (40.0, 29.0)), 7.0),
        (-26.0, ((4.0, 35.0), (42.0, 30.0)), 4.5),
    ),
    "biceps femoris": (
        (-230.0, ((20.0, 42.0), (36.0, 34.0)), 12.0),
        (-130.0, ((10.0, 50.0), (24.0, 44.0)), 10.5),
        (-78.0, ((-4.0, 50.0), (2.0, 49.0)), 6.5),
    ),
    "semitendinosus": (
        (-230.0, ((-16.0, 52.0), (-4.0, 54.0)), 10.5),
        (-140.0, ((-18.0, 56.0), (-6.0, 57.0)), 10.5),
        (-78.0, ((-18.0, 52.0), (-14.0, 52.0)), 6.0),
    ),
    "semimembranosus": (
        (-230.0, ((-32.0, 30.0), (-14.0, 36.0)), 10.0),
        (-140.0, ((-34.0, 38.0), (-20.0, 40.0)), 7.0),
        (-80.0, ((-28.0, 42.0), (-22.0, 44.0)), 4.5),
    ),
    "rectus abdominis": (
        (-22.0, ((-80.0, -52.0), (-76.0, -52.0)), 3.0),
        (0.0, ((-83.0, -60.0), (-64.0, -59.0)), 4.5),
        (60.0, ((-84.0, -76.0), (-54.0, -74.0)), 5.0),
        (120.0, ((-84.0, -82.0), (-50.0, -79.0)), 5.0),
    ),
    "abdominal wall": (
        (8.0, ((-58.0, -58.0), (-36.0, -56.0), (-20.0, -54.0)), 2.0),
        (40.0, ((-48.0, -72.0), (-10.0, -66.0), (14.0, -56.0)), 4.0),
        (80.0, ((-46.0, -76.0), (0.0, -70.0), (28.0, -56.0)), 6.5),
        (120.0, ((-44.0, -80.0), (8.0, -72.0), (40.0, -46.0)), 8.0),
    ),
    "erector spinae": (
        (48.0, ((-84.0, 106.0), (-78.0, 106.0)), 4.0),
        (85.0, ((-84.0, 98.0), (-66.0, 98.0)), 8.0),
        (120.0, ((-82.0, 92.0), (-56.0, 90.0)), 15.0),
    ),
}  # fmt: skip
RODS: dict[str, tuple[Station, ...]] = {
    "piriformis": (
        ((-64.0, 82.0, 44.0), 9.0), ((-24.0, 62.0, 32.0), 9.5), ((14.0, 46.0, 14.0), 6.5), ((46.0, 26.0, 2.0), 3.5),
    ),
    "gemelli": (((-30.0, 46.0, 0.0), 6.0), ((0.0, 40.0, -6.0), 6.5), ((44.0, 24.0, -10.0), 4.0)),
    "levator ani": (((-40.0, 36.0, 2.0), 2.5), ((-66.0, 44.0, -24.0), 3.0), ((-86.0, 50.0, -34.0), 3.5)),
}  # fmt: skip


@dataclass(frozen=True)
class Muscles:
    """The muscles of one side.

    Parameters
    ----------
    patient : HipPatient
        The recipe.
    body : BodyFrame
        The hip's frame.
    femur : Femur
        The femur that the muscles of the thigh follow.
    """

    patient: HipPatient
    body: BodyFrame
    femur: Femur

    @cached_property
    def frame(self) -> BodyFrame:
        """The hip's frame in units of a mean woman."""
        return self.body.turn(((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), scale=self.patient.size)

    @cached_property
    def _shift(self) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
        """Heights, and how far to the side and behind the drawn shaft the recipe's lies there."""
        axis = np.array([self.femur.canal_axis(float(h)) for h in np.arange(-220.0, 90.0, 10.0)])
        offsets = self.frame.offsets(PointsLps(axis))
        order = np.argsort(offsets[:, 2])
        heights, x, y = zip(*_DRAWN_AXIS, strict=True)
        side = np.interp(heights, offsets[order, 2], offsets[order, 0]) - np.array(x)
        behind = np.interp(heights, offsets[order, 2], offsets[order, 1]) - np.array(y)
        return heights, tuple(side.tolist()), tuple(behind.tolist())

    def follow(self, place: Place, height: float) -> Place:
        """Move a place with the femur, the more so the nearer it is to it."""
        heights, side, behind = self._shift
        beside = (place[0] - _FOLLOWS_FROM) / (_FOLLOWS_WHOLLY - _FOLLOWS_FROM)
        share = float(np.clip(max(beside, (_THIGH_BELOW - height) / _THIGH_MM), 0.0, 1.0))
        share = share * share * (3.0 - 2.0 * share)
        return (
            place[0] + share * float(np.interp(height, heights, side)),
            place[1] + share * float(np.interp(height, heights, behind)),
        )

    def station(self, station: Station) -> Station:
        """Move a station of a rod with the femur."""
        (x, y, z), radius = station
        return (*self.follow((x, y), z), z), radius

    @cached_property
    def solids(self) -> dict[str, Solid]:
        """Muscles by name."""
        return self.grown(0.0)

    def grown(self, margin_mm: float) -> dict[str, Solid]:
        """Give the muscles by name, grown by a margin; piece by piece, which paints sooner than the whole grown."""
        bulk, out = self.patient.muscle_bulk, {}
        for name, drawn in SHEETS.items():
            # Muscles that leave the drawing below go on.
            levels = ((_DRAWN_END - 60.0, *drawn[0][1:]), *drawn) if drawn[0][0] == _DRAWN_END else drawn
            moved = [(z, tuple(self.follow(p, z) for p in places), (r + _FULLER_MM) * bulk) for z, places, r in levels]
            out[name] = sheet(self.frame, moved, shrunk_mm=-margin_mm)
        for name, stations in RODS.items():
            course = [(p, (r + 1.0) * bulk) for p, r in map(self.station, stations)]
            out[name] = rod(self.frame, course, shrunk_mm=-margin_mm)
        return out
