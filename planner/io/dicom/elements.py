"""The top level of one DICOM file: the bytes of the wanted elements, and where its pixels lie.

A walk over the element headers, many times quicker than a full parse, and with nothing in it that a damaged or hostile
file could drive: it never recurses, never reads past the file, and allocates no more than what it was asked for.
"""

import io
import mmap
import os
import re
import struct
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

_PIXEL_DATA = 0x7FE00010
_TRANSFER_SYNTAX = 0x00020010
MEDIA_STORAGE_CLASS = 0x00020002
"""What the file's preface says that it holds: the same as the SOP Class of the data set, where that has one."""
_ITEM_END, _SEQUENCE_END = 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_SHORT_VRS = frozenset(
    b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split()  # PS3.5 table 6.2-1
)
_DICOM_ROOT = b"1.2.840.10008."
"""What all UIDs of the standard begin with; in a binary file, the scrap of a DICOM file."""
_FOREIGN = (b"MZ", b"PK\x03\x04", b"PK\x05\x06", b"%PDF", b"\x7fELF", b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"SQLite ")
"""How programs, archives, documents and pictures begin, which may hold UIDs of the standard."""
_ISO_MARK, _ISO_PLACE = b"CD001", 0x8001
"""ISO 9660: a disc image begins with 32 KiB of zeros."""
_DICOM_SUFFIXES = frozenset(("", ".dcm", ".dic", ".dicom", ".ima"))
_NEIGHBOURS = 32
_LONGEST_STRAY = 16
_STRAY = b"\0\r\n\x1a "
"""What copying programs add at a file's end: zeros, a line end, the end-of-file of old systems, blanks."""
_UID = re.compile(r"[0-9.]{1,64}")
_FIRST_READ = 1 << 14
_DEEPEST = 1000
"""Nesting of sequences that only damage or malice reaches; real CT headers stay under six."""
_LONGEST_VALUE = 1 << 16
"""No value that we look for is longer, by far."""
_HEADER_INFLATED = 64 << 20
"""What the part before the pixels of a deflated file may grow to; real headers stay under one MiB."""
_MOST_INFLATED = 2 << 30
"""What a deflated file may grow to: four thousand slices of 512 x 512 in 16 bits."""
_DEFLATE_TIMES = 1032
"""Deflate never shrinks by more (zlib's technical notes)."""
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
)
"""What a walk over a file and the decoders of its pixels raise where it is cut off or scrambled."""


class DamagedFileError(Exception):
    """A file that claims to be DICOM and cannot be read as such; never leaves this package."""


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
        Its length in bytes; None where it is encapsulated or there is none. A claim, not compared with the file.
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
        If the file is DICOM and cannot be read, or is what a broken copy leaves of one (`_is_scrap`).
    """
    try:
        with path.open("rb", buffering=0) as file:
            head = file.read(_FIRST_READ)
            if not _looks_like_dicom(head):
                if _is_scrap(file, head) and _is_named_like_dicom(path, empty=not any(head[:128])):
                    raise DamagedFileError
                return None
            found = _walk_as_far_as_needed(file, head, wanted)
            _refuse_foreign_tail(file, found)
            return found
    except DAMAGE as error:
        raise DamagedFileError from error


def _looks_like_dicom(head: bytes) -> bool:
    """Tell DICOM by its mark, or (older files without a preamble) by a first element of group 2 or 8."""
    bare = len(head) > 132 and head[:2] in (b"\x08\x00", b"\x02\x00") and head[3:4] == b"\x00"
    return bare or has_mark(head)


def has_mark(head: bytes) -> bool:
    """Say whether a file carries DICOM's mark, whatever its name.

    Parameters
    ----------
    head : bytes
        The first 132 or more.

    Returns
    -------
    bool
    """
    return head[128:132] == b"DICM"


def _is_scrap(file: io.FileIO, head: bytes) -> bool:
    """Whether this may be what a broken copy left: nothing, an empty preamble, a mark that is lost or out of place."""
    if head.startswith(_FOREIGN):
        return False
    if any(head[:128]):
        return b"\0" in head and (b"DICM" in head or _DICOM_ROOT in head)
    file.seek(_ISO_PLACE)
    return file.read(len(_ISO_MARK)) != _ISO_MARK


def _is_named_like_dicom(path: Path, *, empty: bool) -> bool:
    """Whether a broken file's name and place are those of a slice, so that it must be said: the volume may end early.

    An empty file may be anybody's: it counts only beside DICOM of like name. A scrap of DICOM counts by its name too.
    """
    if path.name.startswith("."):
        return False
    kind = _kind_of_name(path)
    return (kind == "" and not empty) or _has_like_neighbour(path, kind)


def is_dicom_suffix(suffix: str) -> bool:
    """Say whether DICOM files are named with a suffix: none, a usual one, or a number (IM.0001).

    Parameters
    ----------
    suffix : str
        In lower case, with its dot; may be empty.

    Returns
    -------
    bool
    """
    return suffix in _DICOM_SUFFIXES or suffix[1:].isdigit()


def _kind_of_name(path: Path) -> str:
    suffix = path.suffix.lower()
    return "" if is_dicom_suffix(suffix) else suffix


def _has_like_neighbour(path: Path, kind: str) -> bool:
    """Whether one of the first files of like name in the folder carries DICOM's mark."""
    seen = 0
    with os.scandir(path.parent) as entries:
        for entry in entries:
            if seen >= _NEIGHBOURS:
                break
            if entry.is_file(follow_symlinks=False) and _kind_of_name(Path(entry.name)) == kind:
                seen += 1
                with Path(entry.path).open("rb") as file:
                    if _looks_like_dicom(file.read(133)):
                        return True
    return False


Bytes = bytes | mmap.mmap


def _walk_as_far_as_needed(file: io.FileIO, head: bytes, wanted: Collection[int]) -> Elements:
    try:
        return _walk_file(head, wanted, whole=len(head) < _FIRST_READ)
    except struct.error:
        if len(head) < _FIRST_READ:
            raise
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as everything:
        return _walk_file(everything, wanted, whole=True)


def _refuse_foreign_tail(file: io.FileIO, found: Elements) -> None:
    """Refuse a file that goes on behind its pixels with anything but elements, a disc's zeros or a line end.

    Bytes that slipped into the pixels push others out at the end, and the picture is shifted within its frame. A tail
    of line ends or blanks alone would be a last pixel of 2573 or 8224: no air, which lies in a CT's last corner.
    """
    if found.pixel_offset is None or found.pixel_length is None:
        return
    end = found.pixel_offset + found.pixel_length
    if os.fstat(file.fileno()).st_size <= end:
        return  # whoever reads the pixels will miss what is missing
    file.seek(end)
    tail = file.read(_FIRST_READ)
    group = struct.unpack("<H" if found.little_endian else ">H", tail[:2])[0] if len(tail) >= 8 else 0
    stray = tail.strip(b"\0") if len(tail) > _LONGEST_STRAY else tail.strip(_STRAY)
    if group <= _PIXEL_DATA >> 16 and stray:
        raise DamagedFileError


def _walk_file(head: Bytes, wanted: Collection[int], *, whole: bool) -> Elements:
    """Walk the element headers; ask for more (struct.error) where a part of the file does not reach."""
    syntax, start, told = _read_meta(head)
    if syntax != DEFLATED:
        return _walk(head, start, wanted, syntax, whole=whole, told=told)
    if not whole:
        raise struct.error
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    found = _walk(inflater.decompress(head[start:], _HEADER_INFLATED), 0, wanted, syntax, whole=True, told=told)
    return Elements(found.values, found.little_endian, syntax, None, found.pixel_length)


def _walk(
    head: Bytes, position: int, wanted: Collection[int], syntax: str, *, whole: bool, told: dict[int, bytes]
) -> Elements:
    order = ">" if syntax == EXPLICIT_BE else "<"
    explicit = syntax != IMPLICIT_LE or head[position + 4 : position + 6] in _SHORT_VRS
    values = {tag: value for tag, value in told.items() if tag in wanted}
    while not (whole and position == len(head)):
        tag, length, body, explicit_inside = _element(head, position, order, explicit=explicit)
        if tag == _PIXEL_DATA:
            return Elements(values, order == "<", syntax, body, None if length == _UNDEFINED else length)
        if length == _UNDEFINED:
            position = _end_of_sequence(head, body, order, explicit=explicit_inside)
            continue
        position = body + length
        if position > len(head):
            raise struct.error
        if tag in wanted:
            _put(values, tag, head[body:position])
    return Elements(values, order == "<", syntax, None, None)


def _put(values: dict[int, bytes], tag: int, value: bytes) -> None:
    """Take a value, unless the file says two different things of one matter."""
    if len(value) > _LONGEST_VALUE or values.setdefault(tag, value) != value:
        raise DamagedFileError


def _read_meta(head: Bytes) -> tuple[str, int, dict[int, bytes]]:
    """Give the transfer syntax, where the data set starts, and what the file is said to hold."""
    position, syntax = (132 if head[128:132] == b"DICM" else 0), ""
    told: dict[int, bytes] = {}
    while head[position : position + 2] == b"\x02\x00":
        tag, length, body, _ = _element(head, position, "<", explicit=True)
        position = body + length
        if position > len(head):
            raise struct.error
        if tag == _TRANSFER_SYNTAX:
            syntax = head[body:position].decode("ascii", "replace").strip("\0 ")
            if not _UID.fullmatch(syntax):
                raise DamagedFileError
        elif tag == MEDIA_STORAGE_CLASS:
            _put(told, tag, head[body:position])
    if not syntax:  # older files name none
        syntax = EXPLICIT_LE if head[position + 4 : position + 6] in _SHORT_VRS else IMPLICIT_LE
    return syntax, position, told


def _element(head: Bytes, position: int, order: str, *, explicit: bool) -> tuple[int, int, int, bool]:
    """Give tag, length and the place of the value of the element at a position, and whether VRs stand inside it."""
    group, element = struct.unpack_from(order + "HH", head, position)
    tag = (group << 16) | element
    vr = head[position + 4 : position + 6]
    if len(vr) < 2:
        raise struct.error
    if not explicit or group == 0xFFFE or not vr.isalpha():  # some writers leave out the VRs of some elements
        return tag, struct.unpack_from(order + "I", head, position + 4)[0], position + 8, explicit
    if vr in _LONG_VRS:
        # PS3.5 6.2.2: a sequence that was stored as UN is implicit inside
        return tag, struct.unpack_from(order + "I", head, position + 8)[0], position + 12, vr != b"UN"
    return tag, struct.unpack_from(order + "H", head, position + 6)[0], position + 8, explicit


def _end_of_sequence(head: Bytes, position: int, order: str, *, explicit: bool) -> int:
    """Find where a sequence of undefined length ends, whatever is nested in it."""
    inside = [explicit]
    while inside:
        if len(inside) > _DEEPEST:
            raise DamagedFileError
        tag, length, body, explicit_inside = _element(head, position, order, explicit=inside[-1])
        position = body
        if tag in (_SEQUENCE_END, _ITEM_END):
            inside.pop()
        elif length == _UNDEFINED:
            inside.append(explicit_inside)
        else:
            position += length
    return position


def inflated_file(path: Path) -> bytes | None:
    """Inflate a deflated file.

    Parameters
    ----------
    path : Path
        A DICOM file.

    Returns
    -------
    bytes or None
        The file as if it had been stored as explicit little endian, no larger than its own header claims; None for one
        that is not deflated.

    Raises
    ------
    DamagedFileError
        If it claims more than deflate can hold.
    """
    with path.open("rb") as file:
        head = file.read(_FIRST_READ)
        if head[128:132] != b"DICM":
            return None
        try:
            syntax, start, _ = _read_meta(head)
        except struct.error:
            return None
        if syntax != DEFLATED:
            return None
        file.seek(start)
        packed = file.read()
    most = min(_MOST_INFLATED, _DEFLATE_TIMES * len(packed))
    prefix = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, _HEADER_INFLATED)
    pixels = _walk(prefix, 0, (), syntax, whole=True, told={})
    if pixels.pixel_offset is None or pixels.pixel_length is None:
        need = _HEADER_INFLATED
    else:
        need = pixels.pixel_offset + pixels.pixel_length
    if need > most:
        raise DamagedFileError
    plain = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, need)
    name = EXPLICIT_LE.encode() + b"\0"
    meta = struct.pack("<HH2sH", 2, 0x10, b"UI", len(name)) + name
    return bytes(128) + b"DICM" + meta + plain
