"""Long work of one viewer in the background, of which at most one run counts."""

import time
import weakref
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_cement._work import Work
from planner.errors import CancelledError, PlannerError
from planner.progress import Monitor, Progress

_LONGEST_WAIT_S = 20.0
"""For a run that is stopped when the window closes; ours: the longest step between two looks at the monitor takes
less. Beyond it Python waits at its own end."""


class Runs(QObject):
    """Runs one thing that counts; a newer one makes the older stale."""

    progressed = Signal(object)
    """`Progress` of the run that counts."""
    running = Signal(bool)
    """A run began (True), or the run that counts ended (False)."""
    failed = Signal(str)
    """In the user's words."""
    stopped = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._run = 0
        self._work: Work[Any] | None = None
        self._take: Callable[[Any], None] = lambda result: None
        self._begun: weakref.WeakSet[Work[Any]] = weakref.WeakSet()

    @property
    def is_running(self) -> bool:
        """Whether a run that counts is under way."""
        return self._work is not None

    def cancel(self) -> None:
        """Stop the run that counts: its result is dropped even where it comes too late to be stopped."""
        if self._work is None:
            return
        self._work.quit()
        self._end()
        self.stopped.emit()

    def run(self, function: Callable[[Monitor], Any], take: Callable[[Any], None]) -> None:
        """Do long work in the background; what was under way is stopped, and its result dropped.

        Parameters
        ----------
        function : callable
            Takes a `Monitor`, gives the result; called in a thread of its own.
        take : callable
            Takes the result in the GUI's thread; not called for a run that was stopped, failed or became stale.
        """
        if self._work is not None:
            self._work.quit()
        self._run += 1
        self._take = take
        work: Work[Any] = Work(self._run, function)
        work.signals.progressed.connect(self._on_progressed)
        work.signals.done.connect(self._on_done)
        work.signals.failed.connect(self._on_failed)
        self._work = work
        self._begun.add(work)
        self.running.emit(True)
        work.start()

    def shut_down(self) -> None:
        """Stop what runs and wait until it has: the window closes."""
        self.cancel()
        until_s = time.monotonic() + _LONGEST_WAIT_S
        for work in list(self._begun):
            work.wait(max(0.0, until_s - time.monotonic()))

    def _end(self) -> None:
        self._work = None
        self._run += 1
        self.running.emit(False)

    def _on_progressed(self, run: int, progress: Progress) -> None:
        if run == self._run:
            self.progressed.emit(progress)

    def _on_done(self, run: int, result: Any) -> None:
        if run != self._run:
            return
        take = self._take
        self._end()
        try:
            take(result)
        except PlannerError as error:
            self.failed.emit(str(error))

    def _on_failed(self, run: int, error: Exception) -> None:
        if run != self._run:
            return
        self._end()
        if isinstance(error, CancelledError):
            self.stopped.emit()
        elif isinstance(error, PlannerError):
            self.failed.emit(str(error))
        else:
            self.failed.emit(f"a fault of the program stopped the run ({type(error).__name__}); nothing was changed")
            raise error  # napari shows its traceback to whoever wants to report it
