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


def in_gap_volumes(needles: NeedlePlan, gaps: tuple[Gap, ...], spaces: tuple[GapSpace, ...]) -> NeedlePlan:
    """Give what needles reach in the gaps' own volumes.

    Parameters
    ----------
    needles : NeedlePlan
        As found, in counted voxels.
    gaps : tuple of Gap
        As measured, finer than a voxel.
    spaces : tuple of GapSpace
        Their voxels on the grid that needles are searched on.

    Returns
    -------
    NeedlePlan
        Of needles and of each gap the shares are what they were; millilitres are the share of the gap's volume, None
        where that was not measured. The share that a set has of several gaps is that of their volumes together.
    """
    ml = ml_of_counted(gaps, spaces)
    searches = tuple(
        replace(s, trajectories=tuple(in_gap_volume(t, ml.get(t.gap_id)) for t in s.trajectories))
        for s in needles.searches
    )
    volumes = {gap.id: None if gap.volume_ml is None else gap.volume_ml.estimate for gap in gaps}
    return replace(needles, searches=searches, needle_sets=tuple(_scaled(one, volumes) for one in needles.needle_sets))


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


def _scaled(one: NeedleSet, volumes_ml: Mapping[str, float | None]) -> NeedleSet:
    known = {name: ml for name in one.gap_shares if (ml := volumes_ml.get(name)) is not None}
    if len(known) < len(one.gap_shares) or not known:
        # of one gap the counted share stands; of several none is told without their volumes
        share = one.covered_fraction if len(one.gap_shares) == 1 else None
        return one.model_copy(update={"covered_ml": None, "covered_fraction": share})
    covered, whole = sum(one.gap_shares[name] * ml for name, ml in known.items()), sum(known.values())
    share = covered / whole if whole > 0.0 and len(known) > 1 else one.covered_fraction
    return one.model_copy(update={"covered_ml": covered, "covered_fraction": share})
