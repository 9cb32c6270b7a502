"""Whether numbers are Hounsfield units, and where their scale was cut off."""

from typing import Any

import numpy as np
import numpy.typing as npt

from planner.errors import SeriesError
from planner.model.finding import Finding

_USUAL_CEILINGS_HU = (1023.0, 2976.0, 3071.0, 4095.0, 8191.0, 16383.0, 23551.0, 24575.0, 31743.0, 32767.0)
"""Ends of stored ranges: 10-bit, 12-bit with the intercepts -1024, -1000 and 0, 14- to 16-bit ones."""
_LOWEST_CEILING_HU = 1000.0
"""Nothing is cut off below this: cortical bone must fit on the scale."""
_PILE = 24
"""Voxels on the very maximum that make a pile. Tuned on the thoracic case and on noise: an unclipped CT with noise has
one to three voxels on its maximum, a clipped screw thousands."""
_PILE_AT_USUAL_CEILING = 4
"""The same on a known end of a stored range, where chance is no explanation. Ours."""
_NEIGHBOURHOOD_HU = 64
_PILE_OVER_NEIGHBOURS = 8.0
"""How many times fuller the maximum must be than the fullest of the values below it. Ours."""
_PLAUSIBLE_SHARE = 1e-3


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
        The level in HU; None where no pile of voxels stands on the maximum. A volume without noise whose densest
        material is one constant cannot be told from a clipped one, and is called clipped.
    """
    highest = float(max(plane.max() for plane in hu))
    if highest < _LOWEST_CEILING_HU:
        return None
    pile = 0
    below = np.zeros(_NEIGHBOURHOOD_HU, dtype=np.int64)
    for plane in hu:
        top = plane[plane >= highest - _NEIGHBOURHOOD_HU].astype(np.float64)
        on_top = top > highest - 0.5
        pile += int(np.count_nonzero(on_top))
        depth = np.minimum((highest - top[~on_top] - 0.5).astype(np.int64), _NEIGHBOURHOOD_HU - 1)
        below += np.bincount(depth, minlength=_NEIGHBOURHOOD_HU)
    usual = highest in _USUAL_CEILINGS_HU or (ceiling_hu is not None and abs(highest - ceiling_hu) < 0.5)
    enough = _PILE_AT_USUAL_CEILING if usual else _PILE
    if pile < enough or pile < _PILE_OVER_NEIGHBOURS * float(np.median(below)) or pile <= float(below.max()):
        return None
    return highest


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
        source="pile of voxels on the maximum",
    )


def require_hu(hu: npt.NDArray[Any], name: str) -> None:
    """Refuse numbers that cannot be Hounsfield units.

    Parameters
    ----------
    hu : ndarray, shape (slices, rows, columns)
        What claims to be HU.
    name : str
        What messages call the input.

    Raises
    ------
    SeriesError
        If nothing lies between air and water, hardly anything is as dense as soft tissue, or nearly everything is
        denser than bone.
    """
    sample = hu[:: max(1, hu.shape[0] // 64), ::4, ::4] if hu.size > 1 << 16 else hu
    light = float(np.mean((sample >= -1100) & (sample < 0)))
    soft = float(np.mean((sample >= -250) & (sample <= 300)))
    if light < _PLAUSIBLE_SHARE or soft < _PLAUSIBLE_SHARE:
        low, high = float(sample.min()), float(sample.max())
        found = "no value between air and water" if light < _PLAUSIBLE_SHARE else "no value of soft tissue"
        raise SeriesError(
            f"{name} is not in Hounsfield units: {found} (values {low:g} to {high:g}); "
            "export the CT with its rescale slope and intercept"
        )
