"""What is said where hardware hides what the operator looks for, or the C-arm cannot be turned there."""

import pytest

from planner.fluoro.views import ap_view
from planner.model.view_sight import GapView, LandmarkSight, TargetSight, ViewSight
from planner.pipeline.fluoroscopy.proposed_views import _hidden, _out_of_reach


def landmark(verdict, name="medial pedicle wall", side="left"):
    return LandmarkSight(
        name=name, bone="vertebra-2", level="L3", side=side, in_profile_share=0.9, hidden_share=None,
        outside_share=0.0, visible_share=None, verdict=verdict,
    )  # fmt: skip


@pytest.fixture
def seen(config):
    def view(*landmarks, target="visible", better=None, kind="frontal"):
        def sight(marks):
            target_sight = TargetSight(
                target_id="gap-1", visible_share=0.9, hidden_share=0.1, mean_metal_mm=0.0, outside_share=0.0,
                unknown_share=0.0, verdict=target,
            )  # fmt: skip
            return ViewSight(
                carm=ap_view([0.0, 0.0, 0.0], config=config), console_primary_deg=0.0, console_secondary_deg=0.0,
                within_gantry_limits=True, turn_deg=0.0, target=target_sight, landmarks=tuple(marks),
            )  # fmt: skip

        other = None if better is None else sight([better])
        return GapView(gap_id="gap-1", kind=kind, sight=sight(landmarks), better=other)

    return view


def test_a_landmark_that_every_view_hides_is_named(seen):
    (said,) = _hidden([seen(landmark("hidden")), seen(landmark("not in profile"), kind="lateral")])
    assert (said.code, said.severity, said.gap_id) == ("landmark-hidden", "caution", "gap-1")
    assert "left medial pedicle wall of L3 in all 2 views" in said.message


@pytest.mark.parametrize("verdict", ["visible", "partly", None])
def test_one_view_that_shows_it_or_may_show_it_is_enough(seen, verdict):
    assert not list(_hidden([seen(landmark("hidden")), seen(landmark(verdict), kind="lateral")]))
    assert not list(_hidden([seen(landmark("hidden"), better=landmark(verdict))]))


@pytest.mark.parametrize("verdict", ["not in profile", "outside"])
def test_what_no_view_looks_along_is_not_hidden(seen, verdict):
    assert not list(_hidden([seen(landmark(verdict))]))


def test_a_tip_behind_metal_is_no_landmark_to_steer_by(seen):
    assert not list(_hidden([seen(landmark("hidden", name="screw tip"))]))


def test_a_gap_that_every_view_hides_is_named(seen):
    (said,) = _hidden([seen(target="hidden"), seen(target="hidden", kind="lateral")])
    assert said.code == "target-hidden"
    assert not list(_hidden([seen(target="hidden"), seen(target="partly", kind="lateral")]))


@pytest.mark.parametrize(("rank", "within", "found"), [(1, False, 1), (1, True, 0), (2, False, 0)])
def test_a_first_needle_that_the_c_arm_cannot_look_along_is_named(plan, rank, within, found):
    needle = plan.trajectories[0]
    view = needle.bulls_eye.model_copy(update={"within_gantry_limits": within})
    said = list(_out_of_reach([needle.model_copy(update={"rank": rank, "bulls_eye": view})]))
    assert len(said) == found
    assert all(finding.code == "needle-view-out-of-reach" and needle.id in finding.message for finding in said)
