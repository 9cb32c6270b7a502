"""A plan has one C-arm, wherever its limits are set."""

from functools import partial

import numpy as np
import pytest
from pydantic import ValidationError

from planner.config.fluoro_config import FluoroConfig
from planner.config.gantry import GantryLimits
from planner.config.gantry_profiles import GANTRY_PROFILES
from planner.config.needle_config import NeedleConfig
from planner.config.plan_config import PlanConfig, load_settings
from planner.config.watch_config import WatchConfig
from planner.errors import ConfigError
from planner.fluoro.console import console_angles_deg
from planner.geometry.frames import detector_direction
from planner.needles.account.describe import needle_view

PLACES = ("fluoroscopy", "needles", "watch")


def gantries(config: PlanConfig) -> list[GantryLimits]:
    return [getattr(config, place).gantry for place in PLACES]


def test_nothing_set_leaves_the_default_everywhere():
    assert gantries(PlanConfig()) == [GantryLimits()] * 3


@pytest.mark.parametrize("place", PLACES)
def test_a_limit_set_in_one_place_holds_in_all(place):
    config = PlanConfig.model_validate({place: {"gantry": {"primary_max_deg": 60}}})
    assert gantries(config) == [GantryLimits(primary_max_deg=60)] * 3
    assert PlanConfig.model_validate(config.model_dump()) == config


@pytest.mark.parametrize(
    ("place", "kind"), [("fluoroscopy", FluoroConfig), ("needles", NeedleConfig), ("watch", WatchConfig)]
)
def test_so_does_one_set_in_a_script(place, kind):
    narrow = GantryLimits(primary_max_deg=60)
    assert gantries(PlanConfig(**{place: kind(gantry=narrow)})) == [narrow] * 3
    assert gantries(PlanConfig(**{place: {"gantry": narrow}})) == [narrow] * 3


def test_limits_of_several_places_are_put_together():
    config = PlanConfig.model_validate(
        {
            "needles": {"gantry": {"primary_max_deg": 60}, "per_gap": 3},
            "watch": {"gantry": {"secondary_max_deg": 20, "primary_max_deg": 60.0}},
        }
    )
    assert gantries(config) == [GantryLimits(primary_max_deg=60, secondary_max_deg=20)] * 3
    assert config.needles.per_gap == 3


def test_a_named_carm_holds_for_needles_and_watch_views():
    config = PlanConfig.model_validate({"fluoroscopy": {"gantry_profile": "mobile_from_right"}})
    assert gantries(config) == [GANTRY_PROFILES["mobile_from_right"].limits] * 3
    beside = PlanConfig.model_validate(
        {"fluoroscopy": {"gantry_profile": "mobile_from_right"}, "needles": {"gantry": {"secondary_max_deg": 30}}}
    )
    assert gantries(beside) == [GantryLimits(**config.needles.gantry.model_dump() | {"secondary_max_deg": 30})] * 3
    assert beside.fluoroscopy.source_isocentre_mm == 530.0


@pytest.mark.parametrize(("name", "within"), [("mobile_from_left", True), ("mobile_from_right", False)])
def test_a_needle_is_told_whether_the_named_carm_looks_along_it(name, within):
    needles = PlanConfig.model_validate({"fluoroscopy": {"gantry_profile": name}}).needles
    console = partial(console_angles_deg, position="HFS")
    view = needle_view(np.zeros(3), 80.0 * detector_direction(70.0, 10.0), config=needles, console=console)
    assert view.within_gantry_limits is within


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"needles": {"gantry": {"primary_max_deg": 60}}, "fluoroscopy": {"gantry": {"primary_max_deg": 70}}},
            "fluoroscopy.gantry.primary_max_deg is 70 and needles.gantry.primary_max_deg is 60",
        ),
        (
            {"needles": {"gantry": {"primary_max_deg": 20}}, "fluoroscopy": {"gantry": {"primary_min_deg": 40}}},
            "least angle must lie below",
        ),
    ],
)
def test_two_carms_are_refused(settings, said):
    with pytest.raises(ValidationError, match=said):
        PlanConfig.model_validate(settings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[needles.gantry]\nprimary_maximum_deg = 3", "needles.gantry.primary_maximum_deg"),
        ("[needles.gantry]\nprimary_max_deg = 500", "needles.gantry.primary_max_deg"),
        ("[watch]\ngantry = 3", "watch.gantry"),
        ("needles = 3\n[fluoroscopy.gantry]\nprimary_max_deg = 60", "needles"),
        ('[fluoroscopy]\ngantry_profile = "moblie"', "fluoroscopy.gantry_profile"),
        ('[fluoroscopy]\ngantry_profile = "floor_stand"\ngantry = "wide"', "fluoroscopy.gantry"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_in_its_own_place(tmp_path, text, said):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"settings.toml: {said}:"):
        load_settings(path)
