"""Solids on voxels: which voxels lie within, how much of a voxel does, and how large a solid is."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, PointsLps
from planner.geometry.grid import Grid
from planner.phantoms.solids.basic import Bounds, Difference, Intersection, Solid, Union

Block = tuple[slice, slice, slice]
_VOXELS_AT_ONCE = 1_500_000
"""Voxels of one slab: about 36 MB of points."""
_EDGE_VOXELS_AT_ONCE = 16_000


def half_diagonal_mm(grid: Grid) -> float:
    """Give the distance from a voxel's centre to its furthest corner, mm."""
    corners = np.array(list(product((-0.5, 0.5), repeat=3))) @ grid.lps_from_index[:3, :3].T
    return float(np.linalg.norm(corners, axis=1).max())


def slabs(grid: Grid) -> Iterator[tuple[slice, Grid]]:
    """Cut a grid into slabs of whole slices that are small enough to work on at once.

    Yields
    ------
    slice, Grid
        The slices, and the slab's own grid.
    """
    count = max(1, _VOXELS_AT_ONCE // (grid.shape[1] * grid.shape[2]))
    for start in range(0, grid.shape[0], count):
        stop = min(start + count, grid.shape[0])
        yield slice(start, stop), grid.crop((start, 0, 0), (stop, *grid.shape[1:]))


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


def block_points(grid: Grid, block: Block) -> PointsLps:
    """Give the centres of a block's voxels, shape (n, 3), LPS mm, in C order."""
    matrix = grid.lps_from_index
    k, i, j = (np.arange(s.start, s.stop, dtype=np.float64) for s in block)
    points = (
        (matrix[:3, 3] + k[:, None] * matrix[:3, 0])[:, None, None, :]
        + (i[:, None] * matrix[:3, 1])[None, :, None, :]
        + (j[:, None] * matrix[:3, 2])[None, None, :, :]
    )
    return PointsLps(points.reshape(-1, 3))


def block_distance_mm(solid: Solid, grid: Grid, block: Block) -> Array:
    """Give the signed distance of a block's voxel centres from a solid, in the block's shape."""
    shape = tuple(s.stop - s.start for s in block)
    return np.asarray(solid.distance_mm(block_points(grid, block)).reshape(shape))


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


def subsample_offsets(grid: Grid, subsamples: int) -> Array:
    """Give the even lattice of points in a voxel, relative to its centre.

    Parameters
    ----------
    grid : Grid
        The voxels.
    subsamples : int
        Points along each of the voxel's edges.

    Returns
    -------
    ndarray, shape (subsamples ** 3, 3)
        Offsets in LPS mm.
    """
    lattice = (np.indices((subsamples,) * 3).reshape(3, -1).T + 0.5) / subsamples - 0.5
    return np.asarray(lattice @ grid.lps_from_index[:3, :3].T)


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
    for slices, slab in slabs(grid):
        _paint(solid, slab, out[slices])
    return out


def _paint(solid: Solid, grid: Grid, out: npt.NDArray[np.bool_]) -> None:
    """Set the voxels whose centres lie in a solid, piece by piece, each piece only within its own box."""
    for piece in pieces_of(solid):
        block = block_of(piece.bounds_lps, grid, 0.0)
        if block is None:
            continue
        shape = tuple(s.stop - s.start for s in block)
        if isinstance(piece, Difference | Intersection):
            out[block] |= contains(piece, block_points(grid, block)).reshape(shape)
        else:
            out[block] |= block_distance_mm(piece, grid, block) <= 0.0


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


def occupancy(solid: Solid, grid: Grid, *, subsamples: int = 5) -> npt.NDArray[np.float32]:
    """Give the share of each voxel that a solid fills.

    Parameters
    ----------
    solid : Solid
        The body.
    grid : Grid
        The voxels.
    subsamples : int
        Points along each edge of a voxel that the surface may cut; the others are whole or empty without counting.

    Returns
    -------
    ndarray of float32, shape ``grid.shape``
        0 to 1.
    """
    out = np.zeros(grid.shape, dtype=np.float32)
    half_mm, offsets = half_diagonal_mm(grid), subsample_offsets(grid, subsamples)
    for slices, slab in slabs(grid):
        block = block_of(solid.bounds_lps, slab, half_mm)
        if block is None:
            continue
        distance = block_distance_mm(solid, slab, block)
        share = (distance <= 0.0).astype(np.float32)
        edge = np.flatnonzero(np.abs(distance).ravel() < half_mm)
        centres = block_points(slab, block)
        for start in range(0, len(edge), _EDGE_VOXELS_AT_ONCE):
            some = edge[start : start + _EDGE_VOXELS_AT_ONCE]
            points = (centres[some][:, None, :] + offsets).reshape(-1, 3)
            inside = contains(solid, PointsLps(points))
            share.ravel()[some] = inside.reshape(len(some), -1).mean(axis=1)
        out[slices][block] = share
    return out


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


@dataclass(frozen=True, slots=True)
class Measure:
    """A solid's size by supersampling: volume, its standard error, and centroid."""

    volume_ml: float
    volume_sd_ml: float
    centroid_lps: tuple[float, float, float]


def measure(solid: Solid, *, spacing_mm: float = 0.6, subsamples: int = 4) -> Measure:
    """Measure a bounded solid on three shifted lattices.

    Parameters
    ----------
    solid : Solid
        The body; it must not be empty.
    spacing_mm : float
        Edge of the voxels.
    subsamples : int
        Points along each edge of a voxel that the surface may cut.

    Returns
    -------
    Measure
        The mean of the three lattices, and the standard deviation between them (the error of one; that of the mean is
        smaller).

    Raises
    ------
    ValueError
        If the lattices find nothing inside.
    """
    volumes, centroids = [], []
    for shift in (0.0, 1.0 / 3.0, 2.0 / 3.0):
        low, high = solid.bounds_lps
        grid = grid_over((low - shift * spacing_mm / subsamples, high), spacing_mm, margin_mm=spacing_mm)
        share = occupancy(solid, grid, subsamples=subsamples)
        total = float(share.sum(dtype=np.float64))
        if total == 0.0:
            raise ValueError("the solid is empty, or far smaller than the lattice")
        axes = [share.sum(axis=a, dtype=np.float64) for a in ((1, 2), (0, 2), (0, 1))]
        volumes.append(total * grid.voxel_volume_mm3 / 1000.0)
        centroids.append(grid.to_lps([float(np.arange(len(a)) @ a / total) for a in axes]))
    x, y, z = (float(v) for v in np.mean(centroids, axis=0))
    return Measure(float(np.mean(volumes)), float(np.std(volumes, ddof=1)), (x, y, z))
