import numpy as np
import pytest

from planner.config.vertebra_config import LevelConfig
from planner.segment.anatomy.disc_choice import choose_discs

USUAL = np.full(240, 34.0)


def evidence(*discs, length=240):
    """Peaks of evidence 6 mm wide."""
    at = np.arange(length)
    return np.max([height * np.exp(-(((at - k) / 3.0) ** 2)) for k, height in discs], axis=0)


def places(found):
    return [k for k, _ in found]


def test_even_discs_are_found_where_they_are():
    found = choose_discs(evidence((40, 0.9), (74, 0.95), (108, 0.9), (142, 0.9), length=165), USUAL, LevelConfig())
    assert places(found) == [40, 74, 108, 142]
    assert found[0][1] == pytest.approx(0.85, abs=0.1)


def test_a_bridged_disc_is_put_between_its_neighbours():
    found = choose_discs(evidence((40, 0.9), (74, 0.9), (108, 0.12), (142, 0.9), length=165), USUAL, LevelConfig())
    assert places(found) == [40, 74, 108, 142]


def test_a_cleft_close_to_a_disc_is_none():
    found = choose_discs(evidence((40, 0.9), (74, 0.9), (84, 0.6), (108, 0.9), length=140), USUAL, LevelConfig())
    assert places(found) == [40, 74, 108]


def test_a_collapsed_body_keeps_both_its_discs():
    found = choose_discs(
        evidence((40, 0.9), (74, 0.9), (94, 0.9), (128, 0.9), (162, 0.9), length=190), USUAL, LevelConfig()
    )
    assert places(found) == [40, 74, 94, 128, 162]


def test_faint_dips_between_open_discs_are_none():
    found = choose_discs(
        evidence((40, 0.9), (57, 0.4), (74, 0.9), (91, 0.4), (108, 0.9), length=140), USUAL, LevelConfig()
    )
    assert places(found) == [40, 74, 108]


def test_nothing_is_found_without_evidence_or_room():
    assert choose_discs(np.zeros(240), USUAL, LevelConfig()) == []
    assert choose_discs(np.full(240, np.nan), USUAL, LevelConfig()) == []


def test_what_is_not_measured_holds_no_disc():
    seen = evidence((40, 0.9), (74, 0.9), (200, 0.9))
    seen[100:] = np.nan
    assert places(choose_discs(seen, USUAL, LevelConfig())) == [40, 74]


def test_two_bodies_at_the_top_of_the_scan_are_parted_by_the_faintest_disc():
    found = choose_discs(evidence((40, 0.9), (74, 0.9), (108, 0.15), length=145), USUAL, LevelConfig())
    assert places(found) == [40, 74, 108]


def test_below_the_lowest_disc_no_disc_is_called_for():
    found = choose_discs(evidence((80, 0.9), (114, 0.9), length=145), USUAL, LevelConfig())
    assert places(found) == [80, 114]
