"""Gaps of simple shapes on voxel grids of any spacing, turned any way."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from planner.config.flow_config import FlowConfig
from planner.fill.flow_space import flow_space
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.volume import Mask, Volume

CORTEX_HU, CANCELLOUS_HU = 900, 150


@dataclass(frozen=True)
class Shape:
    """A gap in the middle of a block; `local` are coordinates that turn with it."""

    anatomy: Anatomy
    turn: np.ndarray

    def local(self, points_lps):
        return np.asarray(points_lps) @ self.turn

    def lps(self, local):
        return np.asarray(local, float) @ self.turn.T


def make_shape(gaps, *, spacing=(0.8, 0.8, 0.8), size_mm=(30, 30, 30), turned=((1, 0, 0), 0), bone=None, metal=None):
    """Build a block of cortex with gaps (functions of local coordinates), cancellous bone and metal in it."""
    axis = np.array(turned[0], float)
    turn = Rotation.from_rotvec(np.radians(turned[1]) * axis / np.linalg.norm(axis)).as_matrix()
    shape = tuple(round(s / h) for s, h in zip(size_mm, spacing, strict=True))
    matrix = np.zeros((4, 4))
    matrix[2, 0], matrix[1, 1], matrix[0, 2], matrix[3, 3] = *spacing, 1.0
    matrix[:3, 3] = [-0.5 * (n - 1) * h for n, h in zip(shape, spacing, strict=True)][::-1]
    grid = Grid(shape, matrix)
    p = np.asarray(grid.to_lps(np.moveaxis(np.indices(shape), 0, -1))) @ turn
    none = np.zeros(shape, bool)
    steel = none if metal is None else metal(p)
    masks = [gap(p) & ~steel for gap in gaps]
    hu = np.full(shape, CORTEX_HU, np.int16)
    if bone is not None:
        hu[bone(p)] = CANCELLOUS_HU
    anatomy = Anatomy(
        ct=Volume(grid, hu),
        metal=Mask(grid, steel),
        bone=Mask(grid, ~steel),
        gaps=tuple(GapSpace(f"gap-{n}", None, Mask(grid, mask)) for n, mask in enumerate(masks, start=1)),
        implants=(),
    )
    return Shape(anatomy, turn)


@pytest.fixture
def config():
    return FlowConfig(interface_tissue="removed", beside_mm=1.0, leaks_away_share=1.0)


@pytest.fixture
def space_of():
    def build(shape, config, *, volume_ml=None, exits=(), target="gap-1", tissue=None):
        volumes = {"gap-1": volume_ml}
        return flow_space(shape.anatomy, volumes, exits, config, target=target, tissue=tissue)

    return build


@pytest.fixture
def shape_of():
    return make_shape
