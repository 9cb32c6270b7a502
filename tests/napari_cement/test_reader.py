import numpy as np
import pydicom
import pytest

from napari_cement._reader import get_reader, load_plan_folder, read_plan_folder, read_scan_folder
from planner.errors import InputError
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.io.nifti import write_label_nifti
from planner.io.plan_json import save_plan
from tests.napari_cement.conftest import MARKER_LPS


@pytest.fixture
def ct_folder(tmp_path, scan):
    folder = tmp_path / "ct"
    folder.mkdir()
    write_ct_series(scan.volume, folder, identity=SeriesIdentity(seed="reader"))
    return folder


@pytest.fixture
def plan_folder(tmp_path, plan, labels):
    folder = tmp_path / "out"
    folder.mkdir()
    save_plan(plan, folder / "plan.json")
    write_label_nifti(labels, folder / "labels.nii.gz")
    return folder


def test_a_folder_with_a_ct_is_read(ct_folder):
    assert get_reader(str(ct_folder)) is read_scan_folder
    ((hu, arguments, kind),) = read_scan_folder(str(ct_folder))
    assert kind == "image"
    assert arguments["name"] == "CT ct"
    middle = np.append(np.argwhere(hu > 1000).mean(axis=0), 1.0)
    assert (arguments["affine"] @ middle)[:3] == pytest.approx(MARKER_LPS[::-1], abs=0.5)


def test_a_plan_is_read_from_its_folder_and_from_its_file(plan_folder, plan):
    for path in (plan_folder, plan_folder / "plan.json"):
        assert get_reader(str(path)) is read_plan_folder
        names = [arguments["name"] for _, arguments, _ in read_plan_folder(str(path))]
        assert {"bone", "gaps", "trajectories"} <= set(names), "the CT is not in the folder: bone stands in for it"
    assert load_plan_folder(plan_folder)[0] == plan


def test_a_plan_without_labels_still_shows_its_needles(plan_folder):
    (plan_folder / "labels.nii.gz").unlink()
    names = [arguments["name"] for _, arguments, _ in read_plan_folder(str(plan_folder))]
    assert "trajectories" in names
    assert "gaps" not in names


def test_what_is_nothing_of_ours_is_left_to_others(tmp_path, ct_folder):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "letter.txt").write_text("no CT here")
    assert get_reader(str(tmp_path / "notes")) is None
    assert get_reader(str(tmp_path / "notes" / "letter.txt")) is None
    assert get_reader(str(tmp_path / "nothing")) is None
    assert get_reader([str(ct_folder), str(ct_folder)]) is None


def test_a_folder_of_other_images_is_left_to_others(ct_folder):
    for file in ct_folder.iterdir():
        image = pydicom.dcmread(file)
        image.Modality = "MR"
        image.save_as(file)
    assert get_reader(str(ct_folder)) is None


def test_saying_no_reads_no_more_than_the_first_files(tmp_path, monkeypatch):
    import napari_cement._reader as reader

    for number in range(reader._FILES_LOOKED_AT + 20):
        (tmp_path / f"{number:04d}.txt").write_text("x")
    looked_at = []
    monkeypatch.setattr(reader, "_looks_like_dicom", lambda file: bool(looked_at.append(file)))
    assert get_reader(str(tmp_path)) is None
    assert len(looked_at) == reader._FILES_LOOKED_AT


def test_a_damaged_plan_is_refused_in_words(plan_folder):
    (plan_folder / "plan.json").write_text("{}")
    with pytest.raises(InputError, match="schema"):
        read_plan_folder(str(plan_folder))


def test_napari_finds_the_reader_and_sets_the_viewer_right(make_napari_viewer, ct_folder):
    viewer = make_napari_viewer()
    viewer.open(str(ct_folder), plugin="periprosthetic-cement-planner")
    assert viewer.layers[0].name == "CT ct"
    viewer.dims.ndisplay = 3
    assert str(viewer.scene.camera.orientation[0]) == "away"
