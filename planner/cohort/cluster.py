"""Where studies are planned: workers of this machine, or a Dask cluster that is there already."""

import contextlib
import logging
import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dask
import psutil
from distributed import Client, LocalCluster, WorkerPlugin
from distributed.system import MEMORY_LIMIT

from planner import __version__
from planner.config.cohort_config import CohortConfig
from planner.errors import ClusterError, UsageError
from planner.io.staging import temporary_folder

_GIB = float(1 << 30)
_ADDRESS = re.compile(r"(?:(?:tcp|tls|ws|wss|ucx)://)?(?:[\w.-]+|\[[0-9A-Fa-f:.%]+\]):\d{1,5}")


@dataclass(frozen=True, slots=True)
class Workers:
    """Workers of this machine.

    Parameters
    ----------
    count : int
        How many; each plans one study at a time.
    memory_gib : float
        What each may hold. One that takes more is ended and begun anew.
    threads : int
        Threads of each for its loops.
    """

    count: int
    memory_gib: float
    threads: int


def usual_workers(config: CohortConfig, *, count: int | None = None, memory_gib: float | None = None) -> Workers:
    """Give as many workers as this machine bears.

    Parameters
    ----------
    config : CohortConfig
        How much memory a worker should have, and which share of the free memory all may take.
    count : int or None
        How many are wanted; None: one for each core, as long as the memory lasts.
    memory_gib : float or None
        What each may hold; None: an equal share of what is free.

    Returns
    -------
    Workers

    Raises
    ------
    UsageError
        If more workers are asked for than the machine has processors, more memory than it has, or too little of one of
        them.
    """
    if count is not None and count < 1:
        raise UsageError(f"--workers {count}: there must be at least one")
    if memory_gib is not None and not memory_gib > 0.0:
        raise UsageError(f"--memory {memory_gib:g}: a worker needs some memory")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if count is not None and count > cores:
        raise UsageError(
            f"--workers {count}: this machine has {cores} processor(s); more workers than those only slow each other"
        )
    free_gib = min(psutil.virtual_memory().available, MEMORY_LIMIT) / _GIB * config.memory_share
    each = memory_gib or config.usual_memory_gib
    wanted = count or max(1, min(cores, int(free_gib / each)))
    all_gib = min(psutil.virtual_memory().total, MEMORY_LIMIT) / _GIB
    if memory_gib is not None and wanted * memory_gib > all_gib:
        raise UsageError(
            f"{wanted} worker(s) of {memory_gib:g} GiB need more memory than this machine has ({all_gib:.1f} GiB); "
            "give fewer --workers or less --memory"
        )
    if (memory_gib or free_gib / wanted) < config.least_memory_gib:
        raise UsageError(
            f"{wanted} worker(s) of {memory_gib or free_gib / wanted:.1f} GiB could plan nothing: each needs "
            f"{config.least_memory_gib:g} GiB or more; give fewer --workers, or free some memory"
        )
    return Workers(wanted, memory_gib or free_gib / wanted, max(1, cores // wanted))


def require_address(address: str) -> None:
    """Refuse what can be no scheduler's address, rather than wait for it.

    Parameters
    ----------
    address : str
        What the user gave.

    Raises
    ------
    UsageError
        If it is none.
    """
    if not _ADDRESS.fullmatch(address):
        raise UsageError(f"{address!r} is no address of a Dask scheduler; give it as tcp://host:8786")


def dashboard_is_there() -> bool:
    """Say whether Dask's page can be shown."""
    return find_spec("bokeh") is not None


@contextlib.contextmanager
def local_client(
    workers: Workers, config: CohortConfig, *, dashboard: Callable[[str], None] | None = None
) -> Iterator[Client]:
    """Begin workers on this machine, and end them.

    Parameters
    ----------
    workers : Workers
        How many, and what each may take.
    config : CohortConfig
        How long they are waited for.
    dashboard : callable or None
        Is told where Dask's page is, which is shown to this machine alone; None: it is not shown.

    Yields
    ------
    Client
        Only this run can speak to them: the connection is encrypted, with keys that are made for it.

    Raises
    ------
    ClusterError
        If they do not begin.
    """
    settings: dict[str, object] = {
        # Processes are begun afresh: numba's OpenMP threads do not survive a fork.
        "distributed.worker.multiprocessing-method": "spawn",
        "distributed.nanny.pre-spawn-environ": _environment(workers),
        # A study that was on a worker that died comes back to us, who count how often it was begun.
        "distributed.scheduler.allowed-failures": 0,
        "distributed.scheduler.worker-saturation": 1.0,
        # Within a long step a worker may be silent; one that died is seen by who began it.
        "distributed.scheduler.worker-ttl": None,
        # A plan is no Dask collection that could be spilled, and a paused worker would wait for ever.
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": 1.0,
        "distributed.comm.timeouts.connect": f"{config.connect_s}s",
    }
    if dashboard is None:  # the scheduler's own pages cannot be switched off, but emptied
        settings |= {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
    quiet = logging.CRITICAL
    with dask.config.set(settings), _silent_logs(), temporary_folder() as scratch:
        try:
            cluster = LocalCluster(
                n_workers=workers.count,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                memory_limit=round(workers.memory_gib * _GIB),
                dashboard_address="127.0.0.1:0",
                worker_dashboard_address="127.0.0.1:0",
                security=True,
                silence_logs=quiet,
                local_directory=str(scratch),
            )
        except RuntimeError as error:
            raise ClusterError(
                "the workers do not begin; look whether this machine has memory and room left"
            ) from error
        try:
            with Client(cluster, set_as_default=False, timeout=config.connect_s) as client:
                client.register_plugin(_LeaveInterrupts())
                _wait_for_workers(client, config)
                if dashboard is not None:
                    dashboard(cluster.dashboard_link)
                yield client
        finally:
            cluster.close(timeout=5)


@contextlib.contextmanager
def remote_client(address: str, config: CohortConfig, *, must_see: tuple[Path, ...]) -> Iterator[Client]:
    """Connect to a cluster that is there already; its workers are left as they are.

    Parameters
    ----------
    address : str
        Of its scheduler ("tcp://host:8786", "tls://..." with Dask's own settings of certificates).
    config : CohortConfig
        How long it is waited for.
    must_see : tuple of Path
        What every worker must find under the same path.

    Yields
    ------
    Client

    Raises
    ------
    ClusterError
        If it cannot be reached, has no worker, or one of them has another version of the program, or does not see the
        paths.
    """
    with _silent_logs():
        try:
            client = Client(address, set_as_default=False, timeout=config.connect_s)
        except (OSError, ValueError, TypeError) as error:  # a time that ran out is an OSError
            raise ClusterError(
                f"no Dask scheduler answers at {address}; check the address (tcp://host:8786)"
            ) from error
        with client:
            _wait_for_workers(client, config)
            _require_fit(client, must_see)
            yield client


def _environment(workers: Workers) -> dict[str, str]:
    threads = str(workers.threads)
    return {
        "NUMBA_NUM_THREADS": threads,
        "OMP_NUM_THREADS": threads,
        # Threads that wait busily take the other worker's core: two plans side by side take half the time without.
        "OMP_WAIT_POLICY": "passive",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": threads,
        # As Dask sets it: what one study frees is given back before the next.
        "MALLOC_TRIM_THRESHOLD_": "65536",
    }


@contextlib.contextmanager
def _silent_logs() -> Iterator[None]:
    """Let Dask say nothing: what it logs of a task may hold paths, and what goes wrong comes back to us anyway."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


class _LeaveInterrupts(WorkerPlugin):  # type: ignore[misc]  # distributed tells mypy nothing of it
    """Lets a worker go on at Ctrl-C, which a terminal sends to it too: who began it ends it."""

    name = "leave-interrupts"

    def setup(self, worker: Any) -> None:
        """Ignore the signal, where the worker's own thread is the process's first."""
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def _wait_for_workers(client: Client, config: CohortConfig) -> None:
    try:
        client.wait_for_workers(1, timeout=config.connect_s)
    except TimeoutError as error:
        raise ClusterError(f"the Dask cluster has no worker within {config.connect_s:g} s; begin some") from error


def _require_fit(client: Client, must_see: tuple[Path, ...]) -> None:
    if any(threads > 1 for threads in client.nthreads().values()):
        raise ClusterError(
            "a worker of the Dask cluster would plan several studies in one process; begin the workers with "
            "--nthreads 1, and as many as there is memory for"
        )
    told: Mapping[str, tuple[str | None, str | None]] = client.run(_questions(tuple(str(one) for one in must_see)))
    for version, unseen in told.values():
        if version != __version__:
            has = f"has version {version} of" if version else "does not have"
            raise ClusterError(
                f"a worker of the Dask cluster {has} the program, this is {__version__}; install the same on all"
            )
        if unseen is not None:
            raise ClusterError(
                f"a worker of the Dask cluster does not see {Path(unseen).name}; studies and output must lie on a disk "
                "that all workers see under the same path"
            )


def _questions(paths: tuple[str, ...]) -> Callable[[], tuple[str | None, str | None]]:
    def answer() -> tuple[str | None, str | None]:
        """Tell version and the first path that is not seen. It travels by value: the program may not be there."""
        from pathlib import Path

        try:
            from planner import __version__ as version
        except ImportError:
            return None, None
        return version, next((path for path in paths if not Path(path).exists()), None)

    return answer
