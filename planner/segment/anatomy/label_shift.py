"""By how much labels would have to be moved to lie on the CT's bones."""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from planner.segment.upright import Bools, Floats

FEWEST = 50
"""Fewer compared voxels say nothing. Ours."""
SEEN_SHARE = 0.7
"""So much of moved labels must still lie in the scan for the comparison to count. Ours."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Where labels fit best.

    Parameters
    ----------
    moved_mm : tuple of float
        By so much along slice, row and column, mm.
    contrast : float
        The share of bone-like voxels within, less that about them, there.
    """

    moved_mm: tuple[float, float, float]
    contrast: float


def best_shift(
    inside: Bools,
    shell: Bools,
    *,
    dense: Bools,
    valid: Bools,
    spacing_mm: tuple[float, float, float],
    reach_mm: float,
) -> Shift | None:
    """Find the shift at which labelled bone stands out most from what lies about it.

    Parameters
    ----------
    inside, shell : ndarray of bool, shape (S, R, C)
        Labelled bone, and a shell about it.
    dense, valid : ndarray of bool, shape (S, R, C)
        Where the CT reads as bone, and where it may be compared.
    spacing_mm : tuple of float
        Edges of a voxel along the array's axes.
    reach_mm : float
        The furthest shift along each axis that is tried.

    Returns
    -------
    Shift or None
        In whole voxels; None where at no shift enough of the labels lies in the scan.

    Notes
    -----
    All shifts are counted at once, as four correlations by the fast Fourier transform.
    """
    whole = inside | shell
    if not whole.any():
        return None
    reach = np.array([int(np.ceil(reach_mm / mm)) for mm in spacing_mm])
    flat = [np.flatnonzero(whole.any(axis=tuple(a for a in range(3) if a != k))) for k in range(3)]
    # the picture may end within reach: beyond it nothing is compared
    block = tuple(slice(int(f[0]), int(f[-1]) + 1 + 2 * int(r)) for f, r in zip(flat, reach, strict=True))
    around = [(int(r), int(r)) for r in reach]
    seen = [np.pad(part, around)[block] for part in (dense & valid, valid)]
    labels = [np.pad(part, around)[block] for part in (inside, shell)]
    bone_in, all_in, bone_by, all_by = (_counts(part, image, reach) for part in labels for image in seen)
    told = (all_in >= max(FEWEST, SEEN_SHARE * float((inside & valid).sum()))) & (all_by >= FEWEST)
    if not told.any():
        return None
    contrast = np.where(told, bone_in / np.maximum(all_in, 1.0) - bone_by / np.maximum(all_by, 1.0), -1.0)
    best = np.unravel_index(int(np.argmax(contrast)), contrast.shape)
    way = [float((int(k) - int(r)) * mm) for k, r, mm in zip(best, reach, spacing_mm, strict=True)]
    return Shift((way[0], way[1], way[2]), float(contrast[best]))


def _counts(part: Bools, image: Bools, reach: np.ndarray) -> Floats:
    """Count the voxels of an image that a part holds, at each shift up to the reach, shape 2 * reach + 1."""
    size = [fft.next_fast_len(n, real=True) for n in part.shape]
    spectrum = np.conj(fft.rfftn(part.astype(np.float32), s=size)) * fft.rfftn(image.astype(np.float32), s=size)
    every = np.rint(fft.irfftn(spectrum, s=size))
    lags = np.ix_(*(np.arange(-int(r), int(r) + 1) % n for r, n in zip(reach, size, strict=True)))
    return np.asarray(every[lags])
