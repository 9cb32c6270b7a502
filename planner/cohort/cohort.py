"""A cohort from its studies to its tables: what is settled stays, what is due is planned, all is summed up."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from distributed import Client

from planner.cohort.folder import CohortFolder, open_cohort
from planner.cohort.protocol import CohortProtocol
from planner.cohort.results import write_results
from planner.cohort.side_by_side import Finished, plan_side_by_side
from planner.cohort.studies import Study, input_sha256
from planner.cohort.study_plan import StudyOrder, StudyTask, make_study_plan
from planner.cohort.study_record import StudyRecord
from planner.config.cohort_config import CohortConfig
from planner.errors import CancelledError, ClusterError, PlannerError
from planner.progress import Monitor, track


@dataclass(frozen=True, slots=True)
class CohortOutcome:
    """What became of a cohort.

    Parameters
    ----------
    records : tuple of StudyRecord
        Of the studies that are settled, in the cohort's order.
    kept : int
        How many of them an earlier run had settled.
    """

    records: tuple[StudyRecord, ...]
    kept: int

    def count(self, *states: str) -> int:
        """Count the studies that are in one of some states."""
        return sum(record.state in states for record in self.records)


def run_cohort(
    studies: Sequence[Study],
    protocol: CohortProtocol,
    out: Path,
    *,
    open_client: Callable[[], AbstractContextManager[Client]],
    monitor: Monitor,
    finished: Finished,
    begun: Callable[[int], object] = lambda due: None,
    config: CohortConfig | None = None,
    retry: bool = False,
    overwrite: bool = False,
    task: StudyTask = make_study_plan,
) -> CohortOutcome:
    """Plan all studies of a cohort that are not settled yet, and write its tables.

    Parameters
    ----------
    studies : sequence of Study
        The cohort.
    protocol : CohortProtocol
        What each is planned with.
    out : Path
        The cohort's folder.
    open_client : callable
        Opens the cluster; not called where nothing is due.
    monitor : Monitor
        Follows the work, and may stop it.
    finished : callable
        Is told of each study that this run settles.
    begun : callable
        Is told how many studies are due, before the first of them is planned.
    config : CohortConfig or None
        How often a study is tried, and so on; None for the defaults.
    retry : bool
        Whether studies that failed are tried again. Those whose files changed are in any case.
    overwrite : bool
        Whether all that is there is planned anew.
    task : callable
        What makes a plan.

    Returns
    -------
    CohortOutcome

    Raises
    ------
    UsageError
        If the folder holds something else, or a cohort of another protocol.
    CancelledError
        If the user stopped the run. What was settled by then stays, and stands in the tables.
    ClusterError
        If the cluster cannot be had, or is lost; likewise.
    OutputError
        If something cannot be written.
    """
    used = config or CohortConfig()
    with open_cohort(out, protocol, overwrite=overwrite) as (folder, run):
        due = _due(studies, protocol, folder, retry=retry, monitor=monitor)
        orders = [
            StudyOrder(
                study=study,
                protocol=protocol,
                out=folder.path,
                run=run,
                replace_reviewed=overwrite,
                most_starts=used.most_starts,
                look_s=used.look_s,
            )
            for study in due
        ]
        try:
            begun(len(orders))
            if orders:
                with _told_as_cluster(), open_client() as client:
                    try:
                        plan_side_by_side(orders, client, monitor=monitor, finished=finished, task=task)
                    finally:
                        folder.end_run()  # before the workers are: what they still plan comes to nothing
        except (KeyboardInterrupt, PlannerError) as stop:
            folder.sweep()
            outcome = _outcome(studies, protocol, folder, kept=len(studies) - len(due))
            write_results(outcome.records, [study.id for study in studies], folder, used)
            if isinstance(stop, PlannerError) and not isinstance(stop, CancelledError):
                raise
            raise CancelledError(f"stopped by the user; {_settled_words(len(outcome.records), len(studies))}") from stop
        outcome = _outcome(studies, protocol, folder, kept=len(studies) - len(due))
        write_results(outcome.records, [study.id for study in studies], folder, used)
        return outcome


def _settled_words(settled: int, all_of_them: int) -> str:
    if settled == all_of_them:
        return f"all {settled} studies were settled by then and stand in the tables"
    told = f"{settled} of {all_of_them} studies are settled and stand in the tables"
    return f"{told}, the same command goes on with the others"


@contextmanager
def _told_as_cluster() -> Iterator[None]:
    """Tell what the system refuses a cluster, a connection that breaks say, as the cluster's."""
    try:
        yield
    except BrokenPipeError:  # whoever reads our own output has had enough
        raise
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ClusterError(
            f"the Dask cluster failed ({reason}); begin it again and give the same command, which goes on"
        ) from error


def _due(
    studies: Sequence[Study], protocol: CohortProtocol, folder: CohortFolder, *, retry: bool, monitor: Monitor
) -> list[Study]:
    """Give the studies to be planned; last those at which an earlier run was killed, which they may have caused."""
    due, risky = [], []
    for study in track(studies, stage="looking what is settled", monitor=monitor):
        record = folder.record_of(study.id)
        if record is not None and record.state == "begun":
            risky.append(study)
        elif record is None or not _is_settled(record, study, protocol, folder, retry=retry):
            due.append(study)
    return due + risky


def _is_settled(
    record: StudyRecord, study: Study, protocol: CohortProtocol, folder: CohortFolder, *, retry: bool
) -> bool:
    if record.protocol_sha256 != protocol.sha256:
        return False
    if record.state in ("failed", "worker died") and retry:
        return False
    if record.state == "planned" and not (folder.plan_folder(study.id) / "plan.json").is_file():
        return False
    return record.input_sha256 == input_sha256(study.path, pseudonyms=protocol.pseudonyms)


def _outcome(studies: Sequence[Study], protocol: CohortProtocol, folder: CohortFolder, *, kept: int) -> CohortOutcome:
    found = (folder.record_of(study.id) for study in studies)
    settled = [r for r in found if r is not None and r.state != "begun" and r.protocol_sha256 == protocol.sha256]
    return CohortOutcome(tuple(settled), kept)
