"""What is wrong round a hip replacement: lucent spaces in closed form, put together where they run into each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Literal

import numpy as np

from planner.config.phantoms.hip_defects import (
    Fissure,
    GruenZone,
    Hole,
    LucentLine,
    Osteolysis,
    Toggle,
    WornWall,
)
from planner.geometry.frames import POSTERIOR, Array, PointsLps, PointTuple, point_tuple, unit
from planner.phantoms.hip.lattices import lattice_points
from planner.phantoms.hip.sleeves import Patch, Sleeve, StemAxis, StemPatch
from planner.phantoms.hip.stems import point_on_surface
from planner.phantoms.hip.zones import (
    LATERAL,
    MEDIAL,
    TIP_LEVEL,
    TIP_MM,
    Block,
    Cell,
    cells_of,
    connected,
    layers,
    middle_cell,
)
from planner.phantoms.solids.basic import Cylinder, Ellipsoid, Grown, HalfSpace, Intersection, RoundedBox, Solid, Union
from planner.phantoms.solids.blended import Boxed
from planner.phantoms.solids.raster import contains

SpaceKind = Literal["line", "cavity", "hole", "bay", "fissure"]
WALL_MM = 1.5
"""Bone that every line and cavity leaves of the wall where no hole is asked for: over the 0.8 of a thin wall."""
_STEM_CLEARANCE_MM = 4.0
_SCALLOPS = ((0.55, 0.5, 0.2), (0.5, -0.45, -0.35), (0.45, 0.1, -0.6), (0.5, -0.2, 0.62))
"""Bays of a scalloped cavity: outwards, round the implant and along it, as shares of its half axes. Set by eye."""
_SCALLOP_SIZE = 0.55
_FIRM_HALF_MM = 5.0
"""Half the length over which bone holds a stem at a pivot without a line."""
_CLEFT_MM = 1.2
"""Between a perforating stem and the edge of its hole (by eye)."""
_FRONTAL = (LATERAL, MEDIAL)
_FAR = 1e3


@dataclass(frozen=True)
class Space:
    """A piece of lucent space, the implant that it surrounds included.

    Parameters
    ----------
    kind : SpaceKind
        What it is.
    solid : Solid
        Where it is, within the bone.
    rim : Solid or None
        The outline of dense bone round it.
    width_mm : float
        Nominal width.
    """

    kind: SpaceKind
    solid: Solid
    rim: Solid | None
    width_mm: float


@dataclass(frozen=True)
class Surroundings:
    """What a stem, or its cement, lies in.

    Parameters
    ----------
    axis : StemAxis
        The stem's.
    core : Solid
        Against which the bone lies: the stem's body, or its mantle.
    bone : Solid
        Outside of the femur, neck resected.
    whole_bone : Solid
        The same, neck and all.
    kept : Solid
        What the resection left.
    rim_mm : float
        Dense bone round every space; 0 for none.
    to_joint : bool
        Lines run out at the cut.
    within : Solid or None
        Where spaces may be, in place of the bone: cement.
    """

    axis: StemAxis
    core: Solid
    bone: Solid
    whole_bone: Solid
    kept: Solid
    rim_mm: float = 0.0
    to_joint: bool = False
    within: Solid | None = None

    @cached_property
    def room(self) -> Solid:
        """Where a space may be that has no hole in its wall."""
        if self.within is not None:
            return self.within
        ceiling = self.kept if self.to_joint else Grown(self.kept, -WALL_MM)
        return Intersection((ceiling, Grown(self.whole_bone if self.to_joint else self.bone, -WALL_MM)))

    @cached_property
    def ceiling(self) -> Solid | None:
        """At which lines end above."""
        return None if self.to_joint else Grown(self.kept, -_STEM_CLEARANCE_MM)

    def entry_mm(self, quadrants: Iterable[int]) -> float:
        """Say how far below the shoulder the stem is in bone on some of its sides."""
        if self.to_joint:
            return -_FAR
        # Medially the neck's cut, which runs aslant, is the ceiling.
        return max((self._entries_mm[q] for q in quadrants if q != MEDIAL), default=0.0)

    @cached_property
    def _entries_mm(self) -> tuple[float, ...]:
        steps = np.arange(0.0, self.axis.length_mm / 3.0, 1.5)
        entries = []
        for quadrant in range(4):
            way = self.axis.outward(quadrant)
            reach = [point_on_surface(self.core, self.axis.at(float(t)), way) for t in steps]
            points = [np.array(self.axis.at(float(t))) + (r + 1.5) * way for t, r in zip(steps, reach, strict=True)]
            out = np.flatnonzero(self.bone.distance_mm(PointsLps(np.array(points))) > -WALL_MM)
            entries.append(float(steps[out[-1]]) + 3.0 if len(out) else 3.0)
        return tuple(entries)

    def spot(self, zone: GruenZone) -> tuple[PointTuple, Array, float]:
        """Give a zone's middle: a point on the axis, the way outwards, how far the implant reaches that way."""
        level, quadrant = middle_cell(zone)
        length, way = self.axis.length_mm, self.axis.outward(quadrant)
        if level == TIP_LEVEL:
            return self.axis.at(length - 1.0), self.axis.frame[0], 1.0
        top = max(self._entries_mm[quadrant], 0.0) if level == 0 else length * level / 3.0
        start = self.axis.at((top + length * (level + 1) / 3.0) / 2.0)
        return start, way, point_on_surface(self.core, start, way)


def stem_lines(lines: Sequence[LucentLine], around: Surroundings) -> tuple[Space, ...]:
    """Make the lines round a stem: one space for all zones that touch.

    Parameters
    ----------
    lines : sequence of LucentLine
        Of one interface.
    around : Surroundings
        The stem in its bone, or in its cement.

    Returns
    -------
    tuple of Space
    """
    width_of = {cell: line.width_mm for line in lines for zone in line.zones for cell in cells_of(zone)}  # type: ignore[arg-type]
    spaces = []
    for group in connected(width_of):
        widths = {cell: width_of[cell] for cell in group}
        patches = tuple(_stem_patch(block, width, around) for width, block in layers(widths))
        spaces.append(_line_space(around, patches, max(widths.values())))
    return tuple(spaces)


def _stem_patch(block: Block, width_mm: float, around: Surroundings) -> StemPatch:
    length = around.axis.length_mm
    borders = (-_FAR, length / 3.0, 2.0 * length / 3.0, length - TIP_MM, _FAR)
    low, high = block.levels
    quadrants = {(block.first + k) % 4 for k in range(block.count)}
    start = around.entry_mm(quadrants) if low == 0 else borders[low]
    return StemPatch(
        around.axis, start, borders[high + 1], ((0.0, width_mm),), block.first, block.count, around.ceiling
    )


def _line_space(around: Surroundings, patches: tuple[Patch, ...], width_mm: float) -> Space:
    hole = Boxed(Intersection((Sleeve(around.core, patches), around.room)))
    if around.rim_mm == 0.0:
        return Space("line", hole, None, width_mm)
    rim = Boxed(Intersection((Sleeve(around.core, patches, around.rim_mm), around.bone)))
    return Space("line", hole, rim, width_mm)


def toggle_spaces(toggle: Toggle, around: Surroundings) -> tuple[Space, ...]:
    """Make the line round a stem that swings: one space, or two where bone holds it at its pivot.

    Parameters
    ----------
    toggle : Toggle
        Widths at shoulder, pivot and tip.
    around : Surroundings
        The stem in its bone.

    Returns
    -------
    tuple of Space
    """
    length = around.axis.length_mm
    pivot = toggle.pivot_share * length
    knots = ((0.0, toggle.shoulder_mm), (pivot, toggle.pivot_mm), (length, toggle.tip_mm))
    top = around.entry_mm(range(4))
    wings = [(top, _FAR, max(toggle.shoulder_mm, toggle.tip_mm))]
    if toggle.pivot_mm == 0.0:
        wings = [(top, pivot - _FIRM_HALF_MM, toggle.shoulder_mm), (pivot + _FIRM_HALF_MM, _FAR, toggle.tip_mm)]
    spaces = []
    for start, stop, widest in wings:
        if widest <= 0.0 or stop <= start:
            continue
        all_round = tuple((t, toggle.sideways * w) for t, w in knots)
        patches = [StemPatch(around.axis, start, stop, all_round, 0, 4, around.ceiling)]
        patches += [StemPatch(around.axis, start, stop, knots, side, 1, around.ceiling) for side in _FRONTAL]
        spaces.append(_line_space(around, tuple(patches), widest))
    return tuple(spaces)


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


def grouped(spaces: Sequence[Space], without: Solid) -> tuple[tuple[Space, ...], ...]:
    """Put together the spaces that run into each other outside of an implant.

    Parameters
    ----------
    spaces : sequence of Space
        In any order.
    without : Solid
        The implant and its cement.

    Returns
    -------
    tuple of tuples of Space
        In the order of their first members.
    """
    group = list(range(len(spaces)))
    for i, j in combinations(range(len(spaces)), 2):
        # Lines that touch were made as one: two of them never meet.
        both_lines = spaces[i].kind == spaces[j].kind == "line"
        if not both_lines and group[i] != group[j] and _meet(spaces[i].solid, spaces[j].solid, without):
            old, new = max(group[i], group[j]), min(group[i], group[j])
            group = [new if g == old else g for g in group]
    return tuple(tuple(s for s, g in zip(spaces, group, strict=True) if g == n) for n in sorted(set(group)))


def _meet(first: Solid, second: Solid, without: Solid) -> bool:
    low = np.maximum(first.bounds_lps[0], second.bounds_lps[0])
    high = np.minimum(first.bounds_lps[1], second.bounds_lps[1])
    if np.any(high <= low):
        return False
    points = lattice_points((low, high), 0.4)
    points = PointsLps(points[contains(second, points)])
    points = PointsLps(points[contains(first, points)])
    return bool(len(points) and not contains(without, points).all())


def lucent_share(lines: Sequence[LucentLine]) -> float:
    """Give the share of a stem's thirteen zones (4 and 11 are one) over which lines run."""
    cells: set[frozenset[Cell]] = set()
    for line in lines:
        cells |= {cells_of(z) for z in line.zones}  # type: ignore[arg-type]
    return len(cells) / 13.0
