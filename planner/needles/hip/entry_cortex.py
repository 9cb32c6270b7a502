"""How thick the cortex is where needles enter a hip's bone, from the CT along the surface's normal.

A thick wall is read at half its height. A thin one is blurred wider than it is: there a wall of known density, blurred,
is fitted (Treece 2010, doi 10.1016/j.media.2010.01.003); its density is what thick walls of the same scan read. A
thickness is told only where the two agree; what either reads as thin is told beside it, for needles to keep away.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.hip_way_config import HipWayConfig
from planner.geometry.cells import cells_in
from planner.geometry.frames import Array
from planner.model.anatomy import Anatomy
from planner.safety.clearance import sample, surface_normals
from planner.safety.fields import BONE, METAL, Fields
from planner.segment.anatomy.wall_fit import fit_walls

_STEP_MM = 0.2
_DEPTH_MM = np.arange(-2.5, 12.0 + _STEP_MM / 2, _STEP_MM)
_OUTSIDE = _DEPTH_MM < -1.2
_PEAK = (_DEPTH_MM > -2.0) & (_DEPTH_MM < 4.0)
_LEAST_PEAK_HU = 350.0
"""Less is no cortex: over the brightest cancellous bone (300 HU)."""
_NEAR_PEAK = 0.7
"""The first maximum of this share of the highest is the outer wall: what stands behind it is another. Ours."""
_INSIDE_HU = 100.0
"""What lies within a wall, for half its height: marrow to loose cancellous bone. Ours."""
_MOST_LEFT = 0.15
"""A fit that leaves more of the wall's density explains nothing. Ours."""
_FEWEST_THICK = 10
"""Thick walls whose median peak is taken for the cortex's density."""
_AGREE_MM, _BELOW_FIT_MM = 1.0, 0.3
"""Half height and fit agree within so much; a thin wall is never read so much thinner at half height than by the fit.
Ours: on nine simulated hips kept for tuning half height overstates walls of 1.2 mm by 0.7 mm, thick ones by nothing."""
_EACH, _BELOW_MM = 5, 1.0
"""Of the places all over the bone from which the density is read: each fifth voxel, so near below the surface."""


@dataclass(frozen=True, slots=True, eq=False)
class CortexReading:
    """The cortex at N entries.

    Parameters
    ----------
    thickness_mm : ndarray, shape (N,)
        Along the normal; NaN where it was not measured: beside metal, without a normal, where no wall stands out, its
        inner face is not seen, or two ways of reading it do not agree.
    least_mm : ndarray, shape (N,)
        The least that either way reads; NaN where neither reads anything. For refusals, which a doubt is enough for.
    """

    thickness_mm: Array
    least_mm: Array


def cortex_density_hu(anatomy: Anatomy, fields: Fields, *, config: HipWayConfig) -> float | None:
    """Tell what cortex reads without blur in a scan, from walls thick enough to show it.

    Parameters
    ----------
    anatomy : Anatomy
        The CT.
    fields : Fields
        Distances: of metal, and the bone's surface with its normals.
    config : HipWayConfig
        Metal's blooming, and from when a wall is thick.

    Returns
    -------
    float or None
        HU; None where the scan has too few thick walls away from metal.
    """
    width, peak = _at_half_height(_profiles(anatomy, fields, _surface(fields), config))
    thick = width >= config.thick_mm
    return float(np.median(peak[thick])) if np.count_nonzero(thick) >= _FEWEST_THICK else None


def cortex_at(
    anatomy: Anatomy, fields: Fields, entries_lps: Array, *, density_hu: float | None, config: HipWayConfig
) -> CortexReading:
    """Measure the cortex at entries into bone.

    Parameters
    ----------
    anatomy : Anatomy
        The CT.
    fields : Fields
        Distances: of metal, and the bone's surface with its normals.
    entries_lps : ndarray, shape (N, 3)
        On the bone's surface, LPS mm.
    density_hu : float or None
        What cortex reads without blur, from `cortex_density_hu`; None leaves all of it unknown.
    config : HipWayConfig
        Blur, metal's blooming, and from when a wall is thick.

    Returns
    -------
    CortexReading
    """
    count = len(entries_lps)
    if not count or density_hu is None:
        return CortexReading(np.full(count, np.nan), np.full(count, np.nan))
    profiles = _profiles(anatomy, fields, np.asarray(entries_lps), config)
    half, _ = _at_half_height(profiles)
    alike = np.ones(count)
    fit = fit_walls(profiles, _DEPTH_MM, config.blur_mm * alike, density_hu * alike)
    fits = np.isfinite(fit.error_hu) & (fit.error_hu < _MOST_LEFT * density_hu)
    fitted = np.where(fits, fit.thickness_mm, np.nan)
    with np.errstate(invalid="ignore"):
        thick = (half >= config.thick_mm) & (np.abs(half - fitted) <= _AGREE_MM)
        over = half - fitted
        thin = (half < config.thick_mm) & (fitted < config.thick_mm) & (over >= -_BELOW_FIT_MM) & (over <= _AGREE_MM)
    told = np.where(thick, half, np.where(thin, fitted, np.nan))
    return CortexReading(told, np.fmin(half, fitted))


def _surface(fields: Fields) -> Array:
    """Give places all over the bone's surface, far apart."""
    depth = fields.channels[::_EACH, ::_EACH, ::_EACH, BONE]
    index = _EACH * cells_in((depth >= 0.0) & (depth < _BELOW_MM))
    return np.asarray(fields.grid.to_lps(index), dtype=np.float64).reshape(-1, 3)


def _profiles(anatomy: Anatomy, fields: Fields, points: Array, config: HipWayConfig) -> Array:
    """Read the CT from outside to inside along the normals; NaN from metal on, and all of it without a normal."""
    inward = -surface_normals(fields, points)
    ways = points[:, None, :] + _DEPTH_MM[None, :, None] * np.nan_to_num(inward)[:, None, :]
    flat = ways.reshape(-1, 3)
    index = np.moveaxis(np.asarray(anatomy.grid.to_index(flat)), -1, 0)
    read = ndimage.map_coordinates(anatomy.ct.hu, index, order=1, mode="constant", cval=np.nan, output=np.float64)
    profiles = read.reshape(len(points), -1)
    metal = (sample(fields, flat, METAL) < config.wall_metal_mm).reshape(profiles.shape)
    profiles[np.logical_or.accumulate(metal, axis=1)] = np.nan
    profiles[~np.isfinite(inward).all(axis=1)] = np.nan
    return np.asarray(profiles)


def _at_half_height(profiles: Array) -> tuple[Array, Array]:
    """Give width and peak of each profile's outer wall; NaN where there is none, or its inner face is not seen."""
    with np.errstate(invalid="ignore"):
        rows = np.arange(len(profiles))
        seen = np.where(_PEAK, np.nan_to_num(profiles, nan=-np.inf), -np.inf)
        highest = seen.max(axis=1)
        top = np.zeros(profiles.shape, bool)
        top[:, 1:-1] = (seen[:, 1:-1] >= seen[:, :-2]) & (seen[:, 1:-1] >= seen[:, 2:])
        top &= seen > _NEAR_PEAK * highest[:, None]
        at = np.where(top.any(axis=1), top.argmax(axis=1), seen.argmax(axis=1))
        peak = profiles[rows, at]
        outside = np.nan_to_num(profiles[:, _OUTSIDE], nan=np.inf).mean(axis=1)
        steps = np.arange(profiles.shape[1])
        before = (profiles < (peak + outside)[:, None] / 2) & (steps < at[:, None])
        after = (profiles < (peak + _INSIDE_HU)[:, None] / 2) & (steps > at[:, None])
    face = np.where(before, steps, -1).max(axis=1)
    inner = after.argmax(axis=1)
    good = (highest > _LEAST_PEAK_HU) & (face >= 0) & after.any(axis=1) & _read_between(profiles, face, inner)
    return np.where(good, (inner - face - 1) * _STEP_MM, np.nan), np.where(good, peak, np.nan)


def _read_between(profiles: Array, first: npt.NDArray[np.intp], last: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    steps = np.arange(profiles.shape[1])
    within = (steps >= first[:, None]) & (steps <= last[:, None])
    return np.asarray(~(within & ~np.isfinite(profiles)).any(axis=1))
