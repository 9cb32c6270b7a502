"""Needles that work together."""

from collections.abc import Sequence

import numpy as np

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array
from planner.geometry.rays import segments_distance_mm
from planner.model.needle import NeedleSet, Trajectory

_WORTH_ANOTHER = 0.05
"""Share of the gap that one more needle must add to a set; no source."""
_APART_IN_SET_MM = 2.0
"""Free space between two needles of a set; no source."""


def needle_sets(
    trajectories: Sequence[Trajectory], gap_points_lps: Array, *, voxel_ml: float, config: NeedleConfig
) -> tuple[NeedleSet, ...]:
    """Put needles together that reach most of one gap.

    Parameters
    ----------
    trajectories : sequence of Trajectory
        The gap's proposals.
    gap_points_lps : ndarray, shape (M, 3)
        The gap's voxels.
    voxel_ml : float
        Volume of a voxel, mL.
    config : NeedleConfig
        Reach, and most needles in a set.

    Returns
    -------
    tuple of NeedleSet
        Sets of 1, 2, ... needles, each the one before and one more, while that adds to the volume. Needles that would
        touch each other are not put together. `cement_ml` is None: that is for the flow to say.
    """
    covered = np.zeros(len(gap_points_lps), bool)
    chosen: list[Trajectory] = []
    sets: list[NeedleSet] = []
    reaches = [np.linalg.norm(gap_points_lps - np.array(t.target_lps), axis=1) <= config.reach_mm for t in trajectories]
    while len(chosen) < config.needles_in_set:
        gains = [
            -1 if t in chosen or any(_touch(t, c) for c in chosen) else int((r & ~covered).sum())
            for t, r in zip(trajectories, reaches, strict=True)
        ]
        if not gains or max(gains) < (_WORTH_ANOTHER * len(covered) if chosen else 1):
            break
        # Among equals the better rank comes first: max() keeps the earliest.
        best = max(range(len(gains)), key=lambda k: gains[k])
        chosen.append(trajectories[best])
        covered |= reaches[best]
        sets.append(
            NeedleSet(
                gap_ids=(trajectories[best].gap_id,),
                trajectory_ids=tuple(t.id for t in chosen),
                covered_ml=float(covered.sum() * voxel_ml),
                covered_fraction=float(covered.mean()),
                cement_ml=None,
            )
        )
    return tuple(sets)


def _touch(first: Trajectory, second: Trajectory) -> bool:
    apart = segments_distance_mm(first.path_lps[0], first.aim_lps, second.path_lps[0], second.aim_lps)
    radii = (first.needle.outer_diameter_mm + second.needle.outer_diameter_mm) / 2
    return apart < radii + _APART_IN_SET_MM
