"""A gap's angle map as a picture, with the plan's views of it marked."""

from planner.model.plan import Plan
from planner.model.view_sight import AngleMap
from planner.pipeline.fluoroscopy.visibility import is_prone
from planner.report.angle_map import AngleMark, MarkKind, draw_angle_map


def angle_map_picture(plan: Plan, angles: AngleMap) -> bytes:
    """Draw a gap's angle map with the plan's views of it marked.

    Parameters
    ----------
    plan : Plan
        The plan.
    angles : AngleMap
        Of one of its gaps.

    Returns
    -------
    bytes
        PNG.
    """
    first = next((t.id for t in plan.trajectories if t.gap_id == angles.target_id and t.rank == 1), "")
    labels: dict[MarkKind, str] = {
        "frontal": "PA" if is_prone(plan) else "AP",
        "lateral": "lateral",
        "endplate frontal": "along the endplates",
        "true lateral": "true lateral",
        "bull's-eye": f"bull's-eye of {first}",
    }
    marks = []
    for view in plan.views:
        if view.gap_id == angles.target_id:
            carm = view.sight.carm
            marks.append(AngleMark(view.kind, labels[view.kind], carm.primary_deg, carm.secondary_deg))
            if view.better is not None:
                carm = view.better.carm
                marks.append(
                    AngleMark(view.kind, "better near it", carm.primary_deg, carm.secondary_deg, is_better=True)
                )
    return draw_angle_map(angles, marks)
