"""Breaches of a plan against those that were built."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from planner.geometry.frames import Array
from planner.model.breach import Breach, BreachSeverity, LeakType
from planner.model.record import NotNegative, Record
from planner.phantoms.score.known_case import CodedPoints, KnownCase
from planner.phantoms.truth.document import BreachTruth

_NEAR_MM = 4.0
"""A breach this near to a true patch means that patch. As in the scorer of the shared cases; no source."""

_SEEN_MM = 1.5
"""A gap that was told so near to a true patch is the patch's own: two voxels."""


class BreachScore(Record):
    """One breach that was built, and the nearest of the plan's that lies at it."""

    true_id: str
    gap_id: str
    severity: BreachSeverity | None
    leak_type: LeakType | None
    area_mm2: NotNegative | None
    found_id: str | None
    """None where the plan has none here."""
    found_severity: BreachSeverity | None
    found_leak_type: LeakType | None
    distance_mm: NotNegative | None
    """From the found breach to the true patch."""
    barrier_mm: NotNegative | None = None
    """Least thickness of bone that was built."""
    found_barrier_mm: NotNegative | None = None
    gap_seen: bool | None = None
    """Whether a gap was told at this patch: without one nobody can tell a breach of it. None where that was not asked.
    """

    @property
    def across_mm(self) -> float | None:
        """Diameter of a disc of its area."""
        return None if self.area_mm2 is None else float(2.0 * np.sqrt(self.area_mm2 / np.pi))


class FalseBreach(Record):
    """A breach of the plan that lies at none that was built."""

    found_id: str
    severity: BreachSeverity
    leak_type: LeakType | None
    true_wall_mm: NotNegative | None = None
    """The least bone that truly lies between a gap and the outside near it; None where no true gap is near."""


class BreachesScore(Record):
    """All breaches of a case."""

    breaches: tuple[BreachScore, ...]
    false: tuple[FalseBreach, ...]
    found_right: int
    """Breaches of the plan that lie at a true one; several may lie at one."""
    named_right: int = 0
    """Of those, how many lie at a true one of their own leak type."""


def score_breaches(found: Sequence[Breach], case: KnownCase, *, told_gaps_lps: Array | None = None) -> BreachesScore:
    """Hold breaches against those that were built.

    Parameters
    ----------
    found : sequence of Breach
        The plan's.
    case : KnownCase
        What is true.
    told_gaps_lps : ndarray, shape (N, 3), or None
        Places in the plan's gaps; None: not asked.

    Returns
    -------
    BreachesScore
    """
    told = None if told_gaps_lps is None else CodedPoints(told_gaps_lps, np.ones(len(told_gaps_lps), dtype=np.uint8))
    places = np.array([b.centroid_lps for b in found], dtype=np.float64).reshape(-1, 3)
    at, named = np.zeros(len(found), dtype=bool), np.zeros(len(found), dtype=bool)
    rows = []
    for true in case.document.breaches:
        patch = case.breach_voxels.of(true.label)
        distance, _ = patch.nearest(places)
        near = distance <= _NEAR_MM
        at |= near
        named |= near & np.array([b.leak_type == true.leak_type for b in found], dtype=bool)
        best = int(np.argmin(distance)) if near.any() else None
        row = _scored(true, None if best is None else found[best], None if best is None else distance[best])
        rows.append(row.model_copy(update={"gap_seen": None if told is None else _is_seen(patch, told)}))
    walls = _Walls(case) if not at.all() else None
    return BreachesScore(
        breaches=tuple(rows),
        false=tuple(
            FalseBreach(
                found_id=b.id,
                severity=b.severity,
                leak_type=b.leak_type,
                true_wall_mm=None if walls is None else walls.least_mm(np.array(b.centroid_lps)),
            )
            for b, right in zip(found, at, strict=True)
            if not right
        ),
        found_right=int(at.sum()),
        named_right=int(named.sum()),
    )


def _scored(true: BreachTruth, found: Breach | None, distance_mm: float | None) -> BreachScore:
    return BreachScore(
        true_id=true.id,
        gap_id=true.gap_id,
        severity=true.severity,
        leak_type=true.leak_type,
        area_mm2=true.area_mm2,
        found_id=None if found is None else found.id,
        found_severity=None if found is None else found.severity,
        found_leak_type=None if found is None else found.leak_type,
        distance_mm=None if distance_mm is None else float(distance_mm),
        barrier_mm=true.barrier_mm,
        found_barrier_mm=None if found is None else found.barrier_mm,
    )


def _is_seen(patch: CodedPoints, told: CodedPoints) -> bool:
    """Say whether a gap was told at half of a patch or more."""
    distance, _ = told.nearest(patch.points_lps)
    return bool(np.mean(distance <= _SEEN_MM) >= 0.5) if len(distance) else False


class _Walls:
    """How much bone truly lies between the gaps and the outside, on the truth's voxels."""

    def __init__(self, case: KnownCase) -> None:
        solid = case.env | case.metal
        edge = float(np.mean(case.grid.spacing_mm))
        surface = (case.label > 0) & ~ndimage.binary_erosion((case.label > 0) | case.metal, np.ones((3, 3, 3), bool))
        # from a voxel's centre in the gap to one outside, less half a voxel at either end
        depth = ndimage.distance_transform_edt(solid, sampling=case.grid.spacing_mm)
        self._wall_mm = np.maximum(depth[surface] - edge, 0.0)
        points = case.voxels_lps(surface)
        self._tree = cKDTree(points) if len(points) else None

    def least_mm(self, place_lps: Array) -> float | None:
        near = [] if self._tree is None else self._tree.query_ball_point(place_lps, _NEAR_MM)
        return float(self._wall_mm[near].min()) if near else None
