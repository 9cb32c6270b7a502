"""A plan with the voxels that it was made from."""

from dataclasses import dataclass

from planner.io.labels.gap_labels import GapLabels
from planner.model.anatomy import Anatomy
from planner.model.anatomy_labels import AnatomyLabels
from planner.model.arrival_map import ArrivalMap
from planner.model.labels import LabelMap
from planner.model.plan import Plan
from planner.model.scan import Scan
from planner.model.unwrapped import UnwrappedMap
from planner.model.view_sight import AngleMap
from planner.model.volume import Mask
from planner.pipeline.kept_steps import KeptSteps
from planner.pipeline.measured_gaps import MeasuredGaps
from planner.pipeline.surveyed import Surveyed
from planner.safety.breaches import BreachPatch
from planner.segment.anatomy.skeleton import Skeleton
from planner.segment.candidacy.defect_model import DefectModel
from planner.segment.trust import TrustMap


@dataclass(frozen=True, slots=True, eq=False)
class PlanSource:
    """What a plan is made on, besides settings.

    Parameters
    ----------
    scan : Scan
        The CT.
    labels : AnatomyLabels or None
        Labels of the anatomy made elsewhere, brought onto the CT's grid.
    given : GapLabels or None
        Gaps as a person corrected them, which stand in the place of the measured ones.
    level_labels : AnatomyLabels or None
        Labels that name the levels of implants and gaps once all is planned.
    """

    scan: Scan
    labels: AnatomyLabels | None = None
    given: GapLabels | None = None
    level_labels: AnatomyLabels | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PlannedCase:
    """What a run made: the plan, and what its pictures and files are drawn from.

    Parameters
    ----------
    plan : Plan
        What goes into ``plan.json``.
    scan : Scan
        The CT as it was planned on, its axes along the patient's; `own_slices` tells how the file holds it.
    anatomy : Anatomy
        Masks on the upright working grid that safety and needles were measured on.
    labels : LabelMap
        Structures on the grid that was planned on, the scan's volume's.
    metal : Mask
        All metal, on the same grid.
    trust : TrustMap or None
        How far metal artefacts leave tissue readable, on a coarse grid of its own; None where there is no map.
    skeleton : Skeleton or None
        The bones apart, with what was measured on them; None where nobody told them.
    defects : tuple of DefectModel
        Bone that is missing at the hips.
    unwrapped : tuple of UnwrappedMap
        The width of the gap along and round each implant that was unwrapped, firm ones too.
    angle_maps : tuple of AngleMap
        How much of each gap fluoroscopy shows from every direction in the gantry's reach.
    arrivals : tuple of ArrivalMap
        When expected cement reaches each place, gap by gap; none of gaps where none was simulated.
    breaches : tuple of BreachPatch
        The plan's breaches, and where each lies.
    source : PlanSource or None
        What it was planned on; None, as what follows, where the plan was not made in this session.
    survey : Surveyed or None
        The CT as the program sees it by itself, without any person's edit.
    measured : MeasuredGaps or None
        Implants and gaps as they were planned on, a person's gaps among them.
    kept : KeptSteps or None
        What each step made: `planner.pipeline.replan` plans again with it; None where it was not to be kept.
    """

    plan: Plan
    scan: Scan
    anatomy: Anatomy
    labels: LabelMap
    metal: Mask
    trust: TrustMap | None = None
    skeleton: Skeleton | None = None
    defects: tuple[DefectModel, ...] = ()
    unwrapped: tuple[UnwrappedMap, ...] = ()
    angle_maps: tuple[AngleMap, ...] = ()
    arrivals: tuple[ArrivalMap, ...] = ()
    breaches: tuple[BreachPatch, ...] = ()
    source: PlanSource | None = None
    survey: Surveyed | None = None
    measured: MeasuredGaps | None = None
    kept: KeptSteps | None = None
