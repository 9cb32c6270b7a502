"""The nerve roots' ways out of the canal: where its side wall is open between the pedicles of two neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage as ndi

from planner.config.pedicle_config import PedicleConfig
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.bones import Pedicle
from planner.model.implant import Side
from planner.model.volume import Mask
from planner.segment.anatomy.canal import Canal
from planner.segment.blocks import Bools, block_round

DEFAULT = PedicleConfig()
_USUAL_HALF_MM = 6.0
"""Half a pedicle's height where it was not read: between a thoracic one's 5 and a lumbar one's 7 mm."""
_AHEAD, _BEHIND = 1.0, 0.6
"""A foramen reaches from the canal's front wall to its facets, here by share of the way to its back wall."""


@dataclass(frozen=True, slots=True, eq=False)
class Foramen:
    """A nerve root's way out of the canal.

    Parameters
    ----------
    above, below : str
        Names of the vertebrae that it lies between.
    side : "left" or "right"
        Side of the patient.
    mask : Mask
        Its space beside the canal, without bone.
    """

    above: str
    below: str
    side: Side
    mask: Mask


def find_foramina(
    canal: Canal,
    pedicles: Sequence[Pedicle],
    *,
    bone: Mask,
    metal: Mask | None = None,
    config: PedicleConfig = DEFAULT,
) -> tuple[Foramen, ...]:
    """Find the nerve roots' ways out between the pedicles.

    Parameters
    ----------
    canal : Canal
        The spinal canal.
    pedicles : sequence of Pedicle
        As `find_pedicles` gives them.
    bone : Mask
        Bone envelopes on an upright grid; the foramina are given on it.
    metal : Mask or None
        Metal on the same grid; taken out as bone is.
    config : PedicleConfig
        Settings.

    Returns
    -------
    tuple of Foramen
        From the top down, left before right; none where a pedicle above or below is not known, or the two stand further
        apart than neighbours do.

    Raises
    ------
    GeometryError
        If the masks lie on different grids.
    """
    grid = bone.grid
    free = ~bone.voxels & ~canal.mask(grid).voxels
    if metal is not None:
        grid.require_same(metal.grid)
        free &= ~metal.voxels
    found = []
    sides: tuple[Side, ...] = ("left", "right")
    for side in sides:
        own = sorted((p for p in pedicles if p.side == side), key=lambda p: -p.centre_lps[2])
        for above, below in pairwise(own):
            if not config.least_apart_mm <= above.centre_lps[2] - below.centre_lps[2] <= config.furthest_apart_mm:
                continue
            space = _space(canal, above, below, grid, free)
            if space.any():
                found.append((-float(above.centre_lps[2]), Foramen(above.bone, below.bone, side, Mask(grid, space))))
    found.sort(key=lambda pair: (round(pair[0] / config.least_apart_mm), pair[1].side))
    return tuple(foramen for _, foramen in found)


def _space(canal: Canal, above: Pedicle, below: Pedicle, grid: Grid, free: Bools) -> Bools:
    """Give the free space beside the canal between two pedicles, as far outwards as they reach."""
    line, n = canal.centre_lps, canal.radii_mm.shape[1]
    origin, edge = grid.lps_from_index[:3, 3], grid.spacing_mm
    z, y, x = (origin[2 - axis] + edge[axis] * np.arange(grid.shape[axis]) for axis in range(3))
    sign, ray = (1.0, 0) if above.side == "left" else (-1.0, n // 2)
    top = above.centre_lps[2] - _half(above)
    low = below.centre_lps[2] + _half(below)
    out = np.zeros(grid.shape, dtype=bool)
    rows = np.flatnonzero((z > max(low, line[0, 2])) & (z < min(top, line[-1, 2])))

    def along(values: Array) -> Array:
        return np.asarray(np.interp(z[rows], line[:, 2], values))

    centre_x, centre_y = along(line[:, 0]), along(line[:, 1])
    wall = along(ndi.median_filter(canal.radii_mm[:, ray], 9, mode="nearest"))
    front, back = along(canal.radii_mm[:, 3 * n // 4]), along(canal.radii_mm[:, n // 4])
    share = (z[rows] - below.centre_lps[2]) / (above.centre_lps[2] - below.centre_lps[2])
    ends = [p.centre_lps[0] + sign * (p.width_mm or _guessed_width(p, canal)) / 2 for p in (below, above)]
    reach = sign * (ends[0] + share * (ends[1] - ends[0]) - centre_x)
    aside = sign * (x[None, :] - centre_x[:, None])
    ahead = centre_y[:, None] - y[None, :]
    beside = (aside >= 0.5 * wall[:, None]) & (aside <= np.maximum(reach, wall + 2.0)[:, None])
    level = (ahead <= _AHEAD * front[:, None]) & (ahead >= -_BEHIND * back[:, None])
    out[rows] = free[rows] & level[:, :, None] & beside[:, None, :]
    return _largest(out)


def _guessed_width(pedicle: Pedicle, canal: Canal) -> float:
    """Guess how wide a pedicle is whose width was not read: its middle stands half of it from the canal's wall."""
    row = int(np.argmin(np.abs(canal.centre_lps[:, 2] - pedicle.centre_lps[2])))
    ray = 0 if pedicle.side == "left" else canal.radii_mm.shape[1] // 2
    away = abs(float(pedicle.centre_lps[0] - canal.centre_lps[row, 0])) - float(canal.radii_mm[row, ray])
    return max(4.0, 2.0 * away)


def _half(pedicle: Pedicle) -> float:
    return _USUAL_HALF_MM if pedicle.height_mm is None else pedicle.height_mm / 2


def _largest(space: Bools) -> Bools:
    block = block_round(space, 0)
    if block is None:
        return space
    labels, count = ndi.label(space[block])
    if count > 1:
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        space[block] = labels == int(np.argmax(sizes))
    return space
