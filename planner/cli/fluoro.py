"""``cement-planner fluoro``: one simulated fluoroscopy picture."""

import argparse
import sys

from planner.cli._options import add_input, config_from, load, path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options to its parser."""
    add_input(parser)
    parser.add_argument(
        "--primary", type=float, required=True, metavar="DEG", help="positioner primary angle, LAO positive"
    )
    parser.add_argument(
        "--secondary", type=float, required=True, metavar="DEG", help="positioner secondary angle, cranial positive"
    )
    parser.add_argument("-o", "--output", type=path, required=True, metavar="FILE.png", help="picture to write")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE.png where it exists")


def run(arguments: argparse.Namespace) -> int:
    """Take the picture: aimed at the metal's middle, or at the CT's where there is none.

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
    from planner.errors import UsageError
    from planner.io.whole_file import write_whole
    from planner.pipeline.fluoroscopy import view_png

    if arguments.output.suffix.lower() != ".png":
        raise UsageError(f"{arguments.output.name} is no .png; name the picture FILE.png")
    if arguments.output.exists() and not arguments.overwrite:
        raise UsageError(f"{arguments.output.name} exists; give --overwrite to replace it, or choose another -o")
    if not -180 <= arguments.primary <= 180 or not -90 <= arguments.secondary <= 90:
        raise UsageError("angles out of range: --primary takes -180 to 180, --secondary -90 to 90 degrees")
    config = config_from(arguments)
    with TerminalMonitor() as monitor:
        scan = load(arguments.input, config, monitor=monitor)
        png = view_png(
            scan.volume,
            primary_deg=arguments.primary,
            secondary_deg=arguments.secondary,
            config=config,
            monitor=monitor,
        )
    write_whole(png, arguments.output)
    sys.stdout.write(f"{arguments.output}\n")
    return 0
