"""An unwrapped halo painted back onto the CT's voxels."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.volume import Mask
from planner.segment.unwrap import Cells, Fan


def paint_halo(fan: Fan, *, outer_mm: Array, lucent: Cells, grid: Grid, metal: npt.NDArray[np.bool_]) -> Mask:
    """Mark a halo's voxels: centres between the metal and the outer wall.

    Parameters
    ----------
    fan : Fan
        The rays.
    outer_mm : ndarray, shape (rows, angles)
        Where the gap ends on each ray.
    lucent : ndarray of bool, shape (rows, angles)
        Where there is a gap.
    grid : Grid
        The CT's grid.
    metal : ndarray of bool, shape ``grid.shape``
        Metal, which is no gap.

    Returns
    -------
    Mask
        On the grid.
    """
    mask = np.zeros(grid.shape, dtype=bool)
    shape = np.array(grid.shape)
    ends = np.asarray(grid.to_index(np.stack([fan.head_lps, fan.head_lps + fan.axis * fan.along_mm[-1]])))
    reach = (float(outer_mm.max()) + 2) * np.linalg.norm(grid.index_from_lps[:3, :3], axis=1)
    low = np.clip(np.floor(ends.min(0) - reach).astype(int), 0, shape)
    high = np.clip(np.ceil(ends.max(0) + reach).astype(int) + 1, low, shape)
    if not lucent.any() or np.any(high <= low):
        return Mask(grid, mask)
    block = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    index = np.stack(np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij"), -1)
    row, turn, rho = _fan_coordinates(fan, np.asarray(grid.to_lps(index)))
    where = np.stack([np.clip(row, 0, len(fan.along_mm) - 1), turn])
    wall = ndimage.map_coordinates(_closed(outer_mm), where, order=1, mode="nearest")
    inside = ndimage.map_coordinates(_closed(lucent.astype(float)), where, order=1, mode="nearest") > 0.5
    mask[block] = (row > -0.5) & (rho <= wall) & inside & ~metal[block]
    return Mask(grid, mask)


def _closed(field: Array) -> Array:
    return np.concatenate([field, field[:, :1]], axis=1)


def _fan_coordinates(fan: Fan, points_lps: Array) -> tuple[Array, Array, Array]:
    """Row and angle (fractions of cells) and distance along the ray of points in space."""
    from_head = points_lps - fan.head_lps
    along = from_head @ fan.axis
    side = from_head - along[..., None] * fan.axis
    radial, beyond = np.linalg.norm(side, axis=-1), along - fan.along_mm[-1]
    azimuth = np.arctan2(side @ fan.across[1], side @ fan.across[0]) % (2 * np.pi)
    rows, tips = int((~fan.is_tip).sum()), int(fan.is_tip.sum())
    tilt = (np.pi / 2 - np.arctan2(radial, beyond)) / (np.pi / 2) * tips
    row = np.where(beyond < 0, (along - fan.along_mm[0]) / fan.step_mm, rows - 0.5 + tilt)
    rho = np.where(beyond < 0, radial, np.hypot(radial, beyond))
    return row, azimuth / float(fan.azimuth_rad[1]), rho
