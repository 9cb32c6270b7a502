"""Where the wall of a gap is open or thin: patches of it, measured on the surfaces of gap and bone."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from planner.geometry.frames import Array, PointsLps, PointTuple, point_tuple
from planner.phantoms.solids.basic import Bounds, Solid
from planner.phantoms.solids.cells import Chooser
from planner.phantoms.solids.nearby import nearby
from planner.phantoms.solids.surface import Surface, surface_points

_SPACING_MM = 0.25
_FINE_MM = 0.05
"""Lattice on which the thinnest place of a wall is measured."""
_FINE_REACH_MM = 0.6
_AROUND_MM = 8.0
"""Bone and metal further from a gap are not asked; the widest cell that is looked at has a half diagonal of 3.5 mm."""
_OPEN_MM = 0.01
"""A thinner wall is none: the error of a wall's place, which bisection finds, with a margin."""
_LEAST_AREA_MM2 = 0.8
"""Smaller patches, 1 mm across, are left out: a reader could see no smaller one. Set by eye."""
_PINHOLE_MM2 = 0.05
"""A thin spot smaller than this, a quarter of a millimetre across, does not count: a corner. Set by eye."""
_SMALL_MM2 = 5.0
"""Smaller holes are measured on the fine lattice, where they have more than a few points."""
_METAL_MM = 0.005
_LEAST_COSINE = 0.2
"""The way to the outside must leave the gap, not cross it."""
_LINKED = 2.0
"""Points of one patch lie within so many spacings of each other."""

_Walls = tuple[Surface, Array, Surface]
"""Points of a gap's wall, how far the outside is from each, mm, and where it begins."""


@dataclass(frozen=True)
class Patch:
    """A patch of a gap's wall.

    Parameters
    ----------
    points_lps : PointsLps, shape (N, 3)
        Points of the gap's wall.
    outside_lps : PointsLps, shape (N, 3)
        For each, the nearest point where what is outside of the bone begins.
    outward_lps : ndarray, shape (N, 3)
        Unit vectors square to the bone's surface there, out of the bone.
    centre_lps : tuple of float
        The point of the patch that lies nearest to the middle of all of them.
    is_open : bool
        Whether the gap touches what is outside over a patch of its own.
    barrier_mm : float
        Least thickness of bone, spots smaller than a pinhole left out; 0 where it is open.
    area_mm2 : float
        Area of the gap's wall.
    """

    points_lps: PointsLps
    outside_lps: PointsLps
    outward_lps: Array
    centre_lps: PointTuple
    is_open: bool
    barrier_mm: float
    area_mm2: float

    @property
    def direction_lps(self) -> PointTuple | None:
        """Mean direction out of the bone, of length 1; None where the ways out cancel each other."""
        mean = self.outward_lps.mean(axis=0)
        length = float(np.linalg.norm(mean))
        return point_tuple(mean / length) if length > _LEAST_COSINE else None


@dataclass(frozen=True)
class Outside:
    """All into which cement would leave: what is not bone, and not metal.

    Parameters
    ----------
    env : Solid
        The bone with its gaps filled.
    metal : Solid
        Metal that fills a hole is no way out.
    ways_out : tuple of Solid
        Spaces within the bone that lead out of it.
    """

    env: Solid
    metal: Solid
    ways_out: tuple[Solid, ...] = ()

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        beyond = -self.env.distance_mm(points_lps)
        for way in self.ways_out:
            beyond = np.minimum(beyond, way.distance_mm(points_lps))
        return np.maximum(beyond, -self.metal.distance_mm(points_lps))

    def near(self, bounds_lps: Bounds, reach_mm: float) -> "Outside":
        """Leave away bone and metal that lie further than this from a box."""
        env, metal = (nearby(s, bounds_lps, reach_mm=reach_mm) for s in (self.env, self.metal))
        return Outside(env, metal, self.ways_out)

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds it, LPS mm: it has no end."""
        return np.full(3, -np.inf), np.full(3, np.inf)


def find_patches(
    gap: Solid, env: Solid, metal: Solid, *, thin_mm: float, ways_out: tuple[Solid, ...] = ()
) -> tuple[Patch, ...]:
    """Find where a gap touches, or nearly touches, what is outside of the bone.

    Parameters
    ----------
    gap : Solid
        The lucent space, without metal.
    env : Solid
        The bone with its gaps filled.
    metal : Solid
        The implants: metal that fills a hole is no way out.
    thin_mm : float
        A wall thinner than this counts as thin.
    ways_out : tuple of Solid
        Spaces within the bone that lead out of it: veins, fracture lines, empty tracts.

    Returns
    -------
    tuple of Patch
        Open patches first, then thin ones; larger ones first. A thin rim round an open patch belongs to it and is no
        patch of its own.
    """
    outside = Outside(env, metal, ways_out).near(gap.bounds_lps, _AROUND_MM)
    low, high = gap.bounds_lps
    walls = _facing_walls(gap, outside, (low - thin_mm, high + thin_mm), _SPACING_MM, thin_mm)
    if walls is None:
        return ()
    wall, far_mm, other = walls
    is_open = far_mm <= _OPEN_MM
    opened = _split(wall, is_open)
    with_ways_out = np.zeros(len(far_mm), dtype=bool)
    for points in opened:
        with_ways_out[points] = True
    patches = [_open_patch(gap, outside, wall.some(p), other.some(p)) for p in opened]
    for points in _split(wall, np.ones(len(far_mm), dtype=bool)):
        closed = points[~is_open[points]]
        if with_ways_out[points].any() or wall.area_mm2[closed].sum() < _LEAST_AREA_MM2:
            continue
        thinnest = points[np.argmin(far_mm[points])]
        ends = np.stack([wall.points_lps[thinnest], other.points_lps[thinnest]])
        fine = _close_up(gap, outside, ends, float(far_mm[thinnest]))
        barrier = float(far_mm[thinnest]) if fine is None else _least_mm(fine[1], fine[0].area_mm2)
        if fine is not None and barrier <= _OPEN_MM:  # a small hole
            hole = fine[1] <= _OPEN_MM
            patches.append(_patch(fine[0].some(hole), fine[2].some(hole), barrier_mm=0.0))
        else:
            patches.append(_patch(wall.some(points), other.some(points), barrier_mm=barrier))
    return tuple(sorted(patches, key=lambda p: (not p.is_open, -p.area_mm2)))


def _facing_walls(gap: Solid, outside: Outside, bounds: Bounds, spacing_mm: float, thin_mm: float) -> _Walls | None:
    """Give the points of a gap's wall within reach of the outside, how far it is from each, and where it begins."""
    reach = thin_mm + 2.0 * spacing_mm
    wall = surface_points(gap, spacing_mm=spacing_mm, bounds_lps=bounds, chooser=_near(outside, reach))
    wall = wall.some(np.abs(outside.metal.distance_mm(PointsLps(wall.points_lps))) > _METAL_MM)
    border = surface_points(outside, spacing_mm=spacing_mm, bounds_lps=bounds, chooser=_near(gap, reach))
    if not len(wall.area_mm2) or not len(border.area_mm2):
        return None
    far, nearest = cKDTree(border.points_lps).query(wall.points_lps)
    border = border.some(nearest)
    ways = border.points_lps - wall.points_lps
    leaves = np.einsum("ij,ij->i", ways, wall.outward_lps) >= _LEAST_COSINE * far
    chosen = (far <= thin_mm) & (leaves | (far <= _OPEN_MM))
    return (wall.some(chosen), far[chosen], border.some(chosen)) if chosen.any() else None


def _near(solid: Solid, reach_mm: float) -> Chooser:
    def chosen(centres_lps: PointsLps, half_mm: float) -> npt.NDArray[np.bool_]:
        return np.asarray(solid.distance_mm(centres_lps) <= half_mm + reach_mm)

    return chosen


def _split(wall: Surface, chosen: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.intp]]:
    """Part the chosen points into patches that hang together, the largest first; specks are left out."""
    index = np.flatnonzero(chosen)
    pairs = cKDTree(wall.points_lps[index]).query_pairs(_LINKED * _SPACING_MM, output_type="ndarray")
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(index), len(index)))
    count, label = connected_components(links, directed=False)
    area = np.bincount(label, weights=wall.area_mm2[index], minlength=count)
    largest_first = np.argsort(-area, kind="stable")
    return [index[label == number] for number in largest_first if area[number] >= _LEAST_AREA_MM2]


def _close_up(gap: Solid, outside: Outside, places_lps: Array, coarse_mm: float) -> _Walls | None:
    """Look at a wall anew, on a fine lattice round some places."""
    bounds = places_lps.min(axis=0) - _FINE_REACH_MM, places_lps.max(axis=0) + _FINE_REACH_MM
    close = outside.near(bounds, _AROUND_MM)
    return _facing_walls(nearby(gap, bounds, reach_mm=_AROUND_MM), close, bounds, _FINE_MM, coarse_mm + _FINE_REACH_MM)


def _open_patch(gap: Solid, outside: Outside, wall: Surface, border: Surface) -> Patch:
    if wall.area_mm2.sum() < _SMALL_MM2:
        fine = _close_up(gap, outside, wall.points_lps, 0.0)
        if fine is not None and np.any(fine[1] <= _OPEN_MM):
            hole = fine[1] <= _OPEN_MM
            return _patch(fine[0].some(hole), fine[2].some(hole), barrier_mm=0.0)
    return _patch(wall, border, barrier_mm=0.0)


def _least_mm(far_mm: Array, area_mm2: Array) -> float:
    """Give the thickness that no more than a pinhole of the wall falls short of."""
    order = np.argsort(far_mm)
    place = int(np.searchsorted(np.cumsum(area_mm2[order]), _PINHOLE_MM2))
    return float(far_mm[order[min(place, len(order) - 1)]])


def _patch(wall: Surface, border: Surface, *, barrier_mm: float) -> Patch:
    middle = np.average(wall.points_lps, axis=0, weights=np.maximum(wall.area_mm2, 1e-9))
    centre = wall.points_lps[int(np.argmin(np.linalg.norm(wall.points_lps - middle, axis=1)))]
    return Patch(
        PointsLps(wall.points_lps),
        PointsLps(border.points_lps),
        -border.outward_lps,
        point_tuple(centre),
        barrier_mm == 0.0,
        barrier_mm,
        float(wall.area_mm2.sum()),
    )
