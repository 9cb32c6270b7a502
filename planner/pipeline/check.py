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
from planner.needles.goals import Goals
from planner.needles.sets.gap_share import in_gap_volume, ml_of_counted
from planner.pipeline.labelled import plan_labelled
from planner.pipeline.planned_case import PlannedCase
from planner.pipeline.scripted import scan_of
from planner.safety.clearance import sample_channels
from planner.safety.fields import CANAL, FORBIDDEN, METAL, distance_fields


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
    return NeedleJudge(case, config).judge(first, tip, size)


_DANGER_STEP_MM = 0.5
"""Between two looks along a needle: finer than a voxel."""
_DANGERS = {CANAL: "the spinal canal", METAL: "metal or cement", FORBIDDEN: "tissue out of bounds"}


class NeedleJudge:
    """Judges straight needles in one planned case; what does not depend on the needle is measured once.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    config : PlanConfig
        The settings, the operator's wishes among them.

    Notes
    -----
    To make one takes about a second, a needle a hundredth of one; not to be asked by two threads at a time.
    """

    def __init__(self, case: PlannedCase, config: PlanConfig) -> None:
        self._scene = Scene(
            case.anatomy,
            distance_fields(case.anatomy, config=config.needles),
            case.plan.breaches,
            config.needles,
            partial(console_angles_deg, position=case.plan.treatment_position or "HFS"),
        )
        self._goals = Goals(self._scene)
        self._worth = ml_of_counted(case.plan.gaps, case.anatomy.gaps)

    def measure_gaps(self) -> None:
        """Measure what lies round each gap now, so that no first needle to one has to wait for it."""
        self._goals.measure_gaps()

    def dangers(self, entry_lps: npt.ArrayLike, target_lps: npt.ArrayLike, needle: Needle) -> tuple[str, ...]:
        """Say what a needle meets, wherever its tip lies: also one that `judge` refuses.

        Parameters
        ----------
        entry_lps, target_lps : array_like, shape (3,)
            Any two points of it, the tip last, LPS mm.
        needle : Needle
            Diameter and length.

        Returns
        -------
        tuple of str
            "the spinal canal", "metal or cement", "tissue out of bounds"; empty where it meets none of those that were
            told in the picture, which is no promise.
        """
        entry, tip = np.asarray(entry_lps, dtype=np.float64), np.asarray(target_lps, dtype=np.float64)
        count = 1 + int(np.ceil(np.linalg.norm(entry - tip) / _DANGER_STEP_MM))
        points = tip + np.linspace(0.0, 1.0, count)[:, None] * (entry - tip)
        radius = needle.outer_diameter_mm / 2
        distances = sample_channels(self._scene.fields, points, tuple(_DANGERS))
        return tuple(
            name for name, away in zip(_DANGERS.values(), distances, strict=True) if bool(np.any(away < radius))
        )

    def judge(self, entry_lps: npt.ArrayLike, target_lps: npt.ArrayLike, needle: Needle) -> TrajectoryCheck:
        """Judge a needle.

        Parameters
        ----------
        entry_lps, target_lps : array_like, shape (3,)
            Any point of it outside of the bone, and its tip, LPS mm.
        needle : Needle
            Diameter and length.

        Returns
        -------
        TrajectoryCheck
            The same as `check_trajectory`'s.

        Raises
        ------
        UsageError
            If entry and target coincide, or the tip lies outside the picture or outside the bone.
        """
        judged = judge(self._scene, entry_lps=entry_lps, target_lps=target_lps, needle=needle, goals=self._goals)
        worth = self._worth.get(judged.trajectory.gap_id)
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
