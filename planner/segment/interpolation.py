"""Values between voxels: scipy's numbers, in a fifth of its time and without a copy of the CT."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from planner.geometry.frames import Array
from planner.segment.upright import Floats


def interpolated(values: npt.NDArray[Any], index: Array, *, outside: float | None = None) -> Floats:
    """Interpolate along three axes at once between voxels.

    Parameters
    ----------
    values : ndarray of uint8, int16 or float32, shape (S, R, C)
        What is read; finite.
    index : ndarray, shape (..., 3)
        Where, in (slice, row, column); numbers all of them.
    outside : float or None
        What stands beyond the middles of the outermost voxels; None for their own values.

    Returns
    -------
    ndarray of float32, shape (...)
        What ``scipy.ndimage.map_coordinates`` gives at first order, with "constant" and "nearest" as its modes.
    """
    at = np.ascontiguousarray(index, dtype=np.float64).reshape(-1, 3)
    out = np.empty(len(at), dtype=np.float32)
    _interpolate(values, at, np.nan if outside is None else float(outside), outside is None, out)
    return out.reshape(index.shape[:-1])


def interpolated_in_double(values: npt.NDArray[np.float32], index: Array) -> Array:
    """Interpolate as `interpolated` does, without rounding to single precision; at the border its values go on.

    Parameters
    ----------
    values : ndarray of float32, shape (S, R, C)
        What is read; finite.
    index : ndarray, shape (..., 3)
        Where, in (slice, row, column); numbers all of them.

    Returns
    -------
    ndarray of float64, shape (...)
    """
    at = np.ascontiguousarray(index, dtype=np.float64).reshape(-1, 3)
    out = np.empty(len(at), dtype=np.float64)
    _interpolate(values, at, np.nan, goes_on=True, out=out)
    return out.reshape(index.shape[:-1])


@njit(cache=True, nogil=True)
def _interpolate(
    values: npt.NDArray[Any],
    index: Array,
    outside: float,
    goes_on: bool,  # noqa: FBT001
    out: npt.NDArray[np.floating[Any]],
) -> None:
    last_z, last_y, last_x = values.shape[0] - 1, values.shape[1] - 1, values.shape[2] - 1
    for n in range(len(index)):
        z, y, x = index[n, 0], index[n, 1], index[n, 2]
        if not goes_on and not (0.0 <= z <= last_z and 0.0 <= y <= last_y and 0.0 <= x <= last_x):
            out[n] = outside
            continue
        low_z, low_y, low_x = np.floor(z), np.floor(y), np.floor(x)
        # beyond the border both neighbours are its own voxel, and still share by the place: it decides the last digit
        a, b = int(min(max(low_z, 0.0), last_z)), int(min(max(low_z + 1.0, 0.0), last_z))
        c, d = int(min(max(low_y, 0.0), last_y)), int(min(max(low_y + 1.0, 0.0), last_y))
        e, f = int(min(max(low_x, 0.0), last_x)), int(min(max(low_x + 1.0, 0.0), last_x))
        # shares and sums in the order that scipy takes them, so that the last digit is the same
        at_a, at_c, at_e = 1.0 - (z - low_z), 1.0 - (y - low_y), 1.0 - (x - low_x)
        at_b, at_d, at_f = 1.0 - at_a, 1.0 - at_c, 1.0 - at_e
        total = values[a, c, e] * at_a * at_c * at_e + values[a, c, f] * at_a * at_c * at_f
        total += values[a, d, e] * at_a * at_d * at_e
        total += values[a, d, f] * at_a * at_d * at_f
        total += values[b, c, e] * at_b * at_c * at_e
        total += values[b, c, f] * at_b * at_c * at_f
        total += values[b, d, e] * at_b * at_d * at_e
        total += values[b, d, f] * at_b * at_d * at_f
        out[n] = total
