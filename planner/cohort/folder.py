"""The folder of a cohort: what lies where, whose run works in it, and which studies are settled."""

import contextlib
import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from planner.cohort.protocol import CohortProtocol, ProtocolRecord, difference
from planner.cohort.study_record import StudyRecord
from planner.errors import InputError, OutputError, UsageError
from planner.io.plan_json import write_json
from planner.io.staging import require_free

COHORT_FILE: Final = "cohort.json"
SCHEMA: Final = "cement-planner/cohort/1"
OWN_NAMES: Final = (COHORT_FILE, "studies", "records", "logs", "tables", "summary.html", ".running")
"""Every name that the program writes into a cohort's folder."""
_STAGE = re.compile(r"\..+\.partial-.+-\d+")
_MOST_RECORD_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class CohortFolder:
    """Where the parts of a cohort lie.

    Parameters
    ----------
    path : Path
        The folder.
    """

    path: Path

    def plan_folder(self, study_id: str) -> Path:
        """Give the place of a study's plan."""
        return self.path / "studies" / study_id

    def log_file(self, study_id: str) -> Path:
        """Give the place of what a study's fault is told in."""
        return self.path / "logs" / f"{study_id}.log"

    def record_file(self, study_id: str) -> Path:
        """Give the place of a study's record."""
        return self.path / "records" / f"{study_id}.json"

    def record_of(self, study_id: str) -> StudyRecord | None:
        """Read a study's record.

        Parameters
        ----------
        study_id : str
            The study.

        Returns
        -------
        StudyRecord or None
            None where there is none, or none that can be understood: such a study is planned again.
        """
        document = _json_in(self.record_file(study_id))
        try:
            record = StudyRecord.model_validate(document)
        except ValidationError:
            return None
        return record if record.study == study_id else None

    def keep(self, record: StudyRecord) -> None:
        """Write a study's record in the place of an earlier one.

        Parameters
        ----------
        record : StudyRecord
            The record.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        write_json(record.model_dump(mode="json", by_alias=True), self.record_file(record.study))

    def is_run(self, run: str) -> bool:
        """Say whether a run still works here: it was not ended, and no other one began."""
        try:
            return (self.path / ".running").read_text(encoding="ascii") == run
        except (OSError, UnicodeDecodeError):
            return False

    def end_run(self) -> None:
        """Let all that is still being planned for this folder, on whatever machine, come to nothing."""
        with contextlib.suppress(OSError):
            (self.path / ".running").write_text("", encoding="ascii")

    def sweep(self) -> None:
        """Take away what killed workers left half-written; while this is done nobody may be planning."""
        folder = self.path / "studies"
        for entry in folder.iterdir() if folder.is_dir() else ():
            if _STAGE.fullmatch(entry.name) and entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)


@contextlib.contextmanager
def open_cohort(out: Path, protocol: CohortProtocol, *, overwrite: bool) -> Iterator[tuple[CohortFolder, str]]:
    """Open a cohort's folder for one run, and no other beside it.

    Parameters
    ----------
    out : Path
        The folder; it is made where it is not there.
    protocol : CohortProtocol
        What the studies are planned with.
    overwrite : bool
        Whether all that is there is planned anew, also with another protocol.

    Yields
    ------
    CohortFolder and str
        The folder, and the run's name.

    Raises
    ------
    UsageError
        If the folder holds something else, a cohort of another protocol, or another run works in it.
    OutputError
        If it cannot be made or written.
    """
    folder = CohortFolder(out.absolute())
    with contextlib.ExitStack() as held:
        with _told_as_output(out):
            _require_ours(folder, protocol, overwrite=overwrite)
            for name in ("studies", "records", "logs", "tables"):
                (folder.path / name).mkdir(parents=True, exist_ok=True)
            run = held.enter_context(_alone_in(folder))
            if overwrite:
                for file in (*(folder.path / "records").glob("*.json"), *(folder.path / "logs").glob("*.log")):
                    file.unlink()
            kept = {"schema": SCHEMA, **protocol.record.model_dump(mode="json")}
            write_json(kept, folder.path / COHORT_FILE)
            folder.sweep()
        yield folder, run


@contextlib.contextmanager
def _told_as_output(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise OutputError(f"cannot write in {out.name}: {reason}; choose another folder (-o)") from error


def _require_ours(folder: CohortFolder, protocol: CohortProtocol, *, overwrite: bool) -> None:
    name = folder.path.name
    if not (folder.path / COHORT_FILE).exists():
        inside = {one.name for one in folder.path.iterdir()} if folder.path.is_dir() else set()
        if inside:
            raise UsageError(f"{name} holds files but no cohort; it is left alone: choose another folder (-o)")
        return require_free(folder.path, own_names=OWN_NAMES, overwrite=True)
    document = _json_in(folder.path / COHORT_FILE)
    try:
        if not isinstance(document, dict) or document.pop("schema", None) != SCHEMA:
            raise UsageError(f"{name} holds a cohort of another kind; choose another folder (-o)")
        earlier = ProtocolRecord.model_validate(document)
    except ValidationError as error:
        raise UsageError(f"{name}/{COHORT_FILE} is damaged; choose another folder (-o)") from error
    other = difference(earlier, protocol.record)
    if other is not None and not overwrite:
        raise UsageError(
            f"{name} holds a cohort that was planned with {other}; give --overwrite to plan all of it anew, or choose "
            "another folder (-o)"
        )
    return None


@contextlib.contextmanager
def _alone_in(folder: CohortFolder) -> Iterator[str]:
    """Hold the folder for this run; the system lets go of it when the run is killed."""
    run = secrets.token_hex(8)
    with (folder.path / ".running").open("a+", encoding="ascii") as mark:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UsageError(
                    f"another run plans in {folder.path.name} just now; wait for it, or stop it"
                ) from error
        folder.end_run()
        mark.write(run)
        mark.flush()
        os.fsync(mark.fileno())
        try:
            yield run
        finally:
            folder.end_run()


def _json_in(file: Path) -> Any:
    """Read a small JSON file; None where it is not there or is none."""
    try:
        if file.stat().st_size > _MOST_RECORD_BYTES:
            return None
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def plan_is_reviewed(plan_folder: Path) -> bool:
    """Say whether a person edited or approved a plan, so that it is not to be replaced unasked.

    Parameters
    ----------
    plan_folder : Path
        Where the plan may be.

    Returns
    -------
    bool
        Also True where a plan is there that cannot be read: it may be somebody's work.
    """
    from planner.io.plan_json import load_plan

    if not os.path.lexists(plan_folder / "plan.json"):
        return False
    try:
        return load_plan(plan_folder / "plan.json").review.state != "unreviewed"
    except InputError:
        return True
