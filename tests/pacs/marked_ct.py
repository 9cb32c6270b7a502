"""A CT with a mark wherever a patient, or those who treated him, could be told by it."""

import io
from collections.abc import Iterator
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

SAMPLE = Path(__file__).resolve().parents[2] / "sample_dicoms" / "lumbar"
_AROUND_Z_MM = (-54.0, -10.0)
"""One loosened screw and its vertebra: a plan on them takes a fifth of the time."""

MARKS = {
    "PatientName": "Zz9MarkCanary^Ann",
    "PatientID": "Zz9MarkPatId",
    "IssuerOfPatientID": "Zz9MarkIssuer",
    "OtherPatientNames": "Zz9MarkOthername^Eva",
    "PatientBirthName": "Zz9MarkMaiden^Ann",
    "PatientMotherBirthName": "Zz9MarkMother^Eva",
    "PatientBirthDate": "19330317",
    "PatientBirthTime": "040711",
    "PatientAddress": "Zz9MarkStreet 7",
    "PatientTelephoneNumbers": "+49 555 0199 77",
    "PatientComments": "Zz9MarkComment",
    "MilitaryRank": "Zz9MarkRank",
    "EthnicGroup": "Zz9MarkEthnic",
    "Occupation": "Zz9MarkWork",
    "AdditionalPatientHistory": "Zz9MarkHistory",
    "MedicalRecordLocator": "Zz9MarkRecord",
    "ReferringPhysicianName": "Zz9MarkReferrer^Max",
    "ReferringPhysicianAddress": "Zz9MarkClinic 1",
    "ReferringPhysicianTelephoneNumbers": "+49 555 0199 78",
    "PhysiciansOfRecord": "Zz9MarkRecorder^Max",
    "PerformingPhysicianName": "Zz9MarkPerformer^Max",
    "NameOfPhysiciansReadingStudy": "Zz9MarkReader^Max",
    "RequestingPhysician": "Zz9MarkRequester^Max",
    "OperatorsName": "Zz9MarkOperator^Max",
    "InstitutionName": "Zz9MarkHospital",
    "InstitutionAddress": "Zz9MarkRoad 9",
    "InstitutionalDepartmentName": "Zz9MarkWard",
    "StationName": "Zz9MarkStation",
    "AccessionNumber": "Zz9MarkAccession",
    "StudyID": "Zz9MarkStudyId",
    "DeviceSerialNumber": "Zz9MarkSerial",
    "StudyDescription": "Zz9MarkStudyText",
    "SeriesDescription": "Zz9MarkSeriesText",
    "ProtocolName": "Zz9MarkProtocol",
    "ImageComments": "Zz9MarkImageText",
}
"""The values that the contract wants in no output but the DICOM objects, and more that a header may hold."""


def marked_files() -> Iterator[bytes]:
    """The slices, marked."""
    for path in sorted(SAMPLE.glob("IM*")):
        dataset = pydicom.dcmread(path)
        if not _AROUND_Z_MM[0] <= float(dataset.ImagePositionPatient[2]) <= _AROUND_Z_MM[1]:
            continue
        for name, value in MARKS.items():
            setattr(dataset, name, value)
        dataset.StudyDate, dataset.SeriesDate, dataset.ContentDate = "20240229", "20240229", "20240229"
        dataset.OtherPatientIDsSequence = [_item(PatientID="Zz9MarkOtherId")]
        dataset.RequestAttributesSequence = [
            _item(RequestedProcedureID="Zz9MarkRequest", ScheduledProcedureStepID="Zz9MarkStep")
        ]
        block = dataset.private_block(0x0029, "ZZ9 PRIVATE", create=True)
        block.add_new(0x10, "LO", "Zz9MarkPrivate")
        buffer = io.BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        yield buffer.getvalue()


def _item(**values: str) -> Dataset:
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return item
