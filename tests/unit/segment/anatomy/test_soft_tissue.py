"""Muscle and fat: told by what they read, and not where metal, skin, bone or nothing known lets tell them."""

import numpy as np
import pytest

from planner.errors import GeometryError
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.soft_tissue import SoftTissue, tell_soft_tissue

SHAPE = (30, 50, 60)
GRID = Grid(SHAPE, np.array([[0, 0, 1.0, 0.0], [0, 1.0, 0, 0.0], [1.0, 0, 0, 0.0], [0, 0, 0, 1.0]]))
X, Y = np.indices(SHAPE)[2], np.indices(SHAPE)[1]
BODY, BONE = Y < 45, X < 8
FAT = Y >= 25


def _told(*, metal: np.ndarray | None = None, forbidden: np.ndarray | None = None, noise: float = 30.0) -> SoftTissue:
    hu = np.where(FAT, -105.0, 55.0)
    hu[BONE] = 400.0
    hu[~BODY] = -1000.0
    hu = hu + np.random.default_rng(2).normal(0.0, noise, SHAPE)
    return tell_soft_tissue(
        Volume(GRID, hu.astype(np.float32)),
        body=Mask(GRID, BODY),
        solid=Mask(GRID, BONE),
        metal=Mask(GRID, np.zeros(SHAPE, dtype=bool) if metal is None else metal),
        forbidden=None if forbidden is None else Mask(GRID, forbidden),
    )


def test_muscle_and_fat_are_told_apart_and_the_skin_is_neither():
    told = _told()
    parts = [told.muscle.voxels, told.fat.voxels, told.untold.voxels]
    assert (np.sum(parts, axis=0) == (BODY & ~BONE)).all()
    inner = ~BONE & (X > 10)
    assert told.muscle.voxels[inner & (Y < 23)].mean() > 0.99
    assert told.fat.voxels[inner & (Y > 27) & (Y < 42)].mean() > 0.99
    assert told.untold.voxels[inner & (Y == 44)].all()
    assert not (told.muscle.voxels & FAT & (Y > 27)).any()


def test_near_metal_nothing_is_told():
    metal = np.hypot(X - 30, Y - 20) < 3
    told = _told(metal=metal)
    near = (np.hypot(X - 30, Y - 20) < 13) & ~metal
    assert not (told.muscle.voxels | told.fat.voxels)[near].any()
    assert told.untold.voxels[near].all()


def test_where_no_needle_may_pass_nothing_is_told():
    told = _told(forbidden=X > 40)
    assert not (told.muscle.voxels | told.fat.voxels | told.untold.voxels)[X > 40].any()


def test_masks_of_other_grids_are_refused():
    other = Grid(SHAPE, np.diag([2.0, 1.0, 1.0, 1.0]))
    empty = Mask(GRID, np.zeros(SHAPE, dtype=bool))
    with pytest.raises(GeometryError):
        tell_soft_tissue(
            Volume(GRID, np.zeros(SHAPE, np.float32)),
            body=Mask(other, BODY),
            solid=empty,
            metal=empty,
        )
