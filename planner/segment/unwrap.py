"""The CT unwrapped round a straight shaft: rays square to its axis, and a fan of rays round its tip."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import ndimage

from planner.geometry.frames import Array, unit
from planner.geometry.grid import Grid
from planner.geometry.rigid import perpendicular_pair
from planner.segment.slabs import by_slabs

Cells = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating]

RHO_STEP_MM = 0.15
RHO_MM: Array = np.arange(0.0, 14.01, RHO_STEP_MM)
"""Distances along every ray, mm: a quarter of a fine voxel; 14 mm is the widest halo beyond the thickest screw."""


@njit(cache=True, nogil=True)
def _trilinear(
    first: int, stop: int, values: npt.NDArray[np.float32], points: Array, matrix: Array, offset: Array,
    out: npt.NDArray[np.float32],
) -> None:  # fmt: skip
    """Interpolate at points in space; outside of the block the nearest voxel counts."""
    for n in range(first, stop):
        out[n] = _value_at(values, points[n, 0], points[n, 1], points[n, 2], matrix, offset)


@njit(cache=True, nogil=True)
def _trilinear_on_rays(
    first: int, stop: int, values: npt.NDArray[np.float32], starts: Array, ways: Array, radii: Array,
    matrix: Array, offset: Array, out: npt.NDArray[np.float32],
) -> None:  # fmt: skip
    """Interpolate at each radius on each ray from each start."""
    for n in range(first, stop):
        for a in range(len(ways)):
            for r in range(len(radii)):
                x = starts[n, 0] + radii[r] * ways[a, 0]
                y = starts[n, 1] + radii[r] * ways[a, 1]
                z = starts[n, 2] + radii[r] * ways[a, 2]
                out[n, a, r] = _value_at(values, x, y, z, matrix, offset)


@njit(cache=True, nogil=True)
def _trilinear_on_sections(
    first: int, stop: int, values: npt.NDArray[np.float32], middles: Array, across: Array, up: Array,
    matrix: Array, offset: Array, out: npt.NDArray[np.float32],
) -> None:  # fmt: skip
    """Interpolate at each step across and up from the middle of each section."""
    for n in range(first, stop):
        for a in range(len(across)):
            for b in range(len(up)):
                x = middles[n, 0] + across[a, 0] + up[b, 0]
                y = middles[n, 1] + across[a, 1] + up[b, 1]
                z = middles[n, 2] + across[a, 2] + up[b, 2]
                out[n, a, b] = _value_at(values, x, y, z, matrix, offset)


@njit(cache=True, inline="always")
def _value_at(values: npt.NDArray[np.float32], x: float, y: float, z: float, matrix: Array, offset: Array) -> float:
    last0, last1, last2 = values.shape[0] - 1, values.shape[1] - 1, values.shape[2] - 1
    i = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + offset[0]
    j = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + offset[1]
    k = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + offset[2]
    i, j, k = min(max(i, 0.0), last0), min(max(j, 0.0), last1), min(max(k, 0.0), last2)
    a, b, c = int(i), int(j), int(k)
    d, e, f = min(a + 1, last0), min(b + 1, last1), min(c + 1, last2)
    u, v, w = i - a, j - b, k - c
    low = (values[a, b, c] * (1 - w) + values[a, b, f] * w) * (1 - v)
    low += (values[a, e, c] * (1 - w) + values[a, e, f] * w) * v
    high = (values[d, b, c] * (1 - w) + values[d, b, f] * w) * (1 - v)
    high += (values[d, e, c] * (1 - w) + values[d, e, f] * w) * v
    return float(low * (1 - u) + high * u)


@dataclass(frozen=True, slots=True, eq=False)
class Sampler:
    """Values at any place in a block of a CT.

    Parameters
    ----------
    values : ndarray of float32
        The block.
    grid : Grid
        The block's own grid.

    Notes
    -----
    Linear on purpose: splines ring by some 200 HU beside metal and would draw a halo of their own.
    """

    values: npt.NDArray[np.float32]
    grid: Grid

    def at(self, points_lps: npt.ArrayLike) -> Floats:
        """Interpolate at LPS positions, shape (..., 3) to (...); outside of the block the nearest voxel counts."""
        points = np.asarray(points_lps, dtype=np.float64)
        flat = np.ascontiguousarray(points.reshape(-1, 3))
        out = np.empty(len(flat), dtype=np.float32)
        matrix = self.grid.index_from_lps
        linear, offset = np.ascontiguousarray(matrix[:3, :3]), np.ascontiguousarray(matrix[:3, 3])
        by_slabs(_trilinear, (len(flat), 1, 1), self.values, flat, linear, offset, out)
        return np.asarray(out.reshape(points.shape[:-1]))

    def on_rays(self, starts_lps: Array, ways: Array, radii_mm: Array) -> Floats:
        """Interpolate on the same rays from each of some places, as `at` does, without laying out all the points.

        Parameters
        ----------
        starts_lps : ndarray, shape (N, 3)
            LPS mm.
        ways : ndarray, shape (A, 3)
            The rays' directions.
        radii_mm : ndarray, shape (R,)
            How far out on each ray.

        Returns
        -------
        ndarray of float32, shape (N, A, R)
        """
        out = np.empty((len(starts_lps), len(ways), len(radii_mm)), dtype=np.float32)
        matrix = self.grid.index_from_lps
        linear, offset = np.ascontiguousarray(matrix[:3, :3]), np.ascontiguousarray(matrix[:3, 3])
        starts, rays = (np.ascontiguousarray(a, dtype=np.float64) for a in (starts_lps, ways))
        by_slabs(_trilinear_on_rays, out.shape, self.values, starts, rays, radii_mm, linear, offset, out)
        return out

    def on_sections(self, middles_lps: Array, across_mm: Array, up_mm: Array) -> Floats:
        """Interpolate on flat sections that are turned alike, as `at` does, without laying out all the points.

        Parameters
        ----------
        middles_lps : ndarray, shape (N, 3)
            The sections' middles, LPS mm.
        across_mm : ndarray, shape (A, 3)
            Steps from a middle along one side of its section.
        up_mm : ndarray, shape (B, 3)
            Steps along the other side.

        Returns
        -------
        ndarray of float32, shape (N, A, B)
        """
        out = np.empty((len(middles_lps), len(across_mm), len(up_mm)), dtype=np.float32)
        matrix = self.grid.index_from_lps
        linear, offset = np.ascontiguousarray(matrix[:3, :3]), np.ascontiguousarray(matrix[:3, 3])
        middles, across, up = (np.ascontiguousarray(a, dtype=np.float64) for a in (middles_lps, across_mm, up_mm))
        by_slabs(_trilinear_on_sections, out.shape, self.values, middles, across, up, linear, offset, out)
        return out


def sampler_round(
    values: npt.NDArray[np.generic], grid: Grid, points_lps: npt.ArrayLike, *, margin_mm: float
) -> Sampler:
    """Cut out the block round some points, to be sampled.

    Parameters
    ----------
    values : ndarray, shape ``grid.shape``
        The CT, or a mask.
    grid : Grid
        Its grid.
    points_lps : array_like, shape (N, 3)
        What the block must hold, LPS mm; it keeps to the grid.
    margin_mm : float
        How far it reaches beyond them.

    Returns
    -------
    Sampler
    """
    index = np.asarray(grid.to_index(points_lps)).reshape(-1, 3)
    # the index moves by at most the length of a row of the inverse for a step of 1 mm, also on a sheared grid
    reach = margin_mm * np.linalg.norm(grid.index_from_lps[:3, :3], axis=1)
    shape = np.array(grid.shape)
    low = np.clip(np.floor(index.min(0) - reach).astype(int), 0, shape - 1)
    high = np.clip(np.ceil(index.max(0) + reach).astype(int) + 1, low + 1, shape)
    a, b, c = (int(v) for v in low)
    d, e, f = (int(v) for v in high)
    block = np.ascontiguousarray(values[a:d, b:e, c:f], dtype=np.float32)
    return Sampler(block, grid.crop((a, b, c), (d, e, f)))


@dataclass(frozen=True, eq=False)
class Fan:
    """Rays laid out as rows x angles: rows square to the axis, then rows that tilt from 90 to 0 degrees round the tip.

    The cells fill the space round the shaft once and without overlap, so that volumes are plain sums.

    Parameters
    ----------
    head_lps, axis : ndarray, shape (3,)
        Where the shaft begins, and its direction to the tip.
    across : ndarray, shape (2, 3)
        Two unit vectors square to the axis.
    along_mm, polar_rad, weight, is_tip : ndarray, shape (rows,)
        Where each row's rays start, from the head; angle between ray and axis; angle x length (rows square to the axis)
        or solid angle (tip) of a cell; which rows belong to the tip.
    azimuth_rad : ndarray, shape (angles,)
        Turn of the rays, evenly spaced over a whole turn.
    """

    head_lps: Array
    axis: Array
    across: Array
    along_mm: Array
    polar_rad: Array
    azimuth_rad: Array
    weight: Array
    is_tip: Cells

    @property
    def step_mm(self) -> float:
        """Distance between neighbouring rows on the shaft."""
        return float(self.along_mm[1] - self.along_mm[0])

    def directions(self) -> Array:
        """Give unit vectors of the rays, LPS, shape (rows, angles, 3)."""
        azimuth = self.azimuth_rad[:, None]
        radial = np.cos(azimuth) * self.across[0] + np.sin(azimuth) * self.across[1]
        polar = self.polar_rad[:, None, None]
        return np.asarray(np.sin(polar) * radial[None] + np.cos(polar) * self.axis)

    def points_lps(self) -> Array:
        """Give sample points, shape (rows, angles, len(RHO_MM), 3)."""
        origin = self.head_lps + self.along_mm[:, None] * self.axis
        return np.asarray(origin[:, None, None] + self.directions()[:, :, None] * RHO_MM[None, None, :, None])

    def volume_mm3(self, inner_mm: Array, outer_mm: Array) -> Array:
        """Give the volume between two surfaces in each cell, shape (rows, angles)."""
        tip = self.is_tip[:, None]
        solid = np.where(tip, (outer_mm**3 - inner_mm**3) / 3, (outer_mm**2 - inner_mm**2) / 2)
        return np.asarray(solid * self.weight[:, None])

    def area_mm2(self, outer_mm: Array) -> Array:
        """Give the area of a surface in each cell, as seen along the rays, shape (rows, angles)."""
        return np.asarray(np.where(self.is_tip[:, None], outer_mm**2, outer_mm) * self.weight[:, None])


def make_fan(
    head_lps: npt.ArrayLike,
    tip_lps: npt.ArrayLike,
    radius_mm: float,
    *,
    start_mm: float = 1.0,
    step_mm: float = 0.5,
    angles: int = 48,
) -> Fan:
    """Lay rays round a shaft.

    Parameters
    ----------
    head_lps, tip_lps : array_like, shape (3,)
        The shaft's ends.
    radius_mm : float
        Its radius; the tip's rays start one radius before the tip.
    start_mm : float
        Distance of the first row from the head.
    step_mm : float
        Distance between rows, about.
    angles : int
        Rays a row.

    Returns
    -------
    Fan
    """
    head, tip = np.asarray(head_lps, dtype=float), np.asarray(tip_lps, dtype=float)
    length, axis = float(np.linalg.norm(tip - head)), unit(tip - head)
    centre = length - radius_mm
    rows = max(2, round((centre - start_mm) / step_mm))
    pitch = (centre - start_mm) / rows
    tip_rows = max(6, round((np.pi / 2) * (radius_mm + 1.5) / step_mm))
    tilt, turn = (np.pi / 2) / tip_rows, 2 * np.pi / angles
    polar = np.pi / 2 - (np.arange(tip_rows) + 0.5) * tilt
    return Fan(
        head_lps=head,
        axis=axis,
        across=np.stack(perpendicular_pair(axis)),
        along_mm=np.r_[start_mm + (np.arange(rows) + 0.5) * pitch, np.full(tip_rows, centre)],
        polar_rad=np.r_[np.full(rows, np.pi / 2), polar],
        azimuth_rad=np.arange(angles, dtype=np.float64) * turn,
        weight=np.r_[np.full(rows, pitch * turn), np.sin(polar) * tilt * turn],
        is_tip=np.r_[np.zeros(rows, dtype=bool), np.ones(tip_rows, dtype=bool)],
    )


def smooth_cells(field: Floats, fan: Fan, sigma_mm: float, radius_mm: float) -> Floats:
    """Average neighbouring cells with a Gaussian of one width along and round the shaft; the rays stay apart."""
    arc = float(fan.azimuth_rad[1]) * radius_mm
    along = ndimage.gaussian_filter1d(field, sigma_mm / fan.step_mm, axis=0, mode="nearest", truncate=3.0)
    return np.asarray(ndimage.gaussian_filter1d(along, sigma_mm / arc, axis=1, mode="wrap", truncate=3.0))


def from_surface(profiles: Floats, start_mm: Array, offsets_mm: Array) -> Floats:
    """Give values at offsets from a surface, along each ray, shape (rows, angles, offsets)."""
    x = (start_mm[..., None] + offsets_mm) / RHO_STEP_MM
    below = np.clip(np.floor(x).astype(int), 0, len(RHO_MM) - 2)
    part = np.clip(x - below, 0, 1)
    low, high = np.take_along_axis(profiles, below, 2), np.take_along_axis(profiles, below + 1, 2)
    return np.asarray(low * (1 - part) + high * part)


def first_fall(profiles: Floats, level_hu: float, *, step_mm: float = RHO_STEP_MM) -> Array:
    """Say where each ray first falls below a level, mm; 0 where it starts below, the ray's end where it never does."""
    below = profiles < level_hu
    k = np.where(below.any(-1), np.argmax(below, axis=-1), profiles.shape[-1] - 1)
    j = np.maximum(k - 1, 0)
    high = np.take_along_axis(profiles, j[..., None], -1)[..., 0]
    low = np.take_along_axis(profiles, k[..., None], -1)[..., 0]
    part = np.clip((high - level_hu) / np.maximum(high - low, 1e-3), 0, 1)
    return np.asarray(np.where(k > 0, (j + part) * step_mm, 0.0))
