"""``cement-planner pull``: a CT from a picture archive, over DICOMweb."""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from planner.cli._options import path
from planner.cli._pacs_options import ACCESSION, PATIENT_ID, add_server, connected, told_aside

if TYPE_CHECKING:
    from planner.pacs.connection import Connection
    from planner.pacs.search import FoundSeries
    from planner.progress import Monitor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options to its parser."""
    add_server(parser)
    parser.add_argument("--study", metavar="UID", help="the study to fetch, or to look into with --find")
    parser.add_argument(
        "--series", action="append", metavar="UID", help="a series to fetch; may be repeated (default: all CTs)"
    )
    parser.add_argument(
        "-o", "--output", type=path, metavar="DIR", help="folder to fetch into, one sub-folder a series"
    )
    parser.add_argument(
        "--find", action="store_true", help="fetch nothing, list series and say which may be planned on"
    )
    parser.add_argument(
        "--patient-id",
        metavar="ID",
        help=f"with --find: '-' reads it from stdin; or set {PATIENT_ID}. What is typed here, other users can read",
    )
    parser.add_argument("--accession", metavar="NUMBER", help=f"with --find: '-' reads it from stdin; or {ACCESSION}")
    parser.add_argument("--date", metavar="DAY", help="with --find: 20260131, or 20260101-20260131")
    parser.add_argument("--modality", metavar="WORD", help="with --find (default: CT)")
    parser.add_argument("--json", action="store_true", help="with --find: print the list as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Find or fetch series.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `add_arguments` declares them.

    Returns
    -------
    int
        The exit code.
    """
    from planner.cli._monitor import TerminalMonitor

    _require_sense(arguments)
    with connected(arguments) as connection, TerminalMonitor() as monitor:
        if arguments.find:
            return _find(arguments, connection, monitor)
        from planner.pacs.pull import pull

        done = pull(connection, arguments.study, arguments.output, series=arguments.series or (), monitor=monitor)
    for one in done:
        there = f", {one.kept} were there" if one.kept else ""
        sys.stdout.write(f"{arguments.output / one.folder.name}: {one.fetched} fetched{there}\n")
    return 0


def _require_sense(arguments: argparse.Namespace) -> None:
    from planner.errors import UsageError

    only_find = (arguments.patient_id, arguments.accession, arguments.date, arguments.modality, arguments.json or None)
    if not arguments.find and any(word is not None for word in only_find):
        raise UsageError("--patient-id, --accession, --date, --modality and --json go with --find")
    if arguments.find and (arguments.series or arguments.output):
        raise UsageError("--find fetches nothing; leave --series and -o out, or leave --find out")
    if not arguments.find and not (arguments.study and arguments.output):
        raise UsageError("say what to fetch and where to: --study UID -o DIR; 'pull --find' lists studies")


def _find(arguments: argparse.Namespace, connection: "Connection", monitor: "Monitor") -> int:
    from planner.pacs.search import Query, find_series

    query = Query(
        patient_id=told_aside(arguments.patient_id, PATIENT_ID),
        accession=told_aside(arguments.accession, ACCESSION),
        date=arguments.date,
        study=arguments.study,
        modality=arguments.modality or "CT",
    )
    found = find_series(connection, query, monitor=monitor)
    if arguments.json:
        sys.stdout.write(json.dumps([_record(one) for one in found], indent=2) + "\n")
        return 0
    for one in found:
        sys.stdout.write(f"{_line(one)}\n")
    if not found:
        sys.stderr.write("cement-planner: note: no series answers this search\n")
    return 0


def _record(series: "FoundSeries") -> dict[str, object]:
    from dataclasses import asdict

    return asdict(series)


def _line(series: "FoundSeries") -> str:
    date = series.study_date or "date not told"
    count = "instances not told" if series.instances is None else f"{series.instances} instances"
    thickness = "" if series.slice_thickness_mm is None else f", {series.slice_thickness_mm:g} mm"
    kernel = "" if series.kernel is None else f", kernel {series.kernel}"
    verdict = "may be planned on" if series.hindrance is None else f"not to plan on: {series.hindrance}"
    uids = f"--study {series.study_instance_uid} --series {series.series_instance_uid}"
    return f"{date}  {series.modality or '-'}  {count}{thickness}{kernel}  {verdict}  {uids}"
