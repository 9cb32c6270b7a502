"""The top level of one DICOM file: the bytes of the wanted elements, and where its pixels lie.

Most CT files are little endian and need no more than a walk over their element headers, many times quicker than a full
parse. Whatever is less plain (big endian, deflated, no preamble) goes through pydicom, and comes out in the same form.
"""

import struct
import warnings
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.errors import BytesLengthException, InvalidDicomError

_PIXEL_DATA = 0x7FE00010
_TRANSFER_SYNTAX = 0x00020010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_FIRST_READ, _SECOND_READ = 1 << 14, 1 << 22
_DEEPEST = 16
"""Nesting of sequences beyond which a file goes through pydicom; real CT headers stay under six."""
IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
DAMAGE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    NotImplementedError,
    EOFError,
    RecursionError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
    InvalidDicomError,
    BytesLengthException,
)
"""What pydicom and its decoders raise on files that are cut off or scrambled."""


class DamagedFileError(Exception):
    """A file that claims to be DICOM and cannot be read as such; never leaves this package."""


class _Unusual(Exception):
    """The quick walk met something that it leaves to pydicom."""


@dataclass(frozen=True, slots=True)
class Elements:
    """The wanted top-level elements of one file.

    Parameters
    ----------
    values : dict of int to bytes
        Raw values by tag; elements that are absent have no entry.
    little_endian : bool
        Byte order of the values.
    transfer_syntax : str
        Its UID.
    pixel_offset : int or None
        Where the value of Pixel Data starts in the file; None without pixels, or where the file is deflated.
    pixel_length : int or None
        Its length in bytes; None where it is encapsulated or there is none.
    """

    values: dict[int, bytes]
    little_endian: bool
    transfer_syntax: str
    pixel_offset: int | None
    pixel_length: int | None


def read_elements(path: Path, wanted: Collection[int]) -> Elements | None:
    """Read the wanted elements of one file.

    Parameters
    ----------
    path : Path
        Any file.
    wanted : collection of int
        Tags; sequences are not given.

    Returns
    -------
    Elements or None
        None where the file is not DICOM.

    Raises
    ------
    DamagedFileError
        If the file is DICOM and cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_FIRST_READ)
            if not _looks_like_dicom(head):
                return None
            try:
                return _walk_file(head, wanted)
            except struct.error:
                head += file.read(_SECOND_READ)
                return _walk_file(head, wanted)
    except (_Unusual, struct.error):
        return _read_by_pydicom(path, wanted)
    except OSError as error:
        raise DamagedFileError from error


def open_dataset(path: Path) -> pydicom.Dataset:
    """Read a whole DICOM file through pydicom, without its complaints.

    Parameters
    ----------
    path : Path
        A DICOM file.

    Returns
    -------
    pydicom.Dataset

    Raises
    ------
    DamagedFileError
        If it cannot be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pydicom.dcmread(path, force=True)
    except DAMAGE as error:
        raise DamagedFileError from error


def _looks_like_dicom(head: bytes) -> bool:
    """Tell DICOM by its mark, or (older files without a preamble) by a first element of group 2 or 8."""
    if head[128:132] == b"DICM":
        return True
    return len(head) > 132 and head[:2] in (b"\x08\x00", b"\x02\x00") and head[3:4] == b"\x00"


def _walk_file(head: bytes, wanted: Collection[int]) -> Elements:
    if head[128:132] != b"DICM":
        raise _Unusual
    syntax, start = _read_meta(head)
    if syntax in (EXPLICIT_BE, DEFLATED):
        raise _Unusual
    values: dict[int, bytes] = {}
    position = start
    while True:
        try:
            tag, length, body = _element(head, position, explicit=syntax != IMPLICIT_LE)
        except struct.error:
            if len(head) < _FIRST_READ and position == len(head):
                return Elements(
                    values, little_endian=True, transfer_syntax=syntax, pixel_offset=None, pixel_length=None
                )
            raise
        if tag == _PIXEL_DATA:
            held = None if length == _UNDEFINED else length
            return Elements(values, little_endian=True, transfer_syntax=syntax, pixel_offset=body, pixel_length=held)
        if length == _UNDEFINED:
            position = _end_of_sequence(head, body, 0, explicit=syntax != IMPLICIT_LE)
            continue
        position = body + length
        if tag in wanted:
            if position > len(head):
                raise struct.error
            values[tag] = head[body:position]


def _read_meta(head: bytes) -> tuple[str, int]:
    """Give the transfer syntax, and where the data set starts."""
    position, syntax = 132, None
    while struct.unpack_from("<H", head, position)[0] == 2:
        tag, length, body = _element(head, position, explicit=True)
        if tag == _TRANSFER_SYNTAX:
            syntax = head[body : body + length].decode("ascii", "replace").strip("\0 ")
        position = body + length
    if not syntax:
        raise _Unusual
    return syntax, position


def _element(head: bytes, position: int, *, explicit: bool) -> tuple[int, int, int]:
    """Give tag, length and the place of the value of the element at a position."""
    group, element = struct.unpack_from("<HH", head, position)
    tag = (group << 16) | element
    if not explicit or group == 0xFFFE:
        return tag, struct.unpack_from("<I", head, position + 4)[0], position + 8
    vr = head[position + 4 : position + 6]
    if vr in _LONG_VRS:
        return tag, struct.unpack_from("<I", head, position + 8)[0], position + 12
    if not vr.isalpha():
        if len(vr) < 2:
            raise struct.error
        raise _Unusual
    return tag, struct.unpack_from("<H", head, position + 6)[0], position + 8


def _end_of_sequence(head: bytes, position: int, depth: int, *, explicit: bool) -> int:
    """Find where a sequence of undefined length ends."""
    if depth > _DEEPEST:
        raise _Unusual
    while True:
        tag, length, body = _element(head, position, explicit=explicit)
        if tag in (_SEQUENCE_END, _ITEM_END):
            return body
        nested = length == _UNDEFINED
        position = _end_of_sequence(head, body, depth + 1, explicit=explicit) if nested else body + length


def _read_by_pydicom(path: Path, wanted: Collection[int]) -> Elements:
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(wanted), force=True)
            position = file.tell()
            syntax = str(dataset.file_meta.get("TransferSyntaxUID", "") or IMPLICIT_LE)
            values: dict[int, bytes] = {}
            for tag in wanted:
                item = dataset.get_item(tag) if tag in dataset else None
                if isinstance(item, RawDataElement) and item.value is not None:
                    values[tag] = item.value
            little = syntax != EXPLICIT_BE
            offset, length = (None, None) if syntax == DEFLATED else _pixels_at(file.seek(position), path, syntax)
            return Elements(values, little, syntax, offset, length)
    except DAMAGE as error:
        raise DamagedFileError from error


def _pixels_at(position: int, path: Path, syntax: str) -> tuple[int | None, int | None]:
    """Read the element header of Pixel Data, where pydicom stopped."""
    order = ">" if syntax == EXPLICIT_BE else "<"
    with path.open("rb") as file:
        file.seek(position)
        head = file.read(12)
    if len(head) < 12 or struct.unpack(order + "HH", head[:4]) != (0x7FE0, 0x0010):
        return None, None
    implicit = syntax == IMPLICIT_LE
    length = struct.unpack(order + "I", head[4:8] if implicit else head[8:12])[0]
    return position + (8 if implicit else 12), None if length == _UNDEFINED else length
