"""Rods as curves: stretches between the tulips joined into one rod each, from end to end."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import UnivariateSpline
from scipy.ndimage import label, uniform_filter1d

from planner.config.implant_config import ImplantConfig
from planner.geometry.frames import Array, unit
from planner.geometry.rigid import perpendicular_pair
from planner.segment.implants.rod_breaks import parted
from planner.segment.implants.rod_course import RodCourse, round_end_mm
from planner.segment.implants.shafts import Traced, outer_fall, radial_profiles
from planner.segment.implants.straight_runs import Line
from planner.segment.unwrap import Sampler

__all__ = ["RodCourse", "is_of_rod", "rod_courses"]

_STEP_MM = 1.0
_BRIDGE_MM = 50.0
"""A rod is not seen as a straight stretch for so long at most: two tulips of 13 mm, and a level too short for one."""
_ASIDE_MM = 5.0
"""How far a contoured rod may leave its line in between; two fifths of the way where that is more."""
_BEND_DEG = 45.0
"""How far it may turn from one free stretch to the next; those of the tuning cases turn by up to 40 degrees. Ours."""
_GAP_MM = 0.4
"""A rod that is not seen for so long has ended: a break of 1.5 mm, after a blur of 0.4 mm. Ours."""
_PASSES = 6
"""How often a rod's curve is drawn anew; each time it may grow by a tulip and a level. Ours."""
_ALIKE_SHARE = 0.12
"""A shaft whose radius differs by less of a rod's is as thick as it. Ours."""
_PIVOTS_MM = (5.0, 8.0)
"""How far beyond its last free section a rod may bend: about the middle of a tulip."""
_REACH_MM = 10.0
"""How far beyond that it must be seen again: outside of the tulip. Ours."""
_HIDDEN_MM = 20.0
"""How far beyond its last free stretch a rod is followed through other metal."""
_SPREAD_MM = 0.12
"""How far the middle of a section scatters about a rod's; sets how smooth the curve is. Thoracic case, about."""


@dataclass(frozen=True, slots=True, eq=False)
class _Curve:
    """A smooth curve over its projection on a line, going straight on beyond its last points."""

    origin: Array
    axes: Array
    splines: tuple[UnivariateSpline, UnivariateSpline]
    low: float
    high: float

    def at(self, s: Array) -> Array:
        inner = np.clip(s, self.low, self.high)
        aside = [f(inner) + (s - inner) * f.derivative()(inner) for f in self.splines]
        return np.asarray(self.origin + np.stack([s, *aside], axis=-1) @ self.axes)

    def ways(self, s: Array) -> Array:
        """Directions, shape (N, 3)."""
        inner = np.clip(s, self.low, self.high)
        aside = [f.derivative()(inner) for f in self.splines]
        along = np.stack([np.ones_like(inner), *aside], axis=-1) @ self.axes
        return np.asarray(along / np.linalg.norm(along, axis=1, keepdims=True))


def rod_courses(sampler: Sampler, stretches: list[Traced]) -> list[RodCourse]:
    """Join the free stretches of rods, which bend and hide in tulips, into one rod each, and follow it to its ends.

    Parameters
    ----------
    sampler : Sampler
        The CT round the piece of metal.
    stretches : list of Traced
        The straight shafts of one piece that are rods.

    Returns
    -------
    list of RodCourse
        A broken rod gives two.

    Notes
    -----
    Ours: a cubic smoothing spline through the centroids of those sections that show the rod alone.
    """
    left = sorted(stretches, key=lambda t: -t.length_mm)
    courses: list[RodCourse] = []
    while left:
        first = left.pop(0)
        if any(_lies_on(first, course) for course in courses):
            continue
        chain = [first]
        while (more := next((t for t in left if any(_goes_on(sampler, c, t) for c in chain)), None)) is not None:
            left.remove(more)
            chain.append(more)
        courses += parted(sampler, _course(sampler, chain))
    return courses


def is_of_rod(shaft: Traced, courses: Sequence[RodCourse], config: ImplantConfig) -> bool:
    """Say whether a shaft is a piece of a rod that is known already: smooth, as thick, and along its course.

    Parameters
    ----------
    shaft : Traced
        A shaft that is not among the rods' stretches.
    courses : sequence of RodCourse
        The rods.
    config : ImplantConfig
        What counts as a thread.

    Returns
    -------
    bool
        No for what carries a thread.
    """
    if shaft.thread_mm > config.thread_mm:
        return False
    thick = [c for c in courses if abs(shaft.radius_mm - c.traced.radius_mm) < _ALIKE_SHARE * c.traced.radius_mm]
    return any(_lies_on(shaft, course) for course in thick)


def _lies_on(stretch: Traced, course: RodCourse) -> bool:
    """Whether a stretch is a piece of a rod that is known already."""
    middle = stretch.line.at(0.5 * (stretch.ends[0].t_mm + stretch.ends[1].t_mm))
    line = course.course_lps
    k = int(np.argmin(np.linalg.norm(line - middle, axis=1)))
    along = unit(line[min(k + 1, len(line) - 1)] - line[max(k - 1, 0)])
    near = float(np.linalg.norm(line[k] - middle)) < 1.5 * course.traced.radius_mm + _STEP_MM
    return near and abs(float(along @ stretch.line.direction)) > np.cos(np.radians(_BEND_DEG))


def _goes_on(sampler: Sampler, a: Traced, b: Traced) -> bool:
    """Whether two stretches are one rod: in line, and with metal all the way between them."""
    if abs(float(a.line.direction @ b.line.direction)) < np.cos(np.radians(_BEND_DEG)):
        return False
    if _overlap(a, b):
        return True
    pairs = [(i, j) for i in (0, 1) for j in (0, 1)]
    i, j = min(pairs, key=lambda p: float(np.linalg.norm(a.end_lps(p[0]) - b.end_lps(p[1]))))
    here, there = a.end_lps(i), b.end_lps(j)
    out, into = (2 * i - 1) * a.line.direction, (1 - 2 * j) * b.line.direction
    between = there - here
    length = float(np.linalg.norm(between))
    off = max(float(np.linalg.norm(between - (between @ d) * d)) for d in (out, into))
    if length > _BRIDGE_MM or off > max(_ASIDE_MM, 0.4 * length):
        return False
    share = np.linspace(0.0, 1.0, 80)[:, None]
    straight = here + share * between
    # the cubic that leaves one end and reaches the other in the rods' own directions
    bend = share * (1 - share) * length * ((1 - share) * (out - between / length) - share * (into - between / length))
    level = 0.8 * min(a.level_hu, b.level_hu)
    return any(_is_metal_along(sampler, way, level) for way in (straight, straight + bend))


def _is_metal_along(sampler: Sampler, way: Array, level_hu: float) -> bool:
    """Whether a way runs in metal, or next to it, without a gap."""
    u, v = perpendicular_pair(unit(way[-1] - way[0]))
    beside = np.stack([0 * u, u, -u, v, -v])
    seen = (sampler.at(way[:, None] + beside) > level_hu).any(1)
    step = float(np.linalg.norm(np.diff(way, axis=0), axis=1).mean())
    gaps, count = label(~seen)
    return count == 0 or float(np.bincount(gaps)[1:].max()) * step < _GAP_MM


def _overlap(a: Traced, b: Traced) -> bool:
    """Whether one runs within the other."""
    t = np.linspace(b.ends[0].t_mm, b.ends[1].t_mm, 21)
    along = (b.line.at(t) - a.line.point) @ a.line.direction
    inside = (along > a.ends[0].t_mm) & (along < a.ends[1].t_mm)
    off = np.linalg.norm(np.cross(b.line.at(t) - a.line.point, a.line.direction), axis=1)
    return bool((inside & (off < a.radius_mm)).sum() >= 3)


def _course(sampler: Sampler, chain: list[Traced]) -> RodCourse:
    """Draw the curve through the free sections, and again with those that it then leads to, until it grows no more."""
    longest = max(chain, key=lambda t: t.length_mm)
    points = np.concatenate([_free_points(sampler, t) for t in chain])
    ends = np.concatenate([[t.end_lps(0), t.end_lps(1)] for t in chain])
    curve = _curve(points if len(points) >= 2 else ends)
    low, high = _ends(sampler, curve, longest)
    for _ in range(_PASSES):
        again = _free_along(sampler, curve, longest, low, high)
        if len(again) < max(4, 0.5 * len(points)):
            break
        again = np.concatenate([again, *(_felt(sampler, curve, longest, sign) for sign in (-1.0, 1.0))])
        before, points, curve = high - low, again, _curve(again)
        low, high = _ends(sampler, curve, longest)
        if abs(high - low - before) < 0.5:
            break
    cut = not bool(sampler.grid.contains(curve.at(np.array([low - 1.5, high + 1.5]))).all())
    first, last = (curve.at(np.array([end]))[0] for end in (low, high))
    up, down = curve.ways(np.array([low]))[0], -curve.ways(np.array([high]))[0]
    caps = round_end_mm(sampler, first, up, longest), round_end_mm(sampler, last, down, longest)
    low, high = low + caps[0], high - caps[1]
    s = np.linspace(low, high, max(2, int(np.ceil((high - low) / 4.0)) + 1))
    course = curve.at(s)
    if course[0, 2] < course[-1, 2]:
        course, caps = course[::-1].copy(), caps[::-1]
    middles = points if len(points) else ends
    return RodCourse(course, longest, middles, curve.ways((middles - curve.origin) @ curve.axes[0]), cut, caps)


def _felt(sampler: Sampler, curve: _Curve, own: Traced, sign: float) -> Array:
    """Feel for a rod that bends within its last tulip: where it comes out at the least turn, shape (0 or 1, 3)."""
    end = curve.low if sign < 0 else curve.high
    way = sign * curve.ways(np.array([end]))[0]
    u, v = perpendicular_pair(way)
    lean, turn = np.radians(np.arange(0.0, _BEND_DEG + 1, 7.5)), np.radians(np.arange(0.0, 360.0, 30.0))
    fan = [(np.cos(a), np.sin(a) * np.cos(b), np.sin(a) * np.sin(b)) for a in lean for b in (turn if a else turn[:1])]
    for x, y, z in fan:
        out = x * way + y * u + z * v
        for pivot in curve.at(end + sign * np.array(_PIVOTS_MM)):
            place = _middles(sampler, (pivot + _REACH_MM * out)[None], out[None], own)
            if len(place) and _is_metal_along(sampler, np.linspace(pivot, place[0], 40), 0.8 * own.level_hu):
                return place
    return np.empty((0, 3))


def _free_points(sampler: Sampler, stretch: Traced) -> Array:
    low, high = stretch.ends[0].t_mm + 1.0, stretch.ends[1].t_mm - 1.0
    t = np.arange(low, high + 1e-6, _STEP_MM) if high > low else np.array([0.5 * (low + high)])
    return _middles(sampler, stretch.line.at(t), np.broadcast_to(stretch.line.direction, (len(t), 3)), stretch)


def _free_along(sampler: Sampler, curve: _Curve, own: Traced, low: float, high: float) -> Array:
    s = np.arange(low + 1.5, high - 1.4, _STEP_MM)
    if len(s) < 2:
        return np.empty((0, 3))
    return _middles(sampler, curve.at(s), np.gradient(curve.at(s), axis=0), own)


def _middles(sampler: Sampler, points: Array, directions: Array, own: Traced) -> Array:
    """Give the middles of the sections that show a rod alone: as wide as it, and as wide all round."""
    found = []
    for point, way in zip(points, directions, strict=True):
        line = Line(point, unit(way), 0.0, 0.0)
        profiles = radial_profiles(sampler, line, np.zeros(1))[0]
        for _ in range(2):
            radius = outer_fall(profiles, own.level_hu)
            turn = np.arange(len(radius)) * 2 * np.pi / len(radius)
            # the middle of a circle seen from beside it: the radius' first harmonic
            off = 2 * np.array([(radius * np.cos(turn)).mean(), (radius * np.sin(turn)).mean()])
            if np.hypot(*off) > 1.5:
                break
            line = Line(line.at(0.0) + _in_section(line, off), line.direction, 0.0, 0.0)
            profiles = radial_profiles(sampler, line, np.zeros(1))[0]
        radius = outer_fall(profiles, own.level_hu)
        if abs(float(radius.mean()) - own.radius_mm) < 0.12 * own.radius_mm and radius.std() < 0.12 * own.radius_mm:
            found.append(line.point)
    return np.array(found).reshape(-1, 3)


def _in_section(line: Line, off: Array) -> Array:
    u, v = perpendicular_pair(line.direction)
    return np.asarray(off[0] * u + off[1] * v)


def _curve(points: Array) -> _Curve:
    centre = points.mean(0)
    axes = np.linalg.svd(points - centre)[2]
    local = (points - centre) @ axes.T
    order = np.argsort(local[:, 0])
    s, keep = np.unique(np.round(local[order, 0], 3), return_index=True)
    x, y = local[order[keep], 1], local[order[keep], 2]
    degree = int(np.clip(len(s) - 1, 1, 3))
    smooth = len(s) * _SPREAD_MM**2
    splines = tuple(UnivariateSpline(s, v, k=degree, s=smooth) for v in (x, y))
    return _Curve(centre, axes, (splines[0], splines[1]), float(s[0]), float(s[-1]))


def _ends(sampler: Sampler, curve: _Curve, own: Traced) -> tuple[float, float]:
    """Follow a curve both ways until its metal stops, or other metal has hidden it for too long."""
    step = 0.1
    out = []
    for start, sign in ((curve.low, -1.0), (curve.high, 1.0)):
        s = start + sign * np.arange(0.0, _HIDDEN_MM, step)
        places = curve.at(s)
        seen = (sampler.at(places) > own.level_hu) & sampler.grid.contains(places)
        # noise and the play between a rod and its tulip are no end
        missing = uniform_filter1d((~seen).astype(float), int(_GAP_MM / step), origin=-int(_GAP_MM / step) // 2) > 0.95
        stop = int(np.argmax(missing)) if missing.any() else len(s) - 1
        inside = np.flatnonzero(seen[: stop + 1])
        out.append(float(s[inside[-1]]) if len(inside) else start)
    return out[0], out[1]
