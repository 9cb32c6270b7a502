"""Compressed pixels: where each frame's bytes lie in the file, and which decoder turns them into stored words."""

import contextlib
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
import numpy.typing as npt

from planner.io.dicom.elements import DamagedFileError
from planner.io.dicom.headers import SliceHeader

_ITEM, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE0DD
_MOST_FRAGMENTS = 200_000
_RLE_HEADER_BYTES = 64
_END_OF_JPEG = b"\xff\xd9"
_STARTS_OF_FRAME = frozenset((*range(0xC0, 0xD0), 0xF7)) - {0xC4, 0xC8, 0xCC}
_NO_FRAME_FOLLOWS = (0xD9, 0xDA)
"""The end of the image, or its data."""
_START_OF_JPEG_2000 = b"\xff\x4f\xff\x51"

RLE = "1.2.840.10008.1.2.5"

Words = npt.NDArray[np.uint16]
Fragment = tuple[int, int]
"""Place in the file and length, bytes."""


class FrameBytes:
    """Reads the compressed bytes of frames, and remembers where those of multi-frame files lie."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[Fragment, ...], ...]] = {}

    def read(self, header: SliceHeader) -> bytes:
        """Read the compressed bytes of one frame.

        Parameters
        ----------
        header : SliceHeader
            Of an encapsulated transfer syntax.

        Returns
        -------
        bytes
            Its fragments, joined.

        Raises
        ------
        DamagedFileError
            If they are not there.
        """
        with header.path.open("rb") as file:
            return b"".join(_read(file, fragment) for fragment in self._of(file, header))

    def require_whole(self, header: SliceHeader) -> None:
        """Refuse a frame whose bytes are not all there, without reading them.

        Parameters
        ----------
        header : SliceHeader
            Of an encapsulated transfer syntax.

        Raises
        ------
        DamagedFileError
            If the file ends before the frame does, or has no such frame.
        """
        with header.path.open("rb", buffering=0) as file:
            fragments = self._of(file, header)
            size = file.seek(0, 2)
            if not fragments or any(place + length > size for place, length in fragments):
                raise DamagedFileError

    def _of(self, file: BinaryIO, header: SliceHeader) -> tuple[Fragment, ...]:
        frames = self._known.get(header.path)
        if frames is None:
            frames = _places(file, header)
            if header.frames > 1:
                self._known[header.path] = frames
        return frames[header.frame]


def decode_frame(syntax: str, data: bytes, out: Words) -> None:
    """Decode one frame.

    Parameters
    ----------
    syntax : str
        One of `DECODERS`.
    data : bytes
        The compressed frame.
    out : ndarray of uint16, shape (rows, columns)
        Takes the stored words. A frame that says it has another shape is refused before it is decoded, so that a
        claim of huge dimensions costs nothing.

    Raises
    ------
    DamagedFileError
        If the frame is cut off or has another shape.
    Exception
        Whatever else the decoder raises on damage; all kinds stand in `planner.io.dicom.elements.DAMAGE`.
    """
    DECODERS[syntax](data, out)


def _places(file: BinaryIO, header: SliceHeader) -> tuple[tuple[Fragment, ...], ...]:
    """Find the fragments of each frame (PS3.5 A.4)."""
    if header.pixel_offset is None:
        raise DamagedFileError
    fragments = _fragments(file, header.pixel_offset)
    table, parts = fragments[0], fragments[1:]
    if header.frames == 1:
        return (tuple(parts),)
    if len(parts) == header.frames:
        return tuple((part,) for part in parts)
    count = table[1] // 4
    if count != header.frames or not parts:
        raise DamagedFileError
    starts = struct.unpack(f"<{count}I", _read(file, (table[0], 4 * count)))
    first_item = parts[0][0] - 8
    owners = np.searchsorted(np.array(starts), [place - 8 - first_item for place, _ in parts], side="right") - 1
    return tuple(tuple(p for p, owner in zip(parts, owners, strict=True) if owner == n) for n in range(count))


def _fragments(file: BinaryIO, start: int) -> list[Fragment]:
    found: list[Fragment] = []
    position = start
    while len(found) < _MOST_FRAGMENTS:
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            break  # some files leave the end mark out; a missing fragment shows by itself
        group, element, length = struct.unpack("<HHI", head)
        tag = (group << 16) | element
        if tag == _SEQUENCE_END:
            break
        if tag != _ITEM:
            raise DamagedFileError
        found.append((position + 8, length))
        position += 8 + length
    if len(found) < 2:
        raise DamagedFileError
    return found


def _read(file: BinaryIO, fragment: Fragment) -> bytes:
    place, length = fragment
    file.seek(0, 2)
    if place + length > file.tell():
        raise DamagedFileError
    file.seek(place)
    return file.read(length)


def _by(decoder: Callable[..., Any], *, ends_with: bytes = b"") -> Callable[[bytes, Words], None]:
    """Let a decoder of imagecodecs write into the words; signed samples keep their bits."""

    def decode(data: bytes, out: Words) -> None:
        if ends_with and data.rstrip(b"\0")[-len(ends_with) :] != ends_with:
            # libjpeg makes up what a cut-off frame lacks, and CharLS takes seconds to find it out
            raise DamagedFileError
        try:
            decoder(data, out=out)
        except ValueError:  # another type of sample, or another shape: then it is raised again
            for kind in (np.int16, np.uint8):
                with contextlib.suppress(ValueError):
                    out[...] = decoder(data, out=np.empty(out.shape, dtype=kind)).astype(np.int16).view(np.uint16)
                    return
            raise

    return decode


def _decode_rle(data: bytes, out: Words) -> None:
    """Join the high and the low bytes, each packed by themselves (PS3.5 G)."""
    if len(data) < _RLE_HEADER_BYTES:
        raise DamagedFileError
    count, *starts = struct.unpack("<16I", data[:_RLE_HEADER_BYTES])
    ends: Sequence[int] = (*starts[1:2], len(data))
    if count != 2 or not _RLE_HEADER_BYTES <= starts[0] < starts[1] <= len(data):
        raise DamagedFileError
    words = out.view(np.uint8).reshape(*out.shape, 2)
    little = 1 if np.little_endian else 0
    for number, place in enumerate((little, 1 - little)):
        part = np.frombuffer(imagecodecs.packbits_decode(data[starts[number] : ends[number]]), dtype=np.uint8)
        if not out.size <= part.size <= out.size + 1:  # a segment may be padded to an even length
            raise DamagedFileError
        words[..., place] = part[: out.size].reshape(out.shape)


def _inflate(data: bytes, out: Words) -> None:
    need = out.size * 2
    values = zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(data, need + 2)
    if not need <= len(values) <= need + 1:
        raise DamagedFileError
    out[...] = np.frombuffer(values, dtype="<u2", count=out.size).reshape(out.shape)


_jpeg_frame = _by(imagecodecs.jpeg8_decode, ends_with=_END_OF_JPEG)
_jpeg_ls_frame = _by(imagecodecs.jpegls_decode, ends_with=_END_OF_JPEG)
_jpeg2000_frame = _by(imagecodecs.jpeg2k_decode)


def _jpeg(data: bytes, out: Words) -> None:
    _require_size(data, out)
    _jpeg_frame(data, out)


def _jpeg_ls(data: bytes, out: Words) -> None:
    _require_size(data, out)
    _jpeg_ls_frame(data, out)


def _require_size(data: bytes, out: Words) -> None:
    """Compare the size that a JPEG or JPEG-LS frame names (ITU-T T.81 B.2.2, T.87 C.2.2) before anything is decoded."""
    position = 2
    while True:
        mark, marker, length = struct.unpack_from(">BBH", data, position)
        if mark != 0xFF or marker in _NO_FRAME_FOLLOWS:
            raise DamagedFileError
        if marker == 0xFF:  # a fill byte
            position += 1
        elif marker in _STARTS_OF_FRAME:
            break
        else:
            position += 2 + length
    if struct.unpack_from(">HH", data, position + 5) != out.shape:
        raise DamagedFileError


def _jpeg2000(data: bytes, out: Words) -> None:
    """Compare the size that the code stream names (SIZ, ISO/IEC 15444-1 A.5.1) before OpenJPEG makes room for it."""
    start = data.find(_START_OF_JPEG_2000)
    if start < 0:
        raise DamagedFileError
    right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
    if (bottom - top, right - left) != out.shape:
        raise DamagedFileError
    _jpeg2000_frame(data, out)


DECODERS: dict[str, Callable[[bytes, Words], None]] = {
    RLE: _decode_rle,
    "1.2.840.10008.1.2.8.1": _inflate,
    "1.2.840.10008.1.2.4.57": _jpeg,
    "1.2.840.10008.1.2.4.70": _jpeg,
    "1.2.840.10008.1.2.4.80": _jpeg_ls,
    "1.2.840.10008.1.2.4.81": _jpeg_ls,
    "1.2.840.10008.1.2.4.90": _jpeg2000,
    "1.2.840.10008.1.2.4.91": _jpeg2000,
    "1.2.840.10008.1.2.4.110": _by(imagecodecs.jpegxl_decode),
    "1.2.840.10008.1.2.4.201": _jpeg2000,
    "1.2.840.10008.1.2.4.202": _jpeg2000,
    "1.2.840.10008.1.2.4.203": _jpeg2000,
}
"""The compressed syntaxes that decode rightly, by UID. Lossy JPEG (.50 to .55) is not among them: 12-bit CT in it is
decoded to wrong values by most libraries, and the part that is not cannot be told from the file."""
LOSSY = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (81, 91, 203))
"""Those of them that may have lost something."""
