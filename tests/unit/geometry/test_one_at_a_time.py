"""Two threads that loop on several cores at once, on each of numba's threading layers."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numba
import pytest

from planner.geometry import one_at_a_time as module
from planner.geometry.one_at_a_time import one_at_a_time

ROOT = Path(__file__).parents[3]
TWO_THREADS = """
import threading
import numba
import numpy as np
from planner.geometry.one_at_a_time import one_at_a_time

def loop(values):
    for n in numba.prange(len(values)):
        for k in range(2000):
            values[n] += np.sqrt(values[n] + k)

kernel = numba.njit(parallel=True, nogil=True)(loop)
kernel(np.ones(8))
GUARD
def run():
    for _ in range(30):
        kernel(np.ones(2000))
threads = [threading.Thread(target=run) for _ in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print("whole", numba.threading_layer())
"""


def ran(guard):
    environment = os.environ | {"NUMBA_THREADING_LAYER": "workqueue", "PYTHONPATH": str(ROOT)}
    code = TWO_THREADS.replace("GUARD", guard)
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.skipif(os.cpu_count() == 1, reason="one thread is never in another's way")
def test_threads_that_cannot_be_shared_take_turns():
    done = ran("kernel = one_at_a_time(kernel)")
    assert (done.returncode, done.stdout.strip()) == (0, "whole workqueue"), done.stderr
    assert ran("").returncode != 0, "numba's plainest threads take several callers now: the lock is needed no more"


def _waits(monkeypatch, layer):
    """Say whether a loop waits for one that another thread is in."""

    def known():
        if layer is None:
            raise ValueError("Threading layer is not initialized.")
        return layer

    monkeypatch.setattr(numba, "threading_layer", known)
    inside, go_on, done = threading.Event(), threading.Event(), threading.Event()
    first = one_at_a_time(lambda: (inside.set(), go_on.wait(10.0)))
    second = one_at_a_time(done.set)
    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert inside.wait(10.0)
    threads[1].start()
    waits = not done.wait(0.2)
    go_on.set()
    for thread in threads:
        thread.join(10.0)
    assert done.is_set()
    return waits


@pytest.mark.parametrize(("layer", "waits"), [("workqueue", True), (None, True), ("omp", False), ("tbb", False)])
def test_it_waits_only_where_it_has_to(monkeypatch, layer, waits):
    assert _waits(monkeypatch, layer) is waits


def test_the_result_is_handed_on():
    assert one_at_a_time(lambda one, *, other: one + other)(1, other=2) == 3
    assert module._turn.acquire(blocking=False)
    module._turn.release()
