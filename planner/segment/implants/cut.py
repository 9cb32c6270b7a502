"""Where metal runs out of the scan: at its first and last voxels, and at voxels that hold no measurement."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.geometry.frames import Array
from planner.model.volume import Volume
from planner.segment.blocks import block_round

Bools = npt.NDArray[np.bool_]

_NEAR_VOXELS = 2
"""Metal this near to padding is cut by it: the mask may leave out a rim of blur."""


def runs_out(volume: Volume, voxels: Bools) -> bool:
    """Say whether metal touches the end of the data.

    Parameters
    ----------
    volume : Volume
        The CT, with its padding.
    voxels : ndarray of bool, shape ``volume.grid.shape``
        The metal.

    Returns
    -------
    bool
        Whether it holds one of the scan's first or last voxels, or one beside padding; no for no metal.
    """
    own = block_round(voxels, 0)
    if own is None:
        return False
    if any(s.start == 0 or s.stop == n for s, n in zip(own, volume.grid.shape, strict=True)):
        return True
    if volume.padding is None:
        return False
    block = tuple(slice(max(0, s.start - _NEAR_VOXELS), s.stop + _NEAR_VOXELS) for s in own)
    padding = volume.padding[block]
    if not padding.any():
        return False
    return bool((ndimage.binary_dilation(voxels[block], iterations=_NEAR_VOXELS) & padding).any())


def is_at_padding(volume: Volume, points_lps: Array, *, reach_mm: float) -> bool:
    """Say whether one of some places lies beside voxels that hold no measurement.

    Parameters
    ----------
    volume : Volume
        The CT, with its padding.
    points_lps : ndarray, shape (N, 3)
        LPS mm.
    reach_mm : float
        How near is beside.

    Returns
    -------
    bool
        No for no places, and where every voxel counts.
    """
    points = np.reshape(points_lps, (-1, 3))
    if volume.padding is None or not len(points):
        return False
    grid, last = volume.grid, np.array(volume.grid.shape) - 1
    index = np.asarray(grid.to_index(points))
    reach = np.ceil(reach_mm / np.array(grid.spacing_mm))
    low = np.clip(np.floor(index.min(axis=0)) - reach, 0, last).astype(int)
    high = np.clip(np.ceil(index.max(axis=0)) + reach, low, last).astype(int) + 1
    block = volume.padding[tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))]
    if not block.any():
        return False
    far = ndimage.distance_transform_edt(~block, sampling=grid.spacing_mm)
    nearest = np.clip(np.rint(index).astype(int) - low, 0, np.array(block.shape) - 1)
    return bool((far[tuple(nearest.T)] <= reach_mm).any())
