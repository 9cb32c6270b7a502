"""Metal on both CTs, what its bloom adds beside it, and where that hides everything."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from planner.config.delivered_cement_config import DeliveredCementConfig
from planner.follow.carried import Bools, Carrier, Floats, carried_mask
from planner.follow.examined import Examined, RegisteredPair
from planner.geometry.distance import distance_mm
from planner.geometry.grid import Grid
from planner.model.volume import Mask
from planner.segment.blocks import block_round
from planner.segment.trust import TrustMap
from planner.segment.upright import resample

_ALL_METAL_HU = 8000.0
"""For want of a profile the brightest metal is taken: more is hidden than need be."""


@dataclass(frozen=True, slots=True, eq=False)
class Bloom:
    """What metal adds to its neighbourhood.

    Parameters
    ----------
    metal : ndarray of bool
        Metal of the later CT, on its working grid.
    away_mm : ndarray of float32
        Distance from it; infinite beyond its reach.
    added_hu : ndarray of float32
        What it is expected to add; 0 beyond its reach.
    hidden : ndarray of bool
        Where cement cannot be told for metal, its bloom or artefacts; without the metal itself.
    """

    metal: Bools
    away_mm: Floats
    added_hu: Floats
    hidden: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Both CTs on the late working grid.

    Parameters
    ----------
    grid : Grid
        The late working grid.
    late_hu, early_hu : ndarray of float32
        As scanned; NaN where nothing was.
    before_hu : ndarray of float32
        What lay there before: the earlier CT without its metal and the metal's bloom.
    gap : ndarray of float32
        Share of each voxel in any early gap, carried.
    metal, early_metal : ndarray of bool
        Metal of either CT; the earlier one's where its bone took it.
    untrusted : ndarray of bool
        Where artefacts of either CT are too strong.
    """

    grid: Grid
    late_hu: Floats
    early_hu: Floats
    before_hu: Floats
    gap: Floats
    metal: Bools
    early_metal: Bools
    untrusted: Bools


def solid_metal(examined: Examined, metal_hu: float) -> Mask:
    """Give the metal of a CT without cement that was taken for it.

    Parameters
    ----------
    examined : Examined
        One CT.
    metal_hu : float
        Brighter is metal.

    Returns
    -------
    Mask
        On the CT's grid.
    """
    grid = examined.ct.grid
    block = block_round(examined.metal.voxels, 4)
    solid = np.zeros(grid.shape, dtype=bool)
    if block is None:
        return Mask(grid, solid)
    hu = examined.ct.hu[block]
    # its edge lies at half of its own height; where it was clipped, at the least that metal reads
    size = [max(3, 2 * round(1.5 / step) + 1) for step in grid.spacing_mm]
    edge = np.maximum(metal_hu, 0.5 * ndi.maximum_filter(hu, size=size))
    solid[block] = examined.metal.voxels[block] & np.asarray(hu > edge)
    return Mask(grid, solid)


def scene(pair: RegisteredPair, carry: Carrier, late_hu: Floats, gap: Floats, config: DeliveredCementConfig) -> Scene:
    """Read what lay at each place of the later CT before.

    Parameters
    ----------
    pair : RegisteredPair
        The two CTs.
    carry : Carrier
        Through which motion each place is read.
    late_hu : ndarray of float32
        The later CT on its working grid.
    gap : ndarray of float32
        Share of each voxel in an early gap, carried.
    config : DeliveredCementConfig
        The settings.

    Returns
    -------
    Scene
    """
    grid = carry.grid
    early = carry.hu(pair.early.ct)
    early_metal = carry.mask(solid_metal(pair.early, config.metal_hu)) > 0.5
    metal = np.asarray(resample(*_own(solid_metal(pair.late, config.metal_hu)), grid) > 0.5)
    for name, motion in pair.implants.items():
        one = pair.early.implant(name)
        if one is not None and one.record.kind != "cement":
            metal |= carried_mask(one.mask, motion, grid) > 0.5
    spoilt = distance_mm(early_metal, grid.spacing_mm, reach_mm=config.bloom_mm + 0.5) <= config.bloom_mm
    spoilt |= early_metal
    untrusted = _untrusted(pair.late.trust, None, grid, config)
    untrusted |= _untrusted(pair.early.trust, carry, grid, config)
    return Scene(grid, late_hu, early, _before(early, spoilt, gap, config), gap, metal, early_metal, untrusted)


def bloom_of(seen: Scene, cement_mm: Floats, config: DeliveredCementConfig) -> Bloom:
    """Tell what the later CT's metal adds beside it.

    Parameters
    ----------
    seen : Scene
        Both CTs.
    cement_mm : ndarray of float32
        Distance from what is surely new cement.
    config : DeliveredCementConfig
        The settings.

    Returns
    -------
    Bloom

    Notes
    -----
    The profile over the distance from metal is the median of what was added, where the later CT shows no cement near
    by; where cement is everywhere, the earlier CT's round its own metal; else that of an edge of the brightest metal.
    """
    reach = config.bloom_mm + 0.5
    away = distance_mm(seen.metal, seen.grid.spacing_mm, reach_mm=reach)
    free = (cement_mm > config.bloom_far_mm) & ~seen.metal & ~seen.untrusted
    profile = _profile(seen.late_hu - seen.before_hu, away, free, config)
    if profile is None:
        early_away = distance_mm(seen.early_metal, seen.grid.spacing_mm, reach_mm=reach)
        profile = _profile(seen.early_hu - seen.before_hu, early_away, ~seen.early_metal, config)
    if profile is None:
        middles = (np.arange(round(config.bloom_mm / config.bloom_bin_mm)) + 0.5) * config.bloom_bin_mm
        edge = middles - 0.5 * min(seen.grid.spacing_mm)
        profile = np.asarray(_ALL_METAL_HU * _beyond(edge / max(config.blur_mm, 1e-3)), dtype=np.float32)
    middles = (np.arange(len(profile)) + 0.5) * config.bloom_bin_mm
    near = np.isfinite(away) & (away <= config.bloom_mm)
    added = np.zeros(away.shape, dtype=np.float32)
    added[near] = np.interp(away[near], middles, profile)
    hidden = ((added > config.hidden_above_hu) | seen.untrusted) & ~seen.metal
    return Bloom(seen.metal, away, added, hidden)


def _profile(added: Floats, away: Floats, free: Bools, config: DeliveredCementConfig) -> npt.NDArray[np.float32] | None:
    use = free & (away > 0) & (away <= config.bloom_mm) & np.isfinite(added)
    if np.count_nonzero(use) < config.least_profile_voxels:
        return None
    count = round(config.bloom_mm / config.bloom_bin_mm)
    place = np.minimum((away[use] / config.bloom_bin_mm).astype(np.intp), count - 1)
    values = added[use]
    found = np.full(count, np.nan)
    for k in range(count):
        if np.count_nonzero(place == k) >= 10:
            found[k] = max(0.0, float(np.median(values[place == k])))
    told = np.flatnonzero(np.isfinite(found))
    if not len(told):
        return None
    filled = np.interp(np.arange(count), told, found[told])
    # bloom never grows with distance
    return np.asarray(np.maximum.accumulate(filled[::-1])[::-1], dtype=np.float32)


def _beyond(deviations: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Share of a normal law beyond so many deviations."""
    return np.asarray(0.5 * (1.0 - np.tanh(0.7978846 * (deviations + 0.044715 * deviations**3))))


def _before(early: Floats, spoilt: Bools, gap: Floats, config: DeliveredCementConfig) -> Floats:
    """Give the earlier CT with its metal's place filled in: a gap's own HU in gaps, else the nearest that is read."""
    out = early.copy()
    measured = np.isfinite(early)
    holes = spoilt & measured
    if not holes.any():
        return out
    readable = measured & ~spoilt
    if readable.any():
        at = ndi.distance_transform_edt(~readable, return_distances=False, return_indices=True)
        out[holes] = early[tuple(axis[holes] for axis in at)]
    # old cement beside metal stays
    empty = holes & (gap > 0.5) & (out < config.seed_hu)
    clear = readable & (gap > 0.9) & (early < config.seed_hu)
    out[empty] = np.median(early[clear]) if np.count_nonzero(clear) > 20 else config.gap_hu
    return out


def _untrusted(trust: TrustMap | None, carry: Carrier | None, grid: Grid, config: DeliveredCementConfig) -> Bools:
    if trust is None:
        return np.zeros(grid.shape, dtype=bool)
    bad = Mask(trust.grid, np.asarray(trust.error_hu > config.untrusted_hu))
    return np.asarray((carry.mask(bad) if carry is not None else resample(bad.voxels, bad.grid, grid)) > 0.5)


def _own(mask: Mask) -> tuple[Bools, Grid]:
    return mask.voxels, mask.grid
