import numpy as np
import pytest

from planner.segment.anatomy.levels import BodyExtent, DiscPlane, SpineLevels
from planner.segment.anatomy.territory import Places, is_midline, is_sacral, lamina_levels, territory_of

HALF, DEEP = 20.0, 32.0
DISCS = (80.0, 46.0)
LEVELS = SpineLevels(
    tuple(DiscPlane(at, DEEP / 2, 0.0, 0.0, 0.9) for at in DISCS), tuple(BodyExtent(0.0, HALF, DEEP) for _ in range(3))
)


def places(along, before, left):
    """Give places; the canal is 16 mm deep and 24 wide."""
    along, before, left = (np.atleast_1d(np.asarray(v, dtype=float)) for v in np.broadcast_arrays(along, before, left))
    above = np.stack([along - at for at in DISCS], axis=1)
    return Places(before, left, above, 1 + np.count_nonzero(above <= 0, axis=1), np.abs(left) - 12.0, -before - 16.0)


def one(along, before, left, *, sacrum=None):
    land = territory_of(places(along, before, left), LEVELS, sacrum=sacrum)
    return int(land.seeds[0]), int(land.first[0]), int(land.last[0]), bool(land.open_to[0])


@pytest.mark.parametrize(("along", "level"), [(100.0, 1), (63.0, 2), (30.0, 3)])
def test_the_core_of_a_body_and_its_pedicle_are_its_own(along, level):
    assert one(along, 16.0, 0.0) == (level, level, level, False)
    assert one(along, -3.0, 14.0)[:3] == (level, level, level)


def test_near_a_disc_nothing_is_sure_but_the_side_is():
    assert one(81.0, 16.0, 0.0)[:3] == (0, 1, 1)
    assert one(79.0, 16.0, 0.0)[:3] == (0, 2, 2)


def test_arches_reach_down_but_hardly_up():
    # behind the canal, in the midline, a little above the upper disc: not of the body below it
    assert one(90.0, -30.0, 0.0)[1:3] == (1, 1)
    # half a level below it: a spinous process of the body above, or the body's own
    assert one(63.0, -30.0, 0.0)[1:3] == (1, 2)
    # articular processes reach further up than laminae
    assert one(90.0, -26.0, 18.0)[1:3] == (1, 2)


def test_far_to_the_side_bone_is_no_vertebra():
    seeds, _, _, open_to = one(63.0, -10.0, 60.0)
    assert seeds == 4
    assert open_to


def test_the_sacrum_keeps_its_wings():
    assert one(30.0, 10.0, 33.0)[0] == 0
    assert one(30.0, 10.0, 33.0, sacrum=3)[0] == 3
    assert one(30.0, 10.0, 70.0, sacrum=3)[0] == 4


def wings(*, present):
    along, before, left = (v.ravel() for v in np.mgrid[15:46:1.0, 0:32:1.0, -50:51:1.0])
    bone = np.abs(left) < (45.0 if present else 22.0)
    return places(along[bone], before[bone], left[bone])


def test_a_body_with_wings_is_the_sacrum():
    assert is_sacral(wings(present=True), 3, HALF, DEEP, 1.0)
    assert not is_sacral(wings(present=False), 3, HALF, DEEP, 1.0)


def lamina(low, high):
    along, before, left = (v.ravel() for v in np.mgrid[low:high:1.0, -22:-16:1.0, -4:5:1.0])
    return places(along, before, left)


def test_a_lamina_is_that_of_the_body_before_its_lower_half():
    found = lamina(50.0, 64.0)
    assert set(lamina_levels(found, LEVELS, np.ones(len(found.level), dtype=np.intp))) == {2}


def test_laminae_that_are_joined_are_told_only_where_each_is_sure():
    found = lamina(50.0, 98.0)
    levels = lamina_levels(found, LEVELS, np.ones(len(found.level), dtype=np.intp))
    assert set(levels) == {0, 1, 2}
    sure = found.above[levels == 1, 0]
    assert sure.min() > 0
    assert sure.max() < 34.0


def test_bone_in_front_of_the_canal_is_not_in_the_midline():
    assert is_midline(places(60.0, -20.0, 1.0))[0]
    assert not is_midline(places(60.0, 5.0, 1.0))[0]
    assert not is_midline(places(60.0, -20.0, 12.0))[0]
