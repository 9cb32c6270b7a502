"""Fracture lines of the hip phantom's bones: clefts of even width, and their dense borders."""

from dataclasses import dataclass

import numpy as np

from planner.config.phantoms.hip.fractures import (
    HipFracture,
    LesserTrochanterFracture,
    RamusFracture,
    ShaftFissure,
    TrochantericNonUnion,
)
from planner.geometry.frames import Array, PointsLps, point_tuple, unit
from planner.phantoms.hip.frames import BodyFrame
from planner.phantoms.hip.patient.femur import Femur
from planner.phantoms.hip.patient.pelvis import Pelvis
from planner.phantoms.scene import Part
from planner.phantoms.solids.basic import Intersection, RoundedBox, Solid
from planner.phantoms.tissues import FIBROUS, SCLEROTIC

_WALLS = {
    "lateral": (1.0, 0.0, 0.0),
    "medial": (-1.0, 0.0, 0.0),
    "anterior": (0.0, -1.0, 0.0),
    "posterior": (0.0, 1.0, 0.0),
}
_ACROSS_MM = 60.0


@dataclass(frozen=True)
class Cleft:
    """A fracture line.

    Parameters
    ----------
    fracture : HipFracture
        The recipe.
    solid : Solid
        The line, within its bone.
    rim : Solid or None
        The line with its dense borders; None where it has none.
    """

    fracture: HipFracture
    solid: Solid
    rim: Solid | None = None

    def parts(self) -> list[Part]:
        """Give what is painted, the borders first."""
        borders = [] if self.rim is None else [Part(f"borders of {self.fracture.kind}", self.rim, SCLEROTIC)]
        return [*borders, Part(self.fracture.kind, self.solid, FIBROUS)]


def clefts(
    fractures: tuple[HipFracture, ...], femur: Femur, pelvis: Pelvis, pelvis_outside: Solid
) -> tuple[Cleft, ...]:
    """Make the fracture lines.

    Parameters
    ----------
    fractures : tuple of HipFracture
        The recipes.
    femur, pelvis : Femur, Pelvis
        The bones.
    pelvis_outside : Solid
        Outside of the innominate bone as it is drawn.

    Returns
    -------
    tuple of Cleft
        In the recipes' order.
    """
    return tuple(_cleft(fracture, femur, pelvis, pelvis_outside) for fracture in fractures)


def _cleft(fracture: HipFracture, femur: Femur, pelvis: Pelvis, pelvis_outside: Solid) -> Cleft:
    if isinstance(fracture, ShaftFissure):
        return _fissure(fracture, femur)
    if isinstance(fracture, TrochantericNonUnion):
        return _trochanter(fracture, femur)
    if isinstance(fracture, LesserTrochanterFracture):
        return _lesser(fracture, femur)
    return _ramus(fracture, pelvis, pelvis_outside)


def _slab(
    frame: BodyFrame, centre: Array, first: Array, second: Array, half_mm: tuple[float, float, float]
) -> RoundedBox:
    """Make a thin box: two directions in its plane, and half its edges along these and across."""
    a = unit(frame.direction(first))
    b = frame.direction(second)
    b = unit(b - (b @ a) * a)
    axes = np.stack([a, b, np.cross(a, b)], axis=-1)
    rows = (point_tuple(axes[0]), point_tuple(axes[1]), point_tuple(axes[2]))
    return RoundedBox(frame.place(centre), half_mm, 0.0, rows)


def _fissure(fracture: ShaftFissure, femur: Femur) -> Cleft:
    height, whole = -fracture.below_mm, fracture.wall == "all"
    outward = np.array(_WALLS.get(fracture.wall, _WALLS["lateral"]))
    turn = np.radians(fracture.obliquity_deg)
    up = np.array([0.0, 0.0, 1.0])
    along = np.cos(turn) * up + np.sin(turn) * np.cross(up, outward)
    middle = femur.frame.offsets(PointsLps(np.array(femur.canal_axis(height))))
    inner, wall = min(femur.canal_half_widths_mm(height)), femur.cortex_mm(height)
    # One wall: from half way out in the canal to well past the bone.
    start, stop = (-_ACROSS_MM, _ACROSS_MM) if whole else (0.5 * inner, inner + wall + 8.0)
    half = ((stop - start) / 2.0, _ACROSS_MM if whole else fracture.length_mm / 2.0, fracture.width_mm / 2.0)
    box = _slab(femur.frame, middle + outward * (start + stop) / 2.0, outward, along, half)
    return Cleft(fracture, Intersection((box, femur.outside)))


def _trochanter(fracture: TrochantericNonUnion, femur: Femur) -> Cleft:
    s = femur.patient.size
    centre = np.array([9.0, 5.0, 26.0]) * s
    across, down = np.array([0.0, 1.0, 0.0]), np.array([0.55, 0.0, -0.83])
    reach = 30.0 * s

    def line(half_mm: float) -> Solid:
        return Intersection((_slab(femur.frame, centre, across, down, (reach, reach, half_mm)), femur.outside))

    rim = line(fracture.width_mm / 2.0 + fracture.rim_mm) if fracture.rim_mm > 0.0 else None
    return Cleft(fracture, line(fracture.width_mm / 2.0), rim)


def _lesser(fracture: LesserTrochanterFracture, femur: Femur) -> Cleft:
    s = femur.patient.size
    root, tip = (np.array(end) for end in femur.lesser_trochanter)
    outward = unit(tip - root)
    centre = tip - outward * 4.0 * s
    along, across = np.cross([-1.0, 0.0, 0.0], outward), np.cross([0.0, 0.0, 1.0], outward)
    box = _slab(femur.frame, centre, along, across, (16.0 * s, 16.0 * s, fracture.width_mm / 2.0))
    return Cleft(fracture, Intersection((box, femur.outside)))


def _ramus(fracture: RamusFracture, pelvis: Pelvis, pelvis_outside: Solid) -> Cleft:
    centre = np.array([-50.0, -39.0, -9.5])
    box = _slab(
        pelvis.frame,
        centre,
        np.array([0.1, 0.3, 0.95]),
        np.array([-0.45, 0.85, -0.2]),
        (14.0, 14.0, fracture.width_mm / 2.0),
    )
    return Cleft(fracture, Intersection((box, pelvis_outside)))
