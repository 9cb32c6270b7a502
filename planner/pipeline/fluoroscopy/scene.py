"""What fluoroscopy pictures of one patient are made of: the CT made ready, and what is drawn over it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from planner.config.fluoro_config import FluoroConfig
from planner.config.plan_config import PlanConfig
from planner.fluoro.projectable import Projectable, make_projectable
from planner.geometry.frames import PointTuple, point_tuple
from planner.model.labels import LabelMap
from planner.model.plan import PatientPosition, Plan
from planner.model.volume import Mask, Volume
from planner.pipeline.fluoroscopy.alloys import alloys_of
from planner.pipeline.planned_case import PlannedCase
from planner.progress import SILENT, Monitor
from planner.segment.anatomy.body import Body, find_body
from planner.segment.implants.metal import find_metal
from planner.segment.upright import back_to


@dataclass(frozen=True, slots=True, eq=False)
class ExpectedCement:
    """The cement that is expected at a moment of an injection.

    Parameters
    ----------
    where : Mask
        Where it is, on the CT's grid.
    injected_ml : float
        Volume injected by then.
    """

    where: Mask
    injected_ml: float


@dataclass(frozen=True, slots=True, eq=False)
class FluoroScene:
    """One patient under the C-arm.

    Parameters
    ----------
    volume : Volume
        The CT, its axes along the patient's.
    metal : Mask
        All metal, on the CT's grid.
    projectable : Projectable
        The CT made ready for projection.
    plan : Plan or None
        The plan, whose needles, gaps and breaches are drawn; None where there is none.
    gaps : mapping of str to Mask
        The gaps' voxels by id; a gap of the plan that is not there is not outlined.
    position : str or None
        How the patient lies under the C-arm; None where nobody said.
    assumed_alloy : bool
        Whether some metal is of an alloy that nobody told, and is drawn as the settings' `metal_material`.
    expected : ExpectedCement or None
        Cement that is in the picture, and outlined over it.
    """

    volume: Volume
    metal: Mask
    projectable: Projectable
    plan: Plan | None
    gaps: Mapping[str, Mask]
    position: PatientPosition | None
    assumed_alloy: bool
    expected: ExpectedCement | None = None

    @property
    def middle_lps(self) -> PointTuple:
        """Where a view looks that was not told where to: the middle of the metal, or of the CT where there is none."""
        where = np.argwhere(self.metal.voxels)
        whole = (np.zeros(3), np.array(self.volume.grid.shape) - 1.0)
        low, high = (where.min(axis=0), where.max(axis=0)) if len(where) else whole
        return point_tuple(self.volume.grid.to_lps((low + high) / 2))


def scene_of_case(case: PlannedCase, config: FluoroConfig) -> FluoroScene:
    """Make the scene of a plan that was just made.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    config : FluoroConfig
        The settings.

    Returns
    -------
    FluoroScene
        Without the CT's table.
    """
    gaps = {space.id: space.mask for space in case.anatomy.gaps}
    cement = _cement_in(case.labels, case.plan)
    position = case.plan.treatment_position
    volume = case.scan.volume
    patient = None if case.measured is None else case.measured.anatomy.survey.patient
    body = body_of(volume, patient=patient)
    return _scene(volume, case.metal, case.plan, gaps, cement, config, position=position, body=body)


def scene_of_ct(
    volume: Volume,
    config: PlanConfig,
    *,
    plan: Plan | None = None,
    labels: LabelMap | None = None,
    expected: ExpectedCement | None = None,
    position: PatientPosition | None = None,
    keep_table: bool = False,
    monitor: Monitor = SILENT,
) -> FluoroScene:
    """Make the scene of a CT, with a plan that was made before or without one.

    Parameters
    ----------
    volume : Volume
        The CT, rectified, its axes along the patient's.
    config : PlanConfig
        The settings.
    plan : Plan or None
        The plan.
    labels : LabelMap or None
        The plan's labels, for the outlines of its gaps.
    expected : ExpectedCement or None
        Cement to be added.
    position : str or None
        How a person says now that the patient will lie; None takes what the plan was made for, and the settings'
        where the plan does not say or there is none.
    keep_table : bool
        Whether the CT's table and clothing cast shadows, too.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    FluoroScene

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    GeometryError
        If the cement to be added lies on another grid.
    """
    metal = find_metal(volume, config.implants, monitor=monitor).mask
    gaps = {} if labels is None else _gaps_in(labels)
    cement = None if labels is None or plan is None else _cement_in(labels, plan)
    # The plan's word stands above the settings': its needles and views were proposed for a patient who lies so.
    planned = None if plan is None else plan.treatment_position
    lies = position or planned or config.treatment_position
    body = None if keep_table else body_of(volume)
    return _scene(
        volume, metal, plan, gaps, cement, config.fluoroscopy, position=lies, body=body, expected=expected
    )  # fmt: skip


def _scene(
    volume: Volume,
    metal: Mask,
    plan: Plan | None,
    gaps: Mapping[str, Mask],
    cement: Mask | None,
    config: FluoroConfig,
    *,
    position: PatientPosition | None,
    body: Mask | None,
    expected: ExpectedCement | None = None,
) -> FluoroScene:
    alloys = {} if plan is None else alloys_of(metal, plan.implants)
    # Labels of a CT at uneven distances lie on its own slices: there cement stays what its HU say.
    fitting = cement if cement is not None and cement.grid.is_same(volume.grid) else None
    if expected is not None:
        volume.grid.require_same(expected.where.grid)
        before = np.zeros(volume.grid.shape, bool) if fitting is None else fitting.voxels
        fitting = Mask(volume.grid, before | expected.where.voxels)
    ready = make_projectable(volume, metal=metal, cement=fitting, alloys=alloys, body=body, config=config)
    told = sum(np.count_nonzero(mask.voxels) for mask in alloys.values())
    assumed = bool(told < np.count_nonzero(metal.voxels))
    return FluoroScene(volume, metal, ready, plan, gaps, position, assumed, expected)


def body_of(volume: Volume, *, patient: Body | None = None) -> Mask:
    """Give all of a CT but what lies outside of the patient: air, the table, clothing.

    Parameters
    ----------
    volume : Volume
        The CT.
    patient : Body or None
        What `find_body` found on this very CT before; None looks again.

    Returns
    -------
    Mask
        On the CT's grid.
    """
    found = find_body(volume) if patient is None else patient
    return Mask(volume.grid, ~back_to(found.outside, volume.grid).voxels)


def _cement_in(labels: LabelMap, plan: Plan) -> Mask | None:
    """Give the cement of earlier operations; None where there is none."""
    names = {implant.id for implant in plan.implants if implant.kind == "cement"}
    codes = [s.code for s in labels.structures if s.kind == "implant" and s.id in names]
    return Mask(labels.grid, np.isin(labels.codes, codes)) if codes else None


def _gaps_in(labels: LabelMap) -> dict[str, Mask]:
    return {
        structure.id: Mask(labels.grid, np.asarray(labels.codes == structure.code))
        for structure in labels.structures
        if structure.kind == "gap"
    }
