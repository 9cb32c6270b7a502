"""The patient's own cancellous bone, and whether lucent spaces can be told from it."""

import numpy as np
import pytest
from scipy import ndimage

from planner.config.hip_config import HipGapConfig
from planner.geometry.grid import Grid
from planner.segment.gaps.bone_levels import bone_levels
from planner.segment.gaps.implant_surroundings import Surroundings
from planner.segment.gaps.lytic_spaces import grow_cavities

CONFIG = HipGapConfig()


def block(bone_hu, *, noise_hu=10.0, hole_mm=0.0, slab_hu=None):
    """A block of bone on metal, with a hole of a radius in front of the metal's middle."""
    matrix = np.diag([0.8, 0.8, 0.8, 1.0])
    matrix[:3, :3] = matrix[:3, :3][:, ::-1]
    grid = Grid((50, 40, 40), matrix)
    z, y, x = np.meshgrid(*[0.8 * np.arange(n) for n in grid.shape], indexing="ij")
    hu = np.random.default_rng(3).normal(bone_hu, noise_hu, grid.shape)
    away = np.maximum(z - 2.0, 0.0)
    hole = (z - 6.0) ** 2 + (y - 16.0) ** 2 + (x - 16.0) ** 2 < hole_mm**2
    hu[hole] = 40.0
    if slab_hu is not None:
        hu[z < 8.0] = slab_hu
    hu[away == 0] = 3000.0
    around = Surroundings(grid, hu.astype(np.float32), np.ones(grid.shape, dtype=bool), away.astype(np.float32))
    seeds = (away > 1.7) & (away < 3.0)
    return around, seeds, float(hole[away > 1.75].sum() * 0.8**3 / 1000.0)


@pytest.mark.parametrize("bone_hu", [120.0, 200.0])
def test_bone_reads_as_it_is(bone_hu):
    levels = bone_levels(block(bone_hu)[0], CONFIG)
    assert levels.cancellous_hu == pytest.approx(bone_hu, abs=8.0)
    assert levels.is_told
    assert CONFIG.fibrous_hu < levels.lumen_hu < bone_hu


def test_osteoporotic_bone_is_not_told_from_a_gap():
    assert not bone_levels(block(65.0)[0], CONFIG).is_told


def test_bone_that_varies_as_much_as_its_contrast_is_not_told():
    around, _, _ = block(120.0)
    slow = ndimage.gaussian_filter(np.random.default_rng(4).normal(size=around.hu.shape), 4.0)
    uneven = (around.hu + 60.0 * slow / slow.std()).astype(np.float32)
    assert not bone_levels(Surroundings(around.grid, uneven, around.bone, around.from_metal_mm), CONFIG).is_told


def test_another_implants_bone_is_believed_and_the_own_spread_kept():
    known = bone_levels(block(200.0)[0], CONFIG)
    levels = bone_levels(block(150.0, noise_hu=60.0)[0], CONFIG, known=known)
    assert levels.cancellous_hu == known.cancellous_hu
    assert levels.spread_hu > known.spread_hu


def test_a_walled_hole_is_a_cavity():
    around, seeds, true_ml = block(160.0, hole_mm=6.0)
    found = grow_cavities(around, seeds, bone_levels(around, CONFIG), CONFIG)
    assert found.sum() * 0.8**3 / 1000.0 == pytest.approx(true_ml, rel=0.25)


def test_no_cavity_in_firm_bone_nor_where_bone_cannot_be_told():
    around, seeds, _ = block(160.0)
    assert not grow_cavities(around, seeds, bone_levels(around, CONFIG), CONFIG).any()
    around, seeds, _ = block(70.0, hole_mm=6.0)
    assert not grow_cavities(around, seeds, bone_levels(around, CONFIG), CONFIG).any()


def test_marrow_is_no_cavity():
    around, seeds, _ = block(160.0, slab_hu=-80.0)
    assert not grow_cavities(around, seeds, bone_levels(around, CONFIG), CONFIG).any()
