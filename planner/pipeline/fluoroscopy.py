"""Fluoroscopy pictures of a plan: views, with needles, gaps and breaches drawn over them."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from planner.config.fluoro_config import FluoroConfig
from planner.config.plan_config import PlanConfig
from planner.fluoro.carm import console_angles_deg
from planner.fluoro.display import display_image
from planner.fluoro.overlay import LETTERING, Layer, Words, breach_layer, draw, frame_layer, gap_layer, needle_layer
from planner.fluoro.projectable import Projectable, make_projectable
from planner.fluoro.radiograph import Radiograph, take_picture
from planner.fluoro.radiograph import render_view as render_with_metal
from planner.fluoro.views import ap_view, lateral_view, trajectory_view, view_at, watch_view
from planner.geometry.frames import detector_direction
from planner.io.rectify import rectify_volume
from planner.model.carm import CArm
from planner.model.needle import Trajectory
from planner.model.volume import Volume
from planner.pipeline.planned_case import PlannedCase
from planner.progress import SILENT, Monitor, track
from planner.segment.implants.metal import find_metal

_SAME_VIEW_DEG = 5.0
"""Views nearer to each other than this show the same; by eye."""


def render_view(
    volume: Volume,
    carm: CArm,
    plan: PlannedCase | None = None,
    *,
    config: FluoroConfig | None = None,
    monitor: Monitor = SILENT,
) -> Radiograph:
    """Take one simulated fluoroscopy picture.

    Parameters
    ----------
    volume : Volume
        The CT.
    carm : CArm
        The C-arm.
    plan : PlannedCase or None
        Knows where the metal and the skin are; None finds the metal first.
    config : FluoroConfig or None
        The settings; None for the defaults.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    Radiograph
        Metal is opaque also where the CT clips it.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    volume = rectify_volume(volume).volume.in_patient_axes()
    metal = plan.metal if plan is not None else find_metal(volume, PlanConfig().implants, monitor=monitor).mask
    return render_with_metal(volume, carm, metal=metal, config=config or FluoroConfig(), monitor=monitor)


def view_png(
    volume: Volume, *, primary_deg: float, secondary_deg: float, config: PlanConfig, monitor: Monitor = SILENT
) -> bytes:
    """Take one picture of a CT as PNG, with angles, orientation letters and scale.

    Parameters
    ----------
    volume : Volume
        The CT.
    primary_deg, secondary_deg : float
        DICOM positioner angles.
    config : PlanConfig
        The settings.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    bytes
        Aimed at the middle of the metal, or of the CT where there is none.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    volume = rectify_volume(volume).volume.in_patient_axes()
    metal = find_metal(volume, config.implants, monitor=monitor).mask
    where = np.argwhere(metal.voxels)
    whole = (np.zeros(3), np.array(volume.grid.shape) - 1.0)
    low, high = (where.min(axis=0), where.max(axis=0)) if len(where) else whole
    middle_idx = (low + high) / 2
    centre = volume.grid.to_lps(middle_idx)
    carm = view_at(centre, primary_deg=primary_deg, secondary_deg=secondary_deg, config=config.fluoroscopy)
    radiograph = render_with_metal(volume, carm, metal=metal, config=config.fluoroscopy, monitor=monitor)
    layers = [frame_layer(carm), *coverage_layer(radiograph)]
    return png_bytes(draw(display_image(radiograph, config=config.fluoroscopy), layers))


def plan_pictures(case: PlannedCase, config: FluoroConfig, *, monitor: Monitor = SILENT) -> dict[str, bytes]:
    """Draw each gap's first needle in its bull's-eye, AP and lateral view, and each breach in its watch view.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    config : FluoroConfig
        The settings.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    dict
        PNG by name: ``<trajectory id>/bulls-eye``, ``/ap`` (prone: ``/pa``), ``/lateral`` (not where the bull's-eye is
        that view), and ``/watch`` where its gap has a breach with a view to watch it from.
    """
    first = [t for t in case.plan.trajectories if t.rank == 1]
    if not first:
        return {}
    projectable = make_projectable(case.scan.volume, metal=case.metal, config=config)
    prone = (case.plan.treatment_position or "HFS").endswith("P")
    pictures: dict[str, bytes] = {}
    for needle in track(first, stage="drawing fluoroscopy", monitor=monitor):
        views = {
            "bulls-eye": trajectory_view(needle, config=config),
            # Named by where it is seen from: prone, the patient's left is on the viewer's left.
            "pa" if prone else "ap": ap_view(
                needle.target_lps, config=config, detector_side="posterior" if prone else "anterior"
            ),
            "lateral": lateral_view(needle.target_lps, config=config),
        }
        if _same_way(views["bulls-eye"], views["lateral"]):
            del views["lateral"]
        watched = [b for b in case.plan.breaches if b.gap_id == needle.gap_id and b.watch_view is not None]
        if watched and (view := watch_view(watched[0], config=config)) is not None:
            views["watch"] = view
        for name, carm in views.items():
            pictures[f"{needle.id}/{name}"] = _picture(case, projectable, carm, needle, config)
    return pictures


def _same_way(one: CArm, other: CArm) -> bool:
    """Say whether two views can't be told apart by eye."""
    towards = [detector_direction(carm.primary_deg, carm.secondary_deg) for carm in (one, other)]
    return bool(towards[0] @ towards[1] > np.cos(np.radians(_SAME_VIEW_DEG)))


def coverage_layer(radiograph: Radiograph) -> tuple[Layer, ...]:
    """Say in the picture that part of the body is missing from it, where beams run past the CT's cut ends."""
    if not radiograph.cut.any():
        return ()
    words = Words((34.0, 7.0), "dimmed: CT ends in the beam", LETTERING, "lt")
    return (Layer("coverage", (words,)),)


def png_bytes(picture: npt.NDArray[np.uint8]) -> bytes:
    """Pack a grey (rows, columns) or RGB (rows, columns, 3) picture as PNG."""
    packed = io.BytesIO()
    Image.fromarray(picture).save(packed, format="PNG")
    return packed.getvalue()


def _picture(
    case: PlannedCase, projectable: Projectable, carm: CArm, needle: Trajectory, config: FluoroConfig
) -> bytes:
    radiograph = take_picture(projectable, carm, config=config)
    layers = [*_layers(case, carm, needle), *coverage_layer(radiograph)]
    return png_bytes(draw(display_image(radiograph, config=config), layers))


def _layers(case: PlannedCase, carm: CArm, needle: Trajectory) -> list[Layer]:
    gap = next((space for space in case.anatomy.gaps if space.id == needle.gap_id), None)
    breaches = [b for b in case.plan.breaches if b.gap_id == needle.gap_id]
    console = console_angles_deg(carm.primary_deg, carm.secondary_deg, case.plan.treatment_position or "HFS")
    layers = [breach_layer(breaches, carm), needle_layer(needle, carm), frame_layer(carm, console_deg=console)]
    return layers if gap is None else [gap_layer(gap.mask, carm), *layers]
