"""Short work in the background of which only the newest counts: pictures of a C-arm that is being turned."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_cement._work import LONGEST_WAIT_S, Work
from planner.errors import CancelledError, PlannerError
from planner.progress import Monitor


class LatestWins(QObject):
    """Runs one thing at a time, in a thread of its own; what was asked for meanwhile and is asked for anew is dropped.

    Notes
    -----
    Results come in the order of the runs, so that an older one never takes the place of a newer. What runs is let run
    to its end, or nothing would be seen while one turns on and on; unless it was asked to yield to what is newer.
    """

    failed = Signal(str)
    """What went wrong, in the user's words."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: dict[str, tuple[Callable[[Monitor], Any], Callable[[Any], None], bool]] = {}
        self._work: Work[Any] | None = None
        self._take: Callable[[Any], None] | None = None
        self._running: tuple[str, bool] = ("", False)
        self._run = 0
        self._is_over = False

    @property
    def is_running(self) -> bool:
        """Whether anything that counts is under way or waits."""
        return self._work is not None or bool(self._waiting)

    def ask(
        self, what: str, function: Callable[[Monitor], Any], take: Callable[[Any], None], *, yields: bool = False
    ) -> None:
        """Ask for something.

        Parameters
        ----------
        what : str
            What it is: of two that wait the newer one is done.
        function : callable
            Takes a `Monitor`, gives the result; called in another thread, never two at a time.
        take : callable
            Takes the result in the GUI's thread; not called for what was dropped, failed or stopped.
        yields : bool
            Whether it is stopped when the same is asked for anew: a slow picture, while the C-arm turns on.
        """
        self._waiting[what] = function, take, yields
        if self._work is not None and self._running == (what, True):
            self._work.quit()
        self._start_next()

    def drop(self) -> None:
        """Stop what runs and forget what waits: no result of it is taken."""
        self._waiting.clear()
        if self._work is not None:
            self._work.quit()
        self._take = None

    def shut_down(self) -> None:
        """Begin nothing more, and wait for what runs: the window closes."""
        self._is_over = True
        self.drop()
        if self._work is not None:
            self._work.wait(LONGEST_WAIT_S)

    def _start_next(self) -> None:
        # Also after `drop` one waits for the end of what runs: the function may keep what it made last.
        if self._is_over or self._work is not None or not self._waiting:
            return
        what = next(iter(self._waiting))
        function, self._take, yields = self._waiting.pop(what)
        self._running = what, yields
        self._run += 1
        self._work = Work(self._run, function)
        self._work.signals.done.connect(self._on_done)
        self._work.signals.failed.connect(self._on_failed)
        self._work.start()

    def _on_done(self, run: int, result: Any) -> None:
        take = self._take
        self._work = self._take = None
        if take is not None:
            take(result)
        self._start_next()

    def _on_failed(self, run: int, error: Exception) -> None:
        counts = self._take is not None
        self._work = self._take = None
        self._start_next()
        if not counts or isinstance(error, CancelledError):
            return
        if isinstance(error, PlannerError):
            self.failed.emit(str(error))
            return
        self.failed.emit(f"a fault of the program ({type(error).__name__})")
        raise error  # napari shows its traceback to whoever wants to report it
