"""A scene of 3D Slicer (``.mrml``) that opens a plan's labels, surfaces and needles together."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planner.errors import OutputError
from planner.io.plan_json import write_json
from planner.io.slicer.markups import APPROACH_COLOURS, MARKUPS_SCHEMA, NOTE_COLOUR, needle_lines, note_point
from planner.io.whole_file import write_whole
from planner.model.needle import NeedleWay
from planner.model.record import PointLps

SCENE_FILE = "scene.mrml"
SCRIPT_FILE = "open_in_slicer.py"
NODES_FOLDER = "slicer"
"""Where the scene keeps one markups file for each line: Slicer reads no more than the first of a file in a scene."""
_TEMPLATE = Path(__file__).with_name("open_in_slicer.txt")
_SAFE = re.compile(r"[^A-Za-z0-9._-]+")
_BELOW_OPACITY = 0.35
"""Of labels laid over the CT: what lies under them stays to be seen. Ours."""


@dataclass(frozen=True, slots=True)
class SceneModel:
    """A surface of the scene.

    Parameters
    ----------
    name : str
        As it is listed.
    file : str
        The surface's file in LPS mm, relative to the scene's folder.
    colour : (r, g, b)
        0 to 1.
    opacity : float
        0 to 1.
    visible : bool
        Whether it is drawn at first.
    """

    name: str
    file: str
    colour: tuple[float, float, float]
    opacity: float = 1.0
    visible: bool = True


def write_scene(
    folder: Path,
    *,
    segmentation: str | None,
    models: Sequence[SceneModel],
    needles: Sequence[NeedleWay],
    shown: Collection[str],
    note: str,
    note_at_lps: PointLps,
) -> None:
    """Write a plan's scene, its markups and the script that opens it with the CT.

    Parameters
    ----------
    folder : Path
        The plan's folder; other files of the scene are in it already.
    segmentation : str or None
        The labels' file, relative to the folder; None for none.
    models : sequence of SceneModel
        Surfaces.
    needles : sequence of NeedleWay
        Needles, drawn as wide as they are.
    shown : collection of str
        Ids of the needles that are drawn at first.
    note : str
        What every reader must know: it stands in the 3D view, and in the labels' name.
    note_at_lps : tuple of float
        Where it stands, LPS mm, away from the patient.

    Raises
    ------
    OutputError
        If a file cannot be written.

    Notes
    -----
    Format: 3D Slicer developer guide, "MRML overview"; attributes as its nodes read them (as in 5.13). Every file is
    named relative to the scene, which so may be moved with its folder. The CT is not in the plan's folder and its
    place is not written down, for folders are often named after patients: the script takes it.
    """
    scene = _Scene()
    _make_folder(folder / NODES_FOLDER)
    if segmentation is not None:
        scene.segmentation(segmentation, f"labels ({note})")
    for model in models:
        scene.model(model)
    for needle in needles:
        for line in needle_lines(needle, note=note):
            file = f"{NODES_FOLDER}/{_SAFE.sub('-', line['name'])}.mrk.json"
            write_json({"@schema": MARKUPS_SCHEMA, "markups": [line]}, folder / file)
            scene.needle(line["name"], file, needle, visible=needle.id in shown)
    file = f"{NODES_FOLDER}/note.mrk.json"
    write_json({"@schema": MARKUPS_SCHEMA, "markups": [note_point(note, note_at_lps)]}, folder / file)
    scene.note(note, file)
    write_whole(scene.text(), folder / SCENE_FILE)
    write_whole(_TEMPLATE.read_bytes(), folder / SCRIPT_FILE)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise OutputError(f"{folder.name} cannot be written: {reason}; choose another place") from error


class _Scene:
    """Nodes of a scene, in the order in which Slicer lists them."""

    def __init__(self) -> None:
        self._root = ElementTree.Element("MRML", version="Slicer 5.0", userTags="")
        self._counts: dict[str, int] = {}

    def text(self) -> bytes:
        ElementTree.indent(self._root, " ")
        return bytes(ElementTree.tostring(self._root, encoding="UTF-8", xml_declaration=True)) + b"\n"

    def segmentation(self, file: str, name: str) -> None:
        display = {
            "visibility": "true",
            "visibility2D": "true",
            # In 3D stand the plan's own surfaces, whose deviation is told.
            "visibility3D": "false",
            "Visibility2DFill": "true",
            "Visibility2DOutline": "true",
            "Opacity2DFill": str(_BELOW_OPACITY),
            "Opacity2DOutline": "1",
        }
        self._shown("Segmentation", name, file, ("SegmentationDisplay", display), ("SegmentationStorage", {}))

    def model(self, model: SceneModel) -> None:
        display = {
            "color": _vector(model.colour),
            "opacity": f"{model.opacity:g}",
            "visibility": _truth(model.visible),
            "visibility2D": "false",
            "visibility3D": "true",
            "scalarVisibility": "false",
            # What is see-through would else hide what lies in it.
            "backfaceCulling": "false",
        }
        self._shown(
            "Model", model.name, model.file, ("ModelDisplay", display), ("ModelStorage", {"coordinateSystem": "LPS"})
        )

    def needle(self, name: str, file: str, needle: NeedleWay, *, visible: bool) -> None:
        colour = _vector(APPROACH_COLOURS[needle.approach])
        display = {
            "color": colour,
            "selectedColor": colour,
            "opacity": "1",
            "visibility": _truth(visible),
            "visibility2D": "true",
            "visibility3D": "true",
            "propertiesLabelVisibility": "true",
            "pointLabelsVisibility": "false",
            "textScale": "2.5",
            "curveLineSizeMode": "UseLineDiameter",
            "lineDiameter": f"{needle.needle.outer_diameter_mm:g}",
            "sliceProjection": "true",
            "sliceProjectionUseFiducialColor": "true",
            "sliceProjectionOpacity": "0.6",
            "handlesInteractive": "false",
        }
        self._shown(
            "MarkupsLine", name, file, ("MarkupsDisplay", display), ("MarkupsJsonStorage", {}), {"locked": "true"}
        )

    def note(self, note: str, file: str) -> None:
        colour = _vector(NOTE_COLOUR)
        display = {
            "color": colour,
            "selectedColor": colour,
            "visibility": "true",
            "visibility2D": "false",
            "visibility3D": "true",
            "propertiesLabelVisibility": "false",
            "pointLabelsVisibility": "true",
            "textScale": "4",
            "glyphScale": "0.1",
            "sliceProjection": "false",
            "handlesInteractive": "false",
        }
        drawn = ("MarkupsFiducialDisplay", display)
        self._shown("MarkupsFiducial", note, file, drawn, ("MarkupsJsonStorage", {}), {"locked": "true"})

    def _shown(
        self,
        tag: str,
        name: str,
        file: str,
        display: tuple[str, dict[str, str]],
        storage: tuple[str, dict[str, str]],
        more: dict[str, str] | None = None,
    ) -> None:
        """Add what is shown, how it is shown and where it is read from, tied to each other by their ids."""
        kept = self._node(storage[0], {"fileName": file, **storage[1]}, hidden=True)
        drawn = self._node(display[0], display[1], hidden=True)
        references = f"display:{drawn};storage:{kept};"
        self._node(tag, {"name": name, **(more or {}), "references": references}, hidden=False)

    def _node(self, tag: str, attributes: dict[str, Any], *, hidden: bool) -> str:
        number = self._counts[tag] = self._counts.get(tag, 0) + 1
        identity = f"vtkMRML{tag}Node{number}"
        head = {"id": identity, "hideFromEditors": _truth(hidden), "selectable": "true", "selected": "false"}
        ElementTree.SubElement(self._root, tag, {**head, **attributes})
        return identity


def _truth(value: bool) -> str:  # noqa: FBT001  # a word for a value
    return "true" if value else "false"


def _vector(values: tuple[float, float, float]) -> str:
    return " ".join(f"{value:.6g}" for value in values)
