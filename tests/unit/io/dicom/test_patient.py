"""Whose CT it is, said to whoever confirms it and to nobody else."""

import numpy as np
import pydicom
import pytest

from planner.errors import InputError
from planner.geometry.grid import Grid
from planner.io.dicom.patient import patient_of
from planner.model.scan import Scan
from planner.model.volume import Volume
from planner.pipeline.scripted import scan_of


def scan_with(*files):
    volume = Volume(Grid((2, 2, 2), np.eye(4), None), np.zeros((2, 2, 2), np.int16))
    made = scan_of(volume)
    return Scan(made.volume, made.series, slice_files=tuple(files))


def file(folder, name, **elements):
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = pydicom.uid.CTImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    dataset.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
    for key, value in elements.items():
        setattr(dataset, key, value)
    path = folder / name
    dataset.save_as(path, enforce_file_format=True)
    return path


PHANTOM = {"PatientName": "Phantom^Petra^^Dr=x", "PatientID": " P-1 ", "PatientBirthDate": "19510203"}


def test_it_reads_as_people_read_it_and_is_in_no_representation(tmp_path):
    told = patient_of(scan_with(file(tmp_path, "1.dcm", **PHANTOM), file(tmp_path, "2.dcm", **PHANTOM)))
    assert (told.name, told.patient_id, told.birth_date) == ("Phantom, Petra, Dr", "P-1", "1951-02-03")
    assert told.is_told and not {"Petra", "P-1", "1951"} & set(repr(told).replace("=", " ").split())
    assert repr(told) == "PatientIdentity()"


def test_what_is_not_there_stays_none(tmp_path):
    told = patient_of(scan_with(file(tmp_path, "1.dcm", PatientName="", PatientBirthDate="")))
    assert (told.name, told.patient_id, told.birth_date, told.is_told) == (None, None, None, False)
    assert patient_of(scan_with()) is None


def test_two_patients_are_refused_without_naming_them(tmp_path):
    other = file(tmp_path, "2.dcm", **(PHANTOM | {"PatientID": "P-2"}))
    with pytest.raises(InputError, match="two patients") as error:
        patient_of(scan_with(file(tmp_path, "1.dcm", **PHANTOM), other))
    assert "P-" not in str(error.value) and "Petra" not in str(error.value)


def test_files_that_are_gone_say_nothing(tmp_path):
    with pytest.raises(InputError, match="load it again"):
        patient_of(scan_with(tmp_path / "gone.dcm"))
