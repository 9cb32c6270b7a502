"""A scene of solids, drawn by the painter: what is named later lies over what was named before."""

import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, PointsLps
from planner.geometry.grid import Grid
from planner.phantoms.solids.basic import Solid
from planner.phantoms.solids.raster import (
    block_distance_mm,
    block_of,
    block_points,
    contains,
    half_diagonal_mm,
    indices_within,
    pieces_of,
    slabs,
    subsample_offsets,
)
from planner.phantoms.tissues import AIR, Tissue
from planner.progress import SILENT, Monitor, track

_WAVES = 16
"""Plane waves of a texture: enough to look random, few enough to be quick."""
_EDGE_VOXELS_AT_ONCE = 16_000

Owners = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Part:
    """A body of one tissue."""

    name: str
    solid: Solid
    tissue: Tissue


@dataclass(frozen=True)
class Scene:
    """Parts in painter's order, in a background.

    Parameters
    ----------
    parts : tuple of Part
        A later part lies over an earlier one.
    background : Tissue
        What is where no part is.
    texture_seed : int
        Turns the tissues' textures.
    """

    parts: tuple[Part, ...]
    background: Tissue = AIR
    texture_seed: int = 0

    def part_index_at(self, points_lps: PointsLps) -> Owners:
        """Say which part each point belongs to.

        Parameters
        ----------
        points_lps : PointsLps, shape (N, 3)
            Positions, LPS mm.

        Returns
        -------
        ndarray of int16, shape (N,)
            Index into `parts`, -1 for the background.
        """
        points = np.asarray(points_lps, dtype=np.float64)
        owner = np.full(len(points), -1, dtype=np.int16)
        for index, solid in self._strokes:
            near = indices_within(solid.bounds_lps, PointsLps(points), 0.0)
            if len(near):
                inside = contains(solid, PointsLps(points[near]))
                owner[near[inside]] = index
        return owner

    def hu_at(self, points_lps: PointsLps) -> Array:
        """Give the true Hounsfield number at points, texture included.

        Parameters
        ----------
        points_lps : PointsLps, shape (N, 3)
            Positions, LPS mm.

        Returns
        -------
        ndarray, shape (N,)
        """
        owner = self.part_index_at(points_lps)
        return np.asarray(self._table_hu[owner] + self._texture(PointsLps(np.asarray(points_lps)), owner), np.float64)

    def render_hu(self, grid: Grid, *, subsamples: int = 4, monitor: Monitor = SILENT) -> npt.NDArray[np.float32]:
        """Average the scene over the voxels of a grid.

        Parameters
        ----------
        grid : Grid
            Where to draw; any orientation and spacing.
        subsamples : int
            Points along each edge of a voxel that a surface may cut.
        monitor : Monitor
            Who follows the work.

        Returns
        -------
        ndarray of float32, shape ``grid.shape``
            Mean HU of each voxel, without noise and blur.
        """
        out = np.empty(grid.shape, dtype=np.float32)
        pieces = list(slabs(grid))
        for slices, slab in track(pieces, stage="drawing the phantom", monitor=monitor):
            out[slices] = self._render_slab(slab, subsamples)
        return out

    @cached_property
    def _strokes(self) -> tuple[tuple[int, Solid], ...]:
        # A union is painted piece by piece: each piece is asked only where its own small box lies.
        return tuple((index, piece) for index, part in enumerate(self.parts) for piece in pieces_of(part.solid))

    @cached_property
    def _table_hu(self) -> npt.NDArray[np.float32]:
        # The background stands last, where index -1 finds it.
        return np.array([*(p.tissue.hu for p in self.parts), self.background.hu], dtype=np.float32)

    def _render_slab(self, grid: Grid, subsamples: int) -> npt.NDArray[np.float32]:
        half_mm = half_diagonal_mm(grid)
        owner = np.full(grid.shape, -1, dtype=np.int16)
        cut = np.zeros(grid.shape, dtype=bool)
        for index, solid in self._strokes:
            block = block_of(solid.bounds_lps, grid, half_mm)
            if block is None:
                continue
            distance = block_distance_mm(solid, grid, block)
            owner[block][distance <= 0.0] = index
            cut[block][np.abs(distance) < half_mm] = True
            cut[block][distance <= -half_mm] = False  # whole: it hides every surface painted before
        points = block_points(grid, (slice(0, grid.shape[0]), slice(0, grid.shape[1]), slice(0, grid.shape[2])))
        flat = owner.ravel()
        hu = self._table_hu[flat]
        texture = self._texture(points, flat)
        edge = np.flatnonzero(cut.ravel())
        offsets = subsample_offsets(grid, subsamples)
        for start in range(0, len(edge), _EDGE_VOXELS_AT_ONCE):
            some = edge[start : start + _EDGE_VOXELS_AT_ONCE]
            fine = self._fine_owners(PointsLps(points[some]), offsets, half_mm)
            hu[some] = self._table_hu[fine].mean(axis=1)
            texture[some] *= (fine == flat[some][:, None]).mean(axis=1)
        return np.asarray((hu + texture).reshape(grid.shape))

    def _fine_owners(self, centres_lps: PointsLps, offsets: Array, half_mm: float) -> Owners:
        """Say which part each subsample of some voxels belongs to, shape (voxels, subsamples)."""
        fine = np.full((len(centres_lps), len(offsets)), -1, dtype=np.int16)
        for index, solid in self._strokes:
            near = indices_within(solid.bounds_lps, centres_lps, half_mm)
            if not len(near):
                continue
            distance = solid.distance_mm(PointsLps(centres_lps[near]))
            fine[near[distance <= -half_mm]] = index
            cut = near[np.abs(distance) < half_mm]
            if len(cut):
                points = (centres_lps[cut][:, None, :] + offsets).reshape(-1, 3)
                inside = contains(solid, PointsLps(points)).reshape(len(cut), -1)
                fine[cut] = np.where(inside, np.int16(index), fine[cut])
        return fine

    def _texture(self, points_lps: PointsLps, owner: Owners) -> npt.NDArray[np.float32]:
        """Give each point the texture of its tissue: a function of the place alone, the same in any storage."""
        out = np.zeros(len(owner), dtype=np.float32)
        tissues = [*(p.tissue for p in self.parts), self.background]
        names = sorted({t.name for t in tissues if t.texture_hu > 0.0})
        number = np.array([names.index(t.name) if t.texture_hu > 0.0 else -1 for t in tissues], dtype=np.int16)
        kinds = number[owner]
        for index, name in enumerate(names):
            chosen = np.flatnonzero(kinds == index)
            if len(chosen):
                tissue = next(t for t in tissues if t.name == name)
                out[chosen] = _waves(points_lps[chosen], tissue, self.texture_seed)
        return out


def _waves(points_lps: Array, tissue: Tissue, seed: int) -> npt.NDArray[np.float32]:
    random = np.random.default_rng([seed, zlib.crc32(tissue.name.encode())])
    directions = random.normal(size=(_WAVES, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    lengths_mm = tissue.texture_mm * random.uniform(0.7, 1.6, _WAVES)
    waves = (2.0 * np.pi * directions / lengths_mm[:, None]).astype(np.float32)
    phases = random.uniform(0.0, 2.0 * np.pi, _WAVES).astype(np.float32)
    points = points_lps.astype(np.float32)
    total = np.zeros(len(points), dtype=np.float32)
    for wave, phase in zip(waves, phases, strict=True):
        total += np.cos(points @ wave + phase)
    return np.asarray(total * np.float32(tissue.texture_hu * np.sqrt(2.0 / _WAVES)))
