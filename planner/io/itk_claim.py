"""What an NRRD or MetaImage file claims to hold.

Its header decides how much memory the library that reads it takes and which files it opens; so it is read here first,
in the plain form that all known writers use, and anything else is refused.
"""

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from planner.errors import SeriesError
from planner.io.stored_claims import Claim, Packing, require_plain, require_room
from planner.model.finding import Finding

_LONGEST_HEADER = 1 << 16
_SITK_BYTES = {
    1: "met_char met_uchar int8 int8_t uint8 uint8_t uchar signed_char unsigned_char",
    2: "met_short met_ushort short short_int signed_short signed_short_int int16 int16_t ushort unsigned_short "
    "unsigned_short_int uint16 uint16_t",
    4: "met_int met_uint met_float int signed_int int32 int32_t uint unsigned_int uint32 uint32_t float",
    8: "met_double met_long met_ulong met_long_long met_ulong_long double longlong long_long long_long_int "
    "signed_long_long signed_long_long_int int64 int64_t ulonglong unsigned_long_long unsigned_long_long_int "
    "uint64 uint64_t",
}
_ITEM_BYTES = {name: size for size, names in _SITK_BYTES.items() for name in names.split()}
_NRRD_PACKINGS: dict[str, Packing] = {
    "raw": "raw",
    "gzip": "deflated",
    "gz": "deflated",
    "txt": "text",
    "text": "text",
    "ascii": "text",
    "hex": "text",
}
_META_SPELLING = (
    "NDims DimSize ElementType ElementDataFile ElementSpacing ElementSize ElementNumberOfChannels CompressedData "
    "CompressedDataSize BinaryData BinaryDataByteOrderMSB ElementByteOrderMSB HeaderSize Offset Position Origin "
    "TransformMatrix Rotation Orientation ObjectType AnatomicalOrientation CenterOfRotation"
)
_META_WORDS = {word.lower(): word for word in _META_SPELLING.split()}
"""MetaImage's words, in the one spelling that is read."""
_PLACE_WORDS = {
    "spacing": ("elementspacing", "elementsize", "spacings", "spacedirections"),
    "origin": ("offset", "position", "origin", "spaceorigin"),
    "orientation": ("transformmatrix", "rotation", "orientation", "space", "spacedimension"),
}


def require_itk_claim(path: Path) -> Claim:
    """Read what an NRRD or MetaImage file claims, and refuse what cannot be.

    Parameters
    ----------
    path : Path
        ``.nrrd``, ``.nhdr``, ``.mha`` or ``.mhd``.

    Returns
    -------
    Claim

    Raises
    ------
    SeriesError
        If the header makes no sense, leads to another folder, or claims more than the file or the memory can hold.
    """
    try:
        require_plain(path, path.name)
        with path.open("rb") as file:
            magic = file.read(4)
            file.seek(0)
            claim = _nrrd_claim(file, path) if magic == b"NRRD" else _meta_claim(file, path)
    except (ValueError, KeyError) as error:
        raise SeriesError(f"{path.name} is not a readable NRRD or MetaImage file; convert the CT again") from error
    except OSError as error:
        raise SeriesError(f"{path.name} cannot be read; copy it again from its source") from error
    require_room(claim)
    return claim


def _meta_claim(file: BinaryIO, path: Path) -> Claim:
    fields: dict[str, str] = {}
    while "elementdatafile" not in fields:
        line = file.readline(_LONGEST_HEADER)
        key, found, value = line.decode("ascii").partition("=")
        exact = _META_WORDS.get(key.strip().lower(), key.strip())
        if not found or file.tell() > _LONGEST_HEADER or key.strip() != exact:
            raise ValueError
        _add(fields, key, value)
    where = fields["elementdatafile"]
    data = path if where.upper() == "LOCAL" else _beside(path, where)
    sizes = _numbers(fields["dimsize"])
    if len(sizes) != int(fields["ndims"]) or int(fields.get("elementnumberofchannels", "1")) != 1:
        raise SeriesError(f"{path.name} has shape {tuple(sizes)}, or several values a voxel; give one CT volume")
    deflated = fields.get("compresseddata", "false").lower() in ("true", "1")
    if fields.get("binarydata", "true").lower() not in ("true", "1"):
        raise SeriesError(f"{path.name} holds its voxels as text; convert the CT again")
    packing: Packing = "deflated" if deflated else "raw"
    start = file.tell() if data == path else 0
    if deflated and int(fields.get("compresseddatasize", "0")) not in (0, data.stat().st_size - start):
        raise SeriesError(f"{path.name} is cut off or damaged; copy it again from its source")
    item = _ITEM_BYTES[fields["elementtype"].lower()]
    claim = Claim(path.name, data, 0, start, packing, tuple(sizes), item, _unsaid(fields, path.name))
    return _skipping(claim, int(fields.get("headersize", "0")))


def _nrrd_claim(file: BinaryIO, path: Path) -> Claim:
    fields: dict[str, str] = {}
    file.readline(16)
    while line := file.readline(_LONGEST_HEADER).strip(b"\r\n"):
        if file.tell() > _LONGEST_HEADER:
            raise ValueError
        text = line.decode("ascii", "replace")
        if text.startswith("#") or re.match(r"[^:]*:=", text):
            continue
        key, found, value = text.partition(":")
        if not found:
            raise ValueError
        _add(fields, key, value)
    data = _beside(path, fields["datafile"]) if "datafile" in fields else path
    sizes = _numbers(fields["sizes"])
    if len(sizes) != int(fields["dimension"]):
        raise ValueError
    if int(fields.get("lineskip", "0")):
        raise SeriesError(f"{path.name} has voxels behind lines of text (line skip); convert the CT again")
    packing = _NRRD_PACKINGS[fields["encoding"].lower()]
    item = _ITEM_BYTES[fields["type"].lower().replace(" ", "_")]
    start = file.tell() if data == path else 0
    claim = Claim(path.name, data, 0, start, packing, tuple(sizes), item, _unsaid(fields, path.name))
    return _skipping(claim, int(fields.get("byteskip", "0")))


def _skipping(claim: Claim, count: int) -> Claim:
    """Skip a foreign header before the voxels; -1 skips all that they do not need."""
    if count == 0:
        return claim
    if count < -1 or claim.packing != "raw":
        raise SeriesError(f"{claim.name} has voxels behind a foreign header; convert the CT again")
    if count == -1:
        count = claim.data.stat().st_size - claim.start - claim.need
    return dataclasses.replace(claim, offset=count)


def _add(fields: dict[str, str], key: str, value: str) -> None:
    """Take a field; the same one twice is refused, for readers differ in which they believe."""
    plain = "".join(key.split()).lower()
    if plain in fields:
        raise ValueError
    fields[plain] = value.strip()


def _numbers(text: str) -> list[int]:
    numbers = [int(word) for word in text.split() if word.isdigit()]
    if len(numbers) != len(text.split()) or not 1 <= len(numbers) <= 8:
        raise ValueError
    return numbers


def _beside(path: Path, name: str) -> Path:
    """Give the file of voxels that a header names: a plain file beside it, by its bare name."""
    bare = name.removeprefix("./")
    if not bare or bare.split()[0] == "LIST" or "%" in bare or re.search(r"[/\\\0:]", bare) or bare in (".", ".."):
        raise SeriesError(
            f"{path.name} names voxels in several files or in another folder, which are not opened; convert the CT "
            "into one file"
        )
    data = path.parent / bare
    require_plain(data, path.name)
    return data


def _unsaid(fields: Iterable[str], name: str) -> tuple[Finding, ...]:
    """Say what of its place a header leaves out, and the libraries fill in."""
    lost = [what for what, words in _PLACE_WORDS.items() if not set(words) & set(fields)]
    if not lost:
        return ()
    message = f"{name} does not say its {' nor its '.join(lost)}; the format's default was taken"
    return (Finding(code="place-not-said", severity="caution", message=message),)
