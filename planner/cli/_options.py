"""Options that several commands share."""

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from planner.config.output_config import SurfaceFormat
    from planner.config.plan_config import PlanConfig
    from planner.model.finding import Finding
    from planner.model.plan import PatientPosition
    from planner.model.scan import Scan
    from planner.progress import Monitor

POSITIONS = {"prone": "HFP", "supine": "HFS", "left-decubitus": "HFDL", "right-decubitus": "HFDR"}
"""Words for how a patient lies head first; the eight DICOM codes are taken too."""
CODES = ("HFS", "HFP", "HFDR", "HFDL", "FFS", "FFP", "FFDR", "FFDL")


def path(text: str) -> Path:
    """Take a word as a path; an empty one (an unset variable of a shell) is refused, for it would mean this folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the path is empty; name a folder or file ('.' for this folder)")
    return Path(text)


def point(text: str) -> tuple[float, float, float]:
    """Take three numbers with commas as a point in the patient, LPS mm."""
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no point; write three numbers with commas: 12.5,-30,104"
        ) from None
    if not all(math.isfinite(v) for v in (x, y, z)):
        raise argparse.ArgumentTypeError(f"{text!r} is no point in the patient")
    return x, y, z


def surface_formats(text: str) -> "tuple[SurfaceFormat, ...]":
    """Take a word as formats of surfaces with commas between, or "none"."""
    from planner.config.output_config import SurfaceFormat

    known: tuple[SurfaceFormat, ...] = get_args(SurfaceFormat)
    named = [] if text.strip() == "none" else [word.strip() for word in text.split(",")]
    strangers = [word for word in named if word not in known]
    if strangers:
        raise argparse.ArgumentTypeError(
            f"{strangers[0]!r} is no format of surfaces; write {', '.join(known)} with commas between, or none"
        )
    return tuple(one for one in known if one in named)


def add_input(parser: argparse.ArgumentParser) -> None:
    """Add the input, the series and the settings file."""
    parser.add_argument("input", type=path, metavar="INPUT", help="folder, DICOMDIR, zip or file with a CT")
    parser.add_argument(
        "--series",
        metavar="UID",
        help="series to plan on, where INPUT holds several: its UID or number, or UID#2 for the second stack in one "
        "(inspect lists them)",
    )
    add_settings(parser)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the settings file, and how values are taken."""
    parser.add_argument("--settings", type=Path, metavar="FILE.toml", help="settings that differ from the defaults")
    parser.add_argument(
        "--assume-hu",
        action="store_true",
        help="take the values as Hounsfield units although the CT does not say so, or they do not look it",
    )


def add_labels(parser: argparse.ArgumentParser) -> None:
    """Add anatomy labels made elsewhere."""
    parser.add_argument(
        "--labels",
        type=path,
        metavar="FILE",
        help="anatomy labels made elsewhere on this CT: TotalSegmentator NIfTI (or its folder of masks), 3D Slicer "
        ".seg.nrrd, DICOM SEG, or NIfTI of vertebra numbers",
    )


def add_gaps(parser: argparse.ArgumentParser) -> None:
    """Add gaps as a person corrected them."""
    parser.add_argument(
        "--gaps",
        type=path,
        metavar="FILE",
        help="gaps as you corrected them, to recompute everything from: a plan's labels.nii.gz (beside its plan.json) "
        "or labels.seg.dcm after editing, a .seg.nrrd with segments named gap-1 and so on, or a mask in NIfTI or NRRD",
    )


def add_planning(parser: argparse.ArgumentParser) -> None:
    """Add how the patient lies, approaches and needles."""
    parser.add_argument(
        "--treatment-position",
        choices=(*POSITIONS, *CODES),
        metavar="POSITION",
        help=f"how the patient will lie: {', '.join(POSITIONS)}, or a DICOM code (default: spine prone, hip supine)",
    )
    parser.add_argument(
        "--approach",
        action="append",
        choices=("transpedicular", "extrapedicular", "femoral"),
        metavar="APPROACH",
        help="transpedicular, extrapedicular or femoral; may be repeated (default: what fits the implants)",
    )
    parser.add_argument("--needle", action="append", metavar="GAUGE", help="needle to plan with (15G); may be repeated")


def add_picked(parser: argparse.ArgumentParser) -> None:
    """Add targets picked by hand."""
    parser.add_argument(
        "--target",
        dest="picked",
        action="append",
        type=point,
        metavar="x,y,z",
        help="a place to plan needles to, besides the gaps, also where none was told (LPS mm); may be repeated",
    )


def note_choice(findings: "Iterable[Finding]", *, with_cautions: bool = False) -> None:
    """Say on stderr which series was taken, where an input holds several; with cautions, all that is unsure."""
    from planner.report.said import merged

    choice = ("series-chosen", "series-refused")
    told = [f for f in findings if f.code in choice or (with_cautions and f.severity != "info")]
    for said in merged(told):
        sys.stderr.write(f"cement-planner: note: {' '.join(said.message.split())}\n")


def load(source: Path, config: "PlanConfig", *, monitor: "Monitor", ahead: "Sequence[str]" = ()) -> "Scan":
    """Load the CT of an input as the settings say.

    Parameters
    ----------
    source : Path
        Where the CT is.
    config : PlanConfig
        The settings.
    monitor : Monitor
        Follows the loading.
    ahead : sequence of str
        Modules that are needed afterwards. They are loaded meanwhile: slices are decoded without Python's lock.

    Returns
    -------
    Scan

    Raises
    ------
    InputError
        If the input holds no CT, or none that can be read rightly.
    """
    from planner.io import load_scan
    from planner.pipeline.ahead import loaded_ahead

    uid, assume_hu = config.series_instance_uid, config.assume_hu
    with loaded_ahead(ahead):
        return load_scan(source, series_instance_uid=uid, assume_hu=assume_hu, monitor=monitor)


def position_told(arguments: argparse.Namespace) -> "PatientPosition | None":
    """Give how the patient will lie, as the command line says.

    Parameters
    ----------
    arguments : argparse.Namespace
        Perhaps with ``--treatment-position``.

    Returns
    -------
    str or None
        A DICOM code; None where the command line does not say.
    """
    word = getattr(arguments, "treatment_position", None)
    return None if not word else cast("PatientPosition", POSITIONS.get(word, word))


def config_from(arguments: argparse.Namespace) -> "PlanConfig":
    """Build the settings: the file's, with the command line's words over them.

    Parameters
    ----------
    arguments : argparse.Namespace
        With what `add_input`, and perhaps `add_planning`, declare.

    Returns
    -------
    PlanConfig

    Raises
    ------
    ConfigError
        If the settings file is wrong.
    UsageError
        If a needle is unknown.
    """
    from planner.config.plan_config import PlanConfig, load_settings
    from planner.config.wishes_config import WishedTarget
    from planner.needles.catalogue import catalogue_of, needle_named

    config = PlanConfig() if arguments.settings is None else load_settings(arguments.settings)
    changes = _changes(arguments, config)
    needles: dict[str, object] = {}
    if getattr(arguments, "approach", None):
        needles["approaches"] = tuple(arguments.approach)
    if isinstance(gauges := getattr(arguments, "needle", None), list):
        known = catalogue_of(config.needles.catalogue)
        for gauge in gauges:
            needle_named(gauge, catalogue=known)  # a wrong name is said before any work is done
        named = tuple(gauges)
        needles |= {"spine_needles": named, "hip_needles": named}
    if points := getattr(arguments, "picked", None):
        more = tuple(WishedTarget(point_lps=one) for one in points)
        wishes = config.needles.wishes
        needles["wishes"] = wishes.model_copy(update={"targets": (*wishes.targets, *more)})
    if needles:
        changes["needles"] = config.needles.model_copy(update=needles)
    return config.model_copy(update=changes)


def _changes(arguments: argparse.Namespace, config: "PlanConfig") -> dict[str, object]:
    """Give the sections and settings that the command line sets, but needles."""
    changes: dict[str, object] = {}
    if arguments.series is not None:
        changes["series_instance_uid"] = arguments.series
    if getattr(arguments, "assume_hu", False):
        changes["assume_hu"] = True
    if (formats := getattr(arguments, "surfaces", None)) is not None:
        changes["output"] = config.output.model_copy(update={"surfaces": formats})
    if (position := position_told(arguments)) is not None:
        changes["treatment_position"] = position
    if getattr(arguments, "prophylactic", False):
        changes["spine_targets"] = config.spine_targets.model_copy(update={"prophylactic_levels": True})
    return changes
