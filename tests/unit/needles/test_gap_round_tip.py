"""How full of gap the surroundings of a tip are."""

import numpy as np
import pytest

from planner.needles.family_search import _gap_round


def test_a_gap_s_end_is_less_full_than_its_middle():
    axis = np.arange(-10.0, 10.5, 0.5)
    points = np.stack(np.meshgrid(np.arange(-2, 2.5, 0.5), np.arange(-2, 2.5, 0.5), axis, indexing="ij"), axis=-1)
    middle, end, outside = _gap_round(points.reshape(-1, 3), np.array([[0, 0, 0], [0, 0, 10], [0, 0, 30.0]]))
    assert middle == pytest.approx(1.0, abs=0.05)
    assert 0.4 < end < 0.7
    assert outside == 0.0
