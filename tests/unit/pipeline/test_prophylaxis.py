"""Intact levels as targets: the anatomy's reach, what comes into the plan, and the switch."""

from argparse import Namespace

import pytest
from pydantic import ValidationError

from planner.cli._options import config_from
from planner.config.plan_config import PlanConfig
from planner.model.plan import Plan, Review, Series, Software
from planner.model.prophylaxis import ProphylacticTarget
from planner.pipeline.prophylaxis import anatomy_settings


def _asked() -> PlanConfig:
    return config_from(Namespace(series=None, settings=None, prophylactic=True))


def _target(name: str) -> ProphylacticTarget:
    return ProphylacticTarget(
        id=name, bone="vertebra-1", level=None, target_lps=(0.0, 0.0, 0.0), space_ml=3.0, body_ml=30.0, walls_share=1.0
    )


def _plan(*targets: ProphylacticTarget) -> Plan:
    series = Series(
        series_instance_uid=None, frame_of_reference_uid=None, shape_zyx=(1, 1, 1), spacing_mm=(1.0, 1.0, 1.0),
        patient_position=None, hu_min=0.0, hu_max=0.0, hu_clipped_at=None,
    )  # fmt: skip
    return Plan(
        software=Software(name="x", version="1"), review=Review(), series=series, treatment_position=None,
        settings_sha256="0" * 64, prophylactic_targets=targets,
    )  # fmt: skip


def test_the_switch_asks_for_them_and_nothing_else_does():
    assert _asked().spine_targets.prophylactic_levels
    assert not config_from(Namespace(series=None, settings=None, prophylactic=False)).spine_targets.prophylactic_levels


def test_the_anatomy_reaches_the_neighbours_only_where_they_are_asked_for():
    usual = PlanConfig()
    assert anatomy_settings(usual) == usual.anatomy
    wide = anatomy_settings(_asked())
    assert wide.region.spine_along_mm == usual.prophylaxis.along_mm > usual.anatomy.region.spine_along_mm


def test_a_target_without_a_needle_stands_in_the_plan_and_is_no_gap():
    plan = _plan(_target("prophylactic-1"), _target("prophylactic-2"))
    assert plan.gaps == () and plan.trajectories == ()
    assert Plan.model_validate_json(plan.model_dump_json(by_alias=True)) == plan
    with pytest.raises(ValidationError, match="prophylactic target"):
        _plan(_target("prophylactic-1"), _target("prophylactic-1"))
