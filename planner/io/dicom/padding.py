"""Which pixels of a slice are padding: no measurement, but a mark that the scanner wrote."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from planner.io.dicom.compressed import LOSSY, Words
from planner.io.dicom.headers import SliceHeader

AIR_HU = -1024.0
"""The foot of the 12-bit scale: a value down to here may be air, one below it stands for nothing that scanners write
over a whole region but padding (GE's -2000 and -3024)."""
_LEAST_SHARE = 0.005
"""Share of a slice that an unmarked constant must fill outside the circle to count as padding. Ours: the circle in a
square leaves 21 %, and a run of equal noise at the edge does not come near it."""
_LEAST_PIXELS = 16

Mask = npt.NDArray[np.bool_]


def padded_pixels(header: SliceHeader, words: Words) -> Mask | None:
    """Find the padding of a slice.

    Values are compared as the 16 bits that are stored, so that one outside the stored range (63536, say) is found as
    well. A padding value that air could have counts only where it runs in from the sides.

    Parameters
    ----------
    header : SliceHeader
        The slice.
    words : ndarray of uint16, shape (rows, columns)
        As they are stored.

    Returns
    -------
    ndarray of bool or None
        True where a pixel is padding, shape (rows, columns); None where none is.
    """
    marked = _marked(header, words)
    if marked is not None and marked.any():
        return marked
    return _unmarked(header, words)


def _marked(header: SliceHeader, words: Words) -> Mask | None:
    if header.padding is None:
        return None
    if header.padding_limit is None:
        found = words == np.uint16(header.padding)
        if found.any() and not _is_below_air(header, header.padding):
            return outside(found)
        return np.asarray(found)
    kind = np.int16 if header.signed else np.uint16
    ends = np.array([header.padding, header.padding_limit], dtype=np.uint16).view(kind)
    values = words.view(kind)
    return np.asarray((values >= ends.min()) & (values <= ends.max()))


def _unmarked(header: SliceHeader, words: Words) -> Mask | None:
    """Find a constant below air that fills the outside of the circle, where no element names it.

    Lossy compression makes the constant uneven: then all counts that lies nearer to it than to air.
    """
    lossy = header.lossy or header.transfer_syntax in LOSSY
    for corner in {int(words[row, column]) for row in (0, -1) for column in (0, -1)}:
        if _is_below_air(header, corner):
            found = outside(_nearer(header, words, corner) if lossy else words == np.uint16(corner))
            if np.count_nonzero(found) >= max(_LEAST_SHARE * words.size, _LEAST_PIXELS):
                return found
    return None


def _nearer(header: SliceHeader, words: Words, corner: int) -> Mask:
    values = words.view(np.int16) if header.signed else words
    foot = (AIR_HU - (header.intercept or 0.0)) / (header.slope or 1.0)
    mark = int(np.uint16(corner).view(np.int16)) if header.signed else corner
    return np.asarray(values < (mark + foot) / 2)


def outside(found: Mask) -> Mask:
    """Keep what runs in unbroken from the left or the right side, as all outside a circle does.

    Parameters
    ----------
    found : ndarray of bool, shape (rows, columns)
        Pixels of one value.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
    """
    columns = np.arange(found.shape[1])
    filled = found.all(axis=1)
    from_left = np.where(filled, found.shape[1], np.argmin(found, axis=1))
    from_right = np.where(filled, found.shape[1], np.argmin(found[:, ::-1], axis=1))
    return np.asarray((columns < from_left[:, None]) | (columns >= found.shape[1] - from_right[:, None]))


def pack_padding(padded: Mask) -> bytes:
    """Store the padding of a slice in one bit a pixel.

    Parameters
    ----------
    padded : ndarray of bool, shape (rows, columns)
        True where a pixel is padding.

    Returns
    -------
    bytes
        For `unpack_padding`.
    """
    return np.packbits(padded).tobytes()


def unpack_padding(packed: Sequence[bytes | None], shape: tuple[int, ...]) -> Mask | None:
    """Put the padding of slices together; the slices share one plane of memory where it is the same in all.

    Parameters
    ----------
    packed : sequence of bytes or None
        Of each slice, as `pack_padding` gives it; None where it has no padding.
    shape : tuple of int
        Rows and columns.

    Returns
    -------
    ndarray of bool, shape (slices, rows, columns), or None
        Read-only; None where no slice has padding.
    """
    first = packed[0]
    if all(one == first for one in packed):
        return None if first is None else np.broadcast_to(_unpacked(first, shape), (len(packed), *shape))
    padding = np.zeros((len(packed), *shape), dtype=np.bool_)
    for number, one in enumerate(packed):
        if one is not None:
            padding[number] = _unpacked(one, shape)
    padding.setflags(write=False)
    return padding


def _unpacked(packed: bytes, shape: tuple[int, ...]) -> Mask:
    bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=shape[0] * shape[1])
    return bits.view(np.bool_).reshape(shape)


def _is_below_air(header: SliceHeader, word: int) -> bool:
    """Whether a stored word lies below all that air reads, or outside what the header lets be stored."""
    half = 1 << (header.bits_stored - 1)
    value = word - 65536 if header.signed and word >= 32768 else word
    if header.signed and half <= value < 2 * half:
        value -= 2 * half  # a sign that was not extended
    low, high = (-half, half) if header.signed else (0, 2 * half)
    if not low <= value < high:
        return True
    return value * (header.slope or 1.0) + (header.intercept or 0.0) < AIR_HU
