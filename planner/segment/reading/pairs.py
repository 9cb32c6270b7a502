"""Maps at half their detail, and back."""

import numpy as np
from scipy import ndimage

from planner.geometry.frames import Array
from planner.segment.unwrap import Floats

_CELLS = 2


def paired(values: Floats) -> Array:
    """Average two by two cells.

    Parameters
    ----------
    values : ndarray, shape (rows, angles, ...)
        An even number of angles; a last row without a second one counts twice.

    Returns
    -------
    ndarray, shape (half the rows, half the angles, ...)
    """
    even = values if len(values) % _CELLS == 0 else np.concatenate([values, values[-1:]])
    rows, angles = even.shape[0] // _CELLS, even.shape[1] // _CELLS
    parts = even.reshape(rows, _CELLS, angles, _CELLS, *even.shape[2:])
    return np.asarray(parts.mean(axis=(1, 3)), dtype=np.float64)


def parted(values: Array, shape: tuple[int, ...]) -> Array:
    """Bring a map of pairs back onto single cells, linearly.

    Parameters
    ----------
    values : ndarray, shape (half the rows, half the angles)
        The map; angles are cyclic.
    shape : tuple of int
        Rows and angles.

    Returns
    -------
    ndarray, shape ``shape``
    """
    row, angle = ((np.arange(n) + 0.5) / _CELLS - 0.5 for n in shape)
    cyclic = np.concatenate([values[:, -1:], values, values[:, :1]], axis=1)
    where = np.meshgrid(np.clip(row, 0, len(values) - 1), angle + 1.0, indexing="ij")
    return np.asarray(ndimage.map_coordinates(cyclic, where, order=1, mode="nearest"))
