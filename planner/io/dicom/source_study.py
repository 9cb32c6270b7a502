"""What a picture that was made from a CT takes over from the CT's headers: patient, study, frame of reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from planner.errors import InputError, UsageError
from planner.io.dicom.elements import DamagedFileError, read_elements
from planner.io.dicom.headers import CT_IMAGE, SliceHeader
from planner.io.dicom.slices import read_slices
from planner.io.dicom.write import derived_uid
from planner.io.quiet import quiet

_IDENTITY = ("SpecificCharacterSet", "PatientName", "PatientID", "IssuerOfPatientID")
"""Who the patient is, and the letters that the name is written in."""
MAY_BE_EMPTY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
"""Of patient and study, attributes of type 2: there, but possibly empty (PS3.5 7.4.3)."""
_OPTIONAL = (
    "SpecificCharacterSet",
    "IssuerOfPatientID",
    "PatientAge",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "StudyDescription",
    "LongitudinalTemporalInformationModified",
)
_COMPRESSION = ("LossyImageCompressionRatio", "LossyImageCompressionMethod")
_LONGEST_BYTES = 1024
"""A name of three times 64 characters of four bytes stays below it (PS3.5 6.2); a longer text is a damaged one."""
_ESCAPE = 0x1B
"""Changes the alphabet within a text (PS3.5 6.1.2.5): the one control character that a name may hold."""


@dataclass(frozen=True, slots=True, eq=False)
class SourceCt:
    """A CT, as far as what is made from it must tell.

    Parameters
    ----------
    series_instance_uid : str
        Of the CT; "" where its headers name none.
    study_instance_uid, frame_of_reference_uid : str
        Of the CT, or derived as `planner.io.dicom.seg` derives them where its headers name none.
    images : tuple of (str, str)
        SOP Class and SOP Instance UID of each file, for references.
    patient_and_study : Dataset
        Patient, study and character set, byte for byte as in the CT's first file; where the CT was compressed with
        loss, what it says of that.
    """

    series_instance_uid: str
    study_instance_uid: str
    frame_of_reference_uid: str
    images: tuple[tuple[str, str], ...]
    patient_and_study: Dataset


def read_source_ct(slice_files: Sequence[Path]) -> SourceCt:
    """Read what a picture made from a CT takes over.

    Parameters
    ----------
    slice_files : sequence of Path
        The CT's files.

    Returns
    -------
    SourceCt

    Raises
    ------
    UsageError
        If there are no files: a CT from NIfTI and the like has no patient to file a picture under.
    InputError
        If a file cannot be read, the files are of several patients, or the headers do not say legibly whose they
        are.
    """
    if not slice_files:
        raise UsageError("the CT has no DICOM headers to take the patient from; write the picture as .png")
    headers = _headers(slice_files)
    if len({header.patient for header in headers} - {""}) > 1:
        raise InputError("the files of the CT are of several patients, and a picture is of one; give one CT")
    first = headers[0]
    series = first.series_instance_uid
    if not (series or first.study_instance_uid):
        raise InputError("the CT's headers name neither its study nor its series; write the picture as .png")
    return SourceCt(
        series_instance_uid=series,
        study_instance_uid=first.study_instance_uid or derived_uid("StudyInstanceUID", series),
        frame_of_reference_uid=first.frame_of_reference_uid or derived_uid("FrameOfReferenceUID", series),
        images=tuple(
            dict.fromkeys((h.sop_class_uid or CT_IMAGE, h.sop_instance_uid) for h in headers if h.sop_instance_uid)
        ),
        patient_and_study=_patient_and_study(first.path, lossy=any(header.lossy for header in headers)),
    )


def add_patient_and_study(dataset: Dataset, source: SourceCt) -> None:
    """Put a CT's patient and study into a data set, so that they are written without a change to their bytes.

    pydicom would decode texts and encode them anew, which loses what the named character set cannot hold. Write the
    data set inside `planner.io.quiet.quiet`, for pydicom may still complain of the character set.

    Parameters
    ----------
    dataset : Dataset
        Its own texts are plain ASCII, which all of DICOM's character sets contain.
    source : SourceCt
        The CT.
    """
    dataset.update(source.patient_and_study)
    with quiet():
        told = dataset.get("SpecificCharacterSet")
        encodings = convert_encodings(told) if told else default_encoding
        dataset.set_original_encoding(is_implicit_vr=False, is_little_endian=True, character_encoding=encodings)


def _headers(files: Sequence[Path]) -> list[SliceHeader]:
    headers: list[SliceHeader] = []
    for file in files:
        try:
            headers.extend(read_slices(file) or ())
        except DamagedFileError as error:
            raise InputError("a file of the CT cannot be read any more; give its folder again") from error
    if not headers:
        raise InputError("the files of the CT hold no DICOM images any more; give its folder again")
    return headers


def _patient_and_study(file: Path, *, lossy: bool) -> Dataset:
    wanted = {name: Tag(name) for name in (*_IDENTITY, *MAY_BE_EMPTY, *_OPTIONAL, *_COMPRESSION)}
    try:
        elements = read_elements(file, wanted.values())
    except DamagedFileError as error:
        raise InputError("a file of the CT cannot be read any more; give its folder again") from error
    values = {} if elements is None else {name: elements.values.get(tag, b"") for name, tag in wanted.items()}
    if not all(_is_legible(values.get(name, b"")) for name in _IDENTITY):
        raise InputError("the CT's header is damaged where it says whose it is; export the CT again")
    dataset = Dataset()
    for name in (*MAY_BE_EMPTY, *_OPTIONAL, *(_COMPRESSION if lossy else ())):
        value = values.get(name, b"").strip(b"\0 ")
        if not _is_legible(value):
            value = b""
        if value or name in MAY_BE_EMPTY:
            dataset[wanted[name]] = _raw(name, value)
    dataset.LossyImageCompression = "01" if lossy else "00"
    if "PatientIdentityRemoved" in dataset and "DeidentificationMethod" not in dataset:
        dataset.DeidentificationMethod = "as the CT that this was made from"
    return dataset


def _is_legible(value: bytes) -> bool:
    """Whether bytes can be a text. With a damaged length a text swallows the elements behind it."""
    text = value.strip(b"\0 ")
    return len(text) <= _LONGEST_BYTES and all(byte >= ord(" ") or byte == _ESCAPE for byte in text)


def _raw(keyword: str, value: bytes) -> RawDataElement:
    even = value + b" " * (len(value) % 2)
    tag = Tag(keyword)
    return RawDataElement(
        tag, dictionary_VR(tag), len(even), even, value_tell=0, is_implicit_VR=False, is_little_endian=True
    )
