"""Trust in percent on the CT's voxels, held against SciPy's plain resampling of the whole CT, voxel by voxel."""

import numpy as np
import pytest
from scipy import ndimage

from planner.config.trust_config import TrustConfig
from planner.geometry.grid import Grid
from planner.pipeline.trust_file import trust_percent
from planner.segment.trust import TrustMap


def grid_of(shape, steps, origin):
    """Give a grid whose axes step along the columns of a matrix."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = steps, origin
    return Grid(shape, matrix)


def map_of(shape, edge_mm=(1.5, 1.25, 1.3), origin=(-9.3, 4.1, -7.7), seed=0):
    steps = np.zeros((3, 3))
    steps[2, 0], steps[1, 1], steps[0, 2] = edge_mm
    trust = np.random.default_rng(seed).random(shape).astype(np.float32)
    return TrustMap(grid_of(shape, steps, origin), trust, trust, trust, TrustConfig())


def plainly(trust, grid):
    matrix = trust.grid.index_from_lps @ grid.lps_from_index
    read = ndimage.affine_transform(
        trust.trust, matrix[:3, :3], matrix[:3, 3], grid.shape, order=1, mode="nearest", output=np.float32
    )
    return np.clip(np.rint(100.0 * read), 0, 100).astype(np.uint8)


UPRIGHT = [[0.0, 0.0, 0.7], [0.0, 0.61, 0.0], [0.9, 0.0, 0.0]]
TABLE = {
    "upright": (UPRIGHT, (-20.0, -3.0, -20.0)),
    "mirrored": ([[0, 0, -0.7], [0, 0.61, 0], [-0.9, 0, 0]], (12.0, -3.0, 9.0)),
    "other axes": ([[0.7, 0, 0], [0, 0, 0.61], [0, -0.9, 0]], (-20.0, -3.0, 11.0)),
    "coarser": ([[0, 0, 3.7], [0, 2.61, 0], [5.9, 0, 0]], (-50.0, -23.0, -80.0)),
    "beside it": (UPRIGHT, (200.0, 100.0, -300.0)),
    "leaning": ([[0, 0, 0.7], [0.1, 0.61, 0], [0.9, 0, 0]], (-20.0, -3.0, -20.0)),
    "oblique": ([[0.1, 0.05, 0.7], [0.02, 0.61, -0.1], [0.9, -0.03, 0.1]], (-20.0, -3.0, -20.0)),
}


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("shape", [(12, 11, 10), (1, 1, 1), (2, 1, 9)])
def test_each_voxel_is_as_in_plain_resampling(name, shape):
    trust, grid = map_of(shape), grid_of((31, 40, 37), *TABLE[name])
    assert np.array_equal(trust_percent(trust, grid), plainly(trust, grid))


def test_voxels_on_the_maps_own_have_its_values():
    trust = map_of((5, 6, 7))
    percent = trust_percent(trust, trust.grid)
    assert percent.dtype == np.uint8 and percent.flags.c_contiguous
    assert np.array_equal(percent, np.rint(100.0 * trust.trust))


def test_one_voxel_of_a_ct():
    trust = map_of((5, 6, 7))
    one = grid_of((1, 1, 1), UPRIGHT, np.asarray(trust.grid.to_lps((2, 3, 4))))
    assert trust_percent(trust, one).item() == np.rint(100.0 * trust.trust[2, 3, 4])
