"""How long work reports where it is and learns that it should stop.

One object feeds the command line's progress bar and the Qt worker alike.
"""

from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, TypeVar

from planner.errors import CancelledError

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a stage is.

    Parameters
    ----------
    stage : str
        The stage's name, in words for the user ("reading slices").
    done : int
        Units finished so far.
    total : int or None
        Units in all; None where that is not known.
    """

    stage: str
    done: int = 0
    total: int | None = None


class Monitor(Protocol):
    """Whoever wants to follow, or stop, long work."""

    def report(self, progress: Progress) -> None:
        """Take note of where the work is."""

    def cancelled(self) -> bool:
        """Say whether the work should stop."""


class _Silent:
    """A monitor that shows nothing and never stops the work."""

    def report(self, progress: Progress) -> None:
        """Ignore the progress."""

    def cancelled(self) -> bool:
        """Let the work go on."""
        return False


SILENT: Monitor = _Silent()


class Follower:
    """What work in another thread follows: it is stopped with the work beside it, and reports nothing of its own.

    A context: left by an error, whatever still follows it is stopped.

    Parameters
    ----------
    monitor : Monitor
        Who follows the work beside it, and may stop both.
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._stopped = False

    def report(self, progress: Progress) -> None:
        """Ignore the progress: a bar shows one stage at a time, and a window is painted by one thread."""

    def cancelled(self) -> bool:
        """Say whether the work should stop, or that beside it has failed."""
        return self._stopped or self._monitor.cancelled()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped = kind is not None


def check_cancelled(monitor: Monitor) -> None:
    """Stop here if the monitor asks for it.

    Parameters
    ----------
    monitor : Monitor
        Who is following the work.

    Raises
    ------
    CancelledError
        If the monitor says that the work should stop.
    """
    if monitor.cancelled():
        raise CancelledError("stopped by the user; nothing was written")


def track(items: Iterable[_Item], *, stage: str, monitor: Monitor, total: int | None = None) -> Iterator[_Item]:
    """Yield the items one by one, reporting progress and stopping when asked to.

    Parameters
    ----------
    items : Iterable
        What is worked on.
    stage : str
        The stage's name, in words for the user.
    monitor : Monitor
        Who is following the work.
    total : int or None
        How many items there are; taken from ``len(items)`` where that exists.

    Yields
    ------
    object
        Each item in turn.

    Raises
    ------
    CancelledError
        If the monitor says that the work should stop.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    monitor.report(Progress(stage, 0, total))
    for done, item in enumerate(items, start=1):
        check_cancelled(monitor)
        yield item
        monitor.report(Progress(stage, done, total))
