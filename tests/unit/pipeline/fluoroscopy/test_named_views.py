"""Views by name, and what is said where there is no such view."""

from dataclasses import replace

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.errors import UsageError
from planner.fluoro.carm import project
from planner.pipeline.fluoroscopy.named_views import STANDARD_VIEWS, named_view, place_of

CONFIG = FluoroConfig()


@pytest.mark.parametrize(
    ("name", "primary"),
    [("ap", 0.0), ("pa", 180.0), ("lateral", 90.0), ("right-lateral", -90.0), ("lao", 30.0), ("rao", -30.0)],
)
def test_standard_views_need_no_plan_and_look_at_the_metal(scene, name, primary):
    carm = named_view(name, replace(scene, plan=None), CONFIG)
    assert (carm.primary_deg, carm.secondary_deg) == (primary, 0.0)
    np.testing.assert_allclose(carm.isocentre_lps, [0.0, 20.0, 107.0], atol=2.0)


def test_their_names_may_be_written_large(scene):
    assert named_view("AP", scene, CONFIG) == named_view("ap", scene, CONFIG)


def test_a_place_of_a_plan_needs_one():
    with pytest.raises(UsageError, match="or a point x,y,z"):
        place_of("screw-2", None)


def test_every_standard_view_is_tested():
    assert set(STANDARD_VIEWS) == {"ap", "pa", "lateral", "right-lateral", "lao", "rao"}


def test_a_needles_view_is_its_bulls_eye(scene, plan):
    needle = plan.trajectories[0]
    on_skin, on_aim = project(named_view("trajectory-1", scene, CONFIG), [needle.path_lps[0], needle.aim_lps])
    assert np.linalg.norm(on_skin - on_aim) < 1.0


def test_an_implants_view_is_along_it_and_a_breachs_is_its_watch_view(scene, plan):
    axis = plan.implants[0].axis
    on_head, on_tip = project(named_view("screw-1", scene, CONFIG), [axis.head_lps, axis.tip_lps])
    assert np.linalg.norm(on_head - on_tip) < 1.0
    watch = named_view("breach-1", scene, CONFIG)
    assert (watch.primary_deg, watch.secondary_deg) == (40.0, -10.0)


def test_it_can_be_aimed_at_something_else(scene, plan):
    assert named_view("ap", scene, CONFIG, aim="gap-1").isocentre_lps == plan.gaps[0].centroid_lps
    assert named_view("breach-1", scene, CONFIG, aim="screw-2").isocentre_lps == plan.implants[1].centroid_lps
    assert place_of("trajectory-1", plan) == plan.trajectories[0].target_lps


@pytest.mark.parametrize(
    ("name", "aim", "said"),
    [
        ("trajectory-9", None, "there is no view trajectory-9; there are ap"),
        ("gap-1", None, "gap-1 is a gap.*--aim gap-1"),
        ("trajectroy-1", None, "did you mean trajectory-1"),
        ("breach-2", None, "no view was found in which a leak shows in profile"),
        ("ap", "gap-7", "the plan holds no gap-7; did you mean gap-1"),
    ],
)
def test_what_is_not_there_is_said(scene, name, aim, said):
    with pytest.raises(UsageError, match=said):
        named_view(name, scene, CONFIG, aim=aim)


def test_views_of_a_plan_need_one(scene):
    with pytest.raises(UsageError, match="give --plan OUT"):
        named_view("trajectory-1", replace(scene, plan=None), CONFIG)


def test_an_implant_without_an_axis_has_no_view_along_it(scene, plan):
    bare = plan.model_copy(update={"implants": (plan.implants[0].model_copy(update={"axis": None}), plan.implants[1])})
    with pytest.raises(UsageError, match="no axis that was measured"):
        named_view("screw-1", replace(scene, plan=bare), CONFIG)
