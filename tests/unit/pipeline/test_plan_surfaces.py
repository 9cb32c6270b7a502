"""Which surfaces a plan has, and what 3D Slicer is given of them."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import trimesh

from planner.config.output_config import OutputConfig
from planner.errors import CancelledError
from planner.io import load_scan
from planner.io.labels.slicer_seg import layers_of
from planner.io.nifti import read_label_nifti, write_label_nifti
from planner.model.anatomy import Anatomy
from planner.model.finding import Finding
from planner.model.labels import LabelMap, Structure
from planner.model.needle import Procedure, ProposedSet
from planner.model.volume import Mask
from planner.pipeline.outputs import own_labels
from planner.pipeline.plan_surfaces import _parts, write_plan_surfaces
from planner.pipeline.slicer_files import write_slicer_files
from planner.progress import Progress
from tests.unit.io.slicer.test_scene import check_scene
from tests.unit.pipeline.test_outputs import CENTRE, grid_of, planned, write_ct
from tests.unit.report.conftest import make_plan

REVIEW = "UNREVIEWED PLAN: no person has checked it"


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """A ball of a gap with a smaller one of metal in it, in bone that reaches the scan's border."""
    case = planned(load_scan(write_ct(tmp_path_factory.mktemp("scan") / "ct", grid_of())))
    grid = case.scan.volume.grid
    away = np.linalg.norm(np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))) - CENTRE, axis=-1)
    codes = np.select([away < 3.0, away < 5.0], [1, 2], 0).astype(np.uint8)
    structures = (
        Structure(code=1, kind="implant", id="screw-1"),
        Structure(code=2, kind="gap", id="gap-1"),
        Structure(code=3, kind="gap", id="gap-2"),
    )
    nothing = Mask(grid, np.zeros(grid.shape, bool))
    anatomy = Anatomy(case.scan.volume, nothing, Mask(grid, away < 8.0), (), ())
    return replace(case, labels=LabelMap(grid, codes, structures), anatomy=anatomy)


def test_each_format_holds_closed_surfaces_and_the_list_tells_of_them(tmp_path, case):
    made = write_plan_surfaces(case, tmp_path / "surfaces", OutputConfig())
    names = {file.name for file in (tmp_path / "surfaces").iterdir()}
    ids = ["screw-1", "gap-1", "bone"]  # gap-2 has no voxel
    assert names == {f"{one}.{end}" for one in ids for end in ("stl", "obj")} | {"plan.glb", "surfaces.json"}
    listed = json.loads((tmp_path / "surfaces" / "surfaces.json").read_text())
    assert listed["note"] == REVIEW and [one["id"] for one in listed["surfaces"]] == ids
    assert [one.named.id for one in made] == ids
    for one in listed["surfaces"]:
        assert one["watertight"] is True and 0.0 <= one["deviation_max_mm"] <= 0.15
        # The metal is five voxels wide: taking their steps off takes a tenth of it.
        assert one["volume_ml"] == pytest.approx(one["voxels_ml"], rel=0.1 if one["id"] == "screw-1" else 0.04)
        for file in one["files"]:
            mesh = trimesh.load(tmp_path / "surfaces" / file)
            assert mesh.is_watertight and mesh.is_winding_consistent and mesh.volume > 0.0
            assert mesh.center_mass == pytest.approx(CENTRE, abs=0.3)
    scene = trimesh.load(tmp_path / "surfaces" / "plan.glb")
    assert set(scene.geometry) == set(ids)
    # the gap round the metal is hollow
    assert scene.geometry["gap-1"].body_count == 2 and scene.geometry["gap-1"].is_watertight


def test_only_what_is_asked_for_is_written(tmp_path, case):
    write_plan_surfaces(case, tmp_path / "one", OutputConfig(surfaces=("obj",), surface_deviation_mm=0.0))
    assert {file.suffix for file in (tmp_path / "one").iterdir()} == {".obj", ".json"}
    listed = json.loads((tmp_path / "one" / "surfaces.json").read_text())["surfaces"]
    assert {one["deviation_max_mm"] for one in listed} == {0.0}
    assert all(one["triangles"] == one["triangles_before"] for one in listed)
    assert write_plan_surfaces(case, tmp_path / "none", OutputConfig(surfaces=())) == ()
    assert not (tmp_path / "none").exists()


class _Stopped:
    def report(self, progress: Progress) -> None:
        pass

    def cancelled(self) -> bool:
        return True


def test_it_can_be_stopped(tmp_path, case):
    with pytest.raises(CancelledError):
        write_plan_surfaces(case, tmp_path / "surfaces", OutputConfig(), monitor=_Stopped())


def write_all(case, folder, config):
    folder.mkdir()
    labels = own_labels(case)
    surfaces = write_plan_surfaces(case, folder / "surfaces", config)
    write_slicer_files(case, labels, surfaces, folder)
    write_label_nifti(labels, folder / "labels.nii.gz")
    return check_scene(folder)


@pytest.mark.parametrize("formats", [("stl", "obj", "glb"), ("obj",), ("glb",), ()])
def test_the_scene_shows_the_surfaces_that_slicer_reads(tmp_path, case, formats):
    shown = write_all(case, tmp_path / "out", OutputConfig(surfaces=formats))
    surfaces = {name for name, (_, file) in shown.items() if file.startswith("surfaces/")}
    assert surfaces == ({"screw-1", "gap-1", "bone"} if {"stl", "obj"} & set(formats) else set())
    assert f"labels ({REVIEW})" in shown and REVIEW in shown


def test_the_scenes_labels_are_the_niftis(tmp_path, case):
    write_all(case, tmp_path / "out", OutputConfig(surfaces=()))
    grid, (codes,) = layers_of(tmp_path / "out" / "labels.seg.nrrd")
    nifti = read_label_nifti(tmp_path / "out" / "labels.nii.gz")
    assert grid.is_same(nifti.grid) and np.array_equal(codes, nifti.codes) and codes.any()


def test_labels_of_a_leaning_ct_lie_in_the_same_place(tmp_path):
    # Slicer holds no sheared segmentation: it is written on the grid that was planned on.
    case = planned(load_scan(write_ct(tmp_path / "ct", grid_of(0.4))))
    assert not own_labels(case).grid.is_rectangular
    write_all(case, tmp_path / "out", OutputConfig(surfaces=()))
    grid, (codes,) = layers_of(tmp_path / "out" / "labels.seg.nrrd")
    assert grid.is_same(case.labels.grid) and np.array_equal(codes, case.labels.codes)
    middle = np.asarray(grid.to_lps(np.argwhere(codes == 1))).mean(axis=0)
    assert middle == pytest.approx(CENTRE, abs=0.3)


def test_the_words_stand_above_everything(tmp_path, case):
    write_all(case, tmp_path / "out", OutputConfig(surfaces=()))
    (node,) = json.loads((tmp_path / "out" / "slicer" / "note.mrk.json").read_text())["markups"]
    grid = case.labels.grid
    highest = np.asarray(grid.to_lps(np.array([(0, 0, 0), np.array(grid.shape) - 1])))[:, 2].max()
    assert node["controlPoints"][0]["position"][2] == pytest.approx(highest + 15.0)


def test_the_scene_of_a_patient_who_is_no_candidate_shows_no_needle(tmp_path, case):
    first = make_plan().trajectories[0]
    ways = (first, first.model_copy(update={"id": "trajectory-2", "rank": 2}))
    one = ProposedSet(
        implant_id="screw-1", gap_ids=("gap-1",), trajectory_ids=("trajectory-2",), reason="why", cement_ml=None
    )
    procedure = Procedure(sets=(one,), needles=1, cement_ml=None, in_needles_ml=None)
    grave = Finding(code="no-candidate", severity="warning", message="no candidate: open surgery")

    def shown(name, **changes):
        plan = case.plan.model_copy(update={"trajectories": ways, **changes})
        write_all(replace(case, plan=plan), tmp_path / name, OutputConfig(surfaces=()))
        nodes = {node.get("id"): node for node in ElementTree.parse(tmp_path / name / "scene.mrml").iter()}
        lines = [node for node in nodes.values() if node.tag == "MarkupsLine"]
        assert len(lines) == len(ways)
        displays = (nodes[line.get("references").split(";")[0].removeprefix("display:")] for line in lines)
        return [line.get("name") for line, one in zip(lines, displays, strict=True) if one.get("visibility") == "true"]

    (proposed,) = shown("proposed", procedure=procedure)
    assert "trajectory-2" in proposed
    (first_ranked,) = shown("loose", procedure=None)
    assert "trajectory-1" in first_ranked
    for number, sitting in enumerate((procedure, None)):
        assert shown(f"refused-{number}", procedure=sitting, findings=(grave,)) == []


def test_a_label_is_cut_out_as_it_lies_also_at_the_border_and_where_it_has_no_voxel(case):
    codes = np.array(case.labels.codes)
    codes[0, 0, 0], codes[-1, -1, -1] = 1, 2
    labels = LabelMap(case.labels.grid, codes, case.labels.structures)
    cut = {part.id: part.mask() for part in _parts(replace(case, labels=labels))}
    for structure in labels.structures:
        assert cut[structure.id].grid is labels.grid
        assert np.array_equal(cut[structure.id].voxels, codes == structure.code)
    assert not cut["gap-2"].voxels.any()
