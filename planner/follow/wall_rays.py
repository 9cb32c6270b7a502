"""Rays from an implant's surface of the earlier CT through the gap's wall, read on both CTs."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from planner.config.width_change_config import WidthChangeConfig
from planner.follow.examined import Examined, ExaminedImplant
from planner.geometry.frames import Array, unit
from planner.model.unwrapped import Flags, UnwrappedMap
from planner.model.volume import Mask
from planner.segment.unwrap import sampler_round

_STEM_REACH_MM = 40.0
"""Half the widest stem, at its shoulder."""
_BEYOND_MM = 1.5
"""How much further than a wall may lie rays are read, for the bone behind it. Ours."""
_BESIDE_MM = (0.4, 1.6)
"""Between these distances from a wall its floor and its bone are read; one blur, and a sclerotic rim. Ours."""
_BONE_FROM_MM = 1.5
"""Bone's level is read this far behind the earlier wall, where a wall that moved a little has left it. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class WallRays:
    """Rays square to a shaft, in the earlier CT's frame.

    Parameters
    ----------
    starts_lps : ndarray, shape (rows, 3)
        On the axis.
    ways : ndarray, shape (columns, 3)
        Unit vectors square to it.
    metal_mm : ndarray, shape (rows, columns)
        Where each ray leaves the metal; NaN where it meets none.
    row_mm : float
        Distance between rows.
    """

    starts_lps: Array
    ways: Array
    metal_mm: Array
    row_mm: float

    def points_lps(self, radius_mm: Array) -> Array:
        """Give places at radii of shape (rows, columns, ...), LPS, shape (rows, columns, ..., 3)."""
        more = (1,) * (radius_mm.ndim - 2)
        starts = self.starts_lps.reshape(len(self.starts_lps), 1, *more, 3)
        ways = self.ways.reshape(1, len(self.ways), *more, 3)
        return np.asarray(starts + radius_mm[..., None] * ways)

    def area_mm2(self, radius_mm: Array) -> Array:
        """Area of each cell at a radius, shape (rows, columns)."""
        return np.asarray(np.nan_to_num(radius_mm) * 2.0 * np.pi / len(self.ways) * self.row_mm)


def rays_of(unwrapped: UnwrappedMap, implant: ExaminedImplant) -> WallRays | None:
    """Lay the rays of an unwrapped map, those round the tip left out.

    Parameters
    ----------
    unwrapped : UnwrappedMap
        The map.
    implant : ExaminedImplant
        Its implant.

    Returns
    -------
    WallRays or None
        None where the implant has no axis, or the map fewer than two rows beside the shaft.

    Notes
    -----
    Of a screw a ray leaves the metal at its thread's crest, as the map's widths begin there; of a stem where its mask
    ends.
    """
    axis = implant.record.axis
    along = unwrapped.along_mm[~unwrapped.is_tip]
    if axis is None or len(along) < 2:
        return None
    head = np.array(axis.head_lps)
    down = unit(np.array(axis.tip_lps) - head)
    starts = head + along[:, None] * down
    ways = np.stack([unwrapped.looks_lps(float(turn)) for turn in unwrapped.round_deg])
    shape = len(along), len(ways)
    if unwrapped.kind != "femoral_stem" and axis.diameter_mm is not None:
        metal = np.full(shape, axis.diameter_mm / 2.0)
    else:
        metal = _mask_end_mm(implant.mask, starts, ways)
    return WallRays(starts, ways, metal, float(np.median(np.diff(along))))


def _mask_end_mm(mask: Mask, starts: Array, ways: Array) -> Array:
    """Where rays first leave a mask; NaN for those that begin outside."""
    radii = np.arange(0.0, _STEM_REACH_MM, 0.2)
    ends = (starts[:, None] + _STEM_REACH_MM * ways).reshape(-1, 3)
    inside = sampler_round(mask.voxels, mask.grid, ends, margin_mm=2.0).on_rays(starts, ways, radii) > 0.5
    return np.where(inside[..., 0], radii[np.argmin(inside, axis=2)], np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """One CT read along rays.

    Parameters
    ----------
    hu : ndarray, shape (rows, columns, offsets)
        Neighbouring rays averaged.
    clear : ndarray of bool, shape (rows, columns, offsets)
        What may be read: inside the scan, away from metal, where artefacts let.
    """

    hu: Array
    clear: Flags


def offsets_mm(config: WidthChangeConfig) -> Array:
    """Give the places of samples, from the earlier wall outwards, mm."""
    return np.arange(-config.reach_mm, config.reach_mm + _BEYOND_MM + 1e-9, config.step_mm)


def read_rays(
    examined: Examined, rays: WallRays, wall_mm: Array, motion: Array, config: WidthChangeConfig, *, bone: Mask
) -> Readings:
    """Read one CT round the earlier wall.

    Parameters
    ----------
    examined : Examined
        The CT.
    rays : WallRays
        In the earlier CT's frame.
    wall_mm : ndarray, shape (rows, columns)
        The earlier wall's radius; NaN where there is none.
    motion : ndarray, shape (4, 4)
        The earlier CT's LPS to this one's.
    config : WidthChangeConfig
        The settings.
    bone : Mask
        The bone's envelope on the earlier CT; nothing is read out of it.

    Returns
    -------
    Readings
    """
    radius = np.nan_to_num(wall_mm)[..., None] + offsets_mm(config)
    home = rays.points_lps(radius)
    points = home @ motion[:3, :3].T + motion[:3, 3]
    ends = points[:, :, [0, -1]].reshape(-1, 3)
    hu = sampler_round(examined.ct.hu, examined.ct.grid, ends, margin_mm=3.0).at(points).astype(np.float64)
    metal = sampler_round(examined.metal.voxels, examined.metal.grid, ends, margin_mm=3.0).at(points) > 0.5
    near = max(1, round(config.bloom_mm / config.step_mm))
    metal = ndimage.binary_dilation(metal, np.ones((1, 1, 2 * near + 1), dtype=bool))
    home_ends = home[:, :, [0, -1]].reshape(-1, 3)
    inside = sampler_round(bone.voxels, bone.grid, home_ends, margin_mm=3.0).at(home) > 0.5
    clear = ~metal & inside & examined.ct.grid.contains(points) & np.isfinite(wall_mm)[..., None]
    clear &= radius > np.nan_to_num(rays.metal_mm, nan=np.inf)[..., None]
    if examined.trust is not None:
        clear &= examined.trust.trust_at(points) >= examined.trust.config.unreadable_below
    return Readings(*_averaged(hu, clear, rays, wall_mm, config))


def _averaged(
    hu: Array, clear: Flags, rays: WallRays, wall_mm: Array, config: WidthChangeConfig
) -> tuple[Array, Flags]:
    """Average what is clear over neighbouring rays."""
    known = wall_mm[np.isfinite(wall_mm)]
    arc = 2.0 * np.pi / len(rays.ways) * (float(np.median(known)) if len(known) else 4.0)
    sigma = [config.smooth_mm / rays.row_mm, config.smooth_mm / arc, 0.0]
    mode = ("nearest", "wrap", "nearest")
    weight = ndimage.gaussian_filter(clear.astype(np.float64), sigma, mode=mode, truncate=3.0)
    total = ndimage.gaussian_filter(np.where(clear, hu, 0.0), sigma, mode=mode, truncate=3.0)
    return np.asarray(total / np.maximum(weight, 1e-6)), clear & (weight > 0.2)


def walls_mm(readings: Readings, config: WidthChangeConfig) -> Array:
    """Find the wall on each ray: from a lucent gap to bone.

    Parameters
    ----------
    readings : Readings
        One CT.
    config : WidthChangeConfig
        The settings.

    Returns
    -------
    ndarray, shape (rows, columns)
        From the earlier wall, mm, outwards positive; NaN where none is seen.

    Notes
    -----
    The place that best parts what is darker than half way between gap and bone from what is brighter, neighbouring rays
    together; then the half height of each ray's own rise there, which another kernel's blur leaves where it is.
    """
    at = offsets_mm(config)
    seen = readings.hu[:, :, at > _BONE_FROM_MM][readings.clear[:, :, at > _BONE_FROM_MM]]
    shape = readings.hu.shape[:2]
    if len(seen) == 0 or float(np.median(seen)) - config.fibrous_hu < config.least_rise_hu:
        return np.full(shape, np.nan)
    half_rise = (float(np.median(seen)) - config.fibrous_hu) / 2.0
    over = np.clip(readings.hu - config.fibrous_hu - half_rise, -half_rise, half_rise)
    cost = np.cumsum(np.where(readings.clear, over, 0.0), axis=2)
    cost = ndimage.uniform_filter(cost, (3, 3, 1), mode=("nearest", "wrap", "nearest"))
    # before the first clear sample nothing tells a wall
    open_to = readings.clear & (np.abs(at) <= config.reach_mm)
    best = np.argmin(np.where(open_to, cost, np.inf), axis=2)
    return np.where(open_to.any(axis=2), _half_height(readings, at, best, config), np.nan)


def _half_height(readings: Readings, at: Array, best: Array, config: WidthChangeConfig) -> Array:
    """Where each ray rises through half way between its own gap and bone, nearest to a first guess."""
    wall = at[best]
    for _ in range(2):
        before, behind = wall[..., None] - at, at - wall[..., None]
        floor = _mean_of(readings, (before > _BESIDE_MM[0]) & (before < _BESIDE_MM[1]))
        bone = _mean_of(readings, (behind > _BESIDE_MM[0]) & (behind < _BESIDE_MM[1]))
        level = (floor + bone) / 2.0
        low, high = readings.hu[..., :-1], readings.hu[..., 1:]
        rises = (low < level[..., None]) & (high >= level[..., None])
        rises &= readings.clear[..., :-1] & readings.clear[..., 1:]
        place = at[:-1] + (level[..., None] - low) / np.maximum(high - low, 1e-6) * config.step_mm
        away = np.where(rises, np.abs(place - wall[..., None]), np.inf)
        k = np.argmin(away, axis=2)[..., None]
        found = np.take_along_axis(away, k, axis=2)[..., 0] < 1.0
        sure = found & (bone - floor >= config.least_rise_hu)
        wall = np.where(sure, np.take_along_axis(place, k, axis=2)[..., 0], np.nan)
    return np.where(np.abs(wall) < config.reach_mm - config.step_mm, wall, np.nan)


def _mean_of(readings: Readings, where: Flags) -> Array:
    """Mean of what is clear; NaN with fewer than two samples."""
    picked = where & readings.clear
    count = picked.sum(axis=2)
    return np.where(count >= 2, np.where(picked, readings.hu, 0.0).sum(axis=2) / np.maximum(count, 1), np.nan)
