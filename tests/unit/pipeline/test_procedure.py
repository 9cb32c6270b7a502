"""Which sets are proposed, in which order they inject, and what is to be prepared."""

import numpy as np
import pytest

from planner.config.needle_set_config import NeedleSetConfig
from planner.model.needle import Needle, NeedleSet
from planner.model.plan import Plan
from planner.pipeline.procedure import dead_volume_ml, upward_lps, with_procedure
from tests.unit.pipeline.test_cement import _gap, _needle, _plan, _set, _stem
from tests.unit.report.conftest import make_plan
from tests.unit.report.needle_plans import with_told_needles

CONFIG = NeedleSetConfig()
WAYS = tuple(
    # their hubs fan out
    _needle(k, (0.0, y, 0.0)).model_copy(update={"path_lps": ((0.0, 10.0 * y, 60.0), (0.0, y, 0.0))})
    for k, y in ((1, 5.0), (2, -5.0), (3, 0.0))
)

GAPS = (_gap("gap-1", 1.0),)


def one(names, share, cement=None, **changes):
    made = _set(*(f"trajectory-{n}" for n in names))
    return made.model_copy(update={"covered_fraction": share, "cement_ml": cement, **changes})


def proposed(*sets, ways=WAYS, gaps=GAPS, config=CONFIG, **changes):
    plan = _plan(gaps, ways, (), sets).model_copy(update=changes)
    made = with_procedure(plan, config)
    return Plan.model_validate(made.model_dump(by_alias=True))


def test_the_smallest_set_that_reaches_about_what_the_best_does_is_proposed():
    plan = proposed(one((1,), 0.5), one((1, 2), 0.93), one((1, 2, 3), 1.0))
    assert plan.procedure.needles == 2
    assert (
        "2 needles within reach of 93% of the gap; 1 needle of 50%; 3 needles of 100%" in plan.procedure.sets[0].reason
    )
    assert proposed(one((1,), 0.5), one((1, 2), 0.8), one((1, 2, 3), 1.0)).procedure.needles == 3


def test_a_needle_more_that_lets_no_more_cement_in_is_not_proposed():
    plan = proposed(one((1,), 0.6, 2.0), one((1, 2), 1.0, 2.0))
    assert plan.procedure.needles == 1 and "no more cement" in plan.procedure.sets[0].reason
    assert proposed(one((1,), 0.6, 2.0), one((1, 2), 1.0, 2.5)).procedure.needles == 2


def test_no_set_is_no_procedure():
    assert proposed().procedure is None and proposed().findings == ()


def test_sums_are_told_only_where_every_part_is_known():
    gaps, far = (
        (_gap("gap-1", 1.0), _gap("gap-2", 1.0)),
        _needle(1, (0, 0, 9), "gap-2").model_copy(update={"id": "far"}),
    )
    other = NeedleSet(gap_ids=("gap-2",), trajectory_ids=("far",), covered_ml=1, covered_fraction=1, cement_ml=2.5)
    plan = proposed(one((1,), 1.0, 1.5), other, ways=(*WAYS, far), gaps=gaps)
    bore = np.pi / 4 * 1.37**2 * 150 / 1000
    assert plan.procedure.cement_ml == pytest.approx(4.0) and plan.procedure.in_needles_ml == pytest.approx(2 * bore)
    assert plan.procedure.to_prepare_ml == pytest.approx(4.0 + 2 * bore) and plan.procedure.without_needle == ()
    dry = proposed(one((1,), 1.0), other, ways=(*WAYS, far), gaps=gaps)
    assert dry.procedure.cement_ml is None and dry.procedure.to_prepare_ml is None
    assert proposed(one((1,), 1.0, 1.5), gaps=gaps).procedure.without_needle == ("gap-2",)


def test_what_stays_in_a_needle_is_not_known_without_its_bore():
    assert dead_volume_ml(Needle(gauge="hip 3.2", outer_diameter_mm=3.2, length_mm=100.0)) is None
    assert dead_volume_ml(Needle(gauge="15G", outer_diameter_mm=1.0, length_mm=150.0)) is None
    assert dead_volume_ml(Needle(gauge="11G", outer_diameter_mm=3.05, length_mm=100.0)) == pytest.approx(
        0.449, abs=1e-3
    )


@pytest.mark.parametrize(
    ("position", "up"), [("HFS", (0, -1, 0)), ("HFP", (0, 1, 0)), ("FFDR", (1, 0, 0)), ("HFDL", (-1, 0, 0))]
)
def test_air_rises_away_from_the_floor(position, up):
    plan = _plan(()).model_copy(update={"treatment_position": position})
    assert tuple(upward_lps(plan, None)) == up


def test_whither_air_rises_is_not_known_without_a_position():
    plan = _plan(()).model_copy(update={"treatment_position": None})
    assert upward_lps(plan, None) is None and upward_lps(plan, _stem()) is None


def test_order_follows_the_position_and_the_stem():
    # supine the front is up: the hindmost tip lies lowest
    assert proposed(one((1, 2, 3), 1.0)).needle_sets[0].order == ("trajectory-1", "trajectory-3", "trajectory-2")
    prone = proposed(one((1, 2, 3), 1.0), treatment_position="HFP").needle_sets[0]
    assert prone.order == ("trajectory-2", "trajectory-3", "trajectory-1") and "our rule" in prone.order_reason


def test_order_and_first_leak_come_from_the_simulated_injections():
    plan = with_procedure(with_told_needles(make_plan()), CONFIG)
    pair = plan.needle_sets[1]
    assert pair.leak_after_ml == pytest.approx(1.4) and set(pair.order) == {"trajectory-1", "trajectory-2"}
    silent = with_procedure(with_told_needles(make_plan()).model_copy(update={"fills": ()}), CONFIG)
    assert silent.needle_sets[1].leak_after_ml is None


def test_needles_that_inject_next_to_nothing_are_told_to_be_of_no_use():
    (said,) = proposed(one((1,), 1.0, 0.02)).findings
    assert said.code == "hardly-any-cement" and "0.02 mL" in said.message and said.severity == "warning"
    assert proposed(one((1,), 1.0, 0.2)).findings == ()
    assert proposed(one((1,), 1.0, None)).findings == ()


def test_much_cement_is_said_and_less_is_not():
    (said,) = proposed(one((1,), 1.0, 25.0)).findings
    assert said.code == "much-cement" and said.measured == 25.0 and said.limit == 20.0 and "ours" in said.source
    assert proposed(one((1,), 1.0, 19.0)).findings == () and proposed(one((1,), 1.0)).findings == ()
