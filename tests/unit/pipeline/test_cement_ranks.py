"""How a needle's own injection changes its rank, and what it tells of the needle."""

import numpy as np
import pytest

from planner.config.flow_config import FlowConfig
from planner.model.plan import Plan
from planner.pipeline.cement import with_cement
from tests.unit.pipeline.test_cement import FAR, TIP, VOLUME_ML, _anatomy, _breach, _gap, _needle, _plan, _set, _stem

AT_ONCE = (_breach(1, (-8.6, 0.0, -12.0)),)


@pytest.fixture(scope="module")
def anatomy():
    return _anatomy()


def told(anatomy, *, weight=0.15, needles=None, patches=AT_ONCE, sets=(), volume=VOLUME_ML):
    ways = (_needle(1, TIP), _needle(2, FAR)) if needles is None else needles
    plan = _plan((_gap("gap-1", volume),), ways, patches, sets)
    made, _ = with_cement(plan, anatomy, patches, FlowConfig(), leak_weight=weight)
    return Plan.model_validate(made.model_dump(by_alias=True))


def test_of_needles_that_are_alike_the_one_that_leaks_at_once_comes_last(anatomy) -> None:
    plan = told(anatomy)
    first, second = plan.trajectories
    assert [(t.id, t.rank) for t in plan.trajectories] == [("trajectory-2", 1), ("trajectory-1", 2)]
    assert first.score_terms["cement"] > 2 * second.score_terms["cement"] and first.score > second.score
    assert second.leak_after_ml < 0.1 and second.leak_breach_id == first.leak_breach_id == "breach-1"
    assert first.leak_after_ml > second.leak_after_ml
    # the expected course, and what the gap is told of it, are those of the new first needle
    assert plan.fills[0].trajectory_ids == ("trajectory-2",)
    assert plan.breaches[0].leak_after_ml == pytest.approx(first.leak_after_ml)
    assert plan.breaches[0].leak_after_ml == pytest.approx(plan.fills[0].arrivals[0].after_ml)


def test_a_much_better_needle_stays_first(anatomy) -> None:
    better = _needle(1, TIP).model_copy(update={"score": 0.9})
    plan = told(anatomy, needles=(better, _needle(2, FAR)))
    assert [t.id for t in plan.trajectories] == ["trajectory-1", "trajectory-2"]
    assert plan.fills[0].trajectory_ids == ("trajectory-1",)


def test_a_locked_needle_stays_first_and_one_out_of_the_gantrys_reach_last(anatomy) -> None:
    held = _needle(1, TIP).model_copy(update={"locked": True})
    assert told(anatomy, needles=(held, _needle(2, FAR))).trajectories[0].id == "trajectory-1"
    away = _needle(2, FAR)
    away = away.model_copy(update={"bulls_eye": away.bulls_eye.model_copy(update={"within_gantry_limits": False})})
    assert told(anatomy, needles=(_needle(1, TIP), away)).trajectories[0].id == "trajectory-1"


def test_without_weight_score_and_rank_stay_but_leaks_are_told(anatomy) -> None:
    plan = told(anatomy, weight=0.0)
    assert [(t.rank, t.score, t.score_terms) for t in plan.trajectories] == [(1, 0.5, {}), (2, 0.5, {})]
    assert all(t.leak_breach_id == "breach-1" for t in plan.trajectories)


def test_what_never_leaks_or_was_not_simulated_has_no_volume(anatomy) -> None:
    for plan in (told(anatomy, patches=()), told(anatomy, volume=None)):
        assert [(t.leak_after_ml, t.leak_breach_id) for t in plan.trajectories] == [(None, None)] * 2
    assert told(anatomy, volume=None).trajectories[0].score == 0.5


def test_from_where_no_cement_goes_in_the_term_is_zero(anatomy) -> None:
    lost = _needle(1, (0.0, 0.0, 60.0))
    plan = told(anatomy, needles=(lost, _needle(2, FAR)))
    assert plan.trajectories[1].id == "trajectory-1" and plan.trajectories[1].score_terms["cement"] == 0.0


def test_a_set_over_two_gaps_prepares_for_each_gap_what_its_own_needles_inject(anatomy) -> None:
    ways = (_needle(1, TIP), _needle(2, FAR), _needle(1, (8.0, 0.0, 12.0), "gap-2").model_copy(update={"id": "third"}))
    both = _set("trajectory-1", "trajectory-2", "third").model_copy(update={"gap_ids": ("gap-1", "gap-2")})
    alone = (_set("trajectory-1", "trajectory-2"), _set("third").model_copy(update={"gap_ids": ("gap-2",)}))
    gaps = (_gap("gap-1", VOLUME_ML), _gap("gap-2", VOLUME_ML))
    made, _ = with_cement(_plan(gaps, ways, (), (both, *alone)), anatomy, (), FlowConfig())
    together, one, two = (needles.cement_ml for needles in made.needle_sets)
    assert one > 0.0 and two > 0.0 and together == pytest.approx(one + two)
    pairs = [fill for fill in made.fills if len(fill.trajectory_ids) == 2]
    assert len(pairs) == 1 and pairs[0].gap_id == "gap-1" and np.isfinite(pairs[0].steps[-1].injected_ml)
    unknown, _ = with_cement(_plan((gaps[0], _gap("gap-2", None)), ways, (), (both,)), anatomy, (), FlowConfig())
    assert unknown.needle_sets[0].cement_ml is None


def _regrouped(anatomy, gaps, ways):
    asked = []

    def regroup(ranked):
        asked.append([t.id for t in ranked])
        return (_set(ranked[0].id),)

    plan = _plan(gaps, ways, AT_ONCE, (_set("trajectory-1"),), (_stem(),))
    made, _ = with_cement(plan, anatomy, AT_ONCE, FlowConfig(), leak_weight=0.15, regroup=regroup)
    return asked, [one.trajectory_ids for one in made.needle_sets], made


def test_needles_are_put_together_anew_once_they_are_ranked(anatomy) -> None:
    asked, sets, made = _regrouped(anatomy, (_gap("gap-1", VOLUME_ML),), (_needle(1, TIP), _needle(2, FAR)))
    assert asked == [["trajectory-2", "trajectory-1"]] and sets == [("trajectory-2",)]
    assert made.needle_sets[0].cement_ml > 0.0


def test_sets_stay_where_nothing_was_simulated_or_an_implant_has_several_gaps(anatomy) -> None:
    asked, sets, _ = _regrouped(anatomy, (_gap("gap-1", None),), (_needle(1, TIP),))
    assert asked == [] and sets == [("trajectory-1",)]
    gaps = tuple(_gap(name, VOLUME_ML).model_copy(update={"implant_id": "stem-1"}) for name in ("gap-1", "gap-2"))
    asked, sets, _ = _regrouped(anatomy, gaps, (_needle(1, TIP), _needle(2, FAR)))
    assert asked == [] and sets == [("trajectory-1",)]
