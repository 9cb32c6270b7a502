"""What is dropped onto a viewer: whether it may be a CT, told by a few files, so that no window has to wait."""

import os
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from planner.errors import PlannerError
from planner.io import inspect_input
from planner.io.dicom.elements import DamagedFileError, read_elements
from planner.io.nifti_claim import require_nifti_claim
from planner.io.volume_headers import header_fields

FILES_LOOKED_AT = 300
"""Files whose first bytes are read before a folder counts as one without DICOM: a viewer asks on every folder. Ours."""
_HEADERS_READ = 24
"""DICOM headers that are read of a folder, the first of each folder in it, then others: a few milliseconds each, and
the series of a study usually lie in folders of their own. Ours."""
_PREAMBLE_BYTES = 128
_MODALITY = 0x00080060
_ZIP = b"PK\x03\x04"
_NIFTI = (".nii", ".nii.gz")
_ITK = (".nrrd", ".nhdr", ".mha", ".mhd")
_LABELS = (".seg.nrrd", ".seg.nhdr")
_TOO_NARROW = frozenset(
    ("uchar", "unsigned char", "uint8", "uint8_t", "signed char", "int8", "int8_t", "met_uchar", "met_char", "char")
)
"""How NRRD and MetaImage call numbers of one byte, which hold no Hounsfield units."""


def may_be_ct(where: Path) -> bool:
    """Say whether something may hold a CT to plan on; what is in it in full, `planner.io.inspect_input` tells.

    Parameters
    ----------
    where : Path
        A folder, a DICOMDIR, a zip, or a file.

    Returns
    -------
    bool
        False too where it cannot be read, for label maps (NIfTI, NRRD or MetaImage of one byte a voxel, ``.seg.nrrd``),
        and where none of the DICOM files that were looked at is an image of a CT.
    """
    name = where.name.lower()
    try:
        if name.endswith((*_NIFTI, *_ITK)):
            return where.is_file() and _is_volume(where)
        if where.is_dir() or (name == "dicomdir" and where.is_file()):
            return _holds_ct(where if where.is_dir() else where.parent)
        return _is_zip_of_dicom(where) or (_begins_as_dicom(where) and _is_ct(where))
    except OSError:
        return False


def _is_volume(file: Path) -> bool:
    """Look at a volume's header; its values are looked at when it is read."""
    name = file.name.lower()
    try:
        if name.endswith(_NIFTI):
            is_labels = require_nifti_claim(file).item_bytes == 1
        else:
            fields = header_fields(file)
            kind = fields.get("type", fields.get("elementtype", "")).lower()
            is_labels = name.endswith(_LABELS) or kind in _TOO_NARROW or any(k.startswith("segment0") for k in fields)
        return not is_labels and inspect_input(file).not_chosen_because is None
    except PlannerError:
        return False


def _holds_ct(folder: Path) -> bool:
    found = [file for file in islice(_files(folder), FILES_LOOKED_AT) if _begins_as_dicom(file)]
    first = {file.parent: file for file in reversed(found)}
    others = [file for file in found if first[file.parent] != file]
    # Evenly: one folder may hold several series one after the other.
    step = max(1, len(others) // _HEADERS_READ)
    asked = [*first.values(), *others[::step]]
    return any(_is_ct(file) for file in asked[: 2 * _HEADERS_READ])


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(root, name) for name in sorted(names))


def _is_ct(file: Path) -> bool:
    try:
        elements = read_elements(file, (_MODALITY,))
    except DamagedFileError:
        return False
    # One that does not say what it is may be one: the reading in full says more.
    return elements is not None and elements.values.get(_MODALITY, b"").strip(b" \0").upper() in (b"CT", b"")


def _is_zip_of_dicom(file: Path) -> bool:
    """Look at the first files in a zip; what else is wrong with it is said when it is read."""
    try:
        with file.open("rb") as stream:
            if stream.read(len(_ZIP)) != _ZIP:
                return False
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist()[:FILES_LOOKED_AT]:
                with archive.open(member) as stream:
                    if _is_dicom_head(stream.read(_PREAMBLE_BYTES + 4)):
                        return True
    except (RuntimeError, NotImplementedError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        pass
    return False


def _begins_as_dicom(file: Path) -> bool:
    try:
        if not file.is_file():
            return False
        with file.open("rb") as stream:
            return _is_dicom_head(stream.read(_PREAMBLE_BYTES + 4))
    except OSError:
        return False


def _is_dicom_head(head: bytes) -> bool:
    # Without a preamble, an older file begins with its first group.
    return head[_PREAMBLE_BYTES:] == b"DICM" or (head[:2] == b"\x08\x00" and head[3:4] == b"\x00")
