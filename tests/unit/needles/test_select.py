from types import SimpleNamespace

import numpy as np
import pytest

from planner.config.needle_config import NeedleConfig
from planner.needles.select import choose, reachable_ml, spaced

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


def way(target_x, *, approach="transpedicular", narrow=(), within=True):
    return SimpleNamespace(
        approach=approach,
        zones=(),
        target_lps=(target_x, 0.0, 0.0),
        margins_reduced=narrow,
        bulls_eye=SimpleNamespace(within_gantry_limits=within),
        model_copy=lambda update, x=target_x: (x, update["rank"]),
    )


def picks(*scored, per_gap=5):
    return [x for x, _ in choose(scored, config=NeedleConfig(per_gap=per_gap))]


def test_each_kind_of_way_has_its_best_in_the_list():
    beside = [("beside the screw", 0.9 - 0.01 * k, way(30.0 * k)) for k in range(5)]
    along = ("along the screw", 0.3, way(1.0))
    past = [("juxtapedicular", 0.4, way(2.0, approach="extrapedicular"))]
    past.append(("posterolateral", 0.2, way(3.0, approach="extrapedicular")))
    found = picks(*beside, along, *past)
    assert found == [0.0, 30.0, 60.0, 2.0, 1.0]


def test_narrow_ways_come_last_and_take_only_what_is_left():
    narrow = [("along the screw", 0.9 - 0.01 * k, way(100.0 + k, narrow=("metal",))) for k in range(5)]
    wide = [("beside the screw", 0.5 - 0.01 * k, way(30.0 * k)) for k in range(6)]
    assert picks(*narrow, *wide) == [0.0, 30.0, 60.0, 90.0, 100.0]
    assert picks(*narrow, *wide[:2])[:3] == [0.0, 30.0, 100.0]
    assert len(picks(*narrow, *wide[:2])) == 5


def test_what_the_gantry_cannot_look_along_comes_after_what_it_can():
    assert picks(("along the screw", 0.9, way(1.0, within=False)), ("beside the screw", 0.3, way(2.0))) == [2.0, 1.0]
