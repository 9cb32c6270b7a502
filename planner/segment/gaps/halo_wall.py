"""Reading a halo's wall on a shaft's unwrapped profiles: which cells are lucent, and how wide."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.optimize import least_squares
from scipy.special import ndtr

from planner.config.gap_config import HaloConfig
from planner.geometry.frames import Array
from planner.segment.gaps.halo_surface import optimal_labels
from planner.segment.unwrap import RHO_MM, Cells, Fan, Floats, from_surface, smooth_cells

_FALL_MM = np.arange(-0.15, 0.46, 0.15)
"""Where metal's fall is read, from the crest: the thread's structure lies inside of it, bone and gaps outside."""
_DEEPEST_EDGE_MM = 1.5
"""Threads are at most so deep (makers' catalogues)."""
_BEYOND_MM = np.arange(1.6, 2.3, 0.1)
"""Where what lies round a screw is read free of its bloom: three blurs off the crest."""
_CELLS_MM = 1.0
"""Width over which neighbouring cells are averaged; thoracic case."""


def candidate_widths_mm(config: HaloConfig) -> Array:
    """Give the widths that are tried, mm.

    Parameters
    ----------
    config : HaloConfig
        Least, greatest and step.

    Returns
    -------
    ndarray, shape (labels,)
    """
    return np.arange(config.least_width_mm, config.greatest_width_mm, config.width_step_mm)


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


def find_wall(
    profiles: Floats, fan: Fan, radius_mm: float, in_bone: Cells, *, cancellous_hu: float, bloom: Bloom,
    config: HaloConfig,
) -> tuple[Cells, Array]:  # fmt: skip
    """Find the cells with a gap and the gap's width, to a step of the candidate widths.

    Parameters
    ----------
    profiles : ndarray, shape (rows, angles, len(RHO_MM))
        HU along the fan's rays.
    fan : Fan
        The rays.
    radius_mm : float
        Of the shaft over its thread.
    in_bone : ndarray of bool, shape (rows, angles)
        Where the shaft lies in bone.
    cancellous_hu : float
        The patient's own bone, against which a gap's floor is judged.
    bloom : Bloom
        How metal shines beyond the crest.
    config : HaloConfig
        The settings.

    Returns
    -------
    lucent : ndarray of bool, shape (rows, angles)
    width_mm : ndarray, shape (rows, angles)
    """
    soft = smooth_cells(profiles, fan, _CELLS_MM, radius_mm + 1.5)
    widths = candidate_widths_mm(config)
    rise, floor, hidden = _rises(soft, radius_mm, widths, bloom, config)
    score = np.clip(rise / config.rise_hu, -0.6, 1.5)
    lag = round(0.8 / config.width_step_mm)
    earlier = np.zeros_like(score)
    earlier[..., lag:] = np.maximum.accumulate(np.clip(score, 0, 1), axis=2)[..., :-lag]
    dear = 0.04 * widths + 0.25 * np.maximum(0, widths - 3.0)
    gap_cost = dear + np.where(hidden, 0.0, -score + 0.6 * np.maximum(0, earlier - 0.3))

    def solve(none: Array) -> npt.NDArray[np.intp]:
        return optimal_labels(np.concatenate([none[..., None], gap_cost], axis=2))

    none = config.no_gap_price
    labels = solve(np.full(score.shape[:2], none))
    wraps = _wrapped_rows(labels, floor, in_bone, fan, cancellous_hu, config)
    # a ray that only falls from the metal (streak, cortex), meets other metal or leaves the bone has no say
    mute = (hidden.mean(2) > 0.5) | (np.where(hidden, -np.inf, rise).max(2) < -40.0) | ~in_bone
    labels = solve(np.where(wraps[:, None], np.where(mute, none + 3.0, none + 0.6), none))
    labels[~wraps] = 0
    return labels > 0, np.where(labels > 0, widths[np.maximum(labels - 1, 0)], 0.0)


def _rises(
    soft: Floats, radius_mm: float, widths: Array, bloom: Bloom, config: HaloConfig
) -> tuple[Array, Array, Cells]:
    """Rise in HU from inside to outside each candidate wall, its floor without blur, and where metal hides it."""
    step = config.width_step_mm
    offsets = np.arange(0.0, widths[-1] + 2.0, step)
    ahead = from_surface(soft, np.full(soft.shape[:2], radius_mm), offsets)
    start = np.minimum(config.bloom_mm, widths - 0.45)
    outside = _window_means(ahead, step, widths + 0.1, widths + 1.0)
    all_inside = _window_means(ahead, step, start, widths - 0.15)
    last_inside = _window_means(ahead, step, np.maximum(widths - 1.0, start), widths - 0.15)
    cleared = ahead - metal_tail_hu(offsets, bloom)
    # a mean, for the least of a long stretch of plain bone is dark as well; narrow gaps leave one or two samples
    low, high = np.minimum(0.9, widths - 0.3), np.maximum(widths - 0.6, 0.75)
    floor = _window_means(cleared, step, low, high)
    # what the rim's blur adds to the floor of a narrow gap
    spill = ndtr(-(widths - (low + high) / 2) / bloom.sigma_mm)
    floor = (floor - spill * outside) / (1 - spill)
    beyond = RHO_MM[None, None] > radius_mm + 1.2
    left_metal = np.cumsum((soft < config.other_metal_hu) & beyond, axis=2) > 0
    other = (soft > config.other_metal_hu) & left_metal
    far = np.where(other.any(2), RHO_MM[np.argmax(other, axis=2)] - 1.2, np.inf)
    far = ndimage.minimum_filter1d(ndimage.minimum_filter1d(far, 5, axis=0, mode="nearest"), 5, axis=1, mode="wrap")
    return outside - np.maximum(all_inside, last_inside), floor, radius_mm + widths + 0.8 > far[..., None]


def _window_means(values: Floats, step_mm: float, low_mm: Array, high_mm: Array) -> Array:
    total = np.concatenate([np.zeros((*values.shape[:2], 1)), np.cumsum(values, axis=2, dtype=float)], 2)
    a = np.clip(np.rint(low_mm / step_mm).astype(int), 0, values.shape[2] - 1)
    b = np.maximum(np.clip(np.rint(high_mm / step_mm).astype(int), 0, values.shape[2]), a + 1)
    return np.asarray((total[..., b] - total[..., a]) / (b - a))


def _wrapped_rows(
    labels: npt.NDArray[np.intp], floor: Array, in_bone: Cells, fan: Fan, cancellous_hu: float, config: HaloConfig
) -> Cells:
    """Rows in which a gap wraps the shaft, and has a floor darker than the patient's bone."""
    lucent = (labels > 0) & in_bone
    count = ndimage.gaussian_filter1d(lucent.sum(1).astype(float), 1.5)
    chosen = np.maximum(labels - 1, 0)[..., None]
    room = np.maximum(0.25 * lucent.shape[1], ndimage.gaussian_filter1d(in_bone.sum(1).astype(float), 1.5))
    contrast = cancellous_hu - config.fibrous_hu
    deblurred = _row_quantiles(np.take_along_axis(floor, chosen, 2)[..., 0], lucent, 50)
    # plain bone between screw and cortex is wide somewhere; a narrow gap is narrow nearly all round
    width = _row_quantiles(candidate_widths_mm(config)[chosen[..., 0]], lucent, 80)
    share = np.interp(width, [config.narrow_mm, config.open_mm], [config.lumen_share_narrow, config.lumen_share])
    dark = deblurred < config.fibrous_hu + share * contrast
    darkish = deblurred < config.fibrous_hu + np.maximum(share, config.lumen_share_rest) * contrast
    length = np.ones(max(2, round(config.shortest_mm / fan.step_mm)))
    # a screw that swings makes room on one side, or on two at its ends
    open_side = (count / room >= config.cover_rest) & (
        deblurred < config.fibrous_hu + config.lumen_share_side * contrast
    )
    core = ndimage.binary_opening((count / room >= config.cover_core) & dark | open_side, structure=length)
    return np.asarray(ndimage.binary_propagation(core, mask=(count / room >= config.cover_rest) & darkish))


def _row_quantiles(values: Array, lucent: Cells, percent: float) -> Array:
    """Percentile over each row's gap: streaks are bright on one side of a screw and dark on the other."""
    rows = np.array(
        [np.percentile(v[ok], percent) if ok.any() else 9999.0 for v, ok in zip(values, lucent, strict=True)]
    )
    return np.asarray(ndimage.median_filter(rows, 5, mode="nearest"))


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


def taper_ends(fan: Fan, lucent: Cells, width: Array) -> tuple[Cells, Array]:
    """Close a halo's ends at 45 degrees: a gap under about 1 mm hides in the metal's bloom (an assumption).

    Parameters
    ----------
    fan : Fan
        The rays.
    lucent, width : ndarray, shape (rows, angles)
        The halo as it was read.

    Returns
    -------
    lucent, width : ndarray, shape (rows, angles)
    """
    wide, cells = width.copy(), lucent.copy()
    last = len(fan.along_mm) - 1
    for rows, back in ((range(1, last + 1), -1), (range(last - 1, -1, -1), 1)):
        for i in rows:
            carried = np.maximum(0.0, wide[i + back] - fan.step_mm)
            grows = carried > wide[i]
            wide[i] = np.where(grows, carried, wide[i])
            cells[i] |= grows
    return cells, wide
