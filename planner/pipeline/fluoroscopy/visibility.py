"""What views of a plan show: its gaps and the landmarks round them, better views near by, and a map over all angles."""

from collections.abc import Sequence
from dataclasses import dataclass

from planner.config.fluoro_config import FluoroConfig
from planner.config.gantry import GantryLimits
from planner.config.visibility_config import VisibilityConfig
from planner.fluoro.angle_map import angle_map
from planner.fluoro.beam import METALS
from planner.fluoro.better_views import best_view_near
from planner.fluoro.console import frontal_side, reachable_side
from planner.fluoro.hiding import hiding_length_mm
from planner.fluoro.metal_lengths import MetalBlock, metal_block
from planner.fluoro.vertebra_views import endplate_frontal_view, true_lateral_view
from planner.fluoro.views import ap_view, lateral_view, trajectory_view
from planner.fluoro.visibility import TargetScene, target_points, view_sight
from planner.model.carm import CArm
from planner.model.implant import Implant
from planner.model.needle import Trajectory
from planner.model.plan import Plan
from planner.model.view_sight import AngleMap, ViewKind, ViewSight
from planner.model.volume import Mask
from planner.pipeline.fluoroscopy.alloys import alloys_of
from planner.pipeline.fluoroscopy.landmarks import gap_landmarks, vertebra_marks
from planner.pipeline.planned_case import PlannedCase

_SHOWN = ("visible", "partly")


@dataclass(frozen=True, slots=True, eq=False)
class GapVisibility:
    """From where a gap and the landmarks round it can be seen.

    Parameters
    ----------
    gap_id : str
        The gap.
    views : dict of ViewKind to ViewSight
        Frontal, lateral, bull's-eye of the first needle, and those lined up by the vertebra: what there is of them,
        with what they show.
    better : dict of ViewKind to ViewSight
        For some of them the best view near by, which shows more of the gap, and every landmark that the view itself
        shows; a view that is not there has no better one.
    angles : AngleMap
        The visible share over all angles in the gantry's reach.
    """

    gap_id: str
    views: dict[ViewKind, ViewSight]
    better: dict[ViewKind, ViewSight]
    angles: AngleMap


def gap_visibility(
    case: PlannedCase,
    gap_id: str,
    *,
    fluoro: FluoroConfig,
    config: VisibilityConfig,
    gantry: GantryLimits | None = None,
    metal: MetalBlock | None = None,
) -> GapVisibility | None:
    """Tell from where a gap and the landmarks round it can be seen.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    gap_id : str
        The gap.
    fluoro : FluoroConfig
        The C-arm.
    config : VisibilityConfig
        What counts as visible.
    gantry : GantryLimits or None
        How far the C-arm turns; None takes the fluoroscopy's own limits.
    metal : MetalBlock or None
        The case's metal, made ready, where it is used for more than one gap; None makes it
        ready.

    Returns
    -------
    GapVisibility or None
        None for a gap that has no voxels.
    """
    metal = case_metal(case, fluoro=fluoro, config=config) if metal is None else metal
    scene = target_scene(case, gap_id, metal, gantry=gantry or fluoro.gantry, config=config)
    if scene is None:
        return None
    views = {kind: view_sight(scene, carm, config=config) for kind, carm in gap_views(case, gap_id, fluoro).items()}
    better: dict[ViewKind, ViewSight] = {}
    for kind, sight in views.items():
        if kind == "bull's-eye":
            continue  # a little off the needle it is no bull's-eye
        kept = [one for one, seen in zip(scene.landmarks, sight.landmarks, strict=True) if seen.verdict in _SHOWN]
        found = best_view_near(scene, sight.carm, must_show=kept, config=config)
        if found is not None:
            better[kind] = found
    return GapVisibility(gap_id, views, better, angle_map(scene, fluoro=fluoro, config=config))


def bulls_eye_sight(
    case: PlannedCase, gap_id: str, metal: MetalBlock, *, fluoro: FluoroConfig, config: VisibilityConfig
) -> ViewSight | None:
    """Tell what the bull's-eye view of a gap's first needle shows, and nothing else.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    gap_id : str
        The gap.
    metal : MetalBlock
        The case's metal, as `case_metal` makes it ready.
    fluoro : FluoroConfig
        The C-arm.
    config : VisibilityConfig
        What counts as visible.

    Returns
    -------
    ViewSight or None
        As `gap_visibility` gives it; None without a needle, or for a gap that has no voxels.
    """
    needle = _first_needle(case.plan, gap_id)
    scene = None if needle is None else target_scene(case, gap_id, metal, gantry=fluoro.gantry, config=config)
    if needle is None or scene is None:
        return None
    return view_sight(scene, trajectory_view(needle, config=fluoro), config=config)


def target_scene(
    case: PlannedCase, gap_id: str, metal: MetalBlock, *, gantry: GantryLimits, config: VisibilityConfig
) -> TargetScene | None:
    """Give a gap as a target with its landmarks, to ask of any view what it shows.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    gap_id : str
        The gap.
    metal : MetalBlock
        The case's metal, as `case_metal` makes it ready.
    gantry : GantryLimits
        How far the C-arm turns.
    config : VisibilityConfig
        How many points stand for the target.

    Returns
    -------
    TargetScene or None
        None for a gap that has no voxels.
    """
    space = next((one for one in case.anatomy.gaps if one.id == gap_id), None)
    if space is None or not space.mask.voxels.any():
        return None
    return TargetScene(
        target_id=gap_id,
        points_lps=target_points(space.mask, most=config.target_points),
        metal=metal,
        position=case.plan.treatment_position or "HFS",
        gantry=gantry,
        landmarks=gap_landmarks(case, gap_id),
    )


def case_metal(case: PlannedCase, *, fluoro: FluoroConfig, config: VisibilityConfig) -> MetalBlock:
    """Make a case's metal ready for rays, each implant hiding as its alloy does.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    fluoro : FluoroConfig
        The beam.
    config : VisibilityConfig
        Edge, noise and observer.

    Returns
    -------
    MetalBlock
        Where the alloy is not known (a clipped CT does not tell it) the metal is taken for the one that hides most.
    """
    return hiding_metal(case.metal, case.plan.implants, fluoro=fluoro, config=config)


def hiding_metal(
    metal: Mask, implants: Sequence[Implant], *, fluoro: FluoroConfig, config: VisibilityConfig
) -> MetalBlock:
    """Make metal ready for rays, each implant hiding as its alloy does.

    Parameters
    ----------
    metal : Mask
        All metal.
    implants : sequence of Implant
        The implants, with the material that was told for each.
    fluoro : FluoroConfig
        The beam.
    config : VisibilityConfig
        Edge, noise and observer.

    Returns
    -------
    MetalBlock
        Where the alloy is not known the metal is taken for the one that hides most.
    """
    hiding = {one: hiding_length_mm(one, fluoro=fluoro, config=config.hiding) for one in METALS}
    told = alloys_of(metal, implants)
    return metal_block(
        metal, hiding_mm=min(hiding.values()), others=[(mask, hiding[alloy]) for alloy, mask in told.items()]
    )


def gap_views(case: PlannedCase, gap_id: str, fluoro: FluoroConfig) -> dict[ViewKind, CArm]:
    """Set up the views that a gap is looked at from.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    gap_id : str
        The gap; there are no views of one that the plan does not hold.
    fluoro : FluoroConfig
        Distances and detector.

    Returns
    -------
    dict of ViewKind to CArm
        Frontal (for a patient treated prone with the detector behind) and lateral, each from the side that the gantry
        reaches, about the gap's middle; the bull's-eye of its first needle; the two that are lined up by the vertebra.
        What cannot be set up is left out.
    """
    centre = next((gap.centroid_lps for gap in case.plan.gaps if gap.id == gap_id), None)
    if centre is None:
        return {}
    first = _first_needle(case.plan, gap_id)
    marks = vertebra_marks(case, gap_id)
    side = frontal_side(case.plan.treatment_position, fluoro.gantry)
    at_side = reachable_side(case.plan.treatment_position, fluoro.gantry)
    views: dict[ViewKind, CArm | None] = {
        "frontal": ap_view(centre, config=fluoro, detector_side=side),
        "lateral": lateral_view(centre, config=fluoro, detector_side=at_side),
        "endplate frontal": None if marks is None else endplate_frontal_view(marks, config=fluoro, detector_side=side),
        "true lateral": None if marks is None else true_lateral_view(marks, config=fluoro, detector_side=at_side),
        "bull's-eye": None if first is None else trajectory_view(first, config=fluoro),
    }
    return {kind: carm for kind, carm in views.items() if carm is not None}


def is_prone(plan: Plan) -> bool:
    """Say whether the patient will lie face down."""
    return (plan.treatment_position or "HFS").endswith("P")


def _first_needle(plan: Plan, gap_id: str) -> Trajectory | None:
    return next((t for t in plan.trajectories if t.gap_id == gap_id and t.rank == 1), None)
