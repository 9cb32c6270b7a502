"""The surface at which an implant meets bone, and how wide a gap is over it.

A screw's surface is the cylinder of its thread's crest, down to one radius before its end, and what lies beyond is its
tip, as the plan has it. Every other implant's is its metal's own surface, and widths run square to it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, PointsLps, PointTuple, unit
from planner.geometry.rigid import perpendicular_pair
from planner.model.gap import GapWidth
from planner.phantoms.solids.basic import Solid
from planner.phantoms.solids.raster import contains
from planner.phantoms.solids.surface import surface_points

_ROW_MM, _ANGLES = 0.5, 72
_FIRST_ROW_MM = 1.0
"""Where the plan's rays round a screw begin, from its head."""
_TIP_ROWS = 16
_SURFACE_MM = 1.0
_OFF_MM = 0.05
"""What lies this far off the metal lies beside it."""
_OUTER_COSINE = 0.2
"""A cup's outside looks away from its centre; its inside looks there, and its rim across."""
_LEAST_STEP_MM, _REACH_MM = 0.03, 40.0
_BISECTIONS = 10

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Interface:
    """Rays out of an implant's surface.

    Parameters
    ----------
    start_lps, way_lps : ndarray, shape (N, 3)
        Points on the surface, LPS mm, and unit vectors out of it.
    area_mm2 : ndarray, shape (N,)
        What each ray stands for.
    is_tip : ndarray of bool, shape (N,)
        Rays round a screw's tip.
    in_bone : ndarray of bool, shape (N,)
        Beside it lies bone, or what was bone, and no other metal.
    """

    start_lps: Array
    way_lps: Array
    area_mm2: Array
    is_tip: Flags
    in_bone: Flags

    def widths_mm(self, gap: Solid) -> Array:
        """Give how wide a gap is on each ray, shape (N,); 0 where it does not lie beside the implant."""
        beside = contains(gap, PointsLps(self.start_lps + _OFF_MM * self.way_lps)) & self.in_bone
        width = np.zeros(len(beside))
        chosen = np.flatnonzero(beside)
        if len(chosen):
            width[chosen] = _way_through(gap, self.start_lps[chosen], self.way_lps[chosen])
        return width

    def touches(self, solid: Solid) -> bool:
        """Say whether a solid lies beside any of it."""
        return bool(contains(solid, PointsLps(self.start_lps + _OFF_MM * self.way_lps)).any())


def shaft_interface(
    head_lps: PointTuple, tip_lps: PointTuple, diameter_mm: float, own: Solid, *, env: Solid, metal: Solid
) -> Interface:
    """Lay rays round a screw: square to its axis from the thread's crest, and a fan round the tip.

    Parameters
    ----------
    head_lps, tip_lps : tuple of float
        Ends of the axis, LPS mm.
    diameter_mm : float
        Over the thread.
    own : Solid
        The screw's metal.
    env : Solid
        The bone with its gaps and tracts filled.
    metal : Solid
        All metal.

    Returns
    -------
    Interface
    """
    head, axis = np.array(head_lps), unit(np.subtract(tip_lps, head_lps))
    radius, length = 0.5 * diameter_mm, float(np.linalg.norm(np.subtract(tip_lps, head_lps)))
    first, second = perpendicular_pair(axis)
    turn = (np.arange(_ANGLES) + 0.5) * (2.0 * np.pi / _ANGLES)
    round_it = np.cos(turn)[:, None] * first + np.sin(turn)[:, None] * second
    end = length - radius
    count = max(2, round((end - _FIRST_ROW_MM) / _ROW_MM))
    step = (end - _FIRST_ROW_MM) / count
    along = _FIRST_ROW_MM + (np.arange(count) + 0.5) * step
    shaft = head + along[:, None, None] * axis + radius * round_it
    tilt = (np.arange(_TIP_ROWS) + 0.5) * (0.5 * np.pi / _TIP_ROWS)
    fan = np.sin(tilt)[:, None, None] * round_it + np.cos(tilt)[:, None, None] * axis
    fan_ways = fan.reshape(-1, 3)
    centre = head + end * axis
    exits = _last_metal_mm(own, centre, fan_ways, 1.5 * radius)
    solid_angle = np.repeat(np.sin(tilt), _ANGLES) * (0.5 * np.pi / _TIP_ROWS) * (2.0 * np.pi / _ANGLES)
    start = np.concatenate([shaft.reshape(-1, 3), centre + exits[:, None] * fan_ways])
    ways = np.concatenate([np.tile(round_it, (count, 1)), fan_ways])
    area = np.concatenate([np.full(count * _ANGLES, radius * step * 2.0 * np.pi / _ANGLES), exits**2 * solid_angle])
    is_tip = np.arange(len(start)) >= count * _ANGLES
    return Interface(start, ways, area, is_tip, _beside_bone(start, ways, env, metal))


def surface_interface(own: Solid, *, env: Solid, metal: Solid, away_from_lps: PointTuple | None = None) -> Interface:
    """Take an implant's own surface.

    Parameters
    ----------
    own : Solid
        The implant.
    env : Solid
        The bone with its gaps and tracts filled.
    metal : Solid
        All metal.
    away_from_lps : tuple of float or None
        Only what faces away from this point counts (a cup's outside, not its rim); None for all.

    Returns
    -------
    Interface
    """
    surface = surface_points(own, spacing_mm=_SURFACE_MM)
    points, ways, area = surface.points_lps, surface.outward_lps, surface.area_mm2
    in_bone = _beside_bone(points, ways, env, metal)
    if away_from_lps is not None:
        rays = points - np.array(away_from_lps)
        in_bone &= np.einsum("ij,ij->i", rays, ways) > _OUTER_COSINE * np.linalg.norm(rays, axis=1)
    return Interface(points, ways, area, np.zeros(len(area), dtype=bool), in_bone)


def _beside_bone(start_lps: Array, ways_lps: Array, env: Solid, metal: Solid) -> Flags:
    beside = PointsLps(start_lps + _OFF_MM * ways_lps)
    return contains(env, beside) & ~contains(metal, beside)


def _last_metal_mm(own: Solid, centre_lps: Array, ways_lps: Array, reach_mm: float) -> Array:
    """Give where each ray from a point within the metal leaves it for the last time, shape (N,)."""
    places = np.arange(0.0, reach_mm, _OFF_MM)
    points = centre_lps + places[:, None, None] * ways_lps
    inside = contains(own, PointsLps(points.reshape(-1, 3))).reshape(len(places), -1)
    last = places[len(places) - 1 - np.argmax(inside[::-1], axis=0)]
    exits = _last_inside_mm(own, np.broadcast_to(centre_lps, ways_lps.shape), ways_lps, last, last + _OFF_MM)
    return np.where(inside.any(axis=0), exits, 0.0)


def _way_through(gap: Solid, start_lps: Array, ways_lps: Array) -> Array:
    """Give where rays that begin in a gap leave it, shape (N,): steps no longer than the distance from its surface."""
    at = np.full(len(start_lps), _OFF_MM)
    before = at.copy()
    going = np.arange(len(at))
    while len(going):
        distance = gap.distance_mm(PointsLps(start_lps[going] + at[going, None] * ways_lps[going]))
        going, distance = going[distance <= 0.0], distance[distance <= 0.0]
        before[going] = at[going]
        at[going] += np.maximum(-distance, _LEAST_STEP_MM)
        going = going[at[going] < _REACH_MM]
    return _last_inside_mm(gap, start_lps, ways_lps, before, at)


def _last_inside_mm(solid: Solid, start_lps: Array, ways_lps: Array, inside_mm: Array, outside_mm: Array) -> Array:
    """Halve, on each ray, the way between a place within a solid and one outside of it."""
    for _ in range(_BISECTIONS):
        middle = 0.5 * (inside_mm + outside_mm)
        held = contains(solid, PointsLps(start_lps + middle[:, None] * ways_lps))
        inside_mm, outside_mm = np.where(held, middle, inside_mm), np.where(held, outside_mm, middle)
    return inside_mm


def gap_width(interface: Interface, widths_mm: Array) -> GapWidth | None:
    """Sum up a gap's width over its surface.

    Parameters
    ----------
    interface : Interface
        The rays.
    widths_mm : ndarray, shape (N,)
        The width on each of them.

    Returns
    -------
    GapWidth or None
        By area, a screw's tip left out where the gap lies beside the shaft too; None where no ray meets it.
    """
    lucent = widths_mm > 0.0
    on_shaft = lucent & ~interface.is_tip
    chosen = on_shaft if on_shaft.any() else lucent
    if not chosen.any():
        return None
    order = np.argsort(widths_mm[chosen])
    width, area = widths_mm[chosen][order], interface.area_mm2[chosen][order]
    share = (np.cumsum(area) - 0.5 * area) / area.sum()
    median, p95 = (float(np.interp(q, share, width)) for q in (0.5, 0.95))
    return GapWidth(median=median, p95=p95, max=float(width[-1]))


def share_of_area(interface: Interface, chosen: Flags, *, shaft_only: bool = False) -> float | None:
    """Give the share of the interface with bone that is chosen.

    Parameters
    ----------
    interface : Interface
        The rays.
    chosen : ndarray of bool, shape (N,)
        Which of them.
    shaft_only : bool
        Leave a screw's tip out.

    Returns
    -------
    float or None
        0 to 1; None where no bone lies beside it.
    """
    counted = interface.in_bone & ~interface.is_tip if shaft_only else interface.in_bone
    total = float(interface.area_mm2[counted].sum())
    return float(interface.area_mm2[counted & chosen].sum()) / total if total > 0.0 else None
