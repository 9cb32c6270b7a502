"""Where the station keeps what it must remember between two sittings, on this machine and for this user only."""

from pathlib import Path

from platformdirs import user_state_path

from planner.errors import OutputError

_NAME = "cement-planner"


def state_folder() -> Path:
    """Say where the user's own state lies; as the platform wants it, and not made yet.

    Returns
    -------
    Path
        ``~/.local/state`` on Linux (or ``XDG_STATE_HOME``), Application Support on macOS, AppData on Windows.
    """
    return user_state_path(_NAME, appauthor=False)


def made(folder: Path) -> Path:
    """Make a folder for state; each level that is not there yet is readable by this user alone.

    Parameters
    ----------
    folder : Path
        The folder; its parents are made too.

    Returns
    -------
    Path
        The same.

    Raises
    ------
    OutputError
        If it cannot be made.
    """
    try:
        # Given a mode, mkdir makes only the last level with it: its parents would be readable by all.
        for level in (*reversed(folder.parents), folder):
            if not level.exists():
                level.mkdir(exist_ok=True, mode=0o700)
        folder.mkdir(exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise OutputError(f"the folder {folder.name} for unsaved work cannot be made: {reason}") from error
    return folder
