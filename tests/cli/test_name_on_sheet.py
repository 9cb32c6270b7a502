"""``plan --name-on-sheet``: the name comes from the CT's own headers, or the option is refused before any work."""

import numpy as np
import pydicom
import pytest

from planner.cli import main
from planner.errors import InputError
from planner.geometry.grid import Grid
from planner.io import load_scan
from planner.model.volume import Volume
from planner.pipeline.plan_folder import named_patient
from planner.pipeline.scripted import scan_of


def write_ct(folder, **patient):
    """Four slices of water."""
    folder.mkdir()
    for k in range(4):
        dataset = pydicom.Dataset()
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = pydicom.uid.CTImageStorage
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = f"1.2.3.{k + 1}"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = "1.2.4", "1.2.5", "1.2.6"
        dataset.Modality, dataset.PatientPosition, dataset.InstanceNumber = "CT", "HFS", k + 1
        dataset.Rows, dataset.Columns, dataset.PixelSpacing = 16, 16, [1.0, 1.0]
        dataset.ImagePositionPatient = [0.0, 0.0, float(k)]
        dataset.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.SliceThickness = 1.0, 0.0, 1.0
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.PixelData = np.repeat(np.array([-1000, 40], np.int16), 128).tobytes()
        for name, value in patient.items():
            setattr(dataset, name, value)
        dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    return folder


def test_the_headers_name_the_patient(tmp_path):
    scan = load_scan(write_ct(tmp_path / "ct", PatientName="Phantom^Petra", PatientID="P-1"))
    told = named_patient(scan)
    assert (told.name, told.patient_id, told.birth_date) == ("Phantom, Petra", "P-1", None)


def test_who_is_not_named_is_not_made_up(tmp_path):
    with pytest.raises(InputError, match="neither name, number nor birth date; leave out --name-on-sheet"):
        named_patient(load_scan(write_ct(tmp_path / "ct", PatientName="")))
    with pytest.raises(InputError, match="no DICOM series, so it names no patient"):
        named_patient(scan_of(Volume(Grid((2, 2, 2), np.eye(4), None), np.zeros((2, 2, 2), np.int16))))


def test_it_is_refused_in_one_line_and_nothing_is_written(tmp_path, capsys):
    ct = write_ct(tmp_path / "ct", PatientName="")
    assert main(["plan", str(ct), "-o", str(tmp_path / "out"), "--name-on-sheet"]) == 3
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "leave out --name-on-sheet" in said and not (tmp_path / "out").exists()
