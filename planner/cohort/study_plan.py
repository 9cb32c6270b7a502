"""One study of a cohort, as a worker plans it: whatever happens to it becomes its record."""

import contextlib
import re
import shutil
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from planner import __version__
from planner.cohort.folder import CohortFolder, plan_is_reviewed
from planner.cohort.peak_memory import forget_peak, peak_mib
from planner.cohort.protocol import CohortProtocol
from planner.cohort.studies import Study, input_sha256, is_folder
from planner.cohort.study_record import StudyRecord, StudyState
from planner.errors import CancelledError, NoImplantError, OutputError, PlannerError, UsageError
from planner.io.dicom.pseudonyms import WRITTEN_UID
from planner.io.whole_file import write_whole
from planner.progress import Monitor, Progress

_FAULT_EXIT_CODE = 1
_MOST_NAMES, _MOST_LETTERS = 20_000, 400
_HARMLESS = frozenset(
    (
        "a", "an", "and", "at", "be", "by", "can", "cannot", "ct", "dicom", "dicomdir", "empty", "file",
        "files", "folder", "for", "from", "give", "has", "head", "hip", "hips", "hold", "holds", "image",
        "images", "in", "index", "input", "is", "it", "left", "no", "none", "not", "of", "on", "one", "or",
        "other", "path", "patient", "pixel", "plan", "right", "scan", "scans", "screw", "screws", "series",
        "slice", "slices", "spine", "stack", "studies", "study", "that", "the", "there", "this", "to", "voxel",
        "with",
    )
)  # fmt: skip
"""Names of files and folders that are words of messages, too, and tell nobody."""


@dataclass(frozen=True, slots=True)
class StudyOrder:
    """What a worker is asked to do.

    Parameters
    ----------
    study : Study
        The study.
    protocol : CohortProtocol
        How it is planned.
    out : Path
        The cohort's folder.
    run : str
        For which run.
    version : str
        Of the program that asks: a worker's own must be the same.
    replace_reviewed : bool
        Whether a plan that a person edited or approved may be replaced.
    most_starts : int
        How often the study may be begun in this run.
    look_s : float
        How often is looked whether the run was ended.
    """

    study: Study
    protocol: CohortProtocol
    out: Path
    run: str
    version: str = __version__
    replace_reviewed: bool = False
    most_starts: int = 3
    look_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Halt:
    """What keeps every study from being planned, so that the run ends.

    Parameters
    ----------
    message : str
        One line: what happened, and what to do.
    """

    message: str


StudyTask = Callable[[StudyOrder, Monitor], object]
"""Makes a study's plan folder, or raises."""


def make_study_plan(order: StudyOrder, monitor: Monitor) -> None:
    """Make a study's plan as 'cement-planner plan' makes it.

    Parameters
    ----------
    order : StudyOrder
        The study, and how it is planned.
    monitor : Monitor
        May stop the work.
    """
    # Here: whoever only hands studies over need not load what plans them.
    from planner.pipeline.plan_folder import make_plan_folder

    make_plan_folder(
        order.study.path,
        CohortFolder(order.out).plan_folder(order.study.id),
        config=order.protocol.config,
        overwrite=True,
        figures=order.protocol.figures,
        pseudonyms=order.protocol.pseudonyms,
        monitor=monitor,
    )


def carry_out(order: StudyOrder, *, task: StudyTask = make_study_plan) -> StudyRecord | Halt | None:
    """Plan one study and keep what became of it.

    Parameters
    ----------
    order : StudyOrder
        What to do.
    task : callable
        What makes the plan.

    Returns
    -------
    StudyRecord, Halt or None
        What became of the study; None where its run was ended meanwhile, so that nothing did.
    """
    folder = CohortFolder(order.out)
    earlier = folder.record_of(order.study.id)
    if earlier is not None and earlier.run == order.run and earlier.state != "begun":
        return earlier  # its worker died with the answer
    starts = earlier.starts if earlier is not None and earlier.run == order.run else 0
    begun = StudyRecord(
        study=order.study.id,
        state="begun",
        run=order.run,
        starts=starts + 1,
        protocol_sha256=order.protocol.sha256,
        input_sha256=input_sha256(order.study.path, pseudonyms=order.protocol.pseudonyms),
    )
    try:
        unfit = _unfit(order, folder)
        if unfit is not None:
            return unfit
        if not folder.is_run(order.run):
            return None
        if starts >= order.most_starts:  # a cluster that begins a task anew by itself comes here
            gone = died(order, starts)
            folder.keep(gone)
            return gone
        folder.keep(begun)
        record = _planned(order, folder, begun, task)
        if record is not None and folder.is_run(order.run):
            folder.keep(record)
        return record
    except OutputError as error:  # the next one would find no room either
        return Halt(str(error))


def _unfit(order: StudyOrder, folder: CohortFolder) -> Halt | None:
    """Say why this worker can plan no study: it may have joined after the others were asked."""
    if order.version != __version__:
        return Halt(
            f"a worker of the Dask cluster has version {__version__} of the program, the run is of {order.version}; "
            "install the same on all"
        )
    if not folder.path.is_dir():
        return Halt(
            f"a worker of the Dask cluster does not see {folder.path.name}; studies and output must lie on a disk that "
            "all workers see under the same path"
        )
    return None


def died(order: StudyOrder, starts: int) -> StudyRecord:
    """Say of a study that whoever planned it died, each time.

    Parameters
    ----------
    order : StudyOrder
        The study.
    starts : int
        How often it was begun.

    Returns
    -------
    StudyRecord
    """
    times = "once" if starts == 1 else f"{starts} times"
    return StudyRecord(
        study=order.study.id,
        state="worker died",
        run=order.run,
        starts=starts,
        protocol_sha256=order.protocol.sha256,
        input_sha256=input_sha256(order.study.path, pseudonyms=order.protocol.pseudonyms),
        error_class="WorkerDied",
        error=f"the worker that planned it died {times}: it was killed, or took more memory than it may; "
        "--memory gives each more, fewer --workers leave more for each",
    )


def _planned(order: StudyOrder, folder: CohortFolder, begun: StudyRecord, task: StudyTask) -> StudyRecord | None:
    """Plan; None where the run was ended."""
    began, fresh = time.perf_counter(), forget_peak()
    place, log = folder.plan_folder(order.study.id), folder.log_file(order.study.id)
    state: StudyState = "planned"
    error_class = error = None
    exit_code = 0
    try:
        _require_may_plan(order, place)
        task(order, _Watch(folder, order.run, order.look_s))
        log.unlink(missing_ok=True)
    except CancelledError:
        return None
    except PlannerError as refusal:
        if isinstance(refusal, OutputError) and not isinstance(refusal.__cause__, PermissionError):
            raise  # no room is no fault of the study; a plan's folder that is somebody else's is
        state = "no implant" if isinstance(refusal, NoImplantError) else "failed"
        error_class, error = type(refusal).__name__, without_names(str(refusal), order.study)
        exit_code = refusal.exit_code
        log.unlink(missing_ok=True)
    except Exception as fault:  # whatever one study brings up, the others are planned
        state, exit_code = "failed", _FAULT_EXIT_CODE
        error_class, error = type(fault).__name__, f"a fault of the program {_place(fault)}; see logs/{log.name}"
        write_whole(_where(fault).encode(), log)
    if state != "planned" and not plan_is_reviewed(place):
        _take_away(place)  # an older plan is of another input, or was begun by a run that was killed
    return begun.model_copy(
        update={
            "state": state,
            "error_class": error_class,
            "error": error,
            "exit_code": exit_code,
            "seconds": round(time.perf_counter() - began, 3),
            "peak_memory_mib": peak_mib() if fresh else None,
        }
    )


def _require_may_plan(order: StudyOrder, place: Path) -> None:
    if plan_is_reviewed(place) and not order.replace_reviewed:
        raise UsageError(
            "its CT changed, but a person edited or approved its plan, which is left alone; move the plan away, or "
            "give --overwrite to plan all studies anew"
        )


def without_names(message: str, study: Study) -> str:
    """Take the names of a study's files and folders, and UIDs, out of a message: they may lead to a patient.

    Parameters
    ----------
    message : str
        Of an error.
    study : Study
        The study.

    Returns
    -------
    str
        One line; the study goes by its id, a file in it by "a file", a UID by "(UID)".
    """
    said = " ".join(message.split())
    for name in (str(study.path), str(study.path.resolve())):
        said = _replaced(said, name, study.id)
    if _may_tell(study.path.name):
        said = _replaced(said, study.path.name, study.id)
    for name in sorted(_names_below(study.path), key=len, reverse=True):
        if _may_tell(name) and name != study.id:
            said = _replaced(said, name, "a file")
    said = WRITTEN_UID.sub("(UID)", said)
    return said if len(said) <= _MOST_LETTERS else f"{said[: _MOST_LETTERS - 1]}…"


def _may_tell(name: str) -> bool:
    return name.casefold() not in _HARMLESS and not (name.isdecimal() and len(name) < 4)


def _replaced(text: str, name: str, other: str) -> str:
    if name == other or name not in text:
        return text
    return re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", lambda _: other, text)


def _names_below(path: Path) -> Iterator[str]:
    """Give names of files and folders in a study, and without their endings."""
    if not is_folder(path):
        yield path.name.partition(".")[0]
        return
    for entry in islice(path.rglob("*"), _MOST_NAMES):
        yield entry.name
        yield entry.stem


def _place(fault: Exception) -> str:
    """Say where in the program a fault showed; what the exception says is left out, for it may repeat a header."""
    own = [one for one in traceback.extract_tb(fault.__traceback__) if "planner" in Path(one.filename).parts]
    last = own[-1] if own else None
    return "in a library" if last is None else f"at {_short(last.filename)}, line {last.lineno} ({last.name})"


def _where(fault: Exception) -> str:
    """Write a fault's way through the program, without what was in its variables or its message."""
    lines = [f"cement-planner {__version__}"]
    cause: BaseException | None = fault
    while cause is not None:
        lines.append(type(cause).__name__)
        for one in traceback.extract_tb(cause.__traceback__):
            lines.append(f"  {_short(one.filename)}, line {one.lineno}, in {one.name}")
        cause = cause.__cause__ or cause.__context__
        lines += ["caused by"] if cause is not None else []
    return "\n".join(lines) + "\n"


def _short(file: str) -> str:
    """Give a source file from its package on: before it stands how this machine and its user are called."""
    parts = Path(file).parts
    for mark in ("site-packages", "planner"):
        if mark in parts:
            at = len(parts) - 1 - parts[::-1].index(mark)
            return "/".join(parts[at + (mark == "site-packages") :])
    return parts[-1]


def _take_away(place: Path) -> None:
    """Take an older plan away, and leave what others put beside it."""
    from planner.pipeline.plan_files import PLAN_FILES

    with contextlib.suppress(OSError):
        for name in PLAN_FILES:
            entry = place / name
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()


@dataclass(slots=True)
class _Watch:
    """Stops a study when its run has been ended, also where nobody can reach its worker."""

    folder: CohortFolder
    run: str
    look_s: float
    _looked: float = field(default_factory=time.monotonic)
    _ended: bool = False

    def report(self, progress: Progress) -> None:
        """Say nothing: who follows a cohort counts its studies."""

    def cancelled(self) -> bool:
        """Look now and then whether the run still works in its folder."""
        if not self._ended and time.monotonic() - self._looked >= self.look_s:
            self._looked = time.monotonic()
            self._ended = not self.folder.is_run(self.run)
        return self._ended
