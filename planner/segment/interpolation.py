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


@njit(cache=True, nogil=True)
def _interpolate(
    values: npt.NDArray[Any],
    index: Array,
    outside: float,
    goes_on: bool,  # noqa: FBT001
    out: Floats,
) -> None:
    last_z, last_y, last_x = values.shape[0] - 1, values.shape[1] - 1, values.shape[2] - 1
    for n in range(len(index)):
        z, y, x = index[n, 0], index[n, 1], index[n, 2]
        if goes_on:
            z, y, x = min(max(z, 0.0), last_z), min(max(y, 0.0), last_y), min(max(x, 0.0), last_x)
        if not (0.0 <= z <= last_z and 0.0 <= y <= last_y and 0.0 <= x <= last_x):
            out[n] = outside
            continue
        a, c, e = int(z), int(y), int(x)
        b, d, f = min(a + 1, last_z), min(c + 1, last_y), min(e + 1, last_x)
        # shares and sums in the order that scipy takes them, so that the last digit is the same
        at_a, at_c, at_e = 1.0 - (z - a), 1.0 - (y - c), 1.0 - (x - e)
        at_b, at_d, at_f = 1.0 - at_a, 1.0 - at_c, 1.0 - at_e
        total = values[a, c, e] * at_a * at_c * at_e + values[a, c, f] * at_a * at_c * at_f
        total += values[a, d, e] * at_a * at_d * at_e
        total += values[a, d, f] * at_a * at_d * at_f
        total += values[b, c, e] * at_b * at_c * at_e
        total += values[b, c, f] * at_b * at_c * at_f
        total += values[b, d, e] * at_b * at_d * at_e
        total += values[b, d, f] * at_b * at_d * at_f
        out[n] = total
