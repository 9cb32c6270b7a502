import numpy as np
import pytest
from scipy import ndimage as ndi

from planner.config.anatomy_config import BoneConfig
from planner.segment.anatomy.bone import bone_envelope, bone_threshold_hu, bridged, dense_bone, walled_in

EDGE_MM = 1.0
AT = np.moveaxis(np.indices((48, 60, 60)) - np.array([24, 30, 30]).reshape(3, 1, 1, 1), 0, -1).astype(float)
NOTHING = np.zeros(AT.shape[:3], dtype=bool)


def block(half: tuple[float, float, float]) -> np.ndarray:
    return np.all(np.abs(AT) <= half, axis=-1)


def vertebra(*, hole: bool = False, halo: bool = False, screw: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """A box of cortex round marrow, a screw along the rows in it."""
    whole, marrow = block((13, 16, 18)), block((11, 14, 16))
    hu = np.where(whole, 900.0, 55.0)
    hu[marrow] = 120.0
    away = np.hypot(AT[..., 0], AT[..., 2])
    if hole:
        hu[(away < 3) & (AT[..., 1] < 0) & whole & ~marrow] = 40.0
    along = AT[..., 1] > -12
    if halo:
        hu[(away < 5) & along & marrow] = 40.0
    metal = (away < 2.5) & (AT[..., 1] > -10) if screw else NOTHING
    hu[metal] = 6000.0
    return ndi.gaussian_filter(hu, 0.4).astype(np.float32), metal


TRUE = block((13, 16, 18))


def overlap(mask: np.ndarray, true: np.ndarray) -> float:
    return float(2 * (mask & true).sum() / (mask.sum() + true.sum()))


def test_a_closed_cortex_is_filled():
    hu, metal = vertebra()
    assert overlap(bone_envelope(hu, metal, None, EDGE_MM), TRUE) > 0.93


@pytest.mark.parametrize("hole", [False, True])
def test_a_halo_counts_as_bone_also_behind_a_hole(hole):
    hu, metal = vertebra(hole=hole, halo=True, screw=True)
    bone = bone_envelope(hu, metal, None, EDGE_MM)
    halo = (np.hypot(AT[..., 0], AT[..., 2]) < 5) & (np.abs(AT[..., 1] - 1) < 12)
    assert bone[halo].mean() > 0.95
    assert bone[metal & TRUE].mean() > 0.95  # where it leaves the bone, a layer of voxels may go


def test_a_rod_in_muscle_is_no_bone():
    hu, _ = vertebra()
    rod = np.hypot(AT[..., 1] - 25, AT[..., 2]) < 2.8
    hu = ndi.gaussian_filter(np.where(rod, 6000.0, hu), 0.7).astype(np.float32)
    bone = bone_envelope(hu, rod, None, EDGE_MM)
    assert not bone[rod].any()
    assert overlap(bone, TRUE) > 0.9


def test_muscle_holds_no_bone():
    assert not bone_envelope(np.full(NOTHING.shape, 55.0, dtype=np.float32), NOTHING, None, EDGE_MM).any()


def test_what_is_barred_is_no_bone_whatever_surrounds_it():
    hu, metal = vertebra()
    canal = np.hypot(AT[..., 1], AT[..., 2]) < 6
    assert not (bone_envelope(hu, metal, canal, EDGE_MM) & canal).any()


def test_a_space_between_two_plates_is_not_walled_in():
    plates = (np.abs(np.abs(AT[..., 0]) - 8) < 1.5) & block((12, 16, 16))
    between = block((5, 8, 8))
    assert not walled_in(plates, EDGE_MM, least_rays=(15, 13), where=between).any()


@pytest.mark.parametrize(("edge_mm", "share"), [(EDGE_MM, 0.02), (3.0, 0.08)])
@pytest.mark.parametrize("at", [(slice(0, 1), slice(0, 1), slice(0, 1)), (slice(9, 14), slice(4, 30), slice(20, 31))])
def test_what_is_walled_in_is_told_where_it_is_asked_as_everywhere(at, edge_mm, share):
    wall = np.random.default_rng(5).random((90, 80, 70)) < share
    everywhere = walled_in(wall, edge_mm, least_rays=(8, 5), where=np.ones_like(wall))
    where = np.zeros_like(wall)
    where[at] = True
    assert 0.02 < everywhere.mean() < 0.98
    assert np.array_equal(walled_in(wall, edge_mm, least_rays=(8, 5), where=where), everywhere & where)
    assert not walled_in(wall, edge_mm, least_rays=(0, 0), where=np.zeros_like(wall)).any()


def test_the_limit_keeps_within_its_settings():
    hu, _ = vertebra()
    config = BoneConfig(lowest_limit_hu=180.0, highest_limit_hu=181.0)
    assert 180.0 <= bone_threshold_hu(hu, config) <= 181.0


def test_without_enough_bone_the_limit_is_the_usual_one():
    assert bone_threshold_hu(np.full((20, 20, 20), 50.0, dtype=np.float32)) == 200.0


def test_dense_bone_leaves_out_specks_and_bloom():
    hu = np.full(NOTHING.shape, 50.0, dtype=np.float32)
    hu[2:4, 2:4, 2:4] = 900.0
    metal = block((2, 2, 2))
    hu[block((3, 3, 3))] = 900.0
    assert not dense_bone(hu, metal, EDGE_MM, limit_hu=200.0).any()


@pytest.mark.parametrize(("radius_mm", "closes"), [(2.0, False), (4.0, True)])
def test_a_hole_is_bridged_where_the_ball_is_wider(radius_mm, closes):
    slab = (np.abs(AT[..., 1]) <= 3) & (np.hypot(AT[..., 0], AT[..., 2]) > 3.2)
    everywhere = np.ones_like(slab)
    closed = bridged(slab, radius_mm, EDGE_MM, where=everywhere)
    assert bool(closed[24, 30, 30]) is closes
    assert closed[slab].all()


def test_what_is_bridged_in_one_part_is_what_is_bridged_in_the_whole():
    slab = (np.abs(AT[..., 1]) <= 3) & (np.hypot(AT[..., 0], AT[..., 2]) > 3.2)
    part = np.hypot(AT[..., 0] - 2, AT[..., 1]) < 6
    whole = bridged(slab, 4.0, EDGE_MM, where=np.ones_like(slab), wider_mm=0.8)
    assert np.array_equal(bridged(slab, 4.0, EDGE_MM, where=part, wider_mm=0.8), whole & part)
    assert not bridged(slab, 4.0, EDGE_MM, where=NOTHING).any()
