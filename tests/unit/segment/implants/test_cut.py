"""Where metal runs out of the scan."""

import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.segment.implants.cut import is_at_padding, runs_out

SHAPE = (10, 12, 14)
GRID = Grid(SHAPE, np.diag([1.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]])


def _volume(padding=None):
    return Volume(GRID, np.zeros(SHAPE, dtype=np.int16), padding)


def _box(start, stop):
    voxels = np.zeros(SHAPE, dtype=bool)
    voxels[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = True
    return voxels


@pytest.mark.parametrize(
    ("start", "stop", "cut"),
    [
        ((3, 3, 3), (6, 6, 6), False),
        ((0, 3, 3), (6, 6, 6), True),
        ((3, 3, 3), (6, 12, 6), True),
        ((3, 3, 3), (6, 6, 14), True),
        ((1, 1, 1), (9, 11, 13), False),
        ((3, 3, 3), (3, 3, 3), False),
    ],
)
def test_metal_at_the_first_and_last_voxels_runs_out(start, stop, cut):
    assert runs_out(_volume(), _box(start, stop)) is cut


@pytest.mark.parametrize(("stop", "cut"), [(6, False), (8, True), (9, True)])
def test_metal_beside_padding_runs_out(stop, cut):
    padding = np.zeros(SHAPE, dtype=bool)
    padding[:, 9:] = True
    assert runs_out(_volume(padding), _box((3, 3, 3), (6, stop, 6))) is cut


def test_places_beside_padding():
    padding = np.zeros(SHAPE, dtype=bool)
    padding[:, 9:] = True
    near, far = np.array([[5.0, 7.0, 5.0]]), np.array([[5.0, 4.0, 5.0]])
    assert is_at_padding(_volume(padding), near, reach_mm=2.0)
    assert not is_at_padding(_volume(padding), far, reach_mm=2.0)
    assert not is_at_padding(_volume(), near, reach_mm=2.0)
    assert not is_at_padding(_volume(padding), np.empty((0, 3)), reach_mm=2.0)
