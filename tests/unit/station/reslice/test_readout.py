"""What is said of a point."""

import numpy as np
import pytest

from planner.model.volume import Mask
from planner.station.reslice.readout import in_words, read_at
from tests.unit.report.conftest import make_plan
from tests.unit.station.slice_plans import MARKER_LPS, STORED, grid_of, labels_of, plan_of, scan_of


@pytest.mark.parametrize("stored", STORED)
def test_hu_are_the_voxels_own_from_any_storage(stored):
    scan = scan_of(stored)
    assert read_at(MARKER_LPS, scan=scan).hu == 2500.0
    assert read_at(-MARKER_LPS, scan=scan).hu == 40.0


def test_outside_of_the_ct_nothing_is_known():
    told = read_at((0.0, 0.0, 300.0), scan=scan_of(), labels=labels_of(grid_of()))
    assert (told.hu, told.structure, told.is_unreadable) == (None, None, None)
    assert in_words(told) == "LPS 0.0, 0.0, 300.0 mm · outside of the CT"
    assert read_at((0.0, 0.0, 0.0), scan=None).hu is None


def test_what_the_scanner_did_not_measure_has_no_hu():
    padding = np.ones(grid_of().shape, bool)
    assert read_at((0.0, 0.0, 0.0), scan=scan_of(padding=padding)).hu is None


def test_a_clipped_value_is_said_to_be_more():
    words = in_words(read_at(MARKER_LPS, scan=scan_of(clipped_at=2500.0)))
    assert words == "LPS 28.0, −22.0, 32.0 mm · 2500 HU or more"
    assert in_words(read_at((0.0, 0.0, 0.0), scan=scan_of(clipped_at=2500.0))).endswith("40 HU")


def test_structures_are_named():
    grid = grid_of()
    labels, scan = labels_of(grid), scan_of()
    plan = plan_of(scan)

    def name(*index):
        return read_at(grid.to_lps(index), scan=scan, labels=labels, plan=plan).structure

    assert (name(24, 28, 41), name(25, 30, 35), name(39, 49, 54)) == ("gap-1", "spinal canal", "vertebra-1")
    assert name(0, 0, 0) is None
    assert read_at((0.0, 0.0, 0.0), scan=scan).structure is None


def test_unreadable_tissue_is_said():
    grid = grid_of()
    voxels = np.zeros(grid.shape, bool)
    voxels[:25] = True
    unreadable = Mask(grid, voxels)
    low = read_at((0.0, 0.0, -20.0), scan=scan_of(), unreadable=unreadable)
    assert low.is_unreadable is True and in_words(low).endswith("unreadable by metal artefacts")
    assert read_at((0.0, 0.0, 20.0), scan=scan_of(), unreadable=unreadable).is_unreadable is False
    assert read_at((0.0, 0.0, 20.0), scan=scan_of()).is_unreadable is None


def test_where_it_is_not_known_what_is_unreadable_that_is_said():
    scan = scan_of()
    plan = make_plan()
    words = "not known where metal artefacts make the CT unreadable"
    assert plan.implants and in_words(read_at((0.0, 0.0, 20.0), scan=scan, plan=plan)).endswith(words)
    known = Mask(grid_of(), np.zeros(grid_of().shape, bool))
    for told in (
        read_at((0.0, 0.0, 20.0), scan=scan, plan=plan, unreadable=known),
        read_at((0.0, 0.0, 20.0), scan=scan, plan=plan.model_copy(update={"implants": ()})),
        read_at((0.0, 0.0, 20.0), scan=scan),
    ):
        assert "unreadable" not in in_words(told)
