"""Along a shaft, section by section: how much metal each holds, where its middle lies, and where it is parted."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, unit
from planner.geometry.rigid import perpendicular_pair
from planner.segment.unwrap import Floats, Sampler

STEP_MM = 0.5
_PIXEL_MM = 0.4
_COURSE_MM, _COURSE_SECTIONS = 10.0, 20
"""A rod's direction is told from its last centimetre that lay bare: tulips are 15 mm wide at most."""
_BARE = (0.7, 1.5)
"""Sections of a rod that neither a tulip widens nor a gap narrows hold this share of a whole one."""
_MOST_SLOPE = 0.6
"""Contoured rods lean by no more than 30 degrees from their chord."""


@dataclass(frozen=True, slots=True, eq=False)
class ShaftWalk:
    """Sections square to a line, half a millimetre apart.

    Parameters
    ----------
    along_mm : ndarray, shape (N,)
        Place of each section on the line, from where it starts.
    area_mm2 : ndarray, shape (N,)
        Metal in it.
    middle_lps : ndarray, shape (N, 3)
        Middle of that metal; where there is none, of the section.
    aside_mm : ndarray, shape (N, 2)
        The same across the line.
    core_hu : ndarray, shape (N,)
        Median HU of the inner half of that metal; 0 where there is none.
    """

    along_mm: Array
    area_mm2: Array
    middle_lps: Array
    aside_mm: Array
    core_hu: Array


@dataclass(frozen=True, slots=True, eq=False)
class Parting:
    """Where a shaft is in two.

    Parameters
    ----------
    where_lps : ndarray, shape (3,)
        The middle between both pieces.
    along_mm : float
        Its place on the walk.
    gap_mm : float
        Between the pieces, along the shaft.
    aside_mm : float
        How far out of line the second piece begins.
    """

    where_lps: Array
    along_mm: float
    gap_mm: float
    aside_mm: float


def walk(
    sampler: Sampler,
    start_lps: Array,
    stop_lps: Array,
    *,
    reach_mm: float,
    level_hu: float,
    bent_mm2: float | None = None,
) -> ShaftWalk:
    """Cut a shaft into sections.

    Parameters
    ----------
    sampler : Sampler
        The CT round it.
    start_lps, stop_lps : ndarray, shape (3,)
        The line's ends, LPS mm.
    reach_mm : float
        Radius of the sections.
    level_hu : float
        What lies above it is metal.
    bent_mm2 : float or None
        Whole section of a bent rod, whose middle the sections follow; None keeps them on the line.

    Returns
    -------
    ShaftWalk
    """
    way, length = unit(stop_lps - start_lps), float(np.linalg.norm(stop_lps - start_lps))
    across = np.stack(perpendicular_pair(way))
    disc = _disc(reach_mm)
    along = np.arange(0.0, length + 1e-6, STEP_MM)
    area, core, aside = np.zeros(len(along)), np.zeros(len(along)), np.zeros((len(along), 2))
    course = None if bent_mm2 is None else _Course(bent_mm2)
    for n, t in enumerate(along):
        centre = np.zeros(2) if course is None else course.next_at(t)
        hu = sampler.at(start_lps + t * way + (disc + centre) @ across)
        metal = hu > level_hu
        area[n] = np.count_nonzero(metal) * _PIXEL_MM**2
        aside[n] = centre + (disc[metal].mean(axis=0) if metal.any() else 0.0)
        core[n] = _core_hu(hu, disc + centre - aside[n], area[n])
        if course is not None:
            course.saw(t, aside[n], area[n])
    middle = start_lps + along[:, None] * way + aside @ across
    return ShaftWalk(along, area, middle, aside, core)


def _core_hu(hu: Floats, off_mm: Array, area_mm2: float) -> float:
    inner = np.hypot(*off_mm.T) <= max(_PIXEL_MM, 0.5 * float(np.sqrt(area_mm2 / np.pi)))
    return float(np.median(hu[inner])) if area_mm2 > 0 and inner.any() else 0.0


def _disc(reach_mm: float) -> Array:
    ticks = np.arange(-reach_mm, reach_mm + 1e-6, _PIXEL_MM)
    disc = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.asarray(disc[np.hypot(*disc.T) <= reach_mm])


class _Course:
    """Where a bent rod goes on: straight ahead as its last millimetres ran, through tulips and across gaps."""

    def __init__(self, whole_mm2: float) -> None:
        self._whole = whole_mm2
        self._seen: list[tuple[float, Array]] = []

    def next_at(self, t: float) -> Array:
        if not self._seen:
            return np.zeros(2)
        last = self._seen[-_COURSE_SECTIONS:]
        at, aside = np.array([s[0] for s in last]), np.array([s[1] for s in last])
        if len(last) < _COURSE_SECTIONS // 2 or np.ptp(at) < _COURSE_MM / 2:
            return np.asarray(aside[-1])
        slope = np.clip(np.polyfit(at, aside, 1)[0], -_MOST_SLOPE, _MOST_SLOPE)
        return np.asarray(aside.mean(axis=0) + slope * (t - at.mean()))

    def saw(self, t: float, aside: Array, area: float) -> None:
        low, high = (share * self._whole for share in _BARE)
        if low < area < high or (not self._seen and area > 0):
            self._seen.append((t, aside))


def partings(
    seen: ShaftWalk, *, whole_mm2: float, notch_share: float, flank_mm: float, longest_gap_mm: float
) -> tuple[Parting, ...]:
    """Find where a shaft stops and goes on.

    Parameters
    ----------
    seen : ShaftWalk
        Its sections.
    whole_mm2 : float
        A whole section of it.
    notch_share : float
        What holds less than this share of a whole section parts it.
    flank_mm : float
        So much of it must be whole on both sides.
    longest_gap_mm : float
        What is farther apart are two shafts.

    Returns
    -------
    tuple of Parting
        From the start on; none where the metal runs through, or ends for good.
    """
    low = seen.area_mm2 < notch_share * whole_mm2
    found = []
    for first, stop in _runs(low):
        before = _flank(seen, first, -1, flank_mm)
        after = _flank(seen, stop - 1, 1, flank_mm)
        gap = float(seen.along_mm[stop - 1] - seen.along_mm[first])
        if before is None or after is None or gap > longest_gap_mm:
            continue
        least = 0.5 * (1.0 + notch_share) * whole_mm2
        if min(np.median(seen.area_mm2[before]), np.median(seen.area_mm2[after])) < least:
            continue
        step = np.median(seen.aside_mm[after], axis=0) - np.median(seen.aside_mm[before], axis=0)
        ends = seen.middle_lps[[before[0], after[0]]]
        found.append(
            Parting(
                ends.mean(axis=0),
                float((seen.along_mm[first] + seen.along_mm[stop - 1]) / 2),
                gap + STEP_MM,
                float(np.hypot(*step)),
            )
        )
    return tuple(found)


def greatest_step(seen: ShaftWalk, *, window_mm: float) -> Parting | None:
    """Find where a straight shaft's middle jumps aside the most.

    Parameters
    ----------
    seen : ShaftWalk
        Its sections, all of them metal.
    window_mm : float
        Length on both sides over which the middle is told.

    Returns
    -------
    Parting or None
        None where the shaft is too short to tell.
    """
    count, skip = round(window_mm / STEP_MM), 2
    places = range(count + skip, len(seen.along_mm) - count - skip)
    steps = [
        np.median(seen.aside_mm[n + skip : n + skip + count], axis=0)
        - np.median(seen.aside_mm[n - skip - count : n - skip], axis=0)
        for n in places
    ]
    if not steps:
        return None
    # A line that is not quite the shaft's own shows the same small step everywhere.
    jump = np.hypot(*(np.array(steps) - np.median(steps, axis=0)).T)
    best = int(np.argmax(jump))
    n = places[best]
    return Parting(seen.middle_lps[n], float(seen.along_mm[n]), 0.0, float(jump[best]))


def _runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _flank(seen: ShaftWalk, at: int, step: int, flank_mm: float) -> npt.NDArray[np.intp] | None:
    """Give the sections next to a notch, the nearest first; the first half millimetre is its blurred edge."""
    count = round(flank_mm / STEP_MM)
    indices = at + step * np.arange(2, count + 2)
    return indices if indices.min() >= 0 and indices.max() < len(seen.along_mm) else None
