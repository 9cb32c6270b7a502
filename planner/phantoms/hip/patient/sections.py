"""Bodies given section by section, as a CT shows them: at each height a band with round edges."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np

from planner.geometry.frames import Array, PointsLps, PointTuple
from planner.phantoms.hip.frames import BodyFrame
from planner.phantoms.solids.basic import Bounds, RoundCone, Solid, Union

Place = tuple[float, float]
Section = tuple[float, Place, Place, float]
"""Height; the band's two ends, (lateral, posterior); half its thickness."""
Station = tuple[tuple[float, float, float], float]
"""A point of a tube and the tube's radius there."""


@dataclass(frozen=True)
class Band:
    """A body whose section at each height is a band with round edges; a band of no length is a disc.

    Between the given heights ends and thickness run evenly; at the top and bottom it is rounded as its edges are.

    Parameters
    ----------
    frame : BodyFrame
        In whose terms the sections are given; the third axis is height.
    sections : tuple of Section
        Rising in height, at least two.
    shrunk_mm : float
        Taken from the half thickness, mm.
    """

    frame: BodyFrame
    sections: tuple[Section, ...]
    shrunk_mm: float = 0.0

    @cached_property
    def _table(self) -> tuple[Array, Array, float]:
        scale = self.frame.scale
        heights = np.array([s[0] for s in self.sections]) * scale
        rows = np.array([[*s[1], *s[2], s[3]] for s in self.sections]) * scale
        rows[:, 4] = np.maximum(rows[:, 4] - self.shrunk_mm, 1e-3)
        slopes = np.diff(rows, axis=0) / np.diff(heights)[:, None]
        ends = np.maximum(np.hypot(slopes[:, 0], slopes[:, 1]), np.hypot(slopes[:, 2], slopes[:, 3]))
        steepest = float((ends + np.abs(slopes[:, 4])).max())
        return heights, rows, steepest

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        heights, rows, steepest = self._table
        x, y, z = self.frame.components_mm(points_lps)
        height = np.clip(z, heights[0], heights[-1])
        x0, y0, x1, y1, radius = (np.interp(height, heights, column) for column in rows.T)
        along_x, along_y, from_x, from_y = x1 - x0, y1 - y0, x - x0, y - y0
        length2 = np.maximum(along_x**2 + along_y**2, 1e-12)
        share = np.clip((from_x * along_x + from_y * along_y) / length2, 0.0, 1.0)
        apart2 = (from_x - share * along_x) ** 2 + (from_y - share * along_y) ** 2 + (z - height) ** 2
        return np.asarray((np.sqrt(apart2) - radius) / np.hypot(1.0, steepest))

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        heights, rows, _ = self._table
        radius = rows[:, 4]
        low = [min((rows[:, k] - radius).min(), (rows[:, k + 2] - radius).min()) for k in (0, 1)]
        high = [max((rows[:, k] + radius).max(), (rows[:, k + 2] + radius).max()) for k in (0, 1)]
        low.append(heights[0] - radius[0])
        high.append(heights[-1] + radius[-1])
        corners = np.array(list(product(*zip(low, high, strict=True)))) / self.frame.scale
        placed = np.array([self.frame.place(c) for c in corners])
        return placed.min(axis=0), placed.max(axis=0)


def sheet(frame: BodyFrame, levels: Sequence[tuple[float, Sequence[Place], float]], *, shrunk_mm: float = 0.0) -> Solid:
    """Make a bent sheet: at each height a line of places and half the thickness; the same count at each height."""
    count = len(levels[0][1])
    bands = []
    for first in range(count - 1):
        sections = tuple((z, places[first], places[first + 1], r) for z, places, r in levels)
        bands.append(Band(frame, sections, shrunk_mm))
    return Union(tuple(bands))


def rod(frame: BodyFrame, stations: Sequence[Station], *, shrunk_mm: float = 0.0) -> Solid:
    """Make a bent rod of changing radius through stations of a frame."""
    places: list[PointTuple] = [frame.place(p) for p, _ in stations]
    radii = [max(r * frame.scale - shrunk_mm, 0.05) for _, r in stations]
    cones = zip(places[:-1], places[1:], radii[:-1], radii[1:], strict=True)
    pieces = tuple(RoundCone(a, b, ra, rb) for a, b, ra, rb in cones)
    return pieces[0] if len(pieces) == 1 else Union(pieces)
