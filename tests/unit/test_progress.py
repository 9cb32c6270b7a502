"""Progress and cancelling."""

import pytest

from planner.errors import CancelledError
from planner.progress import SILENT, Progress, track


class _Recorder:
    def __init__(self, stop_after: int) -> None:
        self.seen: list[Progress] = []
        self._stop_after = stop_after

    def report(self, progress: Progress) -> None:
        self.seen.append(progress)

    def cancelled(self) -> bool:
        return len(self.seen) > self._stop_after


def test_every_item_is_reported() -> None:
    recorder = _Recorder(stop_after=99)
    assert list(track("abc", stage="letters", monitor=recorder)) == ["a", "b", "c"]
    assert [p.done for p in recorder.seen] == [0, 1, 2, 3]
    assert {p.total for p in recorder.seen} == {3}


def test_a_monitor_stops_the_work() -> None:
    done = []
    with pytest.raises(CancelledError):
        for item in track(range(10), stage="numbers", monitor=_Recorder(stop_after=3)):
            done.append(item)
    assert done == [0, 1, 2]


def test_the_silent_monitor_never_stops() -> None:
    assert list(track(iter(range(3)), stage="numbers", monitor=SILENT)) == [0, 1, 2]
