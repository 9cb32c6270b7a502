"""Metal by the scan's own plateau and clipping level."""

from dataclasses import dataclass
from typing import Any

import cc3d
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.implant_config import ImplantConfig
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, Progress, check_cancelled

Block = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True, eq=False)
class Metal:
    """Where the metal is, and how bright it shows.

    Parameters
    ----------
    mask : Mask
        All metal, on the CT's grid.
    pieces : ndarray of uint32, shape ``mask.grid.shape``
        Connected pieces, 1, 2, ...; 0 elsewhere.
    blocks : tuple of tuple of slice
        Bounding box of each piece, in their order.
    level_hu : float
        What lies above it is metal.
    plateau_hu : float
        Median HU inside the metal; titanium's where the scan is clipped below that.
    clipped_at_hu : float or None
        Where the scan is cut off; None where it isn't.
    """

    mask: Mask
    pieces: npt.NDArray[np.uint32]
    blocks: tuple[Block, ...]
    level_hu: float
    plateau_hu: float
    clipped_at_hu: float | None

    @property
    def is_clipped(self) -> bool:
        """Whether the scan is cut off so low that half of the plateau cannot be seen."""
        return self.clipped_at_hu is not None and self.clipped_at_hu < 0.6 * self.plateau_hu


def find_metal(volume: Volume, config: ImplantConfig, *, monitor: Monitor = SILENT) -> Metal:
    """Find the metal at half of its own plateau, or of titanium's where another metal outshines that.

    Parameters
    ----------
    volume : Volume
        The original CT.
    config : ImplantConfig
        The thresholds.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    Metal
        Without pieces where there is no metal.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    monitor.report(Progress("finding metal"))
    check_cancelled(monitor)
    hu: npt.NDArray[Any] = volume.hu
    grid = volume.grid
    bright = _bounding_block(hu > config.least_level_hu)
    pieces = np.zeros(grid.shape, dtype=np.uint32)
    if bright is None:
        return Metal(Mask(grid, np.zeros(grid.shape, dtype=bool)), pieces, (), config.least_level_hu, 0.0, None)
    clipped = clipping_level_hu(hu[bright], least_pile=config.least_pile)
    if clipped is not None and clipped < config.titanium_hu:
        plateau = config.titanium_hu
        level = min(config.clipped_level_share * plateau, config.ceiling_share * clipped)
    else:
        level, plateau = _half_maximum(hu[bright], config)
    labels = cc3d.connected_components((hu[bright] > level).astype(np.uint8), connectivity=26, return_N=False)
    sizes = np.bincount(labels.ravel()).astype(float) * grid.voxel_volume_mm3
    sizes[0] = 0.0
    number = np.zeros(len(sizes), dtype=np.uint32)
    kept = sizes >= config.least_piece_mm3
    number[kept] = np.arange(1, np.count_nonzero(kept) + 1)
    pieces[bright] = number[labels]
    low = [b.start for b in bright]
    found = ndimage.find_objects(number[labels].astype(np.int32))
    blocks = tuple(_moved(block, low) for block in found)
    return Metal(Mask(grid, pieces > 0), pieces, blocks, level, plateau, clipped)


def clipping_level_hu(hu: npt.NDArray[Any], *, least_pile: int) -> float | None:
    """Give the value at which bright voxels pile up at their top.

    Parameters
    ----------
    hu : ndarray
        The CT, or the part of it that holds the metal.
    least_pile : int
        Voxels on the maximum that make a pile.

    Returns
    -------
    float or None
        None where no pile stands on the maximum.
    """
    top = float(hu.max())
    near = np.asarray(hu[hu >= top - 60.0], dtype=np.float64)
    pile = int(np.count_nonzero(near >= top - 0.5))
    return top if pile >= least_pile and pile > 3 * (len(near) - pile) else None


def _half_maximum(hu: npt.NDArray[Any], config: ImplantConfig) -> tuple[float, float]:
    """Iterate level -> plateau inside the metal -> half of it; never above half of titanium's plateau."""
    level, plateau = 1.25 * config.least_level_hu, float(hu.max())
    most = 0.5 * (8500.0 + config.bone_hu)  # titanium by the attenuation tables, without beam hardening
    for _ in range(8):
        bright = hu > level
        core = ndimage.binary_erosion(bright, iterations=2)
        core = core if core.sum() >= 50 else ndimage.binary_erosion(bright)
        if not core.any():
            break
        plateau = float(np.median(hu[core]))
        new = min(most, max(config.least_level_hu, 0.5 * (plateau + config.bone_hu)))
        if abs(new - level) < 5:
            break
        level = new
    return level, plateau


def _bounding_block(mask: npt.NDArray[np.bool_]) -> Block | None:
    sides = []
    for axis in range(3):
        other = tuple(a for a in range(3) if a != axis)
        where = np.flatnonzero(mask.any(axis=other))
        if not len(where):
            return None
        sides.append(slice(int(where[0]), int(where[-1]) + 1))
    return sides[0], sides[1], sides[2]


def _moved(block: tuple[slice, ...], start: list[int]) -> Block:
    a, b, c = (slice(s.start + o, s.stop + o) for s, o in zip(block, start, strict=True))
    return a, b, c
