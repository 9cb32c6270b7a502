"""The skin where metal's dark streaks open it."""

import math

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.geometry.distance import distance_mm
from planner.geometry.grid import Grid
from planner.segment.blocks import block_round

_HOLLOW_MM = 30.0
"""Hollows up to twice as wide are filled. Ours: on the tuning case whose skin points lay 30 mm too deep, one of 20 mm
left one of five so."""
_NEAR_METAL_MM = 60.0
"""Farther from metal a hollow is a fold of the skin. Ours: rods lie up to 50 mm beneath the skin of the back."""
_COARSE_MM = 2.0


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
    z_mm, y_mm, x_mm = (s * n for s, n in zip(grid.spacing_mm, every, strict=True))
    spacing = (z_mm, y_mm, x_mm)
    room = [math.ceil(_HOLLOW_MM / s) + 2 for s in spacing]
    padded = np.pad(body[sparse], [(n, n) for n in room])
    swollen = distance_mm(padded, spacing) <= _HOLLOW_MM
    closed = distance_mm(~swollen, spacing) > _HOLLOW_MM
    closed = closed[tuple(slice(n, -n) for n in room)]
    closed &= distance_mm(metal[sparse], spacing, reach_mm=_NEAR_METAL_MM) <= _NEAR_METAL_MM
    # a voxel of the sparse grid stands for those that follow it
    filled = closed.repeat(every[0], 0).repeat(every[1], 1).repeat(every[2], 2)
    added = filled[tuple(slice(0, n) for n in body.shape)] & ~body
    whole = body.copy()
    box = block_round(added, 2)
    if box is not None:
        thin = added[box]
        thick = ndimage.binary_opening(thin, iterations=1)
        near = body[box] | thick
        whole[box] = near | _enclosed(thin & ~thick, near)
    return whole


def _enclosed(left: npt.NDArray[np.bool_], body: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Give those of the thin remains that no air from outside touches: holes, not the skin's own roughness."""
    box = block_round(left, 1)
    if box is None:
        return left
    parts, _ = ndimage.label(left[box])
    air = ndimage.binary_dilation(~(body[box] | left[box]))
    holes = np.zeros_like(left)
    holes[box] = left[box] & ~np.isin(parts, parts[air & left[box]])
    return holes
