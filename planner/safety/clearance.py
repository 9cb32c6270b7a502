"""Straight needles, checked by the ten thousand as cylinders against the distance fields."""

import math
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.safety.fields import BONE, Fields

REASONS = (
    "passed",
    "metal",
    "canal",
    "forbidden",
    "target outside bone",
    "second bone",
    "grazes bone",
    "too long",
    "no way out of the bone",
)
"""What each code of `Checked.reason` means."""
PASSED, HITS_METAL, HITS_CANAL, HITS_FORBIDDEN, NOT_IN_BONE, SECOND_BONE, GRAZES, TOO_LONG, NO_EXIT = range(9)
_FINE_STEP_MM = 0.25


@dataclass(frozen=True, slots=True)
class Limits:
    """Hard limits of one kind of needle, mm.

    Parameters
    ----------
    radius_mm, length_mm : float
        The needle's.
    metal_mm, tip_metal_mm : float
        Free space to metal along the shaft, and at the tip; between them it grows by 0.1 mm a mm.
    canal_mm, forbidden_mm, bone_mm : float
        Free space to the canal, to forbidden tissue, and to bone that is passed outside.
    inside_mm : float
        Depth of the axis below the bone's surface once the needle is in.
    graze_mm : float
        Longest run within the bone's surface layer.
    beyond_mm : float
        Length of needle that goes on beyond the straight part's end (a slide along a screw).
    """

    radius_mm: float
    length_mm: float
    metal_mm: float
    tip_metal_mm: float
    canal_mm: float
    forbidden_mm: float
    bone_mm: float
    inside_mm: float
    graze_mm: float
    beyond_mm: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """What came of N straight candidates.

    Parameters
    ----------
    reason : ndarray of uint8, shape (N,)
        Index into `REASONS`; 0 is passed.
    to_bone_mm, to_skin_mm : ndarray, shape (N,)
        Way from the inner end to the bone's surface and to the skin; NaN where not reached or not in the picture.
    in_view_mm : ndarray, shape (N,)
        Way from the inner end to the skin or the picture's edge.
    metal_mm, canal_mm, forbidden_mm : ndarray, shape (N,)
        Least distance of the needle's surface from each; exact only where ``fine`` was asked for.
    """

    reason: npt.NDArray[np.uint8]
    to_bone_mm: Array
    to_skin_mm: Array
    in_view_mm: Array
    metal_mm: Array
    canal_mm: Array
    forbidden_mm: Array

    def counts(self) -> dict[str, int]:
        """Give the number of refused candidates by reason, those with none left out."""
        number = np.bincount(self.reason, minlength=len(REASONS))
        return {name: int(n) for name, n in zip(REASONS[1:], number[1:], strict=True) if n}


def check_straight(
    fields: Fields, inner_lps: npt.ArrayLike, outward_lps: npt.ArrayLike, *, limits: Limits, fine: bool = False
) -> Checked:
    """Check straight needles from their inner end out to the skin.

    Parameters
    ----------
    fields : Fields
        Distances to all that matters.
    inner_lps : array_like, shape (N, 3)
        Inner ends, LPS mm.
    outward_lps : array_like, shape (N, 3)
        Unit vectors from the inner end towards the operator.
    limits : Limits
        Hard limits.
    fine : bool
        Sample every quarter millimetre for exact clearances, instead of stepping by the free distance.

    Returns
    -------
    Checked
    """
    inner = np.ascontiguousarray(inner_lps, dtype=np.float64).reshape(-1, 3)
    outward = np.ascontiguousarray(outward_lps, dtype=np.float64).reshape(-1, 3)
    start = np.ascontiguousarray(fields.grid.to_index(inner))
    step = np.ascontiguousarray(outward @ fields.grid.index_from_lps[:3, :3].T)
    numbers = np.array(
        [
            limits.radius_mm,
            limits.length_mm - limits.beyond_mm,
            limits.metal_mm,
            limits.tip_metal_mm,
            limits.canal_mm,
            limits.forbidden_mm,
            limits.bone_mm,
            limits.inside_mm,
            limits.graze_mm,
        ]
    )
    reason = np.zeros(len(inner), np.uint8)
    out = np.full((len(inner), 6), np.nan)
    _check_all(fields.channels, start, step, numbers, _FINE_STEP_MM if fine else 3.0, reason, out)
    return Checked(reason, *(out[:, k] for k in range(6)))


def sample(fields: Fields, points_lps: npt.ArrayLike, channel: int) -> Array:
    """Look up a distance between the voxels.

    Parameters
    ----------
    fields : Fields
        Distances.
    points_lps : array_like, shape (N, 3)
        Where, LPS mm.
    channel : int
        Which distance.

    Returns
    -------
    ndarray, shape (N,)
        NaN outside the grid.
    """
    index = np.ascontiguousarray(fields.grid.to_index(points_lps)).reshape(-1, 3)
    out = np.empty(len(index))
    _sample_all(fields.channels, index, channel, out)
    return out


def surface_normals(fields: Fields, points_lps: npt.ArrayLike, *, spread_mm: float = 2.0) -> Array:
    """Give the outward normals of the bone's surface.

    Parameters
    ----------
    fields : Fields
        Distances.
    points_lps : array_like, shape (N, 3)
        On the surface, LPS mm.
    spread_mm : float
        Half width of the central difference: the surface is taken as it is over that distance.

    Returns
    -------
    ndarray, shape (N, 3)
        Unit vectors out of the bone; NaN where they cannot be told.
    """
    points = np.asarray(points_lps, dtype=np.float64).reshape(-1, 3)
    gradient = np.empty_like(points)
    for axis in range(3):
        shift = np.zeros(3)
        shift[axis] = spread_mm
        gradient[:, axis] = sample(fields, points - shift, BONE) - sample(fields, points + shift, BONE)
    length = np.linalg.norm(gradient, axis=1, keepdims=True)
    return np.asarray(np.divide(gradient, length, out=np.full_like(gradient, np.nan), where=length > 1e-6))


@numba.njit(cache=True, inline="always")
def _inside(z: float, y: float, x: float, shape: tuple[int, ...]) -> bool:
    return 0.0 <= z <= shape[0] - 1 and 0.0 <= y <= shape[1] - 1 and 0.0 <= x <= shape[2] - 1


@numba.njit(cache=True)
def _look_up(field: npt.NDArray[np.float32], z: float, y: float, x: float, value: Array) -> None:
    """Write the trilinear values of all channels at an index inside the grid."""
    i, j, k = min(int(z), field.shape[0] - 2), min(int(y), field.shape[1] - 2), min(int(x), field.shape[2] - 2)
    fz, fy, fx = z - i, y - j, x - k
    for c in range(field.shape[3]):
        low = (field[i, j, k, c] * (1 - fx) + field[i, j, k + 1, c] * fx) * (1 - fy) + (
            field[i, j + 1, k, c] * (1 - fx) + field[i, j + 1, k + 1, c] * fx
        ) * fy
        high = (field[i + 1, j, k, c] * (1 - fx) + field[i + 1, j, k + 1, c] * fx) * (1 - fy) + (
            field[i + 1, j + 1, k, c] * (1 - fx) + field[i + 1, j + 1, k + 1, c] * fx
        ) * fy
        value[c] = low * (1 - fz) + high * fz


@numba.njit(cache=True, parallel=True)
def _sample_all(field: npt.NDArray[np.float32], index: Array, channel: int, out: Array) -> None:
    for n in numba.prange(index.shape[0]):
        value = np.empty(field.shape[3])
        z, y, x = index[n, 0], index[n, 1], index[n, 2]
        if _inside(z, y, x, field.shape):
            _look_up(field, z, y, x, value)
            out[n] = value[channel]
        else:
            out[n] = math.nan


@numba.njit(cache=True, parallel=True)
def _check_all(
    field: npt.NDArray[np.float32],
    start: Array,
    step: Array,
    limits: Array,
    longest_step: float,
    reason: npt.NDArray[np.uint8],
    out: Array,
) -> None:
    for n in numba.prange(start.shape[0]):
        reason[n] = _march(field, start[n], step[n], limits, longest_step, out[n])


@numba.njit(cache=True)
def _march(
    field: npt.NDArray[np.float32], start: Array, step: Array, limits: Array, longest_step: float, out: Array
) -> int:
    """Walk one needle outwards; the bone's surface layer must be passed once, quickly, and for good.

    `phase` is 0 in bone, 1 in the surface layer, 2 outside. Distances change by no more than the way walked, so a step
    as long as the free distance cannot jump over a violation.
    """
    value = np.empty(5)
    length, inside = limits[1], limits[7]
    out[3:6] = 1e3
    s, phase, left_core, last_depth, last_s = 0.0, 0, 0.0, 0.0, 0.0
    while True:
        z, y, x = start[0] + s * step[0], start[1] + s * step[1], start[2] + s * step[2]
        if not _inside(z, y, x, field.shape):
            out[2] = last_s
            return PASSED if phase == 2 else NO_EXIT
        _look_up(field, z, y, x, value)
        depth = value[3]
        if phase == 2 and value[4] < 0.0:
            out[1] = s - 0.5 * (s - last_s)
            out[2] = out[1]
            return PASSED if out[1] <= length else TOO_LONG
        code, free = _keeps_clear(value, s, limits, out)
        if math.isnan(out[0]) and depth < 0.0:
            out[0] = last_s + (s - last_s) * last_depth / max(1e-9, last_depth - depth)
        if phase == 0:
            left_core = last_s
        if code == PASSED:
            phase, code, spare = _bone_phase(depth, phase, s - left_core, limits)
            free = min(free, spare)
        if s == 0.0 and depth < inside:
            code = NOT_IN_BONE
        if code != PASSED or s > length:
            return TOO_LONG if code == PASSED else code
        last_s, last_depth = s, depth
        s += min(longest_step, max(_FINE_STEP_MM, free))


@numba.njit(cache=True)
def _bone_phase(depth: float, phase: int, run_mm: float, limits: Array) -> tuple[int, int, float]:
    """Follow a needle out of the bone; give the new phase, the code, and the free distance to the next change."""
    inside, outside = limits[7], -(limits[0] + limits[6])
    if phase == 0 and depth < inside:
        phase = 1
    code = PASSED
    if phase == 1:
        if run_mm > limits[8] or depth > inside + 0.3:
            code = GRAZES
        elif depth < outside:
            phase = 2
    elif phase == 2 and depth > outside + 0.05:
        code = SECOND_BONE
    return phase, code, abs(depth - inside) if phase == 0 else abs(depth - outside)


@numba.njit(cache=True)
def _keeps_clear(value: Array, s: float, limits: Array, out: Array) -> tuple[int, float]:
    """Judge one sample against metal, canal and forbidden tissue; give the code and the free distance."""
    radius = limits[0]
    metal, canal, forbidden = value[0] - radius, value[1] - radius, value[2] - radius
    out[3], out[4], out[5] = min(out[3], metal), min(out[4], canal), min(out[5], forbidden)
    spare_metal = metal - min(limits[2], limits[3] + 0.1 * s)
    spare_canal = canal - limits[4]
    spare_forbidden = forbidden - limits[5]
    if spare_metal < 0.0:
        return HITS_METAL, 0.0
    if spare_canal < 0.0:
        return HITS_CANAL, 0.0
    if spare_forbidden < 0.0:
        return HITS_FORBIDDEN, 0.0
    return PASSED, min(spare_metal, spare_canal, spare_forbidden)
