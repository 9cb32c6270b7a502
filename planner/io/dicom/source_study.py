"""What a picture that was made from a CT takes over from the CT's headers: patient, study, frame of reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from planner.errors import InputError, UsageError
from planner.io.dicom.elements import DamagedFileError, read_elements
from planner.io.dicom.headers import CT_IMAGE, SliceHeader
from planner.io.dicom.slices import read_slices
from planner.io.dicom.write import derived_uid
from planner.io.quiet import quiet
from planner.model.privacy import KEPT

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
_TOLD_OF_IMAGES = KEPT | frozenset(
    (
        *("ContentDate", "ContentTime", "AcquisitionDate", "AcquisitionTime", "SeriesDate", "SeriesTime"),
        *("Manufacturer", "ManufacturerModelName", "PositionReferenceIndicator", "Laterality", "BodyPartExamined"),
    )
)
"""Where the voxels lie, what they mean, when and by which kind of scanner they were made. Which scanner, where and by
whom is nobody's business, and writers of the standard's objects take over all that they find."""
_LONGEST_BYTES = 1024
"""A name of three times 64 characters of four bytes stays below it (PS3.5 6.2); a longer text is a damaged one."""
_ESCAPE = 0x1B
"""Changes the alphabet within a text (PS3.5 6.1.2.5): the one control character that a name may hold."""


@dataclass(frozen=True, slots=True, eq=False)
class SourceCt:
    """A CT, as far as what is made from it must tell.

    Parameters
    ----------
    series_instance_uid, study_instance_uid, frame_of_reference_uid : str
        Of the CT, or derived where its headers name none: other CTs have others.
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
    return source_ct_of(_headers(slice_files))


def source_ct_of(headers: Sequence[SliceHeader]) -> SourceCt:
    """Read what a picture made from a CT takes over, where the headers of its files were read already.

    Parameters
    ----------
    headers : sequence of SliceHeader
        Of all files; at least one.

    Returns
    -------
    SourceCt

    Raises
    ------
    InputError
        As `read_source_ct`.
    """
    if len({header.patient for header in headers} - {""}) > 1:
        raise InputError("the files of the CT are of several patients, and a picture is of one; give one CT")
    first = headers[0]
    if not (first.series_instance_uid or first.study_instance_uid):
        raise InputError("the CT's headers name neither its study nor its series; write the picture as .png")
    series = first.series_instance_uid or _derived_series(headers)
    return SourceCt(
        series_instance_uid=series,
        study_instance_uid=first.study_instance_uid or derived_uid("StudyInstanceUID", series),
        frame_of_reference_uid=first.frame_of_reference_uid or derived_uid("FrameOfReferenceUID", series),
        images=tuple(
            dict.fromkeys((h.sop_class_uid or CT_IMAGE, h.sop_instance_uid) for h in headers if h.sop_instance_uid)
        ),
        patient_and_study=read_patient_and_study(first.path, lossy=any(header.lossy for header in headers)),
    )


def without_patient(dataset: Dataset) -> Dataset:
    """Give what tells of a CT's images alone, patient and study there but empty, as libraries want them.

    These parse names, dates and sexes as the standard has them, and stop at what exports make of them ("W", "ANON",
    two alphabets in one name). Put them back, byte for byte, by `add_patient_and_study`.

    Parameters
    ----------
    dataset : Dataset
        As read from a file; unchanged.

    Returns
    -------
    Dataset
        With the UIDs of its own.
    """
    bare = Dataset()
    for tag in sorted(dataset.keys()):
        if keyword_for_tag(tag) in _TOLD_OF_IMAGES:
            bare[tag] = dataset.get_item(tag)
    for name in MAY_BE_EMPTY:
        setattr(bare, name, "")
    if hasattr(dataset, "file_meta"):
        bare.file_meta = dataset.file_meta
    return bare


def add_patient_and_study(dataset: Dataset, patient_and_study: Dataset) -> None:
    """Put a CT's patient and study into a data set, so that they are written without a change to their bytes.

    pydicom would decode texts and encode them anew, which loses what the named character set cannot hold. Write the
    data set inside `planner.io.quiet.quiet`, for pydicom may still complain of the character set.

    Parameters
    ----------
    dataset : Dataset
        Its own texts are plain ASCII, which all of DICOM's character sets contain.
    patient_and_study : Dataset
        As `SourceCt` and `read_patient_and_study` give it.
    """
    dataset.update(patient_and_study)
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


def _derived_series(headers: Sequence[SliceHeader]) -> str:
    """Give a series UID that no other CT has, from its study and images, in whatever order these come."""
    least = min((header.sop_instance_uid for header in headers if header.sop_instance_uid), default="")
    return derived_uid("SeriesInstanceUID", headers[0].study_instance_uid, least)


def read_patient_and_study(file: Path, *, lossy: bool) -> Dataset:
    """Read patient and study of a DICOM file as they are written there.

    Parameters
    ----------
    file : Path
        Of a CT, or of what was made from it.
    lossy : bool
        Whether the CT was compressed with loss.

    Returns
    -------
    Dataset
        Byte for byte as in the file; what is illegible is left empty.

    Raises
    ------
    InputError
        If the file cannot be read, or does not say legibly whose it is.
    """
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
