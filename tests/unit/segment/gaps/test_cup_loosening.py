"""The grade of a cup by its lucent zones."""

import pytest

from planner.config.hip_config import HipGapConfig
from planner.segment.gaps.cup_loosening import cup_loosening

CONFIG = HipGapConfig()


def call(*shares, whole=0.3, trust=1.0):
    return cup_loosening(shares, lucent_share=whole, trust=trust, config=CONFIG)


@pytest.mark.parametrize(
    ("shares", "whole", "expected"),
    [
        ((0.9, 0.6, 0.7), 0.7, "probable"),
        ((0.9, 0.6, 0.1), 0.4, "possible"),
        ((0.9, 0.1, 0.1), 0.3, "none"),
        ((0.9, 0.2, 0.2), 0.5, "possible"),
        ((0.0, 0.0, 0.0), 0.0, "none"),
    ],
)
def test_lines_over_all_zones_make_loosening_probable(shares, whole, expected):
    assert call(*shares, whole=whole) == expected


def test_a_zone_outside_the_scan_leaves_it_unknown_unless_the_others_decide():
    assert call(0.1, None, 0.1) is None
    assert call(0.9, None, 0.9) == "possible"
    assert call(0.9, None, 0.9, whole=0.95) == "possible", "never probable with a zone unseen"


def test_nothing_is_said_of_what_cannot_be_read():
    assert call(0.9, 0.9, 0.9, trust=CONFIG.least_trust - 0.01) is None
    assert cup_loosening((0.9, 0.9, 0.9), lucent_share=None, trust=1.0, config=CONFIG) is None
