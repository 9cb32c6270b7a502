"""Solids that flow into each other, and walls whose thickness changes along the body.

Both answers change by at most one millimetre a millimetre, so they never overstate the distance from their surface.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.geometry.frames import Array, PointsLps
from planner.phantoms.solids.basic import Bounds, Solid


@dataclass(frozen=True)
class Blend:
    """All that lies in any of the solids, with the corners between them filled.

    Parameters
    ----------
    solids : tuple of Solid
        What flows together.
    radius_mm : float
        Two surfaces closer than this are joined by a fillet (the quadratic smooth minimum of I. Quilez).
    """

    solids: tuple[Solid, ...]
    radius_mm: float

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        blended = self.solids[0].distance_mm(points_lps)
        for solid in self.solids[1:]:
            other = solid.distance_mm(points_lps)
            closeness = np.maximum(1.0 - np.abs(blended - other) / self.radius_mm, 0.0)
            # The gradient is a weighted mean of the two, so no longer than either.
            blended = np.minimum(blended, other) - closeness**2 * (self.radius_mm / 4.0)
        return blended

    @property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        boxes = [s.bounds_lps for s in self.solids]
        # Each joint moves the surface by a quarter of the radius at most.
        margin = self.radius_mm / 4.0 * (len(self.solids) - 1)
        return np.min([b[0] for b in boxes], axis=0) - margin, np.max([b[1] for b in boxes], axis=0) + margin


@dataclass(frozen=True)
class Lining:
    """What a wall of changing thickness leaves of a solid's inside.

    Parameters
    ----------
    solid : Solid
        The outside of the wall.
    wall_mm : tuple of (float, float)
        Pairs of level (LPS z, ascending, mm) and wall thickness there (mm); straight in between, constant beyond.
    """

    solid: Solid
    wall_mm: tuple[tuple[float, float], ...]

    @cached_property
    def _table(self) -> tuple[Array, Array, float]:
        levels, walls = np.array(self.wall_mm, dtype=np.float64).T
        steepest = float(np.abs(np.diff(walls) / np.diff(levels)).max()) if len(levels) > 1 else 0.0
        return levels, walls, steepest

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        levels, walls, steepest = self._table
        wall = np.interp(np.asarray(points_lps)[..., 2], levels, walls)
        return np.asarray((self.solid.distance_mm(points_lps) + wall) / (1.0 + steepest))

    @property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        return self.solid.bounds_lps


@dataclass(frozen=True)
class Boxed:
    """A solid that is only worked out near its box; the same body, sooner.

    Parameters
    ----------
    solid : Solid
        The body.
    pad_mm : float
        Distances up to this one are the solid's own; beyond, the distance from the box stands for it, which is never
        more. Grow it by less than this.
    """

    solid: Solid
    pad_mm: float = 3.0

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        return self.solid.bounds_lps

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        low, high = self.bounds_lps
        points = np.asarray(points_lps)
        distance = np.asarray(np.linalg.norm(np.maximum(np.maximum(low - points, points - high), 0.0), axis=-1))
        near = distance <= self.pad_mm
        distance[near] = self.solid.distance_mm(PointsLps(points[near]))
        return distance
