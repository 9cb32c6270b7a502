"""A left cup in a plain pelvis for tests: 1.5 mm voxels, metal, and bone with and without its rim or floor."""

from dataclasses import dataclass

import numpy as np

from planner.config.trust_config import TrustConfig
from planner.geometry.frames import Array, points_lps, unit
from planner.geometry.grid import Grid
from planner.model.bones import Bone
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.joint_space import HipJoint
from planner.segment.trust import TrustMap

EDGE_MM, SIZE = 1.5, 90
CUP = np.array([90.0, 0.0, 0.0])
CUP_MM, HEAD_MM = 26.0, 16.0
OPENING = unit([0.64, -0.2, -0.74])
GRID = Grid(
    (SIZE, SIZE, SIZE),
    np.array(
        [
            [0, 0, EDGE_MM, CUP[0] - 67.5],
            [0, EDGE_MM, 0, -67.5],
            [EDGE_MM, 0, 0, -67.5],
            [0, 0, 0, 1.0],
        ]
    ),
)


def points() -> Array:
    """Give the voxels' places, shape (S, R, C, 3)."""
    return np.asarray(GRID.to_lps(np.moveaxis(np.indices(GRID.shape), 0, -1)))


def everywhere(trust: float) -> TrustMap:
    """Make a map of the same trust at all places."""
    grid = Grid(
        (2, 2, 2), np.array([[0, 0, 400.0, -200.0], [0, 400.0, 0, -200.0], [400.0, 0, 0, -200.0], [0, 0, 0, 1]])
    )
    even = np.full(grid.shape, trust, dtype=np.float32)
    return TrustMap(grid, even, 100.0 * (1.0 - even), 0.0 * even, TrustConfig())


def joint(*, head: Array = CUP, opening: Array = OPENING, cup: Array = CUP, natural: bool = False) -> HipJoint:
    """Make the left joint."""
    return HipJoint(
        side="left",
        head_lps=points_lps(head),
        head_radius_mm=HEAD_MM,
        socket_lps=points_lps(cup),
        socket_radius_mm=CUP_MM,
        opening_lps=points_lps(opening),
        axis_lps=None,
        is_natural=natural,
    )


@dataclass(frozen=True)
class Socket:
    """`missing` takes bone away: "rim" above, "floor" medially, "all"."""

    missing: str = ""

    @property
    def pelvis(self) -> Bone:
        """The envelope: a thick bowl behind the cup's mouth."""
        away, depth = self._bowl()
        return Bone("pelvis-left", "pelvis", Mask(GRID, (away < CUP_MM + 14.0) & (depth > -4.0)), side="left")

    @property
    def metal(self) -> Mask:
        """The cup's shell."""
        away, depth = self._bowl()
        return Mask(GRID, (away < CUP_MM) & (away > CUP_MM - 4.0) & (depth > 0.0))

    @property
    def ct(self) -> Volume:
        """The scan: bone 300 HU, soft tissue 50."""
        here = points() - CUP
        hu = np.where(self.pelvis.mask.voxels, 300.0, 50.0)
        if self.missing == "rim":
            hu[here[..., 2] > 0.45 * np.linalg.norm(here, axis=-1)] = 50.0
        if self.missing == "floor":
            hu[-here[..., 0] > 0.7 * np.linalg.norm(here, axis=-1)] = 50.0
        if self.missing == "all":
            hu[:] = 50.0
        hu[self.metal.voxels] = 8000.0
        return Volume(GRID, hu.astype(np.float32))

    @staticmethod
    def _bowl() -> tuple[Array, Array]:
        here = points() - CUP
        return np.linalg.norm(here, axis=-1), -(here @ OPENING)
