"""The anatomy's record: it survives JSON, says None where it must, and names label codes that are there."""

import pytest
from pydantic import ValidationError

from planner.model.anatomy_record import AnatomyRecord, BodyRecord, BoneRecord, PedicleRecord
from planner.model.labels import Structure
from planner.model.plan import Plan, Review, Series, Software

BONE = BoneRecord(
    name="vertebra-1", kind="vertebra", level=None, side=None, label_code=3, envelope_ml=61.5, is_cut=False
)
PEDICLE = PedicleRecord(
    bone="vertebra-1", level=None, side="left", centre_lps=(14.0, 20.0, 50.0), usual_inward_lps=(-0.2, -0.98, 0.0),
    width_mm=None, height_mm=14.2,
)  # fmt: skip


def _plan(anatomy: AnatomyRecord | None, *codes: int) -> Plan:
    series = Series(
        series_instance_uid=None, frame_of_reference_uid=None, shape_zyx=(1, 1, 1), spacing_mm=(1.0, 1.0, 1.0),
        patient_position=None, hu_min=0.0, hu_max=0.0, hu_clipped_at=None,
    )  # fmt: skip
    return Plan(
        software=Software(name="x", version="1"), review=Review(), series=series, treatment_position=None,
        settings_sha256="0" * 64, anatomy=anatomy,
        labels=tuple(Structure(code=code, kind="bone", id=f"bone-{code}") for code in codes),
    )  # fmt: skip


def test_it_survives_json_and_an_older_plan_has_none() -> None:
    plan = _plan(AnatomyRecord(bones=(BONE,), pedicles=(PEDICLE,)), 3)
    assert Plan.model_validate_json(plan.model_dump_json(by_alias=True)) == plan
    older = plan.model_dump(mode="json", by_alias=True)
    del older["anatomy"]
    assert Plan.model_validate(older).anatomy is None


def test_a_width_that_was_not_measured_is_null_and_must_be_said() -> None:
    assert PEDICLE.model_dump(mode="json")["width_mm"] is None
    with pytest.raises(ValidationError, match="width_mm"):
        PedicleRecord.model_validate(PEDICLE.model_dump(exclude={"width_mm"}))


def test_a_bone_names_a_label_that_is_there() -> None:
    assert _plan(AnatomyRecord(bones=(BONE.model_copy(update={"label_code": None}),))).labels == ()
    with pytest.raises(ValidationError, match="label code '3'"):
        _plan(AnatomyRecord(bones=(BONE,)), 2)


def test_a_loss_over_the_whole_height_is_refused() -> None:
    fields = {
        "bone": "vertebra-1", "level": None, "front_mm": 20.0, "middle_mm": 20.0, "back_mm": None,
        "front_loss_share": 0.2, "middle_loss_share": 0.2, "back_loss_share": None, "compared_with": "neighbours",
        "genant_like_grade": 1,
    }  # fmt: skip
    assert BodyRecord.model_validate(fields).genant_like_grade == 1
    for wrong in ({"front_loss_share": 1.2}, {"genant_like_grade": 4}, {"compared_with": "atlas"}):
        with pytest.raises(ValidationError):
            BodyRecord.model_validate(fields | wrong)
