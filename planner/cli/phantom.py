"""``cement-planner phantom``: a synthetic CT as DICOM, beside its exact truth."""

import argparse
import difflib
import sys
from pathlib import Path

from planner.cli._options import path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options to its parser."""
    parser.add_argument("kind", choices=("hip", "lumbar", "thoracic"), metavar="KIND", help="hip, lumbar or thoracic")
    parser.add_argument("-o", "--output", type=path, required=True, metavar="DIR", help="folder to make")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of noise, textures, drawing (default: 0)"
    )
    parser.add_argument(
        "--draw", nargs="?", const="", default=None, metavar="DEFECTS",
        help="not the standard patient but one drawn at random by the seed, with these defects (names after commas)",
    )  # fmt: skip
    parser.add_argument(
        "--ideal", action="store_true", help="scan without the physics of a CT: no metal artefacts, and quicker"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier phantom in DIR")


def run(arguments: argparse.Namespace) -> int:
    """Write the phantom.

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
    from planner.io.staging import require_free, staged_folder
    from planner.phantoms import design, draw, make
    from planner.pipeline import CASE_FILES, write_case

    output: Path = arguments.output
    require_free(output, own_names=CASE_FILES, overwrite=arguments.overwrite)
    if arguments.draw is None:
        which, seed = arguments.kind, arguments.seed
    else:
        defects = tuple(name.strip() for name in arguments.draw.split(",") if name.strip())
        _suggest(arguments.kind, defects)
        which, seed = draw(arguments.kind, seed=arguments.seed, loose=bool(defects), defects=defects), 0
    settings = design(which, seed=seed).ideal if arguments.ideal else None
    # The folder comes first: what cannot be written is said before a minute of scanning.
    with (
        TerminalMonitor() as monitor,
        staged_folder(output, own_names=CASE_FILES, overwrite=arguments.overwrite) as folder,
    ):
        write_case(make(which, seed=seed, settings=settings, monitor=monitor), folder, monitor=monitor)
    sys.stdout.write(f"{output / 'dicom'}\n{output / 'truth.json'}\n{output / 'truth.npz'}\n")
    return 0


def _suggest(kind: str, defects: tuple[str, ...]) -> None:
    """Refuse a defect that is not known, but like one that is, with that one's name."""
    from planner.errors import UsageError
    from planner.phantoms.hip.draw import HIP_DEFECTS
    from planner.phantoms.spine.draw import DEFECTS

    known = HIP_DEFECTS if kind == "hip" else DEFECTS
    for name in defects:
        like = difflib.get_close_matches(name, known, n=1)
        if name not in known and like:
            raise UsageError(f"there is no defect {name!r} of this phantom; did you mean {like[0]!r}?")
