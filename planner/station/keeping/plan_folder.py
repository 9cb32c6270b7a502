"""A plan's folder as a station saves it and opens it again."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from planner.config.plan_config import PlanConfig
from planner.errors import InputError, SeriesError
from planner.geometry.grid import Grid
from planner.io import load_scan
from planner.io.nifti import read_label_nifti
from planner.io.plan_json import load_plan
from planner.io.staging import staged_folder
from planner.model.labels import LabelMap
from planner.model.plan import Plan
from planner.model.scan import Scan
from planner.progress import SILENT, Monitor, check_cancelled
from planner.station.keeping.scene_file import Scene, load_scene, save_scene

if TYPE_CHECKING:
    # Loading the pipeline takes seconds: only who saves or plans waits for it.
    from planner.pipeline import PlannedCase

_LABELS = "labels.nii.gz"
_GAPS_GIVEN, _LABELS_GIVEN = "gaps-given", "labels-taken"


@dataclass(frozen=True, slots=True, eq=False)
class OpenedPlan:
    """What a plan's folder holds.

    Parameters
    ----------
    folder : Path
        Where it lies.
    plan : Plan
        The plan.
    labels : LabelMap or None
        Its structures; None where the folder holds no labels.
    scene : Scene or None
        How a station left it; None where none did.
    """

    folder: Path
    plan: Plan
    labels: LabelMap | None
    scene: Scene | None

    @property
    def gaps_are_edited(self) -> bool:
        """Whether the plan's gaps are as a person gave them."""
        return has_given_gaps(self.plan) or (self.scene is not None and self.scene.gaps_edited)


def has_given_gaps(plan: Plan) -> bool:
    """Say whether a plan was made from gaps that a person gave.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    bool
    """
    return any(finding.code == _GAPS_GIVEN for finding in plan.findings)


def plan_file(where: Path) -> Path | None:
    """Find the plan of a plan's folder.

    Parameters
    ----------
    where : Path
        A folder, or a ``plan.json``.

    Returns
    -------
    Path or None
        None where there is none.
    """
    candidate = where if where.name == "plan.json" else where / "plan.json"
    return candidate if candidate.is_file() else None


def open_plan_folder(where: Path) -> OpenedPlan:
    """Read a plan's folder. The CT is not in it.

    Parameters
    ----------
    where : Path
        The folder, or its ``plan.json``.

    Returns
    -------
    OpenedPlan

    Raises
    ------
    InputError
        If there is no plan, or the plan, its labels or its scene cannot be read.
    """
    file = plan_file(where)
    if file is None:
        raise InputError(f"{where.name} holds no plan.json; give the folder that 'cement-planner plan' made")
    plan = load_plan(file)
    labels = file.with_name(_LABELS)
    scene = load_scene(file.parent)
    return OpenedPlan(
        file.parent,
        plan,
        read_label_nifti(labels, structures=plan.labels) if labels.is_file() else None,
        None if scene is None else scene.fitting(plan),
    )


def save_plan_folder(
    case: "PlannedCase",
    scene: Scene,
    folder: Path,
    config: PlanConfig,
    *,
    overwrite: bool = False,
    monitor: Monitor = SILENT,
) -> None:
    """Write all files of a plan and the station's scene: the whole folder, or nothing.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    scene : Scene
        How it is looked at.
    folder : Path
        The folder to make.
    config : PlanConfig
        The settings.
    overwrite : bool
        Whether an older plan in the folder may be replaced; what others put there is kept.
    monitor : Monitor
        Follows the work, and may stop it.

    Raises
    ------
    UsageError
        If the folder exists and may not be replaced, or holds something that is no plan.
    OutputError
        If it cannot be written.
    CancelledError
        If the monitor stops the work; an older plan is then there as it was.
    """
    from planner.pipeline import PLAN_FILES, write_plan_files

    with staged_folder(folder, own_names=PLAN_FILES, overwrite=overwrite) as stage:
        write_plan_files(case, stage, config, monitor=monitor)
        save_scene(scene, stage)
        # After this it stands in its place.
        check_cancelled(monitor)


def load_own_ct(opened: OpenedPlan, ct: Path, *, monitor: Monitor = SILENT) -> Scan:
    """Load the CT that a plan was made on.

    Parameters
    ----------
    opened : OpenedPlan
        The plan.
    ct : Path
        Where the CT should lie; anything that `planner.io.load_scan` takes.
    monitor : Monitor
        Follows the loading, and may stop it.

    Returns
    -------
    Scan

    Raises
    ------
    InputError
        If it cannot be read, or its series or slices are not the plan's.
    CancelledError
        If the monitor stops the work.
    """
    series = opened.plan.series
    assumed = any(finding.code == "hu-assumed" for finding in opened.plan.findings)
    other = f"{ct.name} is not the CT that this plan was made from; give that one"
    try:
        scan = load_scan(ct, series_instance_uid=series.name, assume_hu=assumed, monitor=monitor)
    except SeriesError as error:
        raise InputError(other) from error
    if not is_ct_of(opened, scan):
        raise InputError(other)
    return scan


def is_ct_of(opened: OpenedPlan, scan: Scan) -> bool:
    """Say whether a plan was made on a CT.

    Parameters
    ----------
    opened : OpenedPlan
        The plan.
    scan : Scan
        The CT.

    Returns
    -------
    bool
        Whether it is the plan's series, with as many voxels, and the plan's labels lie on its slices.
    """
    series = opened.plan.series
    fits = scan.series.name == series.name and scan.series.shape_zyx == series.shape_zyx
    if fits and opened.labels is not None:
        # Labels lie on the file's own slices; where these lie on no grid, on the one that was planned on.
        own: Grid | None = scan.own_slices.grid
        fits = (own or scan.in_patient_axes().volume.grid).is_same(opened.labels.grid)
    return fits


def settings_of(opened: OpenedPlan, *candidates: PlanConfig) -> PlanConfig | None:
    """Find the settings that a plan was made with.

    Parameters
    ----------
    opened : OpenedPlan
        The plan.
    *candidates : PlanConfig
        Settings to try where the folder does not hold them.

    Returns
    -------
    PlanConfig or None
        Those whose fingerprint the plan tells; None where none of them has it.
    """
    own = None if opened.scene is None else opened.scene.config()
    tried = (*(() if own is None else (own,)), *candidates, PlanConfig())
    return next((one for one in tried if one.sha256() == opened.plan.settings_sha256), None)


def plan_again(opened: OpenedPlan, scan: Scan, config: PlanConfig, *, monitor: Monitor = SILENT) -> "PlannedCase":
    """Make a saved plan's voxels again, so that needles can be judged and views be taken with it.

    Parameters
    ----------
    opened : OpenedPlan
        The plan.
    scan : Scan
        Its CT.
    config : PlanConfig
        The settings that it was made with.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    PlannedCase
        As this program plans now, with the gaps of the folder where a person gave them. Whether it is the saved plan is
        for `planner.station.keeping.compared.differences` to say.

    Raises
    ------
    InputError
        If the plan was made with anatomy labels of another program, which its folder does not hold.
    CancelledError
        If the monitor stops the work.
    """
    if any(finding.code == _LABELS_GIVEN for finding in opened.plan.findings):
        raise InputError(
            "this plan was made with anatomy labels from elsewhere (--labels), which its folder does not hold; it is "
            "shown as it was saved, and its needles cannot be moved"
        )
    from planner.pipeline import plan_labelled

    gaps = opened.folder / _LABELS if opened.gaps_are_edited else None
    return plan_labelled(scan, config, gaps=gaps, monitor=monitor)


def with_saved_plan(case: "PlannedCase", plan: Plan) -> "PlannedCase":
    """Put a saved plan with its review in the place of the one that was made again and says the same.

    Parameters
    ----------
    case : PlannedCase
        As `plan_again` made it.
    plan : Plan
        The saved one.

    Returns
    -------
    PlannedCase
    """
    return replace(case, plan=plan)
