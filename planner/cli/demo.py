"""``cement-planner demo``: plan every sample series."""

import argparse
import sys
from pathlib import Path

from planner.cli._options import path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options to its parser."""
    parser.add_argument(
        "-o", "--output", type=path, default=Path("demo_out"), metavar="OUT", help="folder to make (default: demo_out)"
    )
    parser.add_argument(
        "--samples", type=path, metavar="DIR", help="folder with one sub-folder a series (default: sample_dicoms)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier demo in OUT")


def run(arguments: argparse.Namespace) -> int:
    """Plan each sample series into a sub-folder of its own.

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
    from planner.config.plan_config import PlanConfig
    from planner.io.staging import require_free
    from planner.pipeline.plan_folder import make_plan_folder

    series = _sample_folders(arguments.samples)
    names = [folder.name for folder in series]
    require_free(arguments.output, own_names=names, overwrite=arguments.overwrite)
    with TerminalMonitor() as monitor:
        for folder in series:
            output = arguments.output / folder.name
            make_plan_folder(folder, output, config=PlanConfig(), overwrite=arguments.overwrite, monitor=monitor)
            sys.stdout.write(f"{output}\n")
            sys.stdout.flush()
    return 0


def _sample_folders(samples: Path | None) -> list[Path]:
    from planner.errors import InputError

    beside_the_package = Path(__file__).parents[2] / "sample_dicoms"
    root = samples or (beside_the_package if beside_the_package.is_dir() else Path("sample_dicoms"))
    folders = sorted(f for f in root.iterdir() if f.is_dir()) if root.is_dir() else []
    if not folders:
        raise InputError(
            f"no sample series in {root.name}: run from a checkout of the project, name a folder with --samples, or "
            "make a series with 'cement-planner phantom'"
        )
    return folders
