"""Rays round a stem that stands in cement along half of its length."""

import numpy as np
import pytest
from scipy import ndimage

from planner.config.hip_config import HipGapConfig
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.segment.gaps.interface_rays import Edge, stem_interface

CONFIG = HipGapConfig()
STEM, MANTLE, MIDDLE = 6.0, 9.0, 24.0
EDGE = Edge(4000.0, 0.0)


@pytest.fixture(scope="module")
def scene():
    """A rod from depth 6 to 66 mm, in cement below 36 mm, in bone of 24 mm radius."""
    spacing, shape = 0.8, (90, 64, 64)
    grid = Grid(shape, np.diag([spacing, spacing, spacing, 1.0])[:, [2, 1, 0, 3]])
    points = np.asarray(grid.to_lps(np.argwhere(np.ones(shape, dtype=bool))))
    away = np.hypot(points[:, 0] - 25.0, points[:, 1] - 25.0).reshape(shape)
    depth = 70.0 - points[:, 2].reshape(shape)
    rod = (away < STEM) & (depth > 6) & (depth < 66)
    cement = (away < MANTLE) & (depth > 36) & (depth < 69) & ~rod
    hu = np.where(rod, 8500.0, np.where(cement, 1500.0, np.where(away < MIDDLE, 200.0, 40.0)))
    volume = Volume(grid, ndimage.gaussian_filter(hu, 0.5).astype(np.float32))
    return volume, Mask(grid, away < MIDDLE), Mask(grid, cement)


def rays(scene, *, mantle):
    volume, bone, cement = scene
    ends = np.array([25.0, 25.0, 64.0]), np.array([25.0, 25.0, 4.0])
    return stem_interface(
        volume, bone, *ends, 2 * STEM, EDGE, CONFIG, is_cut=False, mantle=cement if mantle else None
    )  # fmt: skip


def test_rays_start_at_the_metal_where_no_cement_is_told(scene):
    seen = rays(scene, mantle=False)
    assert np.median(seen.metal_mm[seen.in_bone]) == pytest.approx(STEM, abs=0.15)


def test_rays_start_at_the_outside_of_the_mantle_and_only_there(scene):
    seen = rays(scene, mantle=True)
    in_cement = (seen.fan.along_mm > 32) & ~seen.fan.is_tip
    bare = (seen.fan.along_mm < 28) & ~seen.fan.is_tip
    assert seen.in_bone[in_cement].all() and not seen.in_bone[bare].any()
    assert np.abs(seen.metal_mm[in_cement] - MANTLE).max() < 0.45  # half a voxel


def test_a_mantle_s_upper_end_is_no_step_of_its_surface(scene):
    # rays beside it meet no cement: what they start from must not tilt the others' normals
    seen = rays(scene, mantle=True)
    assert seen.cosine[seen.in_bone].min() > 0.97
    shaft = seen.in_bone & ~seen.fan.is_tip[:, None]
    rows = int(shaft.any(axis=1).sum())
    assert seen.area_mm2()[shaft].sum() == pytest.approx(2 * np.pi * MANTLE * rows, rel=0.03)


def test_a_mask_that_no_ray_meets_is_no_mantle(scene):
    volume, bone, cement = scene
    away = Mask(cement.grid, np.zeros(cement.grid.shape, dtype=bool))
    seen = stem_interface(
        volume, bone, np.array([25.0, 25.0, 64.0]), np.array([25.0, 25.0, 4.0]), 2 * STEM, EDGE, CONFIG, is_cut=False,
        mantle=away,
    )  # fmt: skip
    assert not seen.in_bone.any() and np.isfinite(seen.metal_mm).all()
