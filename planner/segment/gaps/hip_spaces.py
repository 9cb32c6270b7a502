"""The connected spaces that an interface's lucent cells and cavities make."""

from dataclasses import dataclass

import cc3d
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.sparse import coo_array, csgraph

from planner.config.hip_config import HipGapConfig
from planner.geometry.frames import Array
from planner.segment.gaps.hip_doubt import sureness_of
from planner.segment.gaps.hip_look import Found
from planner.segment.unwrap import Cells
from planner.segment.upright import Bools


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """One space round an implant.

    Parameters
    ----------
    cells : ndarray of bool, shape (rows, angles)
        The interface's cells that look into it.
    mask : ndarray of bool
        Its voxels on the surroundings' grid.
    points_lps : ndarray, shape (N, 3)
        Places of its parts: middles of its cells' gaps, then its cavities' voxels.
    shares_ml : ndarray, shape (N,)
        Their volumes.
    wide_ml : float
        What of it is no line: cavities beyond the rays, and cells as wide as a cavity.
    sureness : float
        Mean chance that its cells are lucent.
    """

    cells: Cells
    mask: Bools
    points_lps: Array
    shares_ml: Array
    wide_ml: float
    sureness: float

    @property
    def volume_ml(self) -> float:
        """Its volume, mL."""
        return float(self.shares_ml.sum())

    @property
    def centroid_lps(self) -> Array:
        """Its middle, shape (3,)."""
        return np.asarray((self.points_lps * self.shares_ml[:, None]).sum(axis=0) / self.volume_ml)


def spaces_of(found: Found, config: HipGapConfig) -> tuple[Space, ...]:
    """Part what was found lucent into connected spaces.

    Parameters
    ----------
    found : Found
        Of one interface.
    config : HipGapConfig
        What joins patches, how small a space is left out, and how wide a cavity is.

    Returns
    -------
    tuple of Space
        By falling volume.
    """
    grid = found.around.grid
    labels = cc3d.connected_components(found.mask.astype(np.uint8), connectivity=26).astype(np.int64)
    owner = _owners(found, labels)
    one = linked(owner, (found.reading.chance > config.linking_chance) & found.interface.in_bone, int(labels.max()))
    labels, owner = one[labels], one[owner]
    voxels = np.argwhere((found.cavity_shares > 0) & (found.mask | ndimage.binary_dilation(found.mask)))
    # a partial voxel on the border goes with the space that it borders on
    grown = np.asarray(ndimage.maximum_filter(labels, 3))
    voxel_owner = np.where(labels[tuple(voxels.T)] > 0, labels[tuple(voxels.T)], grown[tuple(voxels.T)])
    voxel_ml = found.cavity_shares[tuple(voxels.T)] * grid.voxel_volume_mm3 / 1000.0
    cells_ml, area = found.cells_ml, found.interface.area_mm2()
    middle = found.interface.points_lps((found.inner_mm + found.outer_mm) / 2)
    wide = found.width_mm >= config.osteolysis_mm
    spaces = []
    for number in np.unique(owner[owner > 0]):
        cells, cavity = owner == number, voxel_owner == number
        space = Space(
            cells, labels == number, np.concatenate([middle[cells], np.asarray(grid.to_lps(voxels[cavity]))]),
            np.concatenate([cells_ml[cells], voxel_ml[cavity]]),
            float(cells_ml[cells & wide].sum() + voxel_ml[cavity].sum()),
            sureness_of(found.reading.chance, cells, area),
        )  # fmt: skip
        if space.volume_ml >= config.least_gap_ml:
            spaces.append(space)
    return tuple(sorted(spaces, key=lambda space: -space.volume_ml))


def linked(owner: npt.NDArray[np.int64], bridge: Cells, most: int) -> npt.NDArray[np.int64]:
    """Say which parts of a gap are one, because cells between them may be lucent, too.

    Parameters
    ----------
    owner : ndarray of int, shape (rows, angles)
        Number of the part that each lucent cell belongs to; 0 for none.
    bridge : ndarray of bool, shape (rows, angles)
        Cells that join their neighbours; angles are cyclic.
    most : int
        Greatest number of a part.

    Returns
    -------
    ndarray of int, shape (most + 1,)
        The number that each part goes by: the least of those that are one.
    """
    count = most + 1
    ways = np.asarray(ndimage.label(bridge | (owner > 0), np.ones((3, 3)))[0], dtype=np.int64)
    # round the implant the map goes on, along it its ends do not meet
    low, high = np.pad(ways[:, 0], 1), ways[:, -1]
    seam = [(low[k : k + len(high)], high) for k in (0, 1, 2)]
    met = [(owner, count + ways), *((count + a, count + b) for a, b in seam)]
    pairs = np.concatenate([np.stack([a.ravel(), b.ravel()]) for a, b in met], axis=1)
    # nothing is no way, nor a part
    pairs = pairs[:, (pairs[0] > 0) & (pairs[0] != count) & (pairs[1] > count)]
    nodes = count + int(ways.max()) + 1
    joined = coo_array((np.ones(pairs.shape[1]), (pairs[0], pairs[1])), shape=(nodes, nodes))
    group = csgraph.connected_components(joined, directed=False)[1][:count]
    least = np.full(nodes, count)
    np.minimum.at(least, group, np.arange(count))
    return np.asarray(least[group], dtype=np.int64)


def _owners(found: Found, labels: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Which connected space each lucent cell looks into; 0 for none."""
    owner = np.zeros(found.lucent.shape, dtype=np.int64)
    shape = np.array(labels.shape) - 1
    grown = np.asarray(ndimage.maximum_filter(labels, 3))
    for field in (labels, grown):
        for share in (0.5, 0.8, 1.0):
            index = found.around.grid.to_index(found.interface.points_lps(found.inner_mm + share * found.width_mm))
            at = np.clip(np.rint(np.asarray(index)).astype(int), 0, shape)
            owner = np.where((owner == 0) & found.lucent, field[tuple(np.moveaxis(at, -1, 0))], owner)
    return owner
