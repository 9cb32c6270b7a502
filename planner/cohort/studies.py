"""Which studies a cohort holds, and what each goes by."""

import csv
import hashlib
import hmac
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from planner.cohort.folder import COHORT_FILE
from planner.errors import InputError
from planner.io.dicom.pseudonyms import Pseudonyms

_FILES: Final = (".zip", ".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
_STRANGE = re.compile(r"[^A-Za-z0-9._-]+")
_OWN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_MOST_LETTERS = 60
_MOST_LIST_BYTES, _MOST_STUDIES = 16 << 20, 100_000


@dataclass(frozen=True, slots=True)
class Study:
    """One study of a cohort.

    Parameters
    ----------
    id : str
        What it goes by in every output; also the name of its plan's folder.
    path : Path
        Where its CT is; in no output, for folders are named after patients.
    """

    id: str
    path: Path


def find_studies(source: Path, *, but: Path | None = None, pseudonyms: Pseudonyms | None = None) -> tuple[Study, ...]:
    """Find the studies of a cohort.

    Parameters
    ----------
    source : Path
        A folder: each folder in it is a study, and so is each zip, NIfTI, NRRD or MetaImage file; hidden ones, outputs
        of cohorts and all other files are left out. Or a list: a text file with one path a line ("#" begins a remark),
        or a ``.csv`` with a column "path" and perhaps one "id" (parted by commas, semicolons or tabs); paths are taken
        from the list's own folder.
    but : Path or None
        No study, should it lie there: the cohort's own output.
    pseudonyms : Pseudonyms or None
        Whose keyed names stand for the studies' own.

    Returns
    -------
    tuple of Study
        In the order of the list, or of their names. Ids are made of each study's own name in the folder or list alone,
        so that they stay when other studies come or go.

    Raises
    ------
    InputError
        If there is none, a list cannot be read, or two studies would go by one id.
    """
    if not source.exists():
        raise InputError(f"there is no file or folder {source.name}; check the path")
    named = list(_in_folder(source, but) if source.is_dir() else _in_list(source))
    if not named:
        raise InputError(
            f"{source.name} holds no studies: neither folders nor zip, NIfTI, NRRD or MetaImage files; "
            "for one study use 'cement-planner plan'"
        )
    if len(named) > _MOST_STUDIES:
        raise InputError(f"{source.name} names more than {_MOST_STUDIES} studies; plan them in parts")
    studies = tuple(Study(_id(name, own, pseudonyms), path) for name, own, path in named)
    twice = [one for one, count in Counter(study.id.casefold() for study in studies).items() if count > 1]
    if twice:
        raise InputError(
            f"two studies of {source.name} would go by the id {twice[0]!r} (large and small letters count as one); "
            "name each once, or give ids"
        )
    return studies


def study_id(name: str) -> str:
    """Give what a study goes by that has no id of its own.

    Parameters
    ----------
    name : str
        Its name in the cohort's folder or list.

    Returns
    -------
    str
        The name itself where it is short and made of letters, digits, ".", "_" and "-"; else what of it is so, letters
        without their accents, with eight digits of the whole name's SHA-256, so that two names stay two ids.
    """
    if _OWN_ID.fullmatch(name) and len(name) <= _MOST_LETTERS:
        return name
    spelt = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))
    plain = _STRANGE.sub("_", spelt).strip("._-")[:_MOST_LETTERS]
    return f"{plain or 'study'}-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def input_sha256(path: Path, *, pseudonyms: Pseudonyms | None = None) -> str:
    """Give the fingerprint of a study's files, by which a later run knows them again without reading them.

    Parameters
    ----------
    path : Path
        The study.
    pseudonyms : Pseudonyms or None
        With whose key the fingerprint is made: names of files may tell a patient.

    Returns
    -------
    str
        64 hexadecimal digits, of names, sizes and times of change; those of "nothing" where nothing is there.
    """
    told = hashlib.sha256() if pseudonyms is None else hmac.new(pseudonyms.key, digestmod=hashlib.sha256)
    root = path if is_folder(path) else path.parent
    for file in _files_of(path):
        try:
            state = file.lstat()
        except OSError:  # it goes while we look: whoever loads it will say so
            continue
        name = str(file.relative_to(root)).encode("utf-8", "surrogateescape")
        told.update(b"%d\0%s\0%d\0%d\0" % (len(name), name, state.st_size, state.st_mtime_ns))
    return told.hexdigest()


def _in_folder(folder: Path, but: Path | None) -> Iterator[tuple[str, None, Path]]:
    own = None if but is None else but.resolve()
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder.name} cannot be read: {(error.strerror or 'the system refused').lower()}") from error
    for entry in entries:
        if entry.name.startswith(".") or entry.resolve() == own or (entry / COHORT_FILE).is_file():
            continue
        if entry.is_dir() or (entry.is_file() and entry.name.lower().endswith(_FILES)):
            yield entry.name, None, entry.absolute()


def _in_list(file: Path) -> Iterator[tuple[str, str | None, Path]]:
    try:
        if file.stat().st_size > _MOST_LIST_BYTES:
            raise InputError(f"{file.name} is no list of studies but a large file; for one study use 'plan'")
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file.name} is no list of studies in UTF-8; give a folder of studies, or for one study use 'plan'"
        ) from error
    except OSError as error:
        raise InputError(f"{file.name} cannot be read: {(error.strerror or 'the system refused').lower()}") from error
    rows = _csv_rows(file, text) if file.suffix.lower() == ".csv" else _lines(text)
    for where, name, own in rows:
        if "\0" in name:
            raise InputError(f"{file.name}, {where}: this is no path")
        if own is not None and not _OWN_ID.fullmatch(own):
            raise InputError(
                f"{file.name}, {where}: an id is made of at most 80 letters, digits, '.', '_' and '-', and begins with "
                "a letter or digit"
            )
        yield name, own, (file.absolute().parent / name)


def _lines(text: str) -> Iterator[tuple[str, str, None]]:
    for number, line in enumerate(text.splitlines(), start=1):
        name = line.strip()
        if name and not name.startswith("#"):
            yield f"line {number}", name, None


def _csv_rows(file: Path, text: str) -> Iterator[tuple[str, str, str | None]]:
    lines = text.splitlines()
    head = lines[0] if lines else ""
    rows = csv.reader(lines, delimiter=max(",;\t", key=head.count))
    try:
        columns = [name.strip().casefold() for name in next(rows, [])]
        if "path" not in columns:
            raise InputError(f"{file.name} has no column 'path' in its first line; it begins with {head[:40]!r}")
        for row in rows:
            told = dict(zip(columns, (cell.strip() for cell in row), strict=False))
            if name := told.get("path"):
                yield f"line {rows.line_num}", name, told.get("id") or None
            elif told.get("id"):
                raise InputError(f"{file.name}, line {rows.line_num}: an id without a path")
    except csv.Error as error:
        raise InputError(f"{file.name} is no CSV: {error}") from error


def _id(name: str, own: str | None, pseudonyms: Pseudonyms | None) -> str:
    if own is not None:
        return own
    return study_id(name) if pseudonyms is None else pseudonyms.study(name)


def _files_of(path: Path) -> list[Path]:
    """Give the files that may belong to a study, none where they cannot be listed: whoever loads them will say so."""
    try:
        return sorted(_found_at(path))
    except OSError:
        return []


def is_folder(path: Path) -> bool:
    """Tell a folder; False also of what cannot be looked at: whoever loads it will say so.

    Parameters
    ----------
    path : Path
        Of a study.

    Returns
    -------
    bool
    """
    try:
        return path.is_dir()
    except OSError:  # its name is too long, or what holds it is closed to us
        return False


def _found_at(path: Path) -> Iterator[Path]:
    """Find them; of a header beside its voxels both, of a DICOMDIR its whole folder."""
    if path.is_dir():
        yield from (file for file in path.rglob("*") if not file.is_dir())
    elif path.name.upper() == "DICOMDIR":
        yield from _found_at(path.parent)
    elif path.is_file():
        stem = path.name.partition(".")[0]
        yield from (file for file in path.parent.iterdir() if file.is_file() and file.name.partition(".")[0] == stem)
