"""The published schema: made from the models, whole, in words, and what it says is so."""

import copy
import json
import re
from pathlib import Path

import jsonschema
import pytest

from planner.io.plan_field_words import COUNTS, FIELD_WORDS, OWN_UNITS, VECTORS
from planner.io.plan_json import plan_text
from planner.io.plan_schema import is_number, plan_schema, records_of, schema_text, unit_of
from planner.model.plan import SCHEMA, Plan
from tests.unit.io.dicom.full_plans import make_full_plan

PROJECT = Path(__file__).resolve().parents[3]
PUBLISHED = PROJECT / "docs" / f"plan-{SCHEMA.rsplit('/', 1)[1]}.schema.json"


@pytest.fixture(scope="module")
def schema():
    return plan_schema()


def fields(schema):
    found = ((name, record["properties"]) for name, record in records_of(schema))
    return [(name, field, told) for name, properties in found for field, told in properties.items()]


def test_the_published_file_is_what_the_models_give():
    assert PUBLISHED.read_text(encoding="utf-8") == schema_text(), (
        "run: cement-planner schema > docs/plan-1.schema.json"
    )


def test_it_is_a_schema_and_takes_a_full_plan(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema") and schema["title"] == SCHEMA
    jsonschema.validate(json.loads(plan_text(make_full_plan())), schema)


@pytest.mark.parametrize(
    "plan", sorted((PROJECT / "tests" / "unit" / "report" / "plans").glob("*.json")), ids=lambda p: p.stem
)
def test_the_plans_of_the_samples_follow_it(schema, plan):
    jsonschema.validate(json.loads(plan.read_text(encoding="utf-8")), schema)


def test_every_field_and_record_is_told_in_words(schema):
    only_rules = ("", "Null where it was", "Unit:", "Position in LPS, mm.", "A direction of")
    told = {(record, field): told["description"] for record, field, told in fields(schema)}
    assert [where for where, words in told.items() if words in only_rules or words.startswith(only_rules[1:])] == []
    assert [name for name, record in records_of(schema) if len(record["description"]) < 10] == []
    assert not [words for words in told.values() if re.search(r"\bNone\b|`", words)], "Python's words"
    for record in ("Trajectory", "Gap", "Breach"):
        silent = [field for (r, field), words in told.items() if r == record and re.match(r"[Nn]ull\b", words)]
        assert silent == [], "what it is comes before what null is"


def test_every_number_has_a_unit_and_every_place_a_frame(schema):
    for record, field, told in fields(schema):
        assert is_number(told) == ("x-unit" in told), (record, field)
        assert not is_number(told) or told["x-unit"], (record, field)
        assert field.endswith("_lps") == (told.get("x-frame") == "LPS"), (record, field)
    told = schema["$defs"]["Breach"]["properties"]
    assert (told["centroid_lps"]["x-unit"], told["outward_lps"]["x-unit"]) == ("mm", "1")
    assert told["area_mm2"]["x-unit"] == "mm2" and "x-unit" not in told["leak_type"]
    assert schema["$defs"]["Interval"]["properties"]["low"]["x-unit"] == "mL"
    assert unit_of("Gap", "of_an_unknown_name") is None


def test_directions_are_those_of_the_models():
    written = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "planner" / "model").glob("*.py"))
    named = set(re.findall(r"^    (\w+): VectorLps", written, re.M))
    assert named >= VECTORS
    reached = {field for _, field, _ in fields(plan_schema())}
    assert named & reached == VECTORS


def test_what_may_be_null_says_what_null_is(schema):
    silent = [
        (record, field)
        for record, field, told in fields(schema)
        if any(one.get("type") == "null" for one in told.get("anyOf", ())) and "ull" not in told["description"]
    ]
    assert silent == []
    told = schema["$defs"]["Gap"]["properties"]["volume_ml"]["description"]
    assert "not measured" in told and "never zero" in schema["description"]


def test_no_word_stands_for_a_field_that_is_gone(schema):
    there = {field for _, field, _ in fields(schema)} | {f"{record}.{field}" for record, field, _ in fields(schema)}
    there |= {f"{record}.*" for record, _, _ in fields(schema)}
    assert {*FIELD_WORDS, *OWN_UNITS, *COUNTS} - there == set()


def refused(schema, change):
    document = json.loads(plan_text(make_full_plan()))
    change(document)
    try:
        jsonschema.validate(document, schema)
    except jsonschema.ValidationError:
        return True
    return False


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(schema="cement-planner/plan/2"),
        lambda d: d["series"].pop("hu_min"),
        lambda d: d["gaps"][0].update(centroid_lps=[0.0, 0.0]),
        lambda d: d["gaps"][0].update(centroid_lps=None),
        lambda d: d["gaps"][0].update(volume_ml=3.0),
        lambda d: d["gaps"][0]["volume_ml"].update(low=-1.0),
        lambda d: d["breaches"][0].update(severity="grave"),
        lambda d: d["trajectories"][0].update(depth_in_bone_mm=None),
    ],
)
def test_what_breaks_the_contract_is_refused(schema, change):
    assert refused(schema, change)


def test_null_and_fields_to_come_are_taken(schema):
    assert not refused(schema, lambda d: None)
    assert not refused(schema, lambda d: d["gaps"][0].update(volume_ml=None, trust=None, width_mm=None))
    assert not refused(schema, lambda d: d["gaps"][0].update(a_field_of_a_later_version=1))
    assert not refused(schema, lambda d: d["trajectories"][0].update(entry_skin_lps=None, depth_from_skin_mm=None))


def test_making_it_leaves_the_models_alone(schema):
    before = copy.deepcopy(Plan.model_json_schema(by_alias=True))
    plan_schema()
    assert Plan.model_json_schema(by_alias=True) == before and plan_schema() == schema
