"""A scene of solids, drawn by the painter: what is named later lies over what was named before."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, PointsLps
from planner.phantoms.solids.basic import Solid
from planner.phantoms.solids.raster import contains, indices_within, pieces_of
from planner.phantoms.texture import texture_of
from planner.phantoms.tissues import AIR, Tissue

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

    @cached_property
    def _strokes(self) -> tuple[tuple[int, Solid], ...]:
        # A union is painted piece by piece: each piece is asked only where its own small box lies.
        return tuple((index, piece) for index, part in enumerate(self.parts) for piece in pieces_of(part.solid))

    @cached_property
    def _table_hu(self) -> npt.NDArray[np.float32]:
        # The background stands last, where index -1 finds it.
        return np.array([*(p.tissue.hu for p in self.parts), self.background.hu], dtype=np.float32)

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
                out[chosen] = texture_of(tissue, seed=self.texture_seed).hu_at(points_lps[chosen])
        return out
