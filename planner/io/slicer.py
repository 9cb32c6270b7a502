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


def markups_document(trajectories: Sequence[NeedleWay]) -> dict[str, Any]:
    """Give needles as a 3D Slicer markups document.

    Parameters
    ----------
    trajectories : sequence of NeedleWay
        The needles.

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
    nodes = []
    for trajectory in trajectories:
        words = f"{trajectory.approach}, {trajectory.needle.gauge}, rank {trajectory.rank} for {trajectory.goal_id}"
        on_skin = trajectory.entry_skin_lps is not None
        start = trajectory.entry_skin_lps or trajectory.entry_bone_lps
        first = ("skin entry" if on_skin else "bone entry", start, words)
        if trajectory.slides_along_implant:
            aim = ("aim", trajectory.aim_lps, "contact with the implant")
            target = ("target", trajectory.target_lps, "the tip slides along the implant to here")
            nodes.append(_line(trajectory.id, first, aim, trajectory.approach))
            nodes.append(_line(f"{trajectory.id} slide", aim, target, trajectory.approach))
        else:
            target = ("target", trajectory.target_lps, trajectory.goal_id)
            nodes.append(_line(trajectory.id, first, target, trajectory.approach))
    return {"@schema": MARKUPS_SCHEMA, "markups": nodes}


def write_markups(trajectories: Sequence[NeedleWay], path: Path | str) -> None:
    """Write needles as a 3D Slicer markups file.

    Parameters
    ----------
    trajectories : sequence of NeedleWay
        The needles; none gives a file without lines.
    path : Path or str
        Where; the name should end with ``.mrk.json``, by which Slicer knows it.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    write_json(markups_document(trajectories), path)


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
    return {
        "id": str(number),
        "label": f"{name} {label}",
        "description": description,
        "associatedNodeID": "",
        "position": list(position),
        "selected": True,
        "locked": True,
        "visibility": True,
        "positionStatus": "defined",
    }
