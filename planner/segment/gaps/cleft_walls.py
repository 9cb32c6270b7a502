"""The walls of a flat lucent space in bone: columns across it, read to sub-voxel on the CT."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from planner.geometry.frames import Array, PointsLps, points_lps
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.segment.unwrap import Cells, sampler_round

CELL_MM = 0.5
"""Raster of the columns: finer than a fine voxel."""
_STEP_MM = 0.1
_SMOOTH_MM = 0.7
"""Over which profiles are averaged sideways: noise, not form."""
_DRIFT_MM = 1.5
"""How far a cleft's middle may stand off its fitted plane."""
_USUAL = 0.5
"""Where walls stand out less than this share of the seed's usual contrast, a space has ended."""


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A raster of columns across a flat space.

    Parameters
    ----------
    centre_lps : PointsLps, shape (3,)
        Its middle.
    axes_lps : ndarray, shape (3, 3)
        Two ways along it and the way across, as columns.
    first_mm, second_mm : ndarray, shapes (M,), (N,)
        Where the columns stand.
    """

    centre_lps: PointsLps
    axes_lps: Array
    first_mm: Array
    second_mm: Array

    def points_lps(self, across_mm: Array) -> PointsLps:
        """Give places on the columns, for heights of shape (M, N) or (M, N, K), LPS mm."""
        first, second = np.meshgrid(self.first_mm, self.second_mm, indexing="ij")
        more = (...,) + (None,) * (across_mm.ndim - 2)
        local = np.stack(np.broadcast_arrays(first[more], second[more], across_mm), axis=-1)
        return points_lps(self.centre_lps + local @ self.axes_lps.T)


@dataclass(frozen=True, slots=True, eq=False)
class Walls:
    """Where a flat space begins and ends on each column.

    Parameters
    ----------
    plane : Plane
        The columns.
    low_mm, high_mm : ndarray, shape (M, N)
        Its two walls, along the way across; the same where there is none.
    open : ndarray of bool, shape (M, N)
        Where there is one.
    """

    plane: Plane
    low_mm: Array
    high_mm: Array
    open: Cells

    @property
    def width_mm(self) -> Array:
        """Its width on each column, 0 where there is none."""
        return np.asarray(np.where(self.open, self.high_mm - self.low_mm, 0.0))

    @property
    def area_mm2(self) -> float:
        """Area that it covers."""
        return float(np.count_nonzero(self.open)) * CELL_MM**2

    @property
    def volume_ml(self) -> float:
        """Its volume."""
        return float(self.width_mm.sum()) * CELL_MM**2 / 1000.0

    @property
    def centroid_lps(self) -> PointsLps:
        """Its centre of mass."""
        weight = self.width_mm[..., None]
        return points_lps((self.plane.points_lps((self.low_mm + self.high_mm) / 2) * weight).sum((0, 1)) / weight.sum())

    def paint(self, grid: Grid) -> Mask:
        """Mark the voxels whose centres lie between the walls.

        Parameters
        ----------
        grid : Grid
            Any grid.

        Returns
        -------
        Mask
        """
        out = np.zeros(grid.shape, dtype=bool)
        corners = np.asarray(grid.to_index(np.stack([self.plane.points_lps(v) for v in (self.low_mm, self.high_mm)])))
        at = corners[:, self.open].reshape(-1, 3)
        if not len(at):
            return Mask(grid, out)
        low = np.clip(np.floor(at.min(axis=0)).astype(int) - 1, 0, grid.shape)
        high = np.clip(np.ceil(at.max(axis=0)).astype(int) + 2, low, grid.shape)
        cells = np.stack(np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij"), -1)
        local = (np.asarray(grid.to_lps(cells)) - self.plane.centre_lps) @ self.plane.axes_lps
        where = [(local[..., k] - v[0]) / CELL_MM for k, v in enumerate((self.plane.first_mm, self.plane.second_mm))]
        share = ndi.map_coordinates(self.open.astype(np.float32), where, order=1)
        bottom, top = (
            ndi.map_coordinates(np.where(self.open, v, 0.0), where, order=1) / np.maximum(share, 1e-3)
            for v in (self.low_mm, self.high_mm)
        )
        block = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        out[block] = (share > 0.5) & (local[..., 2] >= bottom) & (local[..., 2] <= top)
        return Mask(grid, out)


def plane_through(points: PointsLps, up: Array, *, margin_mm: float) -> Plane:
    """Lay a raster of columns over a flat cloud of points.

    Parameters
    ----------
    points : PointsLps, shape (N, 3)
        The space's voxels.
    up : ndarray, shape (3,)
        Roughly the way across.
    margin_mm : float
        How far the raster goes beyond them.

    Returns
    -------
    Plane
    """
    centre = points.mean(axis=0)
    axes = np.linalg.svd(points - centre, full_matrices=False)[2].T
    if axes[:, 2] @ up < 0:
        axes = axes * np.array([1.0, 1.0, -1.0])
    local = (points - centre) @ axes
    first, second = (
        np.arange(local[:, k].min() - margin_mm, local[:, k].max() + margin_mm + CELL_MM, CELL_MM) for k in (0, 1)
    )
    return Plane(points_lps(centre), axes, first, second)


def footprint(plane: Plane, points: PointsLps) -> Cells:
    """Say which columns stand in a cloud of points.

    Parameters
    ----------
    plane : Plane
        The columns.
    points : PointsLps, shape (N, 3)
        Voxels, at most 1 mm apart.

    Returns
    -------
    ndarray of bool, shape (M, N)
    """
    local = (points - plane.centre_lps) @ plane.axes_lps
    at = [np.rint((local[:, k] - v[0]) / CELL_MM).astype(int) for k, v in enumerate((plane.first_mm, plane.second_mm))]
    out = np.zeros((len(plane.first_mm), len(plane.second_mm)), dtype=bool)
    out[np.clip(at[0], 0, out.shape[0] - 1), np.clip(at[1], 0, out.shape[1] - 1)] = True
    return np.asarray(ndi.binary_fill_holes(ndi.binary_closing(np.pad(out, 3), iterations=2)))[3:-3, 3:-3]


def find_walls(
    volume: Volume,
    plane: Plane,
    seed: Cells,
    *,
    inside_hu: float,
    reach_mm: float,
    beyond_mm: float,
    least_width_mm: float,
    least_contrast_hu: float,
) -> Walls:
    """Read both walls of a flat space on every column.

    Parameters
    ----------
    volume : Volume
        The original CT.
    plane : Plane
        The columns.
    seed : ndarray of bool, shape (M, N)
        Columns that surely stand in it.
    inside_hu : float
        What fills it, without blur.
    reach_mm : float
        How far from its middle a wall is looked for.
    beyond_mm : float
        How far beyond the seed it may go on.
    least_width_mm : float
        What is narrower is not read.
    least_contrast_hu : float
        Less between a column's inside and its walls is none.

    Returns
    -------
    Walls

    Notes
    -----
    Where a column reads darker than half the way to its wall, each wall stands at that half height. Where blur fills a
    thin space, its width is the deficit against the darker wall, over the full contrast, which blur does not change.
    """
    across = np.arange(-reach_mm, reach_mm + _STEP_MM / 2, _STEP_MM)
    places = plane.points_lps(np.broadcast_to(across, (*seed.shape, len(across))))
    sampler = sampler_round(volume.hu, volume.grid, places.reshape(-1, 3), margin_mm=1.0)
    sigma = _SMOOTH_MM / CELL_MM
    read = ndi.gaussian_filter(np.asarray(sampler.at(places), dtype=np.float64), (sigma, sigma, 0.0))
    near = np.abs(across) <= _DRIFT_MM
    first = int(np.argmax(near))
    middle = first + read[..., near].argmin(axis=2)
    step = np.arange(len(across))
    before, after = step <= middle[..., None], step >= middle[..., None]
    wall_low = np.where(before, read, -np.inf).max(axis=2)
    wall_high = np.where(after, read, -np.inf).max(axis=2)
    floor = np.take_along_axis(read, middle[..., None], axis=2)[..., 0]
    darker = np.minimum(wall_low, wall_high)
    contrast = darker - inside_hu
    usual = max(least_contrast_hu, _USUAL * float(np.median(contrast[seed])) if seed.any() else 0.0)
    is_open = (contrast >= usual) & (floor < darker - 0.25 * contrast)
    below = _crossing(read, middle, (wall_low + inside_hu) / 2, -1)
    above = _crossing(read, middle, (wall_high + inside_hu) / 2, 1)
    is_full = floor < (inside_hu + darker) / 2
    between = (step >= _peak(read, before)[..., None]) & (step <= _peak(read, after)[..., None])
    lost = np.clip((darker[..., None] - read) / np.maximum(contrast, 1.0)[..., None], 0.0, 1.0)
    half = (lost * between).sum(axis=2) * _STEP_MM / 2
    centre = across[middle]
    low = np.where(is_full, across[0] + below * _STEP_MM, centre - half)
    high = np.where(is_full, across[0] + above * _STEP_MM, centre + half)
    reach = ndi.distance_transform_edt(~seed) * CELL_MM <= beyond_mm
    wide = is_open & reach & (high - low >= least_width_mm)
    labels, _ = ndi.label(wide)
    kept = np.isin(labels, np.unique(labels[seed & wide])) & wide
    return Walls(plane, low, high, np.asarray(kept))


def _peak(read: Array, side: Cells) -> Array:
    return np.asarray(np.where(side, read, -np.inf).argmax(axis=2))


def _crossing(read: Array, middle: Array, level: Array, way: int) -> Array:
    """Where a profile first rises over a level, from its middle on, in steps; its end where it does not."""
    last = read.shape[2] - 1
    step = np.arange(last + 1)
    beyond = (step - middle[..., None]) * way > 0
    over = beyond & (read >= level[..., None])
    order = over if way > 0 else over[..., ::-1]
    hit = order.argmax(axis=2)
    hit = hit if way > 0 else last - hit
    inner = np.clip(hit - way, 0, last)
    a, b = (np.take_along_axis(read, k[..., None], axis=2)[..., 0] for k in (inner, hit))
    share = np.clip((level - a) / np.maximum(b - a, 1e-6), 0.0, 1.0)
    fine = inner + way * share
    return np.asarray(np.where(over.any(axis=2), fine, last if way > 0 else 0.0))
