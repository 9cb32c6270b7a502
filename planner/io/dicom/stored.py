"""The stored words of one slice, whatever they were packed in, freed of what is no pixel value."""

import struct
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from planner.io.dicom.compressed import DECODERS, RLE, FrameBytes, Words, decode_frame
from planner.io.dicom.elements import (
    DAMAGE,
    DEFLATED,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    DamagedFileError,
    read_elements,
)
from planner.io.dicom.headers import SliceHeader

PLAIN = frozenset((IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE))
"""Syntaxes in which the words stand in the file as they are."""
READABLE = PLAIN | {DEFLATED} | frozenset(DECODERS)
_HIGH_BIT = 0x00280102
_OVERLAYS = tuple(range(0x60000000, 0x60200000, 0x00020000))
_OVERLAY_BITS, _OVERLAY_POSITION = 0x0100, 0x0102


class UnreadablePixelsError(Exception):
    """Why a slice's words cannot be had, in words that follow the slice's place; never leaves this package."""


class StoredWords:
    """Reads the words of slices; keeps what several frames of one file share."""

    def __init__(self) -> None:
        self._frames = FrameBytes()
        self._inflated: tuple[Path, bytes] | None = None

    def read(self, header: SliceHeader, out: Words) -> None:
        """Read the 16 stored bits of each pixel, in the machine's byte order.

        Parameters
        ----------
        header : SliceHeader
            The slice.
        out : ndarray of uint16, shape (rows, columns)
            Takes them.

        Raises
        ------
        UnreadablePixelsError
            If the slice is cut off or damaged.
        """
        if header.transfer_syntax in PLAIN:
            _read_plain(header, out)
            return
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if header.transfer_syntax == DEFLATED:
                    self._read_deflated(header, out)
                else:
                    decode_frame(header.transfer_syntax, self._frames.read(header), out)
        except (*DAMAGE, DamagedFileError) as error:
            raise UnreadablePixelsError(
                "cannot be decoded: it is cut off or damaged, or not of the size that its header names; copy the "
                "series again from its source"
            ) from error

    def _read_deflated(self, header: SliceHeader, out: Words) -> None:
        if self._inflated is None or self._inflated[0] != header.path:
            from planner.io.dicom.datasets import open_dataset

            self._inflated = (header.path, open_dataset(header.path).PixelData)
        start = header.frame * header.frame_bytes
        out[...] = np.frombuffer(self._inflated[1], dtype="<u2", count=out.size, offset=start).reshape(out.shape)


def is_threaded(syntax: str) -> bool:
    """Say whether slices of a syntax are worth decoding side by side.

    Parameters
    ----------
    syntax : str
        UID of the transfer syntax.

    Returns
    -------
    bool
        True where a decoder that runs free of Python's lock has real work to do; RLE is mere copying.
    """
    return syntax in DECODERS and syntax != RLE


def count_cut_off(headers: Iterable[SliceHeader]) -> int:
    """Count slices whose pixels their files do not hold, by the files' lengths alone.

    Parameters
    ----------
    headers : iterable of SliceHeader
        The slices.

    Returns
    -------
    int
        Deflated slices are judged by what their headers claim.
    """
    frames, sizes = FrameBytes(), dict[Path, int]()
    return sum(_is_cut_off(header, frames, sizes) for header in headers)


def _is_cut_off(header: SliceHeader, frames: FrameBytes, sizes: dict[Path, int]) -> bool:
    try:
        if header.path not in sizes:
            sizes[header.path] = header.path.stat().st_size
        if header.transfer_syntax in DECODERS:
            frames.require_whole(header)
            return False
    except (*DAMAGE, DamagedFileError):
        return True
    held = header.pixel_length or 0
    if header.transfer_syntax in PLAIN and header.pixel_offset is not None:
        held = min(held, sizes[header.path] - header.pixel_offset)
    return held < (header.frame + 1) * header.frame_bytes


def strip_unused_bits(header: SliceHeader, words: Words) -> None:
    """Turn words into 16-bit values: sign-extended, and without what stands in the unused high bits.

    Parameters
    ----------
    header : SliceHeader
        The slice.
    words : ndarray of uint16, shape (rows, columns)
        Changed in place.

    Raises
    ------
    UnreadablePixelsError
        If the unused bits hold something that the file does not declare as an overlay, or the values do not stand in
        the low bits.
    """
    spare = 16 - header.bits_stored
    if not spare:
        return
    if not _fits(header, words):
        _require_overlay(header, words)
    if header.signed:
        np.left_shift(words, spare, out=words)
        values = words.view(np.int16)
        np.right_shift(values, spare, out=values)
    else:
        np.bitwise_and(words, np.uint16((1 << header.bits_stored) - 1), out=words)


def _fits(header: SliceHeader, words: Words) -> bool:
    """Whether all words lie in the stored range, with or without their sign extended."""
    if not header.signed or int(words.max()) < 1 << header.bits_stored:
        return int(words.max()) < 1 << header.bits_stored
    values = words.view(np.int16)
    half = 1 << (header.bits_stored - 1)
    return -half <= int(values.min()) and int(values.max()) < half


def _require_overlay(header: SliceHeader, words: Words) -> None:
    """Refuse high bits that are no declared overlay: they may be the upper half of a value (PS3.5 8.1.2)."""
    wanted = [_HIGH_BIT, *(group + element for group in _OVERLAYS for element in (_OVERLAY_BITS, _OVERLAY_POSITION))]
    try:
        elements = read_elements(header.path, wanted)
    except DamagedFileError as error:
        raise UnreadablePixelsError("cannot be read; copy the series again from its source") from error
    order = "<H" if elements is None or elements.little_endian else ">H"
    raw = {} if elements is None else elements.values
    shorts = {tag: int(struct.unpack_from(order, value)[0]) for tag, value in raw.items() if len(value) >= 2}
    if shorts.get(_HIGH_BIT, header.bits_stored - 1) != header.bits_stored - 1:
        raise UnreadablePixelsError(
            f"keeps its {header.bits_stored}-bit values below bit {shorts[_HIGH_BIT]}, an old form that is not read; "
            "export the series anew"
        )
    planes = sum(
        1 << shorts[group + _OVERLAY_POSITION]
        for group in _OVERLAYS
        if shorts.get(group + _OVERLAY_BITS) == 16
        and header.bits_stored <= shorts.get(group + _OVERLAY_POSITION, 0) < 16
    )
    used = int(np.bitwise_or.reduce(words, axis=None)) & ~((1 << header.bits_stored) - 1)
    if used & ~planes and not _is_sign(header, words, planes):
        raise UnreadablePixelsError(
            f"holds values beyond the {header.bits_stored} bits that its header names, and declares no overlay there; "
            "export the series anew"
        )


def _is_sign(header: SliceHeader, words: Words, planes: int) -> bool:
    """Whether the high bits, but for the overlays', are those of the sign."""
    if not header.signed:
        return False
    rest = 0xFFFF & ~((1 << header.bits_stored) - 1) & ~planes
    high = words & np.uint16(rest)
    negative = (words >> np.uint16(header.bits_stored - 1)) & 1 == 1
    return bool(np.all((high == 0) | (negative & (high == rest))))


def _read_plain(header: SliceHeader, out: Words) -> None:
    need = header.frame_bytes
    try:
        with header.path.open("rb", buffering=0) as file:
            file.seek((header.pixel_offset or 0) + header.frame * need)
            got = file.readinto(memoryview(out).cast("B")) or 0  # type: ignore[arg-type]
    except OSError as error:
        raise UnreadablePixelsError("cannot be read; copy the series again from its source") from error
    held = (header.pixel_length or 0) - header.frame * need
    if min(got, held) < need:
        raise UnreadablePixelsError(f"is cut off: {max(0, min(got, held))} of {need} bytes; copy the series again")
    if not header.little_endian:
        out.byteswap(inplace=True)
