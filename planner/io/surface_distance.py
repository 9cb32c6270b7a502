"""How far two surfaces lie from each other, where they lie near: each place's nearest on the other, exactly."""

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array

_MOST_CELLS = 4_000_000
_MORE = 1e-3
"""By how much more than asked for triangles are sought round a place, mm: rounding hides none."""

Indices = npt.NDArray[np.int64]


class _Cells(NamedTuple):
    """A coarse lattice over a surface: which triangles may lie near a place in a cell."""

    origin: Array
    edge_mm: float
    counts: Indices
    starts: Indices
    triangles: Indices


def places_on(points: Array, triangles: Indices) -> Array:
    """Give the corners and the middles of a surface's triangles.

    Parameters
    ----------
    points : ndarray, shape (N, 3)
        Corners.
    triangles : ndarray of int, shape (M, 3)
        Indices of corners.

    Returns
    -------
    ndarray, shape (N + M, 3)
    """
    first, second, third = (points[triangles[:, k]] for k in range(3))
    return np.concatenate((points, (first + second + third) / 3.0))


def distances_mm(places: Array, points: Array, triangles: Indices, *, within_mm: float) -> Array:
    """Measure how far places lie from a surface.

    Parameters
    ----------
    places : ndarray, shape (K, 3)
        Places, mm.
    points : ndarray, shape (N, 3)
        The surface's corners, mm.
    triangles : ndarray of int, shape (M, 3)
        Indices of corners, M > 0.
    within_mm : float
        How far is looked; the less, the quicker.

    Returns
    -------
    ndarray, shape (K,)
        To the nearest place of a triangle, mm: corner, edge or face; infinite where that is farther than `within_mm`.
    """
    corners = np.ascontiguousarray(points[triangles], dtype=np.float64)
    cells = _cells(corners, within_mm + _MORE)
    found = np.empty(len(places))
    _measure(np.ascontiguousarray(places, dtype=np.float64), corners, *cells, within_mm, found)
    return found


def _cells(corners: Array, reach_mm: float) -> _Cells:
    first, second, third = (corners[:, k] for k in range(3))
    low = np.minimum(np.minimum(first, second), third) - reach_mm
    high = np.maximum(np.maximum(first, second), third) + reach_mm
    origin = low.min(axis=0)
    extent = high.max(axis=0) - origin
    # A cell is about as large as a triangle and what is sought round it; there are not more than memory likes.
    edge_mm = max(float((high - low).mean()), float(np.prod(extent) / _MOST_CELLS) ** (1 / 3))
    counts = np.floor(extent / edge_mm).astype(np.int64) + 1
    first = np.floor((low - origin) / edge_mm).astype(np.int64)
    last = np.minimum(np.floor((high - origin) / edge_mm).astype(np.int64), counts - 1)
    starts = np.zeros(int(np.prod(counts)) + 1, dtype=np.int64)
    _count(first, last, counts, starts)
    np.cumsum(starts, out=starts)
    held = np.empty(int(starts[-1]), dtype=np.int64)
    _fill(first, last, counts, starts[:-1].copy(), held)
    return _Cells(origin, edge_mm, counts, starts, held)


@numba.njit(cache=True, nogil=True)
def _count(first: Indices, last: Indices, counts: Indices, starts: Indices) -> None:
    """Count the triangles in each cell, one place on."""
    for t in range(len(first)):
        for i in range(first[t, 0], last[t, 0] + 1):
            for j in range(first[t, 1], last[t, 1] + 1):
                for k in range(first[t, 2], last[t, 2] + 1):
                    starts[(i * counts[1] + j) * counts[2] + k + 1] += 1


@numba.njit(cache=True, nogil=True)
def _fill(first: Indices, last: Indices, counts: Indices, free: Indices, held: Indices) -> None:
    """Write each triangle into its cells; `free` is each cell's next free place."""
    for t in range(len(first)):
        for i in range(first[t, 0], last[t, 0] + 1):
            for j in range(first[t, 1], last[t, 1] + 1):
                for k in range(first[t, 2], last[t, 2] + 1):
                    cell = (i * counts[1] + j) * counts[2] + k
                    held[free[cell]] = t
                    free[cell] += 1


@numba.njit(cache=True, nogil=True)
def _measure(
    places: Array,
    corners: Array,
    origin: Array,
    edge_mm: float,
    counts: Indices,
    starts: Indices,
    held: Indices,
    within_mm: float,
    found: Array,
) -> None:
    for p in range(len(places)):
        found[p] = np.inf
        i = int(np.floor((places[p, 0] - origin[0]) / edge_mm))
        j = int(np.floor((places[p, 1] - origin[1]) / edge_mm))
        k = int(np.floor((places[p, 2] - origin[2]) / edge_mm))
        if min(i, j, k) < 0 or i >= counts[0] or j >= counts[1] or k >= counts[2]:
            continue
        cell = (i * counts[1] + j) * counts[2] + k
        least = np.inf
        for at in range(starts[cell], starts[cell + 1]):
            least = min(least, _squared(places[p], corners[held[at]]))
        if least <= within_mm * within_mm:
            found[p] = np.sqrt(least)


@numba.njit(cache=True, nogil=True)
def _squared(place: Array, triangle: Array) -> float:
    """Give the squared distance from a place to a triangle (C. Ericson, Real-Time Collision Detection, 5.1.5)."""
    ux, uy, uz = triangle[1, 0] - triangle[0, 0], triangle[1, 1] - triangle[0, 1], triangle[1, 2] - triangle[0, 2]
    vx, vy, vz = triangle[2, 0] - triangle[0, 0], triangle[2, 1] - triangle[0, 1], triangle[2, 2] - triangle[0, 2]
    wx, wy, wz = place[0] - triangle[0, 0], place[1] - triangle[0, 1], place[2] - triangle[0, 2]
    uu, uv, vv = ux * ux + uy * uy + uz * uz, ux * vx + uy * vy + uz * vz, vx * vx + vy * vy + vz * vz
    uw, vw = ux * wx + uy * wy + uz * wz, vx * wx + vy * wy + vz * wz
    area = uu * vv - uv * uv
    if area > 1e-12 * uu * vv:
        s, t = (vv * uw - uv * vw) / area, (uu * vw - uv * uw) / area
        if s >= 0.0 and t >= 0.0 and s + t <= 1.0:
            x, y, z = wx - s * ux - t * vx, wy - s * uy - t * vy, wz - s * uz - t * vz
            over: float = x * x + y * y + z * z
            return over
    # Beside the face, or where the triangle is a line: the nearest of its three edges.
    ww = wx * wx + wy * wy + wz * wz
    s = min(max(uw / uu, 0.0), 1.0) if uu > 0.0 else 0.0
    t = min(max(vw / vv, 0.0), 1.0) if vv > 0.0 else 0.0
    x, y, z = wx - s * ux, wy - s * uy, wz - s * uz
    a = x * x + y * y + z * z
    x, y, z = wx - t * vx, wy - t * vy, wz - t * vz
    b = x * x + y * y + z * z
    ex, ey, ez = vx - ux, vy - uy, vz - uz
    ee = ex * ex + ey * ey + ez * ez
    r = min(max((ex * (wx - ux) + ey * (wy - uy) + ez * (wz - uz)) / ee, 0.0), 1.0) if ee > 0.0 else 0.0
    x, y, z = wx - ux - r * ex, wy - uy - r * ey, wz - uz - r * ez
    nearest: float = min(ww, a, b, x * x + y * y + z * z)
    return nearest
