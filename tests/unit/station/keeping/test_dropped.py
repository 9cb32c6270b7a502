"""What may be a CT, told by a few files."""

import zipfile

import nibabel as nib
import numpy as np
import pydicom
import pytest

import planner.station.keeping.dropped as dropped
from planner.geometry.grid import Grid
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.io.nifti import write_array_nifti
from planner.model.volume import Volume
from planner.station.keeping.dropped import FILES_LOOKED_AT, may_be_ct

GRID = Grid((3, 8, 9), np.diag([1.0, 1.0, 2.0, 1.0])[[2, 1, 0, 3]])
HU = np.linspace(-1000, 1500, 216).astype(np.int16).reshape(GRID.shape)


@pytest.fixture
def ct(tmp_path):
    folder = tmp_path / "ct"
    folder.mkdir()
    write_ct_series(Volume(GRID, HU), folder, identity=SeriesIdentity(seed="dropped"))
    return folder


def set_modality(folder, modality):
    for file in folder.iterdir():
        image = pydicom.dcmread(file)
        image.Modality = modality
        image.save_as(file)


def zipped(folder, file):
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("readme.txt", "hello")
        for one in folder.iterdir():
            packed.write(one, f"deep/{one.name}")
    return file


def test_a_ct_is_one_however_it_comes(ct, tmp_path):
    assert may_be_ct(ct) and may_be_ct(ct.parent)
    assert all(may_be_ct(file) for file in ct.iterdir())
    assert may_be_ct(zipped(ct, tmp_path / "study.zip"))
    (ct / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    assert may_be_ct(ct / "DICOMDIR")


@pytest.mark.parametrize("modality", ["MR", "RTSTRUCT", "SEG", "OT"])
def test_other_images_are_none(ct, modality):
    set_modality(ct, modality)
    assert not may_be_ct(ct)
    assert not any(may_be_ct(file) for file in ct.iterdir())


def test_one_that_does_not_say_what_it_is_may_be_one(ct):
    set_modality(ct, "")
    assert may_be_ct(ct)


def test_a_ct_beside_other_series_is_found(ct, tmp_path):
    study = tmp_path / "study"
    for number in range(30):
        (study / f"a{number:02d}").mkdir(parents=True)
        image = pydicom.dcmread(next(ct.iterdir()))
        image.Modality = "MR"
        image.save_as(study / f"a{number:02d}" / "1.dcm")
    assert not may_be_ct(study)
    ct.rename(study / "z")
    assert may_be_ct(study)


def test_numbers_of_one_byte_are_labels_and_no_ct(tmp_path):
    write_array_nifti(HU, GRID, tmp_path / "ct.nii.gz")
    write_array_nifti((HU > 0).astype(np.uint8), GRID, tmp_path / "labels.nii.gz")
    assert may_be_ct(tmp_path / "ct.nii.gz")
    assert not may_be_ct(tmp_path / "labels.nii.gz")
    nib.save(nib.load(tmp_path / "ct.nii.gz"), tmp_path / "ct.nii")
    assert may_be_ct(tmp_path / "ct.nii")


@pytest.mark.parametrize(("kind", "expected"), [(np.int16, True), (np.float32, True), (np.uint8, False)])
@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".mhd"])
def test_volumes_of_other_formats(tmp_path, kind, expected, suffix):
    import SimpleITK as sitk

    file = tmp_path / f"volume{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(HU.astype(kind)), str(file))
    assert may_be_ct(file) is expected
    if suffix == ".nrrd":
        assert not may_be_ct(file.rename(tmp_path / "volume.seg.nrrd"))


def test_what_is_nothing_of_ours_is_none(tmp_path):
    (tmp_path / "letter.txt").write_text("no CT here" * 40)
    (tmp_path / "half.zip").write_bytes(b"PK\x03\x04" + b"x" * 500)
    (tmp_path / "half.nii.gz").write_bytes(b"\x1f\x8b" + b"x" * 500)
    (tmp_path / "half.nrrd").write_text("NRRD0004\ntype: short\n")
    (tmp_path / "half.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"x" * 50)
    zipped(tmp_path, tmp_path / "letters.zip")
    assert not any(may_be_ct(file) for file in tmp_path.iterdir() if file.name != "letters.zip")
    assert not may_be_ct(tmp_path / "nothing") and not may_be_ct(tmp_path / "DICOMDIR")


def test_saying_no_looks_at_no_more_than_a_few_files(tmp_path, ct, monkeypatch):
    set_modality(ct, "MR")
    one = next(ct.iterdir()).read_bytes()
    many = tmp_path / "many"
    many.mkdir()
    for number in range(FILES_LOOKED_AT + 20):
        (many / f"{number:04d}.dcm").write_bytes(one)
    heads, headers = [], []
    begins, is_ct = dropped._begins_as_dicom, dropped._is_ct
    monkeypatch.setattr(dropped, "_begins_as_dicom", lambda file: heads.append(file) or begins(file))
    monkeypatch.setattr(dropped, "_is_ct", lambda file: headers.append(file) or is_ct(file))
    assert not may_be_ct(many)
    assert len(heads) == FILES_LOOKED_AT
    assert len(headers) <= 2 * dropped._HEADERS_READ
