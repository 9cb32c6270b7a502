"""The progress bar on stderr."""

import sys
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm

from planner.progress import Progress


class TerminalMonitor:
    """Show each stage as a bar on stderr, where somebody is watching; stay silent in a pipe or a log."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._stage: str | None = None
        self._watched = sys.stderr.isatty()

    def report(self, progress: Progress) -> None:
        """Move the bar, or begin a new one for a new stage."""
        if not self._watched:
            return
        if progress.stage != self._stage:
            self.close()
            self._stage = progress.stage
            self._bar = tqdm(desc=progress.stage, total=progress.total, file=sys.stderr, leave=False, delay=0.2)
        if self._bar is not None:
            self._bar.total = progress.total
            self._bar.update(progress.done - self._bar.n)

    def cancelled(self) -> bool:
        """Let the work go on: Ctrl-C stops it by an exception."""
        return False

    def aside(self, line: str) -> None:
        """Print a line on stdout, past the bar where one is shown.

        Parameters
        ----------
        line : str
            Without its end.
        """
        with tqdm.external_write_mode(file=sys.stdout):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    def close(self) -> None:
        """Take the bar off the screen."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
