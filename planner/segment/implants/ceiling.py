"""Where a scan's HU are cut off, told from their histogram."""

from typing import Any

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]

AT_CEILING = 0.97
"""A plateau above this share of the clipping level lies on it, or beyond: noise after the clipping lowers it. Ours."""

_LOWEST_HU = 2000
"""No scanner's ceiling is lower (those of 12 bits are 2047, 2976 and 3071), and bone reaches up to here."""
_HIGHEST_HU = 70000
"""Past the ceiling of 16 bits; what is brighter is counted here."""
_ABOVE_SHARE = 0.25
"""Voxels above the pile, as share of it: resampling, compression and burnt-in marks put some there; where another
metal shines above, it is no ceiling. Ours."""
_NEAR_HU = 60
"""A sharp pile holds three times what lies so near beneath it."""
_SMEAR_HU = 30
"""Half the width of a pile that noise of up to 15 HU has smeared after the clipping. Ours."""
_SMEARED_TIMES = 10
"""A smeared pile must hold so many times the voxels of a sharp one. Ours."""
_EVEN_BELOW_HU = 6500
"""Where scanners show titanium. Real metal wavers by hundreds of HU, so that a hill this narrow is a ceiling; above,
it may be the plateau of metal in a scan simulated without artefacts, and only a sharp pile is believed. Ours."""
_SHOULDER, _FLANK = (0.85, 0.97), (0.70, 0.82)
"""Bands of HU, as shares of the hill's: blur rounds the shoulder of a plateau that is not cut off (ceramic)."""
_ROUNDED, _ROUNDED_SHARE = 1.5, 0.03
"""It then holds more than the flank beneath, 2 times in a ball, and more than this share of the hill, 0.07 there; under
a ceiling of 3071 HU 0.6 to 1.0 times (tuning cases). Ours."""


def clipping_level_hu(hu: npt.NDArray[Any], *, least_pile: int) -> float | None:
    """Give the value at which bright voxels pile up at their top.

    Parameters
    ----------
    hu : ndarray
        The CT, or the part of it that holds the metal.
    least_pile : int
        Voxels on one value that make a pile.

    Returns
    -------
    float or None
        None where there is no pile at the top.

    Notes
    -----
    Ours. Some voxels may be brighter than the pile: a resampled scan overshoots, and one burnt-in mark would hide a
    pile that is looked for on the maximum alone. What was clipped before noise was added (resampling, compression)
    shows a narrow hill instead.
    """
    bright = np.asarray(hu)[np.asarray(hu) > _LOWEST_HU].astype(np.float64)
    if bright.size < least_pile:
        return None
    whole = np.minimum(np.rint(bright), _HIGHEST_HU).astype(np.int64)
    counts = np.asarray(np.bincount(whole - _LOWEST_HU), dtype=np.int64)
    pile = _sharp_pile(counts, least_pile)
    if pile is not None:
        return float(np.median(bright[whole == pile + _LOWEST_HU]))
    hill = _smeared_pile(counts, _SMEARED_TIMES * least_pile)
    if hill is None:
        return None
    return float(np.median(bright[np.abs(whole - _LOWEST_HU - hill) <= _SMEAR_HU]))


def _sharp_pile(counts: Counts, least: int) -> int | None:
    above = counts.sum() - np.cumsum(counts)
    tops = np.flatnonzero((counts >= least) & (above <= _ABOVE_SHARE * counts))
    if not len(tops):
        return None
    top = int(tops[np.argmax(counts[tops])])
    return top if counts[top] > 3 * counts[max(0, top - _NEAR_HU) : top].sum() else None


def _smeared_pile(counts: Counts, least: int) -> int | None:
    up_to, last = np.concatenate([[0], np.cumsum(counts)]), len(counts)
    at = np.arange(last)
    low, high, beneath = (np.clip(at + way, 0, last) for way in (-_SMEAR_HU, _SMEAR_HU + 1, -3 * _SMEAR_HU))
    held = up_to[high] - up_to[low]
    fits = (held >= least) & (at + _LOWEST_HU < _EVEN_BELOW_HU)
    fits &= (up_to[-1] - up_to[high] <= _ABOVE_SHARE * held) & (held > 3 * (up_to[low] - up_to[beneath]))
    if not fits.any():
        return None
    top = int(np.argmax(np.where(fits, held, 0)))
    ends = [[max(0, round(share * (top + _LOWEST_HU)) - _LOWEST_HU) for share in b] for b in (_SHOULDER, _FLANK)]
    shoulder, flank = (int(up_to[stop] - up_to[start]) for start, stop in ends)
    is_plateau = shoulder > _ROUNDED * flank and shoulder > _ROUNDED_SHARE * held[top]
    return None if is_plateau else top
