import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.model.bones import Bone
from planner.model.volume import Mask
from planner.safety.fields import FAR_MM
from planner.safety.other_bone import distance_from_others, own_bones

GRID = Grid((40, 40, 60), np.array([[0, 0, 0.8, 0], [0, 1.0, 0, 0], [1.0, 0, 0, 0], [0, 0, 0, 1.0]]))


def slab(start, stop):
    voxels = np.zeros(GRID.shape, bool)
    voxels[:, :, start:stop] = True
    return Mask(GRID, voxels)


def ball(k):
    voxels = np.zeros(GRID.shape, bool)
    voxels[18:23, 18:23, k - 2 : k + 3] = True
    return Mask(GRID, voxels)


LEFT, RIGHT = Bone("vertebra-1", "vertebra", slab(0, 28)), Bone("vertebra-2", "vertebra", slab(32, 60))
ALL = Mask(GRID, LEFT.mask.voxels | RIGHT.mask.voxels)


@pytest.mark.parametrize(
    ("middle", "own"), [(15, ("vertebra-1",)), (45, ("vertebra-2",)), (29, ("vertebra-1", "vertebra-2"))]
)
def test_a_target_lies_in_the_bone_that_holds_it(middle, own):
    assert set(own_bones(ball(middle), (LEFT, RIGHT)) or ()) == set(own)


def test_a_target_in_no_told_bone_has_none():
    assert own_bones(ball(15), (RIGHT,)) is None
    assert own_bones(ball(15), ()) is None


def test_distance_is_measured_from_the_others_surface():
    box = distance_from_others(ball(15), ALL, (LEFT, RIGHT), ("vertebra-1",))
    at = lambda z, y, x: box.distance[z - box.corner[0], y - box.corner[1], x - box.corner[2]]  # noqa: E731
    assert at(20, 20, 20) == pytest.approx((32 - 20) * 0.8 - 0.45, abs=0.1)
    assert at(20, 20, 34) < 0


def test_no_other_bone_is_far():
    box = distance_from_others(ball(15), LEFT.mask, (LEFT,), ("vertebra-1",))
    assert (box.distance == FAR_MM).all()


def test_bone_that_was_not_told_apart_counts_as_anothers_beyond_a_seam():
    box = distance_from_others(ball(15), ALL, (LEFT,), ("vertebra-1",))
    assert box.distance[20, 20, 36] < 0
    seam = distance_from_others(ball(15), slab(0, 30), (LEFT,), ("vertebra-1",))
    assert (seam.distance == FAR_MM).all()
