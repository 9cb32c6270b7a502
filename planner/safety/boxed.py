"""Distances measured in a box, looked up between the voxels."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.safety.fields import FAR_MM, BoxedDistance


def sample_boxed(boxed: BoxedDistance, grid: Grid, points_lps: npt.ArrayLike) -> Array:
    """Look up a distance in its box.

    Parameters
    ----------
    boxed : BoxedDistance
        The distance.
    grid : Grid
        On which the box lies.
    points_lps : array_like, shape (N, 3)
        Where, LPS mm.

    Returns
    -------
    ndarray, shape (N,)
        mm; `FAR_MM` outside of the box.
    """
    points = np.asarray(points_lps, dtype=np.float64).reshape(-1, 3)
    cell = np.asarray(grid.to_index(points)) - np.asarray(boxed.corner)
    inside = np.all((cell >= 0) & (cell <= np.array(boxed.distance.shape) - 1), axis=1)
    far = np.full(len(points), FAR_MM)
    far[inside] = ndimage.map_coordinates(boxed.distance, cell[inside].T, order=1)
    return far
