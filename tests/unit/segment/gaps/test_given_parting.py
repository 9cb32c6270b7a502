"""A mask's voxels go to the gap and the implant that they belong to."""

import numpy as np
import pytest

from planner.config.given_gap_config import GivenGapConfig
from planner.geometry.grid import Grid
from planner.model.volume import Mask
from planner.segment.gaps.given_parting import part_mask

SHAPE = (20, 40, 60)
GRID = Grid(SHAPE, np.array([[0, 0, 1.0, 0], [0, 1.0, 0, 0], [1.0, 0, 0, 0], [0, 0, 0, 1]]))


def box(low, high, at=(5, 15, 15, 25)):
    """A box from column `low` to `high`."""
    out = np.zeros(SHAPE, dtype=bool)
    out[at[0] : at[1], at[2] : at[3], low:high] = True
    return out


SCREWS = [("screw-1", Mask(GRID, box(10, 14))), ("screw-2", Mask(GRID, box(40, 44)))]


def parted(codes, owner, gap_implants=(), implants=SCREWS):
    return part_mask(
        codes.astype(int), owner.astype(int), gap_implants=list(gap_implants), implants=implants, grid=GRID,
        config=GivenGapConfig(),
    )  # fmt: skip


def test_an_unedited_gap_stays_with_its_measurement():
    own = box(14, 17)
    parts, slips = parted(own * 9, own * 1, ["screw-1"])
    assert [(p.gap, p.implant_id) for p in parts] == [(1, "screw-1")] and slips == 0.0
    assert np.array_equal(parts[0].voxels, own)


def test_what_was_added_to_a_gap_goes_with_it_and_what_was_erased_is_missing():
    own = box(14, 17)
    given = box(14, 20) & ~box(14, 17, (5, 10, 15, 25))
    parts, _ = parted(given * 9, own * 1, ["screw-1"])
    assert len(parts) == 1 and np.array_equal(parts[0].voxels, given)


def test_an_erased_gap_has_no_part():
    assert parted(np.zeros(SHAPE), box(14, 17) * 1, ["screw-1"]) == ((), 0.0)


def test_a_new_space_belongs_to_the_implant_that_it_touches():
    parts, _ = parted(box(44, 47) * 1, np.zeros(SHAPE))
    assert [(p.gap, p.implant_id) for p in parts] == [(0, "screw-2")]


def test_a_space_far_from_all_implants_belongs_to_none():
    parts, _ = parted(box(24, 30) * 1, np.zeros(SHAPE))
    assert [(p.gap, p.implant_id) for p in parts] == [(0, None)]
    parts, _ = parted(box(24, 30) * 1, np.zeros(SHAPE), implants=[])
    assert [(p.gap, p.implant_id) for p in parts] == [(0, None)]


def test_a_space_between_two_implants_is_shared_but_not_in_slivers():
    parts, _ = parted(box(14, 40) * 1, np.zeros(SHAPE))
    assert [(p.implant_id, int(p.voxels.sum())) for p in parts] == [("screw-1", 1300), ("screw-2", 1300)]
    parts, _ = parted(box(14, 28) * 1, np.zeros(SHAPE))
    assert [(p.implant_id, int(p.voxels.sum())) for p in parts] == [("screw-1", 1400)]


def test_a_gap_that_grew_to_the_next_screw_gives_that_one_its_share():
    own = box(14, 17)
    parts, _ = parted(box(14, 40) * 1, own * 1, ["screw-1"])
    assert [(p.gap, p.implant_id) for p in parts] == [(1, "screw-1"), (0, "screw-2")]
    parts, _ = parted(box(14, 34) * 1, own * 1, ["screw-1"])  # nearer to the other, and not beside it
    assert [(p.gap, p.implant_id) for p in parts] == [(1, "screw-1")]


def test_a_cleft_without_an_implant_stays_one():
    own = box(24, 30)
    parts, _ = parted(box(22, 32) * 1, own * 1, [None])
    assert [(p.gap, p.implant_id, int(p.voxels.sum())) for p in parts] == [(1, None, 1000)]


def test_two_labels_that_touch_are_two_new_spaces():
    parts, _ = parted(box(44, 46) * 1 + box(46, 49) * 2, np.zeros(SHAPE))
    assert [p.implant_id for p in parts] == ["screw-2", "screw-2"]


def test_slips_of_the_brush_are_left_out_and_counted():
    parts, slips = parted(box(44, 46, (5, 7, 15, 17)) * 1, np.zeros(SHAPE))
    assert parts == () and slips == pytest.approx(0.008)
