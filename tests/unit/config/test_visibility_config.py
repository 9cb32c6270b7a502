"""Settings of what views show."""

import math

import pytest
from pydantic import ValidationError

from planner.config.visibility_config import HidingConfig, VisibilityConfig


def test_what_is_hidden_is_seen_less_than_what_is_visible():
    assert VisibilityConfig().hidden_share < VisibilityConfig().visible_share
    with pytest.raises(ValidationError, match="seen less"):
        VisibilityConfig(hidden_share=0.8, visible_share=0.8)


@pytest.mark.parametrize(
    "wrong", [{"profile_deg": 0.0}, {"profile_deg": 50.0}, {"target_points": 3}, {"map_step_deg": 0.1}, {"near": 5.0}]
)
def test_settings_out_of_range_or_misspelt_are_refused(wrong):
    with pytest.raises(ValidationError):
        VisibilityConfig(**wrong)


def test_an_edge_of_no_size_is_refused():
    for wrong in ({"edge_bone_mm": 0.0}, {"edge_mm2": 0.0}, {"quanta_per_mm2": 0.0}, {"scatter_to_primary": -1.0}):
        with pytest.raises(ValidationError):
            HidingConfig(**wrong)


def test_the_limit_of_profile_and_the_edge_that_is_looked_for_belong_together():
    """A wall of 0.7 mm at the limit is as long for the beam as the edge whose hiding is reckoned."""
    config = VisibilityConfig()
    assert 0.7 / math.sin(math.radians(config.profile_deg)) == pytest.approx(config.hiding.edge_bone_mm, abs=0.1)
