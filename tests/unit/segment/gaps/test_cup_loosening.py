"""A cup's grade by its zones."""

import pytest

from planner.config.hip_config import HipGapConfig
from planner.segment.gaps.cup_loosening import cup_loosening


@pytest.mark.parametrize(
    ("zones", "share", "trust", "call"),
    [
        ((0.9, 0.8, 0.6), 0.8, 0.9, "probable"),
        ((0.9, 0.8, 0.1), 0.4, 0.9, "possible"),
        ((0.9, 0.4, 0.4), 0.6, 0.9, "possible"),
        ((0.9, 0.1, 0.0), 0.3, 0.9, "none"),
        ((0.0, 0.0, None), 0.0, 0.9, None),
        ((0.9, 0.8, None), 0.8, 0.9, "possible"),
        ((0.9, 0.8, 0.6), 0.8, 0.1, None),
        ((None, None, None), None, 0.9, None),
    ],
)
def test_zones_decide(zones, share, trust, call):
    assert cup_loosening(zones, lucent_share=share, trust=trust, config=HipGapConfig()) == call
