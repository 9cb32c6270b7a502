"""Numbers and names as the report writes them."""

import pytest

from planner.config.gantry import GantryLimits
from planner.model.carm import BullsEye
from planner.report import words


def test_no_negative_zero():
    assert words.number(-0.03, "mm") == "0.0\u202fmm"
    assert words.number(-0.06, "mm") == "−0.1\u202fmm"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1 / 3, "1", "33\u202f%"), (0.7034, "1", "70\u202f%"), (3071.4, "HU", "3071\u202fHU"),
        (2.547, "mm", "2.55\u202fmm"), (-0.0, None, "0"), (4.0, None, "4"),
    ],
)  # fmt: skip
def test_a_number_of_unknown_size(value, unit, text):
    assert words.general(value, unit) == text


def test_what_was_not_measured_is_said():
    assert words.general(None, "1") == words.NOT_MEASURED == words.number(None)


def test_what_to_have_at_hand_is_never_rounded_down():
    assert [words.upwards(ml) for ml in (1.94, 1.9, 1.9000001, 2.3 - 0.4, 0.01, 0.0)] == [
        "2.0", "1.9", "1.9", "1.9", "0.1", "0.0"
    ]  # fmt: skip


def test_a_needle_by_its_name():
    assert words.needle("15G") == "15G"
    assert words.needle("hip 3.2") == "3.2\u202fmm hip needle"


def test_the_view_along_a_screw_and_whether_the_gantry_reaches_it():
    seen = words.along(BullsEye(primary_deg=168.0, secondary_deg=6.0), "HFP", GantryLimits())
    assert (seen.console_primary_deg, seen.console_secondary_deg) == pytest.approx((-12.0, 6.0))
    assert seen.within_gantry_limits
    far = words.along(BullsEye(primary_deg=168.0, secondary_deg=84.0), "HFP", GantryLimits())
    assert not far.within_gantry_limits
