"""Openings in a gap's wall, and the part of the gap that empties through each of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from planner.geometry.frames import Array
from planner.geometry.grid import Grid

Index = npt.NDArray[np.int32]
_NEAR = 2.0
"""An opening's places lie this near to the gap's voxels, in voxels, or it is none of this gap's."""
_BEFORE = 1.5
"""What is spread of a gap over its next voxels reaches so far before its first one, in voxels, oblique to the grid."""
_RIM = 0.2
"""Voxels count by their centres, so that an opening acts as one smaller by a part of a voxel: it is drawn larger by as
much. Ours, set by round holes in slits of 1.0 and 1.6 mm on voxels of 0.8 mm: without it they take 1-7 % too little."""
_WALL_MM = 1.0
"""Standard deviation of the window in which the wall's direction is taken: little over a voxel, as for widths."""


@dataclass(frozen=True, slots=True, eq=False)
class FlowExit:
    """A place in a gap's wall where cement may leave.

    Parameters
    ----------
    id : str
        The breach's id.
    points_lps : ndarray, shape (M, 3)
        Places spread evenly over the opening, on the gap's wall, LPS mm.
    area_mm2 : float
        Of the opening.
    is_open : bool
        Whether cement leaves; a thin wall is reached, but holds.
    wall_mm : float
        Length of the way through the wall.
    """

    id: str
    points_lps: Array
    area_mm2: float
    is_open: bool
    wall_mm: float = 0.0

    @property
    def conductance_mm3(self) -> float:
        """Volume flow over pressure, times viscosity: a round hole's entrance (Sampson 1891) and wall (Poiseuille)."""
        radius = (self.area_mm2 / np.pi) ** 0.5
        if radius == 0.0:
            return 0.0
        return float(1.0 / (3.0 / radius**3 + 8.0 * self.wall_mm / (np.pi * radius**4)))


@dataclass(frozen=True, slots=True, eq=False)
class Mouth:
    """The part of a gap that empties through one opening.

    Parameters
    ----------
    voxels : ndarray of int32, shape (K,)
        Numbers of its voxels; empty where the opening is none of this space's.
    share : ndarray, shape (K,)
        Of the opening's conductance, by voxel; sums to 1.
    """

    voxels: Index
    share: Array


@dataclass(frozen=True, slots=True, eq=False)
class GapField:
    """What is known of the gaps, voxel by voxel, all of shape ``grid.shape``.

    Parameters
    ----------
    grid : Grid
        The block.
    codes : ndarray of uint8
        Each voxel's gap by its centre, counted from 1; 0 for none.
    owner : ndarray of int
        The gap that is spread over each voxel.
    held : ndarray
        How much of a gap is spread over it: weighs what its opening takes from it.
    width_mm : ndarray
        Local width of the gap.
    index : ndarray of int32
        Numbers of voxels that cement enters; -1 elsewhere.
    """

    grid: Grid
    codes: npt.NDArray[np.uint8]
    owner: npt.NDArray[np.intp]
    held: Array
    width_mm: npt.NDArray[np.float32]
    index: Index


def mouths(exits: Sequence[FlowExit], gaps: GapField) -> tuple[Mouth, ...]:
    """Find the part of the gaps that empties through each opening.

    A liquid's pressure in a slit hardly changes across it, so an opening acts on the slit's whole depth: on all that
    lies behind it along the wall's normal, as deep as the gap is wide there. Sideways it is the opening's own outline:
    voxels whose line to the wall meets it, or at least the voxel nearest to it.

    Parameters
    ----------
    exits : sequence of FlowExit
        The openings.
    gaps : GapField
        The gaps.

    Returns
    -------
    tuple of Mouth
        One for each opening.
    """
    nothing = Mouth(np.zeros(0, np.int32), np.zeros(0))
    centres = np.argwhere((gaps.codes > 0) & (gaps.index >= 0))
    spread = np.argwhere((gaps.owner > 0) & (gaps.index >= 0))
    if not len(centres) or not exits:
        return tuple(nothing for _ in exits)
    edge = np.array(gaps.grid.spacing_mm)
    normal = _wall_normal(gaps.codes > 0, edge)
    within, every = cKDTree(centres * edge), cKDTree(spread * edge)
    found = []
    for way_out in exits:
        # lengths along the grid's axes, which stand at right angles
        places = np.asarray(gaps.grid.to_index(way_out.points_lps)).reshape(-1, 3) * edge
        away, first = within.query(places, distance_upper_bound=_NEAR * edge.max())
        at = np.isfinite(away)
        if not at.any():
            found.append(nothing)
            continue
        chosen = _column(places[at], centres[first[at]], way_out.area_mm2 / len(places), normal, every, spread, gaps)
        voxels = gaps.index[tuple(chosen.T)]
        weight = np.maximum(gaps.held[tuple(chosen.T)], 1e-9)
        found.append(Mouth(voxels, weight / weight.sum()))
    return tuple(found)


def _wall_normal(gap: npt.NDArray[np.bool_], edge: Array) -> Array:
    """Give the direction out of the gap at each voxel, along the grid's axes, shape (S, R, C, 3); 0 far from it."""
    slopes = [
        -ndimage.gaussian_filter(
            gap.astype(np.float32), _WALL_MM / edge, order=[int(a == axis) for a in range(3)], mode="constant"
        )
        / edge[axis]
        for axis in range(3)
    ]
    towards = np.stack(slopes, axis=-1)
    length = np.linalg.norm(towards, axis=-1, keepdims=True)
    return np.asarray(np.divide(towards, length, out=np.zeros_like(towards), where=length > 1e-6))


def _column(
    places: Array,
    first: npt.NDArray[np.intp],
    place_mm2: float,
    normal: Array,
    every: cKDTree,
    spread: npt.NDArray[np.intp],
    gaps: GapField,
) -> npt.NDArray[np.intp]:
    """Give the voxels behind an opening's places, shape (K, 3); `first` are the gap's voxels nearest to these."""
    edge = np.array(gaps.grid.spacing_mm)
    h = float(edge.max())
    outward = np.stack(
        [
            ndimage.map_coordinates(normal[..., axis], (places / edge).T, order=1, mode="nearest", prefilter=False)
            for axis in range(3)
        ],
        axis=1,
    )
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
    start = np.einsum("ij,ij->i", places - first * edge, outward)
    deep = start + gaps.width_mm[tuple(first.T)] + h
    reach = float((deep + h).max())
    near = np.unique(np.concatenate(every.query_ball_point(places, reach)).astype(np.intp))
    mine = spread[near]
    own = np.isin(gaps.owner[tuple(mine.T)], np.unique(gaps.codes[tuple(first.T)]))
    mine = mine[own]
    _, which = cKDTree(places).query(mine * edge)
    offset = places[which] - mine * edge
    depth = np.einsum("ij,ij->i", offset, outward[which])
    aside = np.linalg.norm(offset - depth[:, None] * outward[which], axis=1)
    level = (depth >= start[which] - _BEFORE * h) & (depth <= deep[which])
    inside = level & (aside <= (place_mm2 / np.pi) ** 0.5 + _RIM * h)
    if not inside.any():
        nearest = aside <= aside[level].min() + 0.1 * h if level.any() else aside < 0.0
        inside = level & nearest
    return mine[inside] if inside.any() else np.unique(first, axis=0)
