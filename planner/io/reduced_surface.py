"""Closed surfaces with fewer triangles, and how far that moved them: measured, not estimated."""

from dataclasses import dataclass

import fast_simplification
import numpy as np
import numpy.typing as npt
from scipy import sparse

from planner.geometry.frames import Array
from planner.io.surface_distance import distances_mm, places_on

Triangles = npt.NDArray[np.int64]
_SHARES = (0.25, 0.4, 0.6, 0.8)
"""Shares of the triangles that are tried, the smallest first. Ours."""
_LEFT_WHOLE = 400
"""Parts with no more triangles stay as they are: collapsing edges makes a speck of a few voxels vanish."""
_CAREFUL = 5.0
"""How slowly the decimation's threshold rises; 7 is its own default, which is quicker and goes farther astray."""


@dataclass(frozen=True, slots=True, eq=False)
class ReducedSurface:
    """A surface from which triangles were taken, and what that cost.

    Parameters
    ----------
    points_lps : ndarray, shape (N, 3)
        Corners, LPS mm.
    triangles : ndarray of int64, shape (M, 3)
        Indices of corners, counter-clockwise seen from outside.
    triangles_before : int
        Of the surface as it was.
    deviation_max_mm, deviation_mean_mm : float
        Distance between both surfaces, from each to the other, the larger of the two: at all corners and middles of
        triangles of what was reduced. 0 where nothing was.
    """

    points_lps: Array
    triangles: Triangles
    triangles_before: int
    deviation_max_mm: float
    deviation_mean_mm: float

    @property
    def volume_ml(self) -> float:
        """What it encloses, by the divergence theorem."""
        corners = self.points_lps[self.triangles] - self.points_lps.mean(axis=0)
        return float(np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))) / 6000.0


def is_closed(points: Array, triangles: Triangles) -> bool:
    """Say whether triangles close a space, all turned the same way.

    Parameters
    ----------
    points : ndarray, shape (N, 3)
        Corners.
    triangles : ndarray of int, shape (M, 3)
        Indices of corners.

    Returns
    -------
    bool
        Whether each edge is passed once in each direction. Corners that are one in single precision, in which the
        files hold them, count as one.
    """
    if not len(triangles):
        return False
    _, same = np.unique(points.astype(np.float32), axis=0, return_inverse=True)
    merged = same.ravel()[triangles]
    starts, ends = merged.ravel(), merged[:, [1, 2, 0]].ravel()
    count = int(merged.max()) + 1
    forth, back = np.sort(starts * count + ends), np.sort(ends * count + starts)
    return bool(np.array_equal(forth, back) and np.all(np.diff(forth) > 0) and np.all(starts != ends))


def reduced(points_lps: Array, triangles: Triangles, *, most_deviation_mm: float) -> ReducedSurface:
    """Take triangles out of a closed surface where it bends least.

    Parameters
    ----------
    points_lps : ndarray, shape (N, 3)
        Corners, LPS mm.
    triangles : ndarray of int64, shape (M, 3)
        Indices of corners.
    most_deviation_mm : float
        No place of one surface may lie farther from the other; 0 takes nothing out.

    Returns
    -------
    ReducedSurface
        Closed where the surface was: a reduction that opens it or moves it too far is not taken, and where none of
        those that are tried serves, the surface stays as it is.

    Notes
    -----
    Quadric error metrics (M. Garland, P. Heckbert 1997), by fast-simplification, which may pinch a surface where edges
    collapse: hence the check. The distance is measured to the nearest place of the other surface, between corners too.
    """
    whole = ReducedSurface(points_lps, triangles, len(triangles), 0.0, 0.0)
    small = _in_small_parts(triangles, len(points_lps))
    if most_deviation_mm <= 0.0 or small.all():
        return whole
    before = _used(points_lps, triangles[~small])
    kept_points, kept = _used(points_lps, triangles[small])
    for share in _SHARES:
        points, left = _decimated(*before, share)
        joined = np.concatenate((points, kept_points)), np.concatenate((left, kept + len(points)))
        if len(left) and is_closed(*joined):
            most, mean = _deviation(before, (points, left), most_deviation_mm)
            if most <= most_deviation_mm:
                return ReducedSurface(*joined, len(triangles), most, mean)
    return whole


def _in_small_parts(triangles: Triangles, count: int) -> npt.NDArray[np.bool_]:
    """Say of each triangle whether the part that it belongs to is small."""
    edges = np.concatenate((triangles[:, :2], triangles[:, 1:]))
    graph = sparse.coo_array((np.ones(len(edges), np.int8), edges.T), shape=(count, count))
    _, part = sparse.csgraph.connected_components(graph, directed=False)
    own = part[triangles[:, 0]]
    small: npt.NDArray[np.bool_] = np.bincount(own)[own] <= _LEFT_WHOLE
    return small


def _used(points: Array, triangles: Triangles) -> tuple[Array, Triangles]:
    """Keep the corners that triangles have."""
    used, index = np.unique(triangles, return_inverse=True)
    return points[used], index.reshape(-1, 3).astype(np.int64)


def _decimated(points: Array, triangles: Triangles, share: float) -> tuple[Array, Triangles]:
    # Single precision from the surface's own middle: a patient's origin may lie metres off.
    middle = points.mean(axis=0)
    fewer, left = fast_simplification.simplify(points - middle, triangles.astype(np.int32), 1.0 - share, agg=_CAREFUL)
    return _used(np.asarray(fewer, dtype=np.float64) + middle, np.asarray(left, dtype=np.int64))


def _deviation(
    first: tuple[Array, Triangles], second: tuple[Array, Triangles], within_mm: float
) -> tuple[float, float]:
    """Measure the greatest and the mean distance of two surfaces, the larger of both directions, mm."""
    ways = [
        distances_mm(places_on(*one), *other, within_mm=within_mm) for one, other in ((first, second), (second, first))
    ]
    return max(float(way.max()) for way in ways), max(float(way.mean()) for way in ways)
