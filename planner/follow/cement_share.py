"""How much of each voxel new cement fills: by mixing, not by counting."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from planner.config.delivered_cement_config import DeliveredCementConfig
from planner.follow.carried import Bools, Floats
from planner.follow.metal_bloom import Bloom, Scene
from planner.geometry.distance import distance_mm
from planner.geometry.grid import Grid

_LEAST_CONTRAST_HU = 300.0
"""Where old cement or cortex leaves cement less contrast, a share would be noise."""


@dataclass(frozen=True, slots=True, eq=False)
class CementShare:
    """The share of new cement in each voxel.

    Parameters
    ----------
    share : ndarray of float32
        0 to 1; in hidden voxels that of their neighbours, in metal 0.
    read : ndarray of bool
        Where it was read, and not told from neighbours.
    hu : float or None
        What pure new cement reads; None where there is none, or only films too thin to say.
    spread : float
        Of that HU, 90 %.
    """

    share: Floats
    read: Bools
    hu: float | None
    spread: float


def sure_cement(seen: Scene, config: DeliveredCementConfig) -> Bools:
    """Say where new cement is sure, clear of all metal's bloom: shape of the late working grid."""
    rise = np.nan_to_num(seen.late_hu - seen.before_hu, nan=0.0)
    away = distance_mm(seen.metal, seen.grid.spacing_mm, reach_mm=config.bloom_mm + 0.5)
    bright = (rise > config.seed_hu) & (away > config.bloom_mm)
    return _large(bright, seen.grid, config.least_piece_ml)


def cement_share(seen: Scene, bloom: Bloom, config: DeliveredCementConfig) -> CementShare:
    """Tell how much of each voxel new cement fills.

    Parameters
    ----------
    seen : Scene
        Both CTs on the late working grid.
    bloom : Bloom
        What metal adds.
    config : DeliveredCementConfig
        The settings.

    Returns
    -------
    CementShare

    Notes
    -----
    A voxel that cement fills in part reads the mean of what lay there before and of cement, each by its share: sums
    over an edge keep the volume whatever the blur. What pure cement reads is taken place by place, for beams harden.
    """
    clear = seen.late_hu - bloom.added_hu
    read = np.isfinite(clear) & np.isfinite(seen.before_hu) & ~bloom.metal & ~bloom.hidden
    rise = np.where(read, clear - seen.before_hu, 0.0).astype(np.float32)
    bright = _large(read & (rise > config.seed_hu), seen.grid, config.least_piece_ml)
    zero = np.zeros(seen.grid.shape, dtype=np.float32)
    if not bright.any():
        return CementShare(zero, read, None, config.hu_spread)
    pure = _pure(clear, bright, bloom, seen.grid, config)
    undimmed = _undimmed(clear, bright, pure, bloom, seen, config)
    hu, spread = _level(undimmed, bright, pure, config)
    level = _local_level(undimmed, pure, hu, seen.grid, config)
    contrast = level - seen.before_hu
    share = np.where(read & (contrast > _LEAST_CONTRAST_HU), rise / np.maximum(contrast, _LEAST_CONTRAST_HU), 0.0)
    seeds = _large(share > 0.5, seen.grid, config.least_piece_ml)
    near = distance_mm(seeds, seen.grid.spacing_mm, reach_mm=config.grown_mm + 0.5) <= config.grown_mm
    share = np.where(near & (share > config.least_share), np.clip(share, 0.0, 1.0), 0.0).astype(np.float32)
    told = hu if pure.any() else None
    return CementShare(_with_hidden(share, read, bloom, seen, config), read, told, spread)


def _with_hidden(share: Floats, read: Bools, bloom: Bloom, seen: Scene, config: DeliveredCementConfig) -> Floats:
    """Give hidden voxels the share of the nearest that is read, in gaps of the nearest in a gap."""
    hidden = bloom.hidden & np.isfinite(seen.before_hu) & (bloom.away_mm <= config.bloom_mm)
    if not hidden.any() or not (share > 0).any():
        return share
    out = share.copy()
    in_gap = seen.gap > 0.5
    for here in (in_gap, ~in_gap):
        source, wanted = read & here, hidden & here
        if not source.any() or not wanted.any():
            continue
        away, at = ndi.distance_transform_edt(~source, sampling=seen.grid.spacing_mm, return_indices=True)
        wanted &= away <= config.bloom_mm
        out[wanted] = share[tuple(axis[wanted] for axis in at)]
    return out


def _pure(clear: Floats, bright: Bools, bloom: Bloom, grid: Grid, config: DeliveredCementConfig) -> Bools:
    """Find voxels that hold nothing but cement: deep below its half height, and away from metal."""
    half = 0.5 * float(np.percentile(clear[bright], 90))
    solid = bright & (clear > half)
    deep = distance_mm(~solid, grid.spacing_mm, reach_mm=config.interior_mm + 2.0) > config.interior_mm
    return np.asarray(solid & deep & (bloom.added_hu < 0.1 * config.hidden_above_hu))


def _undimmed(
    clear: Floats, bright: Bools, pure: Bools, bloom: Bloom, seen: Scene, config: DeliveredCementConfig
) -> Floats:
    """Take off what blur takes from the middle of thin cement, by the shape that is seen of it."""
    if not pure.any():
        return clear
    half = 0.5 * float(np.percentile(clear[pure], 90))
    beside = distance_mm(bright, seen.grid.spacing_mm, reach_mm=config.bloom_mm + 0.5) <= config.bloom_mm
    solid = (bright & (clear > half)) | (bloom.hidden & beside)
    sigma = [config.blur_mm / step for step in seen.grid.spacing_mm]
    full = np.clip(ndi.gaussian_filter(solid.astype(np.float32), sigma), 0.8, 1.0)
    before = np.nan_to_num(seen.before_hu)
    return np.where(pure, before + (clear - before) / full, clear).astype(np.float32)


def _level(clear: Floats, bright: Bools, pure: Bools, config: DeliveredCementConfig) -> tuple[float, float]:
    """Tell what cement reads, and how far that may err."""
    if np.count_nonzero(pure) >= 8:
        return float(np.median(clear[pure])), config.hu_spread
    return max(config.assumed_hu, float(np.percentile(clear[bright], 95))), config.assumed_hu_spread


def _local_level(clear: Floats, pure: Bools, hu: float, grid: Grid, config: DeliveredCementConfig) -> Floats:
    if np.count_nonzero(pure) < 8:
        return np.full(grid.shape, hu, dtype=np.float32)
    sigma = [config.local_mm / step for step in grid.spacing_mm]
    weight = ndi.gaussian_filter(pure.astype(np.float32), sigma, truncate=3.0)
    total = ndi.gaussian_filter(np.where(pure, clear - hu, 0.0).astype(np.float32), sigma, truncate=3.0)
    return np.asarray(hu + total / (weight + config.local_weight), dtype=np.float32)


def _large(mask: Bools, grid: Grid, least_ml: float) -> Bools:
    """Leave out pieces that are too small."""
    labels, count = ndi.label(mask, structure=np.ones((3, 3, 3), dtype=bool))
    if not count:
        return mask
    size_ml = np.bincount(labels.ravel(), minlength=count + 1) * grid.voxel_volume_mm3 / 1000.0
    keep = size_ml >= least_ml
    keep[0] = False
    return np.asarray(keep[labels])
