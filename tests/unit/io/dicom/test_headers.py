"""Free text tells of metal artefact reduction, and goes no further than one flag."""

import dataclasses

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from planner.io.dicom.elements import DamagedFileError
from planner.io.dicom.headers import tells_metal_reduction
from planner.io.dicom.slices import read_slices


@pytest.mark.parametrize(
    "text",
    [
        "Spine 1.0 Br59 iMAR",
        "Br40_iMAR_Hip",
        "SMART MAR 0.6",
        "SmartMAR",
        "O-MAR",
        "OMAR",
        "SEMAR",
        "Bone 0.6 MAR",
        "DERIVED\\SECONDARY\\MAR",
        "metal artifact reduction",
        "Metal Artefact Correction",
    ],
)
def test_metal_artefact_reduction_by_its_names(text):
    assert tells_metal_reduction(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Spine 1.0 Br59",
        "without iMAR",
        "NO MAR",
        "w/o O-MAR",
        "ohne_iMAR",
        "PRIMARY",
        "Maria",
        "LWS 12 MAR 2020",
        "12.Mar.20",
        "Mar 2021",
        "SUMMARY",
    ],
)
def test_what_is_none(text):
    assert not tells_metal_reduction(text)


@pytest.mark.parametrize(
    "tags",
    [
        {"SeriesDescription": "Roe iMAR"},
        {"DerivationDescription": "O-MAR"},
        {"ImageType": ["ORIGINAL", "PRIMARY", "MAR"]},
    ],
)
def test_only_the_flag_is_kept(tmp_path, write, hu, grid, tags):
    (header,) = read_slices(write(tmp_path, hu[:1], grid, **tags)[0])
    assert header.metal_reduced
    assert "Roe" not in repr(dataclasses.replace(header, path=tmp_path))


def test_an_object_is_known_by_its_preface_where_its_data_set_does_not_say(tmp_path):
    file = Dataset()
    file.StudyDescription = "a directory that was renamed"
    file.file_meta = FileMetaDataset()
    file.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    file.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.save_as(tmp_path / "DIRFILE", enforce_file_format=True)
    assert read_slices(tmp_path / "DIRFILE") == ()
    file.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    file.save_as(tmp_path / "cut off", enforce_file_format=True)
    with pytest.raises(DamagedFileError):
        read_slices(tmp_path / "cut off")
