"""Work of which only the newest counts."""

import threading

import pytest
from napari.qt.threading import WorkerBase

from napari_cement._latest import LatestWins
from planner.errors import InputError
from planner.progress import check_cancelled

PATIENCE_MS = 60_000


@pytest.fixture
def latest(qapp):
    one = LatestWins()
    yield one
    one.drop()
    WorkerBase.await_workers(PATIENCE_MS)


class Job:
    """Waits for its gate, looking at the monitor meanwhile."""

    def __init__(self, result):
        self.result, self.gate, self.begun = result, threading.Event(), threading.Event()
        self.was_stopped = False

    def __call__(self, monitor):
        self.begun.set()
        while not self.gate.wait(0.01):
            if monitor.cancelled():
                self.was_stopped = True
                check_cancelled(monitor)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def test_of_what_waits_the_newest_is_done_and_what_runs_is_shown_before(qtbot, latest):
    taken, jobs = [], [Job(n) for n in range(4)]
    for job in jobs:
        latest.ask("picture", job, taken.append)
    assert jobs[0].begun.wait(10)
    for job in jobs:
        job.gate.set()
    qtbot.waitUntil(lambda: not latest.is_running, timeout=PATIENCE_MS)
    assert taken == [0, 3]
    assert not jobs[1].begun.is_set()


def test_different_things_wait_for_each_other(qtbot, latest):
    taken, jobs = [], [Job(n) for n in range(3)]
    for what, job in zip("aba", jobs, strict=True):
        job.gate.set()
        latest.ask(what, job, taken.append)
    qtbot.waitUntil(lambda: not latest.is_running, timeout=PATIENCE_MS)
    assert sorted(taken) == [0, 1, 2]


def test_a_slow_one_yields_to_the_newer(qtbot, latest):
    taken, slow, newer = [], Job("slow"), Job("newer")
    latest.ask("picture", slow, taken.append, yields=True)
    assert slow.begun.wait(10)
    newer.gate.set()
    latest.ask("picture", newer, taken.append)
    qtbot.waitUntil(lambda: not latest.is_running, timeout=PATIENCE_MS)
    assert slow.was_stopped
    assert taken == ["newer"]


def test_what_was_dropped_is_not_taken(qtbot, latest):
    taken, job = [], Job("stale")
    latest.ask("picture", job, taken.append)
    assert job.begun.wait(10)
    latest.drop()
    after = Job("after")
    after.gate.set()
    latest.ask("picture", after, taken.append)
    qtbot.waitUntil(lambda: not latest.is_running, timeout=PATIENCE_MS)
    assert taken == ["after"]


def test_a_planners_error_is_told_in_words(qtbot, latest):
    said, taken, job = [], [], Job(InputError("this is no CT"))
    latest.failed.connect(said.append)
    job.gate.set()
    latest.ask("picture", job, taken.append)
    qtbot.waitUntil(lambda: not latest.is_running, timeout=PATIENCE_MS)
    assert (said, taken) == (["this is no CT"], [])


def test_a_window_that_closes_waits_for_what_runs_and_begins_no_more(qtbot, latest):
    taken, jobs = [], [Job(n) for n in range(3)]
    latest.ask("picture", jobs[0], taken.append)
    latest.ask("another", jobs[1], taken.append)
    assert jobs[0].begun.wait(10)
    work = latest._work
    latest.shut_down()
    assert work.wait(0.0) and jobs[0].was_stopped, "it has ended"
    latest.ask("picture", jobs[2], taken.append)
    qtbot.wait(50)
    assert taken == [] and not jobs[1].begun.is_set() and not jobs[2].begun.is_set()
