"""When cement is at a place on a wall: the nearest voxel's volume, None where it never comes."""

import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.model.arrival_map import ArrivalMap
from planner.pipeline.leak_paths import arrival_of


def course(gap_id):
    """Cement that comes from the first slice and never passes the fifth; 0.5 mm voxels, off the origin."""
    matrix = np.diag([0.5, 0.5, 0.5, 1.0])
    matrix[:3, 3] = 10.0
    injected = np.broadcast_to(np.arange(10.0)[:, None, None] * 0.1, (10, 6, 6)).astype(np.float32).copy()
    injected[5:] = np.inf
    return ArrivalMap(gap_id, Grid((10, 6, 6), matrix), injected)


def test_a_place_is_reached_with_the_first_voxel_beside_it():
    arrival = arrival_of([course("gap-1")])
    assert arrival("gap-1", (11.75, 11.0, 11.0)) == pytest.approx(0.2)
    # beyond the last reached slice, but beside it
    assert arrival("gap-1", (12.6, 11.0, 11.0)) == pytest.approx(0.4)


def test_never_and_unknown_are_none():
    arrival = arrival_of([course("gap-1")])
    assert arrival("gap-1", (14.0, 11.0, 11.0)) is None
    assert arrival("gap-1", (90.0, 11.0, 11.0)) is None
    assert arrival("gap-2", (11.0, 11.0, 11.0)) is None
