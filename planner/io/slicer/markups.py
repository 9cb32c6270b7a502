"""Needles for 3D Slicer: a markups file (``.mrk.json``) with one straight line for each straight part of a way."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from planner.io.plan_json import write_json
from planner.model.needle import Approach, NeedleWay
from planner.model.record import PointLps

MARKUPS_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)
"""The format's name as 3D Slicer itself writes it; never fetched. 1.0.3 is read by Slicer 5.0 and later."""

APPROACH_COLOURS: dict[Approach, tuple[float, float, float]] = {
    "transpedicular": (0.0, 0.447, 0.698),
    "extrapedicular": (0.902, 0.624, 0.0),
    "femoral": (0.8, 0.475, 0.655),
}
"""RGB, 0 to 1: blue, orange and reddish purple of M. Okabe and K. Ito, told apart by colour-blind readers too."""
NOTE_COLOUR = (0.941, 0.627, 0.0)
"""RGB, 0 to 1: orange, as everywhere in the program for what warns."""


def markups_document(trajectories: Sequence[NeedleWay], *, note: str = "") -> dict[str, Any]:
    """Give needles as a 3D Slicer markups document.

    Parameters
    ----------
    trajectories : sequence of NeedleWay
        The needles.
    note : str
        What every reader of them must know: it stands in the description of each needle's points.

    Returns
    -------
    dict
        JSON of markups schema 1.0.3, positions in LPS mm. A needle is a ``Line`` from the first point of its way (skin,
        or bone where the skin is outside the scan) to the end of its straight part; where the tip then slides along the
        implant, a second ``Line`` leads on to the target. A ``Curve`` through both would be bent by Slicer's spline.

    Notes
    -----
    Format: 3D Slicer developer guide, "Markups json file format", and its JSON schema 1.0.3.
    """
    nodes = [line for trajectory in trajectories for line in needle_lines(trajectory, note=note)]
    return {"@schema": MARKUPS_SCHEMA, "markups": nodes}


def needle_lines(trajectory: NeedleWay, *, note: str = "") -> list[dict[str, Any]]:
    """Give the straight parts of a needle's way as 3D Slicer's lines.

    Parameters
    ----------
    trajectory : NeedleWay
        The needle.
    note : str
        As for `markups_document`.

    Returns
    -------
    list of dict
        One line, or two where the tip slides along the implant.
    """
    words = f"{trajectory.approach}, {trajectory.needle.gauge}, rank {trajectory.rank} for {trajectory.goal_id}"
    words = f"{note}; {words}" if note else words
    goal = f"{note}; {trajectory.goal_id}" if note else trajectory.goal_id
    on_skin = trajectory.entry_skin_lps is not None
    start = trajectory.entry_skin_lps or trajectory.entry_bone_lps
    first = ("skin entry" if on_skin else "bone entry", start, words)
    if not trajectory.slides_along_implant:
        return [_line(trajectory.id, first, ("target", trajectory.target_lps, goal), trajectory.approach)]
    aim = ("aim", trajectory.aim_lps, "contact with the implant")
    target = ("target", trajectory.target_lps, "the tip slides along the implant to here")
    return [
        _line(trajectory.id, first, aim, trajectory.approach),
        _line(f"{trajectory.id} slide", aim, target, trajectory.approach),
    ]


def note_point(note: str, place_lps: PointLps) -> dict[str, Any]:
    """Give words that stand in the 3D view, as a point list of 3D Slicer with one point.

    Parameters
    ----------
    note : str
        The words.
    place_lps : tuple of float
        Where they begin, LPS mm: away from the patient, for nothing lies there.

    Returns
    -------
    dict
        A ``Fiducial`` of markups schema 1.0.3 that is not drawn in cuts.
    """
    return {
        "type": "Fiducial",
        "name": note,
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": True,
        "fixedNumberOfControlPoints": True,
        "labelFormat": "%N",
        "lastUsedControlPointNumber": 1,
        "controlPoints": [_labelled(1, note, place_lps, "words, no place in the patient")],
        "measurements": [],
        "display": {
            "visibility": True,
            "opacity": 1.0,
            "color": list(NOTE_COLOUR),
            "selectedColor": list(NOTE_COLOUR),
            "propertiesLabelVisibility": False,
            "pointLabelsVisibility": True,
            "textScale": 4.0,
            "glyphScale": 0.1,
            "sliceProjection": False,
            "handlesInteractive": False,
        },
    }


def write_markups(trajectories: Sequence[NeedleWay], path: Path | str, *, note: str = "") -> None:
    """Write needles as a 3D Slicer markups file.

    Parameters
    ----------
    trajectories : sequence of NeedleWay
        The needles; none gives a file without lines.
    path : Path or str
        Where; the name should end with ``.mrk.json``, by which Slicer knows it.
    note : str
        As for `markups_document`.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    write_json(markups_document(trajectories, note=note), path)


def _line(
    name: str, start: tuple[str, PointLps, str], end: tuple[str, PointLps, str], approach: Approach
) -> dict[str, Any]:
    colour = list(APPROACH_COLOURS[approach])
    return {
        "type": "Line",
        "name": name,
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": True,
        "fixedNumberOfControlPoints": True,
        "labelFormat": "%N-%d",
        "lastUsedControlPointNumber": 2,
        "controlPoints": [_point(number, name, *what) for number, what in enumerate((start, end), start=1)],
        # Slicer adds a length of its own; it would stand beside ours and say the same.
        "measurements": [{"name": "length", "enabled": False, "units": "mm"}],
        "display": {
            "visibility": True,
            "opacity": 1.0,
            "color": colour,
            "selectedColor": colour,
            "propertiesLabelVisibility": True,
            "pointLabelsVisibility": False,
            "textScale": 2.5,
            "lineThickness": 0.3,
            "sliceProjection": True,
            "sliceProjectionUseFiducialColor": True,
            "sliceProjectionOpacity": 0.6,
            "handlesInteractive": False,
        },
    }


def _point(number: int, name: str, label: str, position: PointLps, description: str) -> dict[str, Any]:
    return _labelled(number, f"{name} {label}", position, description)


def _labelled(number: int, label: str, position: PointLps, description: str) -> dict[str, Any]:
    return {
        "id": str(number),
        "label": label,
        "description": description,
        "associatedNodeID": "",
        "position": list(position),
        "selected": True,
        "locked": True,
        "visibility": True,
        "positionStatus": "defined",
    }
