"""The JSON Schema of ``plan.json``, made from the models: what each field is, its unit, its frame, what null means."""

import json
import re
from collections.abc import Iterator
from typing import Any

from planner.io.plan_field_words import COUNTS, FIELD_WORDS, OWN_UNITS, VECTORS
from planner.model.plan import SCHEMA, Plan

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_RULES = (
    "Lengths are mm, volumes mL, angles degrees; x-unit says it of each number. Positions (x-frame LPS) are of DICOM's "
    "patient coordinate system, mm: +x the patient's left, +y the back, +z the head. Null means that something was not "
    "measured or does not apply, never zero and never safe. Programs of one schema number may add fields: readers "
    "leave alone those that they do not know. A change of meaning raises the number."
)
_UNITS = (
    ("_mm2", "mm2"),
    ("_mm", "mm"),
    ("_ml", "mL"),
    ("_deg", "deg"),
    ("_hu", "HU"),
    ("_fraction", "1"),
    ("_share", "1"),
    ("_shares", "1"),
    ("_s", "s"),
)
_UNIT_WORDS = {"deg": "degrees", "s": "seconds", "1": None}
_SAYS_NULL = re.compile(r"\bnull\b")


def plan_schema() -> dict[str, Any]:
    """Give the JSON Schema of ``plan.json``.

    Returns
    -------
    dict
        JSON Schema, draft 2020-12. Each field has a description; each number the keyword ``x-unit`` ("1" for what has
        no dimension), each position and direction ``x-frame``.
    """
    schema = Plan.model_json_schema(by_alias=True, mode="serialization")
    for name, record in records_of(schema):
        record.pop("additionalProperties", None)
        record["description"] = _plain(record.get("description", ""))
        for field, told in record["properties"].items():
            _describe(name, field, told)
    head = {"$schema": DIALECT, "$id": f"urn:{SCHEMA.replace('/', ':')}", "title": SCHEMA}
    rest = {key: value for key, value in schema.items() if key not in ("title", "description")}
    return {**head, "description": f"{schema['description']} {_RULES}", **rest}


def schema_text() -> str:
    """Give the JSON Schema as it is published.

    Returns
    -------
    str
        Two spaces a level, a line end at the end.
    """
    return json.dumps(plan_schema(), indent=2, ensure_ascii=False) + "\n"


def records_of(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the plan and each record in it, by name.

    Parameters
    ----------
    schema : dict
        As `plan_schema` gives it.

    Yields
    ------
    (str, dict)
        "Plan" first.
    """
    yield "Plan", schema
    for name, record in schema["$defs"].items():
        if "properties" in record:
            yield name, record


def is_number(told: dict[str, Any]) -> bool:
    """Say whether a field holds numbers: one, several, or by name.

    Parameters
    ----------
    told : dict
        The field's schema.

    Returns
    -------
    bool
        False for what holds records.
    """
    if told.get("type") in ("number", "integer"):
        return True
    inner = [*told.get("anyOf", ()), *told.get("prefixItems", ()), told.get("items"), told.get("additionalProperties")]
    return any(is_number(one) for one in inner if isinstance(one, dict))


def unit_of(record: str, field: str) -> str | None:
    """Give the unit of a field's numbers.

    Parameters
    ----------
    record : str
        The record's name.
    field : str
        The field's.

    Returns
    -------
    str or None
        "1" for what has no dimension; None where nothing tells it.
    """
    own = OWN_UNITS.get(f"{record}.{field}") or OWN_UNITS.get(f"{record}.*")
    if own is not None:
        return own
    if field.endswith("_lps"):
        return "1" if field in VECTORS else "mm"
    if field.startswith("hu_"):
        return "HU"
    ending = next((unit for end, unit in _UNITS if field.endswith(end)), None)
    return "1" if ending is None and field in COUNTS else ending


def _describe(record: str, field: str, told: dict[str, Any]) -> None:
    """Complete a field: words, unit, frame, and what null is."""
    general = FIELD_WORDS.get(f"{record}.{field}") or FIELD_WORDS.get(field, "")
    own = told.pop("description", "")
    # Where the model says only what None is, what the field is stands before it.
    words = f"{general} {own}" if own.startswith("None") and general else own or general
    sentences = [_plain(words)]
    told.pop("title", None)
    if is_number(told):
        unit = unit_of(record, field)
        told["x-unit"] = unit
        if field.endswith("_lps"):
            told["x-frame"] = "LPS"
            sentences.append("A direction of length 1 in LPS." if field in VECTORS else "Position in LPS, mm.")
        else:
            sentences.append(_in_words(unit, words))
    if _may_be_null(told) and not _SAYS_NULL.search(sentences[0]):
        sentences.append("Null where it was not measured, is not known or does not apply.")
    told["description"] = " ".join(sentence for sentence in sentences if sentence)


def _in_words(unit: str | None, words: str) -> str:
    said = None if unit is None else _UNIT_WORDS.get(unit, unit)
    return "" if said is None or re.search(rf"\b{re.escape(said)}s?\b", words) else f"Unit: {said}."


def _may_be_null(told: dict[str, Any]) -> bool:
    return any(one.get("type") == "null" for one in told.get("anyOf", ()))


def _plain(words: str) -> str:
    """Turn a docstring into words for readers of JSON."""
    text = re.sub(r"\bNone\b", "null", re.sub(r"`{1,2}", "", " ".join(words.split())))
    return text if not text or text.endswith((".", '"')) else f"{text}."
