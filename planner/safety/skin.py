"""The skin where metal's dark streaks open it."""

import math

import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.geometry.grid import Grid

_HOLLOW_MM = 30.0
"""Hollows up to twice as wide are filled. Ours: on the tuning case whose skin points lay 30 mm too deep, one of 20 mm
left one of five so."""
_NEAR_METAL_MM = 60.0
"""Farther from metal a hollow is a fold of the skin. Ours: rods lie up to 50 mm beneath the skin of the back."""
_COARSE_MM = 2.0
_THREADS = 2


def without_streaks(body: npt.NDArray[np.bool_], metal: npt.NDArray[np.bool_], grid: Grid) -> npt.NDArray[np.bool_]:
    """Fill the hollows that dark streaks of metal eat into the body from its skin.

    Parameters
    ----------
    body, metal : ndarray of bool, shape ``grid.shape``
        The body within its skin, and the metal.
    grid : Grid
        Where the voxels are.

    Returns
    -------
    ndarray of bool, shape ``grid.shape``
        The body, and near metal what a ball of 30 mm radius cannot reach from outside (a morphological closing, found
        on voxels of about 2 mm). Folds of the skin away from metal stay open.
    """
    if not (body.any() and metal.any()):
        return body
    every = [max(1, round(_COARSE_MM / s)) for s in grid.spacing_mm]
    sparse = tuple(slice(None, None, n) for n in every)
    spacing = tuple(s * n for s, n in zip(grid.spacing_mm, every, strict=True))
    room = [math.ceil(_HOLLOW_MM / s) + 2 for s in spacing]
    padded = np.pad(body[sparse], [(n, n) for n in room])
    swollen = edt.edt(~padded, anisotropy=spacing, parallel=_THREADS) <= _HOLLOW_MM
    closed = edt.edt(swollen, anisotropy=spacing, parallel=_THREADS) > _HOLLOW_MM
    closed = closed[tuple(slice(n, -n) for n in room)]
    closed &= edt.edt(~np.ascontiguousarray(metal[sparse]), anisotropy=spacing, parallel=_THREADS) <= _NEAR_METAL_MM
    # a voxel of the sparse grid stands for those that follow it
    filled = closed.repeat(every[0], 0).repeat(every[1], 1).repeat(every[2], 2)
    filled = filled[tuple(slice(0, n) for n in body.shape)]
    added = filled & ~body
    thick = ndimage.binary_opening(added, iterations=1)
    return np.asarray(body | thick | _enclosed(added & ~thick, body | thick))


def _enclosed(left: npt.NDArray[np.bool_], body: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Give those of the thin remains that no air from outside touches: holes, not the skin's own roughness."""
    where = np.argwhere(left)
    if not len(where):
        return left
    low, high = np.maximum(where.min(axis=0) - 1, 0), where.max(axis=0) + 2
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    parts, _ = ndimage.label(left[box])
    air = ndimage.binary_dilation(~(body[box] | left[box]))
    holes = np.zeros_like(left)
    holes[box] = left[box] & ~np.isin(parts, parts[air & left[box]])
    return holes
