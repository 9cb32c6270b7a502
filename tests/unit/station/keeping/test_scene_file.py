import json

import pytest

from planner.config.plan_config import PlanConfig
from planner.config.wishes_config import LockedNeedle, WishedTarget, WishesConfig
from planner.errors import InputError
from planner.pipeline import PLAN_FILES
from planner.station.keeping.scene_file import (
    SCENE_FILE,
    CanvasView,
    ChosenThing,
    DrawnNeedle,
    Scene,
    load_scene,
    save_scene,
)
from tests.unit.report.conftest import make_plan

WISHES = WishesConfig(
    targets=(WishedTarget(point_lps=(1.25, -2.0, 3.1)),),
    locked=(LockedNeedle(entry_lps=(0.1, 0.2, 0.3), target_lps=(4.0, 5.0, 6.0)),),
)
SCENE = Scene(
    settings=PlanConfig(series_instance_uid="1.2").model_dump(mode="json"),
    wishes=WISHES,
    own_needle=DrawnNeedle(points_lps=((1.0, 2.0, 3.0),), gauge="15G"),
    gaps_edited=True,
    hidden=("gap-1", "bone"),
    chosen=ChosenThing(kind="needle", id="trajectory-1"),
    cursor_lps=(1.0, 2.0, 3.5),
    window_hu=(-600.0, 1400.0),
    canvas=CanvasView(
        view="3d", centre_lps=(1.0, 2.0, 3.0), across_mm=120.5, sight_lps=(0.0, 1.0, 0.0), up_lps=(0.0, 0.0, 1.0)
    ),
)


def test_a_scene_comes_back_as_it_was(tmp_path):
    save_scene(SCENE, tmp_path)
    assert load_scene(tmp_path) == SCENE
    assert load_scene(tmp_path).config() == PlanConfig(series_instance_uid="1.2")


def test_without_a_scene_there_is_none(tmp_path):
    assert load_scene(tmp_path) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"schema": "cement-planner/station/9"}',
        '{"wishes": {"oh": 1}}',
        '{"canvas": {"view": "axial", "centre_lps": [0, 0, 0], "across_mm": 0}}',
        '{"canvas": {"view": "oblique", "centre_lps": [0, 0, 0], "across_mm": 9}}',
    ],
)
def test_a_damaged_scene_is_refused_in_words(tmp_path, text):
    (tmp_path / SCENE_FILE).write_text(text)
    with pytest.raises(InputError, match=r"station\.json of"):
        load_scene(tmp_path)


def test_settings_of_another_version_are_not_known(tmp_path):
    document = json.loads(SCENE.model_dump_json(by_alias=True))
    document["settings"]["a setting of tomorrow"] = 1
    (tmp_path / SCENE_FILE).write_text(json.dumps(document))
    scene = load_scene(tmp_path)
    assert scene.config() is None
    assert scene.wishes == WISHES, "what was drawn is not lost with them"
    assert Scene().config() is None


def test_what_the_plan_does_not_hold_is_left_out():
    scene = SCENE.fitting(make_plan())
    assert scene.hidden == ("gap-1",), "there is no bone in this plan"
    assert scene.chosen == SCENE.chosen
    without = SCENE.fitting(make_plan(trajectories=(), needle_sets=()))
    assert without.chosen is None
    assert without.wishes == WISHES


@pytest.mark.parametrize(("number", "there"), [("0", True), ("2", True), ("3", False), ("x", False)])
def test_a_finding_is_chosen_by_its_number(number, there):
    scene = Scene(chosen=ChosenThing(kind="finding", id=number)).fitting(make_plan())
    assert (scene.chosen is not None) is there


def test_a_needle_that_the_catalogue_does_not_have_is_let_go():
    drawn = DrawnNeedle(points_lps=((1.0, 2.0, 3.0),), gauge="7G, bent")
    fitted = Scene(own_needle=drawn).fitting(make_plan()).own_needle
    assert fitted.gauge is None and fitted.points_lps == drawn.points_lps


def test_a_plan_that_takes_its_place_takes_it_away():
    assert SCENE_FILE in PLAN_FILES
