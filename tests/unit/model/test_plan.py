"""The plan's models: what they refuse, and that every field of the contract is there."""

import pytest
from pydantic import ValidationError

from planner.model.breach import Breach
from planner.model.gap import Gap, Interval
from planner.model.implant import Implant
from planner.model.plan import Plan, Review, Series, Software


def _plan(**changes: object) -> Plan:
    fields: dict[str, object] = {
        "software": Software(name="cement-planner", version="0"),
        "review": Review(),
        "series": Series(
            series_instance_uid=None,
            frame_of_reference_uid=None,
            shape_zyx=(1, 2, 3),
            spacing_mm=(1.0, 0.5, 0.5),
            patient_position=None,
            hu_min=-1024,
            hu_max=3071,
            hu_clipped_at=3071,
        ),
        "treatment_position": "HFP",
        "settings_sha256": "0" * 64,
    }
    return Plan.model_validate(fields | changes)


def _implant(name: str = "screw-1") -> Implant:
    return Implant(
        id=name,
        kind="pedicle_screw",
        volume_ml=None,
        centroid_lps=(0, 0, 0),
        axis=None,
        bulls_eye=None,
        side=None,
        level=None,
        material="unknown",
        loosening=None,
    )


def _gap(name: str = "gap-1", implant: str | None = "screw-1") -> Gap:
    return Gap(
        id=name,
        implant_id=implant,
        level=None,
        kind="screw_halo",
        zones=(),
        volume_ml=None,
        expected_fill_ml=None,
        width_mm=None,
        interface_fraction=None,
        centroid_lps=(0, 0, 0),
        trust=None,
    )


def _breach(gap: str) -> Breach:
    return Breach(
        id="breach-1",
        gap_id=gap,
        leak_type=None,
        severity="open",
        barrier_mm=None,
        area_mm2=None,
        centroid_lps=(0, 0, 0),
        outward_lps=None,
        reached=None,
        leak_after_ml=None,
        watch_view=None,
    )


def test_a_plan_survives_json() -> None:
    plan = _plan(implants=(_implant(),), gaps=(_gap(),), breaches=(_breach("gap-1"),))
    assert Plan.model_validate_json(plan.model_dump_json(by_alias=True)) == plan


def test_not_measured_is_null_and_never_a_default() -> None:
    with pytest.raises(ValidationError, match="Field required"):
        Interval.model_validate({"estimate": 1.0})
    with pytest.raises(ValidationError, match="volume_ml"):
        Gap.model_validate(_gap().model_dump(exclude={"volume_ml"}))
    assert _plan(gaps=(_gap(implant=None),)).model_dump(mode="json")["gaps"][0]["volume_ml"] is None


def test_ids_must_lead_somewhere() -> None:
    with pytest.raises(ValidationError, match="gap 'gap-2'"):
        _plan(implants=(_implant(),), gaps=(_gap(),), breaches=(_breach("gap-2"),))
    with pytest.raises(ValidationError, match="implant 'screw-1'"):
        _plan(gaps=(_gap(),))
    with pytest.raises(ValidationError, match="two of one implant"):
        _plan(implants=(_implant(), _implant()))


def test_an_interval_out_of_order_is_refused() -> None:
    with pytest.raises(ValidationError, match="low <= estimate <= high"):
        Interval(estimate=1.0, low=1.1, high=1.2)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_json_cannot_say_are_refused(value: float) -> None:
    with pytest.raises(ValidationError):
        Interval(estimate=value, low=0.0, high=value)


def test_a_misspelt_field_is_refused_and_a_plan_is_frozen() -> None:
    with pytest.raises(ValidationError, match="gapz"):
        _plan(gapz=())
    with pytest.raises(ValidationError, match="frozen"):
        _plan().settings_sha256 = "1"


def test_the_contract_names_every_field() -> None:
    """The field names that scripts read; a change here is a change of the schema's number."""
    assert list(_plan().model_dump(by_alias=True)) == [
        "schema",
        "software",
        "review",
        "series",
        "treatment_position",
        "settings_sha256",
        "implants",
        "gaps",
        "breaches",
        "trajectories",
        "needle_sets",
        "procedure",
        "fills",
        "needle_holes",
        "prophylactic_targets",
        "needle_searches",
        "picked_targets",
        "views",
        "risk_factors",
        "anatomy",
        "labels",
        "findings",
        "timings_s",
    ]
