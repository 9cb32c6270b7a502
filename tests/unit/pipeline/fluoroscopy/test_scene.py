"""How a patient lies under the C-arm: who says so."""

import numpy as np
import pytest

from planner.config.plan_config import PlanConfig
from planner.model.volume import Volume
from planner.pipeline.fluoroscopy.scene import scene_of_ct
from tests.unit.pipeline.fluoroscopy.conftest import CONFIG, SHAPE, grid, plan  # noqa: F401


@pytest.fixture(scope="module")
def body():
    where = grid()
    points = np.asarray(where.to_lps(np.moveaxis(np.indices(SHAPE), 0, -1)))
    inside = np.hypot(points[..., 0] / 50.0, points[..., 1] / 45.0) < 1.0
    return Volume(where, np.where(inside, 40, -1000).astype(np.int16))


@pytest.mark.parametrize(
    ("planned", "settings", "told", "lies"),
    [
        ("HFP", "HFS", None, "HFP"),
        ("HFP", None, None, "HFP"),
        ("HFP", "HFS", "HFDL", "HFDL"),
        ("HFP", None, "HFS", "HFS"),
        (None, "HFS", None, "HFS"),
        (None, None, None, None),
        ("no plan", "HFS", None, "HFS"),
        ("no plan", "HFS", "HFP", "HFP"),
        ("no plan", None, None, None),
    ],
)
def test_settings_do_not_turn_a_patient_whose_plan_says_how_he_lies(body, plan, planned, settings, told, lies):  # noqa: F811
    """Only who says it now has a word above the plan's: its needles were proposed for that position."""
    config = PlanConfig(treatment_position=settings, fluoroscopy=CONFIG)
    made = None if planned == "no plan" else plan.model_copy(update={"treatment_position": planned})
    assert scene_of_ct(body, config, plan=made, position=told).position == lies
