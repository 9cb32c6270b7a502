"""What hides an endplate: streaks and bloom, the end of the scan; and what does not."""

import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.hidden_plates import hidden_places, is_hidden

SHAPE = (40, 20, 20)
GRID = Grid(SHAPE, np.array([[0, 0, 0.8, 0], [0, 0.8, 0, 0], [0.8, 0, 0, 0], [0, 0, 0, 1.0]]))
UP = np.array([0.0, 0.0, 1.0])
TOP = np.array([[8.0, 8.0, 16.0]])


def hidden(*, beyond_hu=80.0, metal_at=(2, 10, 10), label_above=0, unmeasured=False):
    """A body up to 16 mm, and what lies above it."""
    hu = np.full(SHAPE, 300.0, dtype=np.float32)
    hu[21:] = beyond_hu
    labels = np.ones(SHAPE, dtype=np.int16)
    labels[21:] = label_above
    metal = np.zeros(SHAPE, dtype=bool)
    if metal_at is not None:
        metal[metal_at] = True
    padding = np.zeros(SHAPE, dtype=bool)
    padding[21:] = unmeasured
    places = hidden_places(Volume(GRID, hu, padding), Mask(GRID, metal), labels)
    return bool(is_hidden(places, GRID, TOP, UP)[0])


def test_a_disc_and_fat_hide_nothing():
    assert not hidden(beyond_hu=80.0)
    assert not hidden(beyond_hu=-100.0)


@pytest.mark.parametrize("beyond_hu", [-600.0, 1200.0])
def test_streaks_near_metal_hide_where_bone_ends(beyond_hu):
    assert hidden(beyond_hu=beyond_hu)


def test_gas_far_from_metal_and_bone_of_the_next_level_hide_nothing():
    assert not hidden(beyond_hu=-600.0, metal_at=None)
    assert not hidden(beyond_hu=500.0, label_above=2)


def test_bloom_and_the_end_of_the_scan_hide_it():
    assert hidden(metal_at=(23, 10, 10))
    assert hidden(unmeasured=True)
    free = np.zeros(SHAPE, dtype=bool)
    assert is_hidden(free, GRID, np.array([[8.0, 8.0, 31.0], [8.0, 8.0, np.nan]]), UP).all()
    assert not is_hidden(free, GRID, TOP, UP).any()
