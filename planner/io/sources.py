"""Which files an input holds: a folder, a DICOMDIR, a zip, or one file."""

import atexit
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from planner.errors import InputError
from planner.progress import Monitor, check_cancelled

SourceKind = Literal["dicom", "nifti", "itk"]

_MOST_FILES = 200_000
"""More than the largest study on record by far; beyond it an input is a whole archive, or a bomb."""
_MOST_UNPACKED_BYTES = 16 << 30
"""Sixteen GiB: some sixty times a long spine CT. No source."""
_BLOCK = 1 << 20


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
    """

    kind: SourceKind
    name: str
    files: tuple[Path, ...]


def find_source(path: Path, *, monitor: Monitor) -> Source:
    """Find the files of an input.

    Parameters
    ----------
    path : Path
        A folder (any depth; links out of it are not followed), a DICOMDIR (stands for its folder), a zip of DICOM, one
        DICOM file, or a NIfTI, NRRD or MetaImage file.
    monitor : Monitor
        May stop the unpacking.

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
            raise InputError(f"there is no file or folder {name}; check the path")
        if path.is_dir():
            return Source("dicom", name, _files_below(path, name))
        if path.name.upper() == "DICOMDIR":
            return Source("dicom", name, _files_below(path.absolute().parent, name))
        return _from_file(path, name, monitor)
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise InputError(f"{name} cannot be read: {reason}") from error


def _from_file(path: Path, name: str, monitor: Monitor) -> Source:
    if not path.is_file():
        raise InputError(f"{name} is neither a file nor a folder; give one of them")
    lower = path.name.lower()
    if lower.endswith((".nii", ".nii.gz", ".hdr", ".img")):
        return Source("nifti", name, (path,))
    if lower.endswith((".nrrd", ".nhdr", ".mha", ".mhd")):
        return Source("itk", name, (path,))
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"PK\x03\x04":
        return Source("dicom", name, _unpack(path, name, monitor))
    return Source("dicom", name, (path,))


def _files_below(folder: Path, name: str) -> tuple[Path, ...]:
    root = folder.resolve()
    files: list[Path] = []

    def refuse(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(root, onerror=refuse, followlinks=False):
        folders.sort()
        paths = (Path(place) / found for found in sorted(names) if found.upper() != "DICOMDIR")
        files.extend(path for path in paths if _is_inside(path, root))
        if len(files) > _MOST_FILES:
            raise InputError(f"{name} holds more than {_MOST_FILES} files; give the folder of one study")
    return tuple(files)


def _is_inside(path: Path, root: Path) -> bool:
    """Whether a path is a plain file of the folder, not a pipe, a device or a link that leads out of it."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return path.resolve().is_relative_to(root) and path.is_file()
    return stat.S_ISREG(mode)


def _unpack(path: Path, name: str, monitor: Monitor) -> tuple[Path, ...]:
    """Unpack a zip into a folder of our own that goes when the process ends.

    The names in the archive are not used, so none can lead out of the folder; what is unpacked is counted as it comes,
    so that a false size in the directory changes nothing.
    """
    folder = Path(tempfile.mkdtemp(prefix="cement-planner-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(_unpacked_members(archive, folder, name, monitor))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise InputError(f"{name} is a damaged or encrypted zip; unpack it and give the folder") from error
    except InputError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _unpacked_members(archive: zipfile.ZipFile, folder: Path, name: str, monitor: Monitor) -> Iterator[Path]:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) > _MOST_FILES:
        raise InputError(f"{name} holds more than {_MOST_FILES} files; give the folder of one study")
    left = min(_MOST_UNPACKED_BYTES, int(shutil.disk_usage(folder).free * 0.9))
    for number, member in enumerate(members):
        check_cancelled(monitor)
        target = folder / f"{number:06d}"
        with archive.open(member) as packed, target.open("wb") as file:
            while block := packed.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    raise InputError(
                        f"{name} unpacks to more than {_MOST_UNPACKED_BYTES >> 30} GiB or than the disk holds; "
                        "unpack what you need and give the folder"
                    )
                file.write(block)
        yield target
