"""The skin point as seen from what can be felt."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from planner.geometry.frames import points_lps
from planner.model.bones import Landmark
from planner.model.volume import Mask
from planner.needles.account.describe import crossings, landmark, soft_crossings

SKIN = np.array([90.0, -20.0, 10.0])
TIPS = (
    Landmark("trochanter tip", "femur-left", points_lps([80.0, 5.0, 20.0]), "left"),
    Landmark("trochanter tip", "femur-right", points_lps([-80.0, 5.0, 20.0]), "right"),
    Landmark("lesser trochanter", "femur-left", points_lps([89.0, -20.0, 10.0]), "left"),
)


def at_hip() -> SimpleNamespace:
    return SimpleNamespace(pedicle=None)


def test_at_the_hip_the_skin_is_seen_from_the_nearest_trochanters_tip():
    seen = landmark(at_hip(), SKIN, TIPS)
    assert seen is not None
    assert seen.name == "trochanter tip"
    assert seen.offset_mm == pytest.approx((10.0, -25.0, -10.0))


def test_at_the_spine_it_is_seen_from_the_midline():
    target = SimpleNamespace(pedicle=SimpleNamespace(middle_lps=np.array([4.0, 0.0, 0.0])))
    seen = landmark(target, SKIN, TIPS)
    assert seen is not None
    assert seen.name == "midline"
    assert seen.offset_mm == pytest.approx((86.0, 0.0, 0.0))


def test_without_a_landmark_or_a_skin_there_is_none():
    assert landmark(at_hip(), SKIN, TIPS[2:]) is None
    assert landmark(at_hip(), None, TIPS) is None


def test_muscle_and_fat_on_the_way_are_told_where_enough_of_it_is(vertebra):
    _, y, _ = np.moveaxis(np.asarray(vertebra.grid.to_lps(np.moveaxis(np.indices(vertebra.grid.shape), 0, -1))), -1, 0)
    muscle, fat = Mask(vertebra.grid, y < 45.0), Mask(vertebra.grid, y >= 45.0)
    bone, skin = np.array([10.0, 30.0, 0.0]), np.array([10.0, 60.0, 0.0])
    told = soft_crossings(replace(vertebra, muscle=muscle, fat=fat), bone, skin)
    assert {c.structure: c.length_mm for c in told} == pytest.approx({"muscle": 15.0, "fat": 15.0}, abs=1.0)
    whole = crossings(40.0, 10.0, soft=told)
    assert [c.structure for c in whole] == ["soft tissue", "muscle", "fat", "bone"]
    assert whole[0].length_mm == pytest.approx(30.0)


def test_muscle_and_fat_are_not_told_where_too_little_is_known(vertebra):
    none = Mask(vertebra.grid, np.zeros(vertebra.grid.shape, dtype=bool))
    bone, skin = np.array([10.0, 30.0, 0.0]), np.array([10.0, 60.0, 0.0])
    assert soft_crossings(replace(vertebra, muscle=none, fat=none), bone, skin) == ()
    assert soft_crossings(vertebra, bone, skin) == ()
    assert soft_crossings(replace(vertebra, muscle=none, fat=none), bone, None) == ()
