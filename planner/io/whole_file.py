"""Files that appear whole or not at all."""

import os
import tempfile
from pathlib import Path

from planner.errors import OutputError


def write_whole(content: bytes, path: Path | str) -> None:
    """Write a file beside its place and move it there.

    Parameters
    ----------
    content : bytes
        All of the file.
    path : Path or str
        Where it shall be; its folder exists.

    Raises
    ------
    OutputError
        If it cannot be written; an older file is then still there as it was.
    """
    path = Path(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.absolute().parent)
        beside = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            umask = os.umask(0)
            os.umask(umask)
            beside.chmod(0o666 & ~umask)
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise OutputError(f"{path.name} cannot be written: {reason}; choose another place") from error
