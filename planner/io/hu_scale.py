"""Whether numbers are Hounsfield units, and where their scale was cut off."""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.model.finding import Finding

_USUAL_CEILINGS_HU = (1023.0, 2976.0, 3071.0, 4095.0, 8191.0, 16383.0, 23551.0, 24575.0, 31743.0, 32767.0)
"""Ends of stored ranges: 10-bit, 12-bit with the intercepts -1024, -1000 and 0, 14- to 16-bit ones."""
_BRIGHT_FROM = 800
"""Low enough that a clipped scale's neighbourhood can be seen below the lowest ceiling."""
_LOWEST_CEILING_HU = 1000
"""Nothing is cut off below this: cortical bone must fit on the scale."""
_BRIGHT_TO = 66_000
"""Above the end of every 16-bit scale."""
_PILE = 24
"""Voxels on the very maximum that make a pile. Tuned on the thoracic case and on noise: an unclipped CT with noise has
one to three voxels on its maximum, a clipped screw thousands."""
_PILE_AT_USUAL_CEILING = 4
"""The same on a known end of a stored range, where chance is no explanation. Ours."""
_NEIGHBOURHOOD_HU = 64
_PILE_OVER_NEIGHBOURS = 8.0
"""How many times fuller the maximum must be than the fullest of the values below it. Ours."""
_SMEAR_HU = 50
_SMEARED_OVER_NEIGHBOURS = 4.0
"""A clipped CT that was resampled smoothly afterwards has its pile spread over tens of HU, and overshoots above it.
Tuned on one real CT of a nail at 3 mm, clipped at 3071: its hump is six times as full as what lies below."""
_OVERSHOOT_SHARE = 0.2
"""How far above the end of its scale a resampled CT may reach, as a share of it: cubic splines overshoot a step by an
eighth along one axis. Ours."""
_UNKNOWN_OVER_NEIGHBOURS = 8.0
_NARROW = 2
_NARROW_SHARE = 0.2
"""How full the hump at an end that no scanner is known for must be, and how much of it must lie within 2 HU: noise of
20 HU on metal leaves an eighth there, a clipped block of 12 voxels that was resampled a third. Ours."""
_CONSTANT_SHARE = 0.5
_TISSUE_HU = (-200, 900)
_FOOT_HU = -1024.0
_APART_HU = 20.0
"""The mark that scanners write outside the circle (-2000, -3024) lies far below air; real values near it would be no
mark. Ours."""

Counts = npt.NDArray[np.int64]


def bright_counts(hu: npt.NDArray[Any], *, highest_hu: float) -> Counts:
    """Count the voxels at each whole value from 800 HU up.

    Parameters
    ----------
    hu : ndarray
        Hounsfield units, any shape.
    highest_hu : float
        No value lies above it; spares the look at dark slices.

    Returns
    -------
    ndarray of int64, shape (values,)
        Empty where no voxel reaches 1000 HU, the least at which a scale is ever cut off.
    """
    if highest_hu < _LOWEST_CEILING_HU:
        return np.zeros(0, dtype=np.int64)
    bright = hu[hu >= _BRIGHT_FROM]
    if bright.dtype.kind == "f":
        bright = np.rint(bright)
    places = np.minimum(bright.astype(np.int64), _BRIGHT_TO) - _BRIGHT_FROM
    return np.bincount(places).astype(np.int64, copy=False)


def level_of(counts: Counts, *, ceiling_hu: float | None, noise_free: bool) -> float | None:
    """Find where a scale was cut off, from the counts of its bright values.

    Parameters
    ----------
    counts : ndarray of int64
        As `bright_counts` gives them; those of several slices added up.
    ceiling_hu : float or None
        The highest value that the file could have stored, where it is known.
    noise_free : bool
        Whether the CT is a drawing, in which a dense material is one constant; then only a known end counts.

    Returns
    -------
    float or None
        The level in HU; None where there is none.
    """
    values = np.flatnonzero(counts)
    if not values.size or int(values[-1]) + _BRIGHT_FROM < _LOWEST_CEILING_HU:
        return None
    highest = int(values[-1]) + _BRIGHT_FROM
    known = {round(c) for c in (*_USUAL_CEILINGS_HU, ceiling_hu) if c is not None and c < _BRIGHT_TO}
    known = {value for value in known if _LOWEST_CEILING_HU <= value <= highest}
    if ceiling_hu is not None and highest == round(ceiling_hu) and _piles_up(counts, highest, _PILE_AT_USUAL_CEILING):
        return ceiling_hu
    # Writing burnt into the picture, or a single hot pixel, may stand above the end of the scale.
    for value in sorted(known):
        least = _PILE_AT_USUAL_CEILING if value == highest else _PILE
        if _piles_up(counts, value, least) or _is_smeared(counts, value):
            return float(value)
    if noise_free:
        return None
    return float(highest) if _piles_up(counts, highest, _PILE) else _unknown_smeared(counts)


def clipping_level(hu: npt.NDArray[Any], *, ceiling_hu: float | None = None) -> float | None:
    """Find where a CT's HU scale was cut off.

    Parameters
    ----------
    hu : ndarray, shape (slices, rows, columns)
        Hounsfield units.
    ceiling_hu : float or None
        The highest value that the file could have stored, where it is known.

    Returns
    -------
    float or None
        The level in HU; None where no pile of voxels stands on the maximum or on a usual end of a stored range.
    """
    planes = [bright_counts(plane, highest_hu=float(plane.max())) for plane in hu]
    counts = np.zeros(max(map(len, planes)), dtype=np.int64)
    for plane in planes:
        counts[: len(plane)] += plane
    if not counts.any():
        return None
    return level_of(counts, ceiling_hu=ceiling_hu, noise_free=is_noise_free(hu))


def is_noise_free(hu: npt.NDArray[Any]) -> bool:
    """Say whether a CT is a drawing without noise: half of its soft tissue and bone has one and the same value.

    Parameters
    ----------
    hu : ndarray, shape (slices, rows, columns)
        Hounsfield units.

    Returns
    -------
    bool
        False where nothing lies from -200 to 900 HU.
    """
    counts = np.zeros(_TISSUE_HU[1] - _TISSUE_HU[0] + 1, dtype=np.int64)
    for plane in thinned(hu):
        tissue = plane[(plane >= _TISSUE_HU[0]) & (plane <= _TISSUE_HU[1])]
        counts += np.bincount(np.rint(tissue).astype(np.int64) - _TISSUE_HU[0], minlength=counts.size)
    return bool(counts.any()) and int(counts.max()) > _CONSTANT_SHARE * int(counts.sum())


def unmeasured(hu: npt.NDArray[Any]) -> npt.NDArray[np.bool_] | None:
    """Find padding in a volume whose file does not mark it: one value below air, far from all others, at the corners.

    Parameters
    ----------
    hu : ndarray, shape (slices, rows, columns)
        Hounsfield units.

    Returns
    -------
    ndarray of bool or None
        True where nothing was measured; None where there is no such value.
    """
    lowest = float(min(plane.min() for plane in hu))
    corners = hu[np.ix_((0, -1), (0, -1), (0, -1))]
    if lowest >= _FOOT_HU or np.count_nonzero(corners == lowest) < corners.size / 2:
        return None
    if any(np.any((plane > lowest) & (plane < lowest + _APART_HU)) for plane in hu):
        return None
    return np.asarray(hu == lowest)


def thinned(hu: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Take every so many voxels of a large volume, all of a small one.

    Parameters
    ----------
    hu : ndarray, shape (slices, rows, columns)
        Any values.

    Returns
    -------
    ndarray
        A view.
    """
    return hu[:: max(1, hu.shape[0] // 64), ::4, ::4] if hu.size > 1 << 20 else hu


def clipped_finding(level_hu: float) -> Finding:
    """Say that a CT is clipped.

    Parameters
    ----------
    level_hu : float
        Where.

    Returns
    -------
    Finding
    """
    return Finding(
        code="hu-clipped",
        severity="caution",
        message=f"the HU scale is cut off at {level_hu:g}: metal is understated and its material cannot be told; "
        "a reconstruction with extended HU would help",
        measured=level_hu,
        unit="HU",
        source="pile of voxels on the end of the scale",
    )


def _piles_up(counts: Counts, value: int, least: int) -> bool:
    """Whether a value stands out from those below it, and from those above."""
    place = value - _BRIGHT_FROM
    pile = int(counts[place])
    below = counts[max(0, place - _NEIGHBOURHOOD_HU) : place]
    above = counts[place + 1 : place + 1 + _NEIGHBOURHOOD_HU]
    if pile < least or not below.size or pile <= int(below.max()):
        return False
    if above.size and pile <= int(above.max()):
        return False
    return pile >= _PILE_OVER_NEIGHBOURS * float(max(np.median(below), np.median(above) if above.size else 0.0))


def _is_smeared(counts: Counts, value: int, *, over: float = _SMEARED_OVER_NEIGHBOURS) -> bool:
    """Whether a hump as narrow as a resampled end of the scale stands there, and hardly anything above it."""
    place = value - _BRIGHT_FROM
    half = _SMEAR_HU // 2
    hump = int(counts[max(0, place - half) : place + half].sum())
    ends = [max(0, place - half - n * _SMEAR_HU) for n in (1, 2, 3)]
    below = max(int(counts[low:high].sum()) for high, low in pairwise(ends))
    overshoot_to = place + max(2 * _SMEAR_HU, round(_OVERSHOOT_SHARE * value))
    overshoot = [int(counts[n : n + _SMEAR_HU].sum()) for n in range(place + half, overshoot_to, _SMEAR_HU)]
    stands_out = hump >= _PILE and len(counts) > place + 1 and hump >= over * max(below, 1) and hump > max(overshoot)
    return stands_out and int(counts[overshoot_to:].sum()) * 10 <= hump


def _unknown_smeared(counts: Counts) -> float | None:
    """Find the hump of a resampled end that is none of the usual ones."""
    near = np.convolve(counts, np.ones(2 * _NARROW + 1, dtype=np.int64), mode="same")
    near[: _LOWEST_CEILING_HU - _BRIGHT_FROM] = 0
    place = int(near.argmax())
    half = _SMEAR_HU // 2
    narrow = int(near[place]) >= _NARROW_SHARE * int(counts[place - half : place + half].sum())
    value = place + _BRIGHT_FROM
    return float(value) if narrow and _is_smeared(counts, value, over=_UNKNOWN_OVER_NEIGHBOURS) else None
