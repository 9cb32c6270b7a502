"""``cement-planner schema``: the JSON Schema of plan.json."""

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options to its parser: it has none."""


def run(arguments: argparse.Namespace) -> int:
    """Print the schema.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `add_arguments` declares them.

    Returns
    -------
    int
        The exit code.
    """
    from planner.io.plan_schema import schema_text

    sys.stdout.write(schema_text())
    return 0
