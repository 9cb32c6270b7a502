"""The axis of a straight shaft: a robust line through the middles of its sections."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.geometry.frames import Array, unit
from planner.geometry.rigid import perpendicular_pair
from planner.segment.implants.straight_runs import Line
from planner.segment.unwrap import Sampler

_SECTIONS_MM = 0.5
_CELL_MM = 0.3
_FAN_MM = (9.0, 5.0)
"""Half width of the sections in which a blade is centred: within the slices, across them. Ours: the widest starved
shaft of the tuning cases is 14 mm wide within its slices, and 7.5 mm across them."""
_BLADE_PASSES = 10
"""A run found along a blade's edge lies several degrees off its axis, and comes back to it slowly."""
_SCALE_MM = 0.15
"""Scale of the soft L1 loss: how far a section's middle lies off the line of a clean shaft. Ours."""


class _Middles(NamedTuple):
    """The middles of sections: where, off the line both ways, and how much each counts."""

    t: Array
    x: Array
    y: Array
    weight: Array


def fit_axis(sampler: Sampler, line: Line, radius_mm: float, level_hu: float) -> Line:
    """Fit a line to the centroids of the metal in the sections of a round shaft.

    Parameters
    ----------
    sampler : Sampler
        The CT round the metal.
    line : Line
        Where the shaft runs, about.
    radius_mm : float
        How much of each section counts, about the shaft's radius; 1.5 mm more is looked at.
    level_hu : float
        What lies above it is metal; a part of it counts in part.

    Returns
    -------
    Line
        The same where fewer than six sections show metal.

    Notes
    -----
    Lines are fitted with the weights of the soft L1 loss, four times at most, each time round the last.
    """
    reach = radius_mm + 1.5
    s = np.arange(-reach, reach + 1e-6, _CELL_MM)
    disc = np.hypot(s[:, None], s[None, :]) < reach
    least = 0.4 * np.pi * min(radius_mm, 2.0) ** 2
    p, d, low, high = line.point, line.direction, line.low, line.high
    for _ in range(4):
        u, v = perpendicular_pair(d)
        t = np.arange(low, high, _SECTIONS_MM)
        sections = sampler.on_sections(p + t[:, None] * d, s[:, None] * u, s[:, None] * v)
        share = np.clip((sections - 0.25 * level_hu) / (0.75 * level_hu), 0, 1) * disc
        mass = np.maximum(share.sum((1, 2)), 1e-6)
        x, y = (share * s[:, None]).sum((1, 2)) / mass, (share * s[None, :]).sum((1, 2)) / mass
        ok = (mass * _CELL_MM**2 > least) & (np.hypot(x, y) < 1.5)
        if ok.sum() < 6:
            break
        middles = _Middles(t[ok], x[ok], y[ok], np.ones(int(ok.sum())))
        p, d, low, high, moved = _onto(p, d, (u, v), (low, high), middles)
        if moved < 5e-3:
            break
    return Line(p, d, low, high)


def fit_blade_axis(sampler: Sampler, line: Line, level_hu: float) -> Line:
    """Fit a line to a shaft that photon starvation widens to a blade within the slices.

    Parameters
    ----------
    sampler : Sampler
        The CT round the metal.
    line : Line
        Where the shaft runs, about; not along the slices' normal.
    level_hu : float
        What lies above it is metal or starved.

    Returns
    -------
    Line

    Notes
    -----
    Ours. Starvation widens a shaft to both sides alike, and least towards its tip: each section is centred as a whole,
    and counts by the inverse cube of its width, so that the sections that are still round say most.
    """
    p, d, low, high = line.point, line.direction, line.low, line.high
    for _ in range(_BLADE_PASSES):
        u, v = in_and_across(sampler, d)
        t = np.arange(low, high, _SECTIONS_MM)
        a, b = (np.arange(-half, half + 1e-6, _CELL_MM) for half in _FAN_MM)
        bright = sampler.on_sections(p + t[:, None] * d, a[:, None] * u, b[:, None] * v) > level_hu
        middles = _blade_middles(t, a, b, bright)
        if len(middles.t) < 6:
            break
        p, d, low, high, moved = _onto(p, d, (u, v), (low, high), middles)
        if moved < 5e-3:
            break
    return Line(p, d, low, high)


def in_and_across(sampler: Sampler, direction: Array) -> tuple[Array, Array]:
    """Give two unit vectors square to a direction: within the slices, and as near to their normal as can be.

    Parameters
    ----------
    sampler : Sampler
        The CT.
    direction : ndarray, shape (3,)
        Not the slices' normal.

    Returns
    -------
    within, across : ndarray, shape (3,)
    """
    within = unit(np.cross(direction, slice_normal(sampler)))
    return within, unit(np.cross(within, direction))


def slice_normal(sampler: Sampler) -> Array:
    """Give the unit vector from slice to slice.

    Parameters
    ----------
    sampler : Sampler
        The CT.

    Returns
    -------
    ndarray, shape (3,)
    """
    return unit(np.asarray(sampler.grid.lps_from_index[:3, 0], dtype=np.float64))


def _blade_middles(t: Array, a: Array, b: Array, bright: npt.NDArray[np.bool_]) -> _Middles:
    flat = np.zeros((3, 3, 3), dtype=bool)
    flat[1] = True  # each section for itself
    labels, _ = ndimage.label(bright, structure=flat)
    inner = labels[:, np.abs(a) < 1.5][:, :, np.abs(b) < 1.5].reshape(len(t), -1)
    found = []
    for k, own in enumerate(inner):
        if (own > 0).sum() < 0.3 * len(own):
            continue
        section = labels[k] == np.bincount(own[own > 0]).argmax()
        i, j = np.nonzero(section)
        width = max(float(np.ptp(a[i])), 3.0)
        # what reaches the border is a neighbour or a streak that does not end
        whole = i.min() > 0 and i.max() < len(a) - 1
        found.append((t[k], float(a[i].mean()), float(b[j].mean()), (1.0 if whole else 0.1) / width**3))
    rows = np.array(found).reshape(-1, 4)
    return _Middles(*rows.T)


def _onto(
    p: Array, d: Array, across: tuple[Array, Array], stretch: tuple[float, float], middles: _Middles
) -> tuple[Array, Array, float, float, float]:
    """Move a line onto the middles of its sections; give point, direction, stretch, and how far it moved."""
    u, v = across
    centre = float(middles.t.mean())
    t = middles.t - centre
    x0, x1 = _robust_line(t, middles.x, middles.weight)
    y0, y1 = _robust_line(t, middles.y, middles.weight)
    moved = max(abs(x0), abs(y0), 10 * abs(x1), 10 * abs(y1))
    point, direction = p + centre * d + x0 * u + y0 * v, unit(d + x1 * u + y1 * v)
    return point, direction, stretch[0] - centre, stretch[1] - centre, moved


def _robust_line(t: Array, y: Array, prior: Array) -> tuple[float, float]:
    """Fit a line that far points hardly pull: weights of the soft L1 loss."""
    weight = prior.copy()
    base, slope = float(np.median(y)), 0.0
    for _ in range(8):
        total = weight.sum()
        tm, ym = float((weight * t).sum() / total), float((weight * y).sum() / total)
        slope = float((weight * (t - tm) * (y - ym)).sum() / max(float((weight * (t - tm) ** 2).sum()), 1e-9))
        base = ym - slope * tm
        weight = prior / np.sqrt(1.0 + ((y - base - slope * t) / _SCALE_MM) ** 2)
    return base, slope
