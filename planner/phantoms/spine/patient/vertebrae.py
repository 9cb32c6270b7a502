"""Vertebrae, ribs, discs and canal of the spine phantoms, in each vertebra's own frame.

Local coordinates of a vertebra: origin in the middle of its body, x to the patient's left, y to posterior, z to
superior, mm. Sizes are those of a slim woman (lumbar body about 50 x 35 x 27 mm, pedicle 11 mm wide; thoracic body
32 x 29 x 19 mm, pedicle 7.5 mm wide; within a standard deviation or two of the morphometry in PMC4857161).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.geometry.frames import Array, PointTuple, point_tuple
from planner.geometry.rigid import rotation_about
from planner.model.implant import Side
from planner.phantoms.solids.basic import RoundCone, RoundedBox, Solid, Union, tube
from planner.phantoms.solids.columns import EllipticColumn
from planner.phantoms.spine.patient.body import Heights, VertebralBody

Strut = tuple[PointTuple, PointTuple, float, float]
"""Start, stop, and the radii there, on the patient's left; the right one is its mirror image."""
Plate = tuple[PointTuple, PointTuple, float, float]
"""Centre, half edges, rounding and yaw in degrees, on the patient's left; the right one is its mirror image."""


@dataclass(frozen=True)
class BodyForm:
    """A body that is more than an elliptic column: see `VertebralBody`."""

    upper_mm: Heights
    lower_mm: Heights
    waist: float
    dish_mm: float
    notch_mm: float


@dataclass(frozen=True)
class PedicleForm:
    """The narrowest place of a pedicle, in the coordinates of the patient's left side.

    Parameters
    ----------
    centre_mm : tuple of float
        Its middle.
    width_mm, height_mm : float
        Across the pedicle's axis.
    inward_deg : float
        How the axis turns to the midline on its way to the front.
    """

    centre_mm: PointTuple
    width_mm: float
    height_mm: float
    inward_deg: float


@dataclass(frozen=True)
class Pedicle:
    """A pedicle in the patient: where its isthmus is, and which way a screw runs through it.

    Parameters
    ----------
    centre_lps : tuple of float
        The middle of the isthmus, LPS mm.
    inward_lps : tuple of float
        Unit vector along its axis, from the back into the body.
    width_mm, height_mm : float
        Of the isthmus, across the axis.
    """

    centre_lps: PointTuple
    inward_lps: PointTuple
    width_mm: float
    height_mm: float


@dataclass(frozen=True)
class VertebraShape:
    """The form of a vertebra, the same on both sides unless `right` says otherwise; a frame turns it in the patient.

    Parameters
    ----------
    body_mm : tuple of float
        Half width, half depth and half height of the body.
    waist : float
        Share by which the body is narrower at half height.
    struts, plates : tuple
        Pedicles, processes and laminae of the left side.
    spinous : tuple of Plate
        Plates in the midline.
    canal_mm : tuple of float
        y of the canal's middle, radius, and the offset to each side of the two tubes that it is made of.
    cortex_mm, endplate_mm : float
        Thickness of the shell.
    midline : tuple of Strut
        Struts in the midline.
    form : BodyForm or None
        The body's form; None for an elliptic column.
    pedicles : tuple of PedicleForm
        Left, right; empty where nobody asks for them.
    right : tuple of Strut and tuple of Plate, or None
        Struts and plates of the right side, in the coordinates of the left; None where they mirror the left.
    """

    body_mm: PointTuple
    waist: float
    struts: tuple[Strut, ...]
    plates: tuple[Plate, ...]
    spinous: tuple[Plate, ...]
    canal_mm: PointTuple
    cortex_mm: float = 1.1
    endplate_mm: float = 0.9
    midline: tuple[Strut, ...] = ()
    form: BodyForm | None = None
    pedicles: tuple[PedicleForm, ...] = ()
    right: tuple[tuple[Strut, ...], tuple[Plate, ...]] | None = None


LUMBAR = VertebraShape(
    body_mm=(25.0, 17.5, 13.5),
    waist=0.11,
    struts=(
        ((16.0, 8.0, 3.2), (17.6, 33.0, 3.2), 6.2, 5.6),  # pedicle, lower half
        ((16.0, 8.0, 6.8), (17.6, 33.0, 6.8), 6.0, 5.6),  # pedicle, upper half
        ((18.0, 31.0, 4.0), (30.0, 33.5, 5.5), 4.6, 3.6),  # transverse process
        ((30.0, 33.5, 5.5), (43.0, 34.0, 8.0), 3.6, 2.8),
        ((20.0, 34.5, 5.0), (20.6, 33.5, 17.0), 5.4, 4.0),  # superior articular process
        ((17.0, 35.5, -1.0), (13.6, 39.5, -9.0), 4.8, 4.4),  # isthmus
        ((13.6, 39.5, -9.0), (13.0, 40.0, -20.0), 4.4, 4.0),  # inferior articular process
    ),
    plates=(((9.0, 36.0, -4.5), (10.0, 3.1, 9.5), 2.6, -33.0),),
    spinous=(((0.0, 52.0, -7.5), (3.2, 13.0, 8.5), 2.8, 0.0),),
    canal_mm=(25.6, 7.6, 3.0),
)

THORACIC = VertebraShape(
    body_mm=(16.0, 14.5, 9.6),
    waist=0.09,
    struts=(
        ((11.2, 7.0, 2.6), (13.0, 25.0, 2.6), 3.9, 3.7),  # pedicle, lower half
        ((11.2, 7.0, 6.2), (13.0, 25.0, 6.2), 3.8, 3.7),  # pedicle, upper half
        ((12.2, 26.5, 3.5), (27.0, 38.0, 6.0), 4.6, 4.3),  # transverse process
        ((11.4, 27.5, 5.0), (10.8, 28.4, 12.6), 3.4, 2.5),  # superior articular process
        ((9.5, 32.5, -5.0), (9.5, 34.4, -14.5), 3.2, 2.4),  # inferior articular process
    ),
    plates=(((6.8, 31.2, -1.5), (7.2, 2.6, 9.0), 2.2, -33.0),),
    spinous=(((0.0, 38.0, -4.0), (2.8, 5.0, 7.0), 2.4, 0.0),),
    canal_mm=(22.2, 7.3, 0.9),
    cortex_mm=0.9,
    endplate_mm=0.8,
    midline=(((0.0, 39.0, -6.0), (0.0, 52.0, -21.0), 3.4, 2.8),),
)

_RIB: tuple[PointTuple, ...] = (
    (19.6, 15.0, 8.8),
    (27.0, 25.5, 7.5),
    (35.6, 34.0, 5.0),
    (60.0, 45.0, -5.0),
    (88.0, 38.0, -15.0),
    (105.0, 12.0, -27.0),
    (105.0, -26.0, -40.0),
    (88.0, -58.0, -50.0),
)
_RIB_RADII_MM = (3.3, 3.0, 3.7, 4.0, 4.0, 3.9, 3.8, 3.8)
_RIB_CORTEX_MM = 1.0


@dataclass(frozen=True)
class Vertebra:
    """A vertebra in the patient.

    Parameters
    ----------
    level : str
        Its name ("L4").
    shape : VertebraShape
        Its form.
    centre_lps : tuple of float
        The middle of its body, LPS mm.
    turn_deg, tilt_deg, lean_deg : float
        About its long axis (the front to the patient's left positive), then about the patient's left-right axis (the
        upper endplate to the front positive), then about the front-back axis.
    scale : float
        Size, 1 for that of the shape.
    """

    level: str
    shape: VertebraShape
    centre_lps: PointTuple
    turn_deg: float = 0.0
    tilt_deg: float = 0.0
    lean_deg: float = 0.0
    scale: float = 1.0

    @cached_property
    def axes(self) -> Array:
        """Local x, y, z as the columns of a (3, 3) matrix, LPS."""
        lean, tilt = rotation_about((0, 1, 0), self.lean_deg), rotation_about((1, 0, 0), self.tilt_deg)
        return np.asarray(lean @ tilt @ rotation_about((0, 0, 1), self.turn_deg))

    def place(self, local_mm: Sequence[float]) -> PointTuple:
        """Give the LPS position of a point in the vertebra's own coordinates."""
        return point_tuple(np.array(self.centre_lps) + self.axes @ (np.array(local_mm) * self.scale))

    def bone(self, *, inside: bool) -> Solid:
        """Give the outer form of the vertebra, or the cancellous bone in its shell."""
        shell = self.shape.cortex_mm if inside else 0.0
        pieces: list[Solid] = [self.body(inside=inside)]
        left = (self.shape.struts, self.shape.plates)
        for side, (struts, plates) in ((1.0, left), (-1.0, self.shape.right or left)):
            pieces += [self._strut(strut, side, shell) for strut in struts]
            pieces += [self._plate(plate, side, shell) for plate in plates]
        pieces += [self._strut(strut, 1.0, shell) for strut in self.shape.midline]
        pieces += [self._plate(plate, 1.0, shell) for plate in self.shape.spinous]
        return Union(tuple(pieces))

    def pedicle(self, side: Side) -> Pedicle:
        """Give the isthmus of a pedicle, for shapes that know theirs.

        Raises
        ------
        ValueError
            If the shape does not say where its pedicles are.
        """
        if not self.shape.pedicles:
            raise ValueError(f"{self.level}: this shape does not say where its pedicles are")
        form = self.shape.pedicles[0 if side == "left" else 1]
        sign = 1.0 if side == "left" else -1.0
        inward = np.radians(form.inward_deg)
        axis = self.axes @ np.array([-sign * np.sin(inward), -np.cos(inward), 0.0])
        centre = self.place(_mirrored(form.centre_mm, sign))
        return Pedicle(centre, point_tuple(axis), form.width_mm * self.scale, form.height_mm * self.scale)

    def _strut(self, strut: Strut, side: float, shell_mm: float) -> Solid:
        start, stop, first_mm, last_mm = strut
        ends = self.place(_mirrored(start, side)), self.place(_mirrored(stop, side))
        return RoundCone(*ends, first_mm * self.scale - shell_mm, last_mm * self.scale - shell_mm)

    def body(self, *, inside: bool) -> Solid:
        """Give the body without its arch, or the cancellous bone in it."""
        if self.shape.form is not None:
            return self._formed_body(self.shape.form, inside=inside)
        a, b, half_height = (v * self.scale for v in self.shape.body_mm)
        if inside:
            a, b = a - self.shape.cortex_mm, b - self.shape.cortex_mm
            half_height -= self.shape.endplate_mm
        return EllipticColumn(self.centre_lps, (a, b, half_height), self.shape.waist, _rows(self.axes))

    def _formed_body(self, form: BodyForm, *, inside: bool) -> Solid:
        half_width, half_depth, _ = self.shape.body_mm
        whole = VertebralBody(
            self.centre_lps, half_width * self.scale, half_depth * self.scale, self._scaled(form.upper_mm),
            self._scaled(form.lower_mm), _rows(self.axes), form.waist, form.dish_mm * self.scale,
            form.notch_mm * self.scale,
        )  # fmt: skip
        if not inside:
            return whole
        return whole.shrunk(wall_mm=self.shape.cortex_mm, endplate_mm=self.shape.endplate_mm)

    def _scaled(self, heights: Heights) -> Heights:
        return heights[0] * self.scale, heights[1] * self.scale, heights[2] * self.scale

    def _plate(self, plate: Plate, side: float, shell_mm: float) -> Solid:
        centre, half, rounding, yaw_deg = plate
        axes = self.axes @ rotation_about((0, 0, 1), yaw_deg * side)
        inner = tuple(v * self.scale - shell_mm for v in half)
        rounding_mm = max(rounding * self.scale - shell_mm, 0.3)
        return RoundedBox(self.place(_mirrored(centre, side)), point_tuple(inner), rounding_mm, _rows(axes))

    def ribs(self, *, inside: bool) -> Solid:
        """Give the pair of ribs that begins at this vertebra, or the cancellous bone in them."""
        shell = _RIB_CORTEX_MM if inside else 0.0
        radii = [r - shell for r in _RIB_RADII_MM]
        return Union(tuple(tube([self.place(_mirrored(p, s)) for p in _RIB], radii) for s in (1.0, -1.0)))


def _mirrored(point: PointTuple, side: float) -> PointTuple:
    return point[0] * side, point[1], point[2]


def _rows(axes: Array) -> tuple[PointTuple, ...]:
    return tuple(point_tuple(row) for row in axes)


def disc(upper: Vertebra, lower: Vertebra) -> Solid:
    """Give the disc between two neighbours; it reaches into both bodies, which are to be painted over it."""
    a, b, half_height = (v * (upper.scale + lower.scale) / 2.0 for v in upper.shape.body_mm)
    centre = (np.array(upper.centre_lps) + np.array(lower.centre_lps)) / 2.0
    up = np.array(upper.centre_lps) - np.array(lower.centre_lps)
    mean = upper.axes + lower.axes
    mean[:, 2] = up
    axes, _ = np.linalg.qr(mean[:, ::-1])
    # QR may turn an axis round; an elliptic column looks the same from both ends.
    half = float(np.linalg.norm(up)) / 2.0 - half_height + 2.5
    return EllipticColumn(point_tuple(centre), (a * 0.98, b * 0.98, half), -0.03, _rows(axes[:, ::-1]))


def canal(vertebrae: Sequence[Vertebra]) -> Solid:
    """Give the spinal canal along all the vertebrae: two tubes side by side."""
    y_mm, radius_mm, offset_mm = vertebrae[0].shape.canal_mm
    tubes = []
    for x_mm in (-offset_mm, offset_mm):
        points = [v.place((x_mm, y_mm, z)) for v in vertebrae for z in _along(v)]
        tubes.append(tube(points, [radius_mm] * len(points)))
    return Union(tuple(tubes))


def canal_line(vertebrae: Sequence[Vertebra]) -> tuple[PointTuple, ...]:
    """Give the middle of the canal, from the first vertebra to the last."""
    y_mm = vertebrae[0].shape.canal_mm[0]
    return tuple(v.place((0.0, y_mm, z)) for v in vertebrae for z in _along(v))


def _along(vertebra: Vertebra) -> tuple[float, float]:
    half_height = vertebra.shape.body_mm[2]
    return half_height, -half_height
