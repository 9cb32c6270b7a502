"""Straight shafts in the metal: their axes, ends and diameters to sub-voxel."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.optimize import least_squares
from scipy.special import chndtr, ndtri

from planner.config.implant_config import ImplantConfig
from planner.geometry.frames import Array, unit
from planner.geometry.rigid import perpendicular_pair
from planner.segment.implants.straight_runs import Line
from planner.segment.unwrap import Floats, Sampler, first_fall

_STEP_MM = 0.15
_RADII_MM: Array = np.arange(0.0, 9.0, _STEP_MM)
_CORE_CELLS = 4
"""Samples from the axis outwards that tell whether there is metal at all: 0.45 mm."""
_BEYOND_MM = 30.0
"""How far past a run's ends they are looked for."""

EndKind = Literal["tip", "joint", "edge"]


@dataclass(frozen=True, slots=True)
class Edge:
    """How metal's edge is read: it lies ``shift_mm`` inside the place where HU falls through ``level_hu``."""

    level_hu: float
    shift_mm: float


@dataclass(frozen=True, slots=True)
class End:
    """Where a run ends, mm along its line, and how: the metal stops, widens for good, or leaves the scan."""

    kind: EndKind
    t_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """A straight shaft before it is named.

    Parameters
    ----------
    line : Line
        Its axis.
    ends : tuple of End
        At the line's low and high end.
    radius_mm : float
        At the level of metal.
    plateau_hu : float
        Median HU on its axis, or titanium's where that is clipped.
    thread_mm : float
        How much the radius wavers along it, standard deviation.
    taper_mm : tuple of float
        How much the radius falls towards each end.
    out_of_round : float
        Relative waver of the radius round the axis.
    """

    line: Line
    ends: tuple[End, End]
    radius_mm: float
    plateau_hu: float
    thread_mm: float
    taper_mm: tuple[float, float]
    out_of_round: float

    @property
    def length_mm(self) -> float:
        """From end to end."""
        return self.ends[1].t_mm - self.ends[0].t_mm

    def end_lps(self, index: int) -> Array:
        """Position of the low (0) or high (1) end."""
        return self.line.at(self.ends[index].t_mm)

    @property
    def joints(self) -> int:
        """How many of its ends run into other metal."""
        return sum(e.kind == "joint" for e in self.ends)


@dataclass(frozen=True, slots=True)
class Brightness:
    """What the search needs to know of the metal's brightness."""

    level_hu: float
    plateau_hu: float
    is_clipped: bool


def trace(sampler: Sampler, whole: Line, bright: Brightness) -> Traced:
    """Fit a run's axis to its sections' centroids, then walk to both ends.

    Parameters
    ----------
    sampler : Sampler
        The CT round the piece of metal.
    whole : Line
        The run as it was found.
    bright : Brightness
        The metal's level and plateau.

    Returns
    -------
    Traced
    """
    half = 0.42 * (whole.high - whole.low)
    middle = whole.point + 0.5 * (whole.low + whole.high) * whole.direction
    line = _fit_axis(sampler, Line(middle, whole.direction, -half, half), 3.0, bright.level_hu)
    own = _own_level(sampler, line, bright)
    radius, _ = _walk(sampler, line, own.level_hu)
    # narrow: the next screw may be 1 mm away
    line = _fit_axis(sampler, line, max(1.2, radius - 0.4), own.level_hu)
    radius, ends = _walk(sampler, line, own.level_hu)
    thread, taper, out_of_round = _shape(sampler, line, ends, own)
    return Traced(line, ends, radius, own.plateau_hu, thread, taper, out_of_round)


def _own_level(sampler: Sampler, line: Line, bright: Brightness) -> Brightness:
    """Half of the shaft's own plateau: cobalt-chrome and titanium may stand side by side."""
    if bright.is_clipped:
        return bright
    t = np.arange(line.low, line.high, 0.5)
    plateau = float(np.median(sampler.at(line.at(t))))
    if plateau < 1.5 * bright.plateau_hu and plateau > bright.plateau_hu / 1.5:
        return bright
    return Brightness(max(bright.level_hu, 0.5 * plateau), plateau, is_clipped=False)


def _fit_axis(sampler: Sampler, line: Line, radius_mm: float, level_hu: float) -> Line:
    p, d, low, high = line.point, line.direction, line.low, line.high
    reach = radius_mm + 1.5
    s = np.arange(-reach, reach + 1e-6, 0.3)
    disc = np.hypot(s[:, None], s[None, :]) < reach
    for _ in range(4):
        u, v = perpendicular_pair(d)
        t = np.arange(low, high, 0.5)
        sections = sampler.at(p + t[:, None, None, None] * d + s[:, None, None] * u + s[None, :, None] * v)
        share = np.clip((sections - 0.25 * level_hu) / (0.75 * level_hu), 0, 1) * disc
        mass = np.maximum(share.sum((1, 2)), 1e-6)
        x, y = (share * s[:, None]).sum((1, 2)) / mass, (share * s[None, :]).sum((1, 2)) / mass
        ok = (mass * 0.09 > 0.4 * np.pi * min(radius_mm, 2.0) ** 2) & (np.hypot(x, y) < 1.5)
        if ok.sum() < 6:
            break
        middle = float(t[ok].mean())
        (x0, x1), (y0, y1) = _robust_line(t[ok] - middle, x[ok]), _robust_line(t[ok] - middle, y[ok])
        p, d = p + middle * d + x0 * u + y0 * v, unit(d + x1 * u + y1 * v)
        low, high = low - middle, high - middle
        if max(abs(x0), abs(y0)) < 5e-3 and max(abs(x1), abs(y1)) < 5e-4:
            break
    return Line(p, d, low, high)


def _robust_line(t: Array, y: Array) -> tuple[float, float]:
    """Fit a line that far points hardly pull: weights of the soft L1 loss, at a scale of 0.15 mm."""
    weight = np.ones_like(t)
    base, slope = float(np.median(y)), 0.0
    for _ in range(8):
        total = weight.sum()
        tm, ym = float((weight * t).sum() / total), float((weight * y).sum() / total)
        slope = float((weight * (t - tm) * (y - ym)).sum() / max(float((weight * (t - tm) ** 2).sum()), 1e-9))
        base = ym - slope * tm
        weight = 1.0 / np.sqrt(1.0 + ((y - base - slope * t) / 0.15) ** 2)
    return base, slope


def radial_profiles(sampler: Sampler, line: Line, along: Array) -> Floats:
    """HU on 36 rays square to a line at each place along it, shape (places, 36, radii)."""
    u, v = perpendicular_pair(line.direction)
    turn = np.arange(36) * np.pi / 18
    radial = np.cos(turn)[:, None] * u + np.sin(turn)[:, None] * v
    return sampler.at(line.at(along)[:, None, None] + _RADII_MM[None, None, :, None] * radial[None, :, None])


def _walk(sampler: Sampler, line: Line, level_hu: float) -> tuple[float, tuple[End, End]]:
    t = np.arange(line.low - _BEYOND_MM, line.high + _BEYOND_MM, 0.25)
    profiles = radial_profiles(sampler, line, t)
    radius = first_fall(profiles, level_hu, step_mm=_STEP_MM)
    margin = 0.15 * (line.high - line.low)
    own = float(np.median(np.median(radius, 1)[(t > line.low + margin) & (t < line.high - margin)]))
    gone = (np.median(radius, 1) <= 0.05) | (profiles[:, :, :_CORE_CELLS].mean((1, 2)) < level_hu)
    wide = radius.mean(1) > 1.3 * own + 0.6
    outside = ~sampler.grid.contains(line.at(t))
    middle = int(np.argmin(np.abs(t - 0.5 * (line.low + line.high))))
    return own, (_end(t, gone, wide, outside, middle, -1), _end(t, gone, wide, outside, middle, 1))


def _end(
    t: Array,
    gone: npt.NDArray[np.bool_],
    wide: npt.NDArray[np.bool_],
    outside: npt.NDArray[np.bool_],
    middle: int,
    step: int,
) -> End:
    i = middle
    while 0 < i < len(t) - 1:
        i += step
        if outside[i]:
            return End("edge", float(t[i]))
        if gone[i]:
            return End("tip", float(t[i]))
        if wide[i] and wide[min(max(i + 4 * step, 0), len(t) - 1)]:
            return End("joint", float(t[i]))
    return End("edge", float(t[i]))


def _shape(
    sampler: Sampler, line: Line, ends: tuple[End, End], bright: Brightness
) -> tuple[float, tuple[float, float], float]:
    """Thread, taper towards both ends, and roundness, all from the radius at the metal's level."""
    low, high = ends[0].t_mm, ends[1].t_mm
    t = np.arange(low + 0.5, high - 0.5, 0.25)
    if len(t) < 12:
        return 0.0, (0.0, 0.0), 1.0
    radius = first_fall(radial_profiles(sampler, line, t), bright.level_hu, step_mm=_STEP_MM)
    mean, inner = radius.mean(1), (t > low + 5.0) & (t < high - 5.0)
    if inner.sum() < 12:
        inner = np.ones(len(t), dtype=bool)
    own = float(np.median(mean[inner]))
    # a helix lifts one side of a section after the other: waver of single rays about their running mean
    local = radius[inner] - ndimage.uniform_filter1d(radius[inner], 13, axis=0, mode="nearest")
    thread = float(np.median(local.std(0)))
    taper = own - float(mean[t < low + 2.0].mean()), own - float(mean[t > high - 2.0].mean())
    averaged = ndimage.uniform_filter1d(radius, 13, axis=0, mode="nearest")[inner]
    return thread, taper, float(np.median(averaged.std(1))) / max(own, 1e-6)


def rod_blur_mm(sampler: Sampler, rod: Traced) -> float:
    """Measure the scan's blur by fitting a blurred disc to a rod's mean radial profile.

    Parameters
    ----------
    sampler : Sampler
        The CT round the rod.
    rod : Traced
        The rod.

    Returns
    -------
    float
        Standard deviation in the plane square to the rod, mm.

    Notes
    -----
    A disc of radius R blurred by a Gaussian is the noncentral chi-square law with two degrees of freedom at
    (R / sigma)^2 and noncentrality (r / sigma)^2.
    """
    use = _RADII_MM < 6
    along = np.arange(rod.ends[0].t_mm + 1, rod.ends[1].t_mm - 1, 0.5)
    mean = np.median(radial_profiles(sampler, rod.line, along).mean(0), 0)[use]
    r, top = _RADII_MM[use], rod.plateau_hu

    def misfit(b: Array) -> Array:
        return np.asarray(b[0] * chndtr((b[1] / b[2]) ** 2, 2, (r / b[2]) ** 2) + b[3] - mean)

    bounds = ([0.7 * top, 1.2, 0.2, -500], [1.5 * top, 5, 1.2, 900])
    return float(least_squares(misfit, [top, 2.75, 0.5, 100], x_scale=[1000, 0.1, 0.1, 100], bounds=bounds).x[2])


def thread_diameters_mm(
    sampler: Sampler, screw: Traced, *, head_is_high: bool, sigma_mm: float, config: ImplantConfig
) -> tuple[float, float]:
    """Measure the diameter over the thread and that of the core.

    Parameters
    ----------
    sampler : Sampler
        The CT round the screw.
    screw : Traced
        The screw.
    head_is_high : bool
        Whether its head is at the high end of its line.
    sigma_mm : float
        The scan's blur.
    config : ImplantConfig
        Where the crest is read.

    Returns
    -------
    outer_mm, core_mm : float
    """
    trim = (6.0, 2.5) if head_is_high else (2.5, 6.0)  # the tulip's bloom, and the taper of the tip
    t = np.arange(screw.ends[0].t_mm + trim[0], screw.ends[1].t_mm - trim[1], 0.25)
    level = config.flank_share * screw.plateau_hu
    radius = first_fall(radial_profiles(sampler, screw.line, t), level, step_mm=_STEP_MM)
    radius = radius[np.abs(radius - np.median(radius)) < 1.2]  # a neighbour or cortex that runs into the bloom
    shift = -float(ndtri(config.flank_share)) * sigma_mm
    outer, core = (2 * (float(np.percentile(radius, q)) - shift) for q in (95, 5))
    return outer, core


def cone_beyond_mm(sampler: Sampler, screw: Traced, *, tip_is_high: bool, level_hu: float) -> float:
    """Measure how far a pointed tip goes on beyond the place where the metal fades.

    Parameters
    ----------
    sampler : Sampler
        The CT round the screw.
    screw : Traced
        The screw.
    tip_is_high : bool
        Whether its tip is at the high end of its line.
    level_hu : float
        What lies above it is metal.

    Returns
    -------
    float
        0 where the nose is blunt or round; at most 1.2 mm.

    Notes
    -----
    The radius of a cone falls evenly towards the tip, that of a round nose as the root of the distance. The one that
    fits the radii between a third and nine tenths of the shaft's is taken.
    """
    end = screw.ends[1 if tip_is_high else 0].t_mm
    back = np.arange(0.25, 8.0, 0.25)
    places = end - back if tip_is_high else end + back
    radius = first_fall(radial_profiles(sampler, screw.line, places), level_hu, step_mm=_STEP_MM).mean(1)
    whole = float(np.median(radius[back > 5.0]))
    # a thread makes the radius waver further up: only the nose's own fall counts
    stop = int(np.argmax(radius > 0.9 * whole)) if (radius > 0.9 * whole).any() else len(radius)
    use = (np.arange(len(radius)) < stop) & (radius > 0.33 * whole)
    if use.sum() < 5:
        return 0.0
    cone, root = (np.polyfit(back[use], radius[use] ** power, 1, full=True)[:2] for power in (1, 2))
    cone_misfit = float(cone[1].sum()) / whole**2
    root_misfit = float(root[1].sum()) / whole**4 / 4  # d(r^2) = 2 r dr
    if cone_misfit > 0.6 * root_misfit or cone[0][0] <= 0:
        return 0.0
    return float(np.clip(cone[0][1] / cone[0][0], 0.0, 1.2))


def rod_ends(sampler: Sampler, rod: Traced, level_hu: float) -> tuple[Array, Array]:
    """Follow a rod's axis through the tulips until the metal stops for more than 1 mm.

    Parameters
    ----------
    sampler : Sampler
        The CT round the rod.
    rod : Traced
        The rod.
    level_hu : float
        What lies above it is metal.

    Returns
    -------
    low_lps, high_lps : ndarray, shape (3,)
    """
    reach = float(np.linalg.norm(sampler.grid.corners_lps[0] - sampler.grid.corners_lps[-1]))
    half = np.arange(0.0, reach, 0.5)
    t = np.r_[-half[:0:-1], half]
    start = 0.5 * (rod.ends[0].t_mm + rod.ends[1].t_mm)
    places = rod.line.at(start + t)
    inside = (sampler.at(places) > level_hu) & sampler.grid.contains(places)
    labels, _ = ndimage.label(ndimage.binary_closing(inside, structure=np.ones(3)))
    own = labels[len(t) // 2]
    run = start + t[labels == own] if own else np.array([rod.ends[0].t_mm, rod.ends[1].t_mm])
    return rod.line.at(run[0]), rod.line.at(run[-1])
