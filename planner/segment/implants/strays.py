"""Metal that hangs on to shafts and is none of theirs: beyond any tulip, or a rod that was not told."""

from itertools import combinations

import cc3d
import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, unit
from planner.geometry.grid import Grid
from planner.geometry.rays import segment_distance_mm
from planner.segment.implants.shaft import Shaft

_BEYOND_MM = 3.0
"""Metal this far from all shafts, and from the space that tulips take, is no part of them. Ours."""
_LEAST_MM3 = 150.0
"""Less of it is bloom, or a large tulip's corner: 6 mm of a rod have as much. Ours."""
_SLAB_MM, _BEHIND_MM, _CLEAR_MM = 2.0, 24.0, 1.5
"""Half of the slab midway between two tulips, how far behind the heads' line it reaches, and how far off shafts."""
_LEAST_BETWEEN_MM3 = 20.0
"""A rod of 3.2 mm has 30 mm3 in that slab. Ours."""


def strays(points_lps: Array, far_mm: Array, grid: Grid) -> tuple[npt.NDArray[np.bool_], ...]:
    """Tell the metal of a piece that lies beyond what its shafts and their tulips can take.

    Parameters
    ----------
    points_lps : ndarray, shape (N, 3)
        A piece's voxels, LPS mm.
    far_mm : ndarray, shape (N,)
        How far each lies from the nearest shaft's surface, or a tulip's space.
    grid : Grid
        The voxels' grid.

    Returns
    -------
    tuple of ndarray of bool, shape (N,)
        One for each connected lump of it; empty where there is none worth a name.
    """
    beyond = np.flatnonzero(far_mm > _BEYOND_MM)
    least = _LEAST_MM3 / grid.voxel_volume_mm3
    if len(beyond) < least:
        return ()
    index = np.rint(grid.to_index(points_lps[beyond])).astype(int)
    index -= index.min(axis=0)
    block = np.zeros(index.max(axis=0) + 1, dtype=np.uint8)
    block[tuple(index.T)] = 1
    labels = cc3d.connected_components(block, connectivity=26)[tuple(index.T)]
    lumps = []
    for number, count in enumerate(np.bincount(labels)):
        if number and count >= least:
            lump = np.zeros(len(points_lps), dtype=bool)
            lump[beyond[labels == number]] = True
            lumps.append(lump)
    return tuple(lumps)


def joined_without_rod(points_lps: Array, shafts: list[Shaft], voxel_mm3: float) -> frozenset[int]:
    """Say which screws of a piece are joined behind by metal that was not told as a rod.

    Parameters
    ----------
    points_lps : ndarray, shape (N, 3)
        The piece's voxels, LPS mm.
    shafts : list of Shaft
        Its screws and rods.
    voxel_mm3 : float
        Volume of a voxel.

    Returns
    -------
    frozenset of int
        Their places in the list; none where a rod was told, and none of screws that touch with their shafts alone. A
        rod's metal is shared out among them: their volumes are not their own.
    """
    screws = [k for k, s in enumerate(shafts) if s.kind == "pedicle_screw" and s.has_tulip]
    if any(s.kind == "rod" for s in shafts):
        return frozenset()
    off = np.ones(len(points_lps), dtype=bool)
    for s in shafts:
        off &= segment_distance_mm(points_lps, s.head_lps, s.tip_lps) > s.outer_mm / 2 + _CLEAR_MM
    points = points_lps[off]
    found: set[int] = set()
    for a, b in combinations(screws, 2):
        start, stop = shafts[a].head_lps, shafts[b].head_lps
        half = 0.5 * float(np.linalg.norm(stop - start))
        if half <= 0:
            continue
        along = (points - start) @ unit(stop - start)
        between = np.abs(along - half) < _SLAB_MM
        between &= segment_distance_mm(points, start, stop) < _BEHIND_MM
        if np.count_nonzero(between) * voxel_mm3 > _LEAST_BETWEEN_MM3:
            found |= {a, b}
    return frozenset(found)
