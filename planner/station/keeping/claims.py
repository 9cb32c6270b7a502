"""Claims on files between windows and programs: the system itself ends them with the program, however it ends."""

import contextlib
import errno
import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _unlock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)


_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK)


class Claims:
    """What one window holds: a locked file beside each file that is claimed.

    Notes
    -----
    The lock is the system's. A number of the program in the file would be given to another program some day, and what a
    crash left would be taken for what somebody works on. Where the place knows no locks nothing is held, and nobody is
    refused.
    """

    def __init__(self) -> None:
        self._held: dict[Path, int] = {}

    def holds(self, file: Path) -> bool:
        """Say whether this window holds the claim on a file."""
        return _beside(file) in self._held

    def take(self, file: Path) -> bool:
        """Claim a file, which need not be there; its folder is.

        Parameters
        ----------
        file : Path
            The file.

        Returns
        -------
        bool
            False where another window holds it.
        """
        beside = _beside(file)
        while beside not in self._held:
            try:
                handle = os.open(beside, os.O_RDWR | os.O_CREAT, 0o600)
            except OSError:
                return True
            try:
                _lock(handle)
            except OSError as error:
                os.close(handle)
                return error.errno not in _TAKEN
            if _is_at(handle, beside):
                self._held[beside] = handle
            else:
                os.close(handle)  # who held it took it away meanwhile
        return True

    def let_go(self, file: Path) -> None:
        """Give a claim back; nothing where it is not held."""
        beside = _beside(file)
        handle = self._held.pop(beside, None)
        if handle is None:
            return
        # Away before it is free, or another window would hold what is not there any more.
        with contextlib.suppress(OSError):
            beside.unlink()
        with contextlib.suppress(OSError):
            _unlock(handle)
        os.close(handle)
        if sys.platform == "win32":  # which takes no open file away
            with contextlib.suppress(OSError):
                beside.unlink()

    def let_all_go(self) -> None:
        """Give all claims back."""
        for beside in tuple(self._held):
            self.let_go(beside)


def _beside(file: Path) -> Path:
    return file.with_suffix(".lock")


def _is_at(handle: int, file: Path) -> bool:
    try:
        there = file.stat()
    except OSError:
        return False
    return os.path.samestat(os.fstat(handle), there)
