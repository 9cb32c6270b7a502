"""Studies handed to a cluster's workers, and taken back: a worker that dies loses nothing and stops nobody."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from distributed import Client, Future, KilledWorker, as_completed

from planner.cohort.folder import CohortFolder
from planner.cohort.study_plan import Halt, StudyOrder, StudyTask, carry_out, died, make_study_plan
from planner.cohort.study_record import StudyRecord
from planner.errors import ClusterError, OutputError, PlannerError
from planner.progress import Monitor, Progress, check_cancelled

Finished = Callable[[StudyRecord], object]
"""Is told of every study that is settled."""

_MOST_DEATHS = 20
"""A study that waits on a worker that dies at another one is not begun, so its own deaths do not count it. Ours."""
_LOOK_S = 0.1
"""How often it is asked whether a study is done. Ours."""


def plan_side_by_side(
    orders: Sequence[StudyOrder],
    client: Client,
    *,
    monitor: Monitor,
    finished: Finished,
    task: StudyTask = make_study_plan,
) -> None:
    """Plan studies on a cluster, each once, and again where its worker died.

    Parameters
    ----------
    orders : sequence of StudyOrder
        Each study's; all of one run.
    client : Client
        Of the cluster.
    monitor : Monitor
        Follows the work, and may stop it.
    finished : callable
        Is told of each study as soon as it is settled.
    task : callable
        What makes a plan; it must be there on the workers.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    ClusterError
        If the cluster is lost.
    OutputError
        If a worker cannot write.
    """
    waiting: dict[str, StudyOrder] = {}

    def hand_over(order: StudyOrder, again: int = 0) -> Future:
        key = f"study-{order.study.id}-{order.run}-{again}"
        waiting[key] = order
        # An order must not be taken for another's result: only its key tells them apart.
        return client.submit(carry_out, order, task=task, key=key, pure=False)

    stage = "planning studies"
    monitor.report(Progress(stage, 0, len(orders)))
    with client.as_current():
        flow = as_completed([hand_over(order) for order in orders], raise_errors=False)
    done, again = 0, Counter[str]()
    for future in _as_they_come(flow, monitor):
        order = waiting.pop(future.key)
        record = _came_back(future, order)
        if record is None:
            again[order.study.id] += 1
            if again[order.study.id] > _MOST_DEATHS:
                raise ClusterError("the Dask cluster's workers die before they begin a study; see what they log")
            flow.add(hand_over(order, again[order.study.id]))
            continue
        done += 1
        finished(record)
        monitor.report(Progress(stage, done, len(orders)))


def _as_they_come(flow: as_completed, monitor: Monitor) -> Iterator[Future]:
    """Give each future that is done, and ask the monitor meanwhile: a study may take minutes."""
    while flow.count():
        check_cancelled(monitor)
        batch = flow.next_batch(block=False)
        yield from batch
        if not batch:
            time.sleep(_LOOK_S)


def _came_back(future: Future, order: StudyOrder) -> StudyRecord | None:
    """Give what became of a study; None where it is to be handed over again."""
    kept = CohortFolder(order.out).record_of(order.study.id)
    if kept is not None and kept.run == order.run and kept.state != "begun":
        return kept  # also where the worker died before its answer was fetched
    try:
        if future.status in ("finished", "error"):
            return _settled(future.result())
    except KilledWorker:  # at the study, with its answer, or with this study still waiting on it
        return _after_death(order)
    except PlannerError:
        raise
    except Exception as error:
        raise ClusterError(
            f"a worker of the Dask cluster could not begin a study ({type(error).__name__}); install the same version "
            "of the program and its packages on all"
        ) from error
    if future.client.status != "running":
        raise ClusterError("the Dask cluster is gone; begin it again and give the same command, which goes on")
    return _after_death(order)


def _after_death(order: StudyOrder) -> StudyRecord | None:
    """Look how often a study was begun whose worker died; None where it may be begun once more."""
    folder = CohortFolder(order.out)
    record = folder.record_of(order.study.id)
    starts = record.starts if record is not None and record.run == order.run else 0
    if starts < order.most_starts:
        return None
    told = died(order, starts)
    folder.keep(told)
    return told


def _settled(result: Any) -> StudyRecord:
    if isinstance(result, Halt):
        raise OutputError(result.message)
    if isinstance(result, StudyRecord):
        return result
    raise ClusterError("another run has taken over the output's folder; nothing more is planned in this one")
