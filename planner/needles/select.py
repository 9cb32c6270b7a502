"""From many safe needles to few good ones: the score with its terms, and the choice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array
from planner.model.needle import Trajectory
from planner.needles.candidates import Candidates
from planner.needles.hip.zone_choice import zone_leaders

_ENOUGH_METAL_MM = 1.0
_ENOUGH_CANAL_MM = 5.0
_ENOUGH_BONE_MM = 15.0
_ENOUGH_BREACH_MM = 5.0
"""Beyond these distances more is no better; no source."""
_NEW_GROUND = 0.4
"""What a tip out of the others' reach is worth beside the score; no source."""


@dataclass(frozen=True, slots=True, eq=False)
class Passed:
    """Needles of one family that kept all hard limits; N of them.

    Parameters
    ----------
    family : Candidates
        The needles.
    skin_mm, in_view_mm, bone_mm : ndarray, shape (N,)
        Way from the aim to the skin (NaN: not in the picture), to the skin or the picture's edge, to the bone.
    metal_mm, canal_mm : ndarray, shape (N,)
        Clearances.
    entry_angle_deg : ndarray, shape (N,)
        Between needle and surface normal; NaN where the normal could not be told.
    """

    family: Candidates
    skin_mm: Array
    in_view_mm: Array
    bone_mm: Array
    metal_mm: Array
    canal_mm: Array
    entry_angle_deg: Array

    def take(self, index: npt.NDArray[np.intp]) -> "Passed":
        """Give some of the needles, in the order of the index."""
        f = self.family
        some = replace(f, aim_lps=f.aim_lps[index], target_lps=f.target_lps[index], outward_lps=f.outward_lps[index])
        return Passed(
            some,
            self.skin_mm[index],
            self.in_view_mm[index],
            self.bone_mm[index],
            self.metal_mm[index],
            self.canal_mm[index],
            self.entry_angle_deg[index],
        )

    def __len__(self) -> int:
        return len(self.bone_mm)


def reachable_ml(tips_lps: Array, gap_points_lps: Array, *, reach_mm: float, voxel_ml: float) -> Array:
    """Give the volume of a gap within reach of each tip.

    Parameters
    ----------
    tips_lps : ndarray, shape (N, 3)
        Tips.
    gap_points_lps : ndarray, shape (M, 3)
        The gap's voxels.
    reach_mm : float
        How far cement is taken to run.
    voxel_ml : float
        Volume of a voxel, mL.

    Returns
    -------
    ndarray, shape (N,)
        mL.
    """
    if not len(tips_lps):
        return np.empty(0)
    unique, back = np.unique(tips_lps, axis=0, return_inverse=True)
    counts = cKDTree(gap_points_lps).query_ball_point(unique, reach_mm, return_length=True)
    return np.asarray(counts[np.ravel(back)] * voxel_ml, dtype=np.float64)


def score_terms(passed: Passed, *, reach_share: Array, breach_mm: Array, config: NeedleConfig) -> dict[str, Array]:
    """Give the terms of the score, each 0 (poor) to 1 (good).

    Parameters
    ----------
    passed : Passed
        N needles.
    reach_share : ndarray, shape (N,)
        Share of the gap within reach of the tip.
    breach_mm : ndarray, shape (N,)
        Distance of the tip from the nearest breach; infinite without one.
    config : NeedleConfig
        Limits to compare with.

    Returns
    -------
    dict of str to ndarray, shape (N,)
        Terms that do not apply (no canal, say) are absent; robustness is added later, for the best alone.
    """
    cosine = np.clip(passed.family.outward_lps @ passed.family.ideal_lps, -1.0, 1.0)
    terms = {
        "clearance_metal": np.clip(passed.metal_mm / _ENOUGH_METAL_MM, 0.0, 1.0),
        "depth": np.clip(passed.bone_mm / _ENOUGH_BONE_MM, 0.0, 1.0),
        "reach": np.clip(reach_share, 0.0, 1.0),
        "entry_angle": np.nan_to_num(np.cos(np.radians(passed.entry_angle_deg)), nan=0.0),
        "obliquity": np.clip(1.0 - np.degrees(np.arccos(cosine)) / 60.0, 0.0, 1.0),
        "breach_distance": np.clip(breach_mm / _ENOUGH_BREACH_MM, 0.0, 1.0),
        # Nothing is known of what lies beyond the picture, so that a needle from there comes last.
        "skin_in_view": np.isfinite(passed.skin_mm).astype(np.float64),
    }
    if passed.family.approach != "femoral":
        terms["clearance_canal"] = np.clip(passed.canal_mm / _ENOUGH_CANAL_MM, 0.0, 1.0)
    return terms


def weighted(terms: Mapping[str, Array], *, config: NeedleConfig) -> Array:
    """Give the weighted mean of the terms.

    Parameters
    ----------
    terms : Mapping[str, ndarray]
        Terms of N needles, by name.
    config : NeedleConfig
        The weights.

    Returns
    -------
    ndarray, shape (N,)
        0 to 1.
    """
    weights = {name: float(getattr(config.weights, name)) for name in terms}
    total = sum(weights.values())
    if total <= 0:
        return np.zeros(len(next(iter(terms.values()))))
    return np.asarray(sum(weights[name] * terms[name] for name in terms) / total)


def spread_best(passed: Passed, score: Array, *, count: int, config: NeedleConfig) -> npt.NDArray[np.intp]:
    """Pick the best needles that differ from each other by target or by direction.

    Parameters
    ----------
    passed : Passed
        N needles.
    score : ndarray, shape (N,)
        Their scores.
    count : int
        How many at most.
    config : NeedleConfig
        What counts as different.

    Returns
    -------
    ndarray of int
        Best first.
    """
    order = np.argsort(-score, kind="stable")
    picked: list[int] = []
    free = np.ones(len(score), bool)
    like = np.cos(np.radians(config.apart_deg))
    for k in order:
        if len(picked) >= count:
            break
        if not free[k]:
            continue
        picked.append(int(k))
        near = np.linalg.norm(passed.family.target_lps - passed.family.target_lps[k], axis=1) < config.apart_mm
        free &= ~(near & (passed.family.outward_lps @ passed.family.outward_lps[k] > like))
    return np.array(picked, dtype=np.intp)


def choose(scored: Sequence[tuple[str, float, Trajectory]], *, config: NeedleConfig) -> tuple[Trajectory, ...]:
    """Choose a gap's proposals: the best of each kind of way first, then the best of the rest.

    Parameters
    ----------
    scored : sequence of (kind, score, trajectory)
        All that were worked out; a kind is a family, and where it goes by a pedicle its side: "beside the screw, left".
    config : NeedleConfig
        How many.

    Returns
    -------
    tuple of Trajectory
        Ranked from 1: those that keep the wanted margins before narrow ways, and in each by score; what the gantry
        cannot look along comes last. Narrow ways beyond the best of their kind take only places that are left.
    """
    order = sorted(scored, key=lambda item: (_is_narrow(item[2]), -item[1]))
    first: dict[tuple[str, str], int] = {}
    for k, (kind, _, way) in enumerate(order):
        family, _, side = kind.partition(", ")
        # of the ways past a pedicle one stands for all
        first.setdefault(("past the pedicle" if way.approach == "extrapedicular" else family, side), k)
    leaders = zone_leaders(order, config=config) or list(first.values())[: config.per_gap]
    score = np.array([value for _, value, _ in order])
    targets = np.array([t.target_lps for _, _, t in order]).reshape(-1, 3)
    free = sum(not _is_narrow(way) for _, _, way in order)
    wide = [k for k in leaders if k < free]
    narrow = [k for k in leaders if k >= free]
    room = config.per_gap - len(narrow)
    wide = spaced(score[:free], targets[:free], count=room, reach_mm=config.reach_mm, first=wide)
    picked = spaced(score, targets, count=config.per_gap, reach_mm=config.reach_mm, first=[*wide, *narrow])
    # A needle that the C-arm cannot look along comes after those that it can.
    ranked = sorted(picked, key=lambda k: (not order[k][2].bulls_eye.within_gantry_limits, k))
    return tuple(order[k][2].model_copy(update={"rank": rank}) for rank, k in enumerate(ranked, start=1))


def _is_narrow(way: Trajectory) -> bool:
    return bool(way.margins_reduced)


def spaced(score: Array, targets_lps: Array, *, count: int, reach_mm: float, first: Sequence[int] = ()) -> list[int]:
    """Pick good needles whose tips lie far from each other, so that together they reach much of the gap.

    Parameters
    ----------
    score : ndarray, shape (N,)
        Scores, 0 to 1.
    targets_lps : ndarray, shape (N, 3)
        Tips.
    count : int
        How many at most.
    reach_mm : float
        Beyond this distance from all others a tip gains no more.
    first : sequence of int
        Those already picked.

    Returns
    -------
    list of int
        In the order of picking.
    """
    picked = list(first)
    apart = np.full(len(score), np.inf)
    for k in picked:
        apart = np.minimum(apart, np.linalg.norm(targets_lps - targets_lps[k], axis=1))
    while len(picked) < min(count, len(score)):
        gain = score + _NEW_GROUND * np.minimum(apart / reach_mm, 1.0)
        gain[picked] = -np.inf
        picked.append(int(np.argmax(gain)))
        apart = np.minimum(apart, np.linalg.norm(targets_lps - targets_lps[picked[-1]], axis=1))
    return picked
