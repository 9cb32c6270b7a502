"""Progress and cancelling."""

import pytest

from planner.errors import CancelledError
from planner.progress import SILENT, Follower, Progress, track


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


class Stopped:
    """A monitor that reports to nobody, and says when to stop."""

    def __init__(self) -> None:
        self.told: list[Progress] = []
        self.stop = False

    def report(self, progress: Progress) -> None:
        self.told.append(progress)

    def cancelled(self) -> bool:
        return self.stop


def test_work_beside_is_stopped_with_the_work_it_follows_and_reports_nothing() -> None:
    monitor = Stopped()
    with Follower(monitor) as follower:
        assert list(track("ab", stage="beside", monitor=follower)) == ["a", "b"] and not monitor.told
        monitor.stop = True
        with pytest.raises(CancelledError):
            list(track("ab", stage="beside", monitor=follower))
    monitor.stop = False
    assert not follower.cancelled(), "left without an error, it goes on"


def test_work_beside_is_stopped_where_the_other_fails() -> None:
    def fail(follower: Follower) -> None:
        with follower:
            raise OSError("the disk is full")

    follower = Follower(Stopped())
    with pytest.raises(OSError, match="full"):
        fail(follower)
    assert follower.cancelled()
