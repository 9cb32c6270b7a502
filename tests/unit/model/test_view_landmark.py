"""Landmarks hold together, or are refused."""

import numpy as np
import pytest

from planner.geometry.frames import points_lps
from planner.model.view_landmark import ViewLandmark

AT, OUT = points_lps([[0.0, 0.0, 1.0], [0.0, 0.0, 2.0], [0.0, 0.0, 3.0]]), np.tile([1.0, 0.0, 0.0], (3, 1))


def made(at=AT, out=OUT, parts=(0, 1, 1)):
    return ViewLandmark("pedicle ring", "vertebra-1", None, "left", at, out, np.array(parts, dtype=np.intp))


def test_stretches_are_counted():
    assert made().part_count == 2
    assert made(out=None, parts=(0, 0, 0)).part_count == 1


def test_a_landmark_without_a_place_is_none():
    with pytest.raises(ValueError, match="not measured"):
        made(points_lps(np.zeros((0, 3))), np.zeros((0, 3)), ())


@pytest.mark.parametrize("parts", [(0, 2, 2), (1, 1, 1), (-1, 0, 1), (0, 1)])
def test_stretches_that_leave_a_number_out_are_refused(parts):
    with pytest.raises(ValueError, match="from 0 on"):
        made(parts=parts)


def test_every_place_needs_a_normal():
    with pytest.raises(ValueError, match="as many normals"):
        made(out=OUT[:2])
