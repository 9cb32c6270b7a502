"""Cavities, holes, bays and cracks in the bone round an implant."""

import numpy as np

from planner.config.phantoms.hip.defects import Fissure, Hole, Osteolysis, WornWall
from planner.geometry.frames import POSTERIOR, Array, PointsLps, PointTuple, point_tuple, unit
from planner.phantoms.hip.defects.surroundings import Space, Surroundings
from planner.phantoms.hip.hardware.stems import point_on_surface
from planner.phantoms.solids.basic import Cylinder, Ellipsoid, Grown, HalfSpace, Intersection, RoundedBox, Solid, Union
from planner.phantoms.solids.blended import Boxed

_SCALLOPS = ((0.55, 0.5, 0.2), (0.5, -0.45, -0.35), (0.45, 0.1, -0.6), (0.5, -0.2, 0.62))
"""Bays of a scalloped cavity: outwards, round the implant and along it, as shares of its half axes. Set by eye."""
_SCALLOP_SIZE = 0.55
_CLEFT_MM = 1.2
"""Between a perforating stem and the edge of its hole (by eye)."""


def stem_cavity(lesion: Osteolysis, around: Surroundings) -> Space:
    """Make a cavity beside a stem, from its surface outwards; the wall of the femur keeps its last 1.5 mm."""
    start, way, reach = around.spot(lesion.zone)  # type: ignore[arg-type]
    along = around.axis.frame[0] if abs(way @ around.axis.frame[0]) < 0.5 else around.axis.frame[1]
    return cavity(lesion, start, way, reach, along, around.room, around.bone, around.rim_mm)


def cavity(
    lesion: Osteolysis, start: PointTuple, way: Array, reach: float, along: Array, room: Solid, bone: Solid,
    rim_mm: float,
) -> Space:  # fmt: skip
    """Make a cavity.

    Parameters
    ----------
    lesion : Osteolysis
        What is wanted.
    start : tuple of float
        A point in the implant, LPS mm.
    way, along : ndarray, shape (3,)
        Unit vector outwards, and a vector roughly along the implant.
    reach : float
        How far from the point the implant's surface lies, mm.
    room, bone : Solid
        Where the cavity may be, and where its rim.
    rim_mm : float
        Dense bone round it; 0 for none.

    Returns
    -------
    Space
    """
    beside = _backwards(np.cross(along, way))
    along = unit(along - (along @ way) * way)
    axes = np.stack([way, beside, along], axis=1)
    half = np.array([lesion.depth_mm, lesion.breadth_mm / 2.0, lesion.height_mm / 2.0])
    centre = np.array(start) + reach * way

    def egg(shares: tuple[float, float, float], size: float, grown_mm: float) -> Solid:
        middle = centre + axes @ (np.array(shares) * half)
        rows = tuple(point_tuple(row) for row in axes)
        first, second, third = (float(h) * size + grown_mm for h in half)
        return Ellipsoid(point_tuple(middle), (first, second, third), rows)

    def body(grown_mm: float) -> Solid:
        main = egg((0.0, 0.0, 0.0), 0.85 if lesion.scalloped else 1.0, grown_mm)
        bays = [egg(s, _SCALLOP_SIZE, grown_mm) for s in _SCALLOPS] if lesion.scalloped else []
        return Union((main, *bays))

    def within(solid: Solid, limit: Solid) -> Solid:
        pieces = solid.solids if isinstance(solid, Union) else (solid,)
        return Union(tuple(Boxed(Intersection((p, limit))) for p in pieces))

    rim = within(body(rim_mm), bone) if rim_mm > 0.0 else None
    return Space("cavity", within(body(0.0), room), rim, lesion.depth_mm)


def stem_hole(hole: Hole, around: Surroundings) -> Space:
    """Make a round hole from a stem's surface through the cortex."""
    start, way, reach = around.spot(hole.zone)  # type: ignore[arg-type]
    out = point_on_surface(around.bone, start, way)
    return bored(hole, start, way, max(reach - 2.0, 0.0), out, around.bone)


def bored(hole: Hole, start: PointTuple, way: Array, first_mm: float, last_mm: float, bone: Solid) -> Space:
    """Make a round hole.

    Parameters
    ----------
    hole : Hole
        What is wanted.
    start : tuple of float
        Where distances count from, LPS mm.
    way : ndarray, shape (3,)
        Unit vector outwards.
    first_mm, last_mm : float
        Where the hole begins, and where the bone ends.
    bone : Solid
        The bone.

    Returns
    -------
    Space
    """
    # Aslant to the bone's surface a hole reaches further on one side.
    ends = [point_tuple(np.array(start) + t * way) for t in (first_mm, last_mm + hole.diameter_mm)]
    tunnel = Cylinder(ends[0], ends[1], hole.diameter_mm / 2.0)
    return Space("hole", Boxed(Intersection((tunnel, bone))), None, hole.diameter_mm)


def perforation(around: Surroundings) -> Space:
    """Make the hole through which a stem's tip stands out of the femur: a cleft along the lower half's outer side."""
    middle = around.axis.at(0.5 * around.axis.length_mm)
    below = HalfSpace(middle, point_tuple(-around.axis.frame[0]))
    lateral = HalfSpace(middle, point_tuple(around.axis.frame[1]))
    cleft = Intersection((Grown(around.core, _CLEFT_MM), below, lateral, around.bone))
    return Space("hole", Boxed(cleft), None, _CLEFT_MM)


def worn_wall(worn: WornWall, around: Surroundings) -> Space:
    """Make a bay that leaves so much of the wall of a femur."""
    start, way, reach = around.spot(worn.zone)
    wall = point_on_surface(around.bone, start, way)
    place = PointsLps(np.array([np.array(start) + wall * way]))
    # The bone's solid may understate depths: how much, is read off near its surface.
    scale = -float(around.bone.distance_mm(PointsLps(place - worn.left_mm * _normal(around.bone, place)))[0])
    limit = Grown(around.bone, -scale)
    ends = [point_tuple(np.array(start) + t * way) for t in (max(reach - 2.0, 0.0), wall + 4.0)]
    bay = Cylinder(ends[0], ends[1], worn.breadth_mm / 2.0)
    return Space("bay", Boxed(Intersection((bay, limit))), None, worn.breadth_mm)


def _backwards(vector: Array) -> Array:
    """Turn a vector to the side on which it points backwards, so that left and right hips are mirror images."""
    return unit(vector if vector @ POSTERIOR > 0.0 else -vector)


def _normal(solid: Solid, points_lps: PointsLps) -> Array:
    steps = 0.05 * np.eye(3)
    here = [solid.distance_mm(PointsLps(points_lps + s)) - solid.distance_mm(PointsLps(points_lps - s)) for s in steps]
    return unit(np.stack(here, axis=-1))


def stem_fissure(fissure: Fissure, around: Surroundings) -> Space:
    """Make a crack from a stem's surface through the cortex, along the stem and a little aslant."""
    start, way, reach = around.spot(fissure.zone)
    out = point_on_surface(around.bone, start, way) + 4.0
    slant, down = np.radians(fissure.slant_deg), around.axis.frame[0]
    along = np.cos(slant) * down + np.sin(slant) * _backwards(np.cross(way, down))
    across = np.cross(way, along)
    first = max(reach - 2.0, 0.0)
    centre = point_tuple(np.array(start) + (first + out) / 2.0 * way)
    rows = tuple(point_tuple(row) for row in np.stack([way, along, across], axis=1))
    half = ((out - first) / 2.0, fissure.length_mm / 2.0, fissure.width_mm / 2.0)
    return Space(
        "fissure", Boxed(Intersection((RoundedBox(centre, half, 0.0, rows), around.bone))), None, fissure.width_mm
    )
