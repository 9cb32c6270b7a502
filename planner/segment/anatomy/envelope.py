"""What lies within a bone whose wall has holes, and which metal lies in it.

The space between the walls is flooded from outside and from within at once, wide places first: the two floods meet in
the narrowest place, which is the hole in the cortex, the entry of a halo, the mouth of a cut bone (watershed by
markers, as in Meyer 2012, arXiv 1202.0216, on the distance to the walls). Metal and its bloom, where nothing can be
read, go to what surrounds them: the chance that a random walk from there ends in bone (Grady 2006, IEEE Trans Pattern
Anal Mach Intell 28:11).
"""

from typing import Any

import cc3d
import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import ndimage as ndi
from scipy import sparse
from scipy.sparse.linalg import cg

from planner.geometry.distance import distance_mm
from planner.geometry.frames import Array
from planner.segment.anatomy.walls import Walls, within
from planner.segment.anatomy.watershed import watershed
from planner.segment.anatomy.windows import most_round, shrunk
from planner.segment.blocks import block_round
from planner.segment.upright import Bools

_Labels = npt.NDArray[np.unsignedinteger[Any]]

_OUTSIDE, _INSIDE = 1, 2
LIES_OPEN = 12
"""Of 16 axial ones: a place that fewer meet bone from lies open."""
_WIDE_MM = 3.5
"""Soft tissue has room for a ball so wide; a hole in a cortex or a halo's mouth has not (ours)."""
_SEA_ML = 10.0
"""The surroundings are larger than the marrow of a bone that the picture cuts (ours)."""
_STEPS_PER_MM = 8.0
_WIDEST_MM = 1000.0
_CORTEX_MM = 2.4
"""A wall lies so near to what it walls in, or is as bright as this scan's cortex (ours)."""
_SOFT_WEIGHT = 0.5
"""Soft tissue beside bloom may be beside a wall that the bloom hides."""
_MOST_ROUNDS, _CLOSE = 400, 1e-3


def flooded(
    walls: Walls, closed: Bools, rays: tuple[Bools, Bools], unread: Bools, barred: Bools | None, edge_mm: float
) -> Bools:
    """Tell bone from what lies round it, but for metal and its bloom.

    Parameters
    ----------
    walls : Walls
        Where bone's walls are.
    closed : ndarray of bool, shape (S, R, C)
        The walls with small holes closed.
    rays : tuple of two ndarrays of bool, shape (S, R, C)
        What is walled in beyond doubt, and what lies open to the sides.
    unread : ndarray of bool, shape (S, R, C)
        Metal and its bloom.
    barred : ndarray of bool, shape (S, R, C) or None
        What is not bone whatever surrounds it.
    edge_mm : float
        Edge of a voxel, mm.

    Returns
    -------
    ndarray of bool, shape (S, R, C)
        False in `unread`.
    """
    walled_in, lies_open = rays
    allowed = np.ones_like(closed) if barred is None else ~barred
    solid = (closed | unread) & allowed
    slope = walls.loose & allowed & ~solid
    # beyond the picture there is no wall
    width = distance_mm(solid | slope, (1.0, 1.0, 1.0))
    width *= edge_mm
    np.minimum(width, _WIDEST_MM, out=width)
    inside = walled_in & ~solid & allowed
    inside &= most_round(inside)
    outside = _sea(lies_open & (width > _WIDE_MM), barred, edge_mm) & ~inside
    # the slope from soft tissue to a thin wall comes last: there the floods meet on its crest
    width *= -_STEPS_PER_MM
    height = width.astype(np.int16)
    del width  # the watershed, which takes ten times a mask's room, is where a plan's memory peaks
    height[slope] = np.clip(walls.blurred_hu[slope], 0.0, 3000.0).astype(np.int16)
    within_out, within_in = shrunk(outside, goes_on=True), shrunk(inside)
    space = ~(solid | within_out | within_in)
    sources = np.zeros(closed.shape, dtype=np.uint8)
    sources[outside], sources[inside] = _OUTSIDE, _INSIDE
    parts = watershed(height, sources, space)
    # what neither flood reaches is walled in on all sides
    core = ((parts == _INSIDE) | within_in | ((parts == 0) & ~within_out & ~unread & ~closed)) & allowed
    cortex = closed & (within(core | walls.strong, _CORTEX_MM, edge_mm) | walled_in)
    return np.asarray((core | cortex) & allowed & ~unread)


def _sea(wide: Bools, barred: Bools | None, edge_mm: float) -> Bools:
    """Give the wide open space that reaches the picture's sides, and the canal."""
    space = wide if barred is None else wide | barred
    labels = cc3d.connected_components(np.ascontiguousarray(space).view(np.uint8), connectivity=6)
    sizes = _sizes_of(labels, int(labels.max()) + 1)
    keep = np.zeros(len(sizes), dtype=bool)
    for side in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        keep[side] = True
    keep &= sizes * edge_mm**3 > 1000.0 * _SEA_ML
    if barred is not None:
        keep[labels[barred]] = True
    keep[0] = False
    return np.asarray(keep[labels])


@njit(cache=True, nogil=True)
def _sizes_of(labels: _Labels, count: int) -> npt.NDArray[np.int64]:
    """Count each label's voxels, 0 for none of any; numpy's count copies all labels to eight bytes before."""
    sizes = np.zeros(count, dtype=np.int64)
    for z in range(labels.shape[0]):
        for y in range(labels.shape[1]):
            for label in labels[z, y]:
                sizes[label] += 1
    return sizes


def among(known: Bools, unread: Bools, untold: Bools | None = None) -> Bools:
    """Give unreadable voxels to what surrounds them.

    Parameters
    ----------
    known : ndarray of bool, shape (S, R, C)
        Bone, where it can be read.
    unread : ndarray of bool, shape (S, R, C)
        Where it cannot.
    untold : ndarray of bool, shape (S, R, C) or None
        What speaks neither for bone nor against it: the canal, between which and a screw a hidden wall stands.

    Returns
    -------
    ndarray of bool, shape (S, R, C)
        Those of `unread` from which a random walk ends in bone more likely than not.
    """
    out = np.zeros_like(unread)
    # what decides lies among them or beside them
    block = block_round(unread, 1)
    if block is None or unread.all():
        return out
    asked = unread[block]
    chance = _chance(known[block], asked, None if untold is None else untold[block], np.flatnonzero(asked))
    out[block][asked] = chance > 0.5
    return out


def _chance(known: Bools, unread: Bools, untold: Bools | None, index: npt.NDArray[np.intp]) -> Array:
    count = len(index)
    number = np.full(unread.size, -1, dtype=np.int64)
    number[index] = np.arange(count)
    at = np.unravel_index(index, unread.shape)
    bone = known.ravel()
    silent = None if untold is None else untold.ravel()
    steps = (unread.shape[1] * unread.shape[2], unread.shape[2], 1)
    weights, ends = np.zeros(count), np.zeros(count)
    first, second = [], []
    for axis, step in enumerate(steps):
        for way in (-1, 1):
            there = (at[axis] + way >= 0) & (at[axis] + way < unread.shape[axis])
            beside = np.where(there, index + way * step, 0)
            there &= True if silent is None else ~silent[beside]
            met = there & (number[beside] < 0) & bone[beside]
            ends += met
            weights += np.where(there & (number[beside] < 0) & ~met, _SOFT_WEIGHT, there)
            joined = np.flatnonzero(there & (number[beside] >= 0))
            first.append(joined)
            second.append(number[beside[joined]])
    pairs = (np.concatenate(first), np.concatenate(second))
    links = sparse.coo_matrix((np.ones(len(pairs[0])), pairs), shape=(count, count)).tocsr()
    # what nothing but silence surrounds has no weight at all
    walk = (sparse.diags(np.maximum(weights, 1e-6)) - links).tocsr()
    nearest = ndi.distance_transform_edt(unread, return_distances=False, return_indices=True)
    start = known[tuple(nearest[:, at[0], at[1], at[2]])].astype(np.float64)
    found, _ = cg(
        walk, ends, x0=start, rtol=_CLOSE, maxiter=_MOST_ROUNDS, M=sparse.diags(1.0 / np.maximum(weights, _SOFT_WEIGHT))
    )
    return np.asarray(found)
