import numpy as np
import pytest

from planner.needles.select import reachable_ml, spaced

TIPS = np.array([[0.0, 0, 0], [1.0, 0, 0], [30.0, 0, 0]])


def test_a_tip_on_new_ground_beats_a_slightly_better_neighbour():
    assert spaced(np.array([0.9, 0.89, 0.7]), TIPS, count=2, reach_mm=15.0) == [0, 2]


def test_new_ground_does_not_save_a_poor_needle():
    assert spaced(np.array([0.9, 0.89, 0.3]), TIPS, count=2, reach_mm=15.0) == [0, 1]


def test_no_more_than_there_are():
    assert spaced(np.array([0.9]), TIPS[:1], count=5, reach_mm=15.0) == [0]


def test_reach_counts_voxels_near_the_tip():
    gap = np.array([[0.0, 0, 0], [10.0, 0, 0], [40.0, 0, 0]])
    assert reachable_ml(TIPS, gap, reach_mm=12.0, voxel_ml=0.5) == pytest.approx([1.0, 1.0, 0.5])
