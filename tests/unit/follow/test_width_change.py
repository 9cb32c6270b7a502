"""Growth of a gap's wall between two scans of other spacing, kernel and place, against what was drawn."""

import numpy as np
import pytest

from planner.follow.width_change import followed_widths, width_changes
from tests.unit.follow.loose_bar import Scene, pair_of

WIDE = Scene(width_mm=2.8)


def _change(before, after, **told):
    pair, cement = pair_of(before, after, **told)
    ((change, _),) = followed_widths(pair, new_cement=cement)
    return change


@pytest.mark.parametrize("shift_mm", [0.0, 1.0])
@pytest.mark.parametrize("grown_mm", [0.0, 0.5, 1.5])
def test_growth_is_the_walls_whatever_the_implant_did(grown_mm, shift_mm) -> None:
    change = _change(WIDE, Scene(width_mm=2.8 + grown_mm, shift_lps=(shift_mm, 0.0, 0.0)), blind=True)
    assert change.growth_mm == pytest.approx(grown_mm, abs=0.15)
    assert change.grown is (grown_mm > 0.0)
    assert change.limit_mm < 0.4


def test_cement_in_half_of_the_gap_leaves_the_rest_to_be_read() -> None:
    change = _change(WIDE, Scene(width_mm=3.3, cement="left"), blind=True)
    assert change.growth_mm == pytest.approx(0.5, abs=0.15)
    assert change.read_share < 0.5


def test_a_filled_gap_is_not_read() -> None:
    change = _change(WIDE, Scene(width_mm=3.3, cement="all"))
    assert change.growth_mm is None and change.grown is None
    assert "cement" in change.reason


def test_a_filled_gap_is_not_read_where_nobody_told_of_cement() -> None:
    pair, _ = pair_of(WIDE, Scene(width_mm=2.8, cement="all"))
    (change,) = width_changes(pair, new_cement=None)
    assert change.growth_mm is None and change.grown is None


def test_growth_on_one_side_is_on_that_side() -> None:
    pair, _ = pair_of(WIDE, Scene(width_mm=2.8, more_left_mm=1.5), blind=True)
    ((change, drawn),) = followed_widths(pair, new_cement=None)
    looks = np.stack([pair.early.maps[0].looks_lps(turn) for turn in drawn.round_deg])
    left, right = looks[:, 0] > 0.4, looks[:, 0] < -0.4
    assert np.nanmedian(drawn.difference_mm[:, left]) == pytest.approx(1.5, abs=0.2)
    assert np.nanmedian(drawn.difference_mm[:, right]) == pytest.approx(0.0, abs=0.2)
    assert change.grown is True


def test_a_narrow_gap_is_told_by_the_two_maps() -> None:
    change = _change(Scene(width_mm=1.2), Scene(width_mm=1.7, shift_lps=(1.0, 0.0, 0.0)))
    assert change.growth_mm == pytest.approx(0.5, abs=0.15)


def test_a_firm_implant_did_not_loosen() -> None:
    change = _change(Scene(width_mm=0.0), Scene(width_mm=0.0))
    assert change.growth_mm == 0.0 and change.grown is False and change.new_gap_mm2 == 0.0


def test_a_new_gap_has_its_area() -> None:
    change = _change(Scene(width_mm=0.0), Scene(width_mm=1.2))
    assert change.grown is True
    # of the bar, over the map's 23 mm
    assert change.new_gap_mm2 == pytest.approx(2.0 * np.pi * 3.0 * 23.0, rel=0.1)


def test_a_firm_implant_whose_later_map_is_blind_is_not_told() -> None:
    change = _change(Scene(width_mm=0.0), Scene(width_mm=0.0), blind=True)
    assert change.growth_mm is None and change.grown is None and change.new_gap_mm2 is None
    assert change.reason


def test_a_bone_that_was_not_registered_tells_nothing() -> None:
    change = _change(WIDE, Scene(width_mm=3.3), registered=False)
    assert change.growth_mm is None and change.grown is None
    assert "registered" in change.reason
