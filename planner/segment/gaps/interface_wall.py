"""The wall of a gap on an unwrapped interface: which cells are lucent, and how wide."""

import cc3d
import numpy as np
from scipy import ndimage
from scipy.special import ndtr

from planner.config.hip_config import HipGapConfig
from planner.geometry.frames import Array
from planner.segment.gaps.halo_surface import optimal_labels
from planner.segment.gaps.interface_rays import OFFSET_STEP_MM, OFFSETS_MM, Interface
from planner.segment.unwrap import Cells, Floats

_BLIND_MM = 0.75
"""Nearer to the metal its blur hides all else."""
_CAVITY_MM: Array = np.array([1.75, 2.5, 3.25, 4.0])
_CAVITY_PRICE = -0.9
"""A ray that is lucent all through these slabs looks into a cavity; price in rises, between a gap's best and none."""
_BLIND_SIGMAS, _LEAST_SIGMAS = 1.3, 2.2
"""The same in units of the blur, and the least width that the blur leaves to see; two real scans with 2.5 mm slices
showed false lines of 1 mm all round a firm cup without them."""
_BORDER_CELLS, _BORDER_PRICE = 2, 0.6
"""How far such a border reaches, and its price in rises; as round screws."""
_FLOOR_SHARE = 0.3
"""How much of a narrow gap's lifted floor is taken for its content; set on the hip phantom's 2 mm line."""


def find_lucent(interface: Interface, lumen_hu: float, config: HipGapConfig) -> tuple[Cells, Array, Cells]:
    """Find the lucent cells and where their wall stands.

    Parameters
    ----------
    interface : Interface
        The unwrapped interface.
    lumen_hu : float
        What lies below may be a gap's content.
    config : HipGapConfig
        The wall's prices.

    Returns
    -------
    lucent : ndarray of bool, shape (rows, angles)
    width_mm : ndarray, shape (rows, angles)
        Square to the metal; 0 where nothing is lucent, and no more than the metal's blur where `is_wide`.
    is_wide : ndarray of bool, shape (rows, angles)
        Without a wall nearby: a cavity, whose wall is looked for in 3D.
    """
    widths = np.arange(config.least_width_mm, config.greatest_width_mm, config.width_step_mm)
    price = _prices(interface, widths, lumen_hu, config)
    none = np.where(interface.in_bone, config.no_gap_price, config.no_gap_price - 3.0)
    labels = optimal_labels(np.concatenate([none[..., None], price], axis=2))
    # the averaging over cells eats a gap's borders: next to a patch that counts, a gap is believed more readily
    first = _large_patches((labels > 0) & interface.in_bone, interface.area_mm2(), config.least_patch_mm2)
    beside = ndimage.binary_dilation(first, iterations=_BORDER_CELLS)
    none = np.where(beside & interface.in_bone, config.no_gap_price + _BORDER_PRICE, none)
    labels = optimal_labels(np.concatenate([none[..., None], price], axis=2))
    lucent = (labels > 0) & interface.in_bone
    is_wide = lucent & (labels == len(widths) + 1)
    lucent = _large_patches(lucent, interface.area_mm2(), config.least_patch_mm2)
    coarse = np.r_[0.0, widths, _CAVITY_MM[0]][labels]
    width = np.where(is_wide, coarse, _edge(interface, coarse, config))
    return lucent, np.where(lucent, np.minimum(width, interface.limit_mm), 0.0), is_wide & lucent


def _prices(interface: Interface, widths: Array, lumen_hu: float, config: HipGapConfig) -> Array:
    """Price of each width, and last of a cavity, in rises; shape (rows, angles, widths + 1)."""
    p = interface.profiles
    sigma = interface.sigma_mm[..., None]
    blind = np.maximum(_BLIND_MM, _BLIND_SIGMAS * sigma)
    deepest = np.minimum.accumulate(np.where(blind <= OFFSETS_MM, p, 3000.0), axis=2)
    floor = deepest[..., np.rint(widths / OFFSET_STEP_MM).astype(int)]
    last = _window_means(p, np.maximum(_BLIND_MM, widths - 0.8), widths)
    beyond = _window_means(p, widths + 0.1, widths + 1.1)
    score = np.clip((beyond - (floor + last) / 2) / config.rise_hu, -0.6, 1.5)
    lag = round(1.0 / config.width_step_mm)
    earlier = np.zeros_like(score)
    earlier[..., lag:] = np.maximum.accumulate(np.clip(score, 0, 1), axis=2)[..., :-lag]
    price = 0.04 * widths - score + 0.6 * np.maximum(0, earlier - 0.3)
    # the wall's blur lifts the floor of a narrow gap
    lifted = np.clip(beyond, 0.0, 1000.0) * 2 * ndtr(-widths / (2 * sigma))
    price += _not_interface_tissue(floor, lumen_hu + lifted, floor, config)
    price += np.where(widths < _LEAST_SIGMAS * sigma, 2.0, 0.0)
    # beyond the envelope there is no wall of bone
    price += np.where(widths > interface.limit_mm[..., None] + 0.5, 2.0, 0.0)
    slabs = _window_means(p, _CAVITY_MM[:-1], _CAVITY_MM[1:])
    slabs = np.where(_CAVITY_MM[1:] > interface.limit_mm[..., None], config.fibrous_hu, slabs)
    hole = _CAVITY_PRICE + _not_interface_tissue(slabs.max(2), lumen_hu, slabs.min(2), config)
    hole += np.where(interface.limit_mm < _CAVITY_MM[1], 2.0, 0.0)
    return np.concatenate([price, hole[..., None]], axis=2)


def _not_interface_tissue(high_hu: Array, lumen_hu: Array | float, low_hu: Array, config: HipGapConfig) -> Array:
    """Price of what is as dense as bone or as light as fat."""
    dense = np.clip((high_hu - lumen_hu) / 30.0, 0.0, 3.0)
    light = np.clip((config.fat_hu - low_hu) / 30.0, 0.0, 3.0)
    return np.asarray(dense + light)


def _window_means(values: Floats, low_mm: Array, high_mm: Array) -> Array:
    total = np.concatenate([np.zeros((*values.shape[:2], 1)), np.cumsum(values, axis=2, dtype=np.float64)], axis=2)
    a = np.clip(np.rint(low_mm / OFFSET_STEP_MM).astype(int), 0, values.shape[2] - 1)
    b = np.maximum(np.clip(np.rint(high_mm / OFFSET_STEP_MM).astype(int), 0, values.shape[2]), a + 1)
    return np.asarray((total[..., b] - total[..., a]) / (b - a))


def _edge(interface: Interface, width: Array, config: HipGapConfig) -> Array:
    """Move the wall to where the rise has the ratio of height to slope that a blurred step has at its middle.

    The ratio asks for no plateau behind the wall, so that a thin rim before a denser cortex is found as well as a step.
    """
    p, k = interface.profiles, np.arange(len(OFFSETS_MM))
    lumen = (OFFSETS_MM >= _BLIND_MM) & (width[..., None] >= OFFSETS_MM)
    lowest = np.where(lumen, p, np.inf)
    deepest, at = lowest.min(2), lowest.argmin(2)
    # both walls' blur lifts the floor of a narrow gap above interface tissue
    floor = np.minimum(deepest, config.fibrous_hu + _FLOOR_SHARE * np.maximum(0.0, deepest - config.fibrous_hu))
    slope = np.gradient(p, OFFSET_STEP_MM, axis=2)
    excess = p - floor[..., None] - np.sqrt(np.pi / 2) * interface.sigma_mm[..., None] * slope
    near = (k > at[..., None]) & (np.abs(OFFSETS_MM - width[..., None]) < 1.5) & (slope > 0)
    past = near & (excess >= 0) & (p - floor[..., None] > 0.3 * config.rise_hu)
    b = np.argmax(past, axis=2)
    a = np.maximum(b - 1, 0)
    finite = np.where(np.isfinite(excess), excess, 0.0)
    ea, eb = (np.take_along_axis(finite, i[..., None], 2)[..., 0] for i in (a, b))
    share = np.clip(-ea / np.maximum(eb - ea, 1e-6), 0.0, 1.0)
    return np.asarray(np.where(past.any(2) & (width > 0), OFFSETS_MM[a] + share * OFFSET_STEP_MM, width))


def _large_patches(lucent: Cells, area_mm2: Array, least_mm2: float) -> Cells:
    """Drop patches too small to be told from noise; angles are cyclic."""
    twice = np.concatenate([lucent, lucent], axis=1)
    joined = ndimage.binary_closing(twice, np.ones((3, 3)))
    labels = cc3d.connected_components(joined[:, :, None].astype(np.uint8))[:, :, 0]
    sizes = np.bincount(labels.ravel(), weights=(np.concatenate([area_mm2, area_mm2], axis=1) * twice).ravel())
    sizes[0] = 0.0
    # seen twice, a patch over the seam is whole in the middle
    kept = (sizes >= least_mm2)[labels] & twice
    n = lucent.shape[1]
    return np.asarray((kept[:, :n] | kept[:, n:]) & lucent)
