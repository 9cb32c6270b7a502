"""Zip archives, unpacked where nothing in them can do harm."""

import atexit
import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from planner.errors import InputError
from planner.io.dicom.elements import is_dicom_suffix
from planner.progress import Monitor, check_cancelled

MOST_FILES = 200_000
"""More than the largest study on record by far; beyond it an input is a whole archive, or a bomb."""
_FREELY_UNPACKED_BYTES = 1 << 30
_MOST_TIMES = 200
"""Beyond one GiB an archive may not unpack to more than this many times its size. CT shrinks two to four times, a
phantom without noise under a hundred; deflate's own limit is 1032. Ours."""
_MOST_DIRECTORY_BYTES = MOST_FILES * 128
"""Room for a name of 82 characters a file, so that the table of contents itself cannot fill the memory."""
_END, _END_64 = b"PK\x05\x06", b"PK\x06\x06"
_LOCAL_HEADER = 30
_BLOCK = 1 << 20


def unpack(path: Path, name: str, *, most_bytes: int, monitor: Monitor) -> tuple[Path, ...]:
    """Unpack a zip into a folder of our own that goes when the process ends.

    The names in the archive are not used, so none can lead out of the folder, but for what kind of name it is: DICOM's,
    a zip's or another's. Links in it are left out, and archives in it stay packed. What is unpacked is counted as it
    comes, so that a false size in its table changes nothing.

    Parameters
    ----------
    path : Path
        The archive.
    name : str
        What messages call it.
    most_bytes : int
        How much it may unpack to.
    monitor : Monitor
        May stop the unpacking.

    Returns
    -------
    tuple of Path
        The files, in the archive's order.

    Raises
    ------
    InputError
        If it is damaged, encrypted, or larger than the limits.
    """
    _refuse_large_directory(path, name)
    folder = Path(tempfile.mkdtemp(prefix="cement-planner-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(_unpacked_members(archive, folder, name, most_bytes, monitor))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, zlib.error) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise InputError(f"{name} is a damaged or encrypted zip; unpack it and give the folder") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _refuse_large_directory(path: Path, name: str) -> None:
    """Look at the size of the table of contents before it is read."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - (1 << 16) - 256))
        tail = file.read()
    end, end_64 = tail.rfind(_END), tail.rfind(_END_64)
    try:
        claims = [struct.unpack_from("<I", tail, end + 12)[0]] if end >= 0 else []
        claims = [claim for claim in claims if claim != 0xFFFFFFFF]
        claims += [struct.unpack_from("<Q", tail, end_64 + 40)[0]] if end_64 >= 0 else []
    except struct.error:
        claims = []
    if not claims or max(claims) > size:
        raise InputError(f"{name} is a damaged or encrypted zip; unpack it and give the folder")
    if max(claims) > _MOST_DIRECTORY_BYTES:
        raise InputError(f"{name} holds more than {MOST_FILES} files; give the folder of one study")


def _unpacked_members(
    archive: zipfile.ZipFile, folder: Path, name: str, most_bytes: int, monitor: Monitor
) -> Iterator[Path]:
    members = [member for member in archive.infolist() if not member.is_dir() and not _is_link(member)]
    if len(members) > MOST_FILES:
        raise InputError(f"{name} holds more than {MOST_FILES} files; give the folder of one study")
    _refuse_overlaps(members, name)
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        raise InputError(f"{name} is packed in a rare way (not deflate); unpack it and give the folder")
    packed_bytes = sum(member.compress_size for member in members)
    left = min(most_bytes, max(_FREELY_UNPACKED_BYTES, _MOST_TIMES * packed_bytes))
    left = min(left, int(shutil.disk_usage(folder).free * 0.9))
    for number, member in enumerate(members):
        target = folder / f"{number:06d}{_suffix(member.filename)}"
        with archive.open(member) as packed, target.open("wb") as file:
            while block := packed.read(_BLOCK):
                check_cancelled(monitor)
                left -= len(block)
                if left < 0:
                    raise InputError(
                        f"{name} unpacks to more than {most_bytes >> 20} MiB, {_MOST_TIMES} times its size "
                        "or what the disk holds; unpack what you need and give the folder"
                    )
                file.write(block)
        yield target


def _suffix(name: str) -> str:
    """Give a plain suffix of the same kind: a member's own may hold the patient's name."""
    suffix = Path(name).suffix.lower()
    if suffix == ".zip":
        return suffix
    return "" if is_dicom_suffix(suffix) else ".other"


def _is_link(member: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(member.external_attr >> 16)


def _refuse_overlaps(members: list[zipfile.ZipInfo], name: str) -> None:
    """Refuse an archive whose files share their bytes, as only bombs do."""
    end = 0
    for member in sorted(members, key=lambda m: m.header_offset):
        if member.header_offset < end:
            raise InputError(f"{name} is a damaged zip (files in it overlap); unpack it and give the folder")
        end = member.header_offset + _LOCAL_HEADER + member.compress_size
