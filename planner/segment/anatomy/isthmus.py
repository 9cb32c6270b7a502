"""A pedicle's borders, read on the CT between voxels along rays from the canal outwards, and its narrowest place."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from planner.config.pedicle_config import PedicleConfig
from planner.geometry.frames import Array, points_lps
from planner.model.volume import Mask, Volume
from planner.segment.interpolation import interpolated
from planner.segment.upright import Bools

_STEP_MM = 0.25
_AHEAD_MM, _HIGH_MM = 3.0, 12.0
"""Rays start so far to either side of where an isthmus usually lies, along the axis and up and down."""
_INSIDE_MM, _INWARDS_MM = 3.5, 5.0
"""They begin so far within the canal, and must meet a wall so near to where its wall was told."""
_OFF_MM = 1.5
_PEAK_MM = 2.0
"""A cortex's peak lies this near behind its outer border."""
_THINNEST_MM = 2.5
"""The thinnest pedicles are some 3 mm wide (T4-T5)."""
_OUTSIDE_MM = 3.0
_OUTSIDE_HU = (-110.0, 80.0)
"""Soft tissue beside a pedicle; darker (lung) and brighter (a rib near by) counts as these."""
_DIP_SHARE = 0.85
"""Between two walls the CT must fall to this share of the lower one's peak."""
_USUAL_HALF_MM = 3.5
"""Half the width of a pedicle whose own was not read: its middle is looked at so far from the canal."""
_LEAST_HALF_MM = 4.0
"""Half the height of the lowest pedicles (T4-T5), where a pedicle's own cannot be read."""
_LEAST_SECTIONS = 0.5
"""Of fewer the narrowest is not known to be the isthmus."""
_USUAL_SHARE = 50.0
"""Percentile of the borders over the middle half of the height: the section's extent, not its waist."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Where a pedicle is looked at.

    Parameters
    ----------
    start_lps : ndarray, shape (3,)
        A point on the canal's wall, beside which the isthmus is looked for.
    inward_lps, up_lps, outward_lps : ndarray, shape (3,)
        Unit vectors, square to each other: along the pedicle's axis into the body, up, away from the canal.
    """

    start_lps: Array
    inward_lps: Array
    up_lps: Array
    outward_lps: Array


@dataclass(frozen=True, slots=True, eq=False)
class Isthmus:
    """What was read of a pedicle at its narrowest place.

    Parameters
    ----------
    centre_mm : tuple of float
        Its middle along inward, up and outward of the frame.
    width_mm, height_mm : float or None
        None where a border cannot be read.
    """

    centre_mm: tuple[float, float, float]
    width_mm: float | None
    height_mm: float | None


def read_isthmus(volume: Volume, metal: Mask, frame: Frame, config: PedicleConfig) -> Isthmus | None:
    """Read the narrowest place of a pedicle.

    Parameters
    ----------
    volume : Volume
        The CT.
    metal : Mask
        All metal.
    frame : Frame
        Where to look.
    config : PedicleConfig
        Settings.

    Returns
    -------
    Isthmus or None
        None where no pedicle can be told there.
    """
    ahead = np.arange(-_AHEAD_MM, _AHEAD_MM + 0.1, 1.0)
    high = np.arange(-_HIGH_MM, _HIGH_MM + 0.1, 1.0)
    out = np.arange(-_INSIDE_MM, config.widest_mm, _STEP_MM)
    hu, near_metal = _sampled(volume, metal, frame, (ahead, high, out), config)
    inner, outer = np.full(hu.shape[:2], np.nan), np.full(hu.shape[:2], np.nan)
    for i, k in np.ndindex(*hu.shape[:2]):
        inner[i, k], outer[i, k] = _borders(hu[i, k], near_metal[i, k], out, config)
    middle = float(np.nanmedian(inner)) if np.isfinite(inner).any() else 0.0
    half = float(np.nanmedian(outer - inner)) / 2 if np.isfinite(outer - inner).any() else _USUAL_HALF_MM
    fine, across = np.arange(-_HIGH_MM, _HIGH_MM + 0.01, _STEP_MM), middle + half + np.arange(-1.0, 1.01, 0.5)
    hu, near_metal = _sampled(volume, metal, frame, (ahead, fine, across), config)
    heights = np.array([_height(hu[i], near_metal[i], fine, config) for i in range(len(ahead))])
    return _narrowest(inner, outer, heights, (ahead, high), middle + half, config)


def _sampled(
    volume: Volume, metal: Mask, frame: Frame, axes: tuple[Array, Array, Array], config: PedicleConfig
) -> tuple[Array, Bools]:
    ahead, high, out = axes
    points = (
        frame.start_lps
        + ahead[:, None, None, None] * frame.inward_lps
        + high[:, None, None] * frame.up_lps
        + out[:, None] * frame.outward_lps
    )
    flat, shape = points_lps(points.reshape(-1, 3)), points.shape[:3]
    hu = interpolated(volume.hu, volume.grid.to_index(flat)).reshape(shape)
    solid = interpolated(metal.voxels.view(np.uint8), metal.grid.to_index(flat), outside=0.0).reshape(shape)
    reach = 2 * round(config.metal_near_mm / _STEP_MM) + 1
    coarse = high[1] - high[0] > _STEP_MM
    near = ndi.maximum_filter(solid, (3, 3, reach) if coarse else (3, reach, 3)) > 0.3
    # across the direction that is read, so that borders keep their place
    smooth = ndi.gaussian_filter(hu, (0.7, 0.7, 0.0) if coarse else (0.7, 0.0, 1.0), mode="nearest")
    return smooth.astype(np.float64), np.asarray(near)


def _borders(hu: Array, near_metal: Bools, out: Array, config: PedicleConfig) -> tuple[float, float]:
    """Give where a ray from the canal meets a pedicle's outer cortex and where it leaves it, mm; NaN where unread."""
    hard = np.flatnonzero(hu > config.least_wall_hu)
    if not len(hard) or hard[0] == 0 or out[hard[0]] > _INWARDS_MM:
        return np.nan, np.nan
    first = int(hard[0])
    peak = first + int(np.argmax(hu[first : first + round(_PEAK_MM / _STEP_MM) + 1]))
    inner = _crossing(hu, first, peak, out, config.border_share)
    if near_metal[first : peak + 1].any():
        inner = np.nan
    wall = _second_wall(hu, peak, inner if np.isfinite(inner) else float(out[first]), out, config)
    if wall is None or near_metal[wall : wall + round(1.0 / _STEP_MM)].any():
        return inner, np.nan
    return inner, _falling(hu, wall, out, config.border_share)


def _crossing(hu: Array, first: int, peak: int, out: Array, share: float) -> float:
    """Give where the CT rises from the canal's content to the wall's peak."""
    outside = float(np.clip(np.median(hu[: max(first, 1)]), *_OUTSIDE_HU))
    half = outside + share * (hu[peak] - outside)
    low = max(0, first - 2)
    over = np.flatnonzero(hu[low : peak + 1] >= half)
    at = low + int(over[0])
    if at == 0:
        return np.nan
    return float(out[at] - _STEP_MM * (hu[at] - half) / max(hu[at] - hu[at - 1], 1e-6))


def _second_wall(hu: Array, peak: int, inner_mm: float, out: Array, config: PedicleConfig) -> int | None:
    """Give the peak of the wall away from the canal: the first past a dip, or the same where the pedicle is solid."""
    far = np.flatnonzero(out >= inner_mm + _THINNEST_MM - _PEAK_MM / 2)
    if not len(far):
        return None
    least = max(int(far[0]), peak + 2)
    inside = np.arange(least, len(hu) - 1)
    tops = inside[(hu[inside] >= hu[inside - 1]) & (hu[inside] > hu[inside + 1]) & (hu[inside] > config.least_wall_hu)]
    for top in tops:
        after = hu[top : top + round(_OUTSIDE_MM / _STEP_MM) + 1]
        if after.min() < _DIP_SHARE * hu[top] and after.min() < config.least_wall_hu:
            return int(top)
    return None


def _falling(hu: Array, top: int, out: Array, share: float) -> float:
    """Give where the CT falls from a wall's peak to what lies outside."""
    after = hu[top : top + round(_OUTSIDE_MM / _STEP_MM) + 1]
    outside = float(np.clip(after.min(), *_OUTSIDE_HU))
    half = outside + share * (hu[top] - outside)
    below = np.flatnonzero(after < half)
    if not len(below):
        return np.nan
    i = top + int(below[0])
    return float(out[i] - _STEP_MM * (half - hu[i]) / max(hu[i - 1] - hu[i], 1e-6))


def _narrowest(
    inner: Array, outer: Array, heights: Array, axes: tuple[Array, Array], middle_mm: float, config: PedicleConfig
) -> Isthmus | None:
    ahead, high = axes
    widths, places = np.full(len(ahead), np.nan), np.full((len(ahead), 2), np.nan)
    for i, (low, top) in enumerate(heights):
        low, top = (low, top) if np.isfinite(top - low) else (-_LEAST_HALF_MM, _LEAST_HALF_MM)
        rows = (high >= 0.75 * low + 0.25 * top) & (high <= 0.25 * low + 0.75 * top)
        a, b = _agreeing(inner[i][rows]), _agreeing(outer[i][rows])
        if not rows.any() or min(len(a), len(b)) < config.least_readable * rows.sum():
            continue
        places[i] = np.percentile(a, 100.0 - _USUAL_SHARE), np.percentile(b, _USUAL_SHARE)
        widths[i] = places[i, 1] - places[i, 0]
    return _chosen(widths, places, heights, ahead, middle_mm, config)


def _agreeing(places: Array) -> Array:
    """Keep the borders that lie near their median: a rib's head that touches, and a streak, lie off."""
    known = places[np.isfinite(places)]
    return known if not len(known) else known[np.abs(known - np.median(known)) <= _OFF_MM]


def _chosen(
    widths: Array, places: Array, heights: Array, ahead: Array, middle_mm: float, config: PedicleConfig
) -> Isthmus | None:
    known = np.isfinite(widths)
    if known.mean() < _LEAST_SECTIONS:
        at = len(ahead) // 2
        low, top = heights[at]
        tall = None if not np.isfinite(top - low) else float(top - low)
        return Isthmus((float(ahead[at]), 0.0 if tall is None else float(top + low) / 2, middle_mm), None, tall)
    filled = np.where(known, widths, np.nanmax(widths))
    smooth = ndi.uniform_filter1d(filled, 3, mode="nearest")
    at = int(np.argmin(np.where(known, smooth, np.inf)))
    near = slice(max(0, at - 1), at + 2)
    low, top = (_median(heights[near, end]) for end in (0, 1))
    width = float(np.nanmean(widths[near]))
    if not _THINNEST_MM <= width <= config.widest_mm:
        return None
    tall = float(top - low) if np.isfinite(top - low) else None
    middle = float(np.nanmean(places[near]))
    return Isthmus((float(ahead[at]), 0.0 if tall is None else (top + low) / 2, middle), width, tall)


def _median(values: Array) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")


def _height(hu: Array, near_metal: Bools, fine: Array, config: PedicleConfig) -> tuple[float, float]:
    """Give how far a pedicle reaches down and up from the frame's height, mm; NaN where that cannot be read."""
    values, solid = hu.mean(axis=1), np.asarray(near_metal.any(axis=1))
    start = len(fine) // 2
    ends = []
    for way in (-1, 1):
        ray, hard, place = values[start::way], solid[start::way], np.abs(fine[start::way])
        wall = _first_wall(ray, config)
        bad = wall is None or hard[wall : wall + round(1.0 / _STEP_MM)].any()
        ends.append(np.nan if bad or wall is None else way * _falling(ray, wall, place, config.border_share))
    return ends[0], ends[1]


def _first_wall(hu: Array, config: PedicleConfig) -> int | None:
    inside = np.arange(round(2.0 / _STEP_MM), len(hu) - 1)
    tops = inside[(hu[inside] >= hu[inside - 1]) & (hu[inside] >= hu[inside + 1]) & (hu[inside] > config.least_wall_hu)]
    for top in tops:
        if hu[top : top + round(_OUTSIDE_MM / _STEP_MM) + 1].min() < 0.5 * config.least_wall_hu:
            return int(top)
    return None
