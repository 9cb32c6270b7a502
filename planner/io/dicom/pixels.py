"""From stored pixels to Hounsfield units."""

import functools
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from planner.errors import SeriesError
from planner.io.dicom.elements import (
    DAMAGE,
    DEFLATED,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    DamagedFileError,
    open_dataset,
)
from planner.io.dicom.headers import SliceHeader
from planner.progress import Monitor, track

PADDING_HU = -1024
"""What padded voxels are set to: air at the foot of the 12-bit scale."""

_PLAIN = frozenset((IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE))
_DECODER = {
    "1.2.840.10008.1.2.5": "pydicom",
    "1.2.840.10008.1.2.4.57": "gdcm",
    "1.2.840.10008.1.2.4.70": "gdcm",
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "gdcm",
    "1.2.840.10008.1.2.4.91": "gdcm",
}
"""The decoder of each compressed syntax that decodes rightly (tried on one slice in all syntaxes)."""
_LOSSY = frozenset(("1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91"))
_MOST_VOXELS = 4 << 30
"""Four thousand million voxels, 8 GiB: a claim beyond it is damage, no CT."""

Voxels = npt.NDArray[Any]


class _TooWideError(Exception):
    """The HU do not fit 16 bits."""


def syntax_name(uid: str) -> str:
    """Give the name of a transfer syntax ("JPEG-LS Lossless Image Compression")."""
    return UID(uid).name if UID(uid).is_valid else "an unknown transfer syntax"


def is_lossy(header: SliceHeader) -> bool:
    """Say whether a slice has been through lossy compression, now or earlier."""
    return header.lossy or header.transfer_syntax in _LOSSY


def refuse_pixels(header: SliceHeader) -> str | None:
    """Say why a slice's pixels cannot be read rightly, from its header alone.

    Parameters
    ----------
    header : SliceHeader
        The slice.

    Returns
    -------
    str or None
        One line; None where nothing speaks against them.
    """
    syntax = header.transfer_syntax
    if syntax not in _PLAIN and syntax != DEFLATED and syntax not in _DECODER:
        return (
            f"pixels are stored as {syntax_name(syntax)} ({syntax}), which is not read rightly for CT; export "
            "the series uncompressed or in a lossless syntax"
        )
    if header.bits_allocated != 16 or header.samples != 1 or not 1 <= header.bits_stored <= 16:
        return (
            f"pixels have {header.samples} sample(s) of {header.bits_stored} in {header.bits_allocated} bits; "
            "a CT has one sample in 16 bits: export the original CT series"
        )
    if header.slope is None or header.intercept is None or header.slope <= 0:
        return "no rescale slope and intercept, so values are not Hounsfield units; export the original CT series"
    if header.rescale_type.upper() not in ("", "HU", "US"):
        return f"values are {header.rescale_type}, not Hounsfield units; export the CT series itself"
    return None


def read_hu(headers: Sequence[SliceHeader], *, monitor: Monitor) -> tuple[Voxels, npt.NDArray[np.bool_] | None]:
    """Read slices into one array of Hounsfield units.

    Parameters
    ----------
    headers : sequence of SliceHeader
        The slices, in the order of the array; all of one size.
    monitor : Monitor
        Follows the reading.

    Returns
    -------
    hu : ndarray of int16, int32 or float32, shape (slices, rows, columns)
        int16 where slope and intercept are whole and all values fit; padded voxels are `PADDING_HU`.
    padding : ndarray of bool or None, of the same shape
        True where the scanner wrote padding; None where it wrote none.

    Raises
    ------
    SeriesError
        If a slice is cut off, damaged, or in a form that is not read rightly.
    """
    shape = (len(headers), headers[0].rows, headers[0].columns)
    for header in headers:
        reason = refuse_pixels(header)
        if reason is not None:
            raise SeriesError(f"{where(header)}: {reason}")
    if np.prod(np.array(shape, dtype=np.float64)) > _MOST_VOXELS:
        raise SeriesError(f"the headers claim {shape} voxels, more than any CT holds; the files are damaged")
    whole = all(float(h.slope or 1).is_integer() and float(h.intercept or 0).is_integer() for h in headers)
    for dtype in (np.int16, np.int32) if whole else (np.float32,):
        try:
            return _read_as(headers, np.empty(shape, dtype=dtype), monitor)
        except _TooWideError:
            continue
    raise SeriesError("the Hounsfield units do not fit 32 bits; the rescale slope or intercept is damaged")


def same_pixels(first: SliceHeader, second: SliceHeader) -> bool:
    """Say whether two slices hold the same values."""
    if (first.slope, first.intercept) != (second.slope, second.intercept):
        return False
    return bool(np.array_equal(_stored(first), _stored(second)))


def where(header: SliceHeader) -> str:
    """Name a slice by its place: file names may hold the patient's name."""
    frame = "frame" if header.frames > 1 else "slice"
    if header.position_lps is None:
        return f"a {frame} without a position"
    x, y, z = header.position_lps
    return f"the {frame} at ({x:.2f}, {y:.2f}, {z:.2f}) mm"


def _read_as(
    headers: Sequence[SliceHeader], hu: Voxels, monitor: Monitor
) -> tuple[Voxels, npt.NDArray[np.bool_] | None]:
    padding: npt.NDArray[np.bool_] | None = None
    in_place = hu.dtype == np.int16
    for number, header in enumerate(track(headers, stage="reading slices", monitor=monitor)):
        raw = hu[number].view(np.uint16) if in_place else np.empty(hu.shape[1:], dtype=np.uint16)
        _read_stored(header, raw)
        padded = _padded(header, raw)
        if padded is not None:
            raw[padded] = 0
        _rescale(header, raw, hu[number])
        if padded is not None:
            hu[number][padded] = PADDING_HU
            padding = np.zeros(hu.shape, dtype=np.bool_) if padding is None else padding
            padding[number] = padded
    return hu, padding


def _stored(header: SliceHeader) -> npt.NDArray[np.uint16]:
    raw = np.empty((header.rows, header.columns), dtype=np.uint16)
    _read_stored(header, raw)
    return raw


def _read_stored(header: SliceHeader, out: npt.NDArray[np.uint16]) -> None:
    """Read the 16 stored bits of each pixel, in the machine's byte order."""
    if header.transfer_syntax not in _PLAIN:
        out[...] = _decoded(header)
        return
    need = header.frame_bytes
    try:
        with header.path.open("rb", buffering=0) as file:
            file.seek((header.pixel_offset or 0) + header.frame * need)
            got = file.readinto(memoryview(out).cast("B")) or 0  # type: ignore[arg-type]
    except OSError as error:
        raise SeriesError(f"{where(header)} cannot be read; copy the series again from its source") from error
    held = (header.pixel_length or 0) - header.frame * need
    if min(got, held) < need:
        raise SeriesError(
            f"{where(header)} is cut off: {max(0, min(got, held))} of {need} bytes; copy the series again"
        )
    if not header.little_endian:
        out.byteswap(inplace=True)


def _decoded(header: SliceHeader) -> npt.NDArray[np.uint16]:
    try:
        dataset = _last_dataset(header.path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array = _decode(dataset, header)
    except (*DAMAGE, DamagedFileError) as error:
        raise SeriesError(
            f"{where(header)} cannot be decoded ({syntax_name(header.transfer_syntax)}): it is cut off or damaged; "
            "copy the series again from its source"
        ) from error
    if array.shape != (header.rows, header.columns) or array.dtype.itemsize > 2:
        raise SeriesError(f"{where(header)} decodes to {array.shape}, its header says {header.rows} x {header.columns}")
    if array.dtype.itemsize == 1:
        array = array.astype(np.int16 if header.signed else np.uint16)
    return array.view(np.uint16)


def _decode(dataset: Dataset, header: SliceHeader) -> npt.NDArray[Any]:
    if header.transfer_syntax == DEFLATED:
        values: bytes = dataset.PixelData
        start = header.frame * header.frame_bytes
        flat = np.frombuffer(values, dtype="<u2", count=header.rows * header.columns, offset=start)
        return flat.reshape(header.rows, header.columns).astype(np.uint16)
    array, _ = get_decoder(UID(header.transfer_syntax)).as_array(
        dataset, index=header.frame, raw=True, decoding_plugin=_DECODER[header.transfer_syntax]
    )
    return array


@functools.lru_cache(maxsize=1)
def _last_dataset(path: Path) -> Dataset:
    """Keep the last file open for its next frame."""
    return open_dataset(path)


def _padded(header: SliceHeader, raw: npt.NDArray[np.uint16]) -> npt.NDArray[np.bool_] | None:
    """Find padding by the stored 16 bits, so that a value outside the stored range (63536, say) is found as well."""
    if header.padding is None:
        return None
    if header.padding_limit is None:
        padded = raw == np.uint16(header.padding)
    else:
        kind = np.int16 if header.signed else np.uint16
        ends = np.array([header.padding, header.padding_limit], dtype=np.uint16).view(kind)
        values = raw.view(kind)
        padded = (values >= ends.min()) & (values <= ends.max())
    return padded if padded.any() else None


def _rescale(header: SliceHeader, raw: npt.NDArray[np.uint16], out: Voxels) -> None:
    """Turn stored bits into HU; ``out`` may be the same memory."""
    spare = 16 - header.bits_stored
    if spare and header.signed:
        np.left_shift(raw, spare, out=raw)
        values: Voxels = raw.view(np.int16)
        np.right_shift(values, spare, out=values)
    else:
        if spare and int(raw.max()) >> header.bits_stored:
            np.bitwise_and(raw, np.uint16((1 << header.bits_stored) - 1), out=raw)
        values = raw.view(np.int16) if header.signed else raw
    slope, intercept = float(header.slope or 1.0), float(header.intercept or 0.0)
    if out.dtype == np.float32:
        np.multiply(values, np.float32(slope), out=out, casting="unsafe")
        np.add(out, np.float32(intercept), out=out)
        return
    ends = (int(values.min()) * slope + intercept, int(values.max()) * slope + intercept)
    limits = np.iinfo(out.dtype)
    if min(ends) < limits.min or max(ends) > limits.max:
        raise _TooWideError
    if out.dtype == np.int16 and slope == 1.0:
        # modulo 2**16 the sum is exact wherever the result fits, so no wider copy is needed
        np.add(raw, np.uint16(int(intercept) % 65536), out=out.view(np.uint16))
        return
    out[...] = values.astype(np.int64) * int(slope) + int(intercept)
