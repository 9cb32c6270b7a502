"""Needles walked through the distance fields, compiled: what `clearance` calls."""

import math
from collections.abc import Callable
from types import FunctionType
from typing import cast

import numba
import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.geometry.one_at_a_time import one_at_a_time

Field = npt.NDArray[np.float32]

FINE_STEP_MM = 0.25
_LONG_STEP_MM = 3.0
_FAR_MM = 1e3
# as in `clearance.REASONS`
_PASSED, _METAL, _CANAL, _FORBIDDEN, _NOT_IN_BONE, _SECOND, _GRAZES, _TOO_LONG, _NO_EXIT, _OTHER = range(10)
_SPOTS_MM = (0.0, 6.0, 14.0, 22.0, 30.0, 40.0)
"""Where needles are looked at before they are walked. Ours: the quickest of three rows tried on three spines."""
_OUT_OF_BONE_MM = 1.0
"""So far from bone a needle has left it for certain: a voxel of a usual CT and more."""


class Compiled:
    """A loop over places or needles, compiled twice: waking threads costs more than walking few needles.

    Parameters
    ----------
    loop : callable
        Written with `numba.prange`; its results do not depend on the order.
    few : int
        Up to so many rounds one thread does them. Ours: by 2 cores that others work on, too.
    """

    def __init__(self, loop: Callable[..., None], *, few: int) -> None:
        self._few = few
        self._one = numba.njit(cache=True)(_twin(loop))
        self._all = one_at_a_time(numba.njit(cache=True, parallel=True)(loop))

    def __call__(self, count: int, *arguments: object) -> None:
        """Run the loop of so many rounds on its arguments."""
        (self._one if count <= self._few else self._all)(*arguments)


def _twin(loop: Callable[..., None]) -> Callable[..., None]:
    """Give the same loop under another name: numba keeps one compiled form a name on disk, whichever was first."""
    own = cast("FunctionType", loop)
    twin = FunctionType(own.__code__, own.__globals__, f"{own.__name__}_by_one_thread")
    twin.__module__, twin.__qualname__ = own.__module__, twin.__name__
    return twin


@numba.njit(cache=True, inline="always")
def inside(z: float, y: float, x: float, shape: tuple[int, ...]) -> bool:
    """Say whether an index lies where values can be interpolated."""
    return 0.0 <= z <= shape[0] - 1 and 0.0 <= y <= shape[1] - 1 and 0.0 <= x <= shape[2] - 1


@numba.njit(cache=True)
def look_up(field: Field, z: float, y: float, x: float, value: Array) -> None:
    """Write the trilinear values of all five channels at an index inside the grid."""
    i, j, k = min(int(z), field.shape[0] - 2), min(int(y), field.shape[1] - 2), min(int(x), field.shape[2] - 2)
    fz, fy, fx = z - i, y - j, x - k
    ez, ey, ex = 1.0 - fz, 1.0 - fy, 1.0 - fx
    a, b, c, d = ez * ey * ex, ez * ey * fx, ez * fy * ex, ez * fy * fx
    e, f, g, h = fz * ey * ex, fz * ey * fx, fz * fy * ex, fz * fy * fx
    # Unsigned indices need no look at whether they count from the end.
    u, v, w = np.uintp(i), np.uintp(j), np.uintp(k)
    one = np.uintp(1)
    for n in range(np.uintp(5)):
        value[n] = (
            a * field[u, v, w, n]
            + b * field[u, v, w + one, n]
            + c * field[u, v + one, w, n]
            + d * field[u, v + one, w + one, n]
            + e * field[u + one, v, w, n]
            + f * field[u + one, v, w + one, n]
            + g * field[u + one, v + one, w, n]
            + h * field[u + one, v + one, w + one, n]
        )


@numba.njit(cache=True)
def trilinear(field: Field, z: float, y: float, x: float) -> float:
    """Give the value of one field at an index inside its grid."""
    i, j, k = min(int(z), field.shape[0] - 2), min(int(y), field.shape[1] - 2), min(int(x), field.shape[2] - 2)
    fz, fy, fx = z - i, y - j, x - k
    low = (field[i, j, k] * (1 - fx) + field[i, j, k + 1] * fx) * (1 - fy) + (
        field[i, j + 1, k] * (1 - fx) + field[i, j + 1, k + 1] * fx
    ) * fy
    high = (field[i + 1, j, k] * (1 - fx) + field[i + 1, j, k + 1] * fx) * (1 - fy) + (
        field[i + 1, j + 1, k] * (1 - fx) + field[i + 1, j + 1, k + 1] * fx
    ) * fy
    return float(low * (1 - fz) + high * fz)


def _sample(field: Field, index: Array, channel: int, out: Array) -> None:
    """Write one channel's values at indices; NaN outside the grid."""
    single = field[..., channel]
    for n in numba.prange(index.shape[0]):
        z, y, x = index[n, 0], index[n, 1], index[n, 2]
        out[n] = trilinear(single, z, y, x) if inside(z, y, x, single.shape) else math.nan


@numba.njit(cache=True)
def _from_other(other: Field, corner: Array, z: float, y: float, x: float, beyond: float) -> float:
    """Give the distance from other bones, and what is taken for it beyond their box."""
    z, y, x = z - corner[0], y - corner[1], x - corner[2]
    if inside(z, y, x, other.shape):
        return trilinear(other, z, y, x)
    return beyond


def _check(
    field: Field,
    other: Field,
    corner: Array,
    start: Array,
    step: Array,
    limits: Array,
    longest_step: float,
    reason: npt.NDArray[np.uint8],
    out: Array,
) -> None:
    """Walk every needle; see `clearance.check_straight`."""
    for n in numba.prange(start.shape[0]):
        if longest_step > FINE_STEP_MM:
            reason[n] = _meets_at_spots(field, other, corner, start[n], step[n], limits, out[n])
        if reason[n] == _PASSED:
            reason[n] = _march(field, other, corner, start[n], step[n], limits, longest_step, out[n])


@numba.njit(cache=True)
def _march(
    field: Field,
    other: Field,
    corner: Array,
    start: Array,
    step: Array,
    limits: Array,
    longest_step: float,
    out: Array,
) -> int:
    """Walk one needle outwards; the bone's surface layer must be passed once, quickly, and for good.

    `phase` is 0 in bone, 1 in the surface layer, 2 outside. Distances change by no more than the way walked, so a step
    as long as the free distance cannot jump over a violation. `first` is the first limit that was broken by no more
    than the tolerance.
    """
    value = np.empty(5)
    length, deep = limits[1], limits[7]
    out[3:8] = _FAR_MM
    s, phase, left_core, last_depth, last_s, first = 0.0, 0, 0.0, 0.0, 0.0, _PASSED
    while True:
        z, y, x = start[0] + s * step[0], start[1] + s * step[1], start[2] + s * step[2]
        if not inside(z, y, x, field.shape):
            out[2] = last_s
            return first if phase == 2 else _NO_EXIT
        look_up(field, z, y, x, value)
        depth = value[3]
        if phase == 2 and value[4] < 0.0:
            out[1] = s - 0.5 * (s - last_s)
            out[2] = out[1]
            return first if out[1] <= length else _TOO_LONG
        far = _from_other(other, corner, z, y, x, _FAR_MM)
        code, free = _keeps_clear(value, far, s, limits, out)
        if code != _PASSED and free >= -limits[10]:
            first, code = first if first != _PASSED else code, _PASSED
        if math.isnan(out[0]) and depth < 0.0:
            out[0] = last_s + (s - last_s) * last_depth / max(1e-9, last_depth - depth)
        if phase == 0:
            left_core = last_s
        if code == _PASSED:
            phase, code, spare = _bone_phase(depth, phase, s - left_core, limits)
            free = min(free, spare)
        if s == 0.0 and depth < deep:
            code = _NOT_IN_BONE
        if code != _PASSED or s > length:
            return _TOO_LONG if code == _PASSED else code
        last_s, last_depth = s, depth
        s += min(longest_step, max(FINE_STEP_MM, free))


@numba.njit(cache=True)
def _meets_at_spots(
    field: Field, other: Field, corner: Array, start: Array, step: Array, limits: Array, out: Array
) -> int:
    """Look at a few places of a needle, for most that are refused run right through something.

    Only what breaks a limit by more than the tolerance counts, and only before the skin: the walk refuses it, too.
    """
    value = np.empty(5)
    out[3:8] = _FAR_MM
    for s in _SPOTS_MM:
        z, y, x = start[0] + s * step[0], start[1] + s * step[1], start[2] + s * step[2]
        if not inside(z, y, x, field.shape):
            break
        look_up(field, z, y, x, value)
        if value[4] < 0.0:
            break
        if s == 0.0 and value[3] < limits[7]:
            return _NOT_IN_BONE
        code, free = _keeps_clear(value, _from_other(other, corner, z, y, x, _FAR_MM), s, limits, out)
        if free < -limits[10]:
            return code
    return _PASSED


@numba.njit(cache=True)
def _bone_phase(depth: float, phase: int, run_mm: float, limits: Array) -> tuple[int, int, float]:
    """Follow a needle out of the bone; give the new phase, the code, and the free distance to the next change."""
    deep, outside = limits[7], -(limits[0] + limits[6])
    if phase == 0 and depth < deep:
        phase = 1
    code = _PASSED
    if phase == 1:
        if run_mm > limits[8] or depth > deep + 0.3:
            code = _GRAZES
        elif depth < outside:
            phase = 2
    elif phase == 2 and depth > outside + 0.05:
        code = _SECOND
    return phase, code, abs(depth - deep) if phase == 0 else abs(depth - outside)


@numba.njit(cache=True)
def _keeps_clear(value: Array, other: float, s: float, limits: Array, out: Array) -> tuple[int, float]:
    """Judge one sample against metal, canal, forbidden tissue and other bones; give the code and the least spare."""
    radius = limits[0]
    metal, canal, forbidden, bone = value[0] - radius, value[1] - radius, value[2] - radius, other - radius
    out[3], out[4], out[5] = min(out[3], metal), min(out[4], canal), min(out[5], forbidden)
    out[6] = min(out[6], bone)
    spare_metal = metal - min(limits[2], limits[3] + 0.1 * s)
    spare_canal = canal - limits[4]
    spare_forbidden = forbidden - limits[5]
    spare_bone = bone - limits[9]
    least = min(spare_metal, spare_canal, spare_forbidden, spare_bone)
    out[7] = min(out[7], least)
    if spare_metal < 0.0:
        return _METAL, least
    if spare_canal < 0.0:
        return _CANAL, least
    if spare_forbidden < 0.0:
        return _FORBIDDEN, least
    return _OTHER if spare_bone < 0.0 else _PASSED, least


def _measure(
    field: Field, other: Field, corner: Array, start: Array, step: Array, length: Array, radius: float, out: Array
) -> None:
    """Measure every needle along its length; see `clearance.least_distances`."""
    for n in numba.prange(start.shape[0]):
        _least(field, other, corner, start[n], step[n], length[n], radius, out[n])


@numba.njit(cache=True)
def _least(
    field: Field, other: Field, corner: Array, start: Array, step: Array, length: float, radius: float, out: Array
) -> None:
    value = np.empty(5)
    out[:4], out[4] = _FAR_MM, 0.0
    s, left_bone = 0.0, False
    while s <= length:
        z, y, x = start[0] + s * step[0], start[1] + s * step[1], start[2] + s * step[2]
        if not inside(z, y, x, field.shape):
            break
        look_up(field, z, y, x, value)
        depth = value[3]
        left_bone = left_bone or depth < -_OUT_OF_BONE_MM
        if left_bone and depth > 0.0:
            out[4] = 1.0
        # Beyond the box any bone counts, but only once the needle has left its own.
        value[3] = _from_other(other, corner, z, y, x, -depth if left_bone else _FAR_MM)
        free = abs(depth if left_bone else depth + _OUT_OF_BONE_MM)
        for c in range(4):
            free = min(free, max(0.0, value[c] - radius - out[c]))
            out[c] = min(out[c], value[c] - radius)
        s += min(_LONG_STEP_MM, max(FINE_STEP_MM, free))


sample_all = Compiled(_sample, few=4000)
check_all = Compiled(_check, few=600)
least_all = Compiled(_measure, few=300)
