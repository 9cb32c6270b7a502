"""Steps are done again where their settings or inputs changed, and only there."""

import pytest

from planner.config.plan_config import PlanConfig
from planner.config.wishes_config import LockedNeedle, WishedTarget
from planner.pipeline.kept_steps import READS, KeptSteps

NOT_READ_BY_STEPS = {"series_instance_uid", "assume_hu", "treatment_position", "output"}
"""Read before any step, and an input of the steps that ask for it; read when all are done, to write files."""


def with_wishes(**wishes):
    return PlanConfig.model_validate({"needles": {"wishes": wishes}})


TARGET = with_wishes(targets=(WishedTarget(point_lps=(1.0, 2.0, 3.0)),))
LOCKED = with_wishes(locked=(LockedNeedle(entry_lps=(0.0, 0.0, 0.0), target_lps=(0.0, 0.0, 9.0)),))
REGION = with_wishes(keep_out=({"kind": "ball", "centre_lps": (0.0, 0.0, 0.0), "radius_mm": 4.0},))
VISCOSITY = PlanConfig.model_validate({"flow": {"viscosity": "low"}})


def changed(config):
    return {name for name, reads in READS.items() if reads.told(config) != reads.told(PlanConfig())}


@pytest.mark.parametrize(
    ("config", "steps"),
    [
        (PlanConfig(), set()),
        (PlanConfig(treatment_position="HFS"), set()),
        (TARGET, {"picked targets"}),
        (LOCKED, {"needles"}),
        (REGION, {"distances", "searches", "needles", "prophylaxis", "picked targets", "flow"}),
        (VISCOSITY, {"flow"}),
    ],
)
def test_wishes_change_the_steps_that_read_them(config, steps):
    assert changed(config) == steps


def test_every_setting_is_read_by_a_step():
    assert {name for reads in READS.values() for name in reads.of} == set(PlanConfig.model_fields) - NOT_READ_BY_STEPS


def test_a_setting_that_is_not_there_is_no_silent_one():
    with pytest.raises(KeyError):
        type(READS["flow"])(("needles",), ("needles.wishes.whims",)).told(PlanConfig())


def done(config, inputs, before=None):
    """Do one step, and say what came of it and whether it was done now."""
    calls = []
    kept = KeptSteps(config, before)
    result = kept.step("flow", inputs, lambda: calls.append(1) or object())
    return kept.closed(), result, bool(calls)


def test_a_step_is_taken_over_where_settings_and_inputs_are_the_same():
    one, other = object(), object()
    first, result, _ = done(PlanConfig(), (one, "HFP"))
    assert done(PlanConfig(), (one, "".join(["HF", "P"])), first)[1:] == (result, False)
    assert done(TARGET, (one, "HFP"), first)[1:] == (result, False)
    for config, inputs in ((VISCOSITY, (one, "HFP")), (PlanConfig(), (other, "HFP")), (PlanConfig(), (one, "HFS"))):
        _, made, now = done(config, inputs, first)
        assert now and made is not result


def test_equal_inputs_are_not_the_same_input():
    first, _, _ = done(PlanConfig(), ((1.0, 2.0),))
    assert done(PlanConfig(), (tuple([1.0, 2.0]),), first)[2]


def test_closed_steps_hold_no_earlier_run():
    first, _, _ = done(PlanConfig(), ())
    second, _, _ = done(PlanConfig(), (), first)
    assert second.before is None and second.done["flow"] is first.done["flow"]


def test_nothing_is_kept_where_nobody_plans_again():
    made = []
    kept = KeptSteps(PlanConfig(), keeps=False)
    for _ in range(2):
        kept.step("flow", (), lambda: made.append(1) or object())
    assert len(made) == 2 and not kept.done
