"""Slow changes of a picture, worked out on blocks of pixels."""

import numpy as np
from scipy import ndimage

from planner.geometry.frames import Array


def block_means(picture: Array, step: int) -> Array:
    """Average blocks of pixels.

    Parameters
    ----------
    picture : ndarray, shape (rows, columns)
        The picture.
    step : int
        Edge of a block, in pixels.

    Returns
    -------
    ndarray, shape (ceil(rows / step), ceil(columns / step))
        The last blocks are filled up with the picture's border.
    """
    rows, columns = (-n % step for n in picture.shape)
    whole = np.pad(picture, ((0, rows), (0, columns)), mode="edge")
    return np.asarray(whole.reshape(whole.shape[0] // step, step, -1, step).mean(axis=(1, 3)))


def spread_out(means: Array, step: int, shape: tuple[int, ...]) -> Array:
    """Go back from block means to pixels, along straight lines between the blocks' middles.

    Parameters
    ----------
    means : ndarray, shape (ceil(rows / step), ceil(columns / step))
        As `block_means` gives them.
    step : int
        Edge of a block, in pixels.
    shape : tuple of int
        Rows and columns of the picture.

    Returns
    -------
    ndarray, shape (rows, columns)
    """
    if step == 1:
        return means
    places = [(np.arange(n) + 0.5) / step - 0.5 for n in shape]
    return np.asarray(ndimage.map_coordinates(means, np.meshgrid(*places, indexing="ij"), order=1, mode="nearest"))
