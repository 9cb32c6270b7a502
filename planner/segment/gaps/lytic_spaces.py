"""Cavities beside an interface: lucent spaces too wide for rays, told in 3D."""

from dataclasses import dataclass

import cc3d
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.hip_config import HipGapConfig
from planner.geometry.distance import distance_mm
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.segment.blocks import block_round
from planner.segment.upright import Bools, Floats

_NEAR_METAL_MM = 1.2
"""Blurred metal hides what lies nearer; rays read that part."""
_NECK_MM = 1.2
"""A cavity's passages hold a ball of this radius: the pores of cancellous bone do not."""
_CORNER_MM = 0.3
_RIM_MM = 2.0
_SHARP_HU = 100.0
"""Rise from a cavity to its border; marrow runs into bone without one. As the interface's walls."""
_SHARP_SHARE = 0.6
_LOOKED_VOXELS = 2
"""So far round a voxel its border's brightest is sought."""
_LEAST_ML = 0.08
_CUBE = (1.0, 1.0, 1.0)
"""Distances are counted in voxels first, for the grid's are cubes."""


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What lies round one implant, on an upright, isotropic grid.

    Parameters
    ----------
    grid : Grid
        The grid.
    hu : ndarray of float32, shape ``grid.shape``
        CT.
    bone : ndarray of bool
        The bone's envelope.
    from_metal_mm : ndarray of float32
        Distance from any metal.
    """

    grid: Grid
    hu: Floats
    bone: Bools
    from_metal_mm: Floats

    @property
    def edge_mm(self) -> float:
        """Edge of a voxel."""
        return self.grid.spacing_mm[0]


def lumen_level_hu(around: Surroundings, config: HipGapConfig) -> float:
    """Say below which HU bone is lucent, by the patient's own cancellous bone.

    Parameters
    ----------
    around : Surroundings
        What lies round the implant.
    config : HipGapConfig
        Interface tissue and the share of the way to bone.

    Returns
    -------
    float
    """
    inner = ndimage.binary_erosion(around.bone, iterations=max(1, round(2.0 / around.edge_mm)))
    shell = inner & (around.from_metal_mm > 2.5) & (around.from_metal_mm < config.bone_reach_mm)
    # cancellous bone: denser than interface tissue, lighter than cortex
    values = around.hu[shell & (around.hu > config.fibrous_hu + 20.0) & (around.hu < 350.0)]
    cancellous = float(np.median(values)) if len(values) > 500 else config.cancellous_hu
    level = config.fibrous_hu + config.lumen_share * max(cancellous - config.fibrous_hu, 60.0)
    return min(level, config.greatest_lumen_hu)


def grow_cavities(around: Surroundings, seeds: Bools, lumen_hu: float, config: HipGapConfig) -> Bools:
    """Grow cavities from where rays found no wall.

    Parameters
    ----------
    around : Surroundings
        What lies round the implant.
    seeds : ndarray of bool
        Voxels in cavities.
    lumen_hu : float
        What lies below may be a cavity.
    config : HipGapConfig
        Fat, and how far a cavity reaches.

    Returns
    -------
    ndarray of bool
        Within the bone's envelope. Empty where a lucent space has no border: that is marrow.
    """
    empty = np.zeros_like(seeds)
    if not seeds.any():
        return empty
    smooth = ndimage.gaussian_filter(around.hu, 0.6 / around.edge_mm)
    near = (around.from_metal_mm > _NEAR_METAL_MM) & (around.from_metal_mm < config.bone_reach_mm)
    lucent = around.bone & near & (smooth < lumen_hu) & (smooth > config.fat_hu)
    core = distance_mm(~lucent, _CUBE) * around.edge_mm > _NECK_MM
    opened = lucent & (distance_mm(core, _CUBE) * around.edge_mm <= _NECK_MM + _CORNER_MM)
    labels = cc3d.connected_components(opened.astype(np.uint8), connectivity=6)
    touched = np.unique(labels[ndimage.binary_dilation(seeds, iterations=1)])
    kept = empty
    for number in touched[touched > 0]:
        part = labels == number
        if part.sum() * around.grid.voxel_volume_mm3 / 1000.0 >= _LEAST_ML and _has_border(around, part, smooth):
            kept = kept | part
    return kept


def _has_border(around: Surroundings, part: Bools, smooth: Floats) -> bool:
    """Whether HU rises steeply on most of a space's border with bone."""
    reach = max(1, round(_RIM_MM / around.edge_mm))
    block = block_round(part, 1 + reach)
    if block is None:
        return False
    part, smooth, away = part[block], smooth[block], around.from_metal_mm[block]
    rim = ndimage.binary_dilation(part) & ~part & (away > _NEAR_METAL_MM + _RIM_MM)
    if rim.sum() < 20:
        return False
    highest = ndimage.maximum_filter(np.where(away > _NEAR_METAL_MM, smooth, -1000.0), 2 * reach + 1)
    rises = highest[rim] - float(np.median(smooth[part]))
    return bool(np.mean(rises > 2.0 * _SHARP_HU) > _SHARP_SHARE)


def voxel_shares(around: Surroundings, cavities: Bools, taken: Bools, config: HipGapConfig) -> npt.NDArray[np.float32]:
    """Say how much of each voxel belongs to a cavity, by its HU between cavity and border.

    Parameters
    ----------
    around : Surroundings
        What lies round the implant.
    cavities : ndarray of bool
        The cavities.
    taken : ndarray of bool
        Voxels that another step counts already.
    config : HipGapConfig
        Interface tissue.

    Returns
    -------
    ndarray of float32
        0 to 1.
    """
    shares = np.zeros(cavities.shape, dtype=np.float32)
    block = block_round(cavities, 1 + _LOOKED_VOXELS)
    if block is None:
        return shares
    own, hu = cavities[block], around.hu[block]
    border = ndimage.binary_dilation(own) & ~own & around.bone[block] & (around.from_metal_mm[block] > _NEAR_METAL_MM)
    top = np.clip(ndimage.maximum_filter(hu, 2 * _LOOKED_VOXELS + 1)[border], 150.0, 620.0)  # 620: a sclerotic rim's HU
    shares[block][border] = np.clip((top - hu[border]) / (top - config.fibrous_hu), 0.0, 1.0)
    shares[cavities] = 1.0
    shares[taken] = 0.0
    return shares


def seed_voxels(grid: Grid, points_lps: Array) -> Bools:
    """Mark the voxels in which points lie; points beyond the grid mark none."""
    marked = np.zeros(grid.shape, dtype=bool)
    index = np.rint(np.asarray(grid.to_index(points_lps))).astype(int).reshape(-1, 3)
    inside = np.all((index >= 0) & (index < np.array(grid.shape)), axis=1)
    marked[tuple(index[inside].T)] = True
    return marked
