"""A scene for 3D Slicer: known nodes, references that lead somewhere, files that are there, no path of this machine."""

import json
import runpy
import sys
import types
import xml.etree.ElementTree as ElementTree

import jsonschema
import pytest

from planner.errors import OutputError
from planner.io.slicer.markups import needle_lines
from planner.io.slicer.scene import SceneModel, write_scene
from tests.unit.io.slicer.test_markups import FORMAT, needle

NOTE = "UNREVIEWED PLAN: no person has checked it"
NODE = {"id", "name", "hideFromEditors", "selectable", "selected", "references"}
DISPLAY = {"visibility", "visibility2D", "visibility3D", "color", "selectedColor", "opacity"}
MARKUPS_DISPLAY = {
    "propertiesLabelVisibility", "pointLabelsVisibility", "textScale", "glyphScale", "curveLineSizeMode",
    "lineDiameter", "sliceProjection", "sliceProjectionUseFiducialColor", "sliceProjectionOpacity",
    "handlesInteractive",
}  # fmt: skip
# The attributes that 3D Slicer's nodes read, of each class that we write.
KNOWN = {
    "Segmentation": set(),
    "SegmentationStorage": {"fileName"},
    "SegmentationDisplay": DISPLAY | {"Visibility2DFill", "Visibility2DOutline", "Opacity2DFill", "Opacity2DOutline"},
    "Model": set(),
    "ModelStorage": {"fileName", "coordinateSystem"},
    "ModelDisplay": DISPLAY | {"scalarVisibility", "backfaceCulling"},
    "MarkupsLine": {"locked"},
    "MarkupsFiducial": {"locked"},
    "MarkupsJsonStorage": {"fileName"},
    "MarkupsDisplay": DISPLAY | MARKUPS_DISPLAY,
    "MarkupsFiducialDisplay": DISPLAY | MARKUPS_DISPLAY,
}
STORED_AS = {
    "Segmentation": ("SegmentationDisplay", "SegmentationStorage"),
    "Model": ("ModelDisplay", "ModelStorage"),
    "MarkupsLine": ("MarkupsDisplay", "MarkupsJsonStorage"),
    "MarkupsFiducial": ("MarkupsFiducialDisplay", "MarkupsJsonStorage"),
}


def check_scene(folder):
    """Hold a scene against the format; gives each shown node by its name, with its display and its file."""
    root = ElementTree.fromstring((folder / "scene.mrml").read_bytes())
    assert root.tag == "MRML" and root.attrib["version"].startswith("Slicer ")
    nodes = {node.attrib["id"]: node for node in root}
    assert len(nodes) == len(root), "ids are unique"
    shown, used = {}, set()
    for identity, node in nodes.items():
        assert set(node.attrib) <= NODE | KNOWN[node.tag], node.tag
        assert identity.startswith(f"vtkMRML{node.tag}Node")
        if node.tag not in STORED_AS:
            continue
        references = dict(part.split(":") for part in node.attrib["references"].rstrip(";").split(";"))
        display, storage = nodes[references["display"]], nodes[references["storage"]]
        assert (display.tag, storage.tag) == STORED_AS[node.tag]
        used |= {display.attrib["id"], storage.attrib["id"]}
        file = storage.attrib["fileName"]
        assert not file.startswith(("/", "..", "~")) and ":" not in file and "%" not in file
        assert (folder / file).is_file(), file
        shown[node.attrib["name"]] = (display.attrib, file)
    assert used | {i for i, n in nodes.items() if n.tag in STORED_AS} == set(nodes), "nothing hangs loose"
    return shown


def write(folder, **options):
    (folder / "surfaces").mkdir()
    (folder / "surfaces" / "gap-1.stl").write_bytes(b"x")
    (folder / "labels.seg.nrrd").write_bytes(b"x")
    write_scene(
        folder,
        **{
            "segmentation": "labels.seg.nrrd",
            "models": [SceneModel("gap-1", "surfaces/gap-1.stl", (0.94, 0.89, 0.26), 0.6)],
            "needles": [needle(slides=True), needle("trajectory-2", approach="femoral", skin=None)],
            "shown": {"trajectory-1"},
            "note": NOTE,
            "note_at_lps": (1.0, 2.0, 300.0),
        }
        | options,
    )


def test_labels_surfaces_and_needles_open_together(tmp_path):
    write(tmp_path)
    shown = check_scene(tmp_path)
    assert set(shown) == {f"labels ({NOTE})", "gap-1", "trajectory-1", "trajectory-1 slide", "trajectory-2", NOTE}
    assert shown["gap-1"][0]["opacity"] == "0.6" and shown["gap-1"][0]["color"] == "0.94 0.89 0.26"
    assert [shown[name][0]["visibility"] for name in ("trajectory-1", "trajectory-2")] == ["true", "false"]
    assert shown["trajectory-1"][0]["curveLineSizeMode"] == "UseLineDiameter"
    assert shown["trajectory-1"][0]["lineDiameter"] == "1.83"


def test_each_line_has_a_file_of_its_own(tmp_path):
    # Slicer reads the first markup of a file that a scene names, and no other.
    write(tmp_path)
    shown = check_scene(tmp_path)
    for way in (needle(slides=True), needle("trajectory-2", approach="femoral", skin=None)):
        for line in needle_lines(way, note=NOTE):
            document = json.loads((tmp_path / shown[line["name"]][1]).read_text(encoding="utf-8"))
            jsonschema.validate(document, FORMAT)
            assert document["markups"] == [line]


def test_the_review_stands_in_the_view_and_in_no_cut(tmp_path):
    write(tmp_path)
    display, file = check_scene(tmp_path)[NOTE]
    assert display["visibility3D"] == display["pointLabelsVisibility"] == "true" and display["visibility2D"] == "false"
    (node,) = json.loads((tmp_path / file).read_text(encoding="utf-8"))["markups"]
    assert node["type"] == "Fiducial" and node["coordinateSystem"] == "LPS"
    assert node["controlPoints"][0]["label"] == NOTE and node["controlPoints"][0]["position"] == [1.0, 2.0, 300.0]


def test_without_labels_or_needles_there_is_still_the_review(tmp_path):
    write(tmp_path, segmentation=None, models=(), needles=(), shown=())
    assert set(check_scene(tmp_path)) == {NOTE}


def test_no_folder_to_write_in(tmp_path):
    (tmp_path / "slicer").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        write(tmp_path)


class _Slicer(types.ModuleType):
    """What the script calls of 3D Slicer, told in the order of the calls."""

    def __init__(self, calls, series_there):
        super().__init__("slicer")
        corner = types.SimpleNamespace(
            SetText=lambda where, words: calls.append(("words", words)),
            GetTextProperty=lambda: types.SimpleNamespace(SetColor=lambda *rgb: None),
        )
        view = types.SimpleNamespace(cornerAnnotation=lambda: corner, forceRender=lambda: None)
        layout = types.SimpleNamespace(
            threeDViewCount=1,
            threeDWidget=lambda number: types.SimpleNamespace(threeDView=lambda: view),
            sliceViewNames=lambda: ["Red"],
            sliceWidget=lambda name: types.SimpleNamespace(sliceView=lambda: view),
        )
        self.app = types.SimpleNamespace(layoutManager=lambda: layout)
        tell = lambda name: lambda *told: calls.append((name, *told))  # noqa: E731
        names = ("loadScene", "loadVolume", "errorDisplay", "resetSliceViews", "resetThreeDViews")
        self.util = types.SimpleNamespace(**{name: tell(name) for name in names})
        self.database = types.SimpleNamespace(
            __enter__=None, filesForSeries=lambda uid: ["a"] if uid == series_there else []
        )


def run_script(folder, monkeypatch, *arguments, series_there="1.2.3"):
    calls = []
    slicer = _Slicer(calls, series_there)

    class Database:
        def __enter__(self):
            return slicer.database

        def __exit__(self, *_):
            calls.append(("closed",))

    utils = types.SimpleNamespace(
        TemporaryDICOMDatabase=Database,
        importDicom=lambda source, database: calls.append(("import", source)),
        loadSeriesByUID=lambda uids: calls.append(("load", uids)),
    )
    monkeypatch.setitem(sys.modules, "slicer", slicer)
    monkeypatch.setitem(
        sys.modules, "vtk", types.SimpleNamespace(vtkCornerAnnotation=types.SimpleNamespace(UpperRight=3))
    )
    monkeypatch.setitem(sys.modules, "DICOMLib", types.SimpleNamespace(DICOMUtils=utils))
    script = folder / "open_in_slicer.py"
    monkeypatch.setattr(sys, "argv", [str(script), *map(str, arguments)])
    runpy.run_path(str(script), run_name="__main__")
    return calls


@pytest.fixture
def plan_folder(tmp_path):
    write(tmp_path)
    plan = {"series": {"series_instance_uid": "1.2.3"}, "review": {"state": "unreviewed"}}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    return tmp_path


def test_the_script_opens_the_scene_and_says_that_nobody_reviewed_it(plan_folder, monkeypatch):
    calls = run_script(plan_folder, monkeypatch)
    assert calls[0] == ("loadScene", str(plan_folder / "scene.mrml"))
    assert [call for call in calls if call[0] == "words"] == [("words", "UNREVIEWED PLAN")] * 2
    assert not {call[0] for call in calls} & {"import", "load", "loadVolume", "errorDisplay"}


def test_the_script_lays_the_plans_own_series_under_it_and_no_other(plan_folder, monkeypatch, tmp_path):
    calls = run_script(plan_folder, monkeypatch, tmp_path)
    assert ("import", str(tmp_path)) in calls and ("load", ["1.2.3"]) in calls and ("closed",) in calls
    calls = run_script(plan_folder, monkeypatch, tmp_path / "plan.json")
    assert ("import", str(tmp_path)) in calls and "loadVolume" not in {call[0] for call in calls}
    calls = run_script(plan_folder, monkeypatch, tmp_path, series_there="9.9")
    assert "load" not in {call[0] for call in calls}
    assert ("errorDisplay", "The folder does not hold the CT that this plan was made on.") in calls


def test_the_script_takes_one_volume_for_a_plan_without_dicom(plan_folder, monkeypatch, tmp_path):
    (plan_folder / "plan.json").write_text(
        json.dumps({"series": {"series_instance_uid": None}, "review": {"state": "approved"}})
    )
    volume = tmp_path / "ct.nrrd"
    volume.write_bytes(b"x")
    calls = run_script(plan_folder, monkeypatch, volume)
    assert ("loadVolume", str(volume)) in calls and ("words", "Approved plan") in calls
    calls = run_script(plan_folder, monkeypatch, tmp_path)
    assert "name that file" in next(call[1] for call in calls if call[0] == "errorDisplay")


def test_nothing_names_a_place_on_this_machine(plan_folder):
    for name in (
        "scene.mrml",
        "open_in_slicer.py",
        *(f"slicer/{file.name}" for file in (plan_folder / "slicer").iterdir()),
    ):
        assert str(plan_folder) not in (plan_folder / name).read_text(encoding="utf-8")
