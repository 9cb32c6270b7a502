"""Entries into bone are counted along the whole way, and not told where one may be missed."""

import numpy as np
import pytest

from planner.needles.account.bone_crossings import bone_crossings
from planner.needles.catalogue import needle_named
from planner.needles.check import check_trajectory

# the arch lies behind the canal from y 20 to 28, the body before it from y 8 on
BEHIND, BEFORE = (0.0, 60.0, 0.0), (0.0, -12.0, 0.0)


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ((BEHIND, BEFORE), 2),
        ((BEHIND, (0.0, 24.0, 0.0)), 1),
        ((BEHIND, (0.0, 14.0, 0.0), BEFORE), 2),
        (((12.0, 60.0, 0.0), (12.0, -12.0, 0.0)), 1),
        ((BEHIND, (0.0, 40.0, 0.0)), 0),
        (((0.0, 24.0, 0.0), BEFORE), None),
        (((0.0, 400.0, 0.0), BEFORE), None),
    ],
)
def test_entries_are_counted(scene, path, count):
    assert bone_crossings(scene.fields, tuple(np.array(p) for p in path)) == count


def test_ones_own_needle_through_the_canal_enters_bone_twice(scene):
    through = check_trajectory(scene, entry_lps=BEHIND, target_lps=(0.0, -12.0, 0.0), needle=needle_named("15G"))
    beside = check_trajectory(
        scene, entry_lps=(12.0, 60.0, 0.0), target_lps=(12.0, -12.0, 0.0), needle=needle_named("15G")
    )
    assert through.trajectory.cortical_crossings == 2
    assert beside.trajectory.cortical_crossings == 1
