"""The holes that needles leave in the bone: a gap that was closed has then a way out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy import ndimage

from planner.config.needle_hole_config import NeedleHoleConfig
from planner.geometry.frames import Array, point_tuple, unit
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.cement_fill import NeedleHole
from planner.model.finding import Finding
from planner.model.gap import Gap
from planner.model.needle import NeedleSet, Trajectory
from planner.model.record import PointLps
from planner.model.volume import Mask
from planner.safety.fields import depth_mm

Arrival = Callable[[str, PointLps], float | None]
"""From a gap's id and a place on its wall, LPS mm, to the mL that are injected when cement gets there; None where it
never does, or that was not simulated."""
Compartment = Literal["canal", "foramen", "disc", "joint"]

_STEP_MM = 0.1
"""Between samples along a needle; edges are interpolated between them."""
_BEFORE_MM = 6.0
"""So far outside of the bone entry the hole is looked for: the search's bone entry is less off the outline's edge."""
_RING = 8
"""Points round the needle's axis, on its surface: a hole joins a gap that it only grazes."""
_MOUTH_MM = 3.0
"""A gap whose width was not measured is taken as wide as it is within this of the mouth: two voxels of coarse CTs."""
_WORDS: dict[Compartment, str] = {
    "canal": "spinal canal",
    "foramen": "a nerve's foramen",
    "disc": "disc",
    "joint": "joint",
}


@dataclass(frozen=True, slots=True)
class Channel:
    """A needle's hole from the bone's surface to a gap.

    Parameters
    ----------
    outer_lps, mouth_lps : ndarray, shape (3,)
        On the bone's surface, and on the gap's wall, LPS mm.
    outward_lps : ndarray, shape (3,)
        Unit vector out of the bone.
    wall_mm : float
        Length of the hole between them; what of it lies in other gaps does not count.
    """

    outer_lps: Array
    mouth_lps: Array
    outward_lps: Array
    wall_mm: float


def planned_trajectories(
    trajectories: Sequence[Trajectory], needle_sets: Sequence[NeedleSet]
) -> tuple[Trajectory, ...]:
    """Give the needles that are likely to be used: the first of each gap, and those that work together.

    Parameters
    ----------
    trajectories : sequence of Trajectory
        All proposals.
    needle_sets : sequence of NeedleSet
        Sets of them.

    Returns
    -------
    tuple of Trajectory
        In the order of the proposals.
    """
    in_sets = {one for needles in needle_sets for one in needles.trajectory_ids}
    return tuple(t for t in trajectories if t.rank == 1 or t.id in in_sets)


def find_needle_holes(
    anatomy: Anatomy,
    gaps: Sequence[Gap],
    trajectories: Sequence[Trajectory],
    *,
    config: NeedleHoleConfig,
    arrival: Arrival | None = None,
) -> tuple[tuple[NeedleHole, ...], tuple[Finding, ...]]:
    """Find the holes of needles through which cement would leave a gap.

    Parameters
    ----------
    anatomy : Anatomy
        Gaps, bone envelope and compartments.
    gaps : sequence of Gap
        The gaps as measured.
    trajectories : sequence of Trajectory
        The needles, as `planned_trajectories` gives them.
    config : NeedleHoleConfig
        When a hole counts.
    arrival : callable or None
        When cement reaches a place on a gap's wall; None where nothing was simulated.

    Returns
    -------
    holes : tuple of NeedleHole
        Those that count: with its needle drawn, the hole takes its share of what is injected (`escape_share`).
    findings : tuple of Finding
        One for each hole that opens towards the canal, a foramen, a disc or a joint.
    """
    measured = {gap.id: gap for gap in gaps}
    holes: list[NeedleHole] = []
    findings: list[Finding] = []
    for needle in trajectories:
        for space in anatomy.gaps:
            channel = hole_channel(anatomy, space, needle)
            if channel is None:
                continue
            width, volume = _gap_size(space, measured.get(space.id), channel)
            bore = needle.needle.outer_diameter_mm
            share = escape_share(wall_mm=channel.wall_mm, bore_mm=bore, width_mm=width, volume_ml=volume)
            if share < config.least_share:
                continue
            mouth = point_tuple(channel.mouth_lps)
            hole = NeedleHole(
                trajectory_id=needle.id,
                gap_id=space.id,
                entry_lps=point_tuple(channel.outer_lps),
                outward_lps=point_tuple(channel.outward_lps),
                diameter_mm=bore,
                wall_mm=channel.wall_mm,
                leak_after_ml=None if arrival is None else arrival(space.id, mouth),
            )
            holes.append(hole)
            findings += _towards(anatomy, hole, config)
    return tuple(holes), tuple(findings)


def hole_channel(anatomy: Anatomy, space: GapSpace, needle: Trajectory) -> Channel | None:
    """Measure a needle's hole from the bone's surface to a gap.

    Parameters
    ----------
    anatomy : Anatomy
        Bone envelope and gaps.
    space : GapSpace
        The gap.
    needle : Trajectory
        The needle.

    Returns
    -------
    Channel or None
        None where the needle does not meet the gap. Along the axis, edges half way between voxels within and without;
        the inner mouth is where any of the needle's surface meets the gap.
    """
    points, outward = _course(needle)
    mouth = _first_rise(_ring_share(space.mask, points, needle.needle.outer_diameter_mm / 2.0))
    if mouth is None:
        return None
    outer = _last_rise(_share([anatomy.bone, space.mask], points), before=mouth)
    others = [other.mask for other in anatomy.gaps if other.id != space.id]
    passed = _share(others, points)[int(np.ceil(outer)) : int(np.floor(mouth)) + 1]
    wall = max(0.0, (mouth - outer - float(passed.sum())) * _STEP_MM)
    return Channel(_at(points, outer), _at(points, mouth), outward, wall)


def escape_share(*, wall_mm: float, bore_mm: float, width_mm: float, volume_ml: float) -> float:
    """Give the share of what is injected into a gap that an open needle hole would take.

    Parameters
    ----------
    wall_mm, bore_mm : float
        Length and diameter of the hole.
    width_mm, volume_ml : float
        Of the gap.

    Returns
    -------
    float
        0 to 1.

    Notes
    -----
    Hole and gap take flow as their resistances say, and viscosity cancels: a tube's ``128 L / (pi d^4)``
    (Hagen-Poiseuille) against a slit's from the hole's mouth to its rim, ``6 ln(R / r) / (pi h^3)`` (radial Hele-Shaw
    flow), R that of a disc of the gap's width and volume. The gap is taken as filling, the hole as open end to end.
    """
    mouth = bore_mm / 2.0
    rim = float(np.sqrt(1000.0 * volume_ml / (np.pi * width_mm))) if width_mm > 0.0 else 0.0
    if rim <= mouth:  # nowhere else to go
        return 1.0
    along_gap = 6.0 * float(np.log(rim / mouth)) / width_mm**3
    through_hole = 128.0 * wall_mm / bore_mm**4
    return along_gap / (along_gap + through_hole)


def _course(needle: Trajectory) -> tuple[Array, Array]:
    """Give points along a needle from outside of the bone to its tip, shape (N, 3), and the way out of the bone."""
    entry, aim, target = (np.asarray(p) for p in (needle.entry_bone_lps, needle.aim_lps, needle.target_lps))
    outward = unit(entry - aim)
    corners = [entry + _BEFORE_MM * outward, aim, *([target] if needle.slides_along_implant else [])]
    ends = np.concatenate([[0.0], np.cumsum([np.linalg.norm(b - a) for a, b in pairwise(corners)])])
    along = np.arange(0.0, ends[-1] + _STEP_MM / 2.0, _STEP_MM)
    points = np.stack([np.interp(along, ends, [c[axis] for c in corners]) for axis in range(3)], axis=1)
    return points, outward


def _ring_share(mask: Mask, points: Array, radius_mm: float) -> Array:
    """Give the greatest share inside a mask over a needle's axis and surface, shape (N,)."""
    ahead = unit(points[-1] - points[0])
    across = unit(np.cross(ahead, np.eye(3)[int(np.argmin(np.abs(ahead)))]))
    turn = 2.0 * np.pi * np.arange(_RING) / _RING
    ring = radius_mm * (np.cos(turn)[:, None] * across + np.sin(turn)[:, None] * np.cross(ahead, across))
    offsets = np.concatenate([np.zeros((1, 3)), ring])
    spread = (points[None, :, :] + offsets[:, None, :]).reshape(-1, 3)
    return np.asarray(_share([mask], spread).reshape(len(offsets), -1).max(axis=0))


def _share(masks: Sequence[Mask], points_lps: Array) -> Array:
    """Read masks on one grid, taken together, between their voxels: 0 to 1, 0 beyond the grid; shape (N,)."""
    if not masks:
        return np.zeros(len(points_lps))
    grid = masks[0].grid
    index = np.asarray(grid.to_index(points_lps))
    low = np.clip(np.floor(index.min(axis=0)).astype(int) - 1, 0, grid.shape)
    high = np.clip(np.ceil(index.max(axis=0)).astype(int) + 2, 0, grid.shape)
    if np.any(high <= low):
        return np.zeros(len(index))
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    block = np.any([mask.voxels[box] for mask in masks], axis=0).astype(np.float32)
    return np.asarray(ndimage.map_coordinates(block, (index - low).T, order=1, mode="constant", cval=0.0))


def _first_rise(share: Array) -> float | None:
    """Give the place, in steps, where a share first reaches one half; None where it never does."""
    within = np.flatnonzero(share >= 0.5)
    return None if not len(within) else _crossing(share, int(within[0]))


def _last_rise(share: Array, *, before: float) -> float:
    """Give the last place before another where a share rises over one half: the bone's surface next to the gap."""
    until = share[: int(np.ceil(before)) + 1]
    outside = np.flatnonzero(until < 0.5)
    if not len(outside):  # inside from the first sample on
        return 0.0
    return min(before, _crossing(share, int(outside[-1]) + 1)) if outside[-1] + 1 < len(share) else before


def _crossing(share: Array, after: int) -> float:
    if after == 0:
        return 0.0
    low, high = float(share[after - 1]), float(share[after])
    return after - (high - 0.5) / (high - low) if high > low else float(after)


def _at(points: Array, step: float) -> Array:
    first = min(int(step), len(points) - 1)
    second = min(first + 1, len(points) - 1)
    return np.asarray(points[first] + (step - first) * (points[second] - points[first]))


def _gap_size(space: GapSpace, gap: Gap | None, channel: Channel) -> tuple[float, float]:
    """Give a gap's width, mm, and volume, mL; from its voxels where they were not measured finer."""
    volume = space.mask.volume_ml if gap is None or gap.volume_ml is None else gap.volume_ml.estimate
    if gap is not None and gap.width_mm is not None and gap.width_mm.median > 0.0:
        return gap.width_mm.median, volume
    grid = space.mask.grid
    at = np.asarray(grid.to_index(channel.mouth_lps))
    reach = np.ceil(2.0 * _MOUTH_MM / np.array(grid.spacing_mm)).astype(int)
    low = np.clip(np.rint(at).astype(int) - reach, 0, grid.shape)
    high = np.clip(np.rint(at).astype(int) + reach + 1, 0, grid.shape)
    block = space.mask.voxels[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    depth = depth_mm(block, grid.spacing_mm)
    near = np.linalg.norm((np.argwhere(block) + low - at) * grid.spacing_mm, axis=1) <= _MOUTH_MM
    return (2.0 * float(depth[block][near].max()) if near.any() else 0.0), volume


def _towards(anatomy: Anatomy, hole: NeedleHole, config: NeedleHoleConfig) -> list[Finding]:
    """Say of a hole that it opens towards a compartment that is near, with no bone between."""
    masks: dict[Compartment, Mask | None] = {
        "canal": anatomy.canal, "foramen": anatomy.foramen, "disc": anatomy.disc, "joint": anatomy.joint
    }  # fmt: skip
    start = np.asarray(hole.entry_lps) + _STEP_MM * np.asarray(hole.outward_lps)
    found = []
    for name, mask in masks.items():
        distance = _open_way_mm(anatomy, mask, start, config.neighbour_mm)
        if distance is None:
            continue
        found.append(
            Finding(
                code=f"needle-hole-towards-{name}",
                severity="warning",
                message=f"{hole.trajectory_id}: once it is drawn, its hole ({hole.wall_mm:.1f} mm of bone) leads from "
                f"{hole.gap_id} to the outside {distance:.1f} mm from the {_WORDS[name]}",
                where_lps=hole.entry_lps,
                measured=distance,
                limit=config.neighbour_mm,
                unit="mm",
                source="this program's rule",
                gap_id=hole.gap_id,
            )
        )
    return found


def _open_way_mm(anatomy: Anatomy, mask: Mask | None, start: Array, within_mm: float) -> float | None:
    """Give the least distance from a point to a compartment, straight and without bone; None where there is none."""
    if mask is None:
        return None
    grid = anatomy.grid
    at = np.asarray(grid.to_index(start))
    reach = np.ceil(within_mm / np.array(grid.spacing_mm)).astype(int) + 1
    low = np.clip(np.rint(at).astype(int) - reach, 0, grid.shape)
    high = np.clip(np.rint(at).astype(int) + reach + 1, 0, grid.shape)
    there = np.argwhere(mask.voxels[low[0] : high[0], low[1] : high[1], low[2] : high[2]])
    if not len(there):
        return None
    ends = np.asarray(grid.to_lps(there + low))
    distance = np.linalg.norm(ends - start, axis=1)
    ends, distance = ends[distance <= within_mm], distance[distance <= within_mm]
    if not len(ends):
        return None
    count = int(np.ceil(within_mm / min(grid.spacing_mm))) * 2
    share = (np.arange(count) + 0.5) / count
    lines = start + share[None, :, None] * (ends - start)[:, None, :]
    bone = _share([anatomy.bone], lines.reshape(-1, 3)).reshape(len(ends), count).mean(axis=1) * distance
    clear = bone <= min(grid.spacing_mm) / 2.0  # the edge of the hole's own rim
    return float(distance[clear].min()) if clear.any() else None
