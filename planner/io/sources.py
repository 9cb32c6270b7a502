"""Which files an input holds: a folder, a DICOMDIR, a zip, or one file."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from planner.errors import InputError
from planner.io.archives import MOST_FILES, unpack
from planner.io.dicom.directory import read_referenced
from planner.io.dicom.elements import DamagedFileError, has_mark
from planner.model.finding import Finding
from planner.progress import Monitor, check_cancelled

SourceKind = Literal["dicom", "nifti", "itk"]

_MOST_UNPACKED_BYTES = 16 << 30
"""Sixteen GiB: some sixty times a long spine CT. No source."""
_NIFTI = (".nii", ".nii.gz", ".hdr", ".img")
_ZIP = b"PK\x03\x04"
_ITK = (".nrrd", ".nhdr", ".mha", ".mhd")


@dataclass(frozen=True, slots=True)
class Source:
    """The files of one input.

    Parameters
    ----------
    kind : {"dicom", "nifti", "itk"}
        Who reads them.
    name : str
        What messages call the input: the last part of the path that the user gave.
    files : tuple of Path
        For "dicom" every file that may be one, sorted; else the one file.
    findings : tuple of Finding
        What was left out in the search.
    """

    kind: SourceKind
    name: str
    files: tuple[Path, ...]
    findings: tuple[Finding, ...] = ()


def find_source(path: Path, *, monitor: Monitor) -> Source:
    """Find the files of an input.

    Parameters
    ----------
    path : Path
        A folder (any depth; links in it are not followed), a DICOMDIR (stands for those folders below its own in which
        it names files; for its whole folder where it names none that is there), a zip of DICOM, one DICOM file, or a
        NIfTI, NRRD or MetaImage file.
    monitor : Monitor
        May stop the search and the unpacking.

    Returns
    -------
    Source

    Raises
    ------
    InputError
        If there is nothing at the path, it cannot be read, or it is larger than the limits.
    """
    name = path.name or str(path)
    try:
        if not path.exists():
            raise InputError(f"there is no file or folder {path}; check the path")
        if path.is_dir():
            return _from_folder(path, name, monitor)
        if path.is_file() and path.name.upper() == "DICOMDIR":
            return _from_directory(path, name, monitor)
        return _from_file(path, name, monitor)
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise InputError(f"{name} cannot be read: {reason}") from error


def _from_folder(path: Path, name: str, monitor: Monitor) -> Source:
    files, links = _files_below(path, name, monitor)
    zips = _zips_inside(files, name, tuple(file for file in files if file.suffix.lower() == ".zip" and _is_zip(file)))
    if not links:
        return Source("dicom", name, files, zips)
    if not files:
        raise InputError(f"{name} is empty but for links, which are not followed; give the folder that they lead to")
    message = f"{links} link(s) in the folder were not followed; what they lead to was left out"
    left_out = Finding(code="links-left-out", severity="info", message=message, measured=float(links))
    return Source("dicom", name, files, (left_out, *zips))


def _from_directory(path: Path, name: str, monitor: Monitor) -> Source:
    """Take the folders in which a DICOMDIR names files: beside them may lie other patients'.

    What lies beside a file that is named belongs with it, also where a list is old. No name is ever opened: the folder
    is searched, and what is found is compared with the names.
    """
    folder = path.absolute().parent.resolve()
    files, _ = _files_below(folder, name, monitor)
    try:
        named = read_referenced(path)
    except DamagedFileError:
        named = frozenset()
    places = {file: _media_name(file.relative_to(folder)) for file in files}
    there = named & set(places.values())
    if not there:
        message = f"{name} names no file that is there, or is damaged; its whole folder was taken"
        return Source("dicom", name, files, (Finding(code="dicomdir-unused", severity="caution", message=message),))
    rooms = {place[:-1] for place in there}
    taken = tuple(file for file, place in places.items() if place[:-1] in rooms)
    lost = len(named) - len(there)
    if not lost:
        return Source("dicom", name, taken)
    message = f"{lost} of the {len(named)} files that the DICOMDIR names are not in its folder"
    finding = Finding(code="dicomdir-files-missing", severity="caution", message=message, measured=float(lost))
    return Source("dicom", name, taken, (finding,))


def _media_name(relative: Path) -> tuple[str, ...]:
    """Give a file's name as a DICOMDIR would: systems show a disc's names in lower case, or with their version."""
    return tuple(part.upper().split(";")[0].rstrip(".") for part in relative.parts)


def _from_file(path: Path, name: str, monitor: Monitor) -> Source:
    if not path.is_file():
        raise InputError(f"{name} is neither a file nor a folder; give one of them")
    lower = path.name.lower()
    with path.open("rb") as file:
        start = file.read(132)
    if has_mark(start):  # scanners' exports may be called x.img
        return Source("dicom", name, (path,))
    if lower.endswith(_NIFTI):
        return Source("nifti", name, (path,))
    if lower.endswith(_ITK):
        return Source("itk", name, (path,))
    if start.startswith(_ZIP):
        files = unpack(path, name, most_bytes=_MOST_UNPACKED_BYTES, monitor=monitor)
        return Source("dicom", name, files, _zips_inside(files, name, tuple(file for file in files if _is_zip(file))))
    return Source("dicom", name, (path,))


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(132)
    return start.startswith(_ZIP) and not has_mark(start)


def _zips_inside(files: tuple[Path, ...], name: str, zips: tuple[Path, ...]) -> tuple[Finding, ...]:
    """Say that zips stay packed; refuse an input that holds nothing else."""
    if not zips:
        return ()
    said = f"holds {len(zips)} zip(s) inside, which stay packed; unpack them and give the folder"
    if len(zips) == len(files):
        raise InputError(f"{name} {said}")
    message = f"the input {said}"  # a folder may be named after its patient, and this goes into the plan
    return (Finding(code="zip-inside", severity="info", message=message, measured=float(len(zips))),)


def _files_below(folder: Path, name: str, monitor: Monitor) -> tuple[tuple[Path, ...], int]:
    """Give the plain files of a folder, in order, and the count of links.

    A link that leads elsewhere in the folder leads to what is found anyway; any other leads out of it.
    """
    files: list[Path] = []
    links = 0
    for seen, (path, mode) in enumerate(_entries(folder.resolve()), start=1):
        if seen > MOST_FILES:
            raise InputError(f"{name} holds more than {MOST_FILES} files; give the folder of one study")
        if not seen % 1000:
            check_cancelled(monitor)
        links += stat.S_ISLNK(mode)
        if stat.S_ISREG(mode) and path.name.upper() != "DICOMDIR":
            files.append(path)
    return tuple(files), links


def _entries(root: Path) -> Iterator[tuple[Path, int]]:
    """Walk a folder without following a link: every entry that is no folder, with its mode."""

    def refuse(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(root, onerror=refuse, followlinks=False):
        linked = [found for found in folders if Path(place, found).is_symlink()]
        folders[:] = sorted(set(folders) - set(linked))
        for found in sorted([*names, *linked]):
            path = Path(place, found)
            yield path, path.lstat().st_mode
