"""A wall's faces from the CT along its normal: a box of known density, blurred, fitted to what is read.

Thinner than its blur a wall only shows how much bone it holds; with the density known its thickness follows, and the
place of both faces with it (Treece 2010, doi 10.1016/j.media.2010.01.003).
"""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from scipy.special import ndtr

from planner.geometry.frames import Array
from planner.geometry.one_at_a_time import one_at_a_time

_LEAST_BLUR_MM = 0.05
_STARTS_MM = (0.6, 1.3, 2.6, 4.5, 7.0)
_OUTSIDE_MM, _BENEATH_MM = 1.8, 2.2
"""So much outside and below a wall is fitted with it: enough to read its level, not the next bone's (ours)."""
_FARTHEST_MM = 1.6
"""The outer face is looked for so far from the surface that was told."""
_SHARE_OF_START = 0.7
"""A wall so much thinner than a start is not found better from a thicker one."""
_THINNEST_MM = 0.1
_FALLEN = 0.7
"""What lies outside or below a wall has fallen below this share of its rise: else that face is not seen (ours)."""
_ROUNDS, _MOST_STEP_MM, _SETTLED_MM = 12, 0.6, 0.005
_FEWEST = 8
_TABLE_END, _TABLE_STEP = 5.0, 0.005
_TABLE = ndtr(np.arange(-_TABLE_END, _TABLE_END + _TABLE_STEP, _TABLE_STEP))
"""The normal distribution's function, to be looked up."""


@dataclass(frozen=True, slots=True, eq=False)
class WallFit:
    """Walls as fitted; each array has shape (N,).

    Parameters
    ----------
    face_mm : ndarray
        Depth of the outer face below the surface that was told; negative lies outside of it.
    thickness_mm : ndarray
        Between the faces; nan where no wall explains what is read.
    outer_hu, inner_hu : ndarray
        What lies outside and below.
    error_hu : ndarray
        Root mean square of what the fit leaves.
    """

    face_mm: Array
    thickness_mm: Array
    outer_hu: Array
    inner_hu: Array
    error_hu: Array


def fit_walls(profiles_hu: Array, depth_mm: Array, blur_mm: Array, density_hu: Array) -> WallFit:
    """Fit a wall to each profile.

    Parameters
    ----------
    profiles_hu : ndarray, shape (N, D)
        CT along the inward normal; nan where it cannot be read.
    depth_mm : ndarray, shape (D,)
        Depth of the samples below the surface that was told, mm, evenly spaced.
    blur_mm : ndarray, shape (N,)
        Standard deviation of the scan's blur along the normal.
    density_hu : ndarray, shape (N,)
        What the wall's bone reads without blur.

    Returns
    -------
    WallFit
    """
    out = np.full((len(profiles_hu), 5), np.nan)
    if len(profiles_hu):
        _fit_all(
            np.ascontiguousarray(profiles_hu, dtype=np.float64),
            np.asarray(depth_mm, dtype=np.float64),
            np.maximum(np.asarray(blur_mm, dtype=np.float64), _LEAST_BLUR_MM),
            np.asarray(density_hu, dtype=np.float64),
            np.array(_STARTS_MM),
            _TABLE,
            out,
        )
    return WallFit(out[:, 0], out[:, 1], out[:, 2], out[:, 3], out[:, 4])


@one_at_a_time
@numba.njit(cache=True, parallel=True, nogil=True)  # type: ignore[misc, unused-ignore]
def _fit_all(profiles: Any, depth: Any, blur: Any, density: Any, starts: Any, table: Any, out: Any) -> None:
    for n in numba.prange(len(profiles)):
        # the samples of one fit, and per sample: where it lies of both faces, in blurs, and how much of it they are
        rows = np.empty((10, len(depth)))
        best = np.inf
        for start in starts:
            count = _samples(profiles[n], depth, start, rows)
            face, thick, outer, inner, error = _fitted(rows, count, blur[n], density[n], start, table)
            if error < best:
                best = error
                out[n, 0], out[n, 1], out[n, 2], out[n, 3], out[n, 4] = face, thick, outer, inner, error
            if np.isfinite(best) and out[n, 1] < _SHARE_OF_START * start:
                break


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _samples(profile: Any, depth: Any, start: Any, rows: Any) -> Any:
    """Put down depth and reading of what is fitted; give how many there are."""
    first, last = -_OUTSIDE_MM, start * 1.5 + _BENEATH_MM
    count = 0
    for k in range(len(depth)):
        if first <= depth[k] <= last and not np.isnan(profile[k]):
            rows[0, count], rows[1, count] = depth[k], profile[k]
            count += 1
    return count


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _fitted(rows: Any, count: Any, blur: Any, density: Any, start: Any, table: Any) -> Any:
    """Gauss and Newton's way over face and thickness; the levels beside follow from them."""
    depth, read = rows[0], rows[1]
    last = start * 1.5 + _BENEATH_MM
    face, thick = 0.0, start
    # what was found at the best faces yet, and room for the next ones tried
    own, other = rows[2:6], rows[6:10]
    error, outer, inner = _left_over(depth, read, count, blur, density, face, thick, table, own)
    damping = 1e-2
    curve = _slopes(read, count, blur, density, outer, inner, own)
    for _ in range(_ROUNDS):
        if not np.isfinite(error):
            break
        aa, ab, bb, ra, rb = curve
        aa, bb = aa * (1.0 + damping), bb * (1.0 + damping)
        size = aa * bb - ab * ab
        if size <= 0.0:
            break
        more_face = min(max((bb * ra - ab * rb) / size, -_MOST_STEP_MM), _MOST_STEP_MM)
        more_thick = min(max((aa * rb - ab * ra) / size, -_MOST_STEP_MM), _MOST_STEP_MM)
        new_face = min(max(face + more_face, -_FARTHEST_MM), _FARTHEST_MM)
        new_thick = max(thick + more_thick, _THINNEST_MM)
        found = _left_over(depth, read, count, blur, density, new_face, new_thick, table, other)
        new_error, new_outer, new_inner = found
        if new_error < error:
            moved = abs(new_face - face) + abs(new_thick - thick)
            face, thick, error, outer, inner = new_face, new_thick, new_error, new_outer, new_inner
            own, other = other, own
            damping *= 0.3
            if moved < _SETTLED_MM:
                break
            # two exponentials a sample, half of a fit's time: a step refused leaves them as they are
            curve = _slopes(read, count, blur, density, outer, inner, own)
        else:
            damping *= 10.0
    lost = outer + _FALLEN * (density - outer)
    seen = abs(face) < _FARTHEST_MM and thick > _THINNEST_MM and face + thick < last - 0.5 * _BENEATH_MM
    if not (seen and outer < _FALLEN * density and inner < lost):
        return face, thick, outer, inner, np.inf
    return face, thick, outer, inner, error


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _look_up(places: Any, count: Any, table: Any, out: Any) -> None:
    """Read the normal distribution's function."""
    for k in range(count):
        out[k] = (places[k] + _TABLE_END) / _TABLE_STEP
    for k in range(count):
        at = out[k]
        low = int(at)
        if at <= 0.0:
            out[k] = 0.0
        elif low >= len(table) - 1:
            out[k] = 1.0
        else:
            out[k] = table[low] + (at - low) * (table[low + 1] - table[low])


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _left_over(
    depth: Any, read: Any, count: Any, blur: Any, density: Any, face: Any, thick: Any, table: Any, found: Any
) -> Any:  # fmt: skip
    """Give the root mean square of what two faces do not explain, and the levels beside the wall."""
    if count < _FEWEST:
        return np.inf, 0.0, 0.0
    from_face, from_end, of_wall, of_inner = found[0], found[1], found[2], found[3]
    for k in range(count):
        from_face[k] = (depth[k] - face) / blur
        from_end[k] = (depth[k] - face - thick) / blur
    _look_up(from_face, count, table, of_wall)
    _look_up(from_end, count, table, of_inner)
    oo = oi = ii = ro = ri = rr = 0.0
    for k in range(count):
        in_wall, beneath = of_wall[k], of_inner[k]
        o, i, r = 1.0 - in_wall, beneath, read[k] - density * (in_wall - beneath)
        oo, oi, ii, ro, ri, rr = oo + o * o, oi + o * i, ii + i * i, ro + r * o, ri + r * i, rr + r * r
    size = oo * ii - oi * oi
    if size < 1e-3:
        return np.inf, 0.0, 0.0
    outer, inner = (ro * ii - ri * oi) / size, (ri * oo - ro * oi) / size
    left = rr - outer * ro - inner * ri
    return np.sqrt(max(left, 0.0) / count), outer, inner


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _slopes(read: Any, count: Any, blur: Any, density: Any, outer: Any, inner: Any, found: Any) -> Any:
    """Give the normal equations of a small move of face and thickness, from what was found at both."""
    aa = ab = bb = ra = rb = 0.0
    norm = 1.0 / (blur * np.sqrt(2.0 * np.pi))
    for k in range(count):
        x, y, in_wall, beneath = found[0, k], found[1, k], found[2, k], found[3, k]
        explained = outer * (1.0 - in_wall) + density * (in_wall - beneath) + inner * beneath
        edge, end = -norm * np.exp(-0.5 * x * x), -norm * np.exp(-0.5 * y * y)
        b = (inner - density) * end
        a = (density - outer) * edge + b
        r = read[k] - explained
        aa, ab, bb, ra, rb = aa + a * a, ab + a * b, bb + b * b, ra + a * r, rb + b * r
    return aa, ab, bb, ra, rb
