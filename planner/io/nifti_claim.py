"""What a NIfTI file claims to hold.

Its header decides how much memory the library that reads it takes and which files it opens; so it is read here first,
in the plain form that all known writers use, and anything else is refused.
"""

import struct
import zlib
from pathlib import Path

from planner.errors import SeriesError
from planner.io.stored_claims import Claim, Packing, require_plain, require_room
from planner.model.finding import Finding

_NIFTI_BYTES = {2: 1, 4: 2, 8: 4, 16: 4, 64: 8, 256: 1, 512: 2, 768: 4, 1024: 8, 1280: 8}
"""NIfTI's data types that are numbers, and their sizes."""
_SPACING_SHARE = 0.01
"""Sizes and matrix are both single precision, and some writers round one of them to a few digits. Ours."""


def require_nifti_claim(path: Path) -> Claim:
    """Read what a NIfTI file claims, and refuse what cannot be.

    Parameters
    ----------
    path : Path
        ``.nii``, ``.nii.gz``, or one of a pair of ``.hdr`` and ``.img``.

    Returns
    -------
    Claim

    Raises
    ------
    SeriesError
        If the header makes no sense, or claims more than the file or the memory can hold.
    """
    lower = path.name.lower()
    packed = lower.endswith(".gz")
    header, data = path, path
    if lower.endswith((".hdr", ".img")):
        header, data = path.with_suffix(_like(path, ".hdr")), path.with_suffix(_like(path, ".img"))
    try:
        require_plain(data, path.name)
        require_plain(header, path.name)
        with header.open("rb") as file:
            head = file.read(4096)
        if packed:
            head = zlib.decompressobj(31).decompress(head, 540)
        claim = _nifti_claim(head, path.name, data, packed=packed)
    except (struct.error, zlib.error, KeyError) as error:
        raise SeriesError(f"{path.name} is not a readable NIfTI file; convert the CT again") from error
    except OSError as error:
        raise SeriesError(f"{path.name} cannot be read; copy it again from its source") from error
    require_room(claim)
    return claim


def _like(path: Path, suffix: str) -> str:
    return suffix.upper() if path.suffix.isupper() else suffix


def _nifti_claim(head: bytes, name: str, data: Path, *, packed: bool) -> Claim:
    order = next((o for o in "<>" if struct.unpack_from(o + "i", head)[0] in (348, 540)), None)
    if order is None:
        raise KeyError
    if struct.unpack_from(order + "i", head)[0] == 348:
        rank, *sizes = struct.unpack_from(order + "8h", head, 40)
        pixdim = struct.unpack_from(order + "8f", head, 76)
        offset = struct.unpack_from(order + "f", head, 108)[0]
        kind, forms = struct.unpack_from(order + "h", head, 70)[0], struct.unpack_from(order + "2h", head, 252)
        rows = struct.unpack_from(order + "12f", head, 280)
    else:
        rank, *sizes = struct.unpack_from(order + "8q", head, 16)
        pixdim = struct.unpack_from(order + "8d", head, 104)
        offset = struct.unpack_from(order + "q", head, 168)[0]
        kind, forms = struct.unpack_from(order + "h", head, 12)[0], struct.unpack_from(order + "2i", head, 344)
        rows = struct.unpack_from(order + "12d", head, 400)
    if not 3 <= rank <= 7 or not 0 <= offset < 1 << 40 or offset != int(offset):
        raise KeyError
    single = data.name == name and not data.name.lower().endswith(".img")
    offset = max(int(offset), 352 if single else 0)
    findings = _nifti_spacing(pixdim, forms, rows, name)
    packing: Packing = "deflated" if packed else "raw"
    return Claim(name, data, offset, 0, packing, tuple(sizes[:rank]), _NIFTI_BYTES[kind], findings)


def _nifti_spacing(
    pixdim: tuple[float, ...], forms: tuple[int, int], rows: tuple[float, ...], name: str
) -> tuple[Finding, ...]:
    """Compare the voxel sizes with the matrix; nibabel would put sizes that make no sense right in silence."""
    qform, sform = forms
    if sform <= 0:
        if not all(0 < size < float("inf") for size in pixdim[1:4]) or (qform > 0 and pixdim[0] not in (-1, 0, 1)):
            raise SeriesError(f"{name} has voxel sizes or an orientation that make no sense; convert the CT again")
        return ()
    lengths = [sum(rows[4 * row + column] ** 2 for row in range(3)) ** 0.5 for column in range(3)]
    off = max(abs(size - length) for size, length in zip(pixdim[1:4], lengths, strict=True))
    if off <= _SPACING_SHARE * max(lengths):
        return ()
    message = "the voxel sizes in the file's pixdim are not those of its sform; check distances"
    return (Finding(code="nifti-spacing-differs", severity="caution", message=message, measured=off, unit="mm"),)
