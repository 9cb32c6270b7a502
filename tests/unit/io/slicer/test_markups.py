"""3D Slicer markups: the fields that its format asks for, LPS, one straight line a straight part."""

import json

import jsonschema
import pytest

from planner.errors import OutputError
from planner.io.slicer.markups import APPROACH_COLOURS, markups_document, write_markups
from planner.model.carm import NeedleView
from planner.model.needle import Clearances, Needle, Trajectory

NUMBERS = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
COLOUR = {**NUMBERS, "items": {"type": "number", "minimum": 0.0, "maximum": 1.0}}
# What schema 1.0.3 says of the fields that we write; here a field that is not of the format is refused too.
FORMAT = {
    "type": "object",
    "required": ["@schema", "markups"],
    "additionalProperties": False,
    "properties": {
        "@schema": {"type": "string", "pattern": r"markups-schema-v1\.0\.3\.json#$"},
        "markups": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "coordinateSystem", "controlPoints"],
                "additionalProperties": False,
                "properties": {
                    "type": {"const": "Line"},
                    "name": {"type": "string"},
                    "coordinateSystem": {"enum": ["LPS", "RAS"]},
                    "coordinateUnits": {"enum": ["mm", "um"]},
                    "locked": {"type": "boolean"},
                    "fixedNumberOfControlPoints": {"type": "boolean"},
                    "labelFormat": {"type": "string"},
                    "lastUsedControlPointNumber": {"type": "integer"},
                    "controlPoints": {
                        "type": "array",
                        "minItems": 2,
                        "maxItems": 2,
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "properties": {
                                "id": {"type": "string"},
                                "label": {"type": "string"},
                                "description": {"type": "string"},
                                "associatedNodeID": {"type": "string"},
                                "position": NUMBERS,
                                "selected": {"type": "boolean"},
                                "locked": {"type": "boolean"},
                                "visibility": {"type": "boolean"},
                                "positionStatus": {"enum": ["undefined", "preview", "defined"]},
                            },
                        },
                    },
                    "measurements": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "properties": {
                                "name": {"type": "string"},
                                "enabled": {"type": "boolean"},
                                "units": {"type": "string"},
                            },
                        },
                    },
                    "display": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            "visibility": {"type": "boolean"},
                            "opacity": {"type": "number", "minimum": 0.0, "maximum": 1.0},
                            "color": COLOUR,
                            "selectedColor": COLOUR,
                            "propertiesLabelVisibility": {"type": "boolean"},
                            "pointLabelsVisibility": {"type": "boolean"},
                            "textScale": {"type": "number", "minimum": 0.0},
                            "lineThickness": {"type": "number", "minimum": 0.0},
                            "sliceProjection": {"type": "boolean"},
                            "sliceProjectionUseFiducialColor": {"type": "boolean"},
                            "sliceProjectionOpacity": {"type": "number", "minimum": 0.0, "maximum": 1.0},
                            "handlesInteractive": {"type": "boolean"},
                        },
                    },
                },
            },
        },
    },
}

SKIN, BONE, AIM, TARGET = (60.0, 90.0, 12.0), (30.0, 40.0, 8.0), (12.0, 10.0, 5.6), (8.0, -9.0, 4.0)


def needle(name="trajectory-1", *, approach="transpedicular", skin=SKIN, slides=False):
    end = (AIM, TARGET) if slides else (TARGET,)
    return Trajectory(
        id=name, approach=approach, gap_id="gap-1", implant_id=None, rank=1, entry_skin_lps=skin, entry_bone_lps=BONE,
        aim_lps=end[0], target_lps=TARGET, path_lps=tuple(p for p in (skin, BONE, *end) if p),
        slides_along_implant=slides, depth_from_skin_mm=None, depth_in_bone_mm=50.0,
        needle=Needle(gauge="15G", outer_diameter_mm=1.83, length_mm=150.0),
        clearance_mm=Clearances(metal=None, canal=None, nearest_breach=None), crosses=(), cortical_crossings=1,
        entry_angle_deg=None, reachable_ml=None, skin_landmark=None,
        bulls_eye=NeedleView(
            primary_deg=0.0, secondary_deg=0.0, console_primary_deg=0.0, console_secondary_deg=0.0,
            within_gantry_limits=True,
        ),
        score=0.5, score_terms={},
    )  # fmt: skip


def places(node):
    return [tuple(point["position"]) for point in node["controlPoints"]]


def test_a_line_from_skin_to_target_in_lps(tmp_path):
    write_markups([needle()], tmp_path / "trajectories.mrk.json")
    document = json.loads((tmp_path / "trajectories.mrk.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, FORMAT)
    (node,) = document["markups"]
    assert node["coordinateSystem"] == "LPS" and node["coordinateUnits"] == "mm" and node["name"] == "trajectory-1"
    assert places(node) == [SKIN, TARGET]
    assert [point["label"] for point in node["controlPoints"]] == ["trajectory-1 skin entry", "trajectory-1 target"]
    assert node["measurements"] == [{"name": "length", "enabled": False, "units": "mm"}]


def test_without_skin_it_starts_at_the_bone_and_says_so():
    (node,) = markups_document([needle(skin=None)])["markups"]
    assert places(node) == [BONE, TARGET]
    assert node["controlPoints"][0]["label"].endswith("bone entry")


def test_a_tip_that_slides_gives_two_straight_lines():
    document = markups_document([needle(slides=True)])
    jsonschema.validate(document, FORMAT)
    straight, slide = document["markups"]
    assert places(straight) == [SKIN, AIM] and places(slide) == [AIM, TARGET]
    assert slide["name"] == "trajectory-1 slide"


def test_colours_tell_the_approaches_apart():
    nodes = markups_document([needle(a, approach=a) for a in APPROACH_COLOURS])["markups"]
    assert len({tuple(node["display"]["color"]) for node in nodes}) == 3


def test_no_needles_is_a_file_without_lines(tmp_path):
    write_markups([], tmp_path / "a.mrk.json")
    assert json.loads((tmp_path / "a.mrk.json").read_text())["markups"] == []


def test_no_folder_to_write_in(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        write_markups([], tmp_path / "no" / "a.mrk.json")


def test_a_note_stands_at_every_needle():
    nodes = markups_document([needle(slides=True)], note="UNREVIEWED PLAN")["markups"]
    assert "UNREVIEWED PLAN" in nodes[0]["controlPoints"][0]["description"]
    assert "UNREVIEWED" not in str(markups_document([needle()]))
