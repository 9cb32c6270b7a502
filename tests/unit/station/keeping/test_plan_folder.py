"""A plan's folder: what it holds, whose CT fits, which settings it was made with; written whole or not at all."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import planner.pipeline
from planner.config.plan_config import PlanConfig
from planner.errors import CancelledError, InputError, UsageError
from planner.geometry.grid import Grid
from planner.io import load_scan
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.io.nifti import write_label_nifti
from planner.io.plan_json import save_plan
from planner.model.finding import Finding
from planner.model.labels import LabelMap, Structure
from planner.model.plan import Review
from planner.model.scan import Scan
from planner.model.volume import Volume
from planner.station.keeping import plan_folder
from planner.station.keeping.plan_folder import (
    OpenedPlan,
    is_ct_of,
    load_own_ct,
    open_plan_folder,
    plan_again,
    plan_file,
    save_plan_folder,
    settings_of,
)
from planner.station.keeping.scene_file import ChosenThing, Scene, load_scene, save_scene
from tests.unit.report.conftest import make_plan

GRID = Grid((3, 16, 18), np.diag([1.0, 1.0, 2.0, 1.0])[[2, 1, 0, 3]])
GIVEN = Finding(code="gaps-given", severity="info", message="x")


def volume(value=0):
    hu = np.linspace(-1000, 1500, 3 * 16 * 18).astype(np.int16).reshape(GRID.shape)
    return Volume(GRID, hu + np.int16(value))


@pytest.fixture
def ct(tmp_path):
    folder = tmp_path / "ct"
    folder.mkdir()
    write_ct_series(volume(), folder, identity=SeriesIdentity(seed="own"))
    return folder


@pytest.fixture
def folder(tmp_path, ct):
    out = tmp_path / "out"
    out.mkdir()
    scan = load_scan(ct, assume_hu=True)
    structures = (Structure(code=2, kind="gap", id="gap-1"),)
    save_plan(make_plan(series=scan.series, labels=structures, findings=()), out / "plan.json")
    codes = np.zeros(scan.volume.grid.shape, np.uint8)
    codes[1, 2:4, 3:5] = 2
    write_label_nifti(LabelMap(scan.volume.grid, codes, structures), out / "labels.nii.gz")
    return out


def test_a_plan_is_found_by_its_folder_and_its_file(folder, ct):
    assert plan_file(folder) == plan_file(folder / "plan.json") == folder / "plan.json"
    assert plan_file(ct) is None and plan_file(folder / "labels.nii.gz") is None


def test_it_opens_with_what_is_there(folder):
    opened = open_plan_folder(folder / "plan.json")
    assert opened.folder == folder and opened.scene is None and not opened.gaps_are_edited
    assert int(np.count_nonzero(opened.labels.codes)) == 4
    save_scene(Scene(hidden=("gap-1", "gone"), chosen=ChosenThing(kind="gap", id="gone")), folder)
    (folder / "labels.nii.gz").unlink()
    opened = open_plan_folder(folder)
    assert opened.labels is None
    assert (opened.scene.hidden, opened.scene.chosen) == (("gap-1",), None), "what the plan has not is left out"


def test_without_a_plan_it_is_refused_in_words(ct):
    with pytest.raises(InputError, match=r"ct holds no plan\.json"):
        open_plan_folder(ct)


@pytest.mark.parametrize(
    ("findings", "scene", "edited"),
    [((), None, False), ((GIVEN,), None, True), ((), Scene(gaps_edited=True), True), ((), Scene(), False)],
)
def test_whose_gaps_they_are(findings, scene, edited):
    assert OpenedPlan(None, make_plan(findings=findings), None, scene).gaps_are_edited is edited


def test_its_own_ct_is_taken(folder, ct):
    opened = open_plan_folder(folder)
    assert load_own_ct(assumed(opened), ct).series.name == opened.plan.series.name


def assumed(opened):
    """The made-up CT is no body: its numbers count as HU on somebody's word."""
    finding = Finding(code="hu-assumed", severity="caution", message="x")
    return OpenedPlan(opened.folder, opened.plan.model_copy(update={"findings": (finding,)}), opened.labels, None)


def test_the_ct_of_another_series_and_one_that_lies_elsewhere_are_refused(folder, ct, tmp_path):
    opened = assumed(open_plan_folder(folder))
    other = tmp_path / "other"
    other.mkdir()
    write_ct_series(volume(), other, identity=SeriesIdentity(seed="another patient"))
    with pytest.raises(InputError, match="other is not the CT that this plan was made from"):
        load_own_ct(opened, other)
    moved = GRID.lps_from_index.copy()
    moved[0, 3] += 5.0
    elsewhere = LabelMap(Grid(GRID.shape, moved), opened.labels.codes, opened.labels.structures)
    with pytest.raises(InputError, match="ct is not the CT"):
        load_own_ct(OpenedPlan(folder, opened.plan, elsewhere, None), ct)
    more = opened.plan.series.model_copy(update={"shape_zyx": (4, 16, 18)})
    with pytest.raises(InputError, match="ct is not the CT"):
        load_own_ct(OpenedPlan(folder, opened.plan.model_copy(update={"series": more}), None, None), ct)


def test_settings_are_those_with_the_plans_fingerprint():
    other = PlanConfig(assume_hu=True)
    for made_with, scene, candidates, found in (
        (PlanConfig(), None, (), PlanConfig()),
        (other, None, (), None),
        (other, None, (other,), other),
        (other, Scene(settings=other.model_dump(mode="json")), (), other),
        (other, Scene(settings=PlanConfig().model_dump(mode="json")), (), None),
        (other, Scene(settings={"of": "another version"}), (), None),
    ):
        opened = OpenedPlan(None, make_plan(settings_sha256=made_with.sha256()), None, scene)
        assert settings_of(opened, *candidates) == found


def test_a_plan_with_foreign_anatomy_is_not_made_again():
    taken = Finding(code="labels-taken", severity="info", message="x")
    opened = OpenedPlan(None, make_plan(findings=(taken,)), None, None)
    with pytest.raises(InputError, match="anatomy labels from elsewhere"):
        plan_again(opened, None, PlanConfig())


@pytest.mark.parametrize(("findings", "given"), [((), False), ((GIVEN,), True)])
def test_gaps_of_a_person_are_taken_from_the_folder(monkeypatch, tmp_path, findings, given):
    asked = []
    monkeypatch.setattr(planner.pipeline, "plan_labelled", lambda *_, gaps, monitor: asked.append(gaps))
    plan_again(OpenedPlan(tmp_path, make_plan(findings=findings), None, None), None, PlanConfig())
    assert asked == [tmp_path / "labels.nii.gz" if given else None]


class Stopped:
    """A monitor whose user has pressed Cancel."""

    def report(self, progress):
        pass

    def cancelled(self):
        return True


@pytest.fixture
def written(monkeypatch):
    def write(case, folder, config, *, monitor):
        save_plan(case.plan, folder / "plan.json")

    monkeypatch.setattr(planner.pipeline, "write_plan_files", write)
    return SimpleNamespace(plan=make_plan())


def test_the_scene_is_written_with_the_plan(written, tmp_path):
    scene = Scene(hidden=("gap-1",))
    save_plan_folder(written, scene, tmp_path / "out", PlanConfig())
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["plan.json", "station.json"]
    assert load_scene(tmp_path / "out") == scene
    with pytest.raises(UsageError):
        save_plan_folder(written, Scene(), tmp_path / "out", PlanConfig())
    save_plan_folder(written, Scene(), tmp_path / "out", PlanConfig(), overwrite=True)
    assert load_scene(tmp_path / "out") == Scene()


def test_what_is_stopped_leaves_nothing(written, tmp_path):
    with pytest.raises(CancelledError):
        save_plan_folder(written, Scene(), tmp_path / "out", PlanConfig(), monitor=Stopped())
    assert not list(tmp_path.iterdir())


def test_a_folder_of_others_is_left_alone(written, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("dear colleague")
    with pytest.raises(UsageError):
        save_plan_folder(written, Scene(), tmp_path / "out", PlanConfig(), overwrite=True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["letter.txt"]


def test_the_saved_plan_takes_the_place_of_the_one_made_again(monkeypatch):
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Case:
        plan: object
        labels: str

    saved = make_plan(review=Review(state="edited"))
    case = plan_folder.with_saved_plan(Case(make_plan(), "voxels"), saved)
    assert (case.plan, case.labels) == (saved, "voxels")


def test_a_ct_that_is_open_is_the_plans_own_or_not(folder, ct, tmp_path):
    opened, scan = open_plan_folder(folder), load_scan(ct, assume_hu=True)
    assert is_ct_of(opened, scan)
    named = scan.series.model_copy(update={"series_instance_uid": "1.2.3"})
    assert not is_ct_of(opened, replace(scan, series=named)), "another series"
    fewer = scan.series.model_copy(update={"shape_zyx": (2, 16, 18)})
    assert not is_ct_of(opened, replace(scan, series=fewer)), "other voxels"
    matrix = scan.volume.grid.lps_from_index.copy()
    matrix[2, 3] += 5.0
    elsewhere = Volume(Grid(scan.volume.grid.shape, matrix), scan.volume.hu)
    assert not is_ct_of(opened, Scan(elsewhere, scan.series)), "its labels lie elsewhere"
    assert is_ct_of(replace(opened, labels=None), Scan(elsewhere, scan.series)), "without labels nothing tells"
