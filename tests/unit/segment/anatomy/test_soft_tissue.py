"""Muscle and fat: told by what they read, and not where metal, skin, bone or nothing known lets tell them."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from planner.config.soft_tissue_config import SoftTissueConfig
from planner.config.trust_config import TrustConfig
from planner.errors import GeometryError
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.soft_tissue import SoftTissue, _trusted, tell_soft_tissue
from planner.segment.trust import TrustMap

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


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.5, 0.6, 0.6)])
@pytest.mark.parametrize("kind", ["int16", "float32"])
def test_the_parts_are_those_of_the_plain_sums(spacing, kind):
    size = (41, 50, 60)
    random = np.random.default_rng(4)
    hu = ndi.gaussian_filter(random.normal(0.0, 1.0, size), 1.5) * 900.0 - 20.0
    hu = (hu + random.normal(0.0, 60.0, size)).astype(kind)
    body, solid = random.random(size) < 0.9999, random.random(size) < 0.05
    body[:3], body[:, :, 50:] = False, False
    metal = np.zeros(size, dtype=bool)
    grid = Grid(size, np.diag([*spacing, 1.0])[[2, 1, 0, 3]])
    config = SoftTissueConfig(skin_mm=1.0)
    told = tell_soft_tissue(
        Volume(grid, hu), body=Mask(grid, body), solid=Mask(grid, solid), metal=Mask(grid, metal), config=config
    )
    soft = body & ~solid
    read = soft & (ndi.distance_transform_edt(body, spacing) > config.skin_mm)
    hu = hu.astype(np.float32)
    weight = (soft & (hu > -300.0) & (hu < 250.0)).astype(np.float32)
    sigma = [config.smooth_mm / edge for edge in spacing]
    total = ndi.gaussian_filter(weight, sigma, truncate=2.5)
    values = ndi.gaussian_filter(np.clip(hu, -300.0, 250.0) * weight, sigma, truncate=2.5)
    mean = np.divide(values, total, out=hu.copy(), where=total > 1e-3)
    border = (config.muscle_hu[0] + config.fat_hu[1]) / 2.0
    muscle = read & (mean >= border) & (mean <= config.muscle_hu[1])
    fat = read & (mean < border) & (mean >= config.fat_hu[0])
    assert muscle.any() and fat.any() and (read & ~muscle & ~fat).any()
    assert np.array_equal(told.muscle.voxels, muscle) and np.array_equal(told.fat.voxels, fat)
    assert np.array_equal(told.untold.voxels, soft & ~muscle & ~fat)


@pytest.mark.parametrize("shape", [(5, 6, 7), (1, 1, 1), (2, 9, 4)])
def test_trust_is_asked_of_cells_of_two_voxels(shape):
    random = np.random.default_rng(6)
    grid = Grid(shape, np.diag([1.1, 0.7, 0.9, 1.0])[[2, 1, 0, 3]])
    trust = TrustMap(
        grid, *(random.random(shape).astype(np.float32) for _ in range(3)), TrustConfig()
    )  # fmt: skip
    asked = random.random(shape) < 0.2
    plain = np.zeros(shape, dtype=bool)
    for z, y, x in np.ndindex(*[(n + 1) // 2 for n in shape]):
        cell = tuple(slice(2 * k, 2 * k + 2) for k in (z, y, x))
        place = np.asarray(grid.to_lps([[2 * z, 2 * y, 2 * x]]))
        plain[cell] = asked[cell].any() and trust.trust_at(place)[0] >= 0.5
    assert np.array_equal(_trusted(asked, grid, trust, 0.5), plain)
