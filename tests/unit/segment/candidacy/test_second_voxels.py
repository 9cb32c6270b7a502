"""Every second voxel: what the whole grid says there."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from planner.geometry.grid import Grid
from planner.segment.candidacy.second_voxels import EVERY_SECOND, depth_in_mm, thinned, thinned_hu


@pytest.mark.parametrize("shape", [(9, 8, 7), (1, 5, 2), (1, 1, 1)])
@pytest.mark.parametrize("is_whole", [False, True])
def test_the_thinned_ct_is_the_whole_one_filtered(shape, is_whole):
    hu = np.random.default_rng(6).normal(40.0, 300.0, shape).astype(np.float32)
    hu = np.rint(hu) if is_whole else hu
    assert np.array_equal(thinned_hu(hu), ndi.uniform_filter(hu, 2)[EVERY_SECOND])


def test_thinned_voxels_keep_their_places():
    grid = Grid((5, 4, 3), np.array([[0.0, 0, 2, 5], [0, 1, 0, -3], [3, 0, 0, 7], [0, 0, 0, 1]]), "1.2.3")
    few = thinned(grid)
    assert few.shape == (3, 2, 2)
    np.testing.assert_allclose(few.to_lps([2, 1, 1]), grid.to_lps([4, 2, 2]))


@pytest.mark.parametrize("kind", ["some", "none", "all"])
def test_depths_are_those_of_all_pairs_of_second_voxels(kind):
    shape, spacing = (7, 5, 6), (1.5, 0.8, 0.7)
    random = np.random.default_rng(3)
    mask = {"some": random.random(shape) < 0.8, "none": np.zeros(shape, bool), "all": np.ones(shape, bool)}[kind]
    grid = Grid(shape, np.diag([*spacing, 1.0])[[2, 1, 0, 3]], "1.2.3")
    depth = depth_in_mm(mask, grid)
    assert depth.shape == shape
    outside = np.argwhere(~mask[EVERY_SECOND])
    for place in np.ndindex(shape):
        near = 2.0 * (outside - np.array(place) // 2) * spacing
        expected = np.linalg.norm(near, axis=1).min() if len(outside) else np.inf
        assert depth[place] == pytest.approx(expected, abs=1e-5)
