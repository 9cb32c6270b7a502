"""The wall of a gap: how much bone lies between it and the outside, over its whole surface."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from planner.config.breach_config import BreachConfig
from planner.geometry.frames import Array, unit
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy, GapSpace
from planner.safety.fields import FAR_MM, depth_mm, distance_mm
from planner.safety.gap_surface import Bools, GapSurface, gap_surface
from planner.safety.ways_out import Ground, cast_ways, cone
from planner.segment.blocks import block_round
from planner.segment.trust import TrustMap

_SMOOTH_VOXELS = 0.6
"""The outline's steps between voxels are smoothed away over so much."""
_NEIGHBOUR_MM = 0.9
"""A place's reading is the middle one of what is read within this, about a voxel: noise errs both ways, and the
weakest of several ways errs downwards."""
_LEAST_LENGTH = 0.3
_CORTEX_HU = (500.0, 1500.0)
"""What a scan's cortex can read (literature: 250 to 2000): outside of this its telling has failed (ours)."""
_THIN_SHARE = 2.0 / 3.0
"""A wall with less than so much of a thick one's bone is measured by its bone alone (ours)."""
_ROOM_MM = 4.0
"""Kept round a gap beyond what is looked for, so that distances are right."""
_PATTERN_HU = 400.0
"""Foretold artefacts are taken off up to this: beyond it the foretelling itself is unsure (ours)."""


@dataclass(frozen=True, slots=True, eq=False)
class Wall:
    """The wall of a gap; each array has N rows, one a place of the gap's surface.

    Parameters
    ----------
    surface : GapSurface
        The places.
    barrier_mm : ndarray, shape (N,)
        Bone between the gap and the outside; infinite where no way leads out within reach.
    barrier_hu : ndarray, shape (N,)
        The brightest reading on the way; nan where there is none.
    way_out_lps : ndarray, shape (N, 3)
        Where the way leaves the bone's outline; the place itself where there is none.
    direction_lps : ndarray, shape (N, 3)
        Unit vector along the way.
    trust : ndarray, shape (N,)
        How far artefacts leave the wall readable, 0..1; nan where that is not known.
    """

    surface: GapSurface
    barrier_mm: Array
    barrier_hu: Array
    way_out_lps: Array
    direction_lps: Array
    trust: Array

    def __len__(self) -> int:
        """Count the places."""
        return len(self.barrier_mm)


_NO_WALL = Wall(
    GapSurface(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0)), np.zeros(0), np.zeros(0), np.zeros((0, 3)),
    np.zeros((0, 3)), np.zeros(0),
)  # fmt: skip


def measure_wall(
    anatomy: Anatomy,
    gap: GapSpace,
    *,
    config: BreachConfig,
    trust: TrustMap | None = None,
    cortex_hu: float | None = None,
) -> Wall:
    """Measure the wall of a gap.

    Parameters
    ----------
    anatomy : Anatomy
        CT, bone envelope and metal.
    gap : GapSpace
        The gap.
    config : BreachConfig
        How far to look, and what bone reads.
    trust : TrustMap or None
        What metal artefacts add is taken off the CT, and what they leave readable is told; None: neither.
    cortex_hu : float or None
        What cortex reads without blur, as this scan tells it; None: as the settings say.

    Returns
    -------
    Wall
        Where metal fills the way there is none: it holds cement.

    Notes
    -----
    From each place ways are cast in a cone round the shortest one out of the bone's outline. A wall thinner than the
    scan's blur is not seen as thick as it is, but the blur moves bone and loses none: the HU above soft tissue, summed
    along the way, over that of cortex is how thick it is (as Treece 2010, doi 10.1016/j.media.2010.01.003, finds cortex
    of known density). A wall that holds more bone than a thin one, or whose bone ends further off, is measured to the
    half height of its far side: it may be cancellous.
    """
    room = tuple(int(np.ceil((config.reach_mm + _ROOM_MM) / edge)) for edge in anatomy.grid.spacing_mm)
    box = block_round(gap.mask.voxels, (room[0], room[1], room[2]))
    if box is None:
        return _NO_WALL
    grid = anatomy.grid.crop((box[0].start, box[1].start, box[2].start), (box[0].stop, box[1].stop, box[2].stop))
    space, bone, metal = (m.voxels[box] for m in (gap.mask, anatomy.bone, anatomy.metal))
    dense_hu = config.cortex_hu if cortex_hu is None else float(np.clip(cortex_hu, *_CORTEX_HU))
    surface = gap_surface(space, metal, grid)
    depth = _outline_depth(bone | metal | space, grid)
    ground = Ground(
        grid,
        np.ascontiguousarray(_plain_hu(anatomy.ct.hu[box], grid, trust), dtype=np.float32),
        depth,
        distance_mm(metal, grid.spacing_mm) if metal.any() else np.full(grid.shape, FAR_MM, np.float32),
    )
    ways = cast_ways(
        ground,
        surface.points_lps,
        cone(_outwards(depth, grid, surface), half_deg=config.cone_deg, count=config.ways),
        reach_mm=config.reach_mm,
        before_mm=config.before_mm,
        beyond_mm=config.beyond_mm,
        soft_hu=config.soft_hu,
        most_hu=config.most_hu,
        bloom_mm=config.bloom_mm,
    )
    bone_mm = _middle_of_neighbours(surface, ways.bone_mm_hu) / (dense_hu - config.soft_hu)
    end_mm = _middle_of_neighbours(surface, ways.end_mm)
    led = np.isfinite(ways.length_mm)
    out = surface.points_lps + np.where(led, ways.length_mm, 0.0)[:, None] * ways.direction_lps
    read = np.full(len(surface), np.nan) if trust is None else trust.trust_at(surface.points_lps)
    return Wall(
        surface, _thickness(bone_mm, end_mm, config), np.where(led, ways.peak_hu, np.nan), out,
        ways.direction_lps, np.asarray(read, dtype=np.float64),
    )  # fmt: skip


def _outline_depth(inside: Bools, grid: Grid) -> npt.NDArray[np.float32]:
    if inside.all():
        return np.full(grid.shape, FAR_MM, np.float32)
    depth = np.clip(depth_mm(inside, grid.spacing_mm), -20.0, 20.0)
    return np.asarray(ndimage.gaussian_filter(depth, _SMOOTH_VOXELS), dtype=np.float32)


def _plain_hu(hu: npt.NDArray[Any], grid: Grid, trust: TrustMap | None) -> Array:
    """Take off the CT what metal is foretold to add."""
    plain = np.asarray(hu, dtype=np.float64)
    if trust is None:
        return plain
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    return plain - np.clip(trust.pattern_at(points), -_PATTERN_HU, _PATTERN_HU)


def _outwards(depth: npt.NDArray[np.float32], grid: Grid, surface: GapSurface) -> Array:
    """Give the way that is looked along: half way between the surface's own normal and the shortest way out."""
    slope = np.stack([np.gradient(depth, edge, axis=k) for k, edge in enumerate(grid.spacing_mm)], axis=-1)
    index = np.clip(np.rint(np.asarray(grid.to_index(surface.points_lps))).astype(int), 0, np.array(grid.shape) - 1)
    shortest = -slope[tuple(index.T)] @ np.asarray(grid.directions_lps).T
    length = np.linalg.norm(shortest, axis=1, keepdims=True)
    both = surface.outward_lps + np.where(length > _LEAST_LENGTH, shortest / np.maximum(length, 1e-6), 0.0)
    # where they point against each other, the surface's own is taken
    return unit(np.where(np.linalg.norm(both, axis=1, keepdims=True) > _LEAST_LENGTH, both, surface.outward_lps))


def _middle_of_neighbours(surface: GapSurface, values: Array) -> Array:
    if not len(surface):
        return values
    near = cKDTree(surface.points_lps).query(surface.points_lps, k=min(9, len(surface)))
    distance, index = (np.asarray(a).reshape(len(surface), -1) for a in near)
    read = np.where(distance <= _NEIGHBOUR_MM, values[index], np.nan)
    # a place without a way out counts as the thickest
    order = np.sort(np.where(np.isnan(read), np.inf, read), axis=1)
    count = (distance <= _NEIGHBOUR_MM).sum(axis=1)
    return np.asarray(order[np.arange(len(order)), (count - 1) // 2])


def _thickness(bone_mm: Array, end_mm: Array, config: BreachConfig) -> Array:
    """Give the wall's thickness: of thin ones what bone they hold, of thick ones where bone ends."""
    thick = np.maximum(bone_mm, end_mm - config.end_mm)
    by_bone = (bone_mm - _THIN_SHARE * config.thick_mm) / ((1.0 - _THIN_SHARE) * config.thick_mm)
    by_end = (end_mm - config.end_mm - config.near_mm) / (config.far_mm - config.near_mm)
    share = np.clip(np.maximum(by_bone, by_end), 0.0, 1.0)
    thin = np.minimum(bone_mm, np.maximum(end_mm, 0.0))
    with np.errstate(invalid="ignore"):
        mixed = (1.0 - share) * thin + share * thick
    return np.where(share <= 0.0, thin, np.where(share >= 1.0, thick, mixed))
