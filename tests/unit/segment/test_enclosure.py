"""Rays that meet a mask: what following each of them, voxel by voxel, says."""

import numpy as np
import pytest

from planner.segment.enclosure import AXIAL_16, enclosure

UPRIGHT = tuple((s, r, c) for s in (-1, 0, 1) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r == 0) != (c == 0) or s)


def followed(mask: np.ndarray, step: tuple[int, int, int], count: int) -> np.ndarray:
    """Follow a ray from every voxel, one after the other."""
    met = np.zeros(mask.shape, dtype=bool)
    for start in np.ndindex(mask.shape):
        for k in range(1, count + 1):
            at = tuple(a + k * s for a, s in zip(start, step, strict=True))
            if not all(0 <= a < n for a, n in zip(at, mask.shape, strict=True)):
                break
            met[start] |= mask[at]
    return met


def thickened(mask: np.ndarray) -> np.ndarray:
    """A voxel wider along rows and columns, one voxel after the other."""
    out = mask.copy()
    for z, y, x in np.argwhere(mask):
        for r, c in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            if 0 <= y + r < mask.shape[1] and 0 <= x + c < mask.shape[2]:
                out[z, y + r, x + c] = True
    return out


def counted(mask: np.ndarray, steps: tuple[tuple[int, int, int], ...], reach: float) -> np.ndarray:
    total = np.zeros(mask.shape, dtype=int)
    for step in steps:
        wall = thickened(mask) if max(abs(s) for s in step) > 1 else mask
        total += followed(wall, step, max(1, round(reach / float(np.linalg.norm(step)))))
    return total


@pytest.mark.parametrize("shape", [(5, 8, 9), (1, 5, 3), (3, 1, 1), (4, 7, 2)])
@pytest.mark.parametrize("share", [0.0, 0.08, 0.4, 1.0])
@pytest.mark.parametrize(
    "steps", [AXIAL_16, UPRIGHT, ((2, 0, 1), (0, 0, -3), (-2, 1, 0))], ids=["axial", "all", "long"]
)
@pytest.mark.parametrize("reach", [1.0, 3.6, 300.0])
def test_as_many_rays_meet_a_mask_as_when_each_is_followed(shape, share, steps, reach):
    mask = np.random.default_rng(7).random(shape) < share
    assert np.array_equal(enclosure(mask, steps, reach), counted(mask, steps, reach))


@pytest.mark.parametrize("reach", [1.0, 3.6])
def test_rows_that_rays_have_left_behind_meet_nothing(reach):
    mask = np.random.default_rng(9).random((13, 12, 6)) < 0.01
    steps = (*UPRIGHT, (0, 2, 1), (2, 0, 1), (-2, 1, 0))
    assert 0 < np.count_nonzero(mask.any(axis=2)) < 15
    assert np.array_equal(enclosure(mask, steps, reach), counted(mask, steps, reach))


def test_long_rays_reach_as_far_as_they_should():
    mask = np.zeros((1, 1, 700), dtype=bool)
    mask[0, 0, 650] = True
    seen = np.flatnonzero(enclosure(mask, ((0, 0, 1),), 400.0)[0, 0])
    assert (seen[0], seen[-1]) == (250, 649)


def test_what_was_given_stays_as_it_is_in_any_order_of_storage():
    mask = np.random.default_rng(8).random((6, 7, 8)) < 0.2
    kept = mask.copy()
    turned = np.ascontiguousarray(mask.T).T
    assert np.array_equal(enclosure(turned, AXIAL_16, 5.0), enclosure(mask, AXIAL_16, 5.0))
    assert np.array_equal(mask, kept)


def test_a_ray_meets_what_lies_within_its_steps_and_nothing_further():
    mask = np.zeros((1, 1, 12), dtype=bool)
    mask[0, 0, 9] = True
    assert enclosure(mask, ((0, 0, 1),), 4.0)[0, 0].tolist() == [0] * 5 + [1] * 4 + [0] * 3


def test_enclosure_counts_the_walls():
    box = np.zeros((1, 9, 9), dtype=bool)
    box[0, 0], box[0, -1] = True, True
    assert enclosure(box, ((0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)), 8.0)[0, 4, 4] == 2
