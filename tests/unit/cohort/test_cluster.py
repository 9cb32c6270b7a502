"""How many workers a machine bears, and which cluster is fit."""

import math

import psutil
import pytest

from planner import __version__
from planner.cohort import cluster
from planner.cohort.cluster import usual_workers
from planner.config.cohort_config import CohortConfig
from planner.errors import ClusterError, UsageError

CONFIG = CohortConfig()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four cores; 16 GiB, of which 10 are free."""
    memory = psutil.virtual_memory()._replace(total=16 << 30, available=10 << 30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(cluster, "MEMORY_LIMIT", 16 << 30)
    monkeypatch.setattr(cluster.os, "sched_getaffinity", lambda process: {0, 1, 2, 3}, raising=False)


@pytest.mark.parametrize(
    ("count", "memory_gib", "expected"),
    [
        (None, None, (3, 3.0, 1)),  # nine tenths of 10 GiB bear three of 3 GiB
        (1, None, (1, 9.0, 4)),
        (2, None, (2, 4.5, 2)),
        (4, None, (4, 2.25, 1)),
        (None, 4.0, (2, 4.0, 2)),
        (2, 7.5, (2, 7.5, 2)),  # more than is free, but not more than there is: the user's own choice
    ],
)
def test_cores_and_memory_are_shared_out(machine: None, count, memory_gib, expected) -> None:
    found = usual_workers(CONFIG, count=count, memory_gib=memory_gib)
    assert (found.count, round(found.memory_gib, 6), found.threads) == expected


def test_what_the_machine_does_not_bear_is_refused(machine: None) -> None:
    memories = ((1, 0.9), (1, 0.0), (1, -2.0), (1, math.nan), (3, 7.5), (1, math.inf))
    for count, memory_gib in ((5, None), (500, None), (0, None), (-1, None), *memories):
        with pytest.raises(UsageError):
            usual_workers(CONFIG, count=count, memory_gib=memory_gib)


@pytest.mark.parametrize("address", ["tcp://host:8786", "tls://10.0.0.1:8786", "host:8786", "tcp://[::1]:8786"])
def test_a_schedulers_address_is_taken(address: str) -> None:
    cluster.require_address(address)


@pytest.mark.parametrize("address", ["", "host", "http://host:80", "tcp://host", "tcp://a b:1", "tcp://host:8786/x"])
def test_what_is_no_schedulers_address_is_refused_at_once(address: str) -> None:
    with pytest.raises(UsageError, match="tcp://host:8786"):
        cluster.require_address(address)


class Answering:
    """A client whose workers answer so."""

    def __init__(self, *, threads: int = 1, **answers: tuple[str | None, str | None]) -> None:
        self.answers, self.threads = answers, threads

    def nthreads(self) -> dict[str, int]:
        return dict.fromkeys(self.answers, 1) | {next(iter(self.answers)): self.threads}

    def run(self, question: object) -> dict[str, tuple[str | None, str | None]]:
        return self.answers


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (("0.0.1", None), "has version 0.0.1 of the program"),
        ((None, None), "does not have the program"),
        ((__version__, "/data/out"), "does not see out;"),
    ],
)
def test_one_worker_that_does_not_fit_is_enough_to_refuse(answer, said: str) -> None:
    cluster._require_fit(Answering(first=(__version__, None)), ())
    with pytest.raises(ClusterError, match=said):
        cluster._require_fit(Answering(first=(__version__, None), second=answer), ())


def test_workers_that_would_plan_two_studies_in_one_process_are_refused() -> None:
    with pytest.raises(ClusterError, match="--nthreads 1"):
        cluster._require_fit(Answering(threads=2, first=(__version__, None)), ())


def test_a_worker_tells_its_version_and_what_it_does_not_see(tmp_path) -> None:
    assert cluster._questions((str(tmp_path),))() == (__version__, None)
    assert cluster._questions((str(tmp_path), str(tmp_path / "gone")))() == (__version__, str(tmp_path / "gone"))
