"""Rods of which too little shows between two tulips for a straight run."""

import numpy as np

from planner.config.implant_config import ImplantConfig
from planner.geometry.frames import Array, unit
from planner.geometry.rays import segment_distance_mm
from planner.segment.implants.naming import Named
from planner.segment.implants.shafts import Brightness, Traced, trace
from planner.segment.implants.straight_runs import Line
from planner.segment.unwrap import Sampler

_TULIP_MM = 6.5
"""Half a tulip's width: 12-14 mm by makers' drawings; ours."""
_WINDOW_MM = 2.0
"""Half of the stretch that is looked at where tulips leave less between them."""
_BEHIND_MM = 24.0
"""A rod runs at most this far from the line between two heads: tulips are 12-16 mm high, and more where it is bent."""
_FEWEST_POINTS = 6
_LONGEST_MM = 50.0
"""Neighbouring tulips stand no farther apart, or the rod shows as a run: a vertebra with its disc is 25-45 mm."""
_LEAST_RADIUS_MM = 1.2
"""Rods are made from 3.2 mm across."""
_PASSES_MM = 4.0
"""So much of a rod's stretch may lie beyond the heads that it is said to run between."""
_WAY_DEG = 45.0
"""How far a rod between two tulips may lean from the line between their heads. Ours."""


def short_rods(
    sampler: Sampler,
    points_lps: Array,
    bright: Brightness,
    named: list[Named],
    stumps: list[Traced],
    config: ImplantConfig,
    *,
    at_edge: bool = False,
) -> list[Traced]:
    """Find the stretch of a rod between neighbouring tulips where no run or rod was told.

    Parameters
    ----------
    sampler : Sampler
        The CT round the piece of metal.
    points_lps : ndarray, shape (N, 3)
        The piece's voxels, LPS mm.
    bright : Brightness
        The metal's level and plateau.
    named : list of Named
        The piece's shafts.
    stumps : list of Traced
        Runs too short to be named.
    config : ImplantConfig
        The limits of a rod.
    at_edge : bool
        Whether the data end in the piece, so that one of two tulips may be cut off.

    Returns
    -------
    list of Traced
        One at most between two neighbouring tulips: smooth, round, no thicker than rods are, and with other metal at
        both of its ends. Empty where a rod was told there, or nothing but the tulips themselves joins the two.
    """
    heads = [_head(n.traced) for n in named if n.name != "rod" and n.traced.joints == 1]
    rods = [n.traced for n in named if n.name == "rod"]
    found: list[Traced] = []
    for a, b in _neighbours(heads):
        if any(_runs_between(rod, a, b) for rod in (*rods, *found)):
            continue
        seen = [s for s in stumps if _runs_between(s, a, b) and _is_bar(s, a, b, config)]
        if not seen:
            line = _line_between(points_lps, a, b, [n.traced for n in named if n.name != "rod"])
            traced = None if line is None else trace(sampler, line, bright)
            seen = [traced] if traced is not None and _is_bar(traced, a, b, config) else []
        found += seen[:1]
    if at_edge:
        taken = [*rods, *found]
        found += [s for s in stumps if not any(s is t for t in taken) and _leaves_a_tulip(s, heads, config)]
    return found


def _leaves_a_tulip(rod: Traced, heads: list[Array], config: ImplantConfig) -> bool:
    """Whether a stretch is a rod's that runs from one screw's tulip into metal that the scan cuts."""
    if not _is_smooth(rod, config) or rod.out_of_round > config.stump_roundness:
        return False
    ends = [rod.end_lps(k) for k in (0, 1)]
    return any(min(float(np.linalg.norm(h - e)) for e in ends) < config.joint_reach_mm for h in heads)


def _head(screw: Traced) -> Array:
    return screw.end_lps(0 if screw.ends[0].kind == "joint" else 1)


def _neighbours(heads: list[Array]) -> list[tuple[Array, Array]]:
    """Give pairs of heads of one row that have none between them: along the spine, and no farther than two levels."""
    ordered = sorted(heads, key=lambda h: -float(h[2]))
    pairs = []
    for k, a in enumerate(ordered):
        for b in ordered[k + 1 :]:
            far = float(np.linalg.norm(b - a))
            between = [c for c in ordered if c is not a and c is not b and _is_between(c, a, b)]
            if 2 * _TULIP_MM - 1.0 < far < _LONGEST_MM and not between:
                pairs.append((a, b))
    return pairs


def _is_between(point: Array, a: Array, b: Array) -> bool:
    along = float((point - a) @ (b - a)) / float((b - a) @ (b - a))
    return 0.1 < along < 0.9 and float(segment_distance_mm(point, a, b)) < _BEHIND_MM


def _runs_between(rod: Traced, a: Array, b: Array) -> bool:
    """Whether a stretch, or part of it, lies between two heads, beside the line that joins them."""
    way = unit(b - a)
    ends = sorted(float((rod.end_lps(k) - a) @ way) for k in (0, 1))
    far = float(np.linalg.norm(b - a))
    if min(ends[1], far) - max(ends[0], 0.0) < 0.3 * min(far, rod.length_mm):
        return False
    middle = rod.line.at(0.5 * (rod.ends[0].t_mm + rod.ends[1].t_mm))
    beside = float(segment_distance_mm(middle, a, b)) < _BEHIND_MM
    return beside and abs(float(rod.line.direction @ way)) > np.cos(np.radians(_WAY_DEG))


def _line_between(points: Array, a: Array, b: Array, shafts: list[Traced]) -> Line | None:
    """Give the line through what metal lies between two tulips and off the shafts of screws."""
    way, far = unit(b - a), float(np.linalg.norm(b - a))
    half = max(_WINDOW_MM, 0.5 * far - _TULIP_MM)
    along = (points - a) @ way
    near = (np.abs(along - 0.5 * far) < half) & (segment_distance_mm(points, a, b) < _BEHIND_MM)
    points = points[near]
    for shaft in shafts:
        if not len(points):
            return None
        off = segment_distance_mm(points, shaft.end_lps(0), shaft.end_lps(1))
        points = points[off > shaft.radius_mm + 1.5]
    if len(points) < _FEWEST_POINTS:
        return None
    return Line(points.mean(axis=0), way, -half, half)


def _is_bar(rod: Traced, a: Array, b: Array, config: ImplantConfig) -> bool:
    """Whether a stretch is a rod's: smooth and round, and from one tulip to the other."""
    way = unit(b - a)
    ends = sorted(float((rod.end_lps(k) - a) @ way) for k in (0, 1))
    return _is_smooth(rod, config) and ends[0] > -_PASSES_MM and ends[1] < float(np.linalg.norm(b - a)) + _PASSES_MM


def _is_smooth(rod: Traced, config: ImplantConfig) -> bool:
    return (
        _LEAST_RADIUS_MM < rod.radius_mm < config.greatest_rod_radius_mm
        and rod.joints == 2
        and rod.thread_mm < config.thread_mm
        and rod.out_of_round < config.roundness
        and not rod.is_blade
    )
