"""The C-arm's turn about the patient, as a moving picture."""

import io
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.overlay import draw
from planner.fluoro.views import view_at
from planner.model.carm import CArm
from planner.pipeline.fluoroscopy.pictures import Picture, picture_of
from planner.pipeline.fluoroscopy.scene import FluoroScene
from planner.progress import SILENT, Monitor, track

_SMALL = 288
"""Rows and columns of the report's turn: half a screen's, which keeps the report small."""
_STEP_DEG = 7.5
_QUALITY = 72
"""Of the moving picture's lossy coding; by eye."""


def turn_angles(*, middle_deg: float, span_deg: float, step_deg: float) -> tuple[float, ...]:
    """List the primary angles of a turn: from the middle to one side, over to the other and back.

    Parameters
    ----------
    middle_deg : float
        Where it begins and ends: 0 with the detector in front of the patient, 180 behind.
    span_deg : float
        From one end to the other.
    step_deg : float
        Between two pictures.

    Returns
    -------
    tuple of float
        In -180..180; played again and again they go on without a jump.
    """
    count = max(round(span_deg / 2.0 / step_deg), 1)
    there = np.linspace(0.0, span_deg / 2.0, count + 1)
    swing = np.concatenate([there, there[-2::-1], -there[1:], -there[-2:0:-1]])
    return tuple(float((middle_deg + angle + 180.0) % 360.0 - 180.0) for angle in swing)


def turn_pictures(
    scene: FluoroScene,
    carm: CArm,
    config: FluoroConfig,
    *,
    primary_deg: Sequence[float],
    needles: Sequence[str] | None = None,
    gaps: Sequence[str] | None = None,
    monitor: Monitor = SILENT,
) -> Iterator[Picture]:
    """Take the pictures of a turn; what was taken at an angle before is not taken again.

    Parameters
    ----------
    scene : FluoroScene
        The patient.
    carm : CArm
        The C-arm; all but its primary angle stays.
    config : FluoroConfig
        The settings.
    primary_deg : sequence of float
        Positioner primary angles, in the order of the pictures.
    needles, gaps : sequence of str, or None
        As `picture_of`.
    monitor : Monitor
        Follows the work, and may stop it.

    Yields
    ------
    Picture

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    taken: dict[float, Picture] = {}
    for angle in track(primary_deg, stage="turning the C-arm", monitor=monitor):
        key = round(angle, 3)
        if key not in taken:
            turned = carm.model_copy(update={"primary_deg": angle})
            taken[key] = picture_of(scene, turned, config, needles=needles, gaps=gaps)
        yield taken[key]


def plan_turn(scene: FluoroScene, config: FluoroConfig, *, monitor: Monitor = SILENT) -> list[Picture]:
    """Take the pictures of a turn about a plan's gaps, small enough for the report.

    Parameters
    ----------
    scene : FluoroScene
        The patient, with the plan.
    config : FluoroConfig
        The settings.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    list of Picture
        From the frontal view (of a patient who lies prone from behind) to the lateral ones and back; none without a
        gap.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    if scene.plan is None or not scene.plan.gaps:
        return []
    small = config.model_copy(
        update={"rows": _SMALL, "columns": _SMALL, "pixel_mm": config.pixel_mm * config.columns / _SMALL}
    )
    middle = 180.0 if (scene.position or "HFS").endswith("P") else 0.0
    at = np.mean([gap.centroid_lps for gap in scene.plan.gaps], axis=0)
    carm = view_at(at, primary_deg=middle, secondary_deg=0.0, config=small)
    angles = turn_angles(middle_deg=middle, span_deg=180.0, step_deg=_STEP_DEG)
    return list(turn_pictures(scene, carm, small, primary_deg=angles, monitor=monitor))


def moving_picture(pictures: Sequence[Picture], *, frame_ms: int = 90, burnt_in: bool = True) -> bytes:
    """Pack pictures as an animated WebP, which browsers and viewers of pictures play without end.

    Parameters
    ----------
    pictures : sequence of Picture
        At least one.
    frame_ms : int
        How long each is shown.
    burnt_in : bool
        Whether their layers are drawn over them.

    Returns
    -------
    bytes
    """
    # On its way back a turn shows the same pictures again.
    drawn: dict[int, Image.Image] = {}
    for picture in pictures:
        if id(picture) not in drawn:
            shown = draw(picture.grey, picture.layers) if burnt_in else picture.grey
            drawn[id(picture)] = Image.fromarray(shown).convert("RGB")
    frames = [drawn[id(picture)] for picture in pictures]
    packed = io.BytesIO()
    frames[0].save(
        packed, "WEBP", save_all=True, append_images=frames[1:], duration=frame_ms, loop=0, quality=_QUALITY, method=4
    )
    return packed.getvalue()
