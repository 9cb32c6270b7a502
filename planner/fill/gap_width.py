"""How wide a gap is at each place, finer than its voxels."""

from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import erf

from planner.geometry.frames import Array, unit

_WIDEST = 8.0
"""Widths in the table of slabs end here, in windows; wider ones read as this."""
_SPHERE = 20000
"""Directions over which the weights of lines are shared out."""
Field = npt.NDArray[np.float32]


def gap_width_mm(
    gap: npt.NDArray[np.bool_], spacing_mm: tuple[float, float, float], *, window_mm: float
) -> npt.NDArray[np.float32]:
    """Measure the local width of a gap: twice its volume over the area of its walls, in a window round each voxel.

    The area is counted by Crofton's formula, as crossings of lines in 13 directions (Legland 2007, doi
    10.5566/ias.v26.p83-92), and put right for how the wall lies to them, so that a plane slit of one voxel has the area
    of its two walls whichever way it lies. For tubes the width is the radius, for balls two thirds of it.

    Parameters
    ----------
    gap : ndarray of bool, shape (S, R, C)
        The gap.
    spacing_mm : tuple of float
        Edges of a voxel, mm.
    window_mm : float
        Standard deviation of the window, mm; a narrow place beside a wide one is told from it where they lie farther
        apart than twice this.

    Returns
    -------
    ndarray of float32, shape (S, R, C)
        Width, mm; also beside the gap, as far as the window sees it. 0 where it sees none.
    """
    window = [window_mm / s for s in spacing_mm]
    filled = gap.astype(np.float32)
    walls = _smooth(_wall_area_mm2(gap, spacing_mm), window)
    volume = _smooth(filled, window) * float(np.prod(spacing_mm))
    # only what the gap's own voxels see: within a slab it depends on how near the wall they are
    volume, walls = _smooth(filled * volume, window), _smooth(filled * walls, window)
    seen = walls > 1e-6 * float(np.prod(spacing_mm))
    ratio = np.divide(2.0 * volume, walls, out=np.zeros_like(volume), where=seen)
    ratios, widths = _slab_table(round(float(np.prod(spacing_mm)) ** (1 / 3) / window_mm, 3))
    return np.where(seen, window_mm * np.interp(ratio / window_mm, ratios, widths), 0.0).astype(np.float32)


def _smooth(field: Field, sigma: list[float]) -> Field:
    return np.asarray(ndimage.gaussian_filter(field, sigma, truncate=3.5, mode="constant"), dtype=np.float32)


def _wall_area_mm2(gap: npt.NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> Field:
    """Give the area of the wall at each voxel, half of it on either side."""
    offsets, weights = _lines(spacing_mm)
    padded = np.pad(gap, 1)
    area = np.zeros(padded.shape, np.float32)
    along = np.zeros((3, *padded.shape), np.float32)
    edge = float(np.prod(spacing_mm))
    for offset, weight in zip(offsets, weights, strict=True):
        low = tuple(slice(max(0, -o), n - max(0, o)) for o, n in zip(offset, padded.shape, strict=True))
        high = tuple(slice(max(0, o), n - max(0, -o)) for o, n in zip(offset, padded.shape, strict=True))
        crossed = padded[low] != padded[high]
        face = edge / float(np.linalg.norm(np.multiply(offset, spacing_mm)))
        area[low] += crossed * np.float32(weight * face)
        area[high] += crossed * np.float32(weight * face)
        if np.count_nonzero(offset) == 1:
            axis = int(np.flatnonzero(offset)[0])
            along[axis][low] += crossed * np.float32(face)
            along[axis][high] += crossed * np.float32(face)
    wide = [2.0 * max(spacing_mm) / s for s in spacing_mm]
    normal = np.stack([_smooth(part, wide) for part in along])
    length = np.linalg.norm(normal, axis=0)
    walls = area > 0.0
    normal = normal[:, walls] / np.maximum(length[walls], 1e-12)
    area[walls] /= _counted_share(normal, spacing_mm)
    return np.asarray(area[1:-1, 1:-1, 1:-1])


@lru_cache(maxsize=8)
def _lines(spacing_mm: tuple[float, float, float]) -> tuple[tuple[tuple[int, int, int], ...], tuple[float, ...]]:
    """Give 13 directions to next voxels, and the share of all directions that is nearest to each."""
    offsets = tuple(o for o in product((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)) if o > (0, 0, 0))
    towards = unit(np.array(offsets) * np.array(spacing_mm))
    # points spread evenly over the sphere (Fibonacci's spiral)
    k = np.arange(_SPHERE) + 0.5
    z = 1.0 - 2.0 * k / _SPHERE
    turn = np.pi * (1.0 + 5.0**0.5) * k
    sphere = np.stack([z, np.sqrt(1.0 - z**2) * np.cos(turn), np.sqrt(1.0 - z**2) * np.sin(turn)], axis=1)
    nearest = np.argmax(np.abs(sphere @ towards.T), axis=1)
    return offsets, tuple((np.bincount(nearest, minlength=13) / _SPHERE).tolist())


def _counted_share(normal: Field, spacing_mm: tuple[float, float, float]) -> Field:
    """Give what the lines count of planes with these normals (absolute parts), over their area; 1 on the mean."""
    offsets, weights = _lines(spacing_mm)
    towards = unit(np.array(offsets) * np.array(spacing_mm)).astype(np.float32)
    return np.asarray(2.0 * np.abs(towards @ normal).T @ np.array(weights, np.float32))


@lru_cache(maxsize=16)
def _slab_table(voxel: float) -> tuple[Array, Array]:
    """Give what is measured in plane slabs of known width, in windows; both ascending.

    A voxel's volume is spread over its edge, a wall over the two voxels at it, which widens the window. The root of the
    mean square over the slab, for it is the width's square that a liquid feels.
    """
    widths = np.geomspace(0.01, _WIDEST, 200)
    share = (np.arange(64) + 0.5) / 64.0
    x = widths[:, None] * (share - 0.5)
    near, far = widths[:, None] / 2.0 - x, widths[:, None] / 2.0 + x
    of_volume, of_wall = (1.0 + voxel**2 / 12.0) ** 0.5, (1.0 + voxel**2 / 4.0) ** 0.5
    volume = 0.5 * (erf(near / of_volume / 2**0.5) + erf(far / of_volume / 2**0.5))
    area = np.exp(-0.5 * (near / of_wall) ** 2) + np.exp(-0.5 * (far / of_wall) ** 2)
    area /= (2.0 * np.pi) ** 0.5 * of_wall
    window = np.exp(-0.5 * np.square(x[:, :, None] - x[:, None, :]))
    ratio = 2.0 * np.einsum("wij,wj->wi", window, volume) / np.einsum("wij,wj->wi", window, area)
    return np.sqrt(np.mean(ratio**2, axis=1)), widths
