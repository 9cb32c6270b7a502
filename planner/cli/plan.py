"""``cement-planner plan``: the main job."""

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options to its parser."""
    parser.add_argument("input", type=Path, metavar="INPUT", help="folder, DICOMDIR, zip or file with a CT")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="folder to make")
    parser.add_argument("--series", metavar="UID", help="series to plan on, where INPUT holds several")
    parser.add_argument("--settings", type=Path, metavar="FILE.toml", help="settings that differ from the defaults")
    parser.add_argument("--json", action="store_true", help="print plan.json on stdout, and nothing else")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier plan in OUT")


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
    from planner.cli._plan_folder import make_plan_folder
    from planner.config.plan_config import PlanConfig, load_settings
    from planner.io.plan_json import plan_text

    config = PlanConfig() if arguments.settings is None else load_settings(arguments.settings)
    if arguments.series is not None:
        config = config.model_copy(update={"series_instance_uid": arguments.series})
    with TerminalMonitor() as monitor:
        plan = make_plan_folder(
            arguments.input, arguments.output, config=config, overwrite=arguments.overwrite, monitor=monitor
        )
    sys.stdout.write(plan_text(plan) if arguments.json else f"{arguments.output}\n")
    return 0
