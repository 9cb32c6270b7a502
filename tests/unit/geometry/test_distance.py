"""Distances from a mask: held against every pair of voxels, and against two libraries."""

import edt
import numpy as np
import pytest
from scipy import ndimage

from planner.geometry.distance import distance_mm

SPACINGS = [(1.0, 1.0, 1.0), (1.25, 0.8, 0.8), (2.5, 0.9765625, 0.4), (0.33, 3.0, 0.71)]


def _by_pairs(mask: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    everywhere = np.argwhere(np.ones(mask.shape, dtype=bool)) * spacing_mm
    seeds = np.argwhere(mask) * spacing_mm
    squared = ((everywhere[:, None] - seeds[None]) ** 2).sum(axis=2)
    return np.sqrt(squared.min(axis=1)).reshape(mask.shape)


def _scattered(shape: tuple[int, int, int], share: float, seed: int) -> np.ndarray:
    mask = np.random.default_rng(seed).random(shape) < share
    mask.flat[seed % mask.size] = True
    return mask


@pytest.mark.parametrize("spacing_mm", SPACINGS)
@pytest.mark.parametrize("shape", [(7, 9, 21), (1, 1, 1), (1, 12, 1), (5, 1, 40), (18, 17, 3)])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_is_the_least_of_all_pairs(
    shape: tuple[int, int, int], share: float, spacing_mm: tuple[float, float, float]
) -> None:
    mask = _scattered(shape, share, seed=len(shape) + shape[0])
    np.testing.assert_allclose(distance_mm(mask, spacing_mm), _by_pairs(mask, spacing_mm), rtol=1e-6)


@pytest.mark.parametrize("spacing_mm", SPACINGS)
def test_agrees_with_two_libraries_in_a_large_block(spacing_mm: tuple[float, float, float]) -> None:
    mask = np.zeros((50, 61, 87), dtype=bool)
    mask[12:30, 20:33, 40:70] = _scattered((18, 13, 30), 0.3, seed=4)
    mask[0, 60, 86] = True
    found = distance_mm(mask, spacing_mm)
    np.testing.assert_allclose(found, ndimage.distance_transform_edt(~mask, sampling=spacing_mm), rtol=2e-6)
    np.testing.assert_allclose(found, edt.edt(~mask, anisotropy=spacing_mm), rtol=5e-7)


def test_whole_voxels_are_told_exactly() -> None:
    mask = _scattered((20, 30, 40), 0.01, seed=9)
    expected = np.sqrt(np.rint(_by_pairs(mask, (1.0, 1.0, 1.0)) ** 2).astype(np.float32))
    np.testing.assert_array_equal(distance_mm(mask, (1.0, 1.0, 1.0)), expected)


def test_an_empty_mask_is_infinitely_far() -> None:
    assert np.isinf(distance_mm(np.zeros((3, 4, 5), dtype=bool), (1.0, 1.0, 1.0))).all()
    assert np.isinf(distance_mm(np.zeros((3, 4, 5), dtype=bool), (1.0, 1.0, 1.0), reach_mm=2.0)).all()


@pytest.mark.parametrize("reach_mm", [0.0, 0.8, 2.4, 5.0, 1000.0])
@pytest.mark.parametrize("spacing_mm", SPACINGS)
def test_a_reach_changes_nothing_within_it(reach_mm: float, spacing_mm: tuple[float, float, float]) -> None:
    mask = np.zeros((24, 30, 36), dtype=bool)
    mask[10:14, 0:3, 20:25] = _scattered((4, 3, 5), 0.5, seed=2)
    whole, near = distance_mm(mask, spacing_mm), distance_mm(mask, spacing_mm, reach_mm=reach_mm)
    np.testing.assert_array_equal(near[whole <= reach_mm], whole[whole <= reach_mm])
    np.testing.assert_array_equal(near <= reach_mm, whole <= reach_mm)
    # beyond the reach it is right or not told
    assert ((near == whole) | np.isinf(near)).all()


def test_memory_order_and_readonly_masks_do_not_matter() -> None:
    mask = _scattered((9, 14, 11), 0.05, seed=5)
    expected = distance_mm(mask, (1.0, 0.7, 0.7))
    for other in (np.asfortranarray(mask), mask.copy()):
        other.flags.writeable = False
        np.testing.assert_array_equal(distance_mm(other, (1.0, 0.7, 0.7)), expected)


def test_other_than_three_axes_are_refused() -> None:
    with pytest.raises(ValueError, match="three axes"):
        distance_mm(np.zeros((3, 4), dtype=bool), (1.0, 1.0, 1.0))


def test_a_spacing_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        distance_mm(np.ones((3, 4, 5), dtype=bool), (1.0, 0.0, 1.0))
