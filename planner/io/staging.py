"""Output folders that appear whole or not at all."""

import contextlib
import os
import shutil
import signal
import socket
import stat
import tempfile
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

from planner.errors import OutputError, UsageError


@contextlib.contextmanager
def staged_folder(target: Path, *, own_names: Collection[str], overwrite: bool) -> Iterator[Path]:
    """Write a folder beside its place and move it there when it is whole.

    Parameters
    ----------
    target : Path
        Where the folder shall be.
    own_names : collection of str
        The names that the program itself writes into such a folder. When an older folder is replaced, these go and
        everything else in it is kept.
    overwrite : bool
        Whether an older result may be replaced.

    Yields
    ------
    Path
        The folder to write into: in the same parent, so that the final move is one rename.

    Raises
    ------
    UsageError
        If the target exists and may not be replaced, or holds something that is no result of this program.
    OutputError
        If the folder cannot be made or written.
    """
    target = target.absolute()
    require_free(target, own_names=own_names, overwrite=overwrite)
    prefix = f".{target.name}.partial-{socket.gethostname()}-"
    stage = target.parent / f"{prefix}{os.getpid()}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in _left(target.parent, prefix):
            shutil.rmtree(left, ignore_errors=True)
        stage.mkdir()
    except OSError as error:
        raise OutputError(f"cannot write beside {target.name}: {_reason(error)}; choose another folder (-o)") from error
    try:
        yield stage
        with _uninterrupted():
            # Another run may have put its result there meanwhile.
            require_free(target, own_names=own_names, overwrite=overwrite)
            _swap(stage, target, own_names)
    except OSError as error:
        raise OutputError(f"cannot write {target.name}: {_reason(error)}; nothing was changed there") from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def require_free(target: Path, *, own_names: Collection[str], overwrite: bool) -> None:
    """Refuse a target that would be damaged, before any work is done for it.

    An older result that a killed run had put aside comes back first.

    Parameters
    ----------
    target : Path
        Where a result shall go.
    own_names : collection of str
        The names that the program itself writes there.
    overwrite : bool
        Whether an older result may be replaced.

    Raises
    ------
    UsageError
        If the target exists and may not be replaced, or holds something that is no result of this program.
    OutputError
        If nothing can be written there.
    """
    _bring_back(target.absolute(), own_names)
    if not os.path.lexists(target):
        parent = next(p for p in target.absolute().parents if p.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            reason = "permission denied" if parent.is_dir() else "it is a file"
            raise OutputError(f"cannot write in {parent.name or parent}: {reason}; choose another folder (-o)")
        return
    if not target.is_dir() or target.is_symlink():
        raise UsageError(f"{target.name} exists and is not a folder of results; choose another folder (-o)")
    inside = {entry.name for entry in target.iterdir()}
    if not inside:
        return
    if not overwrite:
        raise UsageError(
            f"{target.name} exists; give --overwrite to replace the result in it, or choose another folder (-o)"
        )
    if not inside & set(own_names):
        raise UsageError(
            f"{target.name} holds files but no earlier result; it is left alone: choose another folder (-o)"
        )


def _swap(stage: Path, target: Path, own_names: Collection[str]) -> None:
    """Put the new folder in the place of the old one, and keep what others had put there."""
    if not target.exists():
        stage.rename(target)
        return
    retired = stage.with_name(stage.name.replace(".partial-", ".replaced-"))
    target.rename(retired)
    try:
        stage.rename(target)
    except OSError:
        retired.rename(target)
        raise
    _keep_others(retired, target, own_names)


def _keep_others(retired: Path, target: Path, own_names: Collection[str]) -> None:
    """Move what others had put into an older result over to the new one, and take the rest away."""
    for entry in retired.iterdir():
        if entry.name not in own_names and not os.path.lexists(target / entry.name):
            entry.rename(target / entry.name)
    shutil.rmtree(retired, ignore_errors=True)


def _bring_back(target: Path, own_names: Collection[str]) -> None:
    """Undo, or end, what a run of this machine was killed at while two folders changed places."""
    found: list[Path] = []
    with contextlib.suppress(OSError):  # a parent that cannot be looked into is refused elsewhere, for what it is
        found = _left(target.parent, f".{target.name}.replaced-{socket.gethostname()}-")
    try:
        for retired in found:
            if not os.path.lexists(target):
                retired.rename(target)
            elif target.is_dir() and not target.is_symlink():
                _keep_others(retired, target, own_names)
    except OSError as error:
        raise OutputError(
            f"an older result of {target.name} was put aside by a run that was killed, and cannot be brought back: "
            f"{_reason(error)}; choose another folder (-o)"
        ) from error


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder that only this user may read, and that goes: if the run is killed, when one is made again.

    Yields
    ------
    Path
        In the system's folder for such.
    """
    prefix = f"cement-planner-{socket.gethostname()}-"
    # Other folders of this very run are in use.
    for left in _left(Path(tempfile.gettempdir()), prefix, but=f"{prefix}{os.getpid()}-"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{prefix}{os.getpid()}-") as folder:
        yield Path(folder)


def _left(parent: Path, prefix: str, *, but: str | None = None) -> list[Path]:
    """Give this user's folders whose run, told by its number after the prefix, is no more, or had our own number."""
    found = []
    for entry in sorted(parent.iterdir()) if parent.is_dir() else ():
        number = entry.name.removeprefix(prefix).partition("-")[0]
        if not entry.name.startswith(prefix) or not number.isdigit() or _alive(int(number)):
            continue
        if but is not None and entry.name.startswith(but):
            continue
        told = entry.lstat()
        if stat.S_ISDIR(told.st_mode) and (not hasattr(os, "getuid") or told.st_uid == os.getuid()):
            found.append(entry)
    return found


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return process != os.getpid()


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back for the moment in which two folders change places."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _reason(error: OSError) -> str:
    return (error.strerror or "the system refused").lower()
