"""Whether numbers can be Hounsfield units: whether air, fat and soft tissue lie where they should."""

from typing import Any

import numpy as np
import numpy.typing as npt

from planner.errors import SeriesError
from planner.io.hu_scale import thinned
from planner.model.finding import Finding

_LEAST_SHARE = 1e-3
"""Share of the voxels that must lie between air and water, and about soft tissue. Ours."""
_LEAST_SPAN_HU = 300.0
"""From fat to spongy bone; a CT that spans less shows no bone. Ours."""
_TISSUE_HU, _AIR_HU = (-150.0, 120.0), (-1060.0, -900.0)
"""Fat and soft tissue, even with contrast; air with noise. CT numbers of fat, muscle and air: ICRU 46, and all scans
that this was tuned on."""
_SHIFTS_HU = (1024.0, -1024.0)
"""The intercept left out, or taken off twice; 1000 lies near enough to be found as well."""
_SHIFTED_BETTER = 1.2
"""How many times more of the voxels a shifted scale must explain. Tuned on two real CTs (a trunk at 3 mm with a nail, a
crop of lumbar spine without air), a CT of real bone with virtual screws, series of an abdomen and of a head, the sample
series, and some 200 random crops of them that hold bone: the ratio is up to 1.03 unshifted, from 1.36 shifted."""
_PEAK = 2.0
"""How many times fuller than the band below it, -420 to -150 HU in truth, tissue must be to be a peak. Ours."""
_STEP_HU = 50.0
"""A lowest value with nothing this near above it is a mark, no measurement; but for a drawing's air without noise."""
_DRAWN_AIR_HU = (-1024.0, -990.0)


def require_hu(hu: npt.NDArray[Any], name: str, *, padding: npt.NDArray[np.bool_] | None = None) -> None:
    """Refuse numbers that cannot be Hounsfield units.

    Parameters
    ----------
    hu : ndarray, shape (slices, rows, columns)
        What claims to be HU.
    name : str
        What messages call the input.
    padding : ndarray of bool or None
        Voxels that do not count.

    Raises
    ------
    SeriesError
        If air, fat and soft tissue do not lie where they should; the message says what the numbers look like.
    """
    reason = doubt(hu, padding=padding)
    if reason is not None:
        raise SeriesError(
            f"{name} is not in Hounsfield units: {reason}; export the CT with its rescale slope and intercept, or give "
            "--assume-hu if you know better"
        )


def assumed_finding(reason: str) -> Finding:
    """Say that numbers count as HU on the user's word alone.

    Parameters
    ----------
    reason : str
        What speaks against it; advice after a semicolon is left out, for it has been heard.

    Returns
    -------
    Finding
    """
    reason = reason.partition(";")[0]
    return Finding(
        code="hu-assumed",
        severity="caution",
        message=f"the values are taken as Hounsfield units on the user's word ({reason}): bone, cement and metal may be"
        " taken for one another",
    )


def doubt(hu: npt.NDArray[Any], *, padding: npt.NDArray[np.bool_] | None = None) -> str | None:
    """Say what speaks against numbers being Hounsfield units.

    Parameters
    ----------
    hu : ndarray, shape (slices, rows, columns)
        What claims to be HU.
    padding : ndarray of bool or None
        Voxels that do not count.

    Returns
    -------
    str or None
        What they look like, with no capital and no full stop; None where nothing speaks against them.
    """
    sample = _measured(hu, padding)
    if not sample.size:
        return "there is no measured voxel"
    low, high = float(sample.min()), float(sample.max())
    found = f"values {low:g} to {high:g}"
    looks = _looks_scaled(sample, low, high) or _looks_shifted(sample)
    if looks is not None:
        return f"{looks} ({found})"
    if high - low < _LEAST_SPAN_HU:
        return f"the values span less than from fat to bone ({found})"
    if _share(sample, -1100, 0) < _LEAST_SHARE:
        return f"no value lies between air and water ({found})"
    if _share(sample, -250, 300) < _LEAST_SHARE:
        return f"no value of soft tissue ({found})"
    return None


def _measured(hu: npt.NDArray[Any], padding: npt.NDArray[np.bool_] | None) -> npt.NDArray[Any]:
    """Take a sample of the voxels, without those that are marked or stand apart at the lower end as one value."""
    sample = thinned(hu)
    sample = sample.ravel() if padding is None else sample[~thinned(padding)]
    if sample.size:
        low = sample.min()
        rest = sample[sample > low]
        is_air = _DRAWN_AIR_HU[0] <= float(low) <= _DRAWN_AIR_HU[1]
        if rest.size and float(rest.min()) - float(low) > _STEP_HU and not is_air:
            return np.asarray(rest)
    return np.asarray(sample)


def _looks_scaled(sample: npt.NDArray[Any], low: float, high: float) -> str | None:
    if low >= -1.01 and high <= 1.01:
        return "it looks scaled to 0..1"
    if low >= 0 and high <= 255:
        return "it looks like grey values from 0 to 255"
    if low >= 0 and _share(sample, 64_000, 65_536) >= _LEAST_SHARE:
        return "it looks like signed values read as unsigned, with air at 64512"
    return None


def _looks_shifted(sample: npt.NDArray[Any]) -> str | None:
    """Compare how much of the voxels air and tissue explain where they should lie, and on a shifted scale."""
    as_it_is = _explained(sample, 0.0)
    for shift in _SHIFTS_HU:
        tissue = _share(sample, _TISSUE_HU[0] + shift, _TISSUE_HU[1] + shift)
        emptier = _share(sample, 2 * _TISSUE_HU[0] - _TISSUE_HU[1] + shift, _TISSUE_HU[0] + shift)
        if tissue > _PEAK * emptier and _explained(sample, shift) > _SHIFTED_BETTER * as_it_is:
            return f"it looks like HU {'+' if shift > 0 else '-'} 1024"
    return None


def _explained(sample: npt.NDArray[Any], shift: float) -> float:
    return sum(_share(sample, low + shift, high + shift) for low, high in (_TISSUE_HU, _AIR_HU))


def _share(sample: npt.NDArray[Any], low: float, high: float) -> float:
    """Share of the sample from ``low`` to below ``high``."""
    return float(np.count_nonzero((sample >= low) & (sample < high))) / sample.size
