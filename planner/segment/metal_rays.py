"""Straight rays through the metal of each slice: how much they meet, and what that does to the picture.

A scanner sees a slice as sums along rays. What metal does to these (it hardens the beam, and starves the detector) is
smeared back along them, so that a picture's streaks can be foretold from where the metal is.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from planner.geometry.frames import Array

Single = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Rays:
    """Parallel rays through slices whose voxels are square.

    Parameters
    ----------
    angle_rad : ndarray, shape (views,)
        Direction of each view's detector, from columns towards rows.
    bins : int
        Of the detector, an even number; the slice's middle lies on the one in the middle.
    centre_idx : tuple of float
        Row and column of the slice's middle.
    """

    angle_rad: Array
    bins: int
    centre_idx: tuple[float, float]

    def paths(self, share: Single) -> Single:
        """Sum up slices along the rays.

        Parameters
        ----------
        share : ndarray of float32, shape (slices, rows, columns)
            How much each voxel counts.

        Returns
        -------
        ndarray of float32, shape (slices, views, bins)
            In edges of a voxel.
        """
        where = np.nonzero(share > 0)
        slices, v, u = (where[0].astype(np.int64), *(where[k] - self.centre_idx[k - 1] for k in (1, 2)))
        out = np.zeros((share.shape[0], len(self.angle_rad), self.bins), dtype=np.float32)
        _project(slices, v.astype(np.float64), u.astype(np.float64), share[where], self.angle_rad, out)
        return out

    def filtered(self, views: Single) -> Single:
        """Sharpen views by a ramp, as a scanner does before it smears them back; fine detail is tapered off."""
        length = 2 * self.bins
        frequency = np.fft.rfftfreq(length)
        window = frequency * np.cos(np.pi * frequency) * np.pi
        sharp = np.fft.irfft(np.fft.rfft(views, length, axis=-1) * window, length, axis=-1)
        return np.asarray(sharp[..., : self.bins], dtype=np.float32)

    def smeared_back(self, views: Single, rows: slice, columns: slice) -> Single:
        """Average views over all rays through each voxel.

        Parameters
        ----------
        views : ndarray of float32, shape (slices, views, bins, kinds)
            One or more values for each ray.
        rows, columns : slice
            The part of the slices that is wanted, with start and stop.

        Returns
        -------
        ndarray of float32, shape (slices, rows, columns, kinds)
        """
        v = np.arange(rows.start, rows.stop) - self.centre_idx[0]
        u = np.arange(columns.start, columns.stop) - self.centre_idx[1]
        out = np.zeros((views.shape[0], len(v), len(u), views.shape[3]), dtype=np.float32)
        _smear(np.ascontiguousarray(views), v.astype(np.float32), u.astype(np.float32), self.angle_rad, out)
        return out


def rays_through(rows: int, columns: int, views: int) -> Rays:
    """Lay rays over slices.

    Parameters
    ----------
    rows, columns : int
        The slices' size.
    views : int
        Directions over half a turn.

    Returns
    -------
    Rays
    """
    bins = 2 * int(np.ceil(np.hypot(rows, columns) / 2)) + 6
    return Rays(np.arange(views, dtype=np.float64) * (np.pi / views), bins, ((rows - 1) / 2, (columns - 1) / 2))


@njit(cache=True, nogil=True)
def _project(slices: npt.NDArray[np.int64], v: Array, u: Array, weight: Single, angle_rad: Array, out: Single) -> None:
    middle = out.shape[2] // 2
    for a in range(len(angle_rad)):
        c, s = np.cos(angle_rad[a]), np.sin(angle_rad[a])
        for k in range(len(slices)):
            place = u[k] * c + v[k] * s + middle
            i = int(place)
            share = place - i
            out[slices[k], a, i] += weight[k] * (1.0 - share)
            out[slices[k], a, i + 1] += weight[k] * share


@njit(cache=True, fastmath=True, nogil=True)
def _smear(views: Single, v: Single, u: Single, angle_rad: Array, out: Single) -> None:
    kinds, middle = views.shape[3], np.float32(views.shape[2] // 2)
    scale = np.float32(1.0 / len(angle_rad))
    for z in range(views.shape[0]):
        for a in range(len(angle_rad)):
            c, s = np.float32(np.cos(angle_rad[a])), np.float32(np.sin(angle_rad[a]))
            row = views[z, a]
            for y in range(len(v)):
                start = v[y] * s + middle
                for x in range(len(u)):
                    place = start + u[x] * c
                    i = int(place)
                    share = place - i
                    for b in range(kinds):
                        out[z, y, x, b] += (row[i, b] * (np.float32(1.0) - share) + row[i + 1, b] * share) * scale
