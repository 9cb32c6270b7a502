"""A halo's wall on a shaft's unwrapped profiles: where HU rise, less what metal's bloom and thin rims do to that."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.special import ndtr

from planner.config.gap_config import HaloConfig
from planner.geometry.frames import Array
from planner.segment.unwrap import Cells, Fan, Floats, from_surface, smooth_cells

_FALL_MM = np.arange(-0.15, 0.46, 0.15)
"""Where metal's fall is read, from the crest: the thread's structure lies inside of it, bone and gaps outside."""
_DEEPEST_EDGE_MM = 1.5
"""Threads are at most so deep (makers' catalogues)."""
_BEYOND_MM = np.arange(1.6, 2.3, 0.1)
"""Where what lies round a screw is read free of its bloom: three blurs off the crest."""
_CELLS_MM = 1.0
"""Width over which neighbouring cells are averaged; thoracic case."""


@dataclass(frozen=True, slots=True)
class Bloom:
    """How metal shines beyond the thread's crest: as a blurred edge somewhat inside of it, for threads are thin.

    Parameters
    ----------
    height_hu : float
        Of the edge, over what lies round the screw.
    inside_mm : float
        How far inside the crest it lies.
    sigma_mm : float
        The scan's blur along the rays.
    """

    height_hu: float
    inside_mm: float
    sigma_mm: float


def bloom_of(profiles: Floats, radius_mm: float, rows: Cells, *, sigma_mm: float, plateau_hu: float) -> Bloom:
    """Read the metal's bloom off the screw's own profiles.

    Parameters
    ----------
    profiles : ndarray, shape (rows, angles, len(RHO_MM))
        HU along the fan's rays.
    radius_mm : float
        Of the shaft over its thread.
    rows : ndarray of bool, shape (rows,)
        Rows square to the shaft.
    sigma_mm : float
        The scan's blur along the rays.
    plateau_hu : float
        HU inside the metal, which the edge does not pass.

    Returns
    -------
    Bloom

    Notes
    -----
    The median fall near the crest is fitted with a blurred edge: the thread's share of metal, its alloy and the beam's
    hardening need not be known, and an error of the crest's radius does not matter.
    """
    chosen = profiles[rows]
    start = np.full(chosen.shape[:2], radius_mm)
    fall = np.median(from_surface(chosen, start, _FALL_MM), axis=(0, 1))
    fall = np.maximum(fall - np.median(from_surface(chosen, start, _BEYOND_MM)), 1.0)
    edges = np.arange(0.0, _DEEPEST_EDGE_MM, 0.01)
    shape = ndtr(-(_FALL_MM + edges[:, None]) / sigma_mm) / fall  # each place counts by its own size
    height = shape.sum(axis=1) / (shape**2).sum(axis=1)
    misfit = ((height[:, None] * shape - 1.0) ** 2).sum(axis=1)
    best = int(np.argmin(np.where(height <= max(plateau_hu, float(height[0])), misfit, np.inf)))
    return Bloom(float(height[best]), float(edges[best]), sigma_mm)


def metal_tail_hu(from_crest_mm: Array, bloom: Bloom) -> Array:
    """Give what the blurred thread adds at a distance from its crest, HU.

    Parameters
    ----------
    from_crest_mm : ndarray
        Distances, mm.
    bloom : Bloom
        Edge and blur.

    Returns
    -------
    ndarray
    """
    return np.asarray(bloom.height_hu * ndtr(-(from_crest_mm + bloom.inside_mm) / bloom.sigma_mm))


def half_height(
    profiles: Floats, fan: Fan, radius_mm: float, width: Array, lucent: Cells
) -> tuple[Array, Array, Cells]:
    """Shift a wall to the half height of its rise, on profiles straightened along it and averaged with neighbours.

    Parameters
    ----------
    profiles : ndarray, shape (rows, angles, len(RHO_MM))
        HU along the fan's rays.
    fan : Fan
        The rays.
    radius_mm : float
        Of the shaft over its thread.
    width, lucent : ndarray, shape (rows, angles)
        The wall so far.

    Returns
    -------
    shift_mm, rise_hu : ndarray, shape (rows, angles)
    read : ndarray of bool, shape (rows, angles)
        Where a rise was seen.
    """
    d = np.arange(-1.5, 1.51, 0.1)
    weight = lucent.astype(float)[..., None]
    straight = smooth_cells(from_surface(profiles, radius_mm + width, d) * weight, fan, _CELLS_MM, radius_mm + 1.5)
    straight = straight / np.maximum(smooth_cells(weight, fan, _CELLS_MM, radius_mm + 1.5), 1e-3)
    inner, outer = np.flatnonzero((d <= -0.2) & (d >= -1.2)), np.flatnonzero((d >= 0.2) & (d <= 1.2))
    at_low, at_high = inner[np.argmin(straight[..., inner], 2)], outer[np.argmax(straight[..., outer], 2)]
    low, high = straight[..., inner].min(2), straight[..., outer].max(2)
    half, k = (low + high) / 2, np.arange(len(d))
    past = (straight >= half[..., None]) & (k > at_low[..., None]) & (k <= at_high[..., None])
    b = np.argmax(past, axis=2)
    a = np.maximum(b - 1, 0)
    va, vb = (np.take_along_axis(straight, i[..., None], 2)[..., 0] for i in (a, b))
    place = d[a] + np.clip((half - va) / np.where(vb > va, vb - va, 1), 0, 1) * 0.1
    read = past.any(2) & (high - low > 40.0) & lucent
    trust = np.clip((high - low - 40.0) / 100.0, 0, 1) * read
    shift = smooth_cells(np.where(read, place, 0.0) * trust, fan, _CELLS_MM, radius_mm + 1.5)
    shift = shift / np.maximum(smooth_cells(trust, fan, _CELLS_MM, radius_mm + 1.5), 0.05)
    return np.where(lucent, shift, 0.0), np.where(read, high - low, 0.0), read


def rim_bias_mm(
    profiles: Floats, radius_mm: float, width: Array, read: Cells, *, bloom: Bloom, config: HaloConfig
) -> float:
    """Measure how far the true wall lies outside the half height: a blurred thin rim peaks too low.

    Parameters
    ----------
    profiles : ndarray, shape (rows, angles, len(RHO_MM))
        HU along the fan's rays.
    radius_mm : float
        Of the shaft over its thread.
    width : ndarray, shape (rows, angles)
        The gap's width.
    read : ndarray of bool, shape (rows, angles)
        Where the wall was seen.
    bloom : Bloom
        How metal shines beyond the crest.
    config : HaloConfig
        The rim's thickness.

    Returns
    -------
    float
        Negative in narrow gaps, where the thread's bloom lifts the floor; 0 where too little was seen.

    Notes
    -----
    The mean straightened profile is fitted with metal's tail | lucent | rim of finite thickness | bone.
    """
    if read.sum() < 60:
        return 0.0
    d = np.arange(-0.9, 2.6, 0.1)
    mean = np.median(from_surface(profiles, radius_mm + width, d)[read], axis=0)
    span = float(np.ptp(mean))
    # what the blurred thread can leave this near; it lifts the floor of narrow gaps and so the half height
    most = 20.0 + float(metal_tail_hu(np.median(width[read]) + d[0], bloom))

    def misfit(b: Array) -> Array:
        edge, low, up, down, rim, tail = b
        wall = up * ndtr((d - edge) / bloom.sigma_mm) - down * ndtr((d - edge - rim) / bloom.sigma_mm)
        model = low + wall + tail * np.exp(-(d + 0.9) / 0.35)
        return np.asarray(np.r_[model - mean, 0.08 * span * (rim - config.rim_mm) / 0.4])

    fit = least_squares(
        misfit,
        [0.05, mean[:9].min(), span, 0.3 * span, config.rim_mm, 0.5 * most],
        x_scale=[0.1, 50, 50, 50, 0.2, 50],
        bounds=([-0.4, -1e3, 0.0, 0.0, 0.4 * config.rim_mm, 0.0], [0.4, 2e3, 5e3, 5e3, 2.0 * config.rim_mm, most]),
    )
    return float(np.clip(fit.x[0], -0.25, 0.25))
