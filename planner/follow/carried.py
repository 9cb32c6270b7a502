"""The earlier CT read on the later one's working grid, each bone through its own motion."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.follow.examined import RegisteredPair
from planner.geometry.distance import distance_mm
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.segment.blocks import block_round
from planner.segment.upright import resample, upright_hu

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Carrier:
    """Which motion each place of the later CT is read through.

    Parameters
    ----------
    grid : Grid
        The late working grid.
    motions : tuple of ndarray, each of shape (4, 4)
        Late from early, LPS; the patient's first.
    which : ndarray of int16, shape ``grid.shape``
        The motion of each voxel.
    """

    grid: Grid
    motions: tuple[Array, ...]
    which: npt.NDArray[np.int16]

    def hu(self, ct: Volume) -> Floats:
        """Read the earlier CT on the late working grid, HU; NaN where it shows nothing."""
        out = np.full(self.grid.shape, np.nan, dtype=np.float32)
        for number, motion in enumerate(self.motions):
            self._fill(out, number, upright_hu, Volume(_moved(ct.grid, motion), ct.hu, ct.padding))
        return out

    def mask(self, mask: Mask) -> Floats:
        """Read an early mask on the late working grid: the share of each voxel that lies in it."""
        out = np.zeros(self.grid.shape, dtype=np.float32)
        for number, motion in enumerate(self.motions):
            self._fill(out, number, _mask_on, Mask(_moved(mask.grid, motion), mask.voxels))
        return out

    def _fill(self, out: Floats, number: int, read: object, moved: object) -> None:
        here = self.which == number
        block = block_round(here, 0)
        if block is None or not callable(read):
            return
        z, y, x = block
        grid = self.grid.crop((z.start, y.start, x.start), (z.stop, y.stop, x.stop))
        out[block] = np.where(here[block], read(moved, grid), out[block])


def carrier(pair: RegisteredPair, reach_mm: float) -> Carrier:
    """Say which bone's motion each place of the later CT follows: the nearest bone's, the patient's beyond a reach.

    Parameters
    ----------
    pair : RegisteredPair
        The two CTs.
    reach_mm : float
        How far round a bone tissue moves with it.

    Returns
    -------
    Carrier
    """
    grid = pair.late.grid
    which = np.zeros(grid.shape, dtype=np.int16)
    nearest = np.full(grid.shape, reach_mm, dtype=np.float32)
    motions = [np.asarray(pair.late_from_early, dtype=np.float64)]
    for name, motion in pair.bones.items():
        bone = pair.early.bone(name)
        if bone is None:
            continue
        away = distance_mm(carried_mask(bone.mask, motion, grid) > 0.5, grid.spacing_mm, reach_mm=reach_mm)
        closer = away < nearest
        which[closer] = len(motions)
        nearest[closer] = away[closer]
        motions.append(np.asarray(motion, dtype=np.float64))
    return Carrier(grid, tuple(motions), which)


def carried_mask(mask: Mask, motion: Array, grid: Grid) -> Floats:
    """Carry an early mask by one motion.

    Parameters
    ----------
    mask : Mask
        On the earlier CT.
    motion : ndarray, shape (4, 4)
        Late from early, LPS.
    grid : Grid
        The late working grid.

    Returns
    -------
    ndarray of float32, shape ``grid.shape``
        Share of each voxel that lies in it.
    """
    return _mask_on(Mask(_moved(mask.grid, motion), mask.voxels), grid)


def carried_point(point_lps: tuple[float, float, float], motion: Array) -> Array:
    """Carry a point of the earlier CT by a motion: LPS, mm, shape (3,)."""
    return np.asarray(motion[:3, :3] @ np.asarray(point_lps, dtype=np.float64) + motion[:3, 3])


def _moved(grid: Grid, motion: Array) -> Grid:
    return Grid(grid.shape, motion @ grid.lps_from_index, grid.frame_of_reference_uid)


def _mask_on(mask: Mask, grid: Grid) -> Floats:
    return resample(mask.voxels, mask.grid, grid)
