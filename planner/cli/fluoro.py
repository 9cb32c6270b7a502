"""``cement-planner fluoro``: what the fluoroscope will show, as a picture, as DICOM, or as a turn of the C-arm."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from planner.cli._expected_cement import add_cement, arrival_of, cement_in, require_cement
from planner.cli._options import CODES, POSITIONS, add_input, config_from, load, path, point, position_told
from planner.cli._privacy import add_pseudonyms, pseudonyms_told

if TYPE_CHECKING:
    from planner.config.fluoro_config import FluoroConfig
    from planner.config.plan_config import PlanConfig
    from planner.model.carm import CArm
    from planner.model.labels import LabelMap
    from planner.model.plan import PatientPosition, Plan
    from planner.model.scan import Scan
    from planner.pipeline.fluoroscopy.pictures import Picture
    from planner.pipeline.fluoroscopy.scene import FluoroScene
    from planner.progress import Monitor

_FORMATS = (".png", ".dcm", ".webp")
_TURN_STEP_DEG = 5.0
"""Between two pictures of a turn: small enough to be seen as one movement; by eye."""
_REALISTIC = {"scatter_to_primary": 0.8, "photons_per_pixel": 1000.0}
"""Scatter that a grid leaves behind a trunk, and four averaged frames: usual figures, no source."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options to its parser."""
    add_input(parser)
    view = parser.add_argument_group("which way the C-arm looks")
    view.add_argument("--primary", type=float, metavar="DEG", help="positioner primary angle, LAO positive")
    view.add_argument("--secondary", type=float, metavar="DEG", help="positioner secondary angle, cranial positive")
    view.add_argument(
        "--view",
        metavar="NAME",
        help="instead of angles: ap, pa, lateral, right-lateral, lao, rao (30 degrees); with --plan also the id of a "
        "needle (its bull's-eye), an implant (along it) or a breach (its watch view); with --aim GAP endplates or "
        "true-lateral of its vertebra",
    )
    view.add_argument(
        "--aim", metavar="ID|x,y,z", help="what stays in the middle: a thing of the plan, or a point, LPS mm"
    )
    view.add_argument(
        "--turn", type=float, metavar="DEG", help="a turn of the C-arm by so much about the view, as FILE.webp or .dcm"
    )
    view.add_argument(
        "--treatment-position",
        choices=(*POSITIONS, *CODES),
        metavar="POSITION",
        help="how the patient will lie, for the angles at the console (default: as the plan says)",
    )
    view.add_argument("--console", action="store_true", help="the angles given are those at the console")
    over = parser.add_argument_group("what is laid over the picture")
    over.add_argument(
        "--plan", type=path, metavar="OUT", help="a plan's folder: its gaps, breaches and needles are known then"
    )
    add_cement(over)
    over.add_argument("--overlay", action="store_true", help="burn lettering and what the plan has into the picture")
    over.add_argument("--layers", type=path, metavar="DIR", help="write each layer as a clear PNG of its own into DIR")
    screen = parser.add_argument_group("what the console does to the picture")
    screen.add_argument("--invert", action="store_true", help="show metal bright")
    screen.add_argument("--rotate", type=float, metavar="DEG", help="turn the image clockwise")
    screen.add_argument("--flip", choices=("left_right", "top_bottom"), help="mirror the image, after turning it")
    screen.add_argument("--shutters", type=_size, metavar="WxH", help="open field at the isocentre, mm: 80x120")
    screen.add_argument("--realistic", action="store_true", help="with scatter and quantum noise")
    screen.add_argument("--keep-table", action="store_true", help="leave the CT's table in the picture")
    parser.add_argument("-o", "--output", type=path, required=True, metavar="FILE", help="FILE.png, .dcm or .webp")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE where it exists")
    add_pseudonyms(parser)


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
    from planner.io.rectify import rectify_volume
    from planner.pipeline.fluoroscopy.files import require_headers
    from planner.pipeline.fluoroscopy.scene import scene_of_ct
    from planner.pipeline.pseudonymised import under_pseudonym

    _require_output(arguments)
    _require_view(arguments)
    config, pseudonyms = _config(arguments), pseudonyms_told(arguments)
    require_cement(arguments)
    plan, labels = _plan_of(arguments.plan) if arguments.plan is not None else (None, None)
    arrival = None if plan is None or arguments.cement is None else arrival_of(plan, arguments)
    with (
        TerminalMonitor() as monitor,
        under_pseudonym(load(arguments.input, config, monitor=monitor), pseudonyms) as scan,
    ):
        if plan is not None:
            _require_same_ct(plan, scan)
        if arguments.output.suffix.lower() == ".dcm":
            require_headers(scan.slice_files)
        volume = rectify_volume(scan.volume).volume.in_patient_axes()
        cement = None if arrival is None else cement_in(volume, arrival, arguments.cement)
        told, table = position_told(arguments), arguments.keep_table
        _note_position(plan, config, told)
        scene = scene_of_ct(
            volume, config, plan=plan, labels=labels, expected=cement, position=told, keep_table=table, monitor=monitor
        )
        line = _take(scene, scan, arguments, config, monitor)
    sys.stdout.write(line + "\n")
    return 0


def _require_output(arguments: argparse.Namespace) -> None:
    """Refuse files that cannot be, before any work is done."""
    from planner.errors import UsageError

    output: Path = arguments.output
    kind = output.suffix.lower()
    if kind not in _FORMATS:
        raise UsageError(f"{output.name} is none of {', '.join(_FORMATS)}; name the picture FILE.png, say")
    if kind == (".webp" if arguments.turn is None else ".png"):
        raise UsageError("a turn is written as .webp or .dcm, one picture as .png or .dcm; give another -o, or --turn")
    if not output.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {output.parent} to write {output.name} into; make it first")
    if output.exists() and not arguments.overwrite:
        raise UsageError(f"{output.name} exists; give --overwrite to replace it, or choose another -o")
    if arguments.turn is not None and not 1.0 <= arguments.turn <= 360.0:
        raise UsageError(f"--turn takes 1 to 360 degrees, not {arguments.turn:g}")
    if arguments.layers is not None:
        _require_layers(arguments)


def _require_layers(arguments: argparse.Namespace) -> None:
    """Refuse a folder of layers that cannot be, or that holds another view's."""
    from planner.errors import UsageError

    layers: Path = arguments.layers
    if arguments.turn is not None:
        raise UsageError("a turn has no layers to be written; leave --layers away, or --turn")
    if layers.exists() and not layers.is_dir():
        raise UsageError(f"--layers {layers.name} is a file; name a folder")
    if layers.is_dir() and any(layers.iterdir()) and not arguments.overwrite:
        raise UsageError(
            f"the folder {layers.name} holds files, perhaps another view's layers; name an empty one, or "
            "give --overwrite"
        )


def _require_view(arguments: argparse.Namespace) -> None:
    """Refuse views that cannot be, before any work is done."""
    from planner.errors import UsageError

    angles = [arguments.primary is not None, arguments.secondary is not None]
    if arguments.view is not None and any(angles):
        raise UsageError("give either --view or --primary and --secondary")
    if arguments.view is None and not all(angles):
        raise UsageError("say which way the C-arm looks: --primary and --secondary, or --view (ap, lateral, ...)")
    if all(angles) and not (-180 <= arguments.primary <= 180 and -90 <= arguments.secondary <= 90):
        raise UsageError("angles out of range: --primary takes -180 to 180, --secondary -90 to 90 degrees")
    if arguments.rotate is not None and not -180 <= arguments.rotate <= 180:
        raise UsageError(f"--rotate takes -180 to 180 degrees, not {arguments.rotate:g}")
    if arguments.console and not all(angles):
        raise UsageError("--console says how --primary and --secondary are meant; give both")
    if arguments.console and arguments.plan is None and arguments.treatment_position is None:
        raise UsageError("--console needs to know how the patient lies: give --treatment-position, or --plan")


def _config(arguments: argparse.Namespace) -> "PlanConfig":
    from planner.config.fluoro_config import FluoroConfig

    config = config_from(arguments)
    changes: dict[str, object] = dict(_REALISTIC) if arguments.realistic else {}
    if arguments.invert:
        changes["polarity"] = "bright_metal"
    if arguments.rotate is not None:
        changes["image_rotation_deg"] = arguments.rotate
    if arguments.flip is not None:
        changes["image_flip"] = arguments.flip
    if arguments.shutters is not None:
        changes["collimation_mm"] = arguments.shutters
    fluoroscopy = FluoroConfig.model_validate(config.fluoroscopy.model_dump() | changes)
    return config.model_copy(update={"fluoroscopy": fluoroscopy})


def _plan_of(folder: Path) -> "tuple[Plan, LabelMap | None]":
    """Read a plan, and the labels beside it."""
    from planner.errors import UsageError
    from planner.io.nifti import read_label_nifti
    from planner.io.plan_json import load_plan

    file = folder if folder.name == "plan.json" else folder / "plan.json"
    if not file.is_file():
        raise UsageError(f"{folder.name} holds no plan.json; give the folder that 'cement-planner plan' made")
    plan = load_plan(file)
    labels = file.with_name("labels.nii.gz")
    if labels.is_file():
        return plan, read_label_nifti(labels, structures=plan.labels)
    sys.stderr.write("cement-planner: note: no labels.nii.gz lies beside the plan; gaps are not outlined\n")
    return plan, None


def _require_same_ct(plan: "Plan", scan: "Scan") -> None:
    """Refuse a plan of another CT: its needles would be drawn into the wrong patient."""
    from planner.errors import InputError

    made_on, given = plan.series, scan.series
    same = made_on.shape_zyx == given.shape_zyx and made_on.name == given.name
    if not (same and made_on.frame_of_reference_uid == given.frame_of_reference_uid):
        raise InputError(
            "the plan was made on another CT than the one given (series, frame of reference or voxels differ); "
            "give the CT of the plan, with --series where the input holds several"
        )


def _note_position(plan: "Plan | None", config: "PlanConfig", told: "PatientPosition | None") -> None:
    """Say so where the patient is asked to lie otherwise than the plan was made for."""
    planned = None if plan is None else plan.treatment_position
    asked = told or config.treatment_position
    if planned is not None and asked is not None and asked != planned:
        drawn = f"drawn {told}, as --treatment-position says" if told else f"drawn so, not {asked} as the settings say"
        sys.stderr.write(f"cement-planner: note: the plan was made for a patient who lies {planned}; {drawn}\n")


def _take(
    scene: "FluoroScene",
    scan: "Scan",
    arguments: argparse.Namespace,
    config: "PlanConfig",
    monitor: "Monitor",
) -> str:
    """Take the pictures, write them, and say in one line what they show."""
    from planner.fluoro.carm import orientation_letters
    from planner.pipeline.fluoroscopy.files import PictureTarget, write_layers, write_picture, write_turn
    from planner.pipeline.fluoroscopy.pictures import picture_of
    from planner.pipeline.fluoroscopy.turn import turn_angles, turn_pictures

    fluoroscopy = config.fluoroscopy
    carm = _carm(scene, arguments, fluoroscopy)
    needle_ids = () if scene.plan is None else tuple(way.id for way in scene.plan.ways)
    needles = [arguments.view] if arguments.view in needle_ids else None
    target = PictureTarget(arguments.output, slice_files=scan.slice_files, burnt_in=arguments.overlay)
    if arguments.turn is not None:
        swing = turn_angles(middle_deg=carm.primary_deg, span_deg=arguments.turn, step_deg=_TURN_STEP_DEG)
        pictures = turn_pictures(scene, carm, fluoroscopy, primary_deg=swing, needles=needles, monitor=monitor)
        count = write_turn(list(pictures), target, fluoroscopy, position=scene.position)
        return f"{arguments.output}: {count} pictures, {arguments.turn:g} degrees about {_words(carm)}"
    shown = None if scene.plan is None else [b.gap_id for b in scene.plan.breaches if b.id == arguments.view] or None
    picture = picture_of(scene, carm, fluoroscopy, needles=needles, gaps=shown, monitor=monitor)
    for note in _notes(picture, fluoroscopy):
        sys.stderr.write(f"cement-planner: note: {note}\n")
    write_picture(picture, target, fluoroscopy, position=scene.position)
    if arguments.layers is not None:
        write_layers(picture, arguments.layers)
    console = picture.console_deg
    dial = "" if console is None else f", at the console {console[0]:.1f} / {console[1]:.1f}"
    letters = orientation_letters(carm)
    sides = f"left edge {letters['left']}, right {letters['right']}, top {letters['top']}"
    return f"{arguments.output}: {_words(carm)}{dial}; {sides}"


def _notes(picture: "Picture", config: "FluoroConfig") -> list[str]:
    """Say what the picture cannot show, and where the gantry does not go."""
    notes = []
    seen = picture.radiograph
    if not ((seen.attenuation > config.open_beam) & ~seen.cut).any():
        notes.append(
            "no beam of this view passes the CT and all of the body: the picture is empty or dimmed; --aim "
            "elsewhere, or choose another angle"
        )
    if seen.shortened:
        notes.append("the body goes on beyond the CT along the beam: the fluoroscope's picture will be less clear")
    if picture.console_deg is not None and not config.gantry.reaches(*picture.console_deg):
        notes.append("the gantry does not reach these angles in this position of the patient")
    return notes


def _carm(scene: "FluoroScene", arguments: argparse.Namespace, config: "FluoroConfig") -> "CArm":
    """Set up the C-arm that the command line asks for."""
    from planner.errors import UsageError
    from planner.fluoro.console import patient_angles_deg
    from planner.fluoro.views import view_at
    from planner.geometry.frames import point_tuple
    from planner.pipeline.fluoroscopy.named_views import named_view, place_of

    point = _point(arguments.aim)
    if arguments.view is not None:
        carm = named_view(arguments.view, scene, config, aim=None if point else arguments.aim)
        return carm if point is None else carm.model_copy(update={"isocentre_lps": point})
    angles = (arguments.primary, arguments.secondary)
    if arguments.console:
        if scene.position is None:
            raise UsageError("the plan does not say how the patient will lie; give --treatment-position for --console")
        angles = patient_angles_deg(*angles, scene.position)
    if point is None:
        point = scene.middle_lps if arguments.aim is None else place_of(arguments.aim, scene.plan)
    return view_at(point_tuple(point), primary_deg=angles[0], secondary_deg=angles[1], config=config)


def _words(carm: "CArm") -> str:
    from planner.fluoro.overlay import angles_text

    return f"{angles_text(carm.primary_deg, carm.secondary_deg)} ({carm.primary_deg:.1f} / {carm.secondary_deg:.1f})"


def _point(text: str | None) -> tuple[float, float, float] | None:
    """Take three numbers with commas as a point; anything else is the name of something."""
    if text is None or "," not in text:
        return None
    from planner.errors import UsageError

    try:
        return point(text)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"--aim: {error}") from None


def _size(text: str) -> tuple[float, float]:
    try:
        width, height = (float(part) for part in text.lower().split("x"))
    except ValueError:
        width = height = 0.0
    if not (0.0 < width < 1000.0 and 0.0 < height < 1000.0):
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write width x height in mm: 80x120")
    return width, height
