"""One needle has the same cautions in the plan and as a person's own."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from planner.model.cement_fill import BreachArrival
from planner.model.needle import AimError
from planner.needles.family_search import _harm
from planner.needles.search import _unseen
from planner.station.live_needle import LiveVerdict, verdict_line, verdict_rows
from planner.station.needle_cautions import aimed_off, at_once_of, at_once_words, cautions_of, is_without_caution
from tests.unit.station.test_fill_preview import fill


@pytest.fixture
def plan(plan):
    """The plan, with its needles' distance from the canal measured."""
    known = tuple(
        way.model_copy(update={"clearance_mm": way.clearance_mm.model_copy(update={"canal": 8.0})})
        for way in plan.trajectories
    )
    return plan.model_copy(update={"trajectories": known})


def aim(**changes):
    fields = {
        "error_mm": 2.0, "error_deg": 2.0, "metal": 1.0, "canal": 0.5, "forbidden": None, "harmless_share": 1.0
    }  # fmt: skip
    return AimError(**(fields | changes))


def as_own(plan, way):
    """Judge a planned needle as it is when a person holds it, where the plan was made."""
    check = SimpleNamespace(trajectory=way, violations=(), on_its_way=(), off_target_mm=0.0)
    stops = at_once_words(plan, way.gap_id, way.target_lps)
    return LiveVerdict(way.path_lps[0], way.target_lps, way.needle, cast(Any, check), None, at_once=stops)


def stopping(plan, ml):
    """Give the plan a course of its first needle that one stops at `ml`."""
    way = plan.trajectories[0]
    course = fill(tips_lps=(way.target_lps,), arrivals=(BreachArrival(breach_id="breach-1", after_ml=ml),))
    return plan.model_copy(update={"fills": (course,)})


def test_when_something_speaks_against_a_needle(plan):
    way = plan.trajectories[0]
    assert is_without_caution(plan, way)
    beyond = way.bulls_eye.model_copy(update={"within_gantry_limits": False})
    for change in (
        {"violations": ("touches metal",)},
        {"cautions": ("near the canal",)},
        {"margins_reduced": ("canal",)},
        {"bulls_eye": beyond},
        {"with_aim_error": aim(metal=-1.5)},
        {"entry_skin_lps": None},
    ):
        assert not is_without_caution(plan, way.model_copy(update=change)), change
    assert is_without_caution(plan, way.model_copy(update={"with_aim_error": aim(metal=None, canal=0.0)}))


@pytest.mark.parametrize(
    ("changes", "clear"),
    [
        ({}, True),
        ({"with_aim_error": aim()}, True),
        ({"with_aim_error": aim(metal=-1.5)}, False),
        ({"with_aim_error": aim(canal=-0.4)}, False),
        ({"cautions": ("may stray",)}, False),
        ({"margins_reduced": ("canal",)}, False),
    ],
)
def test_one_needle_reads_the_same_in_the_plan_and_in_the_hand(plan, changes, clear):
    way = plan.trajectories[0].model_copy(update=changes)
    own = as_own(plan, way)
    assert own.cautions == cautions_of(way, at_once=at_once_of(plan, way))
    assert own.is_clear is is_without_caution(plan, way) is clear
    assert ("CAUTION" in verdict_line(own)) is not clear
    assert ("caution" in dict(verdict_rows(own))) is not clear


@pytest.mark.parametrize(("ml", "soon"), [(0.05, True), (0.1, False), (0.6, False)])
def test_a_stop_at_once_is_told_in_both(plan, ml, soon):
    made = stopping(plan, ml)
    way = made.trajectories[0]
    own, words = as_own(made, way), at_once_of(made, way)
    assert (words is not None) is soon and own.cautions == cautions_of(way, at_once=words)
    assert is_without_caution(made, way) is own.is_clear is not soon
    if soon:
        assert "at once" in verdict_line(own) and "spinal canal (breach-1)" in own.cautions[-1]


def test_the_earliest_stop_of_the_gap_counts_for_any_tip_in_it_and_another_needles_course_does_not(plan):
    elsewhere = (0.0, 0.0, 0.0)
    assert at_once_words(stopping(plan, 0.05), "gap-1", elsewhere) is None
    early = plan.model_copy(update={"breaches": (plan.breaches[0].model_copy(update={"stop_ml": 0.02}),)})
    assert at_once_words(early, "gap-1", elsewhere) is not None
    assert at_once_words(early, "gap-12", elsewhere) is None and at_once_words(early, "none", elsewhere) is None
    thin = early.model_copy(update={"breaches": (early.breaches[0].model_copy(update={"severity": "thin"}),)})
    assert at_once_words(thin, "gap-1", elsewhere) is None, "nobody stops for a thin wall"


def test_what_the_plan_tells_itself_of_a_bad_aim_stands_once(plan):
    error = aim(metal=-1.0, canal=-0.4, forbidden=-0.1)
    said = _harm(error)
    first = plan.trajectories[0]
    assert set(said) < set(aimed_off(first.model_copy(update={"with_aim_error": error})))
    far = first.bulls_eye.model_copy(update={"within_gantry_limits": False})
    unseen = {"with_aim_error": error, "entry_skin_lps": None, "bulls_eye": far}
    alone = first.model_copy(update=unseen)
    told = first.model_copy(update=unseen | {"cautions": (*said, *_unseen(alone))})
    assert set(cautions_of(told)) == set(cautions_of(alone)) and len(cautions_of(told)) == 5


def test_a_needle_that_cannot_be_judged_has_no_cautions_and_is_not_clear(plan):
    way = plan.trajectories[0]
    unjudged = LiveVerdict(way.path_lps[0], way.target_lps, way.needle, None, "it lies nowhere")
    assert unjudged.cautions == () and not unjudged.is_clear
