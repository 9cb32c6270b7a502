"""One's own trajectory, judged with the same rules as the program's."""

from dataclasses import replace
from functools import partial

import numpy.typing as npt

from planner.config.plan_config import PlanConfig
from planner.fluoro.console import console_angles_deg
from planner.needles.account.describe import Scene
from planner.needles.catalogue import catalogue_of, needle_named
from planner.needles.check import TrajectoryCheck
from planner.needles.check import check_trajectory as judge
from planner.needles.gap_share import in_gap_volume, ml_of_counted
from planner.pipeline.planned_case import PlannedCase
from planner.safety.fields import distance_fields


def check_trajectory(
    case: PlannedCase,
    *,
    entry_lps: npt.ArrayLike,
    target_lps: npt.ArrayLike,
    gauge: str = "15G",
    config: PlanConfig | None = None,
) -> TrajectoryCheck:
    """Judge a straight needle on a planned case.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    entry_lps, target_lps : array_like, shape (3,)
        Any point of the needle outside of the bone, and its tip, LPS mm.
    gauge : str
        A gauge of the needle catalogue ("15G": its longest), or a needle's name ("13G x 100").
    config : PlanConfig or None
        The settings; None for the defaults.

    Returns
    -------
    TrajectoryCheck

    Raises
    ------
    UsageError
        If there is no such needle, or the points make no needle.
    """
    config = config or PlanConfig()
    needle = needle_named(gauge, catalogue=catalogue_of(config.needles.catalogue))
    scene = Scene(
        case.anatomy,
        distance_fields(case.anatomy, config=config.needles),
        case.plan.breaches,
        config.needles,
        partial(console_angles_deg, position=case.plan.treatment_position or "HFS"),
    )
    judged = judge(scene, entry_lps=entry_lps, target_lps=target_lps, needle=needle)
    worth = ml_of_counted(case.plan.gaps, case.anatomy.gaps).get(judged.trajectory.gap_id)
    return replace(judged, trajectory=in_gap_volume(judged.trajectory, worth))
