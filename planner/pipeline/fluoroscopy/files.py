"""Fluoroscopy pictures as files: PNG, DICOM, moving pictures, layers apart."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from planner.config.fluoro_config import FluoroConfig
from planner.errors import OutputError, UsageError
from planner.fluoro.carm import orientation_letters
from planner.fluoro.overlay import angles_text, draw_apart
from planner.fluoro.projectable import cut_to_box
from planner.io.dicom.fluoroscopy import FluoroscopyFrame, write_fluoroscopy
from planner.io.dicom.overlay_planes import MOST_PLANES, OverlayPlane
from planner.io.dicom.source_study import SourceCt, read_source_ct
from planner.io.whole_file import write_whole
from planner.model.plan import PatientPosition
from planner.pipeline.fluoroscopy.headers import has_headers
from planner.pipeline.fluoroscopy.pictures import Picture, plan_pictures, png_bytes
from planner.pipeline.fluoroscopy.scene import scene_of_case
from planner.pipeline.fluoroscopy.turn import moving_picture, plan_turn
from planner.pipeline.planned_case import PlannedCase
from planner.progress import SILENT, Monitor
from planner.report.review_words import review_line

_OPAQUE = 127
"""Alpha above which a pixel of a layer counts as drawn where a layer has no half-tones."""
_FRAME_MS = 90


@dataclass(frozen=True, slots=True)
class PictureTarget:
    """Where a picture goes.

    Parameters
    ----------
    path : Path
        The file; its suffix says the format.
    slice_files : tuple of Path, or SourceCt
        The CT's DICOM files, whose patient and study a DICOM picture belongs to, or what was read of them already.
    burnt_in : bool
        Whether its layers are drawn into the picture.
    """

    path: Path
    slice_files: tuple[Path, ...] | SourceCt = ()
    burnt_in: bool = False


def write_picture(
    picture: Picture, target: PictureTarget, config: FluoroConfig, *, position: PatientPosition | None, number: int = 1
) -> None:
    """Write one picture, as PNG or DICOM.

    Parameters
    ----------
    picture : Picture
        The picture.
    target : PictureTarget
        Where to; a DICOM file carries the layers as overlay planes, which a viewer shows and hides.
    config : FluoroConfig
        The settings, for the tube voltage.
    position : str or None
        How the patient lies.
    number : int
        Instance number within its series.

    Raises
    ------
    OutputError
        If the file cannot be written, or DICOM is asked for and the CT was none.
    """
    if target.path.suffix.lower() != ".dcm":
        write_whole(picture.png(burnt_in=target.burnt_in), target.path)
        return
    planes = () if target.burnt_in else _planes(picture)
    write_fluoroscopy(
        [_frame(picture, burnt_in=target.burnt_in)],
        target.path,
        source_slice_files=_sources(target),
        treatment_position=position,
        kv=config.tube_kv if config.spectrum is None else None,
        description=f"simulated fluoroscopy, {angles_text(picture.carm.primary_deg, picture.carm.secondary_deg)}",
        overlays=planes,
        burned_in=target.burnt_in,
        instance_number=number,
        notes=_review_notes([picture]),
        plan=picture.plan,
    )


def write_turn(
    pictures: Sequence[Picture], target: PictureTarget, config: FluoroConfig, *, position: PatientPosition | None
) -> int:
    """Write the pictures of a turn, as a moving WebP or as multi-frame DICOM.

    Parameters
    ----------
    pictures : sequence of Picture
        The pictures, in order.
    target : PictureTarget
        Where to.
    config : FluoroConfig
        The settings, for the tube voltage.
    position : str or None
        How the patient lies.

    Returns
    -------
    int
        How many pictures were written.

    Raises
    ------
    OutputError
        If the file cannot be written, or DICOM is asked for and the CT was none.
    """
    if target.path.suffix.lower() != ".dcm":
        write_whole(moving_picture(pictures, frame_ms=_FRAME_MS, burnt_in=target.burnt_in), target.path)
        return len(pictures)
    write_fluoroscopy(
        [_frame(picture, burnt_in=target.burnt_in) for picture in pictures],
        target.path,
        source_slice_files=_sources(target),
        treatment_position=position,
        kv=config.tube_kv if config.spectrum is None else None,
        description="simulated turn of the C-arm",
        burned_in=target.burnt_in,
        frame_time_ms=_FRAME_MS,
        notes=_review_notes(pictures),
        plan=next((picture.plan for picture in pictures if picture.plan is not None), None),
    )
    return len(pictures)


def write_layers(picture: Picture, folder: Path) -> None:
    """Write each layer of a picture as a clear PNG of its own.

    Parameters
    ----------
    picture : Picture
        The picture.
    folder : Path
        Where to; it is made where it is not there, and files of the same names are replaced.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder.name} cannot be made: {error.strerror}; choose another folder") from None
    rows, columns = picture.grey.shape
    for layer in picture.layers:
        if layer.shapes:
            name = layer.name.replace(" ", "-")
            write_whole(png_bytes(draw_apart([layer], (rows, columns))), folder / f"{name}.png")


def write_plan_fluoroscopy(
    case: PlannedCase, folder: Path, config: FluoroConfig, *, monitor: Monitor = SILENT
) -> dict[str, bytes]:
    """Write a plan's fluoroscopy pictures into a folder that it makes.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    folder : Path
        Where; it must not exist.
    config : FluoroConfig
        The settings.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    dict of str to bytes
        For the report: the pictures as PNG with their layers burnt in, by the names of `plan_pictures`, and
        the C-arm's turn as WebP, ``turn/gaps``.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    OutputError
        If a file cannot be written.
    """
    folder.mkdir()
    if not case.plan.gaps:
        return {}
    shown: dict[str, bytes] = {}
    scene = scene_of_case(case, config)
    # Each picture looks for a gap's voxels anew: in its box, not on the whole CT.
    scene = replace(scene, gaps={name: cut_to_box(mask) for name, mask in scene.gaps.items()})
    as_dicom = has_headers(case.plan, case.scan)
    files = read_source_ct(case.scan.slice_files) if as_dicom else ()
    for number, (name, picture) in enumerate(plan_pictures(scene, config, monitor=monitor).items(), start=1):
        shown[name] = picture.png()
        place = folder / f"{name.replace('/', '-')}.png"
        write_whole(shown[name], place)
        if as_dicom:
            target = PictureTarget(place.with_suffix(".dcm"), slice_files=files)
            write_picture(picture, target, config, position=scene.position, number=number)
    turn = plan_turn(scene, config, monitor=monitor)
    if turn:
        shown["turn/gaps"] = moving_picture(turn, frame_ms=_FRAME_MS)
        write_whole(shown["turn/gaps"], folder / "turn.webp")
    return shown


def require_headers(slice_files: Sequence[Path]) -> None:
    """Refuse DICOM pictures of a CT that has no DICOM headers.

    Parameters
    ----------
    slice_files : sequence of Path
        The CT's DICOM files; none where it was read from NIfTI, say.

    Raises
    ------
    UsageError
        If there are none.
    """
    if not slice_files:
        raise UsageError(
            "the CT is no DICOM series, so there are no headers to take the patient and the study from; write a .png"
        )


def _review_notes(pictures: Sequence[Picture]) -> tuple[str, ...]:
    """Say of pictures with a plan over them whether a person stands behind it."""
    reviews = dict.fromkeys(picture.plan.review for picture in pictures if picture.plan is not None)
    return tuple(f"{review_line(review)}." for review in reviews)


def _sources(target: PictureTarget) -> tuple[Path, ...] | SourceCt:
    if not isinstance(target.slice_files, SourceCt):
        require_headers(target.slice_files)
    return target.slice_files


def _frame(picture: Picture, *, burnt_in: bool) -> FluoroscopyFrame:
    pixels = picture.grey
    if burnt_in:
        # These pictures are grey: what is drawn is as bright as its brightest colour, or it would drown in them.
        sheet = draw_apart(picture.layers, (picture.carm.rows, picture.carm.columns)).astype(np.float64)
        share = sheet[..., 3] / 255.0
        pixels = np.rint(share * sheet[..., :3].max(axis=-1) + (1.0 - share) * picture.grey).astype(np.uint8)
    letters = orientation_letters(picture.carm)
    return FluoroscopyFrame(picture.carm, pixels, picture.console_deg, (letters["right"], letters["bottom"]))


def _planes(picture: Picture) -> list[OverlayPlane]:
    """Give each layer as a plane; where there are more than DICOM has room for, those of one kind share one."""
    drawn = [layer for layer in picture.layers if layer.shapes]
    names = [layer.name for layer in drawn]
    if len(drawn) > MOST_PLANES:
        names = [re.split(r"[ -]", name)[0] for name in names]
    rows, columns = picture.grey.shape
    return [
        OverlayPlane(name, draw_apart([lay for lay, own in zip(drawn, names, strict=True) if own == name],
                                      (rows, columns), rimmed=False)[..., 3] > _OPAQUE)
        for name in dict.fromkeys(names)
    ]  # fmt: skip
