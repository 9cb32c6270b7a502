import cc3d
import numpy as np
import pytest
from scipy import ndimage as ndi

from planner.config.anatomy_config import BoneConfig
from planner.segment.anatomy.wall_limits import above_limits, find_streaks
from planner.segment.anatomy.walls import find_walls, large, spoilt, within

EDGE_MM = 0.8
AT = (np.moveaxis(np.indices((40, 56, 56)) - np.array([20, 28, 28]).reshape(3, 1, 1, 1), 0, -1) * EDGE_MM).astype(float)
NOTHING = np.zeros(AT.shape[:3], dtype=bool)
CONFIG = BoneConfig()


def shell(cortex_hu: float, *, thick_mm: float = 1.2, radius_mm: float = 12.0) -> tuple[np.ndarray, np.ndarray]:
    """A ball of marrow in a cortex, in muscle; HU and the ball."""
    away = np.linalg.norm(AT, axis=-1)
    hu = np.where(away < radius_mm, np.where(away < radius_mm - thick_mm, 90.0, cortex_hu), 55.0)
    return ndi.gaussian_filter(hu, 0.5 / EDGE_MM).astype(np.float32), away


@pytest.mark.parametrize("cortex_hu", [500.0, 1300.0])
def test_a_wall_ends_at_the_bones_surface_however_dense_it_is(cortex_hu):
    hu, away = shell(cortex_hu)
    wall = find_walls(hu, NOTHING, NOTHING, EDGE_MM, CONFIG).wall
    assert wall[(away > 10.9) & (away < 11.7)].mean() > 0.95
    assert wall[(away > 12.5) & (away < 14.0)].mean() < 0.02


def test_a_vessel_with_contrast_is_no_wall():
    hu, away = shell(900.0)
    vessel = np.hypot(AT[..., 1], AT[..., 2]) < 6.0
    bright = np.where(vessel, 250.0, 55.0)
    bright = ndi.gaussian_filter(np.where(away < 12.0, hu, bright), 0.4).astype(np.float32)
    far = vessel & (np.abs(AT[..., 0]) > 14.0)
    assert far.any()
    assert not find_walls(bright, NOTHING, NOTHING, EDGE_MM, CONFIG).wall[far].any()


@pytest.mark.parametrize("edge_mm", [0.6, EDGE_MM, 1.2])
def test_what_stands_out_is_told_round_walls_in_doubt_as_in_the_whole(edge_mm):
    rough, broad = np.random.default_rng(2).normal(0.0, 1.0, (2, *AT.shape[:3]))
    hu = 60.0 + 1200.0 * ndi.gaussian_filter(rough, 1.2) + 12000.0 * ndi.gaussian_filter(broad, 6.0)
    hu = hu.astype(np.float32)
    walls = find_walls(hu, NOTHING, NOTHING, edge_mm, CONFIG)
    blurred, (soft, cortex) = walls.blurred_hu, (walls.soft_hu, walls.cortex_hu)
    size = 2 * round(0.5 * 4.5 / edge_mm) + 1
    opened = ndi.maximum_filter(ndi.maximum_filter(ndi.minimum_filter(blurred, size), size), 3)
    out = (blurred - opened) > (blurred - soft) * CONFIG.prominence_share
    bright = blurred > soft + 0.6 * (cortex - soft)
    plain, _ = above_limits(
        blurred, NOTHING, find_streaks(hu, NOTHING, NOTHING, edge_mm), (soft, cortex), edge_mm, CONFIG
    )
    assert (plain & ~bright & out).any() and (plain & ~bright & ~out).any()
    assert np.array_equal(walls.wall, plain & (bright | out))


def test_what_cannot_be_read_is_no_wall():
    hu, _ = shell(900.0)
    blind = AT[..., 2] > 0
    walls = find_walls(hu, NOTHING, blind, EDGE_MM, CONFIG)
    assert not (walls.wall & blind).any()
    assert (walls.wall & ~blind).any()


def test_streaks_beside_metal_must_be_brighter_to_be_a_wall():
    hu, away = shell(900.0)
    metal = np.hypot(AT[..., 1] - 18.0, AT[..., 2]) < 2.0
    beside = (np.abs(AT[..., 1] - 18.0) < 8.0) & (away > 14.0) & ~within(metal, 2.4, EDGE_MM)
    bright = beside & (np.indices(hu.shape)[1] % 4 < 2)
    striped = np.where(bright, 230.0, np.where(beside, -120.0, hu))
    noisy = np.where(metal, 6000.0, striped).astype(np.float32)
    blind = within(metal, 1.2, EDGE_MM)
    strict, lax = (
        find_walls(noisy, metal, blind, EDGE_MM, BoneConfig(streak_share=share)).wall[bright].mean()
        for share in (CONFIG.streak_share, 0.0)
    )
    assert lax > 0.3
    assert strict < 0.2 * lax


def test_air_and_muscle_have_no_wall():
    hu = np.where(AT[..., 1] > 0, 55.0, -1000.0).astype(np.float32)
    assert not find_walls(hu, NOTHING, NOTHING, EDGE_MM, CONFIG).wall.any()


def test_growing_reaches_as_far_as_it_says_and_nothing_grows_from_nothing():
    one = NOTHING.copy()
    one[20, 28, 28] = True
    grown = within(one, 2.0, EDGE_MM)
    assert grown[20, 28, 30] and not grown[20, 28, 31]
    assert not within(NOTHING, 5.0, EDGE_MM).any()


def test_only_large_pieces_stay():
    pieces = NOTHING.copy()
    pieces[5:15, 5:15, 5:15] = True
    pieces[30, 40, 40] = True
    kept = large(pieces, 0.1, EDGE_MM)
    assert kept[10, 10, 10] and not kept[30, 40, 40]


@pytest.mark.parametrize("by_corners", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.35, 1.0])
def test_pieces_stay_as_dusting_says(share, by_corners):
    mask = np.random.default_rng(5).random((13, 17, 15)) < share
    expected = cc3d.dust(mask.astype(np.uint8), threshold=8, connectivity=26 if by_corners else 6) > 0
    assert np.array_equal(large(mask, 0.008, 1.0, by_corners=by_corners), expected)


def test_where_shadows_drown_tissue_nothing_is_read_and_elsewhere_it_is():
    hu, _ = shell(900.0)
    metal = np.hypot(AT[..., 1] - 18.0, AT[..., 2]) < 2.0
    unread = within(metal, 1.2, EDGE_MM)
    slices = np.abs(AT[..., 0]) < 3.0
    bands = np.where(np.indices(hu.shape)[2] // 4 % 2, 900.0, -900.0)
    drowned = np.where(slices, bands, hu).astype(np.float32)
    found = spoilt(drowned, metal, unread, EDGE_MM, CONFIG)
    near = (np.hypot(AT[..., 1] - 18.0, AT[..., 2]) < 12.0) & ~unread
    assert found[near & (np.abs(AT[..., 0]) < 2.0)].mean() > 0.9
    assert not found[np.abs(AT[..., 0]) > 5.0].any()
    assert not spoilt(hu, metal, unread, EDGE_MM, CONFIG).any()
    assert not spoilt(drowned, NOTHING, NOTHING, EDGE_MM, CONFIG).any()
