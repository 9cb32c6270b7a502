"""Output folders that appear whole or not at all."""

import contextlib
import os
import shutil
import signal
import socket
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
        _sweep(target.parent, prefix)
        stage.mkdir()
    except OSError as error:
        raise OutputError(f"cannot write beside {target.name}: {_reason(error)}; choose another -o") from error
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
    if not os.path.lexists(target):
        parent = next(p for p in target.absolute().parents if p.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            reason = "permission denied" if parent.is_dir() else "it is a file"
            raise OutputError(f"cannot write in {parent.name or parent}: {reason}; choose another -o")
        return
    if not target.is_dir() or target.is_symlink():
        raise UsageError(f"{target.name} exists and is not a folder of results; choose another -o")
    inside = {entry.name for entry in target.iterdir()}
    if not inside:
        return
    if not overwrite:
        raise UsageError(f"{target.name} exists; give --overwrite to replace the result in it, or choose another -o")
    if not inside & set(own_names):
        raise UsageError(f"{target.name} holds files but no earlier result; it is left alone: choose another -o")


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
    for entry in retired.iterdir():
        if entry.name not in own_names and not (target / entry.name).exists():
            entry.rename(target / entry.name)
    shutil.rmtree(retired, ignore_errors=True)


def _sweep(parent: Path, prefix: str) -> None:
    """Take away what a killed run of this machine left."""
    for left in parent.glob(f"{prefix}*"):
        number = left.name.removeprefix(prefix)
        if number.isdigit() and not _alive(int(number)):
            shutil.rmtree(left, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
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
