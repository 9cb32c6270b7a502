"""What a stem lies in, and the lucent spaces that are made round it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from planner.config.phantoms.hip.defects import GruenZone
from planner.geometry.frames import Array, PointsLps, PointTuple
from planner.phantoms.hip.defects.sleeves import StemAxis
from planner.phantoms.hip.hardware.stems import point_on_surface
from planner.phantoms.hip.zones import MEDIAL, TIP_LEVEL, middle_cell
from planner.phantoms.solids.basic import Grown, Intersection, Solid

SpaceKind = Literal["line", "cavity", "hole", "bay", "fissure", "crack", "break"]
FAR_MM = 1e3
"""Further than any stem is long."""
WALL_MM = 1.5
"""Bone that every line and cavity leaves of the wall where no hole is asked for: over the 0.8 of a thin wall."""
_STEM_CLEARANCE_MM = 4.0


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
            return -FAR_MM
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
