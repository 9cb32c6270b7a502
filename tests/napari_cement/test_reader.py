import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from npe2 import PluginManager, PluginManifest

import napari_cement
from napari_cement._layers import METADATA
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


def test_a_zip_a_dicomdir_and_a_file_are_read(tmp_path, ct_folder):
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("readme.txt", "hello")
        for file in ct_folder.iterdir():
            packed.write(file, f"deep/{file.name}")
    directory = tmp_path / "DICOMDIR"
    directory.write_bytes(b"\0" * 128 + b"DICM")
    (whole,) = read_scan_folder(str(ct_folder))
    for path in (archive, directory):
        assert get_reader(str(path)) is read_scan_folder
        ((hu, arguments, _),) = read_scan_folder(str(path))
        assert np.array_equal(hu, whole[0]) and np.array_equal(arguments["affine"], whole[1]["affine"])
    assert get_reader(str(next(ct_folder.iterdir()))) is read_scan_folder


def test_a_zip_of_other_files_and_a_damaged_one_are_left_to_others(tmp_path):
    with zipfile.ZipFile(tmp_path / "letters.zip", "w") as packed:
        packed.writestr("letter.txt", "no CT here " * 40)
    (tmp_path / "half.zip").write_bytes(b"PK\x03\x04" + b"x" * 500)
    for name in ("letters.zip", "half.zip"):
        assert get_reader(str(tmp_path / name)) is None


def test_napari_offers_them_to_the_reader_and_no_other_files(tmp_path):
    manifest = PluginManifest.from_file(Path(napari_cement.__file__).with_name("napari.yaml"))
    manager = PluginManager()
    manager.register(manifest)
    taken = {
        name: any(manager.iter_compatible_readers([str(tmp_path / name)]))
        for name in ("study.zip", "slice.dcm", "DICOMDIR", "dicomdir", "plan.json", "photo.tif", "IMAGE.TIF", "notes")
    }
    assert [name for name, is_taken in taken.items() if not is_taken] == ["photo.tif", "IMAGE.TIF", "notes"]


def test_the_artefact_reduced_scan_is_hidden_beside_the_original(tmp_path, ct_folder):
    for file in list(ct_folder.iterdir()):
        image = pydicom.dcmread(file)
        image.SeriesInstanceUID, image.SeriesDescription = "1.2.3.9", "iMAR"
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"{image.SOPInstanceUID[:60]}.9"
        image.save_as(ct_folder / f"{file.name}.mar")
    (original, _, _), (shown, arguments, kind) = read_scan_folder(str(ct_folder))
    assert kind == "image" and shown.shape == original.shape
    assert arguments["visible"] is False and "for display only" in arguments["name"]
    assert arguments["metadata"][METADATA].scan is None, "it is not among the CTs to plan on"


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


def test_a_folder_of_another_reader_is_left_to_it(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_cement._reader._is_station", lambda: True)
    for name in ("notes", "cells.zarr", "cells.n5", "cells"):
        (tmp_path / name).mkdir()
    (tmp_path / "cells" / ".zattrs").write_text("{}")
    taken = [name for name in ("notes", "cells.zarr", "cells.n5", "cells") if get_reader(str(tmp_path / name))]
    assert taken == ["notes"]
