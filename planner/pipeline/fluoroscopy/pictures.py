"""Fluoroscopy pictures: taken in a scene, with needles, gaps and breaches in layers over them."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from planner.config.fluoro_config import FluoroConfig
from planner.config.plan_config import PlanConfig
from planner.errors import GeometryError
from planner.fluoro.breach_overlay import breach_layer
from planner.fluoro.console import console_angles_deg, frontal_side, reachable_side
from planner.fluoro.display import display_image
from planner.fluoro.overlay import (
    LETTERING,
    Layer,
    Words,
    cement_layer,
    draw,
    frame_layer,
    gap_layer,
    needle_layer,
)
from planner.fluoro.radiograph import Radiograph, take_picture
from planner.fluoro.radiograph import render_view as render_with_metal
from planner.fluoro.views import ap_view, lateral_view, trajectory_view, watch_view
from planner.geometry.frames import detector_direction
from planner.io.rectify import rectify_volume
from planner.model.carm import CArm
from planner.model.needle import NeedleWay
from planner.model.plan import Plan
from planner.model.proposal import no_candidate, proposed_needles
from planner.model.volume import Mask, Volume
from planner.pipeline.expected_cement import mask_on
from planner.pipeline.fluoroscopy.alloys import alloys_of
from planner.pipeline.fluoroscopy.scene import FluoroScene, body_of
from planner.pipeline.planned_case import PlannedCase
from planner.progress import SILENT, Monitor, track
from planner.report.review_words import review_note
from planner.segment.implants.metal import find_metal

_SAME_VIEW_DEG = 5.0
"""Views nearer to each other than this show the same; by eye."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One fluoroscopy picture and what can be laid over it.

    Parameters
    ----------
    radiograph : Radiograph
        What the detector got.
    grey : ndarray of uint8, shape (rows, columns)
        What the screen shows, without lettering.
    layers : tuple of Layer
        What can be laid over it, the last on top.
    console_deg : tuple of float or None
        Primary and secondary angle at the console; None where nobody said how the patient lies.
    plan : Plan or None
        The plan that is drawn over it; None without one.
    """

    radiograph: Radiograph
    grey: npt.NDArray[np.uint8]
    layers: tuple[Layer, ...]
    console_deg: tuple[float, float] | None
    plan: Plan | None = None

    @property
    def carm(self) -> CArm:
        """The C-arm."""
        return self.radiograph.carm

    def png(self, *, burnt_in: bool = True) -> bytes:
        """Pack the picture as PNG, with its layers burnt in or without any."""
        return png_bytes(draw(self.grey, self.layers) if burnt_in else self.grey)


def render_view(
    volume: Volume,
    carm: CArm,
    plan: Plan | PlannedCase | None = None,
    *,
    cement: Mask | None = None,
    config: FluoroConfig | None = None,
    without_table: bool = False,
    monitor: Monitor = SILENT,
) -> Radiograph:
    """Take one simulated fluoroscopy picture.

    Parameters
    ----------
    volume : Volume
        The CT.
    carm : CArm
        The C-arm.
    plan : Plan, PlannedCase or None
        Knows of which alloy each implant is; None takes all metal to be the settings' `metal_material`.
    cement : Mask or None
        Cement to be added, on any grid of the same patient: `ArrivalMap.cement_at` of a simulated fill, say.
    config : FluoroConfig or None
        The settings; None for the defaults.
    without_table : bool
        Leave away what lies outside of the patient: the CT's table, clothing.
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
    GeometryError
        If the cement belongs to another frame of reference, the plan was made on another CT, or the C-arm's distances
        cannot be.
    """
    told = plan.plan if isinstance(plan, PlannedCase) else plan
    if told is not None:
        _require_same_ct(told, volume)
    volume = rectify_volume(volume).volume.in_patient_axes()
    if isinstance(plan, PlannedCase) and plan.metal.grid.is_same(volume.grid):
        metal = plan.metal
    else:
        metal = find_metal(volume, PlanConfig().implants, monitor=monitor).mask
    if cement is not None and not cement.grid.is_same(volume.grid):
        cement = mask_on(cement, volume.grid)
    return render_with_metal(
        volume,
        carm,
        metal=metal,
        cement=cement,
        body=body_of(volume) if without_table else None,
        alloys={} if told is None else alloys_of(metal, told.implants),
        config=config or FluoroConfig(),
        monitor=monitor,
    )


def _require_same_ct(plan: Plan, volume: Volume) -> None:
    """Refuse a plan of another CT, as far as a volume tells which it is."""
    named = plan.series.frame_of_reference_uid, volume.grid.frame_of_reference_uid
    told = None not in named
    # The axes may lie otherwise than in the file.
    same = named[0] == named[1] if told else sorted(plan.series.shape_zyx) == sorted(volume.grid.shape)
    if not same:
        raise GeometryError(
            "the plan was made on another CT than the volume (frame of reference or number of voxels differ); give the "
            "plan's own CT"
        )


def picture_of(
    scene: FluoroScene,
    carm: CArm,
    config: FluoroConfig,
    *,
    needles: Sequence[str] | None = None,
    gaps: Sequence[str] | None = None,
    monitor: Monitor = SILENT,
) -> Picture:
    """Take a picture in a scene, with what the plan has to be laid over it.

    Parameters
    ----------
    scene : FluoroScene
        The patient.
    carm : CArm
        The C-arm.
    config : FluoroConfig
        The settings.
    needles, gaps : sequence of str, or None
        Ids of what is drawn; None: every gap with its breaches, and each gap's first needle.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    Picture

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    radiograph = take_picture(scene.projectable, carm, config=config, monitor=monitor)
    plan = scene.plan
    position = scene.position
    console = None
    if position is not None:
        console = console_angles_deg(carm.primary_deg, carm.secondary_deg, position)
    layers: list[Layer] = []
    if plan is not None:
        shown = [gap.id for gap in plan.gaps] if gaps is None else list(gaps)
        first = [t.id for t in plan.trajectories if t.rank == 1 and t.gap_id in shown]
        wanted = first if needles is None else list(needles)
        layers += [gap_layer(scene.gaps[name], carm, name=name) for name in shown if name in scene.gaps]
        layers.append(breach_layer([b for b in plan.breaches if b.gap_id in shown], carm))
        layers += [needle_layer(way, carm) for way in plan.ways if way.id in wanted]
    if scene.expected is not None:
        layers.append(cement_layer(scene.expected.where, carm, injected_ml=scene.expected.injected_ml))
    layers += [frame_layer(carm, console_deg=console), *note_layers(radiograph, scene, config)]
    grey = display_image(radiograph, config=config)
    return Picture(radiograph, grey, tuple(layers), console, plan)


def plan_pictures(scene: FluoroScene, config: FluoroConfig, *, monitor: Monitor = SILENT) -> dict[str, Picture]:
    """Draw needles in their bull's-eye, AP and lateral views, and their watch views.

    Those are the needles that are proposed, and the first of each gap and of each picked target; for a patient who is
    no candidate those to picked targets alone.

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
    dict
        Pictures by name: ``<trajectory id>/bulls-eye``, ``/ap`` (prone: ``/pa``), ``/lateral`` (not where the
        bull's-eye is that view), and ``/watch`` where its gap has a breach with a view to watch it from.
    """
    plan = scene.plan
    picked = () if plan is None else (way for target in plan.picked_targets for way in target.ways)
    proposed = set() if plan is None else {way.id for way in proposed_needles(plan)}
    searched = () if plan is None or no_candidate(plan.findings) else plan.trajectories
    ways = (*searched, *picked)
    first = [way for way in ways if way.rank == 1 or way.id in proposed]
    pictures: dict[str, Picture] = {}
    for needle in track(first, stage="drawing fluoroscopy", monitor=monitor):
        for name, carm in _views_of(needle, scene, config).items():
            drawn = picture_of(scene, carm, config, needles=[needle.id], gaps=[needle.goal_id])
            pictures[f"{needle.id}/{name}"] = drawn
    return pictures


def _views_of(needle: NeedleWay, scene: FluoroScene, config: FluoroConfig) -> dict[str, CArm]:
    side = frontal_side(scene.position, config.gantry)
    views = {
        "bulls-eye": trajectory_view(needle, config=config),
        # Named by where it is seen from: prone, the patient's left is on the viewer's left.
        "pa" if side == "posterior" else "ap": ap_view(needle.target_lps, config=config, detector_side=side),
        "lateral": lateral_view(
            needle.target_lps, config=config, detector_side=reachable_side(scene.position, config.gantry)
        ),
    }
    if _same_way(views["bulls-eye"], views["lateral"]):
        del views["lateral"]
    breaches = () if scene.plan is None else scene.plan.breaches
    watched = [b for b in breaches if b.gap_id == needle.goal_id and b.watch_view is not None]
    if watched and (view := watch_view(watched[0], config=config)) is not None:
        views["watch"] = view
    return views


def _same_way(one: CArm, other: CArm) -> bool:
    """Say whether two views can't be told apart by eye."""
    towards = [detector_direction(carm.primary_deg, carm.secondary_deg) for carm in (one, other)]
    return bool(towards[0] @ towards[1] > np.cos(np.radians(_SAME_VIEW_DEG)))


def note_layers(radiograph: Radiograph, scene: FluoroScene, config: FluoroConfig) -> tuple[Layer, ...]:
    """Say in a picture what it cannot show, and what was taken for granted.

    Parameters
    ----------
    radiograph : Radiograph
        The picture.
    scene : FluoroScene
        What it was taken of.
    config : FluoroConfig
        The settings.

    Returns
    -------
    tuple of Layer
        One, or none where there is nothing to say; placed alike in pictures of any size.
    """
    note = None if scene.plan is None else review_note(scene.plan.review)
    notes = [*([] if note is None else [note]), *picture_notes(radiograph, scene, config)]
    if not notes:
        return ()
    return (Layer("notes", (Words((34.0, 7.0), "\n".join(notes), LETTERING, "la"),)),)


def picture_notes(radiograph: Radiograph, scene: FluoroScene, config: FluoroConfig) -> tuple[str, ...]:
    """Say what a picture cannot show, and what was taken for granted.

    Parameters
    ----------
    radiograph : Radiograph
        The picture.
    scene : FluoroScene
        What it was taken of.
    config : FluoroConfig
        The settings.

    Returns
    -------
    tuple of str
        Empty where there is nothing to say.
    """
    notes: list[str] = []
    if radiograph.cut.any():
        notes.append("dimmed: CT ends in the beam")
    if radiograph.shortened:
        notes.append("body cut off along the beam: too clear")
    if scene.assumed_alloy and radiograph.shadows.metals_mm[config.metal_material].any():
        notes.append(f"metal taken for {config.metal_material.replace('_', '-')}")
    return tuple(notes)


def png_bytes(picture: npt.NDArray[np.uint8]) -> bytes:
    """Pack a grey (rows, columns), RGB (rows, columns, 3) or RGBA (rows, columns, 4) picture as PNG."""
    packed = io.BytesIO()
    Image.fromarray(picture).save(packed, format="PNG")
    return packed.getvalue()
