"""Long work in a thread of its own: a `Monitor` that speaks in Qt signals."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from napari.qt.threading import WorkerBase, WorkerBaseSignals
from qtpy.QtCore import Signal

from planner.progress import Monitor, Progress

_Result = TypeVar("_Result")
_TELL_EVERY_S = 0.05
"""Between two words on one stage: the planner reports far more often than an eye follows or Qt's queue likes."""

LONGEST_WAIT_S = 20.0
"""For one that a closing window waits for, and that does not look at its monitor. Ours."""


class WorkSignals(WorkerBaseSignals):
    """What a run tells: every signal carries the run's number, so that a stale one can be told."""

    progressed = Signal(int, object)
    """Run, `Progress`."""
    done = Signal(int, object)
    """Run, result."""
    failed = Signal(int, object)
    """Run, exception; a `CancelledError` where it was stopped."""


class Work(WorkerBase, Generic[_Result]):
    """One run of a function that takes a monitor.

    Parameters
    ----------
    run : int
        The run's number.
    function : callable
        Takes a `Monitor`, gives the result.

    Notes
    -----
    Connect the signals, then `start`. `quit` asks the function to stop at its next look at the monitor.
    """

    def __init__(self, run: int, function: Callable[[Monitor], _Result]) -> None:
        super().__init__(SignalsClass=WorkSignals)
        self._number = run
        self._function = function
        self._stage: str | None = None
        self._told_at_s = 0.0
        self._over = threading.Event()

    def report(self, progress: Progress) -> None:
        """Pass progress on to the GUI's thread."""
        now_s = time.monotonic()
        if progress.stage == self._stage and now_s - self._told_at_s < _TELL_EVERY_S:
            return
        self._stage, self._told_at_s = progress.stage, now_s
        self.signals.progressed.emit(self._number, progress)

    def cancelled(self) -> bool:
        """Say whether `quit` was called."""
        return bool(self.abort_requested)

    def wait(self, longest_s: float) -> bool:
        """Wait until the function has ended, and say whether it has; for a window that closes."""
        return self._over.wait(longest_s)

    def work(self) -> None:
        """Run the function; called by Qt in the worker's thread."""
        try:
            result = self._function(self)
        except Exception as error:  # told to the user in the GUI's thread
            self.signals.failed.emit(self._number, error)
        else:
            self.signals.done.emit(self._number, result)
        finally:
            self._over.set()
