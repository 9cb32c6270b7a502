"""Which views of a needle are worth a picture."""

from dataclasses import replace

import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.views import view_at
from planner.model.finding import Finding
from planner.model.needle import Procedure, ProposedSet
from planner.pipeline.fluoroscopy.pictures import _same_way, plan_pictures


@pytest.mark.parametrize(
    ("primary_deg", "secondary_deg", "same"), [(89.0, -2.0, True), (90.0, 9.0, False), (-90.0, 0.0, False)]
)
def test_a_view_beside_the_lateral_one_is_that_view(primary_deg: float, secondary_deg: float, same: bool) -> None:
    lateral, other = (
        view_at((0.0, 0.0, 0.0), primary_deg=primary, secondary_deg=secondary, config=FluoroConfig())
        for primary, secondary in ((90.0, 0.0), (primary_deg, secondary_deg))
    )
    assert _same_way(lateral, other) is same


def test_the_proposed_needles_are_drawn_beside_the_best_one_and_no_others(scene, config):
    first = scene.plan.trajectories[0]
    others = tuple(first.model_copy(update={"id": f"trajectory-{k}", "rank": k}) for k in (2, 3))
    one = ProposedSet(
        implant_id="screw-1", gap_ids=("gap-1",), trajectory_ids=("trajectory-3",), reason="why", cement_ml=None
    )
    procedure = Procedure(sets=(one,), needles=1, cement_ml=None, in_needles_ml=None)
    plan = scene.plan.model_copy(update={"trajectories": (first, *others), "procedure": procedure})
    drawn = {name.split("/")[0] for name in plan_pictures(replace(scene, plan=plan), config)}
    assert drawn == {"trajectory-1", "trajectory-3"}
    grave = Finding(code="no-candidate", severity="warning", message="no candidate: open surgery")
    refused = plan.model_copy(update={"findings": (grave,), "picked_targets": ()})
    assert plan_pictures(replace(scene, plan=refused), config) == {}
