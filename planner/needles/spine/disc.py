"""A straight needle to the spine keeps out of the discs: a hole in one lets cement, and infection, into it."""

import numba
import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.safety.fields import FAR_MM, BoxedDistance, Fields
from planner.safety.march import Compiled, inside, trilinear

_STEP_MM, _LONG_STEP_MM = 0.25, 3.0
OWN_GAP_MM = 1.0
"""So near to the target's voxels a needle is in its gap, whose wall a disc's outline may overlap; a usual voxel."""
_NOWHERE = BoxedDistance(np.zeros((0, 0, 0), np.float32), (0, 0, 0))


def disc_clearance_mm(fields: Fields, inner_lps: Array, outer_lps: Array, *, radius_mm: float) -> Array:
    """Measure how near needles come to a disc outside of the target's own gap.

    Parameters
    ----------
    fields : Fields
        Distances, of the discs and the target among them.
    inner_lps, outer_lps : ndarray, shape (N, 3)
        Ends of straight pieces of needles, LPS mm.
    radius_mm : float
        The needles'.

    Returns
    -------
    ndarray, shape (N,)
        Of the surface, mm, below 0 within; about `FAR_MM` where none is near; NaN where discs were not outlined or the
        target lies in one.
    """
    disc = fields.disc
    if disc is None:
        return np.full(len(inner_lps), np.nan)
    least = np.full(len(inner_lps), FAR_MM)
    length = np.linalg.norm(outer_lps - inner_lps, axis=1)
    along = (outer_lps - inner_lps) / np.maximum(length, 1e-6)[:, None]
    start = np.ascontiguousarray(fields.grid.to_index(inner_lps)).reshape(-1, 3)
    step = np.ascontiguousarray(along @ fields.grid.index_from_lps[:3, :3].T)
    own = _NOWHERE if fields.from_target is None else fields.from_target
    corners = np.array([disc.corner, own.corner], dtype=np.float64)
    _least(len(start), disc.distance, own.distance, corners, start, step, length, least)
    return least - radius_mm


def _least_all(
    disc: npt.NDArray[np.float32],
    own: npt.NDArray[np.float32],
    corners: Array,
    start: Array,
    step: Array,
    length: Array,
    least: Array,
) -> None:
    for n in numba.prange(len(length)):
        least[n] = _least_one(disc, own, corners, start[n], step[n], length[n])


@numba.njit(cache=True)
def _least_one(
    disc: npt.NDArray[np.float32],
    own: npt.NDArray[np.float32],
    corners: Array,
    start: Array,
    step: Array,
    length: float,
) -> float:
    """Walk outwards; distances change by no more than the way walked, so that a long step misses nothing."""
    least, s = FAR_MM, 0.0
    while s <= length:
        z, y, x = start[0] + s * step[0], start[1] + s * step[1], start[2] + s * step[2]
        a, b, c = z - corners[0, 0], y - corners[0, 1], x - corners[0, 2]
        far = trilinear(disc, a, b, c) if inside(a, b, c, disc.shape) else FAR_MM
        a, b, c = z - corners[1, 0], y - corners[1, 1], x - corners[1, 2]
        in_gap = inside(a, b, c, own.shape) and trilinear(own, a, b, c) <= OWN_GAP_MM
        if not in_gap:
            least = min(least, far)
        s += _STEP_MM if in_gap else min(_LONG_STEP_MM, max(_STEP_MM, far - least))
    return float(least)


_least = Compiled(_least_all, few=600)
