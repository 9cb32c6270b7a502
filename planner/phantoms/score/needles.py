"""Needles of a plan against the truth: what they would really have met."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np

from planner.geometry.frames import Array, positioner_angles_deg
from planner.geometry.grid import Grid
from planner.model.needle import Approach, Trajectory
from planner.model.record import NotNegative, Record
from planner.phantoms.score.known_case import KnownCase
from planner.phantoms.truth.document import CanalTruth

Violation = Literal["metal", "canal", "forbidden", "second bone", "off target", "length", "angles", "skin"]
_STEP_MM = 0.4
"""Along the needle: half a voxel of the truth and less."""
_VOXEL_MM = 0.4
"""By so much a voxel's centre may lie within the needle: half of a voxel is not told. So for all limits below: they are
those of the scorer of the shared cases, without a source."""
_SLIDING_MM = 1.0
"""A needle that slides along metal may read as within it for so long."""
_FORBIDDEN_MM = 2.0
_SECOND_BONE_MM = 1.5
"""A shorter run through bone is a graze."""
_OFF_TARGET_MM = 1.5
_DEPTH_MM = 1.0
_ANGLE_DEG = 0.5
_SKIN_MM = 4.0


class NeedleScore(Record):
    """One proposed needle, measured in the truth."""

    id: str
    approach: Approach
    rank: int
    gap_id: str
    """The plan's gap that it is meant for."""
    gap_true_id: str | None
    """The gap that its tip lies in or next to; None where there is no gap at all."""
    off_target_mm: NotNegative | None
    """From the tip to the nearest voxel of any gap."""
    metal_mm: float | None
    """Least distance of the needle's surface from the centre of a voxel of metal."""
    within_metal_mm: NotNegative
    """Length of its middle line that runs in metal."""
    canal_mm: float | None
    """Least distance of its surface from the tube that lies within the true canal; None where there is no canal."""
    forbidden_mm: dict[str, float]
    """Length of its middle line in each structure that it meets, by name."""
    bone_entries: int
    skin_off_mm: NotNegative | None
    """From the skin entry to the true skin; None where the plan gives no entry, or it lies outside of the truth."""
    entry_beyond_scan: bool
    """Whether the skin entry lies outside of the CT: nobody has seen the skin there."""
    unjudged_mm: NotNegative
    """Length of the path outside of the truth's grid, where nothing is known of it."""
    depth_error_mm: float | None
    """Depth from the skin as told, less the length of the path; None where one of them is not told."""
    over_length_mm: float | None
    """Depth from the skin less the needle's length; None where the depth is not told."""
    angle_error_deg: NotNegative
    """The larger of the two angles' errors against the path itself."""
    violations: tuple[Violation, ...]


class NeedlesScore(Record):
    """All needles of a case."""

    needles: tuple[NeedleScore, ...]
    gaps_without: tuple[str, ...]
    """True gaps that no needle's tip reaches."""


def score_needles(trajectories: Sequence[Trajectory], case: KnownCase, *, scanned: Grid | None = None) -> NeedlesScore:
    """Measure needles in the truth.

    Parameters
    ----------
    trajectories : sequence of Trajectory
        The plan's.
    case : KnownCase
        What is true.
    scanned : Grid or None
        The voxels of the CT. A skin entry outside of the truth's voxels but within the CT cannot be judged; one outside
        of both is wrong. None: the truth's voxels hold the whole CT, as the scorer of the shared cases takes for given.

    Returns
    -------
    NeedlesScore
    """
    targets = np.array([t.target_lps for t in trajectories], dtype=np.float64).reshape(-1, 3)
    without = []
    for gap in case.document.gaps:
        distance, _ = case.gap_voxels.of(gap.label).nearest(targets)
        if not (distance <= _OFF_TARGET_MM).any():
            without.append(gap.id)
    return NeedlesScore(needles=tuple(_scored(t, case, scanned) for t in trajectories), gaps_without=tuple(without))


def _scored(needle: Trajectory, case: KnownCase, scanned: Grid | None) -> NeedleScore:
    way, radius_mm = _way(needle), needle.needle.outer_diameter_mm / 2.0
    off_mm, code = case.gap_voxels.nearest(np.array([needle.target_lps], dtype=np.float64))
    metal_mm, _ = case.metal_points.nearest(way)
    entries = _runs(case.at(case.env, way, outside=0).astype(bool))
    measured = NeedleScore(
        id=needle.id,
        approach=needle.approach,
        rank=needle.rank,
        gap_id=needle.gap_id,
        gap_true_id=next((g.id for g in case.document.gaps if g.label == int(code[0])), None),
        off_target_mm=_finite(float(off_mm[0])),
        metal_mm=_finite(float(metal_mm.min()) - radius_mm),
        within_metal_mm=float(case.at(case.metal, way, outside=0).sum()) * _STEP_MM,
        canal_mm=_canal_mm(way, case.document.structures.canal, radius_mm),
        forbidden_mm=_forbidden_mm(way, case),
        bone_entries=sum(run_mm > _SECOND_BONE_MM for run_mm in entries),
        skin_off_mm=_skin_off_mm(needle, case),
        entry_beyond_scan=_is_beyond_scan(needle, case, scanned),
        unjudged_mm=float(np.count_nonzero(~case.grid.contains(way))) * _STEP_MM,
        depth_error_mm=_depth_error_mm(needle),
        over_length_mm=None
        if needle.depth_from_skin_mm is None
        else _over_length_mm(needle, needle.depth_from_skin_mm),
        angle_error_deg=_angle_error_deg(needle),
        violations=(),
    )
    return measured.model_copy(update={"violations": _violations(measured, needle)})


def _violations(score: NeedleScore, needle: Trajectory) -> tuple[Violation, ...]:
    untold = needle.entry_skin_lps is not None and score.depth_error_mm is None
    broken: dict[Violation, bool] = {
        "metal": _meets_metal(score, needle),
        "canal": score.canal_mm is not None and score.canal_mm < 0.0,
        "forbidden": sum(score.forbidden_mm.values()) > _FORBIDDEN_MM,
        "second bone": score.bone_entries > 1,
        "off target": score.off_target_mm is None or score.off_target_mm > _OFF_TARGET_MM,
        "length": untold or (score.over_length_mm or 0.0) > 0.0 or abs(score.depth_error_mm or 0.0) > _DEPTH_MM,
        "angles": score.angle_error_deg > _ANGLE_DEG,
        "skin": score.entry_beyond_scan or (score.skin_off_mm is not None and score.skin_off_mm > _SKIN_MM),
    }
    return tuple(name for name, is_broken in broken.items() if is_broken)


def _meets_metal(score: NeedleScore, needle: Trajectory) -> bool:
    if needle.slides_along_implant:
        return score.within_metal_mm > _SLIDING_MM
    return score.metal_mm is not None and score.metal_mm < -_VOXEL_MM


def _way(needle: Trajectory) -> Array:
    """Give points along the needle's path, close together, its end among them."""
    corners = [np.asarray(p, dtype=np.float64) for p in needle.path_lps]
    if len(corners) < 2:
        ends = (needle.entry_skin_lps, needle.entry_bone_lps, needle.target_lps)
        corners = [np.asarray(p, dtype=np.float64) for p in ends if p is not None]
    pieces = []
    for a, b in pairwise(corners):
        count = max(2, int(np.linalg.norm(b - a) / _STEP_MM))
        pieces.append(a + (b - a) * np.linspace(0.0, 1.0, count, endpoint=False)[:, None])
    return np.concatenate([*pieces, corners[-1][None]])


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _canal_mm(way: Array, canal: CanalTruth | None, radius_mm: float) -> float | None:
    if canal is None:
        return None
    least = np.inf
    for a, b in pairwise(np.asarray(canal.points, dtype=np.float64)):
        share = np.clip(((way - a) @ (b - a)) / ((b - a) @ (b - a)), 0.0, 1.0)
        least = min(least, float(np.linalg.norm(way - a - share[:, None] * (b - a), axis=1).min()))
    return _finite(least - canal.radius_mm - radius_mm)


def _forbidden_mm(way: Array, case: KnownCase) -> dict[str, float]:
    met = case.at(case.forbidden, way, outside=0).astype(bool)
    if case.structures is None:
        return {"forbidden": float(met.sum()) * _STEP_MM} if met.any() else {}
    codes = case.at(case.structures, way, outside=0)
    named = {s.name: float((met & (codes == s.code)).sum()) * _STEP_MM for s in case.document.structures.forbidden}
    rest = float((met & ~np.isin(codes, [s.code for s in case.document.structures.forbidden])).sum()) * _STEP_MM
    return {name: length for name, length in {**named, "forbidden": rest}.items() if length > 0.0}


def _runs(inside: Array) -> list[float]:
    """Give the length of each run of the way within, mm."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))
    return [float(b - a) * _STEP_MM for a, b in edges.reshape(-1, 2)]


def _skin_off_mm(needle: Trajectory, case: KnownCase) -> float | None:
    if needle.entry_skin_lps is None:
        return None
    entry = np.array([needle.entry_skin_lps], dtype=np.float64)
    if not case.grid.contains(entry)[0]:
        return None
    distance, _ = case.skin_points.nearest(entry)
    return _finite(float(distance[0]))


def _is_beyond_scan(needle: Trajectory, case: KnownCase, scanned: Grid | None) -> bool:
    if needle.entry_skin_lps is None:
        return False
    entry = np.array([needle.entry_skin_lps], dtype=np.float64)
    return not any(bool(grid.contains(entry)[0]) for grid in (case.grid, scanned) if grid is not None)


def _depth_error_mm(needle: Trajectory) -> float | None:
    if needle.entry_skin_lps is None or needle.depth_from_skin_mm is None:
        return None
    corners = np.asarray(needle.path_lps, dtype=np.float64)
    return needle.depth_from_skin_mm - float(np.linalg.norm(np.diff(corners, axis=0), axis=1).sum())


def _over_length_mm(needle: Trajectory, depth_mm: float) -> float:
    return depth_mm - needle.needle.length_mm


def _angle_error_deg(needle: Trajectory) -> float:
    start = np.asarray(needle.path_lps[0] if needle.path_lps else needle.entry_bone_lps, dtype=np.float64)
    primary, secondary = positioner_angles_deg(start - np.asarray(needle.aim_lps))
    turned = abs((needle.bulls_eye.primary_deg - primary + 180.0) % 360.0 - 180.0)
    return max(turned, abs(needle.bulls_eye.secondary_deg - secondary))
