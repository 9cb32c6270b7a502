"""Where bone's walls are: told by half the height of the cortex beside them, above what streaks and noise reach.

One HU for all bone draws a dense cortex too wide (its blur reads as bone half a millimetre off) and misses a thin one.
Half-way between soft tissue and the brightest reading nearby is the half-maximum of either.
"""

from dataclasses import dataclass

import cc3d
import numpy as np

from planner.config.anatomy_config import BoneConfig
from planner.segment.anatomy.wall_limits import above_limits, find_streaks
from planner.segment.anatomy.windows import greatest_round, least_round
from planner.segment.balls import grown_by
from planner.segment.blocks import block_round
from planner.segment.smoothing import smoothed
from planner.segment.upright import Bools, Floats

_SOFT_HU = (-50.0, 130.0)
_DENSE_HU = 300.0
_SMOOTH_MM, _SMOOTH_VOXELS = 0.4, 0.45
"""Noise is smoothed over so much before walls are told."""
_USUAL_CORTEX_HU, _USUAL_SOFT_HU = 400.0, 50.0
"""Where a scan shows too little of them."""
_FEW_VOXELS = 100
_CLEAR_MM = 2.4
"""So far from metal its streaks, not its blur, are read."""
_TISSUE_HU, _BROAD_MM, _SPOILT_AROUND_MM, _SPOILT_MM = (-300.0, 1000.0), 4.0, (0.5, 5.0, 5.0), 30.0
"""Lung counts as soft as fat here; shadows are broader than streaks, and lie so near to metal."""
_TRUNCATE = 2.0
"""Standard deviations after which Gaussians over shadows are cut off."""
_HALF = 0.5
_STRONG_SHARE, _STRONG_CLEAR_MM = 0.6, 4.0
"""Of the scan's cortex and so far from metal, a reading is bone's without more evidence (ours)."""
_THICK_WALL_MM = 4.5
"""What is thicker and no brighter than marrow can be is no wall (ours)."""


@dataclass(frozen=True, slots=True, eq=False)
class Walls:
    """What of an upright isotropic grid reads as a bone's wall.

    Parameters
    ----------
    wall : ndarray of bool, shape (S, R, C)
        Brighter than half the cortex nearby, and than streaks.
    loose : ndarray of bool, shape (S, R, C)
        Brighter than the lower limit of a wall too thin or too blurred to be told so; `wall` is in it.
    strong : ndarray of bool, shape (S, R, C)
        As bright as this scan's cortex, away from metal.
    blurred_hu : ndarray of float32, shape (S, R, C)
        The CT with its noise smoothed.
    soft_hu, cortex_hu : float
        What soft tissue and cortex read in this scan.
    """

    wall: Bools
    loose: Bools
    strong: Bools
    blurred_hu: Floats
    soft_hu: float
    cortex_hu: float


def find_walls(hu: Floats, metal: Bools, blind: Bools, edge_mm: float, config: BoneConfig) -> Walls:
    """Find bone's walls.

    Parameters
    ----------
    hu : ndarray of float32, shape (S, R, C)
        CT.
    metal : ndarray of bool, shape (S, R, C)
        Metal.
    blind : ndarray of bool, shape (S, R, C)
        What cannot be read or is no bone: metal with its bloom, the canal.
    edge_mm : float
        Edge of a voxel, mm.
    config : BoneConfig
        Limits.

    Returns
    -------
    Walls
    """
    blurred = smoothed(hu, max(_SMOOTH_MM / edge_mm, _SMOOTH_VOXELS), truncate=2.5)
    soft, cortex = _levels(hu, blurred, blind)
    streaks = find_streaks(
        hu, within(metal, _CLEAR_MM, edge_mm), blurred > soft + _HALF * (cortex - soft), edge_mm
    )  # fmt: skip
    wall, loose = above_limits(blurred, blind, streaks, (soft, cortex), edge_mm, config)
    del streaks
    # a vessel with contrast, a loop of bowel are as bright right through: a wall stands out from both its sides
    bright = blurred > soft + _STRONG_SHARE * (cortex - soft)
    wall = _standing_out(wall, bright, blurred, soft, edge_mm, config)
    strong = bright & ~blind & ~within(metal, _STRONG_CLEAR_MM, edge_mm)
    return Walls(wall, loose | wall, strong, blurred, soft, cortex)


def _levels(hu: Floats, blurred: Floats, blind: Bools) -> tuple[float, float]:
    # every third voxel along each axis will do
    few = (slice(None, None, 3),) * 3
    some, smooth, seen = hu[few], blurred[few], ~blind[few]
    soft = some[(some > _SOFT_HU[0]) & (some < _SOFT_HU[1])]
    dense = smooth[seen & (smooth > _DENSE_HU)]
    return (
        float(np.median(soft)) if len(soft) > _FEW_VOXELS else _USUAL_SOFT_HU,
        float(np.percentile(dense, 80)) if len(dense) > _FEW_VOXELS else _USUAL_CORTEX_HU,
    )


def _standing_out(
    wall: Bools, bright: Bools, blurred: Floats, soft_hu: float, edge_mm: float, config: BoneConfig
) -> Bools:
    """Leave of a wall what is bright, and what stands out from both its sides."""
    size = 2 * round(0.5 * _THICK_WALL_MM / edge_mm) + 1
    # few voxels are in doubt: what is thinner than a wall may be is flattened round them alone
    block = block_round(wall & ~bright, 3 * (size // 2) + 1)
    if block is None:
        return wall
    around = blurred[block].copy()
    stands_out = around - _opened(around, size)
    around -= soft_hu
    around *= config.prominence_share
    out = wall.copy()
    out[block] &= bright[block] | (stands_out > around)
    return out


def _opened(blurred: Floats, size: int) -> Floats:
    """Flatten what is thinner than a wall may be."""
    # a round vessel's rim stands a voxel out of what boxes can fill of it
    return greatest_round(greatest_round(least_round(blurred, size), size), 3)


def spoilt(hu: Floats, metal: Bools, unread: Bools, edge_mm: float, config: BoneConfig) -> Bools:
    """Say where metal's shadows and streaks drown all tissue.

    Parameters
    ----------
    hu : ndarray of float32, shape (S, R, C)
        CT.
    metal, unread : ndarray of bool, shape (S, R, C)
        Metal; metal with its bloom.
    edge_mm : float
        Edge of a voxel, mm.
    config : BoneConfig
        How much is too much.

    Returns
    -------
    ndarray of bool, shape (S, R, C)
        Near metal, where the CT varies within slices by more than bone in soft tissue does.
    """
    out = np.zeros_like(metal)
    slices = np.flatnonzero(metal.any(axis=(1, 2)))
    if not len(slices):
        return out
    block = slice(max(0, int(slices[0]) - 2), int(slices[-1]) + 3)
    # every second voxel will do
    near = within(metal[block][:, ::2, ::2][::2], _SPOILT_MM, 2.0 * edge_mm)
    for axis, size in enumerate(hu[block].shape):
        near = np.repeat(near, 2, axis=axis).take(range(size), axis=axis)
    # only what lies near is smoothed, with as much round it as the two Gaussians reach
    reach = round(_TRUNCATE * _BROAD_MM / edge_mm) + round(_TRUNCATE * max(_SPOILT_AROUND_MM) / edge_mm) + 2
    around_it = block_round(near, (near.shape[0], reach, reach))
    if around_it is None:
        return out
    hu, unread = hu[block][around_it], unread[block][around_it]
    levels = np.clip(hu, *_TISSUE_HU)
    weight = (~unread).astype(np.float32)
    fine = smoothed(levels, (0.0, _BROAD_MM / edge_mm, _BROAD_MM / edge_mm), truncate=_TRUNCATE)
    np.subtract(levels, fine, out=fine)
    np.multiply(fine, weight, out=levels)
    fine *= levels
    around = [mm / edge_mm for mm in _SPOILT_AROUND_MM]
    squares, total = (smoothed(values, around, truncate=_TRUNCATE) for values in (fine, weight))
    np.maximum(total, 1e-2, out=total)
    np.divide(squares, total, out=squares)
    drowned = np.sqrt(squares, out=squares) > config.spoilt_hu
    out[block][around_it] = drowned & near[around_it] & ~unread
    return out


def within(mask: Bools, reach_mm: float, edge_mm: float) -> Bools:
    """Grow a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (S, R, C)
        What is grown.
    reach_mm : float
        By how much.
    edge_mm : float
        Edge of a voxel, mm.

    Returns
    -------
    ndarray of bool, shape (S, R, C)
    """
    out = np.zeros_like(mask)
    # distances are reckoned only round it
    block = block_round(mask, int(np.ceil(reach_mm / edge_mm)) + 1)
    if block is not None:
        out[block] = grown_by(mask[block], reach_mm / edge_mm)
    return out


def large(mask: Bools, least_ml: float, edge_mm: float, *, by_corners: bool = False) -> Bools:
    """Leave out pieces that are smaller than a volume.

    Parameters
    ----------
    mask : ndarray of bool, shape (S, R, C)
        What is looked through.
    least_ml : float
        Volume of the smallest piece that stays, mL.
    edge_mm : float
        Edge of a voxel, mm.
    by_corners : bool
        Whether voxels that touch at edges and corners alone belong together: those of a thin wall do.

    Returns
    -------
    ndarray of bool, shape (S, R, C)
    """
    least = max(1, round(least_ml * 1000.0 / edge_mm**3))
    out = np.zeros_like(mask)
    block = block_round(mask, 0)
    if block is not None:
        own = np.ascontiguousarray(mask[block])
        labels = cc3d.connected_components(own.view(np.uint8), connectivity=26 if by_corners else 6)[own]
        out[block][own] = (np.bincount(labels) >= least)[labels]
    return out
