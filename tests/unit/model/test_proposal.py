"""What a plan proposes, and that it proposes nothing to who is no candidate."""

import pytest

from planner.model.finding import Finding
from planner.model.needle import Procedure, ProposedSet
from planner.model.proposal import leading_needles, no_candidate, proposal_of, proposed_needles
from tests.unit.report.conftest import make_plan

GRAVE = Finding(code="no-candidate", severity="warning", message="open surgery")
OTHER = Finding(code="broken", severity="warning", message="broken screw")


@pytest.fixture
def plan():
    first = make_plan().trajectories[0]
    ways = (first, *(first.model_copy(update={"id": f"trajectory-{k}", "rank": k}) for k in (2, 3)))
    names = ("trajectory-3", "trajectory-2")
    one = ProposedSet(implant_id="screw-1", gap_ids=("gap-1",), trajectory_ids=names, reason="why", cement_ml=1.6)
    procedure = Procedure(sets=(one,), needles=2, cement_ml=1.6, in_needles_ml=0.4)
    return make_plan(trajectories=ways, procedure=procedure, findings=(OTHER,))


def names_of(ways):
    return [way.id for way in ways]


def test_who_is_no_candidate():
    assert no_candidate([OTHER, GRAVE]) == ("open surgery",)
    assert no_candidate([OTHER]) == ()


def test_needles_are_proposed_in_the_order_of_injection(plan):
    assert proposal_of(plan) is plan.procedure
    assert names_of(proposed_needles(plan)) == names_of(leading_needles(plan)) == ["trajectory-3", "trajectory-2"]


def test_without_a_proposal_the_best_of_each_gap_leads_and_none_is_proposed(plan):
    loose = plan.model_copy(update={"procedure": None})
    assert proposal_of(loose) is None and proposed_needles(loose) == ()
    assert names_of(leading_needles(loose)) == ["trajectory-1"]


@pytest.mark.parametrize("put_together", [True, False])
def test_nothing_is_proposed_to_who_is_no_candidate(plan, put_together):
    procedure = plan.procedure if put_together else None
    refused = plan.model_copy(update={"procedure": procedure, "findings": (OTHER, GRAVE)})
    assert proposal_of(refused) is None
    assert proposed_needles(refused) == leading_needles(refused) == ()
