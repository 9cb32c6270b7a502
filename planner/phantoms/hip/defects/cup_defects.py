"""What is wrong behind a cup: lucent lines, cavities, holes through the wall of the pelvis."""

from collections.abc import Sequence

import numpy as np

from planner.config.phantoms.hip.defects import CharnleyZone, Hole, LucentLine, Osteolysis
from planner.geometry.frames import SUPERIOR, Array, PointsLps
from planner.geometry.rigid import rotation_about
from planner.phantoms.hip.defects.cavities import bored, cavity
from planner.phantoms.hip.defects.sleeves import CupPatch, Sleeve
from planner.phantoms.hip.defects.surroundings import WALL_MM, Space
from planner.phantoms.hip.hardware.cups import FittedCup
from planner.phantoms.hip.zones import charnley_number
from planner.phantoms.solids.basic import Grown, Intersection, Solid
from planner.phantoms.solids.blended import Boxed


def cup_lines(lines: Sequence[LucentLine], cup: FittedCup, pelvis: Solid, *, rim_mm: float) -> tuple[Space, ...]:
    """Make the lines behind a cup: one space for all zones that touch.

    Parameters
    ----------
    lines : sequence of LucentLine
        Of the cup.
    cup : FittedCup
        The cup.
    pelvis : Solid
        The bone, its bed filled.
    rim_mm : float
        Dense bone round them; 0 for none.

    Returns
    -------
    tuple of Space
    """
    width_of = {charnley_number(z): line.width_mm for line in lines for z in line.zones}  # type: ignore[arg-type]
    room, core, spaces = Grown(pelvis, -WALL_MM), cup.whole_ball, []
    for run in _runs(sorted(width_of)):
        patches = tuple(
            CupPatch(cup.centre_lps, cup.opening_lps, cup.lateral_lps, (part[0], part[-1]), width)
            for width in sorted({width_of[n] for n in run})
            for part in _runs([n for n in run if width_of[n] >= width])
        )
        hole = Boxed(Intersection((Sleeve(core, patches), room)))
        rim = Boxed(Intersection((Sleeve(core, patches, rim_mm), pelvis))) if rim_mm > 0.0 else None
        spaces.append(Space("line", hole, rim, max(width_of[n] for n in run)))
    return tuple(spaces)


def _runs(numbers: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _cup_way(zone: CharnleyZone, cup: FittedCup) -> Array:
    """Give the unit vector from a cup's centre through the middle of a zone."""
    pole, lateral = -np.array(cup.opening_lps), np.array(cup.lateral_lps)
    sign = float(np.sign(lateral[0]))
    # Seen from the front, zone 1 lies towards the upper, lateral rim.
    turn = {1: 50.0, 2: 0.0, 3: -50.0}[charnley_number(zone)] * sign
    return np.asarray(rotation_about((0.0, 1.0, 0.0), turn) @ pole)


def cup_cavity(lesion: Osteolysis, cup: FittedCup, pelvis: Solid, *, rim_mm: float) -> Space:
    """Make a cavity behind a cup."""
    way = _cup_way(lesion.zone, cup)  # type: ignore[arg-type]
    along = SUPERIOR if abs(way @ SUPERIOR) < 0.9 else np.array(cup.lateral_lps)
    return cavity(lesion, cup.centre_lps, way, cup.core_radius_mm, along, Grown(pelvis, -WALL_MM), pelvis, rim_mm)


def cup_hole(hole: Hole, cup: FittedCup, pelvis: Solid) -> Space:
    """Make a round hole from a cup through the wall of the pelvis."""
    way = _cup_way(hole.zone, cup)  # type: ignore[arg-type]
    steps = np.arange(cup.core_radius_mm, cup.core_radius_mm + 60.0, 0.25)
    outside = pelvis.distance_mm(PointsLps(np.array(cup.centre_lps) + steps[:, None] * way)) > 0.0
    out = float(steps[outside][0]) if outside.any() else float(steps[-1])
    return bored(hole, cup.centre_lps, way, cup.core_radius_mm - 2.0, out, pelvis)
