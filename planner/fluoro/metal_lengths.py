"""What single rays pass of metal, for many sources at once, and which of them run where metal was not scanned.

Exact for the mask's voxels, crossing by crossing (Amanatides and Woo 1987, A fast voxel traversal algorithm for ray
tracing). All is done in index coordinates, so that any grid will do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, PointsIndex
from planner.geometry.grid import Grid
from planner.geometry.one_at_a_time import one_at_a_time
from planner.model.volume import Mask

_ANY_MM = 1e-6
_SURELY = 1.0 + 1e-9
_BESIDE_MM = 20.0
"""Metal that the CT cuts off may lie so far beside where it was cut, further on: a rod's bend over two levels. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class MetalBlock:
    """Metal made ready for rays: its voxels' box, and where the CT cuts it off.

    Parameters
    ----------
    grid : Grid
        Of the box.
    codes : ndarray of uint8, shape ``grid.shape``, C order
        0 for no metal, else its kind.
    hiding_mm : ndarray, shape (kinds + 1,)
        For each code the length of such metal in a ray behind which nothing is seen; endless for none.
    scan_grid : Grid
        Of the whole CT.
    beyond_idx : ndarray, shape (K, 2, 3)
        Low and high corner, in indices of `scan_grid`, of each room outside of the CT into which metal goes on; it is
        endless on one side.
    """

    grid: Grid
    codes: npt.NDArray[np.uint8]
    hiding_mm: Array
    scan_grid: Grid
    beyond_idx: Array


@dataclass(frozen=True, slots=True, eq=False)
class Passed:
    """What rays pass of metal.

    Parameters
    ----------
    metal_mm : ndarray, shape (V, N)
        Length in metal.
    shade : ndarray, shape (V, N)
        The lengths as shares of those that hide, added up over the kinds of metal: over 1 nothing is seen.
    """

    metal_mm: Array
    shade: Array

    @property
    def hidden(self) -> npt.NDArray[np.bool_]:
        """Whether the metal hides what the ray shows, shape (V, N)."""
        return np.asarray(self.shade > 1.0)


def metal_block(metal: Mask, *, hiding_mm: float, others: Sequence[tuple[Mask, float]] = ()) -> MetalBlock:
    """Make metal ready for rays.

    Parameters
    ----------
    metal : Mask
        All metal, on the whole CT's grid: where it reaches the grid's last voxels it is taken to go on.
    hiding_mm : float
        Length of metal in a ray behind which nothing is seen, as `planner.fluoro.hiding.hiding_length_mm` gives it;
        0: behind any metal.
    others : sequence of (Mask, float)
        Parts of it that are of another metal, on the same grid, each with its own such length; the last one holds.

    Returns
    -------
    MetalBlock

    Raises
    ------
    GeometryError
        If a part lies on another grid.
    ValueError
        If a length is negative.
    """
    lengths = [hiding_mm, *(length for _, length in others)]
    if not min(lengths) >= 0.0:
        raise ValueError(f"metal cannot hide from {min(lengths):g} mm on; give 0 mm or more")
    voxels, grid = metal.voxels, metal.grid
    start, stop = _box(voxels)
    block = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    codes = np.array(voxels[block], dtype=np.uint8, order="C")
    for code, (part, _) in enumerate(others, start=2):
        grid.require_same(part.grid)
        codes[part.voxels[block] & (codes > 0)] = code
    rooms = [_room_beyond(voxels, grid, axis, end) for axis in range(3) for end in (0, -1)]
    beyond = [room for room in rooms if room is not None]
    return MetalBlock(
        grid=grid.crop(start, stop),
        codes=codes,
        hiding_mm=np.maximum([np.inf, *lengths], _ANY_MM),
        scan_grid=grid,
        beyond_idx=np.array(beyond, dtype=np.float64).reshape(-1, 2, 3),
    )


def _box(voxels: npt.NDArray[np.bool_]) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Give the first voxel of a mask's box and one past its last; one voxel of an empty mask."""
    low, high = [0, 0, 0], [1, 1, 1]
    if voxels.any():
        for axis in range(3):
            others = tuple(k for k in range(3) if k != axis)
            hit = np.flatnonzero(voxels.any(axis=others))
            low[axis], high[axis] = int(hit[0]), int(hit[-1]) + 1
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])


def _room_beyond(voxels: npt.NDArray[np.bool_], grid: Grid, axis: int, end: int) -> Array | None:
    """Give the room into which metal goes on at one face of the CT; None where none reaches it."""
    face = np.argwhere(np.take(voxels, end, axis=axis)).astype(np.float64)
    if not len(face):
        return None
    across = [k for k in range(3) if k != axis]
    room = np.empty((2, 3))
    margin = _BESIDE_MM / np.array(grid.spacing_mm)[across]
    room[0, across] = face.min(axis=0) - 0.5 - margin
    room[1, across] = face.max(axis=0) + 0.5 + margin
    room[:, axis] = (-np.inf, -0.5) if end == 0 else (voxels.shape[axis] - 0.5, np.inf)
    return room


def pass_metal(block: MetalBlock, sources_lps: npt.ArrayLike, ends_lps: npt.ArrayLike) -> Passed:
    """Give what rays pass of metal.

    Parameters
    ----------
    block : MetalBlock
        The metal.
    sources_lps : array_like, shape (V, 3)
        Where the rays begin, LPS mm.
    ends_lps : array_like, shape (V, N, 3)
        Where those of each source end.

    Returns
    -------
    Passed
    """
    sources, ends = np.asarray(sources_lps, dtype=np.float64), np.asarray(ends_lps, dtype=np.float64)
    whole = np.linalg.norm(ends - sources[:, None, :], axis=-1)
    shares = np.zeros((*whole.shape, 2))
    start, stop = (np.ascontiguousarray(block.grid.to_index(points)) for points in (sources, ends))
    weights = 1.0 / block.hiding_mm
    if len(sources) == 1:
        # for one view's few rays other threads are not worth waking
        _cast_view(block.codes, weights, start[0], stop[0], shares[0])
    else:
        _cast_views(block.codes, weights, start, stop, shares)
    return Passed(shares[..., 0] * whole, shares[..., 1] * whole)


def hidden_behind(block: MetalBlock, sources_lps: npt.ArrayLike, ends_lps: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Say which rays metal hides, as `Passed.hidden` does, sooner: where they pass enough they are followed no farther.

    Parameters
    ----------
    block : MetalBlock
        The metal.
    sources_lps : array_like, shape (V, 3)
        Where the rays begin, LPS mm.
    ends_lps : array_like, shape (V, N, 3)
        Where those of each source end.

    Returns
    -------
    ndarray of bool, shape (V, N)
    """
    sources, ends = np.asarray(sources_lps, dtype=np.float64), np.asarray(ends_lps, dtype=np.float64)
    whole = np.linalg.norm(ends - sources[:, None, :], axis=-1)
    hidden = np.zeros(whole.shape, dtype=np.bool_)
    start, stop = (np.ascontiguousarray(block.grid.to_index(points)) for points in (sources, ends))
    _hide_views(block.codes, 1.0 / block.hiding_mm, start, stop, whole, hidden)
    return hidden


def runs_beyond(block: MetalBlock, sources_lps: npt.ArrayLike, ends_lps: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Say which rays run where metal goes on that the CT does not hold.

    Parameters
    ----------
    block : MetalBlock
        The metal.
    sources_lps : array_like, shape (V, 3)
        Where the rays begin, LPS mm.
    ends_lps : array_like, shape (V, N, 3)
        Where those of each source end.

    Returns
    -------
    ndarray of bool, shape (V, N)
        True where the ray's length of metal is not known; False everywhere where the CT holds all metal.
    """
    sources, ends = np.asarray(sources_lps, dtype=np.float64), np.asarray(ends_lps, dtype=np.float64)
    out = np.zeros(ends.shape[:-1], dtype=np.bool_)
    if not len(block.beyond_idx):
        return out
    start: PointsIndex = block.scan_grid.to_index(sources)
    run = block.scan_grid.to_index(ends) - start[:, None, :]
    run = np.where(np.abs(run) < 1e-12, 1e-12, run)
    for low, high in block.beyond_idx:
        first, second = (low - start[:, None, :]) / run, (high - start[:, None, :]) / run
        enter = np.maximum(np.minimum(first, second).max(axis=-1), 0.0)
        leave = np.minimum(np.maximum(first, second).min(axis=-1), 1.0)
        out |= leave > enter
    return out


@numba.njit(cache=True, nogil=True)  # type: ignore[misc, unused-ignore]
def _span(shape: tuple[int, int, int], start: Array, run: tuple[float, float, float]) -> tuple[float, float]:
    """Give the shares of a ray between which it is in the box; the second is not the greater one where it misses it."""
    enter, leave = 0.0, 1.0
    for axis in range(3):
        low, high = -0.5 - start[axis], shape[axis] - 0.5 - start[axis]
        if run[axis] == 0.0:
            if low > 0.0 or high < 0.0:
                return 1.0, 0.0
            continue
        near, far = low / run[axis], high / run[axis]
        enter, leave = max(enter, min(near, far)), min(leave, max(near, far))
    return enter, leave


@numba.njit(cache=True, nogil=True)  # type: ignore[misc, unused-ignore]
def _along(start: float, run: float, at: float, count: int) -> tuple[int, int, float, float]:
    """Give a ray's voxel along one axis, its way to the next one, where on the ray that begins, and a voxel's share."""
    cell = min(max(int(np.floor(start + at * run + 0.5)), 0), count - 1)
    if run == 0.0:
        return cell, 0, np.inf, np.inf
    way = 1 if run > 0.0 else -1
    return cell, way, (cell + 0.5 * way - start) / run, 1.0 / abs(run)


@numba.njit(cache=True, nogil=True)  # type: ignore[misc, unused-ignore]
def _cast_ray(
    codes: npt.NDArray[np.uint8], weights: Array, start: Array, stop: Array, enough: float
) -> tuple[float, float]:
    """Give the share of one ray that lies in metal, and the same weighted by its kinds, which ends it above `enough`.

    All by single numbers: small arrays cost more than the walk.
    """
    run = (stop[0] - start[0], stop[1] - start[1], stop[2] - start[2])
    at, leave = _span(codes.shape, start, run)
    i, way_i, after_i, step_i = _along(start[0], run[0], at, codes.shape[0])
    j, way_j, after_j, step_j = _along(start[1], run[1], at, codes.shape[1])
    k, way_k, after_k, step_k = _along(start[2], run[2], at, codes.shape[2])
    share, weighted = 0.0, 0.0
    while at < leave:
        until = max(at, min(min(after_i, after_j, after_k), leave))
        code = codes[i, j, k]
        if code > 0:
            share += until - at
            weighted += (until - at) * weights[code]
            if weighted > enough:
                break
        at = until
        if after_i <= after_j and after_i <= after_k:
            i += way_i
            after_i += step_i
            if not 0 <= i < codes.shape[0]:
                break
        elif after_j <= after_k:
            j += way_j
            after_j += step_j
            if not 0 <= j < codes.shape[1]:
                break
        else:
            k += way_k
            after_k += step_k
            if not 0 <= k < codes.shape[2]:
                break
    return share, weighted


@numba.njit(cache=True, nogil=True)  # type: ignore[misc, unused-ignore]
def _cast_view(codes: npt.NDArray[np.uint8], weights: Array, start: Array, stops: Array, shares: Array) -> None:
    """Cast the rays of one source; all positions in index coordinates."""
    for ray in range(len(shares)):
        shares[ray, 0], shares[ray, 1] = _cast_ray(codes, weights, start, stops[ray], np.inf)


@one_at_a_time
@numba.njit(cache=True, nogil=True, parallel=True)  # type: ignore[misc, unused-ignore]
def _cast_views(codes: npt.NDArray[np.uint8], weights: Array, starts: Array, stops: Array, shares: Array) -> None:
    """Do so for many sources."""
    for view in numba.prange(len(shares)):
        _cast_view(codes, weights, starts[view], stops[view], shares[view])


@one_at_a_time
@numba.njit(cache=True, nogil=True, parallel=True)  # type: ignore[misc, unused-ignore]
def _hide_views(
    codes: npt.NDArray[np.uint8],
    weights: Array,
    starts: Array,
    stops: Array,
    lengths_mm: Array,
    hidden: npt.NDArray[np.bool_],
) -> None:
    """Say which rays of many sources pass more than what hides: each is followed no farther than tells."""
    for view in numba.prange(len(hidden)):
        for ray in range(hidden.shape[1]):
            length = lengths_mm[view, ray]
            # a hair more than what hides, for a share's rounding: the product alone decides
            enough = _SURELY / length if length > 0.0 else np.inf
            hidden[view, ray] = _cast_ray(codes, weights, starts[view], stops[view, ray], enough)[1] * length > 1.0
