"""Thickness of the cortex all over a bone's surface, to less than a voxel, from the CT along the surface's normals."""

from dataclasses import dataclass

import edt
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from planner.config.anatomy_config import CortexConfig
from planner.geometry.frames import Array, PointsLps
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.anatomy.wall_fit import WallFit, fit_walls
from planner.segment.anatomy.windows import shrunk
from planner.segment.blocks import block_round
from planner.segment.interpolation import interpolated
from planner.segment.smoothing import smoothed
from planner.segment.upright import Bools, Floats

_STEP_MM, _OUTSIDE_MM, _READ_TO_MM = 0.2, 2.0, 4.0
_NORMAL_MM = 1.2
"""The surface's direction is that of the envelope smoothed over this."""
_NORMAL_TRUNCATE = 3.0
"""Standard deviations after which that Gaussian is cut off."""
_LINEAR = 1.0 / 6.0
"""Reading between voxels adds this share of their edge squared to the blur's variance, a slice's width half as much."""
_DENSITIES_HU = (400.0, 500.0, 620.0, 760.0, 920.0, 1100.0, 1300.0, 1550.0)
_BLURS_MM = (0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85)
_BLUR_TRIED, _DENSITY_TRIED = 300, 1200
"""Places at which blur and density are tried out."""
_AS_GOOD = 1.03
"""A wall's curvature, and normals a little off, look like more blur: of those that fit as well the least is taken.
Tuned on two spine phantoms and one hip phantom, where the best fit lay 0.05 to 0.15 mm too high."""
DEFAULT = CortexConfig()


@dataclass(frozen=True, slots=True, eq=False)
class Cortex:
    """The cortex at places of bones' surface.

    Parameters
    ----------
    points_lps : PointsLps, shape (N, 3)
        On the outer face where it was measured, on the envelope's border elsewhere.
    outward_lps : ndarray, shape (N, 3)
        Unit normals.
    thickness_mm : ndarray, shape (N,)
        nan where it was not measured.
    density_hu : ndarray, shape (N,)
        What the cortex was taken to read without blur.
    blur_mm : float or None
        Standard deviation of the scan's blur within slices; None where nothing was measured.
    thinnest_mm : float
        A thinner wall is not measured: where a wall was looked for in vain it may be thinner than this, or missing.
    """

    points_lps: PointsLps
    outward_lps: Array
    thickness_mm: Array
    density_hu: Array
    blur_mm: float | None
    thinnest_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    points: Array
    outward: Array
    profiles: Array
    depth: Array


def measure_cortex(
    volume: Volume,
    bone: Mask,
    *,
    metal: Mask | None = None,
    config: CortexConfig = DEFAULT,
    monitor: Monitor = SILENT,
) -> Cortex:
    """Measure the cortex of bones.

    Parameters
    ----------
    volume : Volume
        The original CT.
    bone : Mask
        Envelope of one or more bones, on a grid whose voxels are nearly cubes; the outer face is looked for beside it.
    metal : Mask or None
        All metal, on any grid.
    config : CortexConfig
        Settings.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    Cortex

    Raises
    ------
    CancelledError
        If the monitor says stop.

    Notes
    -----
    Blur and density are the scan's own: those at which what is left by the fits is least, the blur for the whole scan,
    the density for each region, as a vertebral body's wall is less dense than its arch.
    """
    monitor.report(Progress("measuring cortex"))
    points, outward = _surface(bone, config.spacing_mm)
    places = _read(volume, points, outward, metal, config)
    check_cancelled(monitor)
    if not len(points):
        nothing = np.zeros((0, 3))
        return Cortex(PointsLps(nothing), nothing, np.zeros(0), np.zeros(0), None, 0.0)
    blur, density = _blur_and_density(volume.grid, places, config)
    check_cancelled(monitor)
    across = _blur_along(volume.grid, places.outward, blur)
    fit = fit_walls(places.profiles, places.depth, across, density)
    known = _known(fit, density, across, config)
    moved = np.where(known, fit.face_mm, 0.0)
    return Cortex(
        points_lps=PointsLps(points - moved[:, None] * outward),
        outward_lps=outward,
        thickness_mm=np.where(known, fit.thickness_mm, np.nan),
        density_hu=density,
        blur_mm=blur if known.any() else None,
        thinnest_mm=config.thinnest_blurs * float(np.median(across)),
    )


def _known(fit: WallFit, density_hu: Array, blur_mm: Array, config: CortexConfig) -> Array:
    """Say where a wall explains what is read, and stands out of what the fit leaves."""
    with np.errstate(invalid="ignore"):
        # a thin wall's height, blurred
        height = np.minimum(1.0, fit.thickness_mm / (np.sqrt(2.0 * np.pi) * blur_mm))
        rise = height * (density_hu - np.maximum(fit.outer_hu, fit.inner_hu))
        fits = (fit.error_hu < config.most_left * density_hu) & (rise > config.least_rise * fit.error_hu)
        thick = fit.thickness_mm >= config.thinnest_blurs * blur_mm
    return np.asarray(fits & thick & np.isfinite(fit.error_hu))


def _surface(bone: Mask, spacing_mm: float) -> tuple[Array, Array]:
    """Give places on a mask's border, about so far apart, and the outward normals; shape (N, 3) each."""
    edge = np.array(bone.grid.spacing_mm)
    # all that is asked of the mask lies as near to it as the Gaussian reaches
    block = block_round(bone.voxels, int(_NORMAL_TRUNCATE * _NORMAL_MM / edge.min() + 0.5) + 2)
    if block is None:
        return np.zeros((0, 3)), np.zeros((0, 3))
    corner = np.array([b.start for b in block])
    index = _rim(bone.voxels, block)
    if not len(index):
        return np.zeros((0, 3)), np.zeros((0, 3))
    soft = smoothed(bone.voxels[block].astype(np.float32), list(_NORMAL_MM / edge), truncate=_NORMAL_TRUNCATE)
    slope, there = _slope_at(soft, index - corner, edge), soft[tuple((index - corner).T)]
    steep = np.linalg.norm(slope, axis=1)
    kept = steep > 1e-3
    index, slope, steep, there = index[kept], slope[kept], steep[kept], there[kept]
    outward = -(slope / steep[:, None]) @ bone.grid.directions_lps.T
    # from the voxel's centre to where the smoothed mask is a half
    points = bone.grid.to_lps(index) + (np.clip((there - 0.5) / steep, -edge.max(), edge.max()))[:, None] * outward
    first = _first_of_each(np.floor(points / spacing_mm).astype(np.int64))
    return np.asarray(points[first]), np.asarray(outward[first])


def _rim(bone: Bools, block: tuple[slice, slice, slice]) -> npt.NDArray[np.intp]:
    """Give the voxels at a mask's border, shape (N, 3), in order; where the picture cuts the bone is no surface."""
    solid = bone[block]
    rim = solid & ~shrunk(solid, goes_on=True)
    for axis, (of, size) in enumerate(zip(block, bone.shape, strict=True)):
        across = np.moveaxis(rim, axis, 0)
        if of.start == 0:
            across[0] = False
        if of.stop == size:
            across[-1] = False
    return np.asarray(np.argwhere(rim) + [b.start for b in block])


def _slope_at(values: Floats, index: npt.NDArray[np.intp], edge_mm: Array) -> Floats:
    """Give the slope along each axis at voxels that lie at no border, shape (N, 3); as `numpy.gradient` has it."""
    strides = (values.shape[1] * values.shape[2], values.shape[2], 1)
    flat, at = values.ravel(), np.ravel_multi_index(tuple(index.T), values.shape)
    steps = [(flat[at + s] - flat[at - s]) / (2.0 * edge) for s, edge in zip(strides, edge_mm, strict=True)]
    return np.asarray(np.stack(steps, axis=-1), dtype=np.float32)


def _first_of_each(cells: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """Give the first row in each cell, in order; cells have shape (N, 3)."""
    if not len(cells):
        return np.zeros(0, dtype=np.intp)
    low = cells.min(axis=0)
    _, first = np.unique(np.ravel_multi_index(tuple((cells - low).T), cells.max(axis=0) - low + 1), return_index=True)
    return np.asarray(np.sort(first))


def _read(volume: Volume, points: Array, outward: Array, metal: Mask | None, config: CortexConfig) -> _Places:
    depth = np.arange(-_OUTSIDE_MM, config.deepest_mm + _STEP_MM / 2, _STEP_MM)
    if not len(points):
        return _Places(points, outward, np.zeros((0, len(depth))), depth)
    at = points[:, None, :] - depth[None, :, None] * outward[:, None, :]
    index = volume.grid.to_index(at.reshape(-1, 3))
    profiles = interpolated(volume.hu, index, outside=np.nan).reshape(len(points), len(depth)).astype(np.float64)
    if metal is not None and metal.voxels.any():
        # metal is most often on the CT's own grid
        if not np.array_equal(metal.grid.lps_from_index, volume.grid.lps_from_index):
            index = metal.grid.to_index(at.reshape(-1, 3))
        near = near_metal(metal, index, config.bloom_mm).reshape(profiles.shape)
        # behind metal nothing is this wall's
        profiles[np.logical_or.accumulate(near & (depth >= 0.0), axis=1) | near] = np.nan
    return _Places(points, outward, profiles, depth)


def near_metal(metal: Mask, index: Array, reach_mm: float) -> Bools:
    """Say which places lie near metal.

    Parameters
    ----------
    metal : Mask
        All metal.
    index : ndarray, shape (N, 3)
        The places in the mask's voxels; one beyond its grid counts as the nearest one within.
    reach_mm : float
        How near, from the middle of the next voxel of metal.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    grid = metal.grid
    # a place between voxels is read from those round it: farther off none of them is near
    z, y, x = (int(np.ceil(reach_mm / s)) + 2 for s in grid.spacing_mm)
    block = block_round(metal.voxels, (z, y, x))
    near = np.zeros(len(index), dtype=bool)
    if block is None:
        return near
    index = np.clip(index, 0.0, np.array(grid.shape) - 1.0)
    low, high = np.array([b.start for b in block]), np.array([b.stop - 1 for b in block])
    beside = np.flatnonzero(np.all((index >= low) & (index <= high), axis=1))
    away = edt.edt(~metal.voxels[block], anisotropy=grid.spacing_mm, black_border=False, parallel=2)
    near[beside] = interpolated(np.asarray(away), index[beside] - low) <= reach_mm
    return near


def _blur_along(grid: Grid, directions: Array, blur_mm: float) -> Array:
    """Give the blur's standard deviation along directions, shape (N, 3)."""
    along = directions @ grid.directions_lps
    edges = np.array(grid.spacing_mm)
    variance = np.array([0.0, blur_mm**2, blur_mm**2]) + _LINEAR * edges**2
    # a slice is as thick as slices are apart
    variance[0] += edges[0] ** 2 / 12.0
    return np.asarray(np.sqrt(along**2 @ variance))


def _blur_and_density(grid: Grid, places: _Places, config: CortexConfig) -> tuple[float, Array]:
    """Find the scan's blur, and the cortex's density region by region."""
    whole = np.flatnonzero(np.isfinite(places.profiles[:, places.depth <= _READ_TO_MM]).all(axis=1))
    if not len(whole):
        whole = np.arange(len(places.points))
    some = whole[:: max(1, len(whole) // _BLUR_TRIED)]
    few = _DENSITIES_HU[::2]
    left = [float(_left_by_region(grid, places, some, b, few, config).min(axis=1).mean()) for b in _BLURS_MM]
    blur = _least_as_good(np.array(left))
    tried = whole[:: max(1, len(whole) // _DENSITY_TRIED)]
    density = _least(_left_by_region(grid, places, tried, blur, _DENSITIES_HU, config))
    _, nearest = cKDTree(places.points[tried]).query(places.points)
    return blur, density[nearest]


def _least_as_good(left: Array) -> float:
    """Give the least blur that fits nearly as well as the best, between those that were tried."""
    limit = _AS_GOOD * float(left.min())
    first = int(np.argmax(left <= limit))
    if first == 0:
        return _BLURS_MM[0]
    share = (left[first - 1] - limit) / max(float(left[first - 1] - left[first]), 1e-9)
    return float(_BLURS_MM[first - 1] + share * (_BLURS_MM[first] - _BLURS_MM[first - 1]))


def _left_by_region(
    grid: Grid,
    places: _Places,
    tried: npt.NDArray[np.intp],
    blur_mm: float,
    densities_hu: tuple[float, ...],
    config: CortexConfig,
) -> Array:
    """Give what the fits leave, for each place's surroundings and each density, shape (N, len(densities_hu))."""
    points, profiles = places.points[tried], places.profiles[tried]
    _, around = cKDTree(points).query(points, k=min(config.neighbours, len(tried)))
    across = _blur_along(grid, places.outward[tried], blur_mm)
    fits = [fit_walls(profiles, places.depth, across, np.full(len(tried), d)).error_hu for d in densities_hu]
    left = np.stack(fits, axis=-1)
    left = np.minimum(np.where(np.isfinite(left), left, np.inf), config.worst_hu)
    return np.asarray(left[np.reshape(around, (len(tried), -1))].mean(axis=1))


def _least(region: Array) -> Array:
    """Give the density of least error, between the tried ones by a parabola through three."""
    log = np.log(_DENSITIES_HU)
    k = np.clip(region.argmin(axis=1), 1, len(log) - 2)
    row = np.arange(len(region))
    a, b, c = (region[row, k + d] for d in (-1, 0, 1))
    bend = a - 2 * b + c
    shift = np.where(bend > 1e-9, 0.5 * (a - c) / np.maximum(bend, 1e-9), 0.0)
    step = log[k + 1] - log[k]
    return np.asarray(np.exp(log[k] + np.clip(shift, -1.0, 1.0) * step))
