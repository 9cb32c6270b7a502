"""Points on a solid's surface, each with its outward normal and its share of the area."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, PointsLps
from planner.phantoms.solids.basic import Bounds, Solid
from planner.phantoms.solids.cells import SHIFT, Chooser, cells_near_surface
from planner.phantoms.solids.raster import contains

_BISECTIONS = 14
"""They place a point to a hundredth of a micrometre on a lattice of 0.2 mm."""
_NUDGE_MM = 0.01
_EDGES = np.eye(3, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Points on a surface.

    Parameters
    ----------
    points_lps : ndarray, shape (N, 3)
        LPS mm.
    outward_lps : ndarray, shape (N, 3)
        Unit normals out of the solid; 0 where it has none.
    area_mm2 : ndarray, shape (N,)
        What each point stands for.
    """

    points_lps: Array
    outward_lps: Array
    area_mm2: Array

    def some(self, chosen: npt.NDArray[np.generic]) -> "Surface":
        """Take the chosen points."""
        return Surface(self.points_lps[chosen], self.outward_lps[chosen], self.area_mm2[chosen])


def surface_points(
    solid: Solid, *, spacing_mm: float, bounds_lps: Bounds | None = None, chooser: Chooser | None = None
) -> Surface:
    """Find where a lattice of lines, along L, P and S, crosses a solid's surface.

    Parameters
    ----------
    solid : Solid
        The body.
    spacing_mm : float
        Distance of the lines; they are fixed in space, so that two solids that share a wall share its points.
    bounds_lps : two corners, shape (3,) each, or None
        Where to look; None for the solid's own box.
    chooser : callable or None
        Says which cells matter (`cells_near_surface`).

    Returns
    -------
    Surface

    Notes
    -----
    A piece of surface with the normal n is crossed in proportion to ``|n_x| + |n_y| + |n_z|``; the points' areas take
    that back.
    """
    cells = cells_near_surface(solid, spacing_mm=spacing_mm, bounds_lps=bounds_lps, chooser=chooser).cut
    if not len(cells):
        return Surface(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))
    # Each line between neighbouring corners belongs to the cell of its lower corner; the other three cells beside it
    # are cut as well.
    corners, place = np.unique(np.concatenate([cells, *(cells + e for e in _EDGES)]), axis=0, return_inverse=True)
    inside = contains(solid, PointsLps((corners + SHIFT) * spacing_mm))[place.ravel()].reshape(4, -1)
    starts, ways, from_inside = [], [], []
    for axis in range(3):
        crossed = inside[0] != inside[axis + 1]
        starts.append((cells[crossed] + SHIFT) * spacing_mm)
        ways.append(np.tile(_EDGES[axis] * spacing_mm, (int(crossed.sum()), 1)))
        from_inside.append(inside[0][crossed])
    start, way, begins_inside = np.concatenate(starts), np.concatenate(ways), np.concatenate(from_inside)
    low, high = np.zeros(len(start)), np.ones(len(start))
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        same = contains(solid, PointsLps(start + middle[:, None] * way)) == begins_inside
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    points = start + (0.5 * (low + high))[:, None] * way
    outward = outward_normals(solid, points)
    weight = np.abs(outward).sum(axis=1)
    return Surface(points, outward, np.where(weight > 0.0, spacing_mm**2 / np.maximum(weight, 1.0), 0.0))


def outward_normals(solid: Solid, points_lps: Array) -> Array:
    """Give unit normals out of a solid at points of shape (N, 3); 0 where its distance does not change."""
    gradient = np.empty((len(points_lps), 3))
    for axis, way in enumerate(np.eye(3) * _NUDGE_MM):
        ahead, behind = (solid.distance_mm(PointsLps(points_lps + sign * way)) for sign in (1.0, -1.0))
        gradient[:, axis] = ahead - behind
    length = np.linalg.norm(gradient, axis=1, keepdims=True)
    return np.asarray(np.where(length > 1e-9, gradient / np.maximum(length, 1e-9), 0.0))
