"""At which HU a shaft of its own metal ends, where two metals lie in one scan or in one piece."""

import numpy as np

from planner.geometry.frames import Array
from planner.model.implant import Implant
from planner.model.volume import Volume
from planner.segment.implants.metal import Metal

_ANOTHER = 1.5
"""Half of a shaft's own brightness over its piece's level, or the other way round, from which on it is another metal:
2.3 between titanium and cobalt-chrome without artefacts. Ours."""
_ON_AXIS = np.linspace(0.05, 0.95, 60)[:, None]


def points_inside(shaft: Implant) -> Array:
    """Give places inside a shaft: along its course where it has one, else along its axis.

    Parameters
    ----------
    shaft : Implant
        With an axis or a course.

    Returns
    -------
    ndarray, shape (N, 3)
        LPS mm.
    """
    if len(shaft.course_lps) > 1:
        corners = np.asarray(shaft.course_lps)
        along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
        at = _ON_AXIS[:, 0] * along[-1]
        return np.stack([np.interp(at, along, corners[:, k]) for k in range(3)], axis=1)
    if shaft.axis is None:
        raise ValueError(f"{shaft.id} has no axis")
    head, tip = np.asarray(shaft.axis.head_lps), np.asarray(shaft.axis.tip_lps)
    return np.asarray(head + _ON_AXIS * (tip - head))


def own_level_hu(shaft: Implant, *, metal: Metal, volume: Volume) -> float:
    """Give the HU above which voxels near a shaft are its metal.

    Parameters
    ----------
    shaft : Implant
        With an axis or a course.
    metal : Metal
        All metal.
    volume : Volume
        The original CT, on the metal's grid.

    Returns
    -------
    float
        The level of the piece that it lies in; half of what the shaft itself shows where that is clearly another metal
        than most of its piece, and the scan is not clipped beneath that.
    """
    points = points_inside(shaft)
    piece = metal.piece_along(points)
    if piece is None:
        return metal.level_hu
    level = metal.piece_level_hu(piece)
    if metal.hides(piece) or not metal.plateaus_hu:
        return level
    index = np.rint(volume.grid.to_index(points)).astype(int)
    index = index[np.all((index >= 0) & (index < volume.grid.shape), axis=1)]
    inside = metal.pieces[tuple(index.T)] == piece
    own = 0.5 * float(np.median(volume.hu[tuple(index[inside].T)]))
    return own if own > _ANOTHER * level or own < level / _ANOTHER else level
