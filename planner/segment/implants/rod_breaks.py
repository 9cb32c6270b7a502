"""Where a rod that was followed as one is in two: beside a tulip, or within one."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from planner.geometry.frames import Array, unit
from planner.geometry.rigid import perpendicular_pair
from planner.segment.implants.rod_course import RodCourse, round_end_mm
from planner.segment.unwrap import Floats, Sampler

_BREAK_MM = 9.0
"""A break hides a rod for so long at most, its own width of blur on both sides; a tulip hides it for longer. Ours."""
_DARK_SHARE = 0.7
"""A break is darker than this share of the rod beside it; 0.61 in a gap of 1.7 mm in slices of 2 mm. Ours."""
_INNER_SHARE, _BRIGHT_PERCENT = 0.7, 80.0
"""So much of a rod's section is read, and so bright a part of it must be dark in a break. Ours."""
_END_MM = 4.0
"""A rod's own ends are no break."""


def parted(sampler: Sampler, rod: RodCourse) -> list[RodCourse]:
    """Part a rod where it is darker than on both sides, between sections that show it alone: a narrow break."""
    line = rod.course_lps
    s = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    fine = np.arange(0.0, s[-1], 0.25)
    places = np.stack([np.interp(fine, s, line[:, k]) for k in range(3)], axis=1)
    bright = sampler.at(places)
    free = np.sort([fine[int(np.argmin(np.linalg.norm(places - p, axis=1)))] for p in rod.free_lps])
    hidden = _dark_span(sampler, places, fine, rod)
    if hidden is not None:
        return _two(sampler, rod, s, fine, places, hidden)
    for start, stop in pairwise(free):
        inside = (fine >= start) & (fine <= stop)
        beside = [(fine >= start - 3.0) & (fine <= start), (fine >= stop) & (fine <= stop + 3.0)]
        if stop - start > _BREAK_MM or not all(b.any() for b in (inside, *beside)):
            continue
        whole, dark = min(float(bright[b].max()) for b in beside), float(bright[inside].min())
        if dark < _DARK_SHARE * whole:
            gap = fine[inside & (bright < 0.5 * (whole + dark))]
            span = int(np.searchsorted(fine, gap[0])), int(np.searchsorted(fine, gap[-1]))
            return _two(sampler, rod, s, fine, places, span)
    return [rod]


def _two(
    sampler: Sampler, rod: RodCourse, s: Array, fine: Array, places: Array, span: tuple[int, int]
) -> list[RodCourse]:
    """Part a rod between two of its places, each piece to the end of its whole section."""
    upper, lower = span
    back = unit(places[max(upper - 8, 0)] - places[upper])
    on = unit(places[min(lower + 8, len(fine) - 1)] - places[lower])
    above, below = (round_end_mm(sampler, places[k], way, rod.traced) for k, way in ((upper, back), (lower, on)))
    return [
        _stretch(rod, s, (0.0, float(fine[upper]) - above), caps_mm=(rod.caps_mm[0], above)),
        _stretch(rod, s, (float(fine[lower]) + below, float(s[-1])), caps_mm=(below, rod.caps_mm[1])),
    ]


def _dark_span(sampler: Sampler, places: Array, fine: Array, rod: RodCourse) -> tuple[int, int] | None:
    """Find a break that a tulip hides, between two places with metal where the whole section is dark."""
    if len(places) < 3:
        return None
    # the brightest part of the section: a rod that its course leaves a little aside is no break
    bright = np.percentile(_sections(sampler, places, _INNER_SHARE * rod.traced.radius_mm), _BRIGHT_PERCENT, axis=1)
    dark = bright < rod.traced.level_hu
    seen = np.flatnonzero(~dark)
    inside = np.flatnonzero(dark & (fine > _END_MM) & (fine < fine[-1] - _END_MM)) if len(seen) else seen
    if not len(inside):
        return None
    first = int(inside[0])
    before, after = seen[seen < first], seen[seen > first]
    if not len(before) or not len(after):
        return None
    return int(before[-1]), int(after[0])


def _sections(sampler: Sampler, places: Array, reach_mm: float) -> Floats:
    """HU in the sections of a curve within some radius of it, shape (places, points of a section)."""
    across = [perpendicular_pair(unit(way)) for way in np.gradient(places, axis=0)]
    u, v = (np.stack([pair[k] for pair in across]) for k in (0, 1))
    steps = np.linspace(-reach_mm, reach_mm, 9)
    x, y = (grid.ravel() for grid in np.meshgrid(steps, steps))
    round_it = np.hypot(x, y) <= reach_mm
    off = x[round_it, None] * u[:, None] + y[round_it, None] * v[:, None]
    return sampler.at(places[:, None] + off)


def _stretch(rod: RodCourse, s: Array, span: tuple[float, float], *, caps_mm: tuple[float, float]) -> RodCourse:
    at = np.concatenate([[span[0]], s[(s > span[0]) & (s < span[1])], [span[1]]])
    line = np.stack([np.interp(at, s, rod.course_lps[:, k]) for k in range(3)], axis=1)
    mine = np.min(np.linalg.norm(rod.free_lps[:, None] - line[None], axis=2), axis=1) < 3.0
    mine = mine if mine.any() else np.ones(len(mine), dtype=bool)
    return replace(rod, course_lps=line, free_lps=rod.free_lps[mine], free_ways=rod.free_ways[mine], caps_mm=caps_mm)
