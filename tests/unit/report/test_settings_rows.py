"""Settings on the report: what differs, all of it, and nothing that tells the patient."""

import json

from planner.config.plan_config import PlanConfig
from planner.report.settings_rows import all_settings, changed_settings


def test_what_differs_is_told_with_its_default_and_nothing_else():
    assert changed_settings(PlanConfig()) == ()
    config = PlanConfig.model_validate({"treatment_position": "HFP", "needles": {"sets": {"one_mix_ml": 12.0}}})
    rows = [(row.name, row.value, row.default) for row in changed_settings(config)]
    assert rows == [("treatment_position", '"HFP"', "null"), ("needles.sets.one_mix_ml", "12.0", "20.0")]


def test_the_series_is_not_among_them():
    config = PlanConfig(series_instance_uid="1.2.3.4711")
    assert changed_settings(config) == () and "4711" not in all_settings(config)
    assert json.loads(all_settings(config))["needles"]["sets"]["one_mix_ml"] == 20.0
