"""The sacrum with its canal and foramina, and enough of both iliac wings for iliac screws.

Sacral parts are given in the coordinates of the first sacral body (see `vertebrae`), those of the ilium in a frame that
has the patient's own front and back: the pelvis lies level, however the sacrum's endplate leans. Shapes were set by
eye, on pictures; the way from the posterior spine of the ilium to above the acetabulum is 100-110 mm long in them, as
screws there are 86-122 mm long in women (doi of the review: PMC6286901; lengths of S2-iliac screws from a CT study of
180 pelves).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.geometry.frames import Array, PointTuple, point_tuple
from planner.geometry.rigid import rotation_about
from planner.model.implant import Side
from planner.phantoms.solids.basic import Difference, Grown, RoundCone, Solid, Union, tube
from planner.phantoms.spine.patient.bundles import ThickTriangle
from planner.phantoms.spine.patient.vertebrae import Vertebra

_JOINT_MM = 2.2
"""Width of the sacroiliac joint. By eye."""

Strut = tuple[PointTuple, PointTuple, float, float]
_ALA: tuple[Strut, ...] = (
    ((15.0, -3.0, 3.0), (41.0, 6.0, -2.0), 9.5, 12.5),
    ((15.0, 7.0, -4.0), (43.0, 14.0, -9.0), 10.0, 13.0),
    ((42.0, 9.0, -8.0), (34.0, 16.0, -34.0), 12.5, 9.5),
    ((33.0, 16.0, -34.0), (20.0, 22.0, -56.0), 9.0, 6.0),
)
_MASS: tuple[Strut, ...] = (
    ((16.5, 12.0, 1.0), (20.0, 28.0, 0.0), 9.0, 6.5),  # pedicle of S1
    ((20.0, 28.0, 0.0), (22.0, 30.0, 14.0), 6.0, 4.2),  # its articular process
    ((20.0, 28.0, 0.0), (36.0, 20.0, -8.0), 6.5, 8.0),
    ((19.0, 31.0, -2.0), (14.0, 35.0, -26.0), 5.0, 4.2),  # back of the canal, beside the midline
    ((14.0, 35.0, -26.0), (10.0, 38.0, -52.0), 4.2, 3.4),
    ((24.0, 26.0, -14.0), (26.0, 24.0, -34.0), 7.0, 6.0),
    ((8.0, 12.0, -24.0), (26.0, 18.0, -26.0), 7.0, 6.0),  # second segment
    ((7.0, 18.0, -46.0), (18.0, 21.0, -46.0), 5.5, 5.0),  # third segment
)
_MIDLINE: tuple[Strut, ...] = (
    ((0.0, -0.5, -9.0), (0.0, 10.0, -34.0), 14.0, 10.0),  # bodies of S2 and S3
    ((0.0, 10.0, -34.0), (0.0, 19.0, -56.0), 10.0, 6.5),
    ((0.0, 39.0, -6.0), (0.0, 46.0, -22.0), 3.4, 3.0),  # median crest
    ((0.0, 46.0, -22.0), (0.0, 44.0, -50.0), 3.2, 3.0),
    ((9.0, 36.0, -5.0), (0.0, 40.0, -8.0), 3.0, 3.2),
    ((-9.0, 36.0, -5.0), (0.0, 40.0, -8.0), 3.0, 3.2),
    ((8.0, 38.0, -26.0), (-8.0, 38.0, -26.0), 3.4, 3.4),
    ((6.0, 40.0, -42.0), (-6.0, 40.0, -42.0), 3.2, 3.2),
    ((10.0, 37.0, -14.0), (0.0, 41.5, -15.0), 3.0, 3.2),
    ((-10.0, 37.0, -14.0), (0.0, 41.5, -15.0), 3.0, 3.2),
)
_FORAMINA: tuple[tuple[PointTuple, ...], ...] = (
    ((7.0, 23.0, -10.0), (16.5, 14.0, -15.5), (20.0, -2.0, -19.0), (22.0, -16.0, -22.0)),
    ((15.5, 16.0, -15.0), (17.0, 28.0, -17.0), (18.5, 44.0, -18.0)),
)
_FORAMEN_RADII_MM = (4.6, 3.4)
_CANAL_BELOW: tuple[tuple[PointTuple, float], ...] = (((0.0, 27.5, -22.0), 6.0), ((0.0, 31.0, -46.0), 4.0))
"""Middle and radius of the canal behind S2 and S3."""

_PSIS: PointTuple = (40.0, 50.0, -20.0)
_NOTCH: PointTuple = (55.0, 17.0, -34.0)
_FRONT: PointTuple = (86.0, -38.0, -56.0)
_AURICLE: tuple[PointTuple, PointTuple] = ((54.0, 24.0, -26.0), (63.0, 20.0, 4.0))
"""Where the ilium is thick, beside the joint."""
_CREST: tuple[PointTuple, ...] = (
    _PSIS, (52.0, 46.0, 6.0), (77.0, 30.0, 31.0), (110.0, 0.0, 40.0), (121.0, -28.0, 28.0), (116.0, -58.0, -6.0),
)  # fmt: skip
_SHEET_MM = 4.2
_CREST_RADII_MM = (8.0, 6.4, 5.6, 6.6, 5.6, 5.6)
_BAR_RADII_MM = (8.6, 9.4, 11.0)
_AURICLE_RADII_MM = (10.0, 8.5)


@dataclass(frozen=True)
class Sacrum:
    """Sacrum and iliac wings.

    Parameters
    ----------
    s1 : Vertebra
        The first sacral body, in its place.
    size : float
        Of all its parts.
    cortex_mm : float
        Thickness of the shell.
    """

    s1: Vertebra
    size: float
    cortex_mm: float

    @property
    def axes(self) -> Array:
        """Local x, y, z of the first sacral body as the columns of a (3, 3) matrix, LPS."""
        return self.s1.axes

    def place(self, local_mm: Sequence[float]) -> PointTuple:
        """Give the LPS position of a point in the first sacral body's own coordinates, mm, not scaled."""
        return self.s1.place(local_mm)

    @cached_property
    def pelvic_axes(self) -> Array:
        """The pelvis's own x, y, z as columns, LPS: turned and leant with the sacrum, but level."""
        lean = rotation_about((0, 1, 0), self.s1.lean_deg)
        return np.asarray(lean @ rotation_about((0, 0, 1), self.s1.turn_deg))

    def place_in_pelvis(self, local_mm: Sequence[float]) -> PointTuple:
        """Give the LPS position of a point in the pelvis's own coordinates, from the first sacral body, mm."""
        return point_tuple(np.array(self.s1.centre_lps) + self.pelvic_axes @ np.array(local_mm))

    def iliac_way(self, side: Side) -> tuple[PointTuple, PointTuple]:
        """Give the ends of an iliac screw's widest way: the posterior spine, and above the acetabulum, LPS mm."""
        sign = 1.0 if side == "left" else -1.0
        back, front = self._pelvic(_PSIS, sign), self._pelvic(_FRONT, sign)
        return back, front

    def s1_way(self, side: Side) -> tuple[PointTuple, PointTuple]:
        """Give a first sacral screw's way: its entry behind, and a point short of the promontory, LPS mm."""
        sign, s = (1.0 if side == "left" else -1.0), self.size
        return self._local((21.0 * sign, 33.0, 4.0), s), self._local((9.0 * sign, -10.0, 4.0), s)

    @cached_property
    def foramina(self) -> Solid:
        """The first sacral nerves' ways out, front and back, both sides."""
        pieces = []
        for sign in (1.0, -1.0):
            for line, radius in zip(_FORAMINA, _FORAMEN_RADII_MM, strict=True):
                points = [self._sacral(p, sign) for p in line]
                pieces.append(tube(points, [radius * self.size] * len(points)))
        return Union(tuple(pieces))

    @property
    def canal_knots(self) -> tuple[tuple[PointTuple, float], ...]:
        """Middle, LPS, and radius of the canal below the first body."""
        return tuple((self._local(p, self.size), r * self.size) for p, r in _CANAL_BELOW)

    def bone(self, *, inside: bool) -> Solid:
        """Give sacrum and ilia, or the cancellous bone in them; canal and foramina are not taken out."""
        return Union((self.sacrum(inside=inside), self.ilia(inside=inside)))

    def sacrum(self, *, inside: bool) -> Solid:
        """Give the sacrum without the ilia, or the cancellous bone in it."""
        shell = self.cortex_mm if inside else 0.0
        pieces: list[Solid] = [self.s1.body(inside=inside)]
        for sign in (1.0, -1.0):
            pieces += [self._cone(strut, sign, shell) for strut in (*_ALA, *_MASS)]
        pieces += [self._cone(strut, 1.0, shell) for strut in _MIDLINE]
        if not inside:
            return Union(tuple(pieces))
        # A foramen's wall has a cortex of its own.
        walls = Grown(self.foramina, self.cortex_mm)
        return Union(tuple(Difference(piece, walls) for piece in pieces))

    def ilia(self, *, inside: bool) -> Solid:
        """Give both iliac wings, or the cancellous bone in them; the sacroiliac joint is left free."""
        shell = self.cortex_mm if inside else 0.0
        pieces: list[Solid] = []
        for sign in (1.0, -1.0):
            ala = Union(tuple(self._cone(strut, sign, 0.0) for strut in (*_ALA, *_MASS[5:6])))
            joint = Grown(ala, _JOINT_MM + shell)
            pieces += [Difference(piece, joint) for piece in self._wing(sign, shell)]
        return Union(tuple(pieces))

    @cached_property
    def joints(self) -> Solid:
        """What fills the sacroiliac joints; to be painted before the bones."""
        return Union(tuple(Grown(self._cone(s, sign, 0.0), _JOINT_MM) for sign in (1.0, -1.0) for s in _ALA[:3]))

    def _wing(self, sign: float, shell: float) -> list[Solid]:
        crest = [self._pelvic(p, sign) for p in _CREST]
        back, notch, front = (self._pelvic(p, sign) for p in (_PSIS, _NOTCH, _FRONT))
        s = self.size
        bar = tube([back, notch, front], [r * s - shell for r in _BAR_RADII_MM])
        auricle = tube([self._pelvic(p, sign) for p in _AURICLE], [r * s - shell for r in _AURICLE_RADII_MM])
        rim = tube(crest, [r * s - shell for r in _CREST_RADII_MM])
        fan = [(notch, crest[i], crest[i + 1]) for i in range(3)]
        fan += [(notch, crest[3], front), (front, crest[3], crest[4]), (front, crest[4], crest[5])]
        sheet = _SHEET_MM * s - shell
        return [*_split(bar), *_split(auricle), *_split(rim), *(ThickTriangle(corners, sheet) for corners in fan)]

    def _pelvic(self, point: PointTuple, sign: float) -> PointTuple:
        return self.place_in_pelvis([sign * point[0] * self.size, point[1] * self.size, point[2] * self.size])

    def _sacral(self, point: PointTuple, sign: float) -> PointTuple:
        return self._local((sign * point[0], point[1], point[2]), self.size)

    def _local(self, point: PointTuple, size: float) -> PointTuple:
        return self.s1.place([v * size for v in point])

    def _cone(self, strut: Strut, sign: float, shell: float) -> Solid:
        start, stop, first, last = strut
        radii = first * self.size - shell, last * self.size - shell
        return RoundCone(self._sacral(start, sign), self._sacral(stop, sign), *radii)


def _split(solid: Solid) -> tuple[Solid, ...]:
    return solid.solids if isinstance(solid, Union) else (solid,)
