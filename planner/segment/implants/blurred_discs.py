"""Radial profiles of round metal as a scan shows it: discs blurred by a Gaussian, read off a table."""

from functools import lru_cache

import numpy as np
from scipy import ndimage
from scipy.special import chndtr

from planner.geometry.frames import Array

_STEP = 0.125
_SIZE = 20.0
"""Discs and radii up to so many sigma are in the table; beyond, a disc's edge is as good as straight."""


def disc_profile(radius_mm: Array, at_mm: Array, sigma_mm: float) -> Array:
    """Give the share of full brightness at distances from the middle of a blurred disc.

    Parameters
    ----------
    radius_mm : ndarray
        Of the disc.
    at_mm : ndarray
        Distances from its middle; the two are broadcast.
    sigma_mm : float
        Standard deviation of the blur.

    Returns
    -------
    ndarray
        Of the broadcast shape, 0 to 1.

    Notes
    -----
    A disc of radius R blurred by a Gaussian is the noncentral chi-square law with two degrees of freedom at
    (R / sigma)^2 and noncentrality (r / sigma)^2.
    """
    disc, at = np.broadcast_arrays(np.asarray(radius_mm) / sigma_mm, np.asarray(at_mm) / sigma_mm)
    # beyond the table both move in alike: the edge keeps its place
    over = np.maximum(np.maximum(disc, at) - _SIZE, 0.0)
    place = np.stack([disc - over, at - over]) / _STEP
    return np.asarray(ndimage.map_coordinates(_table(), np.maximum(place, 0.0), order=1, mode="nearest"))


@lru_cache(maxsize=1)
def _table() -> Array:
    steps = np.arange(0.0, _SIZE + _STEP / 2, _STEP)
    table = np.asarray(chndtr(steps[:, None] ** 2, 2, steps[None, :] ** 2), dtype=np.float64)
    table[0] = 0.0
    return np.nan_to_num(table, nan=0.0)
