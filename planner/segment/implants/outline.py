"""The box round a piece of hardware, its window, and how much of it is metal."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.geometry.frames import SUPERIOR, Array, unit

_CELL_MM = 1.0
_MOST_POINTS = 4000


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """The box round a piece of hardware in a disc space.

    Parameters
    ----------
    centre_lps : ndarray, shape (3,)
        Its middle, LPS mm.
    axes : ndarray, shape (3, 3)
        Rows: along the disc's axis (upwards), then two across it; unit vectors.
    half_mm : ndarray, shape (3,)
        Half its size along each.
    window_share : float
        Share of its outline, seen along the disc's axis, that metal surrounds but does not fill.
    filled_share : float
        Share of the box that is metal.
    """

    centre_lps: Array
    axes: Array
    half_mm: Array
    window_share: float
    filled_share: float


def outline_of(points_lps: npt.ArrayLike, *, voxel_mm3: float, greatest_tilt_deg: float) -> Outline:
    """Lay a box round metal, its axis where the metal is flattest and not far from the body's.

    Parameters
    ----------
    points_lps : array_like, shape (N, 3)
        The metal's voxels, LPS mm.
    voxel_mm3 : float
        Volume of each.
    greatest_tilt_deg : float
        How far a disc may be tilted.

    Returns
    -------
    Outline
    """
    points = np.asarray(points_lps, dtype=np.float64)
    few = points[:: max(1, len(points) // _MOST_POINTS)]
    most = np.tan(np.radians(greatest_tilt_deg))
    steps = np.linspace(-most, most, 17)
    ways = np.array([unit([a, b, 1.0]) for a, b in product(steps, steps) if np.hypot(a, b) <= most + 1e-9])
    along = few @ ways.T
    thick = np.percentile(along, 98, axis=0) - np.percentile(along, 2, axis=0)
    # of like directions, the one nearest to the body's axis
    up = ways[int(np.argmin(thick + 2.0 * (1.0 - ways @ SUPERIOR)))]
    return outline_along(points, np.vstack([up, _straightest(few, up)]), voxel_mm3=voxel_mm3)


def outline_along(points_lps: npt.ArrayLike, axes: Array, *, voxel_mm3: float) -> Outline:
    """Lay a box of known directions round points.

    Parameters
    ----------
    points_lps : array_like, shape (N, 3)
        Voxels of metal, or the corners of what has none, LPS mm.
    axes : ndarray, shape (3, 3)
        Its directions, as rows.
    voxel_mm3 : float
        Volume of each voxel; 0 where the points are corners.

    Returns
    -------
    Outline
    """
    points = np.asarray(points_lps, dtype=np.float64)
    local = points @ axes.T
    low, high = local.min(axis=0), local.max(axis=0)
    half = (high - low + np.cbrt(voxel_mm3)) / 2.0
    share = len(points) * voxel_mm3 / float(np.prod(2.0 * half))
    return Outline(axes.T @ ((low + high) / 2.0), axes, half, _window_share(local[:, 1:], low[1:]), share)


def _straightest(points: Array, up: Array) -> Array:
    """Give the two directions across of the smallest box."""
    left = unit(np.cross(np.cross(up, [1.0, 0.0, 0.0]), up))
    across = np.stack([left, np.cross(up, left)])
    turns = np.arange(-45.0, 45.0, 3.0)
    areas = [float(np.prod(np.ptp(points @ _turned(across, np.radians(t)).T, axis=0))) for t in turns]
    return _turned(across, float(np.radians(turns[int(np.argmin(areas))])))


def _turned(across: Array, angle: float) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(np.array([[c, s], [-s, c]]) @ across)


def _window_share(flat: Array, low: Array) -> float:
    cells = np.floor((flat - low) / _CELL_MM).astype(int) + 2
    seen = np.zeros(cells.max(axis=0) + 3, dtype=bool)
    seen[tuple(cells.T)] = True
    seen = ndimage.binary_closing(seen)
    filled = ndimage.binary_fill_holes(seen)
    return float(np.count_nonzero(filled & ~seen)) / float(np.count_nonzero(filled))
