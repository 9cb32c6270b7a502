"""What surgery and fractures leave in a spine: fusion masses, clefts, fracture lines, scars."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from planner.config.phantoms.spine.altered import (
    CollapsedFracture,
    FractureLine,
    FusionMass,
    JunctionalFracture,
    Laminectomy,
)
from planner.geometry.frames import PointTuple, point_tuple
from planner.geometry.rigid import rotation_about
from planner.phantoms.scene import Part
from planner.phantoms.solids.basic import Ellipsoid, Intersection, RoundCone, RoundedBox, Solid, Union
from planner.phantoms.spine.patient.sacrum import Sacrum
from planner.phantoms.spine.patient.vertebrae import Vertebra
from planner.phantoms.tissues import FAT, FIBROUS, FLUID, VACUUM_GAS, Tissue

_FUSION_CORTEX_MM = 1.0
_CRUMBS = 3
_BAND_MM = 2.2
"""Thickness of the condensed trabeculae round a cleft. By eye."""
_LINE_DEPTH_MM = 120.0


@dataclass(frozen=True)
class Lucency:
    """A lucent space that a fracture has opened.

    Parameters
    ----------
    level : str
        In which vertebra.
    solid : Solid
        Exactly the space; it does not leave the bone.
    width_mm : float
        Its nominal width.
    tissue : Tissue
        What fills it.
    is_line : bool
        A fracture line: thin, and open to the outside; no cleft within a body.
    """

    level: str
    solid: Solid
    width_mm: float
    tissue: Tissue
    is_line: bool = False


def fusion_mass(change: FusionMass, vertebrae: Sequence[Vertebra], sacrum: Sacrum | None, *, inside: bool) -> Solid:
    """Give a fusion mass, lumps and all, or the cancellous bone in it."""
    shell = _FUSION_CORTEX_MM if inside else 0.0
    pieces: list[Solid] = []
    for side in change.sides:
        sign = 1.0 if side == "left" else -1.0
        random = np.random.default_rng([change.seed, 7 if side == "left" else 8])
        beds = [_bed(v, sacrum, sign) for v in vertebrae if v.level in change.levels]
        line = _lumpy(beds, random)
        radii = change.radius_mm * random.uniform(0.55, 1.05, len(line)) - shell
        pieces += [
            RoundCone(a, b, float(ra), float(rb))
            for a, b, ra, rb in zip(line[:-1], line[1:], radii[:-1], radii[1:], strict=True)
        ]
        # Grafts heal to lumps, not to a rod: crumbs of all sizes lie round the bridge.
        for point in np.array(line):
            for _ in range(_CRUMBS):
                away = random.normal(0.0, 1.0, 3) * np.array([0.75, 0.55, 0.6]) * change.radius_mm
                half = change.radius_mm * random.uniform(0.4, 0.85, 3) - shell
                centre = point_tuple(point + away)
                if half.min() > 0.3:
                    pieces.append(Ellipsoid(centre, point_tuple(half)))
    return Union(tuple(pieces))


def _bed(vertebra: Vertebra, sacrum: Sacrum | None, sign: float) -> PointTuple:
    """Give the middle of the graft's bed: on the root of the transverse process, or on the sacral ala."""
    if vertebra.level == "S1":
        size = 1.0 if sacrum is None else sacrum.size
        return vertebra.place((sign * 28.0 * size, 31.0 * size, 2.0 * size))
    y, radius, _ = vertebra.shape.canal_mm
    form = vertebra.shape.pedicles[0 if sign > 0.0 else 1]
    x = form.centre_mm[0] + form.width_mm / 2.0 + 6.0
    return vertebra.place((sign * x, y + radius + 4.0, form.centre_mm[2]))


def _lumpy(beds: Sequence[PointTuple], random: np.random.Generator) -> list[PointTuple]:
    points = [beds[0]]
    for first, last in pairwise(beds):
        for share in (1.0 / 3.0, 2.0 / 3.0, 1.0):
            straight = np.array(first) + share * (np.array(last) - np.array(first))
            wander = random.normal(0.0, 1.3, 3) if share < 1.0 else np.zeros(3)
            points.append(point_tuple(straight + wander))
    return points


def collapse_cleft(change: CollapsedFracture, vertebra: Vertebra) -> Lucency | None:
    """Give the cleft beneath the broken endplate, or None where there is none."""
    if change.cleft is None:
        return None
    tissue = VACUUM_GAS if change.cleft == "gas" else FLUID
    solid = Intersection((_cleft_ellipsoid(change, vertebra, 0.0), vertebra.body(inside=True)))
    return Lucency(vertebra.level, solid, change.cleft_mm[2], tissue)


def condensed_band(change: CollapsedFracture, vertebra: Vertebra) -> Solid:
    """Give the condensed trabeculae beneath a broken endplate; they surround the cleft."""
    return Intersection((_cleft_ellipsoid(change, vertebra, _BAND_MM), vertebra.body(inside=True)))


def _cleft_ellipsoid(change: CollapsedFracture, vertebra: Vertebra, more_mm: float) -> Ellipsoid:
    form = vertebra.shape.form
    if form is None:
        raise ValueError(f"{vertebra.level} has no body that a fracture could have changed")
    width, depth, height = change.cleft_mm
    x, y = change.cleft_shift_mm
    under = form.dish_mm + vertebra.shape.endplate_mm + height / 2.0 + 1.0
    centre = vertebra.place((x, y, form.upper_mm[1] - under))
    # Clefts lean as the broken endplate does.
    slope = np.degrees(np.arctan2(form.upper_mm[1] - form.upper_mm[0], vertebra.shape.body_mm[1]))
    axes = vertebra.axes @ rotation_about((1, 0, 0), float(slope))
    half = (width / 2.0 + more_mm * 2.0, depth / 2.0 + more_mm * 2.0, height / 2.0 + more_mm)
    return Ellipsoid(centre, half, tuple(point_tuple(row) for row in axes))


def fracture_line(change: FractureLine, vertebra: Vertebra) -> Lucency:
    """Give a fracture plane's gape, through the body's cortex too."""
    half_depth, half_height = vertebra.shape.body_mm[1], vertebra.shape.body_mm[2]
    middle = -half_depth * (1.0 - change.depth_share)
    centre = vertebra.place((0.0, middle, change.height_share * half_height))
    axes = vertebra.axes @ rotation_about((0, 1, 0), -change.tilt_deg)
    half = (_LINE_DEPTH_MM, half_depth * change.depth_share, change.width_mm / 2.0)
    plane = RoundedBox(centre, half, 0.0, tuple(point_tuple(row) for row in axes))
    return Lucency(
        vertebra.level, Intersection((plane, vertebra.body(inside=False))), change.width_mm, FLUID, is_line=True
    )


def junctional_line(change: JunctionalFracture, vertebra: Vertebra) -> Lucency:
    """Give the fracture line beneath the broken endplate, on through the pedicles where the recipe says so."""
    form = vertebra.shape.form
    if form is None:
        raise ValueError(f"{vertebra.level} has no body that a fracture could have changed")
    pedicle = vertebra.shape.pedicles[0]
    half_depth = vertebra.shape.body_mm[1]
    front, back = min(form.upper_mm[:2]) - 4.0, pedicle.centre_mm[2]
    reach = pedicle.centre_mm[1] + 5.0 if change.arch_line else 0.7 * half_depth
    run = reach + half_depth
    slope = float(np.degrees(np.arctan2(back - front, pedicle.centre_mm[1] + half_depth)))
    along = np.array([0.0, np.cos(np.radians(slope)), np.sin(np.radians(slope))])
    start = np.array([0.0, -half_depth - 1.0, front])
    centre = vertebra.place(point_tuple(start + along * run / 2.0))
    axes = vertebra.axes @ rotation_about((1, 0, 0), slope)
    half = (_LINE_DEPTH_MM, run / 2.0, change.line_mm / 2.0)
    plane = RoundedBox(centre, half, 0.0, tuple(point_tuple(row) for row in axes))
    return Lucency(
        vertebra.level, Intersection((plane, vertebra.bone(inside=False))), change.line_mm, FLUID, is_line=True
    )


def scar(change: Laminectomy, vertebrae: Sequence[Vertebra]) -> tuple[Part, ...]:
    """Give scar, and fat in it, where laminae and spinous processes were; to be painted before the bones."""
    parts = []
    for vertebra in (v for v in vertebrae if v.level in change.levels):
        y, radius, offset = vertebra.shape.canal_mm
        back, half = y + radius, vertebra.shape.body_mm[2] + 5.0
        rows = tuple(point_tuple(row) for row in vertebra.axes)
        bed = Ellipsoid(vertebra.place((0.0, back + 11.0, -6.0)), (offset + radius + 4.0, 15.0, half + 4.0), rows)
        parts.append(Part(f"scar {vertebra.level}", bed, FIBROUS))
        if change.fat_share > 0.0:
            depth = 15.0 * change.fat_share
            inner = Ellipsoid(vertebra.place((3.0, back + 4.0, -6.0)), (offset + radius, depth, half), rows)
            parts.append(Part(f"scar fat {vertebra.level}", inner, FAT))
    return tuple(parts)
