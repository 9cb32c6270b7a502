"""Where a pull keeps what is not whole yet: beside its folder, for this user alone, and for one pull at a time."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from planner.errors import OutputError, UsageError

if sys.platform != "win32":
    import fcntl


@contextmanager
def stage_beside(folder: Path) -> Iterator[Path]:
    """Make a hidden folder beside another, or take up what an earlier pull left in it.

    Parameters
    ----------
    folder : Path
        Where whole series shall go.

    Yields
    ------
    Path
        "." and the folder's name and ".pulling"; it goes when it is empty.

    Raises
    ------
    UsageError
        If another pull works there, or it is somebody else's: its name can be guessed, and what lies in it is taken
        for what was fetched.
    OutputError
        If it cannot be made.
    """
    stage = folder.parent / f".{folder.name}.pulling"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        held = _held(stage, folder)
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise OutputError(f"{folder.name} cannot be written: {reason}; choose another folder (-o)") from error
    try:
        yield stage
    finally:
        with suppress(OSError):  # something is left in it
            stage.rmdir()
        if held is not None:
            os.close(held)


def _held(stage: Path, folder: Path) -> int | None:
    """Open and lock the stage; the lock goes with the process, however that ends."""
    while True:
        with suppress(FileExistsError):
            stage.mkdir(mode=0o700)
        if sys.platform == "win32":
            _require_own(os.lstat(stage), stage)
            return None
        _require_own(os.lstat(stage), stage)
        opened = os.open(stage, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            _require_own(os.fstat(opened), stage)
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.fchmod(opened, 0o700)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(opened), os.lstat(stage)):
                    return opened
        except BlockingIOError:
            os.close(opened)
            raise UsageError(
                f"another pull is writing into {folder.name}; wait until it is done, or choose another folder (-o)"
            ) from None
        except BaseException:
            os.close(opened)
            raise
        os.close(opened)  # the other pull ended just then, and took its folder along


def _require_own(told: os.stat_result, stage: Path) -> None:
    ours = not hasattr(os, "getuid") or told.st_uid == os.getuid()
    if not stat.S_ISDIR(told.st_mode) or not ours:
        raise UsageError(f"{stage.name} is not a folder of yours, and nothing is fetched into it; take it away")
