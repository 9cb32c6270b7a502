"""Breaches of a plan against those that were built."""

from collections.abc import Sequence

import numpy as np

from planner.model.breach import Breach, BreachSeverity, LeakType
from planner.model.record import NotNegative, Record
from planner.phantoms.score.known_case import KnownCase
from planner.phantoms.truth.document import BreachTruth

_NEAR_MM = 4.0
"""A breach this near to a true patch means that patch. As in the scorer of the shared cases; no source."""


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


class FalseBreach(Record):
    """A breach of the plan that lies at none that was built."""

    found_id: str
    severity: BreachSeverity
    leak_type: LeakType | None


class BreachesScore(Record):
    """All breaches of a case."""

    breaches: tuple[BreachScore, ...]
    false: tuple[FalseBreach, ...]
    found_right: int
    """Breaches of the plan that lie at a true one; several may lie at one."""


def score_breaches(found: Sequence[Breach], case: KnownCase) -> BreachesScore:
    """Hold breaches against those that were built.

    Parameters
    ----------
    found : sequence of Breach
        The plan's.
    case : KnownCase
        What is true.

    Returns
    -------
    BreachesScore
    """
    places = np.array([b.centroid_lps for b in found], dtype=np.float64).reshape(-1, 3)
    at = np.zeros(len(found), dtype=bool)
    rows = []
    for true in case.document.breaches:
        distance, _ = case.breach_voxels.of(true.label).nearest(places)
        near = distance <= _NEAR_MM
        at |= near
        best = int(np.argmin(distance)) if near.any() else None
        rows.append(_scored(true, None if best is None else found[best], None if best is None else distance[best]))
    return BreachesScore(
        breaches=tuple(rows),
        false=tuple(
            FalseBreach(found_id=b.id, severity=b.severity, leak_type=b.leak_type)
            for b, right in zip(found, at, strict=True)
            if not right
        ),
        found_right=int(at.sum()),
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
    )
