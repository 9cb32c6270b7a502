"""Regions, locked needles and targets picked by hand, on the small vertebra."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from planner.config.needle_config import NeedleConfig
from planner.config.wishes_config import BallRegion, BoxRegion, LockedNeedle, WishedTarget, WishesConfig
from planner.errors import UsageError
from planner.needles.search import plan_needles
from planner.needles.wished.entry import enters_as_wished
from planner.needles.wished.picked import search_picked
from planner.pipeline.locked_needles import of_locked
from planner.pipeline.picked_targets import plan_picked
from planner.safety.fields import FORBIDDEN, distance_fields

COARSE = {"targets_per_gap": 12, "direction_step_deg": 5.0, "refine_best": 10}


def with_wishes(**wishes):
    return NeedleConfig(**COARSE, wishes=WishesConfig(**wishes))


def places(trajectory, count=300):
    first, aim = np.array(trajectory.path_lps[0]), np.array(trajectory.aim_lps)
    return first + np.linspace(0.0, 1.0, count)[:, None] * (aim - first)


def console(primary, secondary):
    return primary, secondary


@pytest.fixture(scope="module")
def free(vertebra):
    return plan_needles(vertebra, config=NeedleConfig(**COARSE), console=console)


def test_no_needle_crosses_a_region_to_keep_out_of(vertebra, free):
    best = free.trajectories[0]
    middle = (np.array(best.path_lps[0]) + np.array(best.entry_bone_lps)) / 2
    ball = BallRegion(centre_lps=tuple(middle), radius_mm=4.0)
    kept = plan_needles(vertebra, config=with_wishes(keep_out=(ball,)), console=console)
    assert kept.trajectories
    for t in kept.trajectories:
        assert np.linalg.norm(places(t) - middle, axis=1).min() > 4.0


def test_a_region_to_keep_out_of_is_as_far_as_its_distance(vertebra):
    box = BoxRegion(low_lps=(-40.0, 40.0, -5.0), high_lps=(-30.0, 50.0, 5.0))
    fields = distance_fields(vertebra, config=with_wishes(keep_out=(box,)))
    index = np.rint(vertebra.grid.to_index(np.array([-20.0, 45.0, 0.0]))).astype(int)
    assert fields.channels[(*index, FORBIDDEN)] == pytest.approx(10.0, abs=0.6)


def test_needles_come_in_where_they_are_wanted(vertebra, free):
    own = np.array([t.path_lps[0] for t in free.trajectories])
    ball = BallRegion(centre_lps=tuple(own[0]), radius_mm=8.0)
    found = plan_needles(vertebra, config=with_wishes(enter_through=(ball,)), console=console)
    assert found.trajectories
    assert all(np.linalg.norm(np.subtract(t.path_lps[0], own[0])) <= 9.0 for t in found.trajectories)
    nowhere = BallRegion(centre_lps=(-50.0, 60.0, 0.0), radius_mm=2.0)
    assert not plan_needles(vertebra, config=with_wishes(enter_through=(nowhere,)), console=console).trajectories


def test_any_entry_will_do_where_none_is_named():
    assert enters_as_wished(np.zeros((3, 3)), WishesConfig()).all()


def test_a_locked_needle_stays_and_comes_first(vertebra, free):
    own = next(t for t in reversed(free.trajectories) if not t.slides_along_implant)
    lock = LockedNeedle(entry_lps=own.path_lps[0], target_lps=own.target_lps)
    held = plan_needles(vertebra, config=with_wishes(locked=(lock,)), console=console)
    first = held.trajectories[0]
    assert first.made == "edited" and {t.made for t in held.trajectories[1:]} == {"automatic"}
    assert first.locked and first.rank == 1 and first.target_lps == pytest.approx(own.target_lps)
    assert not any(t.locked for t in held.trajectories[1:])
    # the one that was found there before would tell the same again
    ends = np.array([[*t.target_lps, *t.entry_bone_lps] for t in held.trajectories[1:]])
    assert np.abs(ends - [*own.target_lps, *own.entry_bone_lps]).max(axis=1).min() > 0.5
    assert [t.rank for t in held.trajectories] == list(range(1, len(held.trajectories) + 1))
    assert not list(of_locked(held.locked))


def test_a_locked_proposal_stays_the_programs(vertebra, free):
    own = next(t for t in free.trajectories if not t.slides_along_implant)
    lock = LockedNeedle(entry_lps=own.path_lps[0], target_lps=own.target_lps, made="automatic")
    held = plan_needles(vertebra, config=with_wishes(locked=(lock,)), console=console)
    assert held.trajectories[0].locked and held.trajectories[0].made == "automatic"


def test_a_locked_needle_that_breaks_a_limit_stays_and_is_told(vertebra):
    # through the canal's middle
    lock = LockedNeedle(entry_lps=(-15.0, 59.0, 0.0), target_lps=(12.0, -6.0, 4.5))
    held = plan_needles(vertebra, config=with_wishes(locked=(lock,)), console=console)
    assert [f.code for f in of_locked(held.locked)] == ["locked-needle-unsafe"]
    last = held.trajectories[-1]
    assert last.locked and any("canal" in words for words in last.violations)
    assert not any(last.id in one.trajectory_ids for one in held.needle_sets)


def test_a_locked_needle_past_every_gap_is_told_and_not_listed(vertebra):
    lock = LockedNeedle(entry_lps=(-20.0, 59.0, 0.0), target_lps=(-14.0, -8.0, 0.0))
    held = plan_needles(vertebra, config=with_wishes(locked=(lock,)), console=console)
    assert [f.code for f in of_locked(held.locked)] == ["locked-needle-off-target"]
    assert not any(t.locked for t in held.trajectories)


def test_a_picked_target_gets_needles_without_a_gap(vertebra):
    bare = replace(vertebra, gaps=())
    wish = WishedTarget(point_lps=(14.0, 2.0, 5.0), radius_mm=3.0)
    told = plan_picked(bare, with_wishes(targets=(wish,)), console=console)
    (target,) = told.targets
    assert target.ways and target.gap_id is None and target.implant_id == "screw-1"
    assert [f.code for f in told.findings] == ["no-gap-at-picked-target"]
    for way in target.ways:
        assert np.linalg.norm(np.subtract(way.target_lps, wish.point_lps)) <= 3.0 + 0.9
        assert way.reachable_ml is None and way.target_id == "target-1"


def test_a_picked_target_within_a_gap_names_it(vertebra):
    gap = vertebra.gaps[0]
    place = tuple(float(v) for v in np.asarray(gap.mask.grid.to_lps(np.argwhere(gap.mask.voxels)[0])))
    told = plan_picked(vertebra, with_wishes(targets=(WishedTarget(point_lps=place),)), console=console)
    assert told.targets[0].gap_id == gap.id
    assert "no-gap-at-picked-target" not in {f.code for f in told.findings}


@pytest.mark.parametrize(
    ("place", "why"), [((500.0, 0.0, 0.0), "outside of the CT"), ((40.0, 40.0, 0.0), "no bone or gap")]
)
def test_where_nothing_can_be_aimed_at_it_says_why(scene, place, why):
    found = search_picked(scene, WishedTarget(point_lps=place), "target-1")
    assert not found.target.ways and why in found.target.why_none


def test_nothing_wished_nothing_told(vertebra):
    told = plan_picked(vertebra, NeedleConfig(), console=console)
    assert told.targets == () and told.findings == ()


def test_an_implant_that_is_not_there_is_refused(vertebra):
    wish = WishedTarget(point_lps=(14.0, 2.0, 4.0), implant_id="screw-9")
    with pytest.raises(UsageError, match="screw-9"):
        plan_picked(vertebra, with_wishes(targets=(wish,)), console=console)


def test_a_box_without_room_is_refused():
    with pytest.raises(ValidationError, match="greater than low_lps"):
        BoxRegion(low_lps=(0.0, 0.0, 0.0), high_lps=(1.0, 0.0, 1.0))
