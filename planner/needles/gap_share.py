"""What needles reach, in the gap's own volume: shares and millilitres that stand beside it agree with it."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from planner.model.anatomy import GapSpace
from planner.model.gap import Gap
from planner.model.needle import NeedleSet, Trajectory
from planner.needles.search import NeedlePlan


def ml_of_counted(gaps: tuple[Gap, ...], spaces: tuple[GapSpace, ...]) -> Mapping[str, float | None]:
    """Say what one counted millilitre of each gap is worth.

    Parameters
    ----------
    gaps : tuple of Gap
        As measured, finer than a voxel.
    spaces : tuple of GapSpace
        Their voxels on the grid that needles are searched on.

    Returns
    -------
    Mapping of str to float or None
        By the gap's id: its volume over that of its voxels; None where its volume was not measured, or it has no voxel.
    """
    estimates = {gap.id: None if gap.volume_ml is None else gap.volume_ml.estimate for gap in gaps}
    out: dict[str, float | None] = {}
    for space in spaces:
        counted_ml = float(np.count_nonzero(space.mask.voxels)) * space.mask.grid.voxel_volume_mm3 / 1000.0
        estimate = estimates.get(space.id)
        out[space.id] = None if estimate is None or counted_ml == 0.0 else estimate / counted_ml
    return out


def in_gap_volumes(needles: NeedlePlan, ml: Mapping[str, float | None]) -> NeedlePlan:
    """Give what needles reach in the gaps' own volumes.

    Parameters
    ----------
    needles : NeedlePlan
        As found, in counted voxels.
    ml : Mapping of str to float or None
        As `ml_of_counted` gives it.

    Returns
    -------
    NeedlePlan
        Shares are what they were; millilitres are the share of the gap's volume, None where that was not measured.
    """
    searches = tuple(
        replace(s, trajectories=tuple(in_gap_volume(t, ml.get(t.gap_id)) for t in s.trajectories))
        for s in needles.searches
    )
    return replace(needles, searches=searches, needle_sets=tuple(_scaled(one, ml) for one in needles.needle_sets))


def in_gap_volume(way: Trajectory, ml: float | None) -> Trajectory:
    """Give what one needle reaches in its gap's own volume.

    Parameters
    ----------
    way : Trajectory
        In counted voxels.
    ml : float or None
        What one counted millilitre is worth; None where that is not known.

    Returns
    -------
    Trajectory
    """
    reached = None if way.reachable_ml is None or ml is None else way.reachable_ml * ml
    return way.model_copy(update={"reachable_ml": reached})


def _scaled(one: NeedleSet, ml: Mapping[str, float | None]) -> NeedleSet:
    # a set belongs to one gap
    worth = ml.get(one.gap_ids[0]) if len(one.gap_ids) == 1 else None
    covered = None if one.covered_ml is None or worth is None else one.covered_ml * worth
    return one.model_copy(update={"covered_ml": covered})
