"""Named C-arms: what they fill in, what is set beside them, and what they refuse."""

from typing import get_args

import pytest
from pydantic import ValidationError

from planner.config.fluoro_config import FluoroConfig
from planner.config.gantry import GantryLimits
from planner.config.gantry_profiles import GANTRY_PROFILES, GantryName, GantryProfile


def test_every_name_has_a_profile_that_says_where_it_is_from():
    assert set(GANTRY_PROFILES) == set(get_args(GantryName))
    assert all("source" in profile.source or "public" in profile.source for profile in GANTRY_PROFILES.values())


@pytest.mark.parametrize("name", GANTRY_PROFILES)
def test_a_named_carm_gives_angles_distances_and_detector(name):
    config, profile = FluoroConfig(gantry_profile=name), GANTRY_PROFILES[name]
    assert config.gantry == profile.limits
    assert config.source_isocentre_mm == profile.source_isocentre_mm < config.source_detector_mm
    # The picture is the whole panel, but for a rest that binning leaves.
    assert config.rows * config.pixel_mm == pytest.approx(profile.panel_rows * profile.panel_pixel_mm, rel=0.01)
    assert config.columns * config.pixel_mm == pytest.approx(profile.panel_columns * profile.panel_pixel_mm, rel=0.01)
    assert FluoroConfig.model_validate(config.model_dump()) == config


@pytest.mark.parametrize(
    ("name", "reached", "beyond"),
    [
        ("floor_stand", (-117, 50), (-90, 51)),
        ("biplane_frontal", (-90, 0), (-101, 0)),
        ("biplane_lateral", (90, 0), (0, 0)),
        ("mobile_from_left", (90, 0), (-90, 0)),
        ("mobile_from_right", (-90, 0), (90, 0)),
        ("mobile_from_right", (0, -45), (0, -46)),
    ],
)
def test_each_reaches_some_angles_and_not_others(name, reached, beyond):
    limits = GANTRY_PROFILES[name].limits
    assert limits.reaches(*reached) and not limits.reaches(*beyond)


def test_the_two_places_of_a_mobile_carm_are_mirrored():
    left, right = (GANTRY_PROFILES[name].limits for name in ("mobile_from_left", "mobile_from_right"))
    assert (left.primary_min_deg, left.primary_max_deg) == (-right.primary_max_deg, -right.primary_min_deg)


def test_what_is_set_beside_a_profile_holds_in_its_stead():
    config = FluoroConfig.model_validate(
        {"gantry_profile": "mobile_from_left", "rows": 100, "gantry": {"secondary_max_deg": 30}}
    )
    assert config.rows == 100 and config.columns == 512
    assert config.gantry == GantryLimits(
        primary_min_deg=-40, primary_max_deg=110, secondary_min_deg=-45, secondary_max_deg=30
    )
    whole = GantryLimits(primary_min_deg=-10)
    assert FluoroConfig(gantry_profile="mobile_from_left", gantry=whole).gantry == whole


def test_without_a_name_all_is_as_it_was():
    assert FluoroConfig().gantry == GantryLimits() and FluoroConfig().source_detector_mm == 1020.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"gantry_profile": "moblie"},
        {"gantry_profile": ["floor_stand"]},
        {"gantry_profile": "floor_stand", "source_detector_mm": 1500.0},
        {"gantry_profile": "floor_stand", "gantry": {"primary_maximum": 3}},
        {"gantry_profile": "floor_stand", "gantry": 3},
        {"gantry_profile": "biplane_lateral", "gantry": {"primary_max_deg": 20}},
    ],
)
def test_wrong_names_and_distances_are_refused(wrong):
    with pytest.raises(ValidationError):
        FluoroConfig.model_validate(wrong)


@pytest.mark.parametrize("change", [{"source_detector_mm": 800.0}, {"source_isocentre_mm": 900.0}])
def test_a_profile_whose_parts_do_not_fit_is_refused(change):
    with pytest.raises(ValidationError, match="beyond the isocentre"):
        GantryProfile.model_validate({**GANTRY_PROFILES["floor_stand"].model_dump(), **change})
