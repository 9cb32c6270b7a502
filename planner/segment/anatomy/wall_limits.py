"""How bright a wall must be at each place: half its height nearby, and above what metal's streaks reach.

Few voxels of a scan are as bright as any bone: the limits are reckoned at these alone, and nothing as large as the scan
is kept for them but two smoothed volumes.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from planner.config.anatomy_config import BoneConfig
from planner.segment.anatomy.windows import grown
from planner.segment.slabs import by_slabs
from planner.segment.smoothing import smoothed
from planner.segment.upright import Bools, Floats

_FINE_MM = 2.4
"""Streaks are finer than this."""
_AROUND_MM = (2.0, 6.0, 6.0)
"""Streaks run within slices."""
_STREAK_HU = 300.0
_TRUNCATE = 2.0
"""Standard deviations after which Gaussians over streaks are cut off."""
_EVERY = 11
"""The usual is told from every so manieth voxel of soft tissue."""
_LEAST_WEIGHT = 1e-3
_COARSE_MM = 1.0
"""Voxels so large reach as far as the brightest reading counts with their neighbours alone."""
_HIDDEN_HU = -1000.0


class _Limits(NamedTuple):
    """What a voxel is held against, all in single precision; HU, shares of a wall's height, and a weight."""

    soft_hu: np.float32
    cortex_hu: np.float32
    wall_share: np.float32
    loose_share: np.float32
    wall_hu: np.float32
    loose_hu: np.float32
    streak_share: np.float32
    usual_hu: np.float32
    least_weight: np.float32
    hidden_hu: np.float32


@dataclass(frozen=True, slots=True, eq=False)
class Streaks:
    """How much the soft tissue's fine structure varies.

    Parameters
    ----------
    squares, weight : ndarray of float32, shape (S, R, C)
        The mean of its squares round each voxel, times the weight of the soft tissue there; and that weight. Both of
        shape (0, 0, 0) where there is no metal, and no streak.
    usual_hu : float
        How much it varies in most of the scan.
    """

    squares: Floats
    weight: Floats
    usual_hu: float


def find_streaks(hu: Floats, spoilt: Bools, dense: Bools, edge_mm: float) -> Streaks:
    """Tell how much the soft tissue's fine structure varies, on an upright isotropic grid.

    Parameters
    ----------
    hu : ndarray of float32, shape (S, R, C)
        CT.
    spoilt : ndarray of bool, shape (S, R, C)
        Metal and what its blur reaches; none where it is empty.
    dense : ndarray of bool, shape (S, R, C)
        What is as bright as bone.
    edge_mm : float
        Edge of a voxel, mm.

    Returns
    -------
    Streaks
    """
    if not spoilt.any():
        nothing = np.zeros((0, 0, 0), dtype=np.float32)
        return Streaks(nothing, nothing, 0.0)
    fine = smoothed(hu, _FINE_MM / edge_mm, truncate=_TRUNCATE)
    read = np.empty(hu.shape, dtype=np.float32)
    by_slabs(_square, hu.shape, hu, spoilt, grown(grown(dense)), np.float32(_STREAK_HU), fine, read)
    some = _some_of(read.reshape(-1), int(np.count_nonzero(read)), _EVERY)
    around = [mm / edge_mm for mm in _AROUND_MM]
    weight = smoothed(read, around, truncate=_TRUNCATE)
    del read  # a float of a CT each
    squares = smoothed(fine, around, truncate=_TRUNCATE)
    del fine
    there = np.maximum(weight.reshape(-1)[some], np.float32(_LEAST_WEIGHT))
    spread = np.sqrt(squares.reshape(-1)[some] / there)
    return Streaks(squares, weight, float(np.median(spread)) if len(some) else 0.0)


def above_limits(
    blurred: Floats, blind: Bools, streaks: Streaks, levels_hu: tuple[float, float], edge_mm: float, config: BoneConfig
) -> tuple[Bools, Bools]:
    """Say where a CT is brighter than half a wall's height, and where it is nearly so.

    Parameters
    ----------
    blurred : ndarray of float32, shape (S, R, C)
        The CT with its noise smoothed.
    blind : ndarray of bool, shape (S, R, C)
        What cannot be read or is no bone.
    streaks : Streaks
        What a wall must rise above.
    levels_hu : tuple of float
        What soft tissue and cortex read in this scan.
    edge_mm : float
        Edge of a voxel, mm.
    config : BoneConfig
        Limits.

    Returns
    -------
    wall, loose : ndarray of bool, shape (S, R, C)
        Brighter than the limit for a wall, and than that for one too thin or too blurred to be told so.
    """
    wall, loose = np.zeros(blurred.shape, dtype=np.uint8), np.zeros(blurred.shape, dtype=np.uint8)
    limits = _Limits(
        soft_hu=np.float32(levels_hu[0]),
        cortex_hu=np.float32(levels_hu[1]),
        wall_share=np.float32(config.wall_share),
        loose_share=np.float32(config.loose_share),
        wall_hu=np.float32(config.wall_hu),
        loose_hu=np.float32(config.loose_hu),
        streak_share=np.float32(config.streak_share),
        usual_hu=np.float32(streaks.usual_hu),
        least_weight=np.float32(_LEAST_WEIGHT),
        hidden_hu=np.float32(_HIDDEN_HU),
    )
    reach = 2 if edge_mm < _COARSE_MM else 1
    by_slabs(_tell, blurred.shape, blurred, blind, streaks.squares, streaks.weight, limits, reach, wall, loose)
    return wall.view(np.bool_), loose.view(np.bool_)


@njit(cache=True, nogil=True)
def _square(
    first: int, stop: int, hu: Floats, spoilt: Bools, dense: Bools, most_hu: np.float32, fine: Floats, read: Floats
) -> None:
    """Say which voxels are soft tissue, and write the squares of what lies over the smoothed CT in its place."""
    _, rows, columns = hu.shape
    for z in range(first, stop):
        for y in range(rows):
            for x in range(columns):
                value = hu[z, y, x]
                is_soft = (value < most_hu) & (value > -most_hu) & (not spoilt[z, y, x]) & (not dense[z, y, x])
                over = value - fine[z, y, x]
                read[z, y, x] = np.float32(1.0) if is_soft else np.float32(0.0)
                fine[z, y, x] = over * over if is_soft else np.float32(0.0)


@njit(cache=True, nogil=True)
def _some_of(read: Floats, count: int, every: int) -> npt.NDArray[np.int64]:
    """Give the places of every so manieth value that is set, from the first on."""
    out = np.empty((count + every - 1) // every, dtype=np.int64)
    seen = 0
    for at in range(len(read)):
        if read[at] > 0:
            if seen % every == 0:
                out[seen // every] = at
            seen += 1
    return out


@njit(cache=True, nogil=True)
def _tell(
    first: int, stop: int, blurred: Floats, blind: Bools, squares: Floats, weight: Floats, limits: _Limits, reach: int,
    wall: npt.NDArray[np.uint8], loose: npt.NDArray[np.uint8],
) -> None:  # fmt: skip
    """Hold each voxel that is as bright as any wall against its own limits; all in single precision."""
    lowest = min(limits.wall_hu, limits.loose_hu)
    for z in range(first, stop):
        for y in range(blurred.shape[1]):
            for x in range(blurred.shape[2]):
                value = blurred[z, y, x]
                if value <= lowest or blind[z, y, x]:
                    continue
                height = _brightest(blurred, blind, z, y, x, limits, reach) - limits.soft_hu
                above = limits.wall_hu
                if squares.size:
                    above = _spread(squares[z, y, x], weight[z, y, x], limits) * limits.streak_share + limits.wall_hu
                wall[z, y, x] = value > max(height * limits.wall_share + limits.soft_hu, above)
                loose[z, y, x] = value > max(height * limits.loose_share + limits.soft_hu, limits.loose_hu)


@njit(cache=True, nogil=True)
def _spread(squares: np.float32, weight: np.float32, limits: _Limits) -> np.float32:
    """Give how much the soft tissue varies more than usual."""
    return max(np.sqrt(squares / max(weight, limits.least_weight)) - limits.usual_hu, np.float32(0.0))


@njit(cache=True, nogil=True)
def _brightest(
    blurred: Floats, blind: Bools, z: int, y: int, x: int, limits: _Limits, reach: int
) -> np.float32:  # fmt: skip
    """Give the brightest reading of a voxel's neighbours, and of those beside them with a reach of two.

    Cortex is the brightest that counts, and what cannot be read is dark.
    """
    slices, rows, columns = blurred.shape
    most = limits.hidden_hu
    for k in range(max(0, z - reach), min(slices, z + reach + 1)):
        for j in range(max(0, y - reach), min(rows, y + reach + 1)):
            far = max(abs(k - z), abs(j - y)) == 2
            if far and abs(k - z) + abs(j - y) == 4:
                continue
            beside = 1 if far else reach
            for i in range(max(0, x - beside), min(columns, x + beside + 1)):
                if not blind[k, j, i]:
                    most = max(most, min(blurred[k, j, i], limits.cortex_hu))
    return most
