"""``cement-planner plan``: the main job."""

import argparse
import sys

from planner.cli._options import (
    add_gaps,
    add_input,
    add_labels,
    add_picked,
    add_planning,
    config_from,
    note_choice,
    path,
    surface_formats,
)
from planner.cli._privacy import add_pseudonyms, pseudonyms_told


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options to its parser."""
    add_input(parser)
    add_labels(parser)
    add_gaps(parser)
    add_planning(parser)
    add_picked(parser)
    parser.add_argument(
        "--prophylactic",
        action="store_true",
        help="offer intact levels next to a spinal construct as targets too, with needles (prophylactic_targets)",
    )
    parser.add_argument("-o", "--output", type=path, required=True, metavar="OUT", help="folder to make")
    parser.add_argument("--json", action="store_true", help="print plan.json on stdout, and nothing else")
    parser.add_argument(
        "--surfaces",
        type=surface_formats,
        metavar="FORMATS",
        help="surfaces of implants, gaps and bones to write: stl, obj, glb with commas between, or none (default: all)",
    )
    parser.add_argument("--no-figures", action="store_true", help="write no pictures: quicker")
    parser.add_argument(
        "--name-on-sheet",
        action="store_true",
        help="print the patient's name, number and birth date from the CT's headers on report.html; "
        "no other file gets them, but DICOM ones have them anyway; saved again in napari, it names nobody",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier plan in OUT")
    add_pseudonyms(parser)


def run(arguments: argparse.Namespace) -> int:
    """Plan, write the plan and say where it is.

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
    from planner.pipeline.plan_folder import make_plan_folder

    config, pseudonyms = config_from(arguments), pseudonyms_told(arguments)
    with TerminalMonitor() as monitor:
        plan = make_plan_folder(
            arguments.input,
            arguments.output,
            config=config,
            overwrite=arguments.overwrite,
            figures=not arguments.no_figures,
            labels=arguments.labels,
            gaps=arguments.gaps,
            name_on_sheet=arguments.name_on_sheet,
            pseudonyms=pseudonyms,
            monitor=monitor,
        )
    from planner.cli._plan_words import describe
    from planner.io.plan_json import plan_text

    note_choice(plan.findings)
    sys.stdout.write(plan_text(plan) if arguments.json else f"{describe(plan)}\n{arguments.output}\n")
    return 0
