"""What an output may tell of the patient: the one policy, which writers keep and a test holds every output to."""

from pathlib import PurePosixPath
from typing import Final, Literal

Carries = Literal["nothing", "uids", "patient and study"]
"""Nothing of the patient; UIDs of CT and frame of reference, which only the archive can look up; or what the DICOM
standard asks of an object: the patient and study of the CT that it was made from (PS3.3 A.1.2)."""

_CARRIES: Final[dict[str, Carries]] = {
    ".dcm": "patient and study",
    ".json": "uids",
    ".html": "uids",
    ".mrml": "uids",
    ".csv": "nothing",
    ".glb": "nothing",
    ".gz": "nothing",
    ".log": "nothing",
    ".nrrd": "nothing",
    ".obj": "nothing",
    ".parquet": "nothing",
    ".png": "nothing",
    ".py": "nothing",
    ".stl": "nothing",
    ".webp": "nothing",
}

PATIENT_AND_STUDY: Final = frozenset(
    (
        *("SpecificCharacterSet", "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
        *("PatientAge", "PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence"),
        *("LongitudinalTemporalInformationModified", "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID"),
        *("AccessionNumber", "ReferringPhysicianName", "StudyDescription"),
    )
)
"""All that a DICOM object takes from the patient and study of its CT (by keyword)."""

NEVER: Final = frozenset(
    (
        *("PatientName", "PatientID", "IssuerOfPatientID", "OtherPatientIDs", "OtherPatientNames", "PatientBirthName"),
        *("PatientMotherBirthName", "PatientBirthDate", "PatientAddress", "PatientTelephoneNumbers"),
        *("ReferringPhysicianName", "PhysiciansOfRecord", "PerformingPhysicianName", "NameOfPhysiciansReadingStudy"),
        *("RequestingPhysician", "OperatorsName", "InstitutionName", "InstitutionAddress"),
        *("InstitutionalDepartmentName", "AccessionNumber", "StudyID", "DeviceSerialNumber"),
    )
)
"""Whose values stand in no output but the DICOM objects (the contract's list), and with ``--pseudonymise`` in none."""

KEPT: Final = frozenset(
    (
        *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"),
        *("ConcatenationUID", "InConcatenationNumber", "InConcatenationTotalNumber", "Modality", "ImageType"),
        *("SeriesNumber", "AcquisitionNumber", "InstanceNumber", "PatientPosition", "GantryDetectorTilt", "KVP"),
        *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
        *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "Rows", "Columns"),
        *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue"),
        *("PixelPaddingRangeLimit", "RescaleIntercept", "RescaleSlope", "RescaleType", "PixelData"),
        *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
        *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "FrameContentSequence"),
        *("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence", "FrameType"),
        *("PixelValueTransformationSequence", "CTImageFrameTypeSequence", "StackID", "InStackPositionNumber"),
        *("TemporalPositionIndex", "DimensionIndexValues"),
    )
)
"""What a pseudonymised CT keeps, of its images and of their frames: where the voxels lie and what they mean. All else
goes, descriptions and private elements too, for free text may hold a name; UIDs become others. That is more than the
Basic Application Level Confidentiality Profile takes (PS3.15 table E.1-1): what is not there need not be judged."""


def carries(name: str) -> Carries:
    """Say what a plan's file may tell of the patient.

    Parameters
    ----------
    name : str
        The file's name.

    Returns
    -------
    {"nothing", "uids", "patient and study"}

    Raises
    ------
    KeyError
        If the policy does not know such a file: it is given its place there before it is written.
    """
    return _CARRIES[PurePosixPath(name).suffix.lower()]
