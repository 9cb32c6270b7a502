"""Which voxels of a corrected mask belong to which gap."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import cc3d
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import KDTree

from planner.config.given_gap_config import GivenGapConfig
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.volume import Mask
from planner.segment.upright import Bools

Numbers = npt.NDArray[np.integer]
_FAR_MM = 1.0e6
_AROUND_MM = 20.0
"""Implants further from the mask are none of its neighbours."""


@dataclass(frozen=True, slots=True, eq=False)
class GivenPart:
    """A part of a corrected mask.

    Parameters
    ----------
    gap : int
        Number of the measured gap that it corrects, from 1 on; 0 for a new one.
    implant_id : str or None
        The implant that it lies beside; None where it touches none.
    voxels : ndarray of bool
        Its voxels, on the grid that was parted.
    """

    gap: int
    implant_id: str | None
    voxels: Bools


@dataclass(frozen=True, slots=True, eq=False)
class _Nearest:
    """The nearest implant of each voxel that no measured gap holds."""

    ids: tuple[str, ...]
    implant: Numbers
    distance_mm: Array


def part_mask(
    codes: Numbers,
    owner: Numbers,
    *,
    gap_implants: Sequence[str | None],
    implants: Sequence[tuple[str, Mask]],
    grid: Grid,
    config: GivenGapConfig,
) -> tuple[tuple[GivenPart, ...], float]:
    """Part a corrected mask among the gaps that were measured, and new ones.

    Parameters
    ----------
    codes : ndarray of int, shape ``grid.shape``
        The mask's labels; 0 for nothing.
    owner : ndarray of int, shape ``grid.shape``
        Which measured gap has a voxel, from 1 on; 0 for none.
    gap_implants : sequence of (str or None)
        The implant of each measured gap.
    implants : sequence of (id, Mask)
        What may have gaps beside it, on any grids.
    grid : Grid
        The voxels' grid.
    config : GivenGapConfig
        How near is beside an implant, and how little counts.

    Returns
    -------
    parts : tuple of GivenPart
        Measured gaps by their number, then new parts: one for each connected space of a label and implant.
    slips_ml : float
        Volume of new spaces that are too small to be meant.

    Notes
    -----
    A voxel of a measured gap stays with it. The rest of a connected space goes to the measured gap in it that lies at
    the nearest implant; where that implant has none there, a small share stays with the space's largest gap and a
    larger one is new.
    """
    spaces = np.asarray(cc3d.connected_components(np.ascontiguousarray(codes.astype(np.uint32)), connectivity=26))
    target = np.where(codes > 0, owner, 0).astype(np.int64)
    cells = np.argwhere((codes > 0) & (owner == 0))
    nearest = _nearest(np.asarray(grid.to_lps(cells)), implants, grid)
    space_of = spaces[tuple(cells.T)]
    held = np.bincount(spaces[codes > 0], minlength=int(spaces.max()) + 1)
    owned = np.zeros((len(held), len(gap_implants) + 1), dtype=np.int64)
    kept = target > 0
    np.add.at(owned, (spaces[kept], target[kept]), 1)
    new: list[tuple[str | None, Numbers]] = []
    slips = 0
    order = np.argsort(space_of, kind="stable")
    for block in np.split(order, np.flatnonzero(np.diff(space_of[order])) + 1) if len(order) else ():
        number = int(space_of[block[0]])
        for gap, name, some in _shares(block, owned[number], int(held[number]), nearest, gap_implants, config):
            if gap:
                target[tuple(cells[some].T)] = gap
            elif len(some) * grid.voxel_volume_mm3 < 1000.0 * config.least_ml:
                slips += len(some)
            else:
                new.append((name, cells[some]))
    parts = [
        GivenPart(gap, gap_implants[gap - 1], target == gap)
        for gap in range(1, len(gap_implants) + 1)
        if np.any(target == gap)
    ]
    for name, some in new:
        voxels = np.zeros(grid.shape, dtype=bool)
        voxels[tuple(some.T)] = True
        parts.append(GivenPart(0, name, voxels))
    return tuple(parts), slips * grid.voxel_volume_mm3 / 1000.0


def _shares(
    block: Numbers,
    own: Numbers,
    total: int,
    nearest: _Nearest,
    gap_implants: Sequence[str | None],
    config: GivenGapConfig,
) -> list[tuple[int, str | None, Numbers]]:
    """Share one space's free voxels out: (measured gap or 0, implant, voxels)."""
    largest = int(np.argmax(own)) if own.any() else 0
    if not largest and nearest.distance_mm[block].min() > config.near_metal_mm:
        return [(0, None, block)]
    # of a space that touches several implants, slivers go to the one that most of it is nearest to
    touched = block[nearest.distance_mm[block] <= config.near_metal_mm]
    main = nearest.ids[int(np.argmax(np.bincount(nearest.implant[touched])))] if len(touched) else None
    out: list[tuple[int, str | None, Numbers]] = []
    for k, name in enumerate(nearest.ids):
        some = block[nearest.implant[block] == k]
        here = [g for g, count in enumerate(own.tolist()) if count and gap_implants[g - 1] == name]
        if not len(some):
            continue
        if here:
            out.append((max(here, key=lambda g: int(own[g])), name, some))
        elif largest and (
            len(some) < config.sliver_share * total
            or gap_implants[largest - 1] is None
            or nearest.distance_mm[some].min() > config.near_metal_mm
        ):
            out.append((largest, gap_implants[largest - 1], some))
        else:
            is_beside = nearest.distance_mm[some].min() <= config.near_metal_mm
            is_sliver = not largest and (len(some) < config.sliver_share * total or not is_beside)
            out.append((0, main if is_sliver else name, some))
    return _joined(out) if out else [(largest, None, block)]


def _joined(shares: list[tuple[int, str | None, Numbers]]) -> list[tuple[int, str | None, Numbers]]:
    keys = list(dict.fromkeys((gap, name) for gap, name, _ in shares))
    return [(gap, name, np.concatenate([s for g, n, s in shares if (g, n) == (gap, name)])) for gap, name in keys]


def _nearest(points_lps: Array, implants: Sequence[tuple[str, Mask]], grid: Grid) -> _Nearest:
    ids: list[str] = []
    places: list[Array] = []
    whose: list[Numbers] = []
    low, high = grid.corners_lps.min(axis=0) - _AROUND_MM, grid.corners_lps.max(axis=0) + _AROUND_MM
    for name, mask in implants:
        points = _surface_lps(mask, np.stack([low, high]))
        if len(points):
            whose.append(np.full(len(points), len(ids)))
            ids.append(name)
            places.append(points)
    if not ids or not len(points_lps):
        return _Nearest(tuple(ids), np.zeros(len(points_lps), dtype=int), np.full(len(points_lps), _FAR_MM))
    distance, index = KDTree(np.concatenate(places)).query(points_lps)
    return _Nearest(tuple(ids), np.concatenate(whose)[index], np.asarray(distance, dtype=np.float64))


def _surface_lps(mask: Mask, box_lps: Array) -> Array:
    """Give the surface voxels of a mask within a box, shape (N, 3), LPS mm."""
    corners = np.array(list(product(*box_lps.T)))
    index = np.asarray(mask.grid.to_index(corners))
    start = np.clip(np.floor(index.min(axis=0)).astype(int), 0, mask.grid.shape)
    stop = np.clip(np.ceil(index.max(axis=0)).astype(int) + 1, start, mask.grid.shape)
    block = mask.voxels[tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))]
    return np.asarray(mask.grid.to_lps(np.argwhere(block & ~ndimage.binary_erosion(block)) + start))
