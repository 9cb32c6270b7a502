"""A femur as a plain tube with a stem, for tests: 1 mm voxels, cortex 1200 HU, its envelope whole whatever is lost."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from planner.geometry.frames import PointsLps, points_lps
from planner.geometry.grid import Grid
from planner.model.bones import Bone
from planner.model.volume import Mask, Volume
from planner.segment.candidacy.femoral_wall import FemoralWall, femoral_wall

LENGTH_MM, OUTER_MM, WALL_MM = 140, 15.0, 5.0
MIDDLE = (100.0, 10.0)
LESSER = points_lps([100.0, 10.0, -20.0])
_EDGE_MM = 24.0


@dataclass(frozen=True)
class FemurTube:
    """A left shaft from z = 0 down; `lost` are boxes of (from, to) below the lesser trochanter and of angles, deg."""

    length_mm: int = LENGTH_MM
    stem_mm: float = 5.0
    lost: tuple[tuple[float, float, float, float], ...] = field(default=())
    softened: float = 1.0

    @cached_property
    def grid(self) -> Grid:
        """1 mm, upright."""
        edge = int(2 * _EDGE_MM)
        matrix = np.array(
            [
                [0, 0, 1.0, MIDDLE[0] - _EDGE_MM],
                [0, 1.0, 0, MIDDLE[1] - _EDGE_MM],
                [1.0, 0, 0, -float(self.length_mm)],
                [0, 0, 0, 1.0],
            ]
        )
        return Grid((self.length_mm, edge, edge), matrix)

    @cached_property
    def _polar(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        z = self.grid.lps_from_index[2, 3] + np.arange(self.grid.shape[0])
        y, x = np.meshgrid(np.arange(2 * _EDGE_MM) - _EDGE_MM, np.arange(2 * _EDGE_MM) - _EDGE_MM, indexing="ij")
        return z[:, None, None], np.hypot(x, y)[None], (np.degrees(np.arctan2(y, x)) % 360.0)[None]

    @property
    def envelope(self) -> Bone:
        """The whole tube, with its canal."""
        z, radius, _angle = self._polar
        return Bone("femur-left", "femur", Mask(self.grid, (radius <= OUTER_MM) & (z < np.inf)), side="left")

    @property
    def metal(self) -> Mask:
        """The stem."""
        z, radius, _angle = self._polar
        return Mask(self.grid, (radius <= self.stem_mm) & (z > -110.0))

    @property
    def ct(self) -> Volume:
        """The scan."""
        z, radius, angle = self._polar
        hu = np.full(self.grid.shape, 50.0, dtype=np.float32)
        hu[np.broadcast_to(radius <= OUTER_MM, hu.shape)] = -50.0
        wall = (radius <= OUTER_MM) & (radius > OUTER_MM - WALL_MM) & (z < np.inf)
        hu[wall] = 1200.0
        below = LESSER[2] - z
        for start, stop, first, last in self.lost:
            gone = wall & (below >= start) & (below < stop) & (angle >= first) & (angle <= last)
            hu[gone] += self.softened * (50.0 - hu[gone])
        hu[self.metal.voxels] = 8000.0
        return Volume(self.grid, hu)

    @property
    def axis_lps(self) -> tuple[PointsLps, PointsLps]:
        """Of the stem."""
        return points_lps([*MIDDLE, 0.0]), points_lps([*MIDDLE, -110.0])

    def wall(self) -> FemoralWall:
        """The unrolled wall; it must be readable."""
        found = femoral_wall(self.envelope, ct=self.ct, metal=self.metal, axis_lps=self.axis_lps, lesser_lps=LESSER)
        assert found is not None
        return found
