"""Settings of the fluoroscopy that cannot be are refused."""

import pytest
from pydantic import ValidationError

from planner.config.fluoro_config import FluoroConfig
from planner.config.gantry import GantryLimits


@pytest.mark.parametrize(
    "change",
    [
        {"source_isocentre_mm": 1100.0},
        {"soft_tissue_hu": 400.0, "cortical_hu": 300.0},
        {"window_percent": (90.0, 10.0)},
        {"spectrum": ()},
        {"spectrum": ({"energy_kev": 10.0, "share": 1.0},)},
        {"pixel_mm": 0.0},
        {"metal_material": "wood"},
        {"pixle_mm": 0.2},
    ],
)
def test_impossible_settings_are_refused(change):
    with pytest.raises(ValidationError):
        FluoroConfig(**change)


def test_a_gantry_that_turns_backwards_is_refused():
    with pytest.raises(ValidationError):
        GantryLimits(primary_min_deg=20.0, primary_max_deg=10.0)


def test_defaults_are_a_mobile_carm():
    config = FluoroConfig()
    assert config.rows * config.pixel_mm == pytest.approx(1536 * 0.194, rel=1e-3)
