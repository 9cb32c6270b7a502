"""Series from a server into a folder: whole or not at all, and nothing twice."""

import io
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.pixels.utils import get_expected_length

from planner.errors import OutputError, PacsError, UsageError
from planner.io.dicom.datasets import DATASET_DAMAGE, open_dataset
from planner.io.dicom.elements import DamagedFileError
from planner.io.dicom.slices import read_slices
from planner.io.quiet import quiet
from planner.io.whole_file import write_whole
from planner.pacs.attempts import attempt
from planner.pacs.connection import Connection
from planner.pacs.pull_stage import stage_beside
from planner.pacs.search import FoundSeries, instances_of, require_uid, series_of
from planner.progress import Monitor, track

_SERIES_FOLDER = re.compile(r"[0-9.]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class PulledSeries:
    """A series that lies in its folder, whole.

    Parameters
    ----------
    folder : Path
        Where.
    fetched, kept : int
        Instances that came now, and that lay there before.
    """

    folder: Path
    fetched: int
    kept: int


def pull(
    connection: Connection, study: str, folder: Path, *, monitor: Monitor, series: Sequence[str] = ()
) -> tuple[PulledSeries, ...]:
    """Fetch series of a study, each into a folder named by its UID.

    A series appears in `folder` when it is whole. What was fetched before a pull was stopped lies beside it, and the
    next pull goes on from there.

    Parameters
    ----------
    connection : Connection
        The server.
    study : str
        Study Instance UID.
    folder : Path
        Where to; made if it is not there.
    monitor : Monitor
        Follows the work, and may stop it.
    series : sequence of str
        Series Instance UIDs; none takes all CT series of the study.

    Returns
    -------
    tuple of PulledSeries

    Raises
    ------
    UsageError
        If the folder holds something else, another pull writes into it, or a word is no UID.
    PacsError
        If the server cannot be asked, does not hold the series, or sends what was not asked for.
    OutputError
        If the folder cannot be written.
    """
    require_uid(study, "--study")
    for uid in series:
        require_uid(uid, "--series")
    folder = folder.absolute()
    _require_own(folder)
    chosen = _chosen(series_of(connection, study, monitor=monitor), series)
    budget = _Budget(connection.config.most_bytes)
    with stage_beside(folder) as stage:
        return tuple(_pull_series(connection, (study, uid), folder, stage / uid, budget, monitor) for uid in chosen)


class _Budget:
    """How much may still come."""

    def __init__(self, most_bytes: int) -> None:
        self._most = self._left = most_bytes

    def take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise PacsError(f"the study is larger than {self._most >> 30} GiB; name one series with --series")


def _require_own(folder: Path) -> None:
    """Refuse a folder with other things in it: a plan on it might take another patient's CT."""
    if not folder.exists():
        return
    if not folder.is_dir() or folder.is_symlink():
        raise UsageError(f"{folder.name} exists and is no folder; choose another (-o)")
    if any(not (entry.is_dir() and _SERIES_FOLDER.match(entry.name)) for entry in folder.iterdir()):
        raise UsageError(f"{folder.name} holds other files than pulled series; choose another folder (-o)")


def _chosen(there: Sequence[FoundSeries], wanted: Sequence[str]) -> list[str]:
    known = {one.series_instance_uid for one in there}
    if missing := [uid for uid in wanted if uid not in known]:
        raise PacsError(f"the study holds no series {missing[0]}; 'pull --find --study' lists what it holds")
    if not there:
        raise PacsError("the server knows no such study; check --study and what this account may see")
    chosen = list(dict.fromkeys(wanted)) or [one.series_instance_uid for one in there if one.modality == "CT"]
    if not chosen:
        raise PacsError(f"none of the study's {len(there)} series is a CT; name one with --series")
    return chosen


def _pull_series(
    connection: Connection, names: tuple[str, str], folder: Path, stage: Path, budget: _Budget, monitor: Monitor
) -> PulledSeries:
    place = folder / names[1]
    with _written(folder):
        _bring_back(stage, place)
    listed = _listed(connection, *names, monitor)
    if _is_whole(place, listed, *names):
        return PulledSeries(place, 0, len(listed))
    fetched = 0
    with _written(folder):
        stage.mkdir(exist_ok=True)
        for _ in range(connection.config.rounds):
            for uid in track(listed, stage="fetching slices", monitor=monitor):
                if not _taken(place / f"{uid}.dcm", stage / f"{uid}.dcm", *names, uid):
                    fetched += 1
                    _fetch(connection, (*names, uid), stage / f"{uid}.dcm", budget, monitor)
            again = _listed(connection, *names, monitor)
            if again == listed:
                break
            listed = again
        else:
            raise PacsError("the series is still growing: a scanner is sending it; pull again when it is done")
        for stranger in set(stage.iterdir()) - {stage / f"{uid}.dcm" for uid in listed}:
            stranger.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        _swap(stage, place)
    return PulledSeries(place, fetched, len(listed) - fetched)


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise OutputError(f"{folder.name} cannot be written: {reason}; choose another folder (-o)") from error


def _listed(connection: Connection, study: str, series: str, monitor: Monitor) -> tuple[str, ...]:
    listed = instances_of(connection, study, series, monitor=monitor)
    if not listed:
        raise PacsError(f"the series {series} holds no instance that this account may see")
    return listed


def _is_whole(place: Path, listed: Sequence[str], study: str, series: str) -> bool:
    if not place.is_dir() or {entry.name for entry in place.iterdir()} != {f"{uid}.dcm" for uid in listed}:
        return False
    return all(_is_instance(place / f"{uid}.dcm", study, series, uid) for uid in listed)


def _taken(older: Path, path: Path, study: str, series: str, uid: str) -> bool:
    """Whether the instance is on the stage; a good one of an earlier pull is brought there."""
    if _is_instance(path, study, series, uid):
        return True
    path.unlink(missing_ok=True)
    if not _is_instance(older, study, series, uid):
        return False
    try:
        os.link(older, path)
    except OSError:  # a file system without links
        write_whole(older.read_bytes(), path)
    return True


def _is_instance(path: Path, study: str, series: str, uid: str) -> bool:
    """Say whether a file is the instance, readable to its end."""
    if not path.is_file():
        return False
    try:
        headers = read_slices(path)
        dataset = open_dataset(path)
        return bool(headers) and _uids(dataset) == (study, series, uid) and _has_all_pixels(dataset)
    except (*DATASET_DAMAGE, DamagedFileError):
        return False


def _uids(dataset: pydicom.Dataset) -> tuple[str, str, str]:
    study, series, instance = (
        str(dataset.get(name, "")) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    )
    return study, series, instance


def _has_all_pixels(dataset: pydicom.Dataset) -> bool:
    """Compare the pixels' length with what the header says; of compressed ones there must be some."""
    if "PixelData" not in dataset:
        return "Rows" not in dataset
    held = len(dataset.PixelData)
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        return held > 0
    return bool(held >= get_expected_length(dataset))


def _fetch(connection: Connection, names: tuple[str, str, str], path: Path, budget: _Budget, monitor: Monitor) -> None:
    """Fetch one instance as the server stores it, and write it whole."""
    study, series, uid = names

    def ask() -> bytes:
        dataset = connection.client.retrieve_instance(study, series, uid, media_types=(("application/dicom", "*"),))
        if _uids(dataset) != names:
            raise PacsError("the server sent another instance than was asked for; it was thrown away")
        buffer = io.BytesIO()
        pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
        return buffer.getvalue()

    content = attempt(ask, connection, monitor=monitor)
    budget.take(len(content))
    write_whole(content, path)
    with quiet():
        whole = _is_instance(path, *names)
    if not whole:
        path.unlink()
        raise PacsError(f"the server holds an instance that is damaged or cut off ({uid}); ask who sent it there")


def _swap(stage: Path, place: Path) -> None:
    """Put a whole series in its place; an older, incomplete one goes."""
    if not place.exists():
        stage.rename(place)
        return
    retired = _retired(stage)
    place.rename(retired)
    stage.rename(place)
    shutil.rmtree(retired)


def _retired(stage: Path) -> Path:
    return stage.with_name(f"{stage.name}.replaced")


def _bring_back(stage: Path, place: Path) -> None:
    """Undo, or end, what an earlier pull was killed at while two folders changed places."""
    retired = _retired(stage)
    if not retired.exists():
        return
    if place.exists():
        shutil.rmtree(retired)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        retired.rename(place)
