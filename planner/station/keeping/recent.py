"""The cases that were opened last: where they lie and what they are, nothing of the patient beyond the path."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from planner.errors import OutputError
from planner.io.whole_file import write_whole
from planner.model.record import Record
from planner.station.keeping.state_folder import made, state_folder

RecentKind = Literal["ct", "plan"]
MOST_RECENT: Final = 12
"""So many are kept. Ours: what a menu shows without scrolling."""
_FILE = "recent.json"


class RecentCase(Record):
    """A CT or a plan's folder that was opened."""

    path: str
    """Absolute; as the user gave it."""
    kind: RecentKind
    series: str | None
    """The CT's series as ``--series`` takes it (its UID, "#2" for a second stack); of a plan that of its CT. None where
    the file tells none."""
    opened: datetime
    """With its time zone."""

    @property
    def is_there(self) -> bool:
        """Whether something still lies at its place; False too where the place cannot be looked at."""
        try:
            return Path(self.path).exists()
        except OSError:
            return False


class _Recents(Record):
    cases: tuple[RecentCase, ...] = Field(default=())


class RecentCases:
    """The list on disk. Every look reads it anew: two windows may be open.

    Parameters
    ----------
    folder : Path or None
        Where the list lies; None for the user's own state folder.
    now : callable
        Gives the time, with its time zone.
    """

    def __init__(
        self, folder: Path | None = None, *, now: Callable[[], datetime] = lambda: datetime.now().astimezone()
    ) -> None:
        self._folder = folder
        self._now = now

    @property
    def file(self) -> Path:
        """The list's file; it need not be there."""
        return (self._folder or state_folder()) / _FILE

    def cases(self) -> tuple[RecentCase, ...]:
        """Give the cases, the last opened first; none where the list is not there or was damaged.

        Returns
        -------
        tuple of RecentCase
            At most `MOST_RECENT`.
        """
        try:
            return _Recents.model_validate_json(self.file.read_bytes()).cases[:MOST_RECENT]
        except (OSError, ValidationError):
            # A list of convenience: a damaged one is begun anew.
            return ()

    def remember(self, path: Path, kind: RecentKind, *, series: str | None) -> None:
        """Put a case at the top of the list.

        Parameters
        ----------
        path : Path
            Where it lies.
        kind : str
            What it is.
        series : str or None
            Its CT's series.

        Raises
        ------
        OutputError
            If the list cannot be written.
        """
        case = RecentCase(path=str(path.absolute()), kind=kind, series=series, opened=self._now())
        # Two series of one folder are two cases.
        others = [one for one in self.cases() if (one.path, one.series) != (case.path, case.series)]
        self._write((case, *others)[:MOST_RECENT])

    def clear(self) -> None:
        """Empty the list; where there is none, there is nothing to forget.

        Raises
        ------
        OutputError
            If it cannot be taken away.
        """
        try:
            self.file.unlink(missing_ok=True)
        except OSError as error:
            reason = (error.strerror or "the system refused").lower()
            raise OutputError(f"the list of recent cases cannot be cleared: {reason}") from error

    def places_of(self, series: str | None) -> tuple[Path, ...]:
        """Say where CTs of a series were opened from, and something still lies there; the latest first.

        Parameters
        ----------
        series : str or None
            As `RecentCase.series`; of None nothing is known.

        Returns
        -------
        tuple of Path
        """
        if series is None:
            return ()
        return tuple(
            Path(one.path) for one in self.cases() if one.kind == "ct" and one.series == series and one.is_there
        )

    def _write(self, cases: tuple[RecentCase, ...]) -> None:
        text = json.dumps(_Recents(cases=cases).model_dump(mode="json"), indent=1)
        write_whole(text.encode(), made(self.file.parent) / _FILE)
