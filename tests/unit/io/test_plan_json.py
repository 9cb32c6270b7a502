"""plan.json goes out whole, comes back the same, and says which field is wrong."""

import json

import jsonschema
import pytest

from planner import __version__
from planner.errors import ForeignPlanError, InputError, OutputError
from planner.io.plan_json import load_plan, plan_text, save_plan, validate_plan_document, write_json
from planner.io.plan_schema import plan_schema
from planner.model.finding import Finding
from planner.model.plan import Plan, Review, Series, Software


@pytest.fixture
def plan():
    return Plan(
        software=Software(name="cement-planner", version="0"),
        review=Review(),
        series=Series(
            series_instance_uid="1.2",
            frame_of_reference_uid=None,
            shape_zyx=(3, 4, 5),
            spacing_mm=(1.0, 0.5, 0.5),
            patient_position="HFS",
            hu_min=-1024.0,
            hu_max=3071.0,
            hu_clipped_at=None,
        ),
        treatment_position="HFP",
        settings_sha256="0" * 64,
        findings=(Finding(code="a", severity="info", message="Größe µm"),),
    )


def test_there_and_back(tmp_path, plan):
    path = tmp_path / "plan.json"
    save_plan(plan, path)
    assert load_plan(path) == plan
    text = path.read_text(encoding="utf-8")
    assert text == plan_text(plan)
    assert text.startswith('{\n  "schema": "cement-planner/plan/1"') and "Größe µm" in text and text.endswith("}\n")
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]


def test_a_failed_write_leaves_the_old_plan_and_nothing_else(tmp_path, plan, monkeypatch):
    path = tmp_path / "plan.json"
    save_plan(plan, path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OutputError, match="no space left"):
        save_plan(plan, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]


def test_no_folder_to_write_in(tmp_path, plan):
    with pytest.raises(OutputError, match="cannot be written"):
        save_plan(plan, tmp_path / "no" / "plan.json")


def test_the_schema_takes_what_we_write_and_no_other(plan):
    schema = plan_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(plan_text(plan))
    jsonschema.validate(document, schema)
    assert schema["$id"] and schema["title"] == "cement-planner/plan/1" and "schema" in schema["properties"]
    document["series"]["hu_min"] = "low"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["series"].pop("hu_min"), r"series\.hu_min"),
        (lambda d: d.update(extra=1), "field extra is not known here: .*by version '0'; update the program"),
        (lambda d: d.update(extra=1, software={"name": "x", "version": __version__}), "by hand; take the field out"),
        (lambda d: d.update(extra=1, software=None), "software is wrong|extra is not known"),
        (lambda d: d["findings"][0].update(severity="bad"), r"findings\.0\.severity"),
        (lambda d: d.update(schema="cement-planner/plan/0"), "older schema 0.*plan again"),
        (lambda d: d.update(schema="cement-planner/plan/2"), "update the program"),
        (lambda d: d.update(schema="cement-planner/plan/1e9"), "'1e9'.*update the program"),
        (lambda d: d.update(schema="cement-planner/plan/"), "''.*update the program"),
        (lambda d: d.update(schema=["cement-planner/plan/1"]), "names no schema"),
        (lambda d: d.update(schema="other/1"), "names no schema"),
        (lambda d: d.pop("schema"), "names no schema"),
    ],
)
def test_a_wrong_document_is_refused_by_field(plan, change, words):
    document = json.loads(plan_text(plan))
    assert validate_plan_document(document) == plan
    change(document)
    with pytest.raises(InputError, match=words):
        validate_plan_document(document)


def test_another_documents_are_told_from_other_plans(plan):
    document = json.loads(plan_text(plan))
    for foreign in ([], {}, document | {"schema": "bom/2"}):
        with pytest.raises(ForeignPlanError):
            validate_plan_document(foreign)
    for ours in (document | {"schema": "cement-planner/plan/0"}, document | {"extra": 1}, document | {"series": {}}):
        with pytest.raises(InputError) as told:
            validate_plan_document(ours)
        assert not isinstance(told.value, ForeignPlanError)


def test_what_is_no_plan_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_plan(tmp_path / "no.json")
    for content in (b"{", b"\xff\xfe{}", b"[" * 100_000):
        (tmp_path / "bad.json").write_bytes(content)
        with pytest.raises(InputError, match="not JSON"):
            load_plan(tmp_path / "bad.json")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(InputError, match="no JSON object"):
        load_plan(tmp_path / "list.json")


def test_numbers_that_are_not_finite_are_refused(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json({"a": float("nan")}, tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []
