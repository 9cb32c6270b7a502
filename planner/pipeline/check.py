"""One's own trajectory, judged with the same rules as the program's."""

from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from planner.config.plan_config import PlanConfig
from planner.errors import UsageError
from planner.fluoro.console import console_angles_deg
from planner.model.needle import Needle
from planner.model.volume import Volume
from planner.needles.account.describe import Scene
from planner.needles.catalogue import catalogue_of, needle_named
from planner.needles.check import TrajectoryCheck
from planner.needles.check import check_trajectory as judge
from planner.needles.sets.gap_share import in_gap_volume, ml_of_counted
from planner.pipeline.labelled import plan_labelled
from planner.pipeline.planned_case import PlannedCase
from planner.pipeline.scripted import scan_of
from planner.safety.fields import distance_fields


def check_trajectory(
    case: PlannedCase | Volume,
    entry: npt.ArrayLike | None = None,
    target: npt.ArrayLike | None = None,
    needle: str | Needle | None = None,
    *,
    config: PlanConfig | None = None,
    entry_lps: npt.ArrayLike | None = None,
    target_lps: npt.ArrayLike | None = None,
    gauge: str | None = None,
) -> TrajectoryCheck:
    """Judge a straight needle on a planned case, or on a CT that is planned for it.

    Parameters
    ----------
    case : PlannedCase or Volume
        The plan with its voxels; or a CT, which takes as long as to plan it: for several needles plan once.
    entry, target : array_like, shape (3,)
        Any point of the needle outside of the bone, and its tip, LPS mm.
    needle : str, Needle or None
        A gauge of the catalogue ("15G": its longest; also where None is given), a needle's name ("13G x 100"), or a
        needle with its own measures.
    config : PlanConfig or None
        The settings; None for the defaults.
    entry_lps, target_lps, gauge
        Other names of `entry`, `target` and `needle`, for scripts that use them.

    Returns
    -------
    TrajectoryCheck

    Raises
    ------
    UsageError
        If there is no such needle, or the points make no needle, or one is missing or given twice.
    """
    first, tip = _one_of("entry", entry, entry_lps), _one_of("target", target, target_lps)
    if needle is not None and gauge is not None:
        raise UsageError("the needle is given twice, as needle and as gauge; give one")
    asked = needle if needle is not None else gauge or "15G"
    config = config or PlanConfig()
    size = asked if isinstance(asked, Needle) else needle_named(asked, catalogue=catalogue_of(config.needles.catalogue))
    if isinstance(case, Volume):
        case = plan_labelled(scan_of(case), config)
    if not isinstance(case, PlannedCase):
        raise UsageError(
            "the case is neither a CT (planner.load_ct) nor a planned case with its voxels; a plan alone does not hold "
            "the anatomy that a needle is judged by"
        )
    scene = Scene(
        case.anatomy,
        distance_fields(case.anatomy, config=config.needles),
        case.plan.breaches,
        config.needles,
        partial(console_angles_deg, position=case.plan.treatment_position or "HFS"),
    )
    judged = judge(scene, entry_lps=first, target_lps=tip, needle=size)
    worth = ml_of_counted(case.plan.gaps, case.anatomy.gaps).get(judged.trajectory.gap_id)
    return replace(judged, trajectory=in_gap_volume(judged.trajectory, worth))


def _one_of(name: str, given: npt.ArrayLike | None, other: npt.ArrayLike | None) -> npt.ArrayLike:
    if given is not None and other is not None:
        raise UsageError(f"the {name} is given twice, as {name} and as {name}_lps; give one")
    point = given if given is not None else other
    if point is None:
        raise UsageError(f"no {name} is given; give a point, LPS mm")
    if np.shape(point) != (3,) or not np.isfinite(np.asarray(point, dtype=np.float64)).all():
        raise UsageError(f"the {name} is no point; give three numbers, LPS mm")
    return point
