"""Numbers are named only where their convention can be told."""

import numpy as np
import pytest

from planner.errors import LabelError
from planner.io.anatomy_labels import load_labels


@pytest.mark.parametrize(
    ("upwards", "names"),
    [
        ((27, 28, 29, 30), {"vertebra L5", "vertebra L4", "vertebra L3", "vertebra L2"}),
        ((24, 23, 22, 21), {"vertebra L5", "vertebra L4", "vertebra L3", "vertebra L2"}),
        ((18, 19, 20, 21), {"vertebra L5", "vertebra L4", "vertebra L3", "vertebra L2"}),
        ((26, 24, 23, 22), {"sacrum", "vertebra L5", "vertebra L4", "vertebra L3"}),
    ],
    ids=["TotalSegmentator", "VerSe", "TotalSegmentator 1", "VerSe with sacrum"],
)
def test_the_order_in_the_patient_tells_the_convention(write_numbers, upwards, names):
    assert set(load_labels(write_numbers(upwards)).names) == names


def test_each_level_lies_where_its_number_was(write_numbers):
    labels = load_labels(write_numbers((24, 23, 22)))
    heights = [np.argwhere(labels.mask(f"vertebra {level}").voxels)[:, 0].mean() for level in ("L5", "L4", "L3")]
    assert heights == pytest.approx([9.5, 26.5, 43.5])


@pytest.mark.parametrize(
    ("upwards", "why"),
    [
        ((41, 50, 43), "of no known convention"),
        ((23,), "fewer than two vertebrae"),
        ((200, 201), "of no known convention"),
    ],
)
def test_what_follows_no_convention_is_refused(write_numbers, upwards, why):
    with pytest.raises(LabelError, match=why):
        load_labels(write_numbers(upwards))


def test_what_follows_two_is_refused(write_numbers):
    # Small vertebrae 22 mm apart: T6 to T9 of one TotalSegmentator, C4 to C7 or so of the other.
    with pytest.raises(LabelError, match="several conventions"):
        load_labels(write_numbers((35, 36, 37, 38), pitch=11, height=3))


def test_names_in_the_header_come_before_numbers(write_numbers, with_table):
    path = with_table(write_numbers((5, 6, 9)), {5: "vertebrae_T9", 6: "vertebrae_T8", 9: "autochthon_left"})
    labels = load_labels(path)
    assert set(labels.names) == {"vertebra T9", "vertebra T8"}
    assert labels.kind == "NIfTI with names in its header"


def test_a_table_that_only_repeats_the_numbers_names_nothing(write_numbers, with_table):
    path = with_table(write_numbers((1, 2, 3)), {1: "L1", 2: "L2", 3: "L3"})
    with pytest.raises(LabelError, match="of no known convention"):
        load_labels(path)
