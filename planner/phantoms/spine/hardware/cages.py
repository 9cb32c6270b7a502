"""Interbody cages between two endplates, firm or sunk into one of them; cement in a vertebral body."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.config.phantoms.spine.hardware import BoneCement, Cage
from planner.geometry.frames import Array, PointTuple, point_tuple, unit
from planner.geometry.rigid import rotation_about
from planner.phantoms.solids.basic import Ball, Cylinder, Difference, Grown, RoundedBox, Solid, Union

_ROUNDING_MM = 2.0
_MARKER_MM = 0.5
"""Radius of a tantalum pin (set by eye)."""
_LOBES = 6
_LEAST_HEIGHT_MM = 5.0


@dataclass(frozen=True)
class Endplate:
    """The middle of an endplate, and which way it faces.

    Parameters
    ----------
    centre_lps : tuple of float
        On the bone, LPS mm.
    outward_lps : tuple of float
        Unit vector out of the bone, into the disc.
    """

    centre_lps: PointTuple
    outward_lps: PointTuple


@dataclass(frozen=True)
class PlacedCage:
    """A cage of a recipe, where it is in the patient.

    Parameters
    ----------
    recipe : Cage
        What it is.
    above, below : Endplate
        The endplates that face it.
    left_lps : tuple of float
        To the patient's left in the disc, any length.
    """

    recipe: Cage
    above: Endplate
    below: Endplate
    left_lps: PointTuple

    @cached_property
    def axes(self) -> Array:
        """Its width to the left, its depth to the back, its height upwards: the columns of a (3, 3) matrix, LPS."""
        up = unit(np.array(self.below.outward_lps) - np.array(self.above.outward_lps))
        left = np.array(self.left_lps)
        left = unit(left - (left @ up) * up)
        level = np.stack([left, np.cross(up, left), up], axis=1)
        return np.asarray(level @ rotation_about((0, 0, 1), self.recipe.yaw_deg))

    @cached_property
    def _height_and_centre(self) -> tuple[float, Array]:
        recipe = self.recipe
        top, bottom = np.array(self.above.centre_lps), np.array(self.below.centre_lps)
        up = self.axes[:, 2]
        level = self.axes @ rotation_about((0, 0, 1), -recipe.yaw_deg)
        height = max(float((top - bottom) @ up), _LEAST_HEIGHT_MM - recipe.sunk_mm) + recipe.sunk_mm
        sign = -1.0 if recipe.sunk_into == "lower" else 1.0
        shift = -recipe.right_mm * level[:, 0] - recipe.front_mm * level[:, 1] + sign * recipe.sunk_mm / 2.0 * up
        return height, (top + bottom) / 2.0 + shift

    @property
    def height_mm(self) -> float:
        """From endplate to endplate, and as much more as it has sunk."""
        return self._height_and_centre[0]

    @property
    def centre_lps(self) -> PointTuple:
        """Its middle, LPS mm."""
        return point_tuple(self._height_and_centre[1])

    def _box(self, less_mm: float, half_height: float, rounding: float) -> RoundedBox:
        half = (self.recipe.width_mm / 2.0 - less_mm, self.recipe.depth_mm / 2.0 - less_mm, half_height)
        return RoundedBox(self.centre_lps, half, rounding, tuple(point_tuple(row) for row in self.axes))

    @cached_property
    def hull(self) -> RoundedBox:
        """The cage with its window filled."""
        return self._box(0.0, self.height_mm / 2.0, _ROUNDING_MM)

    @cached_property
    def frame(self) -> Solid:
        """The frame round the graft."""
        return Difference(self.hull, self._box(self.recipe.wall_mm, self.height_mm, 1.0))

    @cached_property
    def markers(self) -> tuple[Solid, ...]:
        """Upright pins of tantalum in a PEEK cage: two in front, one behind."""
        if self.recipe.material != "PEEK":
            return ()
        a, b = (v / 2.0 - self.recipe.wall_mm / 2.0 for v in (self.recipe.width_mm, self.recipe.depth_mm))
        half = self.height_mm / 2.0 - 1.0
        # In the walls, clear of the rounded corners.
        places = ((0.62 * a, -b), (-0.62 * a, -b), (0.0, b))
        pins = []
        for x, y in places:
            start, stop = (self.axes @ np.array([x, y, z]) + np.array(self.centre_lps) for z in (-half, half))
            pins.append(Cylinder(point_tuple(start), point_tuple(stop), _MARKER_MM))
        return tuple(pins)

    @cached_property
    def lucent(self) -> Solid | None:
        """What its interface fills before bone and metal are looked at; None for a firm cage."""
        width = self.recipe.interface_mm
        return None if width is None else Grown(self.hull, width)


def cement_lobes(centre_lps: PointTuple, volume_ml: float, *, seed: int | Sequence[int], spread: float = 0.75) -> Solid:
    """Give a few lobes of cement round a point.

    Parameters
    ----------
    centre_lps : tuple of float
        Their middle, LPS mm.
    volume_ml : float
        Of all of them, about.
    seed : int or sequence of int
        Of their places and sizes.
    spread : float
        How far they lie apart, in shares of the radius that one ball of this volume would have.

    Returns
    -------
    Solid
    """
    random = np.random.default_rng(seed)
    radius = (volume_ml * 1000.0 * 3.0 / 4.0 / np.pi) ** (1.0 / 3.0)
    directions = random.normal(size=(_LOBES, 3)) * [1.0, 0.9, 0.6]
    directions -= directions.mean(axis=0)
    directions *= spread / np.linalg.norm(directions, axis=1).mean()
    sizes = random.uniform(0.5, 0.72, _LOBES)
    balls = [Ball(centre_lps, 0.7 * radius)]
    for way, size in zip(directions, sizes, strict=True):
        balls.append(Ball(point_tuple(np.array(centre_lps) + radius * way), float(radius * size)))
    return Union(tuple(balls))


def vertebroplasty(recipe: BoneCement, centre_lps: PointTuple) -> Solid:
    """Give the cement of an earlier vertebroplasty, before the bone's shell cuts it."""
    return cement_lobes(centre_lps, recipe.volume_ml, seed=[recipe.seed, 77])
