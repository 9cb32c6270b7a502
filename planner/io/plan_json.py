"""``plan.json``: written whole or not at all, read through the models, described by a schema made from them."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from planner import __version__
from planner.errors import ForeignPlanError, InputError
from planner.io.whole_file import write_whole
from planner.model.plan import SCHEMA, Plan

_SCHEMA_FAMILY = SCHEMA.rsplit("/", 1)[0]


def plan_text(plan: Plan) -> str:
    """Give a plan as JSON.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    str
        Two spaces a level, a line end at the end.
    """
    return _text(plan.model_dump(mode="json", by_alias=True))


def save_plan(plan: Plan, path: Path | str) -> None:
    """Write a plan beside its place and move it there.

    Parameters
    ----------
    plan : Plan
        The plan.
    path : Path or str
        Where it shall be.

    Raises
    ------
    OutputError
        If it cannot be written; an older file is then still there as it was.
    """
    write_whole(plan_text(plan).encode("utf-8"), Path(path))


def write_json(document: dict[str, Any], path: Path | str) -> None:
    """Write a document in the manner of the plan.

    Parameters
    ----------
    document : dict
        Anything that JSON can hold; numbers that are not finite are refused.
    path : Path or str
        Where it shall be.

    Raises
    ------
    OutputError
        If it cannot be written.
    ValueError
        If a number is not finite.
    """
    write_whole(_text(document).encode("utf-8"), Path(path))


def load_plan(path: Path | str) -> Plan:
    """Read a plan.

    Parameters
    ----------
    path : Path or str
        A ``plan.json``.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        If it cannot be read, is not JSON, or is not a plan of this schema.
    ForeignPlanError
        If it is no plan of this program at all.
    """
    path = Path(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {(error.strerror or 'the system refused').lower()}") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path.name} is not JSON in UTF-8; make the plan again") from error
    return validate_plan_document(document)


def validate_plan_document(document: object) -> Plan:
    """Check that a document is a plan.

    Parameters
    ----------
    document : object
        Parsed JSON.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        Naming the first field that is wrong, or the schema where it is another one, and what to do.
    ForeignPlanError
        If it names no schema of this program.
    """
    if not isinstance(document, dict):
        raise ForeignPlanError("the plan is no JSON object; make the plan again")
    schema = document.get("schema")
    if not isinstance(schema, str) or not schema.startswith(_SCHEMA_FAMILY + "/"):
        raise ForeignPlanError(f"the document names no schema {SCHEMA}; give a plan.json that this program wrote")
    if schema != SCHEMA:
        raise InputError(_wrong_schema(schema))
    try:
        return Plan.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "document"
        if first["type"] == "extra_forbidden":
            raise InputError(_unknown_field(where, document)) from error
        raise InputError(f"the plan's field {where} is wrong: {first['msg']}; make the plan again") from error


def _wrong_schema(schema: str) -> str:
    number, ours = schema.rsplit("/", 1)[1], int(SCHEMA.rsplit("/", 1)[1])
    if number.isdecimal() and len(number) < 9 and int(number) < ours:
        return f"the plan is of the older schema {number}, this program reads {ours}; plan again on the same CT"
    return f"the plan's schema is {number[:20]!r}, this program reads {ours}; update the program"


def _unknown_field(where: str, document: dict[str, Any]) -> str:
    """Say that a field is unknown: it may be one that a later version added, and may bear a warning."""
    software = document.get("software")
    version = software.get("version") if isinstance(software, dict) else None
    made_by = f" by version {version[:20]!r}" if isinstance(version, str) and version != __version__ else ""
    advice = "update the program" if made_by else "take the field out"
    return f"the plan's field {where[:80]} is not known here: it was made{made_by or ' by hand'}; {advice}"


def _text(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
