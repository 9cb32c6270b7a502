"""From stored pixels to Hounsfield units."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.errors import SeriesError
from planner.io.dicom.compressed import LOSSY
from planner.io.dicom.headers import SliceHeader
from planner.io.dicom.padding import pack_padding, padded_pixels, unpack_padding
from planner.io.dicom.stored import READABLE, StoredWords, UnreadablePixelsError, is_threaded, strip_unused_bits
from planner.io.dicom.syntaxes import JPEG_XL, syntax_name
from planner.io.dicom.terms import shown_rescale_type
from planner.io.hu_scale import bright_counts, is_noise_free, level_of
from planner.io.slice_layout import MOST_VOXELS
from planner.progress import Monitor, track

PADDING_HU = -1024
"""What padded voxels are set to: air at the foot of the 12-bit scale."""

_MOST_THREADS = 8

Voxels = npt.NDArray[Any]
Scale = tuple[float, float, int, bool]
"""Slope, intercept, bits stored, signed."""


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """The voxels of a stack of slices, and what was seen of them while they were read.

    Parameters
    ----------
    hu : ndarray of int16, int32 or float32, shape (slices, rows, columns)
        int16 where slope and intercept are whole and all values fit; padded voxels are `PADDING_HU`.
    padding : ndarray of bool or None, of the same shape
        True where the scanner wrote padding; None where it wrote none. Read-only: where it is the same in all slices,
        as outside a reconstruction circle, they share one plane of memory.
    lowest_hu, highest_hu : float
        Of the voxels that are no padding; `PADDING_HU` where all are.
    clipped_at_hu : float or None
        Where the scale was cut off; the lowest level where slices differ; None where it was not.
    """

    hu: Voxels
    padding: npt.NDArray[np.bool_] | None
    lowest_hu: float
    highest_hu: float
    clipped_at_hu: float | None


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What one slice showed; None where all of it is padding."""

    ends_hu: tuple[float, float] | None
    bright: npt.NDArray[np.int64]
    padded: bytes | None
    """Eight pixels a byte; None where none is padding."""


class _TooWideError(Exception):
    """The HU do not fit the type of the array."""


def is_lossy(header: SliceHeader) -> bool:
    """Say whether a slice has been through lossy compression, now or earlier.

    Parameters
    ----------
    header : SliceHeader
        The slice.

    Returns
    -------
    bool
        By the transfer syntax, and by what the header says of earlier steps.
    """
    return header.lossy or header.transfer_syntax in LOSSY


def ceiling_hu(header: SliceHeader) -> float | None:
    """Give the highest HU that a slice's header lets it store.

    Parameters
    ----------
    header : SliceHeader
        The slice.

    Returns
    -------
    float or None
        HU; None without a rescale.
    """
    if header.slope is None or header.intercept is None or not header.bits_stored:
        return None
    return header.slope * float(2 ** (header.bits_stored - int(header.signed)) - 1) + header.intercept


def refuse_pixels(header: SliceHeader, *, assume_hu: bool = False) -> str | None:
    """Say why a slice's pixels cannot be read rightly, from its header alone.

    Parameters
    ----------
    header : SliceHeader
        The slice.
    assume_hu : bool
        Whether the user vouches that the values are Hounsfield units.

    Returns
    -------
    str or None
        One line; None where nothing speaks against them.
    """
    return _refuse_form(header) or (None if assume_hu else _refuse_scale(header))


def read_hu(headers: Sequence[SliceHeader], *, monitor: Monitor) -> tuple[Voxels, npt.NDArray[np.bool_] | None]:
    """Read the Hounsfield units and the padding of slices.

    Parameters
    ----------
    headers : sequence of SliceHeader
        The slices, in the order of the array; all of one size.
    monitor : Monitor
        Follows the reading.

    Returns
    -------
    hu : ndarray of int16, int32 or float32, shape (slices, rows, columns)
        As `Pixels.hu`.
    padding : ndarray of bool or None, of the same shape
        As `Pixels.padding`.

    Raises
    ------
    SeriesError
        As `read_pixels`.
    CancelledError
        If the monitor says that the reading should stop.
    """
    pixels = read_pixels(headers, monitor=monitor)
    return pixels.hu, pixels.padding


def read_pixels(headers: Sequence[SliceHeader], *, monitor: Monitor, assume_hu: bool = False) -> Pixels:
    """Read slices into one array of Hounsfield units.

    Parameters
    ----------
    headers : sequence of SliceHeader
        The slices, in the order of the array; all of one size.
    monitor : Monitor
        Follows the reading.
    assume_hu : bool
        Whether stored values count as Hounsfield units where the headers do not say so.

    Returns
    -------
    Pixels

    Raises
    ------
    SeriesError
        If a slice is cut off, damaged, or in a form that is not read rightly.
    CancelledError
        If the monitor says that the reading should stop.
    """
    shape = (len(headers), headers[0].rows, headers[0].columns)
    for header in headers:
        reason = refuse_pixels(header, assume_hu=assume_hu)
        if reason is not None:
            raise SeriesError(f"{where(header)}: {reason}")
    if np.prod(np.array(shape, dtype=np.float64)) > MOST_VOXELS:
        raise SeriesError(f"the headers claim {shape} voxels, more than any CT holds; the files are damaged")
    whole = all(slope.is_integer() and intercept.is_integer() for slope, intercept, _, _ in map(_scale, headers))
    for dtype in (np.int16, np.int32) if whole else (np.float32,):
        try:
            return _read_as(headers, np.empty(shape, dtype=dtype), monitor)
        except _TooWideError:
            continue
    raise SeriesError("the Hounsfield units do not fit 32 bits; the rescale slope or intercept is damaged")


def same_pixels(first: SliceHeader, second: SliceHeader) -> bool:
    """Say whether two slices hold the same stored values on the same scale.

    Parameters
    ----------
    first, second : SliceHeader
        The slices.

    Returns
    -------
    bool

    Raises
    ------
    SeriesError
        If one is cut off or damaged.
    """
    if _scale(first) != _scale(second):
        return False
    return bool(np.array_equal(_values(first), _values(second)))


def where(header: SliceHeader) -> str:
    """Name a slice by its place: file names may hold the patient's name.

    Parameters
    ----------
    header : SliceHeader
        The slice.

    Returns
    -------
    str
        With its position in LPS mm, for messages.
    """
    frame = "frame" if header.frames > 1 else "slice"
    if header.position_lps is None:
        return f"a {frame} without a position"
    x, y, z = header.position_lps
    return f"the {frame} at ({x:.2f}, {y:.2f}, {z:.2f}) mm"


def _refuse_form(header: SliceHeader) -> str | None:
    syntax = header.transfer_syntax
    if syntax not in READABLE:
        return (
            f"pixels are stored as {syntax_name(syntax)} ({syntax}), which is not read rightly for CT; export "
            "the series uncompressed or in a lossless syntax"
        )
    if header.bits_allocated != 16 or header.samples != 1 or not 1 <= header.bits_stored <= 16:
        return (
            f"pixels have {header.samples} sample(s) of {header.bits_stored} in {header.bits_allocated} bits; "
            "a CT has one sample in 16 bits: export the original CT series"
        )
    if header.slope is not None and header.slope <= 0:
        return f"no rescale slope above zero (it is {header.slope:g}); export the original CT series"
    if syntax == JPEG_XL and header.signed:
        return "JPEG XL holds no signed values, and the header names signed ones; export the series uncompressed"
    return None


def _refuse_scale(header: SliceHeader) -> str | None:
    if header.slope is None or header.intercept is None:
        return (
            "no rescale slope and intercept, so values are not Hounsfield units; export the original CT series, or "
            "give --assume-hu if you know that they are"
        )
    if header.rescale_type.upper() not in ("", "HU", "US"):
        return (
            f"values are {shown_rescale_type(header.rescale_type)}, not Hounsfield units; export the CT series itself, "
            "or give --assume-hu if you know that they are"
        )
    return None


def _scale(header: SliceHeader) -> Scale:
    """Give what turns stored values into HU; 1 and 0 where the header does not say."""
    return header.slope or 1.0, header.intercept or 0.0, header.bits_stored, header.signed


def _read_as(headers: Sequence[SliceHeader], hu: Voxels, monitor: Monitor) -> Pixels:
    words = StoredWords()

    def read(number: int) -> _Seen:
        return _read_slice(headers[number], words, hu[number])

    numbers = range(len(headers))
    if is_threaded(headers[0].transfer_syntax):
        seen = tuple(track(_side_by_side(read, numbers), stage="reading slices", monitor=monitor, total=len(headers)))
    else:
        seen = tuple(read(number) for number in track(numbers, stage="reading slices", monitor=monitor))
    ends = [slice_seen.ends_hu for slice_seen in seen if slice_seen.ends_hu is not None]
    return Pixels(
        hu=hu,
        padding=unpack_padding([one.padded for one in seen], hu.shape[1:]),
        lowest_hu=min((low for low, _ in ends), default=float(PADDING_HU)),
        highest_hu=max((high for _, high in ends), default=float(PADDING_HU)),
        clipped_at_hu=_clipped_at(headers, seen, hu),
    )


def _side_by_side(read: Callable[[int], _Seen], numbers: range) -> Iterator[_Seen]:
    """Read slices in threads and give them in order; whoever stops asking stops the reading."""
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_THREADS)) as pool:
        try:
            yield from pool.map(read, numbers)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _read_slice(header: SliceHeader, words: StoredWords, hu: Voxels) -> _Seen:
    """Fill one plane of the volume, while it lies in the processor's cache."""
    raw = hu.view(np.uint16) if hu.dtype == np.int16 else np.empty(hu.shape, dtype=np.uint16)
    try:
        words.read(header, raw)
        padded = padded_pixels(header, raw)
        measured = padded is None or not padded.all()
        if padded is not None:
            # one of the slice's own values, so that its lowest and highest stay what they are
            raw[padded] = raw[~padded][0] if measured else 0
        strip_unused_bits(header, raw)
    except UnreadablePixelsError as error:
        raise SeriesError(f"{where(header)} {error}") from error.__cause__
    ends = _rescale(header, raw, hu)
    if padded is not None:
        hu[padded] = PADDING_HU
    packed = None if padded is None else pack_padding(padded)
    return _Seen(ends if measured else None, bright_counts(hu, highest_hu=ends[1]), packed)


def _values(header: SliceHeader) -> npt.NDArray[np.uint16]:
    raw = np.empty((header.rows, header.columns), dtype=np.uint16)
    try:
        StoredWords().read(header, raw)
    except UnreadablePixelsError as error:
        raise SeriesError(f"{where(header)} {error}") from error.__cause__
    return raw


def _rescale(header: SliceHeader, raw: npt.NDArray[np.uint16], out: Voxels) -> tuple[float, float]:
    """Turn values into HU and give the lowest and the highest; ``out`` may be the same memory."""
    values: Voxels = raw.view(np.int16) if header.signed else raw
    slope, intercept, _, _ = _scale(header)
    ends = (int(values.min()) * slope + intercept, int(values.max()) * slope + intercept)
    if out.dtype == np.float32:
        np.multiply(values, np.float32(slope), out=out, casting="unsafe")
        np.add(out, np.float32(intercept), out=out)
        return ends
    limits = np.iinfo(out.dtype)
    if ends[0] < limits.min or ends[1] > limits.max:
        raise _TooWideError
    if out.dtype == np.int16 and slope == 1.0:
        # modulo 2**16 the sum is exact wherever the result fits, so no wider copy is needed
        np.add(raw, np.uint16(int(intercept) % 65536), out=out.view(np.uint16))
    else:
        out[...] = values.astype(np.int64) * int(slope) + int(intercept)
    return ends


def _clipped_at(headers: Sequence[SliceHeader], seen: Sequence[_Seen], hu: Voxels) -> float | None:
    """Find the lowest level at which slices of one scale are cut off."""
    counts: dict[Scale, list[npt.NDArray[np.int64]]] = {}
    for header, one in zip(headers, seen, strict=True):
        counts.setdefault(_scale(header), []).append(one.bright)
    noise_free: bool | None = None
    levels = []
    for (slope, intercept, bits, signed), planes in counts.items():
        total = np.zeros(max(map(len, planes)), dtype=np.int64)
        for plane in planes:
            total[: len(plane)] += plane
        if total.any():
            noise_free = is_noise_free(hu) if noise_free is None else noise_free
            ceiling = slope * float(2 ** (bits - int(signed)) - 1) + intercept
            levels.append(level_of(total, ceiling_hu=ceiling, noise_free=noise_free))
    return min((level for level in levels if level is not None), default=None)
