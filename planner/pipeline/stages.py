"""The clock of a run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from planner.progress import Monitor, Progress, check_cancelled


@dataclass(slots=True)
class Stages:
    """Report each stage of a run, stop between two when asked to, and keep what each took, in seconds."""

    monitor: Monitor
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, words: str) -> Iterator[None]:
        """Run one stage.

        Parameters
        ----------
        name : str
            Key in the plan's timings.
        words : str
            What the user reads while it runs.

        Yields
        ------
        None

        Raises
        ------
        CancelledError
            If the monitor stops the work before the stage begins.
        """
        check_cancelled(self.monitor)
        self.monitor.report(Progress(words))
        started = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    def timings_s(self) -> dict[str, float]:
        """Give the seconds of each stage, and their total."""
        return {**self.seconds, "total": sum(self.seconds.values())}
