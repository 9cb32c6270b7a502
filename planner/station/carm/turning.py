"""A C-arm that is turned about a patient: pictures quick enough to follow the hand, and sharp ones when it rests."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from planner.config.plan_config import PlanConfig
from planner.fluoro.breach_overlay import breach_layer
from planner.fluoro.console import console_angles_deg
from planner.fluoro.course_overlay import own_needle_layer
from planner.fluoro.display import display_image
from planner.fluoro.landmark_overlay import landmark_layer
from planner.fluoro.metal_lengths import MetalBlock
from planner.fluoro.overlay import (
    Layer,
    cement_layer,
    frame_layer,
    gap_layer,
    needle_layer,
)
from planner.fluoro.projectable import Projectable, cut_to_box, with_cement
from planner.fluoro.radiograph import Radiograph, take_picture
from planner.fluoro.state_overlay import simulated_layer
from planner.fluoro.views import view_at
from planner.fluoro.visibility import TargetScene, target_points, view_sight
from planner.geometry.frames import PointTuple
from planner.io.rectify import rectify_volume
from planner.model.carm import CArm
from planner.model.labels import LabelMap
from planner.model.plan import Plan, Review
from planner.model.scan import Scan
from planner.model.view_sight import ViewSight
from planner.model.volume import Mask
from planner.pipeline.expected_cement import mask_on
from planner.pipeline.fluoroscopy.files import PictureTarget, require_headers, write_picture
from planner.pipeline.fluoroscopy.landmarks import gap_landmarks
from planner.pipeline.fluoroscopy.pictures import Picture, note_layers, picture_notes
from planner.pipeline.fluoroscopy.scene import FluoroScene, scene_of_case, scene_of_ct
from planner.pipeline.fluoroscopy.visibility import hiding_metal
from planner.pipeline.planned_case import PlannedCase
from planner.progress import SILENT, Monitor
from planner.station.carm.fluoro_binning import binned, onto_all_pixels, spread_over_all_pixels
from planner.station.carm.fluoro_overlays import CementIn, Overlays, needles_drawn
from planner.station.carm.fluoro_screen import PixelBox, box_round, looked_at_lps, scanned_box
from planner.station.carm.gantry_dial import is_reached

_MOST_BOXES = 64
"""Masks that were cut to their boxes are kept up to so many: a fill that goes on brings a new one each step. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class TurnedPicture:
    """A picture on the way, or at rest.

    Parameters
    ----------
    carm : CArm
        The C-arm, with all the pixels of its detector.
    radiograph : Radiograph
        What the detector got, with fewer pixels while it turns.
    grey : ndarray of uint8, shape (rows, columns)
        What the screen shows, on all pixels, without lettering.
    marks : tuple of Layer
        What of the patient and the plan is drawn over it, in pixels of all.
    lettering : tuple of Layer
        What is written into a picture that is saved: angles, letters, scale, notes.
    notes : tuple of str
        What it cannot show, and what was taken for granted.
    scanned : PixelBox or None
        The part that shows anything; None where nothing was scanned.
    looked_at : PixelBox or None
        The part that holds what the view is of; None where it is of nothing, or all of that lies beside the picture.
    console_deg : tuple of float or None
        Angles at the console; None where nobody said how the patient lies.
    is_reached : bool or None
        Whether the gantry can be turned there; None where that is not known.
    sight : ViewSight or None
        What the view shows of the marked gap; None where no gap is marked, or it has no voxels.
    has_cement : bool
        Whether cement is in the picture with its own attenuation, and not an outline alone.
    """

    carm: CArm
    radiograph: Radiograph
    grey: npt.NDArray[np.uint8]
    marks: tuple[Layer, ...]
    lettering: tuple[Layer, ...]
    notes: tuple[str, ...]
    scanned: PixelBox | None
    looked_at: PixelBox | None
    console_deg: tuple[float, float] | None
    is_reached: bool | None
    sight: ViewSight | None
    has_cement: bool

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All that lies over it when it is saved."""
        return (*self.marks, *self.lettering)


class TurningView:
    """One patient under a C-arm that is turned; made once for a CT and its plan.

    Parameters
    ----------
    scene : FluoroScene
        The patient.
    config : PlanConfig
        The settings.
    case : PlannedCase or None
        The plan with its voxels, for landmarks; None where there is none: then they are not known.

    Notes
    -----
    Keeps what it made last, so it is for one thread at a time.
    """

    def __init__(self, scene: FluoroScene, config: PlanConfig, *, case: PlannedCase | None = None) -> None:
        self.scene = scene
        self.config = config
        self._case = case
        self._metal: MetalBlock | None = None
        self._targets: dict[str, TargetScene | None] = {}
        self._last: tuple[object, CArm, Radiograph, npt.NDArray[np.uint8]] | None = None
        self._cement: tuple[Mask, Projectable] | None = None
        self._boxes: dict[int, tuple[Mask, Mask]] = {}

    def with_review(self, review: Review) -> "TurningView":
        """Give the same view of the same plan, of which a person says something else now.

        Parameters
        ----------
        review : Review
            What is said now.

        Returns
        -------
        TurningView
            With everything that was made for this one; without a plan it is this one.
        """
        plan = self.scene.plan
        if plan is None:
            return self
        plan = plan.model_copy(update={"review": review})
        case = None if self._case is None else replace(self._case, plan=plan)
        other = self.apart()
        other.scene, other._case = replace(self.scene, plan=plan), case
        return other

    def apart(self) -> "TurningView":
        """Give the same view to be used by another thread at the same time; what was made for this one serves both."""
        other = TurningView(self.scene, self.config, case=self._case)
        other._metal, other._targets = self._metal, dict(self._targets)
        other._last, other._cement = self._last, self._cement
        return other

    def carm(self, about_lps: PointTuple, *, primary_deg: float, secondary_deg: float) -> CArm:
        """Set up the C-arm: what stays in the middle (LPS mm), and the patient's own angles (degrees)."""
        return view_at(about_lps, primary_deg=primary_deg, secondary_deg=secondary_deg, config=self.config.fluoroscopy)

    def target(self, gap_id: str) -> TargetScene | None:
        """Give a gap as something to be seen.

        Parameters
        ----------
        gap_id : str
            The gap.

        Returns
        -------
        TargetScene or None
            With its landmarks, as far as they are known; None for a gap without voxels, and where nobody said how the
            patient lies: what the gantry reaches is not known then.
        """
        if gap_id not in self._targets:
            self._targets[gap_id] = self._target(gap_id)
        return self._targets[gap_id]

    def picture(
        self,
        carm: CArm,
        overlays: Overlays,
        *,
        binning: int = 1,
        cement: CementIn | None = None,
        monitor: Monitor = SILENT,
    ) -> TurnedPicture:
        """Take a picture.

        Parameters
        ----------
        carm : CArm
            The view.
        overlays : Overlays
            What is drawn over it.
        binning : int
            Detector pixels along the edge of one that is reckoned: 1 for a picture at rest.
        cement : CementIn or None
            Cement that is in. At rest it gets its own attenuation; while the C-arm turns it does where it had it
            before, and is outlined otherwise.
        monitor : Monitor
            Follows the work, and may stop it.

        Returns
        -------
        TurnedPicture

        Raises
        ------
        CancelledError
            If the monitor stops the work.
        GeometryError
            If the cement belongs to another frame of reference.
        """
        fluoroscopy = self.config.fluoroscopy
        shown = cement if overlays.cement else None
        ready = self._with_cement(None if shown is None else shown.where, make=binning == 1)
        small = binned(carm, binning)
        radiograph, grey = self._taken(ready, small, monitor)
        position = self.scene.position
        console = None if position is None else console_angles_deg(carm.primary_deg, carm.secondary_deg, position)
        target = None if overlays.marked_gap is None else self.target(overlays.marked_gap)
        sight = None if target is None else view_sight(target, carm, config=self.config.visibility)
        marks = [*self._layers(carm, small, overlays, target, sight)]
        if shown is not None:
            outline = cement_layer(self._box_of(shown.where), small, injected_ml=shown.injected_ml)
            marks.append(onto_all_pixels(outline, small, carm))
        notes = note_layers(radiograph, self.scene, fluoroscopy)
        return TurnedPicture(
            carm=carm,
            radiograph=radiograph,
            grey=spread_over_all_pixels(grey, small, carm),
            marks=tuple(marks),
            lettering=(frame_layer(carm, console_deg=console), *notes, simulated_layer(carm)),
            notes=(*picture_notes(radiograph, self.scene, fluoroscopy), *self._landmarks_missing(overlays, target)),
            scanned=scanned_box(radiograph, carm),
            looked_at=box_round(looked_at_lps(self.scene.plan, overlays), carm),
            console_deg=console,
            is_reached=is_reached(carm, position, fluoroscopy.gantry),
            sight=sight,
            has_cement=ready is not self.scene.projectable,
        )

    def _target(self, gap_id: str) -> TargetScene | None:
        mask, position = self.scene.gaps.get(gap_id), self.scene.position
        if mask is None or position is None or not mask.voxels.any():
            return None
        fluoroscopy, visibility = self.config.fluoroscopy, self.config.visibility
        if self._metal is None:
            implants = () if self.scene.plan is None else self.scene.plan.implants
            self._metal = hiding_metal(self.scene.metal, implants, fluoro=fluoroscopy, config=visibility)
        return TargetScene(
            target_id=gap_id,
            points_lps=target_points(mask, most=visibility.target_points),
            metal=self._metal,
            position=position,
            gantry=fluoroscopy.gantry,
            landmarks=() if self._case is None else gap_landmarks(self._case, gap_id),
        )

    def _with_cement(self, where: Mask | None, *, make: bool) -> Projectable:
        if where is None or not where.voxels.any():
            return self.scene.projectable
        if self._cement is not None and self._cement[0] is where:
            return self._cement[1]
        if not make:
            return self.scene.projectable
        grid = self.scene.volume.grid
        placed = where if where.grid.is_same(grid) else mask_on(where, grid)
        self._cement = where, with_cement(self.scene.projectable, placed)
        return self._cement[1]

    def _landmarks_missing(self, overlays: Overlays, target: TargetScene | None) -> tuple[str, ...]:
        """Say so where landmarks are wanted and there are none: their absence must not read as being hidden."""
        if not overlays.landmarks or overlays.marked_gap is None or (target is not None and target.landmarks):
            return ()
        why = "a plan that was read holds none" if self._case is None else f"{overlays.marked_gap} has none"
        return (f"landmarks not known: {why}",)

    def _box_of(self, mask: Mask) -> Mask:
        """Cut a mask to its box, once for all pictures of a turn."""
        if self._boxes.get(id(mask), (None, None))[0] is not mask:
            if len(self._boxes) > _MOST_BOXES:
                self._boxes.clear()
            self._boxes[id(mask)] = mask, cut_to_box(mask)
        return self._boxes[id(mask)][1]

    def _taken(self, ready: Projectable, carm: CArm, monitor: Monitor) -> tuple[Radiograph, npt.NDArray[np.uint8]]:
        """Take a picture unless it is that of before: what lies over it may change alone."""
        if self._last is None or self._last[0] is not ready or self._last[1] != carm:
            radiograph = take_picture(ready, carm, config=self.config.fluoroscopy, monitor=monitor)
            self._last = ready, carm, radiograph, display_image(radiograph, config=self.config.fluoroscopy)
        return self._last[2], self._last[3]

    def _layers(
        self, carm: CArm, small: CArm, overlays: Overlays, target: TargetScene | None, sight: ViewSight | None
    ) -> Iterable[Layer]:
        plan = self.scene.plan
        if plan is not None:
            if overlays.gaps:
                for name in (
                    gap.id for gap in plan.gaps if gap.id in self.scene.gaps and gap.id not in overlays.hidden
                ):
                    outline = gap_layer(self._box_of(self.scene.gaps[name]), small, name=name)
                    yield onto_all_pixels(outline, small, carm)
            if overlays.landmarks and target is not None and sight is not None:
                pairs = zip(target.landmarks, sight.landmarks, strict=True)
                yield landmark_layer(pairs, carm, profile_deg=self.config.visibility.profile_deg)
            if overlays.breaches:
                yield breach_layer([b for b in plan.breaches if b.id not in overlays.hidden], carm)
            yield from (needle_layer(way, carm) for way in plan.ways if way.id in needles_drawn(plan, overlays))
        if overlays.own is not None:
            yield own_needle_layer(overlays.own.path_lps, overlays.own.diameter_mm, carm)


def turning_view_of_case(case: PlannedCase, config: PlanConfig) -> TurningView:
    """Put a plan that was just made under the C-arm.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    config : PlanConfig
        The settings.

    Returns
    -------
    TurningView
    """
    return TurningView(scene_of_case(case, config.fluoroscopy), config, case=case)


def turning_view_of_ct(
    scan: Scan, config: PlanConfig, *, plan: Plan | None = None, labels: LabelMap | None = None,
    monitor: Monitor = SILENT,
) -> TurningView:  # fmt: skip
    """Put a CT under the C-arm, with a plan that was read or without one.

    Parameters
    ----------
    scan : Scan
        The CT as it was loaded.
    config : PlanConfig
        The settings.
    plan : Plan or None
        The plan.
    labels : LabelMap or None
        The plan's labels, for its gaps.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    TurningView

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    volume = rectify_volume(scan.volume).volume.in_patient_axes()
    return TurningView(scene_of_ct(volume, config, plan=plan, labels=labels, monitor=monitor), config)


def save_picture(view: TurningView, picture: TurnedPicture, path: Path, scan: Scan) -> None:
    """Write a picture that was taken at rest, whole or not at all.

    Parameters
    ----------
    view : TurningView
        What it was taken with.
    picture : TurnedPicture
        The picture.
    path : Path
        ``.png``, with its layers burnt in as it is shown; or ``.dcm``, with the layers as overlay planes.
    scan : Scan
        The CT, whose patient and study a DICOM picture belongs to.

    Raises
    ------
    ValueError
        If the picture was taken while the C-arm turned.
    UsageError
        If DICOM is asked for and the CT was none.
    OutputError
        If it cannot be written.
    """
    if picture.radiograph.carm != picture.carm:
        raise ValueError("a picture that was taken while the C-arm turned is too coarse to be kept; take one at rest")
    if path.suffix.lower() == ".dcm":
        require_headers(scan.slice_files)
    whole = Picture(picture.radiograph, picture.grey, picture.layers, picture.console_deg, view.scene.plan)
    target = PictureTarget(path, slice_files=scan.slice_files, burnt_in=path.suffix.lower() != ".dcm")
    write_picture(whole, target, view.config.fluoroscopy, position=view.scene.position)
