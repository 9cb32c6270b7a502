"""Cement round a stem: its mantle, and the column below its tip."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.hardware_config import MantleConfig
from planner.geometry.frames import Array, unit
from planner.geometry.grid import Grid
from planner.geometry.rigid import perpendicular_pair
from planner.model.implant import Implant
from planner.model.volume import Mask, Volume
from planner.segment.implants.metal import Metal
from planner.segment.implants.own_level import points_inside
from planner.segment.implants.parts import ImplantPart
from planner.segment.implants.pieces import bare_record
from planner.segment.unwrap import sampler_round
from planner.segment.upright import Bools, resample, upright_grid

_STEP_MM = 0.3
_ROW_MM = 1.0
_ANGLES = 48
_FARTHEST_MM = 32.0
_EDGE_MM = 0.8

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Unrolled:
    """The CT read along rays square to a stem's axis, from above its shoulder to below its tip.

    Parameters
    ----------
    top_lps, axis, across : ndarray, shape (3,), (3,), (2, 3)
        Where the first row starts, the way down, and two directions across.
    hu : ndarray, shape (rows, angles, samples)
        What the rays read.
    surface_mm : ndarray, shape (rows, angles)
        Where each ray leaves the metal, from the axis; 0 below the tip.
    tip_row : int
        The first row without metal.
    """

    top_lps: Array
    axis: Array
    across: Array
    hu: Floats
    surface_mm: Floats
    tip_row: int


def find_mantles(
    volume: Volume, metal: Metal, parts: Sequence[ImplantPart], config: MantleConfig
) -> tuple[ImplantPart, ...]:
    """Find the cement of the stems that lie in it.

    Parameters
    ----------
    volume : Volume
        The original CT.
    metal : Metal
        Its metal.
    parts : sequence of ImplantPart
        What was told so far; stems are looked at.
    config : MantleConfig
        Sizes and thresholds.

    Returns
    -------
    tuple of ImplantPart
        "cement-stem-right", ... on upright working grids; none for a stem without a column of cement below its tip
        (none was laid, the tip is beyond the scan, or it cannot be told).

    Notes
    -----
    Whether a stem lies in cement is told below its tip, where no metal blooms: cement fills the canal's middle for
    some millimetres, marrow or a pedestal of bone does not. The column gives the cement's own HU. The mantle is then
    read on profiles from the metal's surface outwards, averaged with their neighbours: it ends half-way down to the
    first dark layer (a lucent line or cancellous bone). Where cement and cortex touch without one, the thickness is
    taken from told places close by, else nothing is said there. What lies in the metal's bloom counts as metal, so
    that the volume is rather too small.
    """
    found = []
    for part in parts:
        if part.record.kind == "femoral_stem" and part.record.axis is not None:
            made = _cement_of(volume, metal, part.record, config)
            if made is not None:
                found.append(made)
    return tuple(found)


def unroll(volume: Volume, metal: Metal, stem: Implant, config: MantleConfig) -> Unrolled | None:
    """Read the CT round a stem.

    Parameters
    ----------
    volume, metal : Volume, Metal
        The CT and its metal.
    stem : Implant
        The stem.
    config : MantleConfig
        How far below the tip is read.

    Returns
    -------
    Unrolled or None
        None where the stem has no axis, or its tip is not in the scan with room below.
    """
    if stem.axis is None:
        return None
    top, tip = np.array(stem.axis.head_lps), np.array(stem.axis.tip_lps)
    axis = unit(tip - top)
    if not volume.grid.contains(tip + config.least_column_mm * 2.0 * axis):
        return None
    length = float(np.linalg.norm(tip - top))
    rows = np.arange(0.0, length + config.column_reach_mm, _ROW_MM)
    turn = np.arange(_ANGLES) * (2.0 * np.pi / _ANGLES)
    across = np.stack(perpendicular_pair(axis))
    rays = np.cos(turn)[:, None] * across[0] + np.sin(turn)[:, None] * across[1]
    rho = np.arange(0.0, _FARTHEST_MM, _STEP_MM)
    points = top + rows[:, None, None, None] * axis + rho[None, None, :, None] * rays[None, :, None]
    sampler = sampler_round(volume.hu, volume.grid, points[::8, ::6].reshape(-1, 3), margin_mm=6.0)
    hu = np.asarray(sampler.at(points), dtype=np.float64)
    hu[~volume.grid.contains(points.reshape(-1, 3)).reshape(hu.shape)] = np.nan
    piece = metal.piece_along(points_inside(stem))
    bright = hu > (metal.level_hu if piece is None else metal.piece_level_hu(piece))
    # the last step of the metal that the axis lies in; the neck or a screw farther out is another piece
    stays = np.cumprod(bright, axis=-1).sum(axis=-1)
    has_metal = (stays > 0).mean(axis=1) > 0.5
    tip_row = int(np.flatnonzero(has_metal).max()) + 1 if has_metal.any() else 0
    return Unrolled(top, axis, across, hu, np.maximum(stays - 0.5, 0.0) * _STEP_MM, tip_row)


def cement_hu(seen: Unrolled, config: MantleConfig) -> float | None:
    """Read the HU of the cement below a stem's tip.

    Parameters
    ----------
    seen : Unrolled
        The CT round the stem.
    config : MantleConfig
        What counts as cement.

    Returns
    -------
    float or None
        None where no cement fills the canal's middle there, or where soft tissue is so near on one side that it may
        be a cortex that the tip runs into.
    """
    first = seen.tip_row + round(config.tip_clear_mm / _ROW_MM)
    rows = slice(first, first + round(config.least_column_mm / _ROW_MM))
    middle = seen.hu[rows, :, : round(config.column_radius_mm / _STEP_MM)]
    if not middle.size or not np.isfinite(middle).all():
        return None
    inside = float(np.median(middle))
    low = float(np.percentile(middle, 5))
    if not config.least_hu <= inside <= config.greatest_hu or low < config.evenness * inside:
        return None
    soft = seen.hu[rows] < config.soft_hu
    nearest = np.where(soft.any(axis=-1), soft.argmax(axis=-1), soft.shape[-1]) * _STEP_MM
    # marrow beside a column is soft too; bone must come again behind it
    behind = _bone_beyond(seen.hu[rows], nearest, config)
    bare = (nearest < config.least_wall_mm) & ~behind
    return None if float(bare.mean()) > config.most_bare_share else inside


def mantle_mm(seen: Unrolled, inside_hu: float, config: MantleConfig) -> Floats:
    """Measure how far cement reaches beyond the metal's surface.

    Parameters
    ----------
    seen : Unrolled
        The CT round the stem.
    inside_hu : float
        The cement's HU.
    config : MantleConfig
        What counts as its edge.

    Returns
    -------
    ndarray, shape (rows, angles)
        Thickness, mm, and below the tip the radius; 0 below the column, NaN where it cannot be told.
    """
    reach = config.greatest_mantle_mm + config.wall_reach_mm
    first = np.ceil(seen.surface_mm / _STEP_MM).astype(int)
    x = first[..., None] + np.arange(round(reach / _STEP_MM))
    profile = np.take_along_axis(seen.hu, np.minimum(x, seen.hu.shape[-1] - 1), axis=-1)
    profile = np.where((x < seen.hu.shape[-1]) & np.isfinite(profile), profile, -1000.0)
    smooth = _smoothed(profile, seen.surface_mm, config)
    from_axis = np.arange(len(seen.hu)) >= seen.tip_row
    edge = np.full(seen.surface_mm.shape, np.nan)
    for row, angle in np.ndindex(*edge.shape):
        edge[row, angle] = _edge_mm(smooth[row, angle], inside_hu, config, in_bloom=not from_axis[row])
    column = smooth[:, :, : round(config.column_radius_mm / _STEP_MM)].mean(axis=(1, 2))
    ends = np.flatnonzero(from_axis & (column < config.column_share * inside_hu))
    below = np.arange(len(edge)) >= (int(ends[0]) if len(ends) else len(edge))
    edge[below] = 0.0
    above = edge.copy()
    above[from_axis] = np.nan
    filled = np.where(from_axis[:, None], _from_neighbours(np.where(from_axis[:, None], edge, np.nan), config),
                      _from_neighbours(above, config))  # fmt: skip
    filled[below] = 0.0
    return filled


def _bone_beyond(hu: Floats, nearest_mm: Floats, config: MantleConfig) -> Bools:
    far = np.arange(hu.shape[-1]) * _STEP_MM
    beyond = (far > nearest_mm[..., None]) & (far < nearest_mm[..., None] + config.wall_reach_mm)
    return np.asarray(((hu > config.cortex_hu) & beyond).any(axis=-1))


def _smoothed(profile: Floats, surface_mm: Floats, config: MantleConfig) -> Floats:
    """Average aligned profiles with their neighbours' along and round the stem."""
    in_metal = surface_mm[surface_mm > 0]
    radius = max(float(np.median(in_metal)), 3.0) if in_metal.size else 3.0
    cell = radius * 2.0 * np.pi / _ANGLES
    out = ndimage.gaussian_filter1d(profile, config.average_mm / _ROW_MM, axis=0, mode="nearest")
    return np.asarray(ndimage.gaussian_filter1d(out, config.average_mm / cell, axis=1, mode="wrap"))


def _edge_mm(profile: Floats, inside_hu: float, config: MantleConfig, *, in_bloom: bool) -> float:
    """Where a profile has fallen half-way to its first dark layer; NaN where that cannot be told.

    That is: where none comes before the end of the bone, where the metal's own fall runs into it without a plateau
    (a mantle so thin is hidden, and so is a missing one), or where the fall is as slow as that of a flare of metal.
    """
    start = int(np.argmax(profile < config.bloom_share * inside_hu)) if in_bloom else 0
    dark = np.flatnonzero(profile[start:] < inside_hu - config.least_fall_hu)
    if not len(dark):
        return float("nan")
    rest = profile[start + int(dark[0]) :]
    # down to where the profile rises again: a cortex must follow, or the dark lies outside the bone
    turns = np.flatnonzero(np.diff(rest) > 0)
    if not len(turns) or rest[int(turns[0]) :].max() < config.cortex_hu:
        return float("nan")
    # hardening darkens cement beside metal; blur fills a narrow line
    local = min(inside_hu, float(np.median(profile[start : start + int(dark[0]) + 1])))
    floor = float(rest[int(turns[0])])
    half = 0.5 * (local + config.lucent_hu)
    half = half if floor < half else 0.5 * (local + floor)
    at = start + int(np.argmax(profile[start:] < half))
    if at == 0:
        return 0.0
    slope = float(profile[at - 1] - profile[at]) / _STEP_MM
    if slope < config.least_steepness_per_mm * (local - floor):
        return float("nan")
    part = (profile[at - 1] - half) / max(profile[at - 1] - profile[at], 1.0)
    edge = at - 1 + float(np.clip(part, 0.0, 1.0))
    if in_bloom:
        if (edge - start) * _STEP_MM < config.least_plateau_mm:
            return float("nan")
        edge += 0.5
    return edge * _STEP_MM if edge * _STEP_MM <= config.greatest_mantle_mm else float("nan")


def _from_neighbours(edge: Floats, config: MantleConfig) -> Floats:
    """Fill untold cells from told ones close by."""
    told = np.isfinite(edge)
    sigma = (config.neighbour_mm / _ROW_MM, config.neighbour_mm / 1.0)
    weight = ndimage.gaussian_filter(told.astype(np.float64), sigma, mode=("nearest", "wrap"))
    total = ndimage.gaussian_filter(np.where(told, edge, 0.0), sigma, mode=("nearest", "wrap"))
    return np.where(told, edge, np.where(weight > config.least_told_share, total / np.maximum(weight, 1e-9), np.nan))


def _cement_of(volume: Volume, metal: Metal, stem: Implant, config: MantleConfig) -> ImplantPart | None:
    seen = unroll(volume, metal, stem, config)
    inside = None if seen is None else cement_hu(seen, config)
    if seen is None or inside is None:
        return None
    thick = mantle_mm(seen, inside, config)
    grid, voxels = _painted(volume, metal, seen, thick)
    if not voxels.any():
        return None
    told = np.isfinite(thick[: seen.tip_row]).mean() if seen.tip_row else 0.0
    mask = Mask(grid, voxels)
    name = "cement-stem" if stem.side is None else f"cement-stem-{stem.side}"
    centre = np.asarray(grid.to_lps(np.argwhere(voxels))).mean(axis=0)
    measured = mask.volume_ml if told >= config.least_told_mantle else None
    record = bare_record(name, "cement", centre, volume_ml=measured, material="pmma")
    return ImplantPart(record.model_copy(update={"side": stem.side}), mask)


def _painted(volume: Volume, metal: Metal, seen: Unrolled, thick_mm: Floats) -> tuple[Grid, Bools]:
    rows = len(thick_mm)
    bottom = seen.top_lps + rows * _ROW_MM * seen.axis
    reach = np.nanmax(np.where(np.isfinite(thick_mm), thick_mm, 0.0) + seen.surface_mm) + 2.0
    box = np.stack([np.minimum(seen.top_lps, bottom) - reach, np.maximum(seen.top_lps, bottom) + reach])
    grid = upright_grid(volume.grid, _EDGE_MM, box)
    cells = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), -1).reshape(-1, 3)
    from_top = np.asarray(grid.to_lps(cells)) - seen.top_lps
    row = np.round(from_top @ seen.axis / _ROW_MM).astype(int)
    x, y = from_top @ seen.across[0], from_top @ seen.across[1]
    angle = np.round(np.arctan2(y, x) / (2.0 * np.pi / _ANGLES)).astype(int) % _ANGLES
    rho = np.hypot(x, y)
    held = (row >= 0) & (row < rows)
    row = np.clip(row, 0, rows - 1)
    thick = np.nan_to_num(thick_mm, nan=0.0)[row, angle]
    inner = seen.surface_mm[row, angle]
    own = held & (thick > 0.0) & (rho >= inner) & (rho <= inner + thick)
    in_metal = resample(metal.mask.voxels, metal.mask.grid, grid) > 0.5
    return grid, np.asarray(own.reshape(grid.shape) & ~in_metal)
