"""What one slice says of itself, without its pixels and without its patient."""

import hashlib
import math
import re
import secrets
import struct
from dataclasses import dataclass, field
from pathlib import Path

from planner.io.dicom.elements import MEDIA_STORAGE_CLASS, Elements

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
LEGACY_ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.2"
CT_CLASSES = (CT_IMAGE, ENHANCED_CT, LEGACY_ENHANCED_CT)

Vector = tuple[float, float, float]

_TAGS = {
    "image_type": 0x00080008,
    "media_storage_class": MEDIA_STORAGE_CLASS,
    "sop_class_uid": 0x00080016,
    "sop_instance_uid": 0x00080018,
    "study_date": 0x00080020,
    "acquisition_time": 0x00080032,
    "content_time": 0x00080033,
    "modality": 0x00080060,
    "series_description": 0x0008103E,
    "derivation": 0x00082111,
    "patient_name": 0x00100010,
    "patient_id": 0x00100020,
    "slice_thickness": 0x00180050,
    "kvp": 0x00180060,
    "trigger_time": 0x00181060,
    "gantry_tilt": 0x00181120,
    "kernel": 0x00181210,
    "patient_position": 0x00185100,
    "study_instance_uid": 0x0020000D,
    "series_instance_uid": 0x0020000E,
    "series_number": 0x00200011,
    "acquisition_number": 0x00200012,
    "position": 0x00200032,
    "orientation": 0x00200037,
    "frame_of_reference_uid": 0x00200052,
    "temporal_position": 0x00200100,
    "concatenation_uid": 0x00209161,
    "concatenation_parts": 0x00209163,
    "cardiac_phase": 0x00209241,
    "samples": 0x00280002,
    "photometric": 0x00280004,
    "frames": 0x00280008,
    "rows": 0x00280010,
    "columns": 0x00280011,
    "pixel_spacing": 0x00280030,
    "bits_allocated": 0x00280100,
    "bits_stored": 0x00280101,
    "pixel_representation": 0x00280103,
    "largest_pixel": 0x00280107,
    "padding": 0x00280120,
    "padding_limit": 0x00280121,
    "intercept": 0x00281052,
    "slope": 0x00281053,
    "rescale_type": 0x00281054,
    "lossy": 0x00282110,
}
WANTED_TAGS = frozenset(_TAGS.values())
"""What a header is made of."""
_METAL_REDUCED = re.compile(
    r"(?<![A-Z])(?:I|O[ -]?|SE|SMART[ -]?|METAL[ -]?)?MARS?(?![A-Z])|METAL[ -]ARTI?E?FACT[ -](?:REDUCTION|CORRECTION)"
)
"""Siemens iMAR, GE Smart MAR and MARS, Philips O-MAR, Canon SEMAR; there is no element of the standard for it."""
_NOT_METAL_REDUCED = re.compile(r"(?:\bNON?|\bNOT|\bWITHOUT|\bW/O|\bOHNE|\bSANS|\bSIN|\bSENZA|\bKEIN)[ -]*$")
_MOST_BITS = 64
_SALT = secrets.token_bytes(16)
"""Of this run only, so that nobody can look a patient's mark up afterwards."""
_PATIENT_DIGITS = 16
_DATE = re.compile(r"(?:19|20)\d{6}")
_UID = re.compile(r"[0-9A-Za-z.-]{1,64}")
"""Digits and dots (PS3.5 9.1), and the letters and dashes of some old writers."""
_MONTH = re.compile(r"\d{1,2}[ .-]?MAR[ .-]?(?:19|20)?\d\d|MAR[ .-]?(?:\d{1,2}[ ,.-]+)?(?:19|20)\d\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceHeader:
    """One slice: a single-frame file, or one frame of a multi-frame file.

    Lengths are mm, directions and positions DICOM LPS, None where the file says nothing. ``row_spacing_mm`` is the
    distance between rows. Padding values are the 16 bits as stored, 0 to 65535. ``metal_reduced`` says that the image
    was reconstructed with metal artefact reduction: free text may tell, and goes no further than this flag.
    ``concatenation_uid`` names the multi-frame object that a file is one of ``concatenation_parts`` of. ``patient`` is
    a mark that tells patients apart within one run and says nothing else of them; "" where the file names none.
    ``study_date`` (YYYYMMDD, or "") only ranks studies and is shown nowhere.
    """

    path: Path
    frame: int = 0
    frames: int = 1
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    modality: str
    image_type: tuple[str, ...]
    frame_of_reference_uid: str | None
    position_lps: Vector | None
    along_row_lps: Vector | None
    along_column_lps: Vector | None
    row_spacing_mm: float | None
    column_spacing_mm: float | None
    rows: int
    columns: int
    slice_thickness_mm: float | None
    kernel: str
    patient_position: str
    gantry_tilt_deg: float | None
    series_number: int | None = None
    acquisition_number: str
    temporal_position: str
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    signed: bool
    largest_pixel: int | None
    padding: int | None
    padding_limit: int | None
    slope: float | None
    intercept: float | None
    rescale_type: str
    lossy: bool
    transfer_syntax: str
    little_endian: bool
    pixel_offset: int | None
    pixel_length: int | None
    kvp: float | None = None
    kernel_group: str = ""
    metal_reduced: bool = False
    stack_id: str = ""
    cardiac_phase: float | None = None
    trigger_time: float | None = None
    acquisition_time: str = ""
    content_time: str = ""
    concatenation_uid: str = ""
    concatenation_parts: int | None = None
    study_instance_uid: str = ""
    patient: str = field(default="", repr=False)
    study_date: str = field(default="", repr=False)

    @property
    def has_pixels(self) -> bool:
        """Whether there is an image; a structure set or a report has none."""
        return self.rows > 0 and self.columns > 0

    @property
    def frame_bytes(self) -> int:
        """Bytes of one uncompressed frame."""
        return self.rows * self.columns * self.samples * (self.bits_allocated // 8)


def header_of(path: Path, elements: Elements) -> SliceHeader:
    """Turn raw elements into a slice's header.

    Parameters
    ----------
    path : Path
        Where they come from.
    elements : Elements
        The raw elements.

    Returns
    -------
    SliceHeader
    """
    read = _Reader(elements)
    orientation = read.numbers("orientation", 6)
    spacing = read.numbers("pixel_spacing", 2)
    position = read.numbers("position", 3)
    sop_class_uid = read.uid("sop_class_uid") or read.uid("media_storage_class")
    return SliceHeader(
        path=path,
        frames=max(read.integer("frames") or 1, 1),
        series_instance_uid=read.uid("series_instance_uid"),
        sop_instance_uid=read.uid("sop_instance_uid"),
        sop_class_uid=sop_class_uid,
        modality=read.text("modality") or ("CT" if sop_class_uid in CT_CLASSES else ""),
        image_type=read.texts("image_type"),
        frame_of_reference_uid=read.uid("frame_of_reference_uid") or None,
        position_lps=as_vector(position),
        along_row_lps=as_vector(orientation[:3]) if orientation else None,
        along_column_lps=as_vector(orientation[3:]) if orientation else None,
        row_spacing_mm=spacing[0] if spacing else None,
        column_spacing_mm=spacing[1] if spacing else None,
        rows=read.short("rows") or 0,
        columns=read.short("columns") or 0,
        slice_thickness_mm=read.number("slice_thickness"),
        kernel=" ".join(read.texts("kernel")),
        patient_position=read.text("patient_position"),
        gantry_tilt_deg=read.number("gantry_tilt"),
        series_number=read.integer("series_number"),
        acquisition_number=read.text("acquisition_number"),
        temporal_position=read.text("temporal_position"),
        samples=read.short("samples") or 1,
        photometric=read.text("photometric"),
        bits_allocated=read.bits("bits_allocated"),
        bits_stored=read.bits("bits_stored"),
        signed=read.short("pixel_representation") == 1,
        largest_pixel=read.short("largest_pixel"),
        padding=read.short("padding"),
        padding_limit=read.short("padding_limit"),
        slope=read.number("slope"),
        intercept=read.number("intercept"),
        rescale_type=read.text("rescale_type"),
        lossy=read.text("lossy") == "01",
        transfer_syntax=elements.transfer_syntax,
        little_endian=elements.little_endian,
        pixel_offset=elements.pixel_offset,
        pixel_length=elements.pixel_length,
        kvp=read.number("kvp"),
        metal_reduced=any(
            tells_metal_reduction(read.text(name))
            for name in ("image_type", "kernel", "series_description", "derivation")
        ),
        cardiac_phase=read.single("cardiac_phase"),
        trigger_time=read.number("trigger_time"),
        acquisition_time=read.text("acquisition_time"),
        content_time=read.text("content_time"),
        concatenation_uid=read.uid("concatenation_uid"),
        concatenation_parts=read.short("concatenation_parts"),
        study_instance_uid=read.uid("study_instance_uid"),
        patient=read.patient(),
        study_date=read.date("study_date"),
    )


def tells_metal_reduction(text: str) -> bool:
    """Say whether a text of the header speaks of metal artefact reduction.

    Parameters
    ----------
    text : str
        An image type, a kernel or a description.

    Returns
    -------
    bool
        True for "Spine 1.0 Br59 iMAR"; False for "without iMAR" and for a date in March.
    """
    plain = _MONTH.sub(" ", text.upper().replace("_", " "))
    return any(not _NOT_METAL_REDUCED.search(plain[: found.start()]) for found in _METAL_REDUCED.finditer(plain))


def as_number(text: str) -> float:
    """Take a decimal string as a number; Python alone would also take "1_000" and digits of other scripts.

    Parameters
    ----------
    text : str
        As PS3.5 6.2 allows it.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is none.
    """
    if "_" in text or not text.isascii():
        raise ValueError
    return float(text)


def as_vector(numbers: tuple[float, ...] | None) -> Vector | None:
    """Take three numbers as a vector, and anything else as none.

    Parameters
    ----------
    numbers : tuple of float or None
        Of any length.

    Returns
    -------
    tuple of float, of length 3, or None
        In the frame and unit that they came in.
    """
    if numbers is None or len(numbers) != 3:
        return None
    return numbers[0], numbers[1], numbers[2]


class _Reader:
    """Turns raw values into text and numbers; what makes no sense counts as absent."""

    def __init__(self, elements: Elements) -> None:
        self._values = elements.values
        self._order = "<H" if elements.little_endian else ">H"

    def texts(self, name: str) -> tuple[str, ...]:
        """Give the parts of a text; none where it holds what no text does.

        With a damaged length a text swallows the elements behind it, and the patient's name with them.
        """
        raw = self._values.get(_TAGS[name], b"").decode("latin-1").strip("\0 ")
        parts = tuple(part.strip("\0 ") for part in raw.split("\\")) if raw else ()
        return parts if all(map(str.isprintable, parts)) else ()

    def text(self, name: str) -> str:
        return "\\".join(self.texts(name))

    def uid(self, name: str) -> str:
        """Give a UID; what could be a path, or anything else than one, counts as absent."""
        text = self.text(name)
        return text if _UID.fullmatch(text) else ""

    def date(self, name: str) -> str:
        text = self.text(name).replace(".", "")
        return text if _DATE.fullmatch(text) else ""

    def patient(self) -> str:
        """Give a mark of the patient; spelling of capitals, spaces and empty parts of the name makes no difference."""
        told = [self._values.get(_TAGS[name], b"") for name in ("patient_id", "patient_name")]
        plain = [b" ".join(raw.upper().replace(b"^", b" ").replace(b"\0", b" ").split()) for raw in told]
        if not any(plain):
            return ""
        return hashlib.blake2b(b"\\".join(plain), key=_SALT).hexdigest()[:_PATIENT_DIGITS]

    def numbers(self, name: str, count: int) -> tuple[float, ...] | None:
        try:
            numbers = tuple(as_number(text) for text in self.texts(name))
        except ValueError:
            return None
        return numbers if len(numbers) == count and all(math.isfinite(n) for n in numbers) else None

    def number(self, name: str) -> float | None:
        numbers = self.numbers(name, 1)
        return numbers[0] if numbers else None

    def integer(self, name: str) -> int | None:
        number = self.number(name)
        return None if number is None else int(number)

    def single(self, name: str) -> float | None:
        raw = self._values.get(_TAGS[name], b"")
        value = float(struct.unpack_from(self._order[0] + "f", raw)[0]) if len(raw) >= 4 else math.nan
        return value if math.isfinite(value) else None

    def bits(self, name: str) -> int:
        """Give a number of bits; 0 where there is none, or more than any number has."""
        count = self.short(name) or 0
        return count if count <= _MOST_BITS else 0

    def short(self, name: str) -> int | None:
        raw = self._values.get(_TAGS[name], b"")
        return int(struct.unpack_from(self._order, raw)[0]) if len(raw) >= 2 else None
