"""Where in a scan the metal of a hip lies: groups of pieces, each on a grid of its own."""

from dataclasses import dataclass

import cc3d
import numpy as np
from scipy import ndimage

from planner.config.hip_config import HipImplantConfig
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.progress import Monitor, check_cancelled
from planner.segment.blocks import block_round
from planner.segment.implants.cut import is_at_padding
from planner.segment.upright import Bools, Floats, resample, upright_grid, upright_hu

_SEARCH_MM = 2.0
"""Edge of the voxels on which groups are told apart."""
_JOINED_VOXELS = 3
"""Pieces up to 12 mm apart are one hip: a liner parts head from cup by less."""
_BOX_MM = 12.0
_INSIDE_MM = 2.0
"""Metal this near to padding runs into it: the working voxels' centres lie up to 1 mm inside, and so does the mask."""


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """The metal of one hip.

    Parameters
    ----------
    hu : ndarray of float32, shape ``grid.shape``
        The CT.
    solid : ndarray of bool, shape ``grid.shape``
        Its metal.
    grid : Grid
        An upright, isotropic grid round it.
    is_cut : bool
        Whether metal runs out of the scan.
    """

    hu: Floats
    solid: Bools
    grid: Grid
    is_cut: bool

    def points_of(self, mask: Bools) -> Array:
        """Places of a mask's voxels, LPS mm, shape (N, 3)."""
        return np.asarray(self.grid.to_lps(np.argwhere(mask)))


def find_sites(volume: Volume, metal: Mask | None, config: HipImplantConfig, monitor: Monitor) -> list[Site]:
    """Part the metal into hips: groups of near pieces with enough of it.

    Parameters
    ----------
    volume : Volume
        The CT.
    metal : Mask or None
        Metal, on any grid; None takes what lies over `config.metal_hu`.
    config : HipImplantConfig
        The thresholds.
    monitor : Monitor
        May stop the work.

    Returns
    -------
    list of Site

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    coarse = upright_grid(volume.grid, _SEARCH_MM)
    bright = np.nan_to_num(upright_hu(volume, coarse, averaged=False), nan=-1000.0) > config.metal_hu
    shown = bright if metal is None else resample(metal.voxels, metal.grid, coarse) > 0.4
    check_cancelled(monitor)
    # a ceramic head is darker than metal, but joins stem and cup
    near = _joined(shown | bright)
    labels = cc3d.connected_components(near.astype(np.uint8), connectivity=26)
    sites = []
    for number, count in enumerate(np.bincount(labels[shown], minlength=1)):
        if number == 0 or count * coarse.voxel_volume_mm3 / 1000.0 < config.least_ml:
            continue
        ends = coarse.to_lps(np.argwhere((labels == number) & shown))
        box = np.stack([ends.min(axis=0) - _BOX_MM, ends.max(axis=0) + _BOX_MM])
        grid = upright_grid(volume.grid, config.edge_mm, box)
        own = resample(labels == number, coarse, grid) > 0.1
        hu = np.nan_to_num(upright_hu(volume, grid), nan=-1000.0)
        solid = own & ((hu > config.metal_hu) if metal is None else resample(metal.voxels, metal.grid, grid) > 0.5)
        if solid.any():
            places = np.asarray(grid.to_lps(np.argwhere(solid)))
            is_cut = touches_edge(volume.grid, places) or is_at_padding(volume, places, reach_mm=_INSIDE_MM)
            sites.append(Site(np.asarray(hu), solid, grid, is_cut))
    return sites


def _joined(metal: Bools) -> Bools:
    """Grow metal by some voxels, in the box that it then fills."""
    block = block_round(metal, _JOINED_VOXELS)
    if block is None:
        return metal
    near = np.zeros_like(metal)
    near[block] = ndimage.binary_dilation(metal[block], iterations=_JOINED_VOXELS)
    return near


def touches_edge(grid: Grid, points_lps: Array) -> bool:
    """Say whether metal touches the scan's first or last voxels.

    Parameters
    ----------
    grid : Grid
        The scan's.
    points_lps : ndarray, shape (N, 3)
        Working voxels of metal.
    """
    index = np.asarray(grid.to_index(points_lps))
    # the working voxels' centres lie up to 1 mm inside of what they stand for
    edge = 1.0 + 1.0 / np.array(grid.spacing_mm)
    return bool(np.any((index < edge) | (index > np.array(grid.shape) - 1 - edge)))
