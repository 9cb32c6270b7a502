"""Whether two loaded CTs are one: a wrong yes would lay one patient's plan over another."""

from dataclasses import replace

import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.model.plan import Series
from planner.model.scan import Scan
from planner.model.volume import Volume
from planner.station.keeping.same_ct import is_same_ct

GRID = Grid((3, 4, 5), np.diag([1.0, 1.0, 2.0, 1.0])[[2, 1, 0, 3]])


def scan_of(name="1.2.3", *, grid=GRID, more_hu=0):
    hu = np.arange(60, dtype=np.int16).reshape(grid.shape)
    hu[0, 0, 0] += more_hu
    series = Series(
        series_instance_uid=name, frame_of_reference_uid=None, shape_zyx=grid.shape, spacing_mm=(2.0, 1.0, 1.0),
        patient_position="HFS", hu_min=0.0, hu_max=59.0, hu_clipped_at=None,
    )  # fmt: skip
    return Scan(Volume(grid, hu), series)


def moved():
    matrix = GRID.lps_from_index.copy()
    matrix[0, 3] += 1.0
    return Grid(GRID.shape, matrix)


def flipped():
    matrix = GRID.lps_from_index.copy()
    matrix[:3, 3] += matrix[:3, 0] * 2
    matrix[:3, 0] *= -1
    return Grid(GRID.shape, matrix)


@pytest.mark.parametrize("name", ["1.2.3", None])
def test_what_was_loaded_twice_is_the_same(name):
    one = scan_of(name)
    assert is_same_ct(one, one) and is_same_ct(one, scan_of(name))
    assert is_same_ct(one, replace(one, display_alternative="1.2.9")), "what is offered beside it is no part of it"


@pytest.mark.parametrize(
    "other",
    [
        scan_of("1.2.4"),
        scan_of(None),
        scan_of(grid=moved()),
        scan_of(grid=flipped()),
        scan_of(more_hu=1),
    ],
    ids=["another series", "no series told", "elsewhere", "the other way round", "one voxel"],
)
def test_any_other_is_not(other):
    assert not is_same_ct(scan_of(), other) and not is_same_ct(other, scan_of())
