"""``cement-planner inspect``: what is in there, from headers only."""

import argparse
import sys

from planner.cli._options import path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options to its parser."""
    parser.add_argument("input", type=path, metavar="INPUT", help="folder, DICOMDIR, zip or file with a CT")
    parser.add_argument("--json", action="store_true", help="print everything as JSON, for scripts")


def run(arguments: argparse.Namespace) -> int:
    """Print what the input holds.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `add_arguments` declares them.

    Returns
    -------
    int
        The exit code.
    """
    from planner.io import describe_inspection, inspect_input

    inspection = inspect_input(arguments.input)
    if arguments.json:
        sys.stdout.write(inspection.model_dump_json(indent=2, by_alias=True) + "\n")
    else:
        sys.stdout.write(describe_inspection(inspection) + "\n")
    return 0
