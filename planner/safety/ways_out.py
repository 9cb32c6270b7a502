"""Straight ways from a gap's wall to the outside of the bone, and how much bone lies on them."""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.geometry.one_at_a_time import one_at_a_time

Single = npt.NDArray[np.float32]
STEP_MM = 0.2
"""Between readings along a way: a third of a voxel of a usual CT, or less."""
_GOLDEN = np.pi * (1.0 + 5.0**0.5)


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What ways are cast through: fields on one grid, float32.

    Parameters
    ----------
    grid : Grid
        Where the voxels are.
    hu : ndarray, shape ``grid.shape``
        CT.
    depth_mm : ndarray, shape ``grid.shape``
        Depth below the bone's outline, metal and gaps counted as bone; negative outside.
    metal_mm : ndarray, shape ``grid.shape``
        Distance from metal; negative inside.
    """

    grid: Grid
    hu: Single
    depth_mm: Single
    metal_mm: Single


@dataclass(frozen=True, slots=True, eq=False)
class WaysOut:
    """The weakest way out of each point; each array has N rows.

    Parameters
    ----------
    bone_mm_hu : ndarray, shape (N,)
        HU above soft tissue, summed along the way, mm x HU; infinite where no way leads out within reach.
    length_mm : ndarray, shape (N,)
        Of the weakest way: from the wall to the bone's outline; 0 where the outline lies on the wall; infinite where
        there is no way.
    end_mm : ndarray, shape (N,)
        Where bone ends on the way on which it ends first: where readings fall below half their height for the last
        time; 0 where there is no bone.
    peak_hu : ndarray, shape (N,)
        The brightest reading on it; nan where there is no way.
    direction_lps : ndarray, shape (N, 3)
        Unit vector along it; the point's own normal where there is no way.
    """

    bone_mm_hu: Array
    length_mm: Array
    end_mm: Array
    peak_hu: Array
    direction_lps: Array


def cone(axes_lps: Array, *, half_deg: float, count: int) -> Array:
    """Spread directions evenly over a cone round each axis.

    Parameters
    ----------
    axes_lps : ndarray, shape (N, 3)
        Unit vectors.
    half_deg : float
        Half the cone's opening.
    count : int
        How many beside the axis itself.

    Returns
    -------
    ndarray, shape (N, count + 1, 3)
        Unit vectors, the axis first; a spiral (Vogel 1979, doi 10.1016/0025-5564(79)90080-4).
    """
    k = np.arange(count) + 0.5
    height = 1.0 - (1.0 - np.cos(np.radians(half_deg))) * k / max(count, 1)
    side = np.sqrt(1.0 - height**2)
    own = np.stack([side * np.cos(_GOLDEN * k), side * np.sin(_GOLDEN * k), height], axis=1)
    own = np.concatenate([[[0.0, 0.0, 1.0]], own])
    least = np.eye(3)[np.argmin(np.abs(axes_lps), axis=1)]
    first = np.cross(axes_lps, least)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(axes_lps, first)
    frames = np.stack([first, second, axes_lps], axis=1)
    return np.asarray(np.einsum("kc,ncx->nkx", own, frames))


def cast_ways(
    ground: Ground,
    points_lps: Array,
    directions_lps: Array,
    *,
    reach_mm: float,
    before_mm: float,
    beyond_mm: float,
    soft_hu: float,
    most_hu: float,
    bloom_mm: float,
) -> WaysOut:
    """Cast ways from points and keep the weakest of each.

    Parameters
    ----------
    ground : Ground
        What lies there.
    points_lps : ndarray, shape (N, 3)
        On the gap's wall.
    directions_lps : ndarray, shape (N, K, 3)
        Unit vectors to try.
    reach_mm : float
        The outline must be met within this.
    before_mm, beyond_mm : float
        Bone is summed so far before the wall and beyond the outline too: a wall's blur reaches over both.
    soft_hu, most_hu : float
        Soft tissue counts nothing; brighter than `most_hu` counts as that.
    bloom_mm : float
        So near to metal what falls off from the start of a way is its bloom, no bone.

    Returns
    -------
    WaysOut
    """
    grid = ground.grid
    start = np.ascontiguousarray(np.asarray(grid.to_index(points_lps)), dtype=np.float64)
    turn = grid.index_from_lps[:3, :3]
    steps = np.ascontiguousarray(np.einsum("ij,nkj->nki", turn, directions_lps) * STEP_MM)
    out = np.full((len(start), 5), np.inf)
    if len(start):
        _cast(
            ground.hu, ground.depth_mm, ground.metal_mm, start, steps,
            int(np.ceil((before_mm + reach_mm + beyond_mm) / STEP_MM)) + 1, round(before_mm / STEP_MM), reach_mm,
            beyond_mm, soft_hu, most_hu, bloom_mm, out,
        )  # fmt: skip
    led = np.isfinite(out[:, 0])
    chosen = np.where(led, out[:, 3], 0).astype(np.intp)
    along = directions_lps[np.arange(len(start)), chosen] if len(start) else np.zeros((0, 3))
    return WaysOut(out[:, 0], out[:, 1], out[:, 4], np.where(led, out[:, 2], np.nan), along)


@numba.njit(cache=True, inline="always")  # type: ignore[misc, unused-ignore]
def _at(field: Any, z: Any, y: Any, x: Any) -> Any:
    """Read a field between its voxels."""
    nz, ny, nx = field.shape
    z, y, x = min(max(z, 0.0), nz - 1.001), min(max(y, 0.0), ny - 1.001), min(max(x, 0.0), nx - 1.001)
    k, j, i = int(z), int(y), int(x)
    w, v, u = z - k, y - j, x - i
    front = (field[k, j, i] * (1 - u) + field[k, j, i + 1] * u) * (1 - v) + (
        field[k, j + 1, i] * (1 - u) + field[k, j + 1, i + 1] * u
    ) * v
    back = (field[k + 1, j, i] * (1 - u) + field[k + 1, j, i + 1] * u) * (1 - v) + (
        field[k + 1, j + 1, i] * (1 - u) + field[k + 1, j + 1, i + 1] * u
    ) * v
    return front * (1 - w) + back * w


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _read_bone(
    hu: Any, metal: Any, start: Any, step: Any, back: Any, soft: Any, most: Any, bloom: Any, read: Any
) -> Any:
    """Read a way; give how many readings it has before metal shuts it."""
    falls, last = True, np.inf
    for n in range(len(read)):
        at = n + 0.5 - back
        z, y, x = start[0] + at * step[0], start[1] + at * step[1], start[2] + at * step[2]
        near = _at(metal, z, y, x)
        if near < 0.0:
            if at > 0.0:
                return n
            read[n] = soft
            continue
        value = _at(hu, z, y, x)
        # metal's bloom falls off from the start; it is no bone
        falls = falls and value < last and near < bloom
        last = value
        read[n] = soft if falls else min(max(value, soft), most)
    return len(read)


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _outline(depth: Any, start: Any, step: Any, count: Any) -> Any:
    """Give how far along a way the bone's outline lies, mm; infinite where it is not met."""
    before = _at(depth, start[0], start[1], start[2])
    if before <= 0.0:
        return 0.0
    for n in range(count):
        at = n + 0.5
        now = _at(depth, start[0] + at * step[0], start[1] + at * step[1], start[2] + at * step[2])
        if now <= 0.0:
            share = before / (before - now) if before > now else 0.0
            return max((at - 1.0 + share) * STEP_MM, 0.0)
        before = now
    return np.inf


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _way(
    hu: Any, depth: Any, metal: Any, start: Any, step: Any, back: Any, reach: Any, beyond: Any, soft: Any, most: Any,
    bloom: Any, read: Any,
) -> Any:  # fmt: skip
    """Follow one way: what bone is summed, how long it is, where bone ends, its brightest reading; infinite if shut."""
    length = _outline(depth, start, step, len(read) - back)
    if length > reach:
        return np.inf, np.inf, np.inf, -1000.0
    taken = min(int(np.ceil((length + beyond) / STEP_MM)) + back, len(read))
    if _read_bone(hu, metal, start, step, back, soft, most, bloom, read[:taken]) < taken:
        return np.inf, np.inf, np.inf, -1000.0
    total, peak = 0.0, soft
    for n in range(taken):
        total += (read[n] - soft) * STEP_MM
        peak = max(peak, read[n])
    end = _bone_end(read, taken, 0.5 * (soft + peak)) - back * STEP_MM
    return total, length, max(end, 0.0), peak


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _bone_end(read: Any, taken: Any, half: Any) -> Any:
    """Give where readings fall below half their height for the last time."""
    for n in range(taken - 1, -1, -1):
        if read[n] > half:
            share = (read[n] - half) / (read[n] - read[n + 1]) if n + 1 < taken and read[n] > read[n + 1] else 0.5
            return (n + 0.5 + min(share, 1.0)) * STEP_MM
    return 0.0


@one_at_a_time
@numba.njit(cache=True, parallel=True, nogil=True)  # type: ignore[misc, unused-ignore]
def _cast(
    hu: Any, depth: Any, metal: Any, start: Any, steps: Any, count: Any, back: Any, reach: Any, beyond: Any, soft: Any,
    most: Any, bloom: Any, out: Any,
) -> None:  # fmt: skip
    for n in numba.prange(len(start)):
        read = np.zeros(count)
        for k in range(steps.shape[1]):
            total, length, end, peak = _way(
                hu, depth, metal, start[n], steps[n, k], back, reach, beyond, soft, most, bloom, read
            )
            out[n, 4] = min(out[n, 4], end)
            if total < out[n, 0]:
                out[n, 0], out[n, 1], out[n, 2], out[n, 3] = total, length, peak, k
