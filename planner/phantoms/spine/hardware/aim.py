"""Screws aimed as a surgeon aims them: along the pedicle, parallel to the endplate, as thick and long as fits."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from planner.geometry.frames import Array, PointsLps, PointTuple, point_tuple, unit
from planner.geometry.rigid import perpendicular_pair, rotation_about
from planner.model.implant import Side
from planner.phantoms.solids.basic import Solid
from planner.phantoms.solids.raster import contains
from planner.phantoms.spine.patient.column import Column
from planner.phantoms.spine.patient.vertebrae import Vertebra
from planner.phantoms.spine.places import sacrum_of, vertebra_at

Misplaced = Literal["anterior", "canal", "disc", "lateral"]
DIAMETERS_MM = (4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0, 7.5)
_PEDICLE_SHARE = 0.78
"""Of the isthmus's outer width that a screw fills; 80 % is the rule (no source), less keeps it clear of the cortex."""
_ERROR_DEG, _ERROR_MM = 2.0, 0.6
"""Spread of a good surgeon's aim; 1.7-2 degrees and 1 mm or so are usual with guidance (no source)."""
_LENGTH_STEP_MM = 5.0
_LONGEST_MM = {"T": 45.0, "L": 55.0, "S": 50.0}
_STEP_MM = 0.25
_TIP_MM = 4.0
"""Bone in front of a sacral or iliac screw's tip."""
_CLEAR_MM = 0.4
"""Bone that a well-placed screw leaves between its thread and the outside, in front of the entry."""
_TRIES = 32
_MORE_INWARD_DEG = 20.0
"""Over the pedicle's own angle: tried more and more, until the screw is clear of the outside."""


@dataclass(frozen=True)
class Aim:
    """Where a screw goes.

    Parameters
    ----------
    head_lps, tip_lps : tuple of float
        LPS mm.
    diameter_mm : float
        Over the thread.
    isthmus_mm : float
        Distance from the head to the narrowest place of the pedicle; of other screws, to their planned entry.
    """

    head_lps: PointTuple
    tip_lps: PointTuple
    diameter_mm: float
    isthmus_mm: float

    @property
    def length_mm(self) -> float:
        """From head to tip."""
        return float(np.linalg.norm(np.subtract(self.tip_lps, self.head_lps)))

    @property
    def direction(self) -> Array:
        """Unit vector from head to tip."""
        return unit(np.subtract(self.tip_lps, self.head_lps))


def aim_pedicle(column: Column, level: str, side: Side, random: np.random.Generator) -> Aim:
    """Aim a screw through a pedicle of T or L; it stays clear of the outside of the bone where the pedicle lets it.

    Parameters
    ----------
    column : Column
        The patient's bones.
    level : str
        Which vertebra.
    side : "left" or "right"
        Which pedicle.
    random : Generator
        Of the surgeon's small errors.

    Returns
    -------
    Aim
    """
    vertebra, bone = column.vertebra(level), column.bone_of(level, inside=False)
    pedicle = vertebra.pedicle(side)
    fitting = [d for d in DIAMETERS_MM if d <= _PEDICLE_SHARE * pedicle.width_mm]
    diameter = max(fitting, default=DIAMETERS_MM[0])
    sign = 1.0 if side == "left" else -1.0
    room = max((pedicle.width_mm - diameter) / 2.0, 0.0)
    tries: list[tuple[float, Aim]] = []
    for attempt in range(_TRIES):
        # From lateral entries a screw converges more than its pedicle does, to meet the body and not its edge.
        strain = max(attempt - 2, 0) / _TRIES
        more_deg = float(random.uniform(0.0, _MORE_INWARD_DEG * min(2.0 * strain, 1.0)))
        way = rotation_about(vertebra.axes[:, 2], -sign * more_deg) @ np.array(pedicle.inward_lps)
        way = _turned(way, (1.0 - strain) * _ERROR_DEG, random)
        aside = sign * float(random.uniform(-room, room)) * strain * vertebra.axes[:, 0]
        error = random.normal(0.0, (1.0 - strain) * _ERROR_MM / 3.0**0.5, 3)
        aim = _through(vertebra, bone, np.array(pedicle.centre_lps) + aside + error, way, diameter, random)
        tries.append((_clear_share(aim, bone, column.holes), aim))
        if tries[-1][0] >= 1.0:
            break
    return max(tries, key=lambda t: t[0])[1]


def misplace(aim: Aim, how: Misplaced, column: Column, level: str, side: Side, by_mm: float) -> Aim:
    """Give a screw that leaves its bone.

    Parameters
    ----------
    aim : Aim
        The well-placed screw.
    how : Misplaced
        Which way: tip through the front of the body, shaft through the medial or the lateral wall of the pedicle, tip
        through the upper endplate.
    column : Column
        The patient's bones.
    level : str
        Which vertebra.
    side : "left" or "right"
        Which pedicle.
    by_mm : float
        How far the thread stands out of the bone.

    Returns
    -------
    Aim
    """
    vertebra = vertebra_at(column, level)
    bone = column.bone_of(level, inside=False)
    head, way = np.array(aim.head_lps), aim.direction
    if how == "anterior":
        front = _last_in(vertebra.body(inside=False), head + aim.isthmus_mm * way, way) + aim.isthmus_mm
        return replace(aim, tip_lps=point_tuple(head + (front + by_mm) * way))
    if how == "disc":
        return _into_disc(aim, vertebra, by_mm)
    outward = vertebra.axes[:, 0] * (1.0 if side == "left" else -1.0)
    sideways = unit(outward - (outward @ way) * way) * (1.0 if how == "lateral" else -1.0)
    isthmus = head + aim.isthmus_mm * way
    wall = _leaves_at(bone, isthmus, sideways) - aim.diameter_mm / 2.0
    shift = (wall + by_mm) * sideways
    return replace(aim, head_lps=point_tuple(head + shift), tip_lps=point_tuple(np.array(aim.tip_lps) + shift))


def aim_sacral(column: Column, side: Side, random: np.random.Generator) -> Aim:
    """Aim a first sacral screw towards the promontory."""
    entry, end = (np.array(p) for p in sacrum_of(column).s1_way(side))
    bone = column.bone_of("S1", inside=False)
    way = _turned(unit(end - entry), _ERROR_DEG / 2.0, random)
    return _along(bone, entry, way, 7.0, float(np.linalg.norm(end - entry)) + 4.0, random)


def aim_iliac(column: Column, side: Side, random: np.random.Generator) -> Aim:
    """Aim an iliac screw from the posterior spine to above the acetabulum."""
    back, front = (np.array(p) for p in sacrum_of(column).iliac_way(side))
    bone = sacrum_of(column).ilia(inside=False)
    way = _turned(unit(front - back), 0.5, random)
    return _along(bone, back + 12.0 * way, way, 7.5, float(random.choice([70.0, 75.0, 80.0])), random)


def _along(bone: Solid, entry: Array, way: Array, diameter: float, reach_mm: float, random: np.random.Generator) -> Aim:
    out = _leaves_at(bone, entry, -way)
    reach_mm = min(reach_mm, _leaves_at(bone, entry, way, reach_mm=130.0) - _TIP_MM)
    back = out + float(random.uniform(1.0, 2.5))
    length = _LENGTH_STEP_MM * np.floor((back + reach_mm) / _LENGTH_STEP_MM)
    head = entry - back * way
    return Aim(point_tuple(head), point_tuple(head + length * way), diameter, back)


def _through(
    vertebra: Vertebra, bone: Solid, middle: PointTuple | Array, way: Array, diameter: float,
    random: np.random.Generator,
) -> Aim:  # fmt: skip
    centre = np.asarray(middle, dtype=np.float64)
    back = _leaves_at(bone, centre, -way) + float(random.uniform(1.5, 3.0))
    front = _last_in(vertebra.body(inside=False), centre, way) - float(random.uniform(4.0, 7.0))
    length = min(_LENGTH_STEP_MM * np.floor((back + front) / _LENGTH_STEP_MM), _LONGEST_MM[vertebra.level[0]])
    head = centre - back * way
    return Aim(point_tuple(head), point_tuple(head + max(length, 25.0) * way), diameter, back)


def _turned(way: Array, spread_deg: float, random: np.random.Generator) -> Array:
    first, _ = perpendicular_pair(way)
    axis = rotation_about(way, float(random.uniform(0.0, 360.0))) @ first
    angle = float(np.clip(random.normal(0.0, spread_deg), -2.0 * spread_deg, 2.0 * spread_deg))
    return np.asarray(rotation_about(axis, angle) @ way)


def _leaves_at(bone: Solid, start: Array, way: Array, *, reach_mm: float = 80.0) -> float:
    """Give the distance from a point in the bone at which a ray leaves it for the first time, mm; 0 outside."""
    t = np.arange(0.0, reach_mm, _STEP_MM)
    inside = contains(bone, PointsLps(start + t[:, None] * way))
    return float(t[-1]) if inside.all() else float(t[int(np.argmin(inside))])


def _last_in(body: Solid, start: Array, way: Array, *, reach_mm: float = 60.0) -> float:
    """Give the distance at which a ray leaves a body for the last time, mm; 0 where it misses it."""
    t = np.arange(0.0, reach_mm, _STEP_MM)
    inside = np.flatnonzero(contains(body, PointsLps(start + t[:, None] * way)))
    return float(t[inside[-1]]) if len(inside) else 0.0


def _clear_share(aim: Aim, bone: Solid, holes: Solid) -> float:
    """Give the share of the thread's surface in bone, from a little in front of the isthmus to beyond the tip."""
    ring = _ring(aim, aim.diameter_mm / 2.0 + _CLEAR_MM, aim.isthmus_mm - 6.0, aim.length_mm + _CLEAR_MM)
    return float((contains(bone, ring) & ~contains(holes, ring)).mean())


def _ring(aim: Aim, radius: float, start_mm: float, stop_mm: float) -> PointsLps:
    first, second = perpendicular_pair(aim.direction)
    turn = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
    circle = np.cos(turn)[:, None] * first + np.sin(turn)[:, None] * second
    t = np.arange(start_mm, stop_mm, 1.0)
    points = np.array(aim.head_lps) + t[:, None, None] * aim.direction + radius * circle
    return PointsLps(points.reshape(-1, 3))


def _into_disc(aim: Aim, vertebra: Vertebra, by_mm: float) -> Aim:
    form = vertebra.shape.form
    top = vertebra.shape.body_mm[2] if form is None else form.upper_mm[0] - form.dish_mm
    up = vertebra.axes[:, 2]
    head, tip = np.array(aim.head_lps), np.array(aim.tip_lps)
    height = float((tip - np.array(vertebra.centre_lps)) @ up)
    # The nose is thinner than the thread: its upper edge stands out by what is asked for.
    lifted = tip + (top + by_mm - 0.35 * aim.diameter_mm - height) * up
    way = unit(lifted - head)
    # Turned about the isthmus, so that the pedicle still holds it.
    middle = head + aim.isthmus_mm * aim.direction
    way = unit(lifted - middle)
    return replace(aim, head_lps=point_tuple(middle - aim.isthmus_mm * way), tip_lps=point_tuple(lifted))
