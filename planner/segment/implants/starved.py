"""Heavy metal on a clipped scan, where no quanta come through: saturation is wider than the metal.

Streaks of starvation run within slices: each slice is reconstructed from its own detector rows. What a metal
adds in width it does not add in height, so the height of a shaft tells how wide it is, and the middle of its saturated
band where it is.
"""

from typing import Any

import cc3d
import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.metal_config import MetalConfig

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Spacing = tuple[float, float, float]


_TUNED_AT_HU = 3071.0
"""The ceiling at which all of this was tuned."""
_FRINGE_HU = (2400.0, 3000.0)
"""Under that ceiling, above bone. Under a lower one it is lowered alike, and cortical bone may be counted."""
_WEDGE = 0.5
"""Depth grows by one voxel a step across a band, and by half of that at most along one that widens."""
_SHELL_MM = (0.9, 2.5)
"""Next to metal, past its blur."""


def is_starved(
    hu: npt.NDArray[Any],
    *,
    level_hu: float,
    spacing_mm: Spacing,
    config: MetalConfig,
    ceiling_hu: float | None = None,
) -> bool:
    """Tell whether metal let so few quanta through that its streaks are as bright and as dark as HU go.

    Parameters
    ----------
    hu : ndarray, shape (slices, rows, columns)
        A block of the CT.
    level_hu : float
        What lies above it is taken as metal.
    spacing_mm : tuple of float
        Of the voxels.
    config : MetalConfig
        The thresholds.
    ceiling_hu : float or None
        Where the scan is clipped; None where it isn't.

    Returns
    -------
    bool
        True where the fall of brightness is wider than blur makes it, and the darkest next to the metal is black.
    """
    metal = hu > level_hu
    faces = sum(int(np.count_nonzero(np.diff(metal.view(np.int8), axis=axis))) for axis in range(3))
    lowered = 1.0 if ceiling_hu is None else min(1.0, ceiling_hu / _TUNED_AT_HU)
    between = int(np.count_nonzero((hu >= lowered * _FRINGE_HU[0]) & (hu < lowered * _FRINGE_HU[1])))
    if between <= config.starved_fringe * faces:
        return False
    away = edt.edt((~metal).astype(np.uint8), anisotropy=spacing_mm, parallel=1)
    shell = hu[(away > _SHELL_MM[0]) & (away < _SHELL_MM[1])]
    return bool(shell.size) and float(np.percentile(shell, 5.0)) < config.starved_dark_hu


def within_height(
    saturated: Bools, *, spacing_mm: Spacing, config: MetalConfig, ceiling_hu: float = _TUNED_AT_HU
) -> Bools:
    """Keep of saturated voxels what is no farther from the middle of its band than half of the metal's height.

    Parameters
    ----------
    saturated : ndarray of bool, shape (slices, rows, columns)
        Voxels at the clipping level.
    spacing_mm : tuple of float
        Of the voxels.
    config : MetalConfig
        The thresholds.
    ceiling_hu : float
        That level: the higher it is, the more of a slice metal must fill to reach it.

    Returns
    -------
    ndarray of bool, same shape
        Without the sheets that run between metals.
    """
    step, rows_mm, columns_mm = spacing_mm
    share = min(0.5, config.heavy_share * ceiling_hu / _TUNED_AT_HU)
    height = np.maximum(_heights(saturated) * step - 2 * (0.5 - share) * step, 0.6 * step)
    kept, sheet = np.zeros_like(saturated), np.zeros_like(saturated)
    for k in np.flatnonzero(saturated.any(axis=(1, 2))):
        own = saturated[k]
        depth = edt.edt(np.pad(own, 1).astype(np.uint8), anisotropy=(rows_mm, columns_mm), parallel=1)[1:-1, 1:-1]
        depth = ndimage.gaussian_filter(depth, 0.7)
        ridge = own & (depth >= ndimage.maximum_filter(depth, 3) - _WEDGE * columns_mm) & (depth > 0.8 * columns_mm)
        if not ridge.any():
            continue
        far, nearest = ndimage.distance_transform_edt(~ridge, sampling=(rows_mm, columns_mm), return_indices=True)
        tall, thick = height[k][tuple(nearest)], depth[tuple(nearest)]
        kept[k] = own & (far <= np.maximum(tall - columns_mm, columns_mm) / 2)  # the ridge is a voxel wide
        sheet[k] = own & (thick < config.sheet_mm) & (tall > config.sheet_height * 2 * thick)
    return _without_threads(_without_sheets(kept, sheet & kept, spacing_mm, config), spacing_mm, config)


def _without_threads(mask: Bools, spacing_mm: Spacing, config: MetalConfig) -> Bools:
    """Open with a ball, and give back what touches the rest."""
    inside = edt.edt(np.pad(mask, 1).astype(np.uint8), anisotropy=spacing_mm, parallel=1)[1:-1, 1:-1, 1:-1]
    away = edt.edt((inside <= config.thread_mm).astype(np.uint8), anisotropy=spacing_mm, parallel=1)
    return np.asarray(mask & (away <= config.thread_mm + max(spacing_mm)))


def _heights(mask: Bools) -> Floats:
    """Voxels in the vertical run through each voxel."""
    up, down = np.zeros(mask.shape, dtype=np.float32), np.zeros(mask.shape, dtype=np.float32)
    run = np.zeros(mask.shape[1:], dtype=np.float32)
    for k in range(mask.shape[0]):
        run = (run + 1) * mask[k]
        up[k] = run
    run = np.zeros_like(run)
    for k in range(mask.shape[0] - 1, -1, -1):
        run = (run + 1) * mask[k]
        down[k] = run
    return np.asarray((up + down - 1) * mask, dtype=np.float32)


def _without_sheets(kept: Bools, sheet: Bools, spacing_mm: Spacing, config: MetalConfig) -> Bools:
    """Drop long sheets that hang on greater metal: a cage's or a plate's wall hangs on nothing greater."""
    labels = cc3d.connected_components(sheet.astype(np.uint8), connectivity=6)
    rest = cc3d.connected_components((kept & ~sheet).astype(np.uint8), connectivity=26)
    size = np.bincount(rest.ravel())
    size[0] = 0
    dropped = np.zeros(int(labels.max()) + 1, dtype=bool)
    for number, block in enumerate(ndimage.find_objects(labels.astype(np.int32)), start=1):
        if block is None:
            continue
        extent = [(s.stop - s.start) * mm for s, mm in zip(block[1:], spacing_mm[1:], strict=True)]
        if np.hypot(*extent) < config.sheet_length_mm:
            continue
        wide = tuple(slice(max(0, s.start - 1), s.stop + 1) for s in block)
        own = labels[wide] == number
        beside = rest[wide][ndimage.binary_dilation(own, np.ones((3, 3, 3), dtype=bool))]
        dropped[number] = size[beside].max() > np.count_nonzero(own)
    return np.asarray(kept & ~dropped[labels])
