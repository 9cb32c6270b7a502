"""Which patches of an interface are one gap."""

import numpy as np

from planner.segment.gaps.hip_look import large_patches
from planner.segment.gaps.hip_spaces import linked


def test_parts_that_cells_between_them_join_are_one():
    owner = np.zeros((12, 16), dtype=np.int64)
    owner[2:4, 2:5], owner[8:10, 2:5], owner[5:7, 10:12] = 1, 2, 3
    bridge = np.zeros(owner.shape, dtype=bool)
    assert linked(owner, bridge, 3).tolist() == [0, 1, 2, 3]
    bridge[4:8, 3] = True
    assert linked(owner, bridge, 3).tolist() == [0, 1, 1, 3]


def test_parts_are_joined_over_the_seam_of_the_map_too():
    owner = np.zeros((12, 16), dtype=np.int64)
    owner[2:4, 0:2], owner[2:4, 14:16], owner[8:10, 5:7] = 2, 3, 1
    # a part that no cell looks into, as cavities may be, stays what it is
    assert linked(owner, np.zeros(owner.shape, dtype=bool), 4).tolist() == [0, 1, 2, 2, 4]


def test_the_two_ends_of_an_implant_do_not_meet():
    owner = np.zeros((12, 16), dtype=np.int64)
    owner[0, 0:2], owner[-1, 14:16] = 1, 2
    assert linked(owner, np.zeros(owner.shape, dtype=bool), 2).tolist() == [0, 1, 2]


def test_a_whole_interface_is_one_patch_to_its_ends():
    whole = np.ones((12, 16), dtype=bool)
    assert large_patches(whole, whole.astype(float), 100.0).all()


def test_a_patch_over_the_seam_counts_whole_and_a_small_one_is_noise():
    lucent = np.zeros((12, 16), dtype=bool)
    lucent[4:8, 0:2], lucent[4:8, 14:16], lucent[1, 7] = True, True, True
    kept = large_patches(lucent, np.ones(lucent.shape), 12.0)
    assert kept.sum() == 16 and not kept[1, 7]
    assert not large_patches(lucent, np.ones(lucent.shape), 17.0).any()
