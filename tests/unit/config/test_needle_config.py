import pytest
from pydantic import ValidationError

from planner.config.gantry import GantryLimits
from planner.config.needle_config import NeedleConfig


def test_gantry_limits_say_yes_and_no():
    gantry = GantryLimits()
    assert gantry.reaches(0.0, 0.0) and not gantry.reaches(150.0, 0.0) and not gantry.reaches(0.0, 60.0)


@pytest.mark.parametrize("wrong", [{"canal_margin_mm": -1}, {"canal_margin": 1}, {"approaches": ["anterior"]}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        NeedleConfig(**wrong)


def test_reversed_gantry_limits_are_refused():
    with pytest.raises(ValidationError, match="below its greatest"):
        GantryLimits(primary_min_deg=10.0, primary_max_deg=-10.0)
