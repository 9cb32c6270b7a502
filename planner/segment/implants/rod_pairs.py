"""Rods that end at each other: one that broke where a tulip hides it."""

from collections.abc import Iterator, Sequence

import numpy as np

from planner.config.fault_config import FaultConfig
from planner.geometry.frames import Array, unit
from planner.model.implant import Implant
from planner.segment.implants.broken_shafts import BrokenShaft, ends_lps, rod_diameter_mm, rod_length_mm
from planner.segment.implants.shaft_walk import Parting

_ROD_BEND_DEG = 45.0
"""A bent rod that breaks in a tulip turns by so much at most; whole ones turn by up to 40 degrees. Ours."""


def rod_pairs(implants: Sequence[Implant], told: Sequence[BrokenShaft], config: FaultConfig) -> Iterator[BrokenShaft]:
    """Find rods that are each other's continuation, also where a tulip hides the break between them.

    Parameters
    ----------
    implants : sequence of Implant
        What was found.
    told : sequence of BrokenShaft
        The rods that were told to be broken already.
    config : FaultConfig
        How far pieces of one rod stand apart.

    Yields
    ------
    BrokenShaft
        The upper piece first.
    """
    rods = [i for i in implants if i.kind == "rod" and i.axis is not None and i.axis.length_mm > 1.0]
    rods = [rod for rod in rods if rod_diameter_mm(rod) >= config.thinnest_rod_mm]
    known = {frozenset(broken.implant_ids) for broken in told}
    for upper in rods:
        for lower in rods:
            if upper is lower or frozenset((upper.id, lower.id)) in known:
                continue
            caps = (rod_diameter_mm(upper) + rod_diameter_mm(lower)) / 2
            above, below = _end_of(upper, lower_end=True), _end_of(lower, lower_end=False)
            between = below[0] - above[0]
            along = float(between @ above[1])
            aside = float(np.linalg.norm(between - along * above[1]))
            near = 0.0 <= along <= config.longest_gap_mm and aside <= config.most_aside_mm
            if near and float(above[1] @ below[1]) > np.cos(np.radians(_ROD_BEND_DEG)):
                # their whole sections stand so far apart; a rounded end, as a break leaves, reaches beyond
                gap = max(0.0, along - caps)
                parting = Parting(above[0] + between / 2, rod_length_mm(upper), gap, aside)
                yield BrokenShaft((upper.id, lower.id), None, parting)


def _end_of(rod: Implant, *, lower_end: bool) -> tuple[Array, Array]:
    """Give a rod's end and its downward direction there."""
    points = [np.asarray(p) for p in rod.course_lps] or list(ends_lps(rod))
    a, b = (points[-2], points[-1]) if lower_end else (points[0], points[1])
    return (b if lower_end else a), unit(b - a)
