"""Straight shafts in the metal: their axes, ends and diameters to sub-voxel."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.geometry.frames import Array
from planner.geometry.rigid import perpendicular_pair
from planner.segment.implants.axes import fit_axis, fit_blade_axis, in_and_across, slice_normal
from planner.segment.implants.straight_runs import Line
from planner.segment.unwrap import Floats, Sampler, first_fall

_STEP_MM = 0.15
RADII_MM: Array = np.arange(0.0, 9.0, _STEP_MM)
_BORE_CELLS = 12
"""Within so many samples of the axis, 1.65 mm, metal farther out fills a hole: bores for guide wires are 1-2 mm wide,
those of fenestrated screws up to 3 mm. No source that was read: ours."""
_RAYS = 36
_BLADE = 0.15
"""A shaft whose radius wavers by this share round it is no round one: a plate, a cage, or a blade of starved slices."""
_STEEP = 0.85
"""Cosine to the slices' normal over which a shaft has no rays that leave the slices."""
_ACROSS_DEG = 35.0
"""Rays this near to the slices' normal are read where starvation spreads within the slices. Ours, by eye."""
_MARGINS_MM: dict[str, float] = {"tip": 1.0, "joint": 5.0, "edge": 1.0}
"""How much of its ends does not count there: what blooms from a tulip would pull at it."""
_STUMP_MM, _STUMP_SHARE = (6.0, 14.0), 0.8
"""A shaft this short, and so much shorter than the run it was found by, is fitted again between its own ends. Ours."""
_STUMP_TRIM_MM: dict[str, float] = {"tip": 0.8, "joint": 1.5, "edge": 0.5}
_STUMP_MARGIN = 0.2
"""Share of a short shaft at each end that does not count for its form. Ours."""
_LEAST_BLADE_MM = 12.0
"""A blade shorter than this is not fitted from end to end."""
_NEAR_CEILING = 0.96
"""Share of the ceiling at which starved metal is centred: as high as noise allows. Best of three tried on two cases."""
_BEYOND_MM = 30.0
"""How far past a run's ends they are looked for."""

Bools = npt.NDArray[np.bool_]
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
    level_hu : float
        What lies above it is this shaft's metal.
    plateau_hu : float
        HU inside it, or titanium's where that is clipped.
    thread_mm : float
        How much the radius wavers along it, standard deviation.
    taper_mm : tuple of float
        How much the radius falls towards each end.
    out_of_round : float
        Relative waver of the radius round the axis.
    rays : ndarray of bool, shape (36,)
        The rays that were read: all, or those that leave the slices where starvation spreads within them.
    """

    line: Line
    ends: tuple[End, End]
    radius_mm: float
    level_hu: float
    plateau_hu: float
    thread_mm: float
    taper_mm: tuple[float, float]
    out_of_round: float
    rays: Bools

    @property
    def is_blade(self) -> bool:
        """Whether it is round only across the slices."""
        return not bool(self.rays.all())

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
    ceiling_hu: float | None = None

    @property
    def starved_hu(self) -> float:
        """What lies above it is starved: all but the ceiling where the scan is clipped, for that is narrowest."""
        if not self.is_clipped or self.ceiling_hu is None:
            return self.level_hu
        return max(self.level_hu, _NEAR_CEILING * self.ceiling_hu)


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
    line = fit_axis(sampler, Line(middle, whole.direction, -half, half), 3.0, bright.level_hu)
    own = _own_level(sampler, line, bright)
    every = np.ones(_RAYS, dtype=bool)
    radius, _ = _walk(sampler, line, own.level_hu, every)
    # narrow: the next screw may be 1 mm away
    line = fit_axis(sampler, line, max(1.2, radius - 0.4), own.level_hu)
    traced = _followed(sampler, line, own, every)
    is_short = _STUMP_MM[0] < traced.length_mm < min(_STUMP_MM[1], _STUMP_SHARE * (whole.high - whole.low))
    if is_short and traced.joints == 1:
        # the run went on into the tulip, and so did the fit
        low, high = traced.ends
        start, stop = low.t_mm + _STUMP_TRIM_MM[low.kind], high.t_mm - _STUMP_TRIM_MM[high.kind]
        line = fit_axis(sampler, Line(line.point, line.direction, start, stop), max(1.2, radius), own.level_hu)
        traced = _followed(sampler, line, own, every)
    if traced.out_of_round < _BLADE or abs(float(line.direction @ slice_normal(sampler))) > _STEEP:
        return traced
    line = fit_blade_axis(sampler, line, own.starved_hu)
    rays = rays_across(sampler, line.direction, within_deg=_ACROSS_DEG)
    if rays is None:
        return traced
    # again from end to end: the tip is roundest
    low, high = _followed(sampler, line, own, rays).ends
    start, stop = low.t_mm + _MARGINS_MM[low.kind], high.t_mm - _MARGINS_MM[high.kind]
    if stop - start > _LEAST_BLADE_MM:
        line = fit_blade_axis(sampler, Line(line.point, line.direction, start, stop), own.starved_hu)
    return _followed(sampler, line, own, rays)


def _followed(sampler: Sampler, line: Line, own: Brightness, rays: Bools) -> Traced:
    radius, ends = _walk(sampler, line, own.level_hu, rays)
    thread, taper, out_of_round = _shape(sampler, line, ends, own, rays)
    return Traced(line, ends, radius, own.level_hu, own.plateau_hu, thread, taper, out_of_round, rays)


def _own_level(sampler: Sampler, line: Line, bright: Brightness) -> Brightness:
    """Half of the shaft's own plateau: cobalt-chrome and titanium may stand side by side, and thin shafts are dim."""
    if bright.is_clipped:
        return bright
    t = np.arange(line.low, line.high, 0.5)
    inner = radial_profiles(sampler, line, t)[:, ::3, : _BORE_CELLS + 1]
    plateau = float(np.median(np.percentile(inner, 85, axis=(1, 2))))
    return Brightness(max(0.5 * bright.level_hu, 0.5 * plateau), plateau, is_clipped=False)


def rays_across(sampler: Sampler, direction: Array, *, within_deg: float) -> Bools | None:
    """Tell the rays square to a direction that leave the slices.

    Parameters
    ----------
    sampler : Sampler
        The CT.
    direction : ndarray, shape (3,)
        Of a shaft.
    within_deg : float
        How near to the slices' normal, or to what of it is square to the shaft, a ray must be.

    Returns
    -------
    ndarray of bool, shape (36,), or None
        None for a shaft that is too steep to have any.
    """
    if abs(float(direction @ slice_normal(sampler))) > _STEEP:
        return None
    u, v = perpendicular_pair(direction)
    _, across = in_and_across(sampler, direction)
    turn = np.arange(_RAYS) * 2 * np.pi / _RAYS
    lean = np.cos(turn) * float(u @ across) + np.sin(turn) * float(v @ across)
    return np.asarray(np.abs(lean) > np.cos(np.radians(within_deg)))


def radial_profiles(sampler: Sampler, line: Line, along: Array) -> Floats:
    """HU on 36 rays square to a line at each place along it, shape (places, 36, radii)."""
    u, v = perpendicular_pair(line.direction)
    turn = np.arange(_RAYS) * 2 * np.pi / _RAYS
    radial = np.cos(turn)[:, None] * u + np.sin(turn)[:, None] * v
    return sampler.on_rays(line.at(along), radial, RADII_MM)


def outer_fall(profiles: Floats, level_hu: float) -> Array:
    """Say where each ray leaves the metal, mm, passing over a bore on the axis; 0 where it meets none."""
    filled = profiles.copy()
    inner = filled[..., :_BORE_CELLS]
    inner[...] = np.maximum.accumulate(inner[..., ::-1], axis=-1)[..., ::-1]
    return first_fall(filled, level_hu, step_mm=_STEP_MM)


def _walk(sampler: Sampler, line: Line, level_hu: float, rays: Bools) -> tuple[float, tuple[End, End]]:
    t = np.arange(line.low - _BEYOND_MM, line.high + _BEYOND_MM, 0.25)
    radius = outer_fall(radial_profiles(sampler, line, t)[:, rays], level_hu)
    margin = 0.15 * (line.high - line.low)
    inner = np.median(radius, 1)[(t > line.low + margin) & (t < line.high - margin)]
    thin, own = (float(q) for q in np.percentile(inner, (25, 50)))
    # tulips that stand close together hide more than half of a rod
    own = thin if own > _wide_mm(thin) else own
    gone = np.median(radius, 1) <= 0.3
    wide = radius.mean(1) > _wide_mm(own)
    outside = ~sampler.grid.contains(line.at(t))
    free = np.where(gone | wide, np.inf, np.abs(t - 0.5 * (line.low + line.high)))
    middle = int(np.argmin(free if np.isfinite(free).any() else np.abs(t - 0.5 * (line.low + line.high))))
    return own, (_end(t, gone, wide, outside, middle, -1), _end(t, gone, wide, outside, middle, 1))


def _wide_mm(radius_mm: float) -> float:
    """Radius over which a shaft has widened into something else."""
    return 1.3 * radius_mm + 0.6


def _end(t: Array, gone: Bools, wide: Bools, outside: Bools, middle: int, step: int) -> End:
    i = middle
    while 0 < i < len(t) - 1:
        i += step
        if outside[i]:
            return End("edge", float(t[i]))
        if gone[i]:
            return End("tip", float(t[i]))
        if wide[i] and wide[min(max(i + 4 * step, 0), len(t) - 1)]:
            return End("joint", float(t[i]))
    # as thick as ever beyond what was looked at, and within the scan: it runs on into what is no run of its own
    return End("joint", float(t[i]))


def _shape(
    sampler: Sampler, line: Line, ends: tuple[End, End], bright: Brightness, rays: Bools
) -> tuple[float, tuple[float, float], float]:
    """Thread, taper towards both ends, and roundness, all from the radius at the metal's level."""
    low, high = ends[0].t_mm, ends[1].t_mm
    t = np.arange(low + 0.5, high - 0.5, 0.25)
    if len(t) < 12:
        return 0.0, (0.0, 0.0), 1.0
    radius = outer_fall(radial_profiles(sampler, line, t)[:, rays], bright.level_hu)
    mean, inner = radius.mean(1), (t > low + 5.0) & (t < high - 5.0)
    if inner.sum() < 12:
        # a stump: what widens into the tulip, or tapers, takes a greater share of it
        inner = (t > low + _STUMP_MARGIN * (high - low)) & (t < high - _STUMP_MARGIN * (high - low))
    if inner.sum() < 12:
        inner = np.ones(len(t), dtype=bool)
    own = float(np.median(mean[inner]))
    # a helix lifts one side of a section after the other: waver of single rays about their running mean
    local = radius[inner] - ndimage.uniform_filter1d(radius[inner], 13, axis=0, mode="nearest")
    thread = float(np.median(local.std(0)))
    taper = own - float(mean[t < low + 2.0].mean()), own - float(mean[t > high - 2.0].mean())
    averaged = ndimage.uniform_filter1d(radius, 13, axis=0, mode="nearest")[inner]
    return thread, taper, float(np.median(averaged.std(1))) / max(own, 1e-6)
