"""The outline of the shadow that a mask casts."""

import numpy as np
from skimage.measure import find_contours

from planner.fluoro.carm import pixel_lps, pose, project
from planner.fluoro.projector import mask_lengths
from planner.geometry.frames import Array
from planner.model.carm import CArm
from planner.model.volume import Mask

_OUTLINE_LEVEL_MM = 0.3
"""Length of a ray inside a gap from which its shadow counts. No source: about half a voxel of a fine CT."""


def shadow_outlines(mask: Mask, carm: CArm) -> list[Array]:
    """Give the outlines of a mask's shadow.

    Parameters
    ----------
    mask : Mask
        The voxels. Rays are cast only where the grid's own shadow falls: quicker for one that was cut to its box.
    carm : CArm
        The view.

    Returns
    -------
    list of ndarray, shape (N, 2)
        Lines through (row, column), in pixels with fractions; none where it lies beside the picture.
    """
    box = _shadow_box(mask, carm)
    if box is None:
        return []
    rows, columns = (np.arange(low, high) for low, high in box)
    pixels = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    shadow = mask_lengths(mask, pose(carm).source_lps, pixel_lps(carm, pixels)).reshape(len(rows), len(columns))
    corner = np.array([rows[0] - 1.0, columns[0] - 1.0])
    return [outline + corner for outline in find_contours(np.pad(shadow, 1), _OUTLINE_LEVEL_MM)]  # type: ignore[no-untyped-call]


def _shadow_box(mask: Mask, carm: CArm) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Give the rows and the columns that a mask's grid may cast a shadow on, from and up to; None: none."""
    corners = np.stack(np.meshgrid(*((-1.0, n) for n in mask.grid.shape), indexing="ij"), axis=-1).reshape(-1, 3)
    at = project(carm, mask.grid.to_lps(corners))
    if not np.all(np.isfinite(at)):  # it reaches behind the source
        return (0, carm.rows), (0, carm.columns)
    low = np.maximum(np.floor(at.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(at.max(axis=0)).astype(int) + 1, [carm.rows, carm.columns])
    if np.any(low >= high):
        return None
    return (int(low[0]), int(high[0])), (int(low[1]), int(high[1]))
