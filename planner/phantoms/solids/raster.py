"""Solids on voxels: which of them lie within."""

from itertools import product
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from planner.geometry.frames import PointsLps
from planner.geometry.grid import Grid
from planner.phantoms.solids.basic import Bounds, Difference, Intersection, Solid, Union

Block = tuple[slice, slice, slice]
_CELLS_AT_ONCE = 100_000
_BLOCK_VOXELS, _CUT = 16, 2
_CHILDREN = np.indices((_CUT, _CUT, _CUT)).reshape(3, -1).T


def half_diagonal_mm(grid: Grid) -> float:
    """Give the distance from a voxel's centre to its furthest corner, mm."""
    corners = np.array(list(product((-0.5, 0.5), repeat=3))) @ grid.lps_from_index[:3, :3].T
    return float(np.linalg.norm(corners, axis=1).max())


def block_of(bounds: Bounds, grid: Grid, margin_mm: float) -> Block | None:
    """Give the voxels that a box can touch.

    Parameters
    ----------
    bounds : two corners, shape (3,) each
        The box, LPS mm.
    grid : Grid
        The voxels.
    margin_mm : float
        Added to the box on all sides.

    Returns
    -------
    tuple of slice or None
        None where the box lies outside the grid.
    """
    low, high = bounds[0] - margin_mm, bounds[1] + margin_mm
    corners = np.array(list(product(*zip(low, high, strict=True))))
    index = grid.to_index(corners)
    start = np.maximum(np.floor(index.min(axis=0)), 0).astype(int)
    stop = np.minimum(np.ceil(index.max(axis=0)) + 1, grid.shape).astype(int)
    if np.any(stop <= start):
        return None
    return slice(start[0], stop[0]), slice(start[1], stop[1]), slice(start[2], stop[2])


def indices_within(bounds: Bounds, points_lps: PointsLps, margin_mm: float) -> npt.NDArray[np.intp]:
    """Give the indices of the points, shape (N, 3), that lie in a box with a margin."""
    chosen = np.arange(len(points_lps))
    for axis in (2, 1, 0):  # axis by axis: most points fall out at the first
        along = points_lps[chosen, axis]
        low, high = bounds[0][axis] - margin_mm, bounds[1][axis] + margin_mm
        chosen = chosen[(along >= low) & (along <= high)]
        if not len(chosen):
            break
    return chosen


def rasterise(solid: Solid, grid: Grid) -> npt.NDArray[np.bool_]:
    """Say which voxel centres lie in a solid.

    Parameters
    ----------
    solid : Solid
        The body.
    grid : Grid
        The voxels.

    Returns
    -------
    ndarray of bool, shape ``grid.shape``
    """
    out = np.zeros(grid.shape, dtype=bool)
    paint(solid, grid, out, value=True)
    return out


def paint(solid: Solid, grid: Grid, out: npt.NDArray[Any], *, value: float) -> None:
    """Set the voxels whose centres lie in a solid.

    Parameters
    ----------
    solid : Solid
        The body.
    grid : Grid
        The voxels.
    out : ndarray, shape ``grid.shape``
        Written in place.
    value : float or bool
        What its voxels get.

    Notes
    -----
    A block of voxels that lies further from the surface than its own half diagonal is whole or empty; only the others
    are cut up, down to single voxels.
    """
    half_mm, filling = half_diagonal_mm(grid), out.dtype.type(value)
    for piece in pieces_of(solid):  # each piece only within its own box
        block = block_of(piece.bounds_lps, grid, 0.0)
        if block is None:
            continue
        start = np.array([s.start for s in block])
        stop = np.array([s.stop for s in block])
        counts = -(-(stop - start) // _BLOCK_VOXELS)
        waiting = [(_BLOCK_VOXELS, start + np.indices(counts).reshape(3, -1).T * _BLOCK_VOXELS)]
        while waiting:
            size, cells = waiting.pop()
            if len(cells) > _CELLS_AT_ONCE:
                waiting += [(size, cells[n : n + _CELLS_AT_ONCE]) for n in range(0, len(cells), _CELLS_AT_ONCE)]
                continue
            centres = _middles_lps(cells, size, grid)
            if size == 1:
                _fill(cells[contains(piece, centres)], size, stop, filling, out)
                continue
            distance = piece.distance_mm(centres)
            _fill(cells[distance <= -half_mm * size], size, stop, filling, out)
            finer = _cut_up(cells[np.abs(distance) < half_mm * size], size // _CUT)
            waiting.append((size // _CUT, finer[np.all(finer < stop, axis=1)]))


def _middles_lps(cells: npt.NDArray[np.intp], size: int, grid: Grid) -> PointsLps:
    """Give the middle of each cell; axis by axis, which is far quicker than a product of matrices."""
    out = np.empty((3, len(cells)))
    index = cells.T + 0.5 * (size - 1)
    for row, line in enumerate(grid.lps_from_index[:3]):
        out[row] = line[3]
        for axis in range(3):
            if line[axis] != 0.0:
                out[row] += index[axis] * line[axis]
    return PointsLps(out.T)


def _cut_up(cells: npt.NDArray[np.intp], size: int) -> npt.NDArray[np.intp]:
    return (cells[:, None, :] + _CHILDREN * size).reshape(-1, 3)


@numba.njit(cache=True)  # type: ignore[misc, unused-ignore]
def _fill(cells: Any, size: int, stop: Any, value: Any, out: Any) -> None:
    for n in range(cells.shape[0]):
        k0, i0, j0 = cells[n]
        for k in range(k0, min(k0 + size, stop[0])):
            for i in range(i0, min(i0 + size, stop[1])):
                for j in range(j0, min(j0 + size, stop[2])):
                    out[k, i, j] = value


def contains(solid: Solid, points_lps: PointsLps) -> npt.NDArray[np.bool_]:
    """Say which points, shape (N, 3), lie in a solid; each part of a composite is asked only where it decides.

    Parameters
    ----------
    solid : Solid
        The body.
    points_lps : PointsLps, shape (N, 3)
        Positions, LPS mm.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    out = np.zeros(len(points_lps), dtype=bool)
    for piece in pieces_of(solid):
        open_points = np.flatnonzero(~out)
        asked = open_points[indices_within(piece.bounds_lps, _some(points_lps, open_points), 0.0)]
        if not len(asked):
            continue
        if isinstance(piece, Difference):
            asked = asked[contains(piece.solid, _some(points_lps, asked))]
            out[asked[~contains(piece.without, _some(points_lps, asked))]] = True
        elif isinstance(piece, Intersection):
            for inner in piece.solids:
                asked = asked[contains(inner, _some(points_lps, asked))]
            out[asked] = True
        else:
            out[asked[piece.distance_mm(_some(points_lps, asked)) <= 0.0]] = True
    return out


def _some(points_lps: PointsLps, chosen: npt.NDArray[np.intp]) -> PointsLps:
    """Take the chosen points, without a copy where all are."""
    return points_lps if len(chosen) == len(points_lps) else PointsLps(points_lps[chosen])


def pieces_of(solid: Solid) -> tuple[Solid, ...]:
    """Take unions apart, to the last one."""
    if isinstance(solid, Union):
        return tuple(piece for inner in solid.solids for piece in pieces_of(inner))
    return (solid,)


def grid_over(bounds: Bounds, spacing_mm: float, *, margin_mm: float = 0.0) -> Grid:
    """Make an axis-aligned LPS grid with cubic voxels over a box.

    Parameters
    ----------
    bounds : two corners, shape (3,) each
        The box, LPS mm.
    spacing_mm : float
        Edge of a voxel.
    margin_mm : float
        Added to the box on all sides.

    Returns
    -------
    Grid
        Slices along S, rows along P, columns along L.
    """
    low, high = bounds[0] - margin_mm, bounds[1] + margin_mm
    count = np.maximum(1, np.ceil((high - low) / spacing_mm)).astype(int)
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1] * spacing_mm
    matrix[:3, 3] = low + spacing_mm / 2.0
    return Grid((int(count[2]), int(count[1]), int(count[0])), matrix)
