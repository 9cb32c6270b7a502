"""``cement-planner cohort``: plan many studies side by side."""

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner.cli._options import add_planning, add_settings, config_from, path, surface_formats
from planner.cli._privacy import add_pseudonyms, pseudonyms_told

if TYPE_CHECKING:
    from planner.cohort.cohort import CohortOutcome
    from planner.cohort.study_record import StudyRecord
    from planner.config.cohort_config import CohortConfig


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options to its parser."""
    parser.add_argument(
        "studies",
        type=path,
        metavar="STUDIES",
        help="folder in which each folder, zip, NIfTI, NRRD or MetaImage file is a study (its name becomes its id in "
        "all outputs: where names tell patients, use --pseudonymise or a list with ids); or a list: a text file with a "
        "path a line, or a .csv with a column 'path' and perhaps 'id'",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=path,
        metavar="OUT",
        help="folder to make: a plan in each studies/ID, tables, summary.html",
    )
    parser.add_argument(
        "--list",
        action="store_true",
        help="plan nothing, print each study's id and path, with a tab between; and where nothing is there",
    )
    parser.add_argument("--retry", action="store_true", help="try studies again that failed in an earlier run, too")
    parser.add_argument(
        "--overwrite", action="store_true", help="plan all of a cohort in OUT anew, also with other settings"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="workers on this machine (default: one for each core)")
    parser.add_argument(
        "--memory",
        type=float,
        metavar="GIB",
        help="memory that each may take (default: a share of what is free)",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="plan on a Dask cluster that is there already (tcp://host:8786); its workers must have this version of "
        "the program, and see STUDIES and OUT under the same paths",
    )
    parser.add_argument(
        "--dashboard", action="store_true", help="show Dask's page while planning, to this machine alone (needs bokeh)"
    )
    add_settings(parser)
    add_planning(parser)
    parser.add_argument(
        "--prophylactic",
        action="store_true",
        help="offer intact levels next to a spinal construct as targets too, with needles (prophylactic_targets)",
    )
    parser.add_argument(
        "--surfaces",
        type=surface_formats,
        metavar="FORMATS",
        help="surfaces to write: stl, obj, glb with commas between, or none (default: all)",
    )
    parser.add_argument("--no-figures", action="store_true", help="write no pictures: quicker")
    add_pseudonyms(parser)
    parser.set_defaults(series=None)


def run(arguments: argparse.Namespace) -> int:
    """Plan the cohort and say what became of it.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `add_arguments` declares them.

    Returns
    -------
    int
        The exit code: 0 also where studies failed, as long as one could be judged; 3 where none could.
    """
    from planner.cohort.extra import require_extra
    from planner.cohort.studies import find_studies
    from planner.errors import UsageError

    pseudonyms = pseudonyms_told(arguments)
    if arguments.list:
        for study in find_studies(arguments.studies, but=arguments.output, pseudonyms=pseudonyms):
            missing = "" if os.path.lexists(study.path) else "\t(nothing is there)"
            sys.stdout.write(f"{study.id}\t{study.path}{missing}\n")
        return 0
    require_extra()
    if arguments.output is None:
        raise UsageError("say where the plans go: -o OUT")
    from planner.cli._monitor import TerminalMonitor
    from planner.cohort.cohort import run_cohort
    from planner.cohort.protocol import CohortProtocol
    from planner.config.cohort_config import CohortConfig

    config = CohortConfig()
    protocol = CohortProtocol(config_from(arguments), figures=not arguments.no_figures, pseudonyms=pseudonyms)
    studies = find_studies(arguments.studies, but=arguments.output, pseudonyms=pseudonyms)
    open_client = _opener(arguments, config)
    with TerminalMonitor() as monitor:
        outcome = run_cohort(
            studies,
            protocol,
            arguments.output,
            open_client=open_client,
            monitor=monitor,
            begun=lambda due: _announce(due, len(studies)),
            finished=lambda record: _say(record, monitor.aside),
            config=config,
            retry=arguments.retry,
            overwrite=arguments.overwrite,
        )
    return _conclude(outcome, arguments.output)


def _opener(arguments: argparse.Namespace, config: "CohortConfig") -> Callable[[], AbstractContextManager[Any]]:
    """Say where the workers are, once they are needed; what cannot be is refused before anything is planned."""
    from planner.cohort.cluster import (
        dashboard_is_there,
        local_client,
        remote_client,
        require_address,
        usual_workers,
    )
    from planner.errors import UsageError

    told: Callable[[str], None] = lambda link: _note(f"dashboard: {link}")  # noqa: E731
    if arguments.scheduler is not None:
        if arguments.workers is not None or arguments.memory is not None or arguments.dashboard:
            raise UsageError(
                "--workers, --memory and --dashboard are for this machine; --scheduler has its own workers"
            )
        require_address(arguments.scheduler)
        _note(f"asking the Dask cluster at {arguments.scheduler}, for up to {config.connect_s:g} s")
        must_see = (arguments.studies.absolute(), arguments.output.absolute())
        return lambda: remote_client(arguments.scheduler, config, must_see=must_see)
    if arguments.dashboard and not dashboard_is_there():
        raise UsageError("--dashboard needs a package that is not installed: pip install bokeh")
    workers = usual_workers(config, count=arguments.workers, memory_gib=arguments.memory)
    return lambda: local_client(workers, config, dashboard=told if arguments.dashboard else None)


def _announce(due: int, studies: int) -> None:
    settled = f", {studies - due} settled earlier" if due < studies else ""
    _note(f"{studies} studies{settled}; planning {due}, each is told as soon as it is done")


def _say(record: "StudyRecord", aside: Callable[[str], None]) -> None:
    seconds = "" if record.seconds is None else f", {record.seconds:.1f} s"
    what = record.state if record.error is None else f"{record.state}: {record.error}"
    aside(f"{record.study}: {what}{seconds}")


def _note(text: str) -> None:
    sys.stderr.write(f"cement-planner: note: {text}\n")


def _conclude(outcome: "CohortOutcome", output: Path) -> int:
    from planner.errors import InputError

    planned, no_implant = outcome.count("planned"), outcome.count("no implant")
    failed = outcome.count("failed", "worker died")
    kept = f" ({outcome.kept} of them earlier)" if outcome.kept else ""
    sys.stdout.write(f"{planned} planned, {no_implant} without implant, {failed} failed{kept}\n{output}\n")
    if failed:
        _note(f"{failed} of {len(outcome.records)} studies failed; summary.html and tables/studies.csv say why")
    return 0 if planned or no_implant else InputError.exit_code
