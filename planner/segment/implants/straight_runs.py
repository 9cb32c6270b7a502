"""Straight runs of metal, told apart even where rods and tulips join them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.spatial import cKDTree

from planner.config.implant_config import ShaftSearchConfig
from planner.geometry.frames import Array

Indices = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
_LEAST_POINTS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A stretch of a line: ``point + t * direction`` for t from low to high, LPS mm."""

    point: Array
    direction: Array
    low: float
    high: float

    def at(self, t: npt.ArrayLike) -> Array:
        """Positions, shape (...) to (..., 3)."""
        return np.asarray(self.point + np.asarray(t, dtype=np.float64)[..., None] * self.direction)


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    score_mm: float
    line: Line
    reach_mm: float
    used: Indices


def straight_runs(points_lps: Array, *, shortest_mm: float, config: ShaftSearchConfig) -> list[Line]:
    """Search greedily for straight runs of metal whose local direction agrees.

    Parameters
    ----------
    points_lps : ndarray, shape (N, 3)
        The metal's voxel centres, LPS mm.
    shortest_mm : float
        Length of the shortest run that counts.
    config : ShaftSearchConfig
        The search's settings.

    Returns
    -------
    list of Line
        Longest first, about.
    """
    points = _thinned(points_lps, config.lattice_mm)
    if len(points) < _LEAST_POINTS:
        return []
    direction, straight = _local_directions(points, config)
    points, direction = points[straight], direction[straight]
    rng, free, lines = np.random.default_rng(0), np.ones(len(points), dtype=bool), []
    for _ in range(config.runs):
        pool = np.flatnonzero(free)
        if len(pool) < _LEAST_POINTS:
            break
        seeds = rng.choice(pool, min(config.seeds, len(pool)), replace=False)
        tries = [_grow(points, direction, pool, int(c), config) for c in seeds]
        best = max((t for t in tries if t is not None), key=lambda t: t.score_mm, default=None)
        if best is None or best.line.high - best.line.low < shortest_mm:
            break
        along, off = _cylinder(points, best.line.point, best.line.direction)
        near = (off < best.reach_mm + 1.5) & (along > best.line.low - 2) & (along < best.line.high + 2)
        free &= ~near
        free[best.used] = False
        lines.append(best.line)
    return lines


def _thinned(points: Array, lattice_mm: float) -> Array:
    """Replace the points of each lattice cell by their mean, in an order that storage does not change."""
    cell, inverse, count = np.unique(
        np.floor(points / lattice_mm).astype(np.int64), axis=0, return_inverse=True, return_counts=True
    )
    flat = inverse.ravel()
    sums = [np.bincount(flat, weights=points[:, k], minlength=len(cell)) for k in range(3)]
    return np.asarray(np.stack(sums, axis=1) / count[:, None])


def _local_directions(points: Array, config: ShaftSearchConfig) -> tuple[Array, Bools]:
    """Give the main direction of the metal round each point, and whether it runs straight there."""
    pairs = cKDTree(points).query_pairs(config.ball_mm, output_type="ndarray")
    # a point is its own neighbour, no step away
    count, steps, products = np.ones(len(points)), np.zeros((len(points), 3)), np.zeros((len(points), 3, 3))
    _add_steps(np.ascontiguousarray(points), np.asarray(pairs, dtype=np.int64), count, steps, products)
    centre = steps / count[:, None]
    second = np.empty((len(points), 3, 3))
    for a in range(3):
        for b in range(a, 3):
            second[:, a, b] = second[:, b, a] = products[:, a, b] / count - centre[:, a] * centre[:, b]
    w, v = np.linalg.eigh(second)
    longest = np.maximum(w[:, 2], 1e-9)
    wide = 2 * np.sqrt(np.maximum(w[:, 1], 0))
    straight = ((w[:, 2] - w[:, 1]) / longest > config.anisotropy) & (wide < 1.1 * config.widest_mm)
    return v[:, :, 2], straight & (w[:, 2] > 0)


@njit(cache=True, nogil=True)
def _add_steps(points: Array, pairs: npt.NDArray[np.int64], count: Array, steps: Array, products: Array) -> None:
    """Add up, for each point, its neighbours, the steps to them, and these steps' products (the upper half)."""
    # first the pairs from their one end, then from the other: sums are rounded in this order
    for side in range(2):
        for n in range(len(pairs)):
            one, other = pairs[n, side], pairs[n, 1 - side]
            count[one] += 1.0
            for a in range(3):
                step = points[other, a] - points[one, a]
                steps[one, a] += step
                for b in range(a, 3):
                    products[one, a, b] += step * (points[other, b] - points[one, b])


def _cylinder(points: Array, origin: Array, direction: Array) -> tuple[Array, Array]:
    """Place along a line and distance from it."""
    from_line = points - origin
    along = from_line @ direction
    off2 = np.einsum("ij,ij->i", from_line, from_line) - along**2
    return along, np.sqrt(np.maximum(off2, 0.0))


def _grow(points: Array, direction: Array, pool: Indices, seed: int, config: ShaftSearchConfig) -> _Run | None:
    """Grow a straight run from a seed: inliers, refit, three times."""
    p, d = points[seed], direction[seed]
    free_points, free_direction = points[pool], direction[pool]
    used = pool[:0]
    for _ in range(3):
        along, off = _cylinder(free_points, p, d)
        ok = (off < config.widest_mm) & (np.abs(free_direction @ d) > np.cos(np.radians(config.agreement_deg)))
        ok &= _contiguous(along, ok, config.hole_mm)
        used = pool[ok]
        if len(used) < _LEAST_POINTS:
            return None
        p = points[used].mean(0)
        d = np.linalg.eigh(np.cov((points[used] - p).T))[1][:, 2]
    along, off = _cylinder(points[used], p, d)
    reach = float(np.percentile(off, 90))
    length = float(np.percentile(along, 99) - np.percentile(along, 1))
    return _Run(length - 2 * reach, Line(p, d, float(along.min()), float(along.max())), reach, used)


def _contiguous(along: Array, ok: Bools, hole_mm: float) -> Bools:
    """Keep the run round zero that no hole interrupts."""
    t = np.sort(along[ok])
    if len(t) < 2:
        return ok
    cuts = np.flatnonzero(np.diff(t) > hole_mm)
    middle = np.searchsorted(t, 0.0)
    low, high = cuts[cuts < middle - 1], cuts[cuts >= middle]
    first = t[low.max() + 1] if len(low) else t[0]
    return np.asarray((along >= first) & (along <= (t[high.min()] if len(high) else t[-1])))
