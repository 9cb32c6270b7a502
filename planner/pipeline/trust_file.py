"""The trust map as a file beside the CT: percent on the CT's own voxels."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.segment.metal_rays import Single
from planner.segment.trust import TrustMap

Percent = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]
_THREADS = 2


def trust_percent(trust: TrustMap, grid: Grid) -> Percent:
    """Bring a trust map onto a CT's own grid, as viewers expect it beside the CT.

    Parameters
    ----------
    trust : TrustMap
        On a coarse grid of its own.
    grid : Grid
        The CT's.

    Returns
    -------
    ndarray of uint8, shape ``grid.shape``
        Trust in percent, 0..100, linear between the map's voxels; beyond the map, that of its border.
    """
    matrix = np.asarray(trust.grid.index_from_lps @ grid.lps_from_index)
    if np.count_nonzero(matrix[:3, :3]) == 3:  # one in each row and column, for it can be inverted
        return _along_axes(trust, matrix, grid.shape)
    return _oblique(trust, matrix, grid.shape)


def _along_axes(trust: TrustMap, matrix: Array, shape: tuple[int, int, int]) -> Percent:
    """Read each place of the map that differs once: most of a CT lies beyond it, where its border goes on."""
    axes = np.argmax(matrix[:3, :3] != 0.0, axis=1)
    ways: list[_Way] = []
    back: dict[int, Places] = {}
    for own, along in enumerate(axes):
        size = trust.trust.shape[own]
        at = np.clip(matrix[own, along] * np.arange(shape[along]) + matrix[own, 3], 0.0, size - 1.0)
        places, back[int(along)] = np.unique(at, return_inverse=True)
        ways.append(_Way(places, size))
    read = np.stack([_plane(trust.trust, k, ways) for k in range(len(ways[0].places))])
    turned = read.transpose(np.argsort(axes))
    # first within slices, then slices as a whole, each as often as it is wanted
    planes = np.take(np.take(turned, back[1], axis=1), back[2], axis=2)
    return np.asarray(np.take(planes, back[0], axis=0))


class _Way:
    """Where places lie along one axis of the map: the voxels before and after, and how much each counts."""

    def __init__(self, places: Array, size: int) -> None:
        self.places = places
        before = np.floor(places).astype(np.intp)
        share = 1.0 - (places - before)
        self.sides = ((before, share), (np.minimum(before + 1, size - 1), 1.0 - share))


def _plane(trust: Single, k: int, ways: list[_Way]) -> Percent:
    """Interpolate at all places of one plane, in the order of SciPy's sums: the last digit is the same."""
    total = np.zeros((len(ways[1].places), len(ways[2].places)))
    for (z, of_z), (y, of_y), (x, of_x) in itertools.product(*(way.sides for way in ways)):
        rows = (trust[z[k]].astype(np.float64) * of_z[k])[y] * of_y[:, None]
        total += np.take(rows, x, axis=1) * of_x
    return _as_percent(total.astype(np.float32))


def _as_percent(trust: Single) -> Percent:
    """Give shares, 0 to 1, in whole percent."""
    return np.asarray(np.clip(np.rint(100.0 * trust), 0, 100), dtype=np.uint8)


def _oblique(trust: TrustMap, matrix: Array, shape: tuple[int, int, int]) -> Percent:
    percent = np.empty(shape, dtype=np.uint8)

    def read(k: int) -> None:
        offset = matrix[:3, :3] @ np.array([k, 0.0, 0.0]) + matrix[:3, 3]
        plane = ndimage.affine_transform(
            trust.trust, matrix[:3, :3], offset, (1, *shape[1:]), order=1, mode="nearest", output=np.float32
        )
        percent[k] = _as_percent(plane[0])

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(read, range(shape[0])))
    return percent
