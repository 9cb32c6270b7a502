"""Cavities beside an interface: lucent spaces too wide for rays, told in 3D."""

import cc3d
import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.hip_config import HipGapConfig
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.segment.gaps.bone_levels import BoneLevels
from planner.segment.gaps.implant_surroundings import Surroundings
from planner.segment.upright import Bools, Floats

CAVITY_FROM_MM = 1.75
"""Blurred metal hides what lies nearer; rays read that part."""
_SMOOTH_MM = 1.0
_NECK_MM = 1.6
"""A cavity's passages hold a ball of this radius: the pores of cancellous bone and thin streaks do not."""
_CORNER_MM = 0.4
_REGROWN = 3
"""Voxels, within what is lucent."""
_RIM_MM = (0.8, 2.8)
"""How far outside of a cavity its border is read."""
_RISE_SHARE = 0.6
"""Of the way from interface tissue to cancellous bone: so far HU rise from a cavity's core to its border."""
_WALLED_SHARE = 0.65
"""Of a cavity's border."""
_CLEAR_SD = 2.5
"""A cavity's core lies so many spreads of the patient's cancellous bone below it."""
_OPEN_SHARE = 0.35
"""Of a border may lie outside of bone: more is soft tissue that the outline took in."""
_LEAST_ML, _LARGE_ML, _BALL_MM = 0.3, 0.75, 3.0
"""A smaller cavity than the second holds a ball of this radius: streaks and pores make flat ones; tuning cases."""


def grow_cavities(around: Surroundings, seeds: Bools, levels: BoneLevels, config: HipGapConfig) -> Bools:
    """Find the cavities that reach up to an implant.

    Parameters
    ----------
    around : Surroundings
        What lies round the implant, foretold artefacts taken off.
    seeds : ndarray of bool
        Voxels beside the implant's interface, one of which each cavity holds.
    levels : BoneLevels
        The patient's own bone.
    config : HipGapConfig
        Fat, and how far a cavity reaches.

    Returns
    -------
    ndarray of bool
        Within the bone's envelope. Empty where cavities cannot be told from the patient's cancellous bone; what has no
        border is marrow, what lies at the outline soft tissue, and what is hardly darker than bone is bone.
    """
    empty = np.zeros_like(seeds)
    if not levels.is_told or not seeds.any():
        return empty
    smooth = ndimage.gaussian_filter(around.hu, _SMOOTH_MM / around.edge_mm)
    near = (around.from_metal_mm > CAVITY_FROM_MM) & (around.from_metal_mm < config.bone_reach_mm)
    lucent = around.bone & near & (smooth < levels.lumen_hu) & (smooth > config.fat_hu)
    # the layer that the metal's blur hides is no wall: a cavity is no narrower for it
    depth = edt.edt(lucent | (around.from_metal_mm <= CAVITY_FROM_MM), parallel=2) * around.edge_mm
    core = lucent & (depth > _NECK_MM)
    opened = lucent & (edt.edt(~core, parallel=2) * around.edge_mm <= _NECK_MM + _CORNER_MM)
    labels = cc3d.connected_components(opened.astype(np.uint8), connectivity=6)
    touched = np.unique(labels[seeds])
    kept = empty
    for number in touched[touched > 0]:
        part = labels == number
        if _is_cavity(around, part, core, smooth, levels, config):
            # what the opening cut off its corners
            kept = kept | ndimage.binary_dilation(part, iterations=_REGROWN, mask=lucent)
    return kept


def _is_cavity(
    around: Surroundings, part: Bools, core: Bools, smooth: Floats, levels: BoneLevels, config: HipGapConfig
) -> bool:
    """Whether a lucent space is large, dark, and walled off by bone."""
    ml = part.sum() * around.grid.voxel_volume_mm3 / 1000.0
    holds_mm = float(edt.edt(part, parallel=2).max()) * around.edge_mm
    if ml < _LEAST_ML or (ml < _LARGE_ML and holds_mm < _BALL_MM):
        return False
    inside = float(np.median(smooth[part & core]))
    contrast = levels.cancellous_hu - config.fibrous_hu
    if levels.cancellous_hu - inside < max(_CLEAR_SD * levels.spread_hu, 0.5 * contrast):
        return False
    away = edt.edt(~part, parallel=2) * around.edge_mm
    shell = (away > _RIM_MM[0]) & (away <= _RIM_MM[1]) & (around.from_metal_mm > CAVITY_FROM_MM)
    if shell.sum() < 50 or float(np.mean(~around.bone[shell])) > _OPEN_SHARE:
        return False
    rises = smooth[shell & around.bone] - inside
    return bool(np.mean(rises > _RISE_SHARE * contrast) > _WALLED_SHARE)


def voxel_shares(
    around: Surroundings, cavities: Bools, taken: Bools, levels: BoneLevels, config: HipGapConfig
) -> npt.NDArray[np.float32]:
    """Say how much of each voxel belongs to a cavity, by its HU between cavity and border.

    Parameters
    ----------
    around : Surroundings
        What lies round the implant.
    cavities : ndarray of bool
        The cavities.
    taken : ndarray of bool
        Voxels that another step counts already.
    levels : BoneLevels
        The patient's own bone.
    config : HipGapConfig
        Interface tissue.

    Returns
    -------
    ndarray of float32
        0 to 1.
    """
    shares = np.zeros(cavities.shape, dtype=np.float32)
    border = ndimage.binary_dilation(cavities) & ~cavities & around.bone & (around.from_metal_mm > CAVITY_FROM_MM)
    smooth = ndimage.gaussian_filter(around.hu, 0.6 / around.edge_mm)
    highest = ndimage.maximum_filter(smooth, 5)[border]
    # beside cortex or a sclerotic rim (620 HU) the border is that wall's, else the cancellous bone's
    hard = highest > levels.cancellous_hu + 150.0
    top = np.where(hard, np.clip(highest, 150.0, 620.0), max(levels.cancellous_hu, config.fibrous_hu + 30.0))
    shares[border] = np.clip((top - smooth[border]) / (top - config.fibrous_hu), 0.0, 1.0)
    shares[border] = np.where(hard, shares[border], np.where(shares[border] > 0.5, 1.0, 0.0))
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
