"""Who approves a plan reads what is planned at each place; what is not known is said so."""

from planner.model.cement_fill import BreachArrival
from planner.model.finding import Finding
from planner.model.gap import Interval
from planner.model.needle import Procedure, ProposedSet
from planner.station.planned_there import earliest_stop_ml, needle_in_brief, planned_in_gap, stop_words
from tests.unit.station.conftest import STRAIGHT, needle
from tests.unit.station.test_fill_preview import fill


def filled(plan, **changes):
    """Give a plan whose breach one stops for, reached after 0.66 mL."""
    arrivals = (BreachArrival(breach_id="breach-1", after_ml=0.66),)
    proposed = ProposedSet(
        implant_id="screw-1", gap_ids=("gap-1",), trajectory_ids=("trajectory-1",), reason="one", cement_ml=None
    )
    gap = plan.gaps[0].model_copy(update={"volume_ml": Interval(estimate=0.781, low=0.463, high=1.665)})
    fields = {
        "fills": (fill(arrivals=arrivals),),
        "procedure": Procedure(sets=(proposed,), needles=1, cement_ml=None, in_needles_ml=None),
        "gaps": (gap, *plan.gaps[1:]),
    }
    return plan.model_copy(update=fields | changes)


def with_stop(plan, ml, **changes):
    return filled(plan, breaches=(plan.breaches[0].model_copy(update={"stop_ml": ml}),), **changes)


def test_a_gap_says_its_volume_its_proposed_needle_and_when_to_stop(plan):
    made = filled(plan)
    assert planned_in_gap(made, made.gaps[0]) == (
        "gap-1: 0.78 mL (90 % interval 0.46–1.67)",
        "proposed trajectory-1: transpedicular, 60 mm deep from the skin",
        "stop before 0.6 mL",
    )


def test_no_needle_is_called_proposed_for_who_is_no_candidate(plan):
    grave = Finding(code="no-candidate", severity="warning", message="no candidate: open surgery")
    made = filled(plan, findings=(grave,))
    _, needle_there, _ = planned_in_gap(made, made.gaps[0])
    assert needle_there.startswith("no needle is proposed; first of ")


def test_what_is_not_known_is_said_so(plan):
    assert planned_in_gap(plan, plan.gaps[1]) == (
        "gap-12: volume not measured",
        "no needle",
        "when to stop is not known: no injection was simulated",
    )
    assert "depth from the skin not known" in needle_in_brief(needle(1, STRAIGHT, depth_from_skin_mm=None))


def test_the_stop_is_the_earliest_of_what_is_proposed_and_says_why_it_is_earlier(plan):
    gap = plan.gaps[0]
    off_its_aim = with_stop(plan, 0.42)
    assert earliest_stop_ml(off_its_aim, gap) == 0.42
    early = "stop before 0.4 mL, the earliest: with a tip off its aim, or with several needles"
    assert stop_words(off_its_aim, gap) == early
    later = with_stop(plan, 0.9)
    assert earliest_stop_ml(later, gap) == 0.66 and stop_words(later, gap) == "stop before 0.6 mL"


def test_a_needle_that_is_not_proposed_counts_only_where_none_is(plan):
    gap = plan.gaps[0]
    other = fill(
        id="fill-9", trajectory_ids=("trajectory-2",), arrivals=(BreachArrival(breach_id="breach-1", after_ml=0.05),)
    )
    made = filled(plan)
    both = made.model_copy(update={"fills": (*made.fills, other)})
    assert stop_words(both, gap) == "stop before 0.6 mL"
    assert stop_words(both.model_copy(update={"procedure": None}), gap) == "stop before the first 0.1 mL"


def test_no_stop_is_no_unknown_one(plan):
    gap = plan.gaps[0]
    dry = filled(plan, fills=(fill(arrivals=()),))
    assert earliest_stop_ml(dry, gap) is None
    assert stop_words(dry, gap) == "nothing to stop for is reached in the simulation"
    shut = filled(plan, fills=(fill(steps=(), arrivals=(), ended="no_way"),))
    assert stop_words(shut, gap) == "in the simulation nothing goes in"


def test_a_thin_wall_is_no_stop(plan):
    thin = tuple(b.model_copy(update={"severity": "thin", "barrier_mm": 0.4}) for b in plan.breaches)
    assert earliest_stop_ml(filled(plan, breaches=thin), plan.gaps[0]) is None
