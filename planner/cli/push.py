"""``cement-planner push``: a plan's DICOM objects into a picture archive, over DICOMweb."""

import argparse
import sys
from collections import Counter

from planner.cli._options import path
from planner.cli._pacs_options import add_server, connected


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options to its parser."""
    parser.add_argument("plan", type=path, metavar="OUT", help="folder that 'cement-planner plan' made")
    add_server(parser)
    parser.add_argument(
        "--unreviewed", action="store_true", help="send a plan that nobody approved; its objects say that it is a draft"
    )


def run(arguments: argparse.Namespace) -> int:
    """Send the plan's objects that the server does not hold yet.

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

    with connected(arguments) as connection, TerminalMonitor() as monitor:
        from planner.pacs.push import push

        outcome = push(connection, arguments.plan, drafts=arguments.unreviewed, monitor=monitor)
    for one in outcome.objects:
        sys.stdout.write(f"{one.name}  {one.sop_instance_uid}  {'stored' if one.sent else 'was there'}\n")
    if not outcome.study_was_known:
        sys.stderr.write(
            f"cement-planner: note: {connection.server.name} did not hold the study of this plan's CT; if that is not "
            "meant, it is the wrong server\n"
        )
    if outcome.others:
        counts = ", ".join(f"{count} x '{text}'" for text, count in Counter(outcome.others).items())
        sys.stderr.write(
            "cement-planner: note: the study also holds series of other plans, which this push leaves as they are: "
            f"{counts}\n"
        )
    return 0
