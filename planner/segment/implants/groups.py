"""Which pieces of metal are searched together, and where."""

from dataclasses import dataclass

import cc3d
import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.model.volume import Volume
from planner.segment.implants.metal import Metal

_ROUND_VOXELS = 3


@dataclass(frozen=True, slots=True, eq=False)
class PieceGroup:
    """Pieces of metal whose shafts are looked for together.

    Parameters
    ----------
    numbers : tuple of int
        Of the pieces in `Metal.pieces`.
    points_lps : ndarray, shape (N, 3)
        The voxels in which shafts run.
    voxels : ndarray of bool
        The same in a block of the grid.
    level_hu, plateau_hu : float
        Of its largest piece.
    """

    numbers: tuple[int, ...]
    points_lps: Array
    voxels: npt.NDArray[np.bool_]
    level_hu: float
    plateau_hu: float


def pieces_searched(metal: Metal) -> tuple[tuple[int, ...], ...]:
    """Say which pieces are searched together.

    Parameters
    ----------
    metal : Metal
        The metal.

    Returns
    -------
    tuple of tuple of int
        Each piece alone; those that starved a clipped scan of quanta all together, for what is left of their shafts in
        the mask is in shreds.
    """
    return pieces_of_one(metal) if metal.is_clipped else tuple((k,) for k in range(1, len(metal.blocks) + 1))


def pieces_of_one(metal: Metal) -> tuple[tuple[int, ...], ...]:
    """Say which pieces may be parts of one construct.

    Parameters
    ----------
    metal : Metal
        The metal.

    Returns
    -------
    tuple of tuple of int
        Each piece alone; those that starved the scan of quanta all together, for starvation cuts implants to pieces.
    """
    starved = tuple(k for k, is_starved in enumerate(metal.starved, start=1) if is_starved)
    alone = [(k,) for k in range(1, len(metal.blocks) + 1) if k not in starved]
    return (*alone, starved) if starved else tuple(alone)


def piece_group(volume: Volume, metal: Metal, numbers: tuple[int, ...]) -> PieceGroup:
    """Gather the voxels of pieces that are searched together.

    Parameters
    ----------
    volume : Volume
        The original CT.
    metal : Metal
        Its metal.
    numbers : tuple of int
        The pieces.

    Returns
    -------
    PieceGroup
        Where they starved the scan, all that is as bright as they are and touches them: a shaft is in the middle of it.
    """
    largest = max(numbers, key=lambda k: _size(metal, k))
    level = metal.levels_hu[largest - 1] if metal.levels_hu else metal.level_hu
    plateau = metal.plateaus_hu[largest - 1] if metal.plateaus_hu else metal.plateau_hu
    blocks = [metal.blocks[k - 1] for k in numbers]
    starved = metal.is_clipped and bool(metal.starved) and metal.starved[largest - 1]
    round_voxels = 10 * _ROUND_VOXELS if starved else 0
    low = np.min([[b.start for b in block] for block in blocks], axis=0) - round_voxels
    high = np.max([[b.stop for b in block] for block in blocks], axis=0) + round_voxels
    low, high = np.maximum(low, 0), np.minimum(high, volume.grid.shape)
    block = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    own = np.isin(metal.pieces[block], np.array(numbers, dtype=np.uint32))
    if starved:
        labels = cc3d.connected_components((np.asarray(volume.hu[block]) > level).astype(np.uint8), connectivity=6)
        own = np.isin(labels, np.unique(labels[own & (labels > 0)])) & (labels > 0)
    points = np.asarray(volume.grid.to_lps(np.argwhere(own) + low))
    return PieceGroup(numbers, points, own, level, plateau)


def _size(metal: Metal, number: int) -> int:
    return int(np.count_nonzero(metal.pieces[metal.blocks[number - 1]] == number))
