"""What a needle crosses."""

from dataclasses import replace

import numpy as np
import pytest

from planner.model.volume import Mask
from planner.needles.account.describe import crossings, soft_crossings


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
