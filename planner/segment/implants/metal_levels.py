"""Where metal ends: the half maximum of the nearest core, so that titanium and cobalt-chrome may lie side by side."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from planner.config.metal_config import MetalConfig
from planner.geometry.frames import Array

Bools = npt.NDArray[np.bool_]
Spacing = tuple[float, float, float]

_NEIGHBOURS = 12
"""Cores that are asked for a voxel's plateau: noise averages out, and both metals of a joint are among them."""


@dataclass(frozen=True, slots=True, eq=False)
class HalfMaximum:
    """Metal by its own plateau.

    Parameters
    ----------
    voxels : ndarray of bool, shape (slices, rows, columns)
        Above the local half maximum.
    plateau_hu : ndarray of float32, same shape
        Plateau of the nearest core; 0 where nothing is bright.
    """

    voxels: Bools
    plateau_hu: npt.NDArray[np.float32]


def local_half_maximum(
    hu: npt.NDArray[Any], *, spacing_mm: Spacing, config: MetalConfig, support_share: float
) -> HalfMaximum:
    """Cut each voxel at half of the plateau of its own metal.

    Cores are voxels nearly as bright as anything within the blur's reach: the blurred rim of a heavy metal is none, for
    brighter metal lies beside it. Each voxel takes the plateau of the cores next to it.

    Parameters
    ----------
    hu : ndarray, shape (slices, rows, columns)
        A block of the CT, not clipped below half of the plateau.
    spacing_mm : tuple of float
        Of its voxels.
    config : MetalConfig
        The thresholds.
    support_share : float
        Cores dimmer than this share of the brightest metal round them are its streaks.

    Returns
    -------
    HalfMaximum
    """
    found = np.zeros(hu.shape, dtype=bool)
    plateau = np.zeros(hu.shape, dtype=np.float32)
    where = np.argwhere(hu > config.least_level_hu)
    if not len(where):
        return HalfMaximum(found, plateau)
    own = hu[tuple(where.T)].astype(np.float32)
    is_core = own >= config.core_share * _brightest_round(hu, where, spacing_mm, config.core_reach_mm)
    is_core &= own >= support_share * _brightest_about(hu, where, spacing_mm, config.support_mm)
    if not is_core.any():
        return HalfMaximum(found, plateau)
    points = where * np.array(spacing_mm)
    near, number = cKDTree(points[is_core]).query(points, k=min(_NEIGHBOURS, int(is_core.sum())), workers=1)
    near, number = near.reshape(len(points), -1), number.reshape(len(points), -1)
    cores = own[is_core][number]
    reach = np.maximum(config.joint_reach_mm, 1.3 * near[:, :1])
    nearby = np.where(near <= reach, cores, np.nan)
    lower, middle = _quarter_and_median(nearby)
    level = np.maximum(config.least_level_hu, 0.5 * (lower + config.bone_hu))
    found[tuple(where.T)] = own > level
    plateau[tuple(where.T)] = middle
    return HalfMaximum(found, plateau)


def _quarter_and_median(rows: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Lower quarter and median of each row's numbers, nan left out."""
    ranked = np.sort(rows, axis=1)  # nan last
    count = np.count_nonzero(~np.isnan(rows), axis=1)
    line = np.arange(len(rows))
    return ranked[line, (count - 1) // 4], ranked[line, (count - 1) // 2]


def _brightest_round(
    hu: npt.NDArray[Any], where: npt.NDArray[np.intp], spacing_mm: Spacing, reach_mm: float
) -> npt.NDArray[np.float32]:
    """Brightest HU in a ball round each of a few voxels; at least their six neighbours are asked."""
    half = [max(1, int(reach_mm / s)) for s in spacing_mm]
    offsets = np.stack(np.meshgrid(*[np.arange(-h, h + 1) for h in half], indexing="ij"), axis=-1).reshape(-1, 3)
    far = np.linalg.norm(offsets * np.array(spacing_mm), axis=1)
    offsets = offsets[(far <= reach_mm) | (np.abs(offsets).sum(axis=1) == 1)]
    padded = np.pad(hu, [(h, h) for h in half], mode="edge")
    flat, shape = padded.ravel(), padded.shape
    start = np.ravel_multi_index(tuple((where + half).T), shape)
    best = flat[start]
    for step in offsets @ np.array([shape[1] * shape[2], shape[2], 1]):
        np.maximum(best, flat[start + step], out=best)
    return np.asarray(best, dtype=np.float32)


def _brightest_about(
    hu: npt.NDArray[Any], where: npt.NDArray[np.intp], spacing_mm: Spacing, reach_mm: float
) -> npt.NDArray[np.float32]:
    """Brightest HU in the cells of a coarse lattice about each voxel: roughly, and for any reach."""
    cell = np.maximum(1, np.rint(reach_mm / np.array(spacing_mm)).astype(int))
    coarse = where // cell
    best = np.full(coarse.max(axis=0) + 1, -32768.0, dtype=np.float32)
    np.maximum.at(best, tuple(coarse.T), hu[tuple(where.T)].astype(np.float32))
    return np.asarray(ndimage.maximum_filter(best, size=3)[tuple(coarse.T)])


def tissue_noise_hu(hu: npt.NDArray[Any]) -> float | None:
    """Measure the noise of a CT from neighbouring slices' soft tissue.

    Parameters
    ----------
    hu : ndarray, shape (slices, rows, columns)
        The CT.

    Returns
    -------
    float or None
        Standard deviation of one voxel, HU, by the median absolute difference of voxels two slices apart; None where
        there are too few slices or too little soft tissue.
    """
    if hu.shape[0] < 5:
        return None
    step = max(1, round((hu.shape[1] * hu.shape[2] / 40000) ** 0.5))
    every = max(1, hu.shape[0] // 24)
    low: Array = hu[:-2:every, ::step, ::step].astype(np.float64)
    high: Array = hu[2::every, ::step, ::step][: len(low)].astype(np.float64)
    soft = (np.abs(low) < 150.0) & (np.abs(high) < 150.0)
    if np.count_nonzero(soft) < 500:
        return None
    return float(np.median(np.abs(high - low)[soft]) / 0.6745 / np.sqrt(2.0))
