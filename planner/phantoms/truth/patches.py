"""Where the wall of a gap is open or thin: patches of it, measured on the surfaces of gap and bone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from planner.geometry.frames import Array, PointsLps, PointTuple, point_tuple
from planner.phantoms.solids.basic import Bounds, Solid
from planner.phantoms.solids.cells import Chooser
from planner.phantoms.solids.nearby import nearby
from planner.phantoms.solids.surface import Surface, surface_points
from planner.phantoms.truth.parting import Region, part
from planner.phantoms.truth.places import NOWHERE, Indices, Lookout, Place, Votes, unnamed

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
_RIM = 1.5
"""Wall within so many times the greatest thickness of a thin one is an open patch's rim: where gap and bone's surface
cross at more than about 40 degrees, all that is thin there. Set by eye."""
_BESIDE = 3.0
"""A thin patch lies beside an open one if no more than so many spacings part it from the open one's rim."""

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
    place : Place
        What lies behind it.
    """

    points_lps: PointsLps
    outside_lps: PointsLps
    outward_lps: Array
    centre_lps: PointTuple
    is_open: bool
    barrier_mm: float
    area_mm2: float
    place: Place = NOWHERE

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
    gap: Solid,
    env: Solid,
    metal: Solid,
    *,
    thin_mm: float,
    ways_out: tuple[Solid, ...] = (),
    behind: Lookout = unnamed,
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
    behind : callable
        Tells what lies behind the wall: a patch looks into one kind of place. By default all is one.

    Returns
    -------
    tuple of Patch
        Open patches first, then thin ones; larger ones first. Wall close to an open patch is its rim, and no patch of
        its own; nor is a thin wall beside an open one of its kind.
    """
    outside = Outside(env, metal, ways_out).near(gap.bounds_lps, _AROUND_MM)
    low, high = gap.bounds_lps
    walls = _facing_walls(gap, outside, (low - thin_mm, high + thin_mm), _SPACING_MM, thin_mm)
    if walls is None:
        return ()
    wall, far_mm, other = walls
    votes = behind(PointsLps(other.points_lps), -other.outward_lps)
    opened = _parted(wall, np.flatnonzero(far_mm <= _OPEN_MM), votes)
    looked = _Looked(gap, outside, walls, votes)
    patches = [looked.open_patch(region, opened) for region in opened]
    patches += looked.thin_patches(opened, thin_mm)
    return tuple(sorted(patches, key=lambda p: (not p.is_open, -p.area_mm2)))


def _parted(wall: Surface, chosen: Indices, votes: Votes) -> list[Region]:
    regions = part(
        wall.points_lps[chosen],
        wall.area_mm2[chosen],
        votes.by_kind()[chosen],
        spacing_mm=_SPACING_MM,
        least_mm2=_LEAST_AREA_MM2,
    )
    return [replace(r, points=chosen[r.points]) for r in regions]


@dataclass(frozen=True, slots=True)
class _Looked:
    """A gap's wall, and what was seen of it."""

    gap: Solid
    outside: Outside
    walls: _Walls
    votes: Votes

    def open_patch(self, region: Region, opened: Sequence[Region]) -> Patch:
        wall, _, other = self.walls
        place = self.votes.place(region.points, region.kind)
        if region.is_whole and wall.area_mm2[region.points].sum() < _SMALL_MM2:
            fine = _close_up(self.gap, self.outside, wall.points_lps[region.points], 0.0)
            if fine is not None:
                rivals = np.concatenate([r.points for r in opened])
                hole = (fine[1] <= _OPEN_MM) & self._nearest_are(region, rivals, fine[0].points_lps)
                if hole.any():
                    return _patch(fine[0].some(hole), fine[2].some(hole), barrier_mm=0.0, place=place)
        return _patch(wall.some(region.points), other.some(region.points), barrier_mm=0.0, place=place)

    def thin_patches(self, opened: Sequence[Region], thin_mm: float) -> list[Patch]:
        """Give thin walls: neither the rim of an open patch nor more of a wall of its kind."""
        wall, far_mm, _ = self.walls
        apart = np.ones(len(far_mm), dtype=bool)
        if opened:
            edges = wall.points_lps[np.concatenate([r.points for r in opened])]
            apart = cKDTree(edges).query(wall.points_lps)[0] > _RIM * thin_mm
        found = []
        for region in _parted(wall, np.flatnonzero(apart), self.votes):
            closed = region.points[far_mm[region.points] > _OPEN_MM]
            beside = _RIM * thin_mm + _BESIDE * _SPACING_MM
            if wall.area_mm2[closed].sum() >= _LEAST_AREA_MM2 and not self._goes_on(region, opened, beside):
                found.append(self._thin_patch(region))
        return found

    def _goes_on(self, region: Region, opened: Sequence[Region], beside_mm: float) -> bool:
        """Say whether an open patch of its kind lies beside a thin one; where bone alone is behind, any open patch."""
        places = self.walls[0].points_lps
        own = cKDTree(places[region.points])
        rivals = [r for r in opened if region.kind in (r.kind, -1)]
        return any(own.query(places[r.points])[0].min() <= beside_mm for r in rivals)

    def _thin_patch(self, region: Region) -> Patch:
        wall, far_mm, other = self.walls
        points = region.points
        place = self.votes.place(points, region.kind)
        thinnest = points[np.argmin(far_mm[points])]
        ends = np.stack([wall.points_lps[thinnest], other.points_lps[thinnest]])
        fine = _close_up(self.gap, self.outside, ends, float(far_mm[thinnest]))
        if fine is not None:
            own = self._nearest_are(region, np.arange(len(far_mm)), fine[0].points_lps)
            fine = fine[0].some(own), fine[1][own], fine[2].some(own)
        if fine is None or not len(fine[1]):
            return _patch(wall.some(points), other.some(points), barrier_mm=float(far_mm[thinnest]), place=place)
        barrier = _least_mm(fine[1], fine[0].area_mm2)
        if barrier <= _OPEN_MM:  # a small hole
            hole = fine[1] <= _OPEN_MM
            return _patch(fine[0].some(hole), fine[2].some(hole), barrier_mm=0.0, place=place)
        return _patch(wall.some(points), other.some(points), barrier_mm=barrier, place=place)

    def _nearest_are(self, region: Region, rivals: Indices, points_lps: Array) -> npt.NDArray[np.bool_]:
        """Say which points of a finer lattice have a region's point as their nearest among rivals."""
        _, nearest = cKDTree(self.walls[0].points_lps[rivals]).query(points_lps)
        return np.isin(rivals[nearest], region.points)


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


def _close_up(gap: Solid, outside: Outside, places_lps: Array, coarse_mm: float) -> _Walls | None:
    """Look at a wall anew, on a fine lattice round some places."""
    bounds = places_lps.min(axis=0) - _FINE_REACH_MM, places_lps.max(axis=0) + _FINE_REACH_MM
    close = outside.near(bounds, _AROUND_MM)
    return _facing_walls(nearby(gap, bounds, reach_mm=_AROUND_MM), close, bounds, _FINE_MM, coarse_mm + _FINE_REACH_MM)


def _least_mm(far_mm: Array, area_mm2: Array) -> float:
    """Give the thickness that no more than a pinhole of the wall falls short of."""
    order = np.argsort(far_mm)
    place = int(np.searchsorted(np.cumsum(area_mm2[order]), _PINHOLE_MM2))
    return float(far_mm[order[min(place, len(order) - 1)]])


def _patch(wall: Surface, border: Surface, *, barrier_mm: float, place: Place) -> Patch:
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
        place,
    )
