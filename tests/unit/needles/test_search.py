from functools import partial

import numpy as np
import pytest

from planner.config.needle_config import NeedleConfig
from planner.errors import UsageError
from planner.fluoro.console import console_angles_deg
from planner.geometry.frames import positioner_angles_deg
from planner.geometry.rays import segment_distance_mm
from planner.model.anatomy import GapSpace
from planner.model.needle import Needle
from planner.model.volume import Mask
from planner.needles.search import plan_needles, search_gap

CONSOLE_PRONE = partial(console_angles_deg, position="HFP")


@pytest.fixture(scope="module")
def plan(vertebra, config):
    return plan_needles(vertebra, config=config, console=CONSOLE_PRONE)


def test_finds_a_pedicle_and_a_sliding_needle(plan):
    assert {t.approach for t in plan.trajectories} >= {"transpedicular"}
    assert any(t.slides_along_implant for t in plan.trajectories)
    assert any(not t.slides_along_implant for t in plan.trajectories)
    assert [t.rank for t in plan.trajectories] == list(range(1, len(plan.trajectories) + 1))
    assert len({t.id for t in plan.trajectories}) == len(plan.trajectories)


def test_every_needle_is_safe_by_closed_forms(plan):
    for t in plan.trajectories:
        way = np.linspace(0.0, 1.0, 400)[:, None]
        shaft = np.array(t.aim_lps) + way * (np.array(t.path_lps[0]) - np.array(t.aim_lps))
        radius = t.needle.outer_diameter_mm / 2
        assert np.hypot(shaft[:, 0], shaft[:, 1] - 14.0).min() > 6.0 + radius
        assert np.hypot(shaft[:, 0] - 19.0, shaft[:, 1] - 34.0).min() > 3.0 + radius
        from_screw = segment_distance_mm(shaft, (18.0, 27.0, 0.0), (10.0, -8.0, 0.0)).min()
        assert from_screw > 3.0 + radius - (0.8 if t.slides_along_implant else 0.4)
        assert t.path_lps[0][1] > t.aim_lps[1]
        assert t.depth_from_skin_mm is None or t.depth_from_skin_mm <= t.needle.length_mm


def test_targets_lie_in_the_gap(plan, vertebra):
    for t in plan.trajectories:
        index = np.rint(vertebra.grid.to_index(t.target_lps)).astype(int)
        near = tuple(slice(k - 1, k + 2) for k in index)
        assert vertebra.gaps[0].mask.voxels[near].any()


def test_bulls_eye_looks_along_the_needle(plan):
    for t in plan.trajectories:
        angles = positioner_angles_deg(np.subtract(t.path_lps[0], t.aim_lps))
        assert (t.bulls_eye.primary_deg, t.bulls_eye.secondary_deg) == pytest.approx(angles)
        assert (t.bulls_eye.console_primary_deg - t.bulls_eye.primary_deg) % 360 == pytest.approx(180.0)


def test_same_answer_twice(plan, vertebra, config):
    again = plan_needles(vertebra, config=config, console=CONSOLE_PRONE)
    assert again.trajectories == plan.trajectories and again.needle_sets == plan.needle_sets


def test_sets_grow_and_never_cover_more_than_the_gap(plan, vertebra):
    covered = [s.covered_ml for s in plan.needle_sets]
    assert covered and covered == sorted(covered)
    assert covered[-1] <= vertebra.gaps[0].mask.volume_ml + 1e-9
    assert all(s.cement_ml is None for s in plan.needle_sets)


def test_no_gap_no_needle(change, config):
    plan = plan_needles(change(gaps=()), config=config, console=CONSOLE_PRONE)
    assert plan.trajectories == () and plan.searches == ()


def test_unknown_canal_refuses_the_spine(change, config):
    search = plan_needles(change(canal=None), config=config, console=CONSOLE_PRONE).searches[0]
    assert search.trajectories == () and "spinal canal not known" in search.refused


def test_forbidden_shell_refuses_all_and_says_why(change, vertebra, config):
    shell = np.zeros(vertebra.grid.shape, bool)
    shell[:, 90:, :] = True
    # Level needles: an oblique one leaves the small picture beside the shell, before its skin.
    level = config.model_copy(update={"max_tilt_deg": 10.0, "max_lateral_deg": 25.0})
    search = plan_needles(change(forbidden=Mask(vertebra.grid, shell)), config=level, console=CONSOLE_PRONE).searches[0]
    assert search.trajectories == () and search.refused["forbidden"] > 0
    assert search.tried >= sum(search.refused.values()) > 0


def test_second_bone_in_the_way_refuses_all(change, vertebra, config):
    bone = vertebra.bone.voxels.copy()
    bone[:, 80:84, :] = True
    level = config.model_copy(update={"max_tilt_deg": 10.0, "max_lateral_deg": 25.0})
    search = plan_needles(change(bone=Mask(vertebra.grid, bone)), config=level, console=CONSOLE_PRONE).searches[0]
    assert search.trajectories == () and search.refused["second bone"] > 0


def test_skin_outside_the_picture_is_none(change, config):
    plan = plan_needles(change(body=None), config=config, console=CONSOLE_PRONE)
    assert plan.trajectories
    assert all(t.entry_skin_lps is None and t.depth_from_skin_mm is None for t in plan.trajectories)


def test_too_short_a_needle_is_refused(vertebra, config):
    short = {"15G": Needle(gauge="15G", outer_diameter_mm=1.83, length_mm=30.0)}
    search = plan_needles(vertebra, config=config, console=CONSOLE_PRONE, catalogue=short).searches[0]
    assert search.trajectories == () and search.refused["too long"] > 0


def test_unknown_needle_is_a_usage_error(vertebra):
    with pytest.raises(UsageError, match="no needle '7G'"):
        plan_needles(vertebra, config=NeedleConfig(spine_needles=("7G",)), console=CONSOLE_PRONE)


def test_an_empty_gap_has_no_needle(scene, vertebra):
    empty = GapSpace("gap-2", "screw-1", Mask(vertebra.grid, np.zeros(vertebra.grid.shape, bool)))
    assert search_gap(scene, empty).refused == {"the gap is empty": 1}
