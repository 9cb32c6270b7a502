"""Gaps of a plan against those that were built: volume, interval, zones, width, and overlap."""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from planner.model.gap import Gap, GapKind
from planner.model.plan import Plan
from planner.model.record import NotNegative, Record, Share
from planner.phantoms.score.known_case import KnownCase
from planner.phantoms.truth.document import GapTruth

_NEAR_MM = 2.0
"""Voxels farther from every true gap belong to none. As in the scorer of the shared cases; no source."""
_FALSE_BELOW = 0.3
"""A gap with a smaller share of its voxels near a true one is no part of it. As there; no source."""
_FOUND_FROM = 0.1
"""A true gap of which less is covered was not found: a stray voxel finds nothing. Ours, no source; the scorer of the
shared cases has no such limit."""


class ZoneScore(Record):
    """One zone of a gap."""

    zone: str
    true_ml: NotNegative
    found_ml: NotNegative | None
    """None where no gap was found, or its volume in this zone was not measured."""


class GapScore(Record):
    """One gap that was built, and what the plan says of it.

    Where one found gap covers several true ones, each has the share of its volume that its voxels have; where several
    found gaps lie at a true one, their volumes add up.
    """

    true_id: str
    kind: GapKind
    implant_id: str | None
    found_ids: tuple[str, ...]
    """Gaps of the plan that have voxels here; none for a gap that was missed, of which less than a tenth is covered."""
    true_ml: NotNegative
    estimate_ml: NotNegative | None
    low_ml: NotNegative | None
    high_ml: NotNegative | None
    """None where nothing was found, or a part of what was found was not measured."""
    dice: Share
    sensitivity: Share
    """Share of its voxels that any found gap covers."""
    true_width_mm: NotNegative | None
    """Median over its surface. The width that it was designed with is another thing, and does not stand in for it."""
    width_mm: NotNegative | None
    """Median, as found; of the gap that has most of its volume here."""
    true_width_max_mm: NotNegative | None
    width_max_mm: NotNegative | None
    true_interface_fraction: Share | None
    interface_fraction: Share | None
    found_kind: GapKind | None
    trust: Share | None
    zones: tuple[ZoneScore, ...]

    @property
    def error_ml(self) -> float | None:
        """Found less true."""
        return None if self.estimate_ml is None else self.estimate_ml - self.true_ml

    @property
    def relative_error(self) -> float | None:
        """Found by true, less 1."""
        return None if self.estimate_ml is None or self.true_ml == 0.0 else self.estimate_ml / self.true_ml - 1.0

    @property
    def covered(self) -> bool | None:
        """Whether the 90 % interval holds the true volume; None without an interval."""
        if self.low_ml is None or self.high_ml is None:
            return None
        return self.low_ml <= self.true_ml <= self.high_ml


class FalseGap(Record):
    """A gap of the plan where there is none."""

    found_id: str
    implant_id: str | None
    kind: GapKind
    volume_ml: NotNegative | None


class GapsScore(Record):
    """All gaps of a case."""

    gaps: tuple[GapScore, ...]
    false: tuple[FalseGap, ...]
    beside: tuple[FalseGap, ...]
    """Gaps of the plan that lie next to true ones but cover less than a tenth of each: they find nothing."""
    unmeasured: int
    """Gaps of the plan without a volume, true or false."""
    dice: Share | None
    """Of all gaps' voxels together; None where there are none, neither true nor found."""
    sensitivity: Share | None
    """Share of the true gaps' voxels that were found; None where there are none."""

    @property
    def false_ml(self) -> float:
        """Volume that was found where there is no gap."""
        return sum(gap.volume_ml or 0.0 for gap in self.false)


def score_gaps(plan: Plan, codes: npt.NDArray[np.generic], case: KnownCase) -> GapsScore:
    """Hold gaps against those that were built.

    Parameters
    ----------
    plan : Plan
        The plan.
    codes : ndarray, shape ``case.grid.shape``
        The plan's label map on the truth's grid.
    case : KnownCase
        What is true.

    Returns
    -------
    GapsScore
    """
    parts = {gap.id: _Part(gap, _voxels(plan, gap, codes), case) for gap in plan.gaps}
    real = {name: part for name, part in parts.items() if part.is_real}
    found = np.isin(codes, [s.code for s in plan.labels if s.kind == "gap"])
    true = case.label > 0
    both, either = int((found & true).sum()), int(found.sum()) + int(true.sum())
    gaps = tuple(_scored(gap, real, found, case) for gap in case.document.gaps)
    finders = {name for gap in gaps for name in gap.found_ids}
    return GapsScore(
        gaps=gaps,
        false=tuple(_false(part.gap) for part in parts.values() if not part.is_real),
        beside=tuple(_false(part.gap) for name, part in real.items() if name not in finders),
        unmeasured=sum(gap.volume_ml is None for gap in plan.gaps),
        dice=2.0 * both / either if either else None,
        sensitivity=both / int(true.sum()) if true.any() else None,
    )


class _Part:
    """A found gap's voxels, and to which true gap each belongs."""

    def __init__(self, gap: Gap, voxels: npt.NDArray[np.bool_], case: KnownCase) -> None:
        self.gap, self.count = gap, int(voxels.sum())
        distance, self.owner = case.gap_voxels.nearest(case.voxels_lps(voxels))
        near = distance <= _NEAR_MM
        self.is_real = self.count > 0 and int(near.sum()) >= _FALSE_BELOW * self.count
        self._near_owner = self.owner[near]

    def share(self, label: int) -> float:
        """Give the share of the gap's near voxels that lie at a true gap."""
        return float(np.mean(self._near_owner == label)) if self.is_real else 0.0


def _voxels(plan: Plan, gap: Gap, codes: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    code = next((s.code for s in plan.labels if s.kind == "gap" and s.id == gap.id), None)
    return np.zeros(codes.shape, dtype=bool) if code is None else np.asarray(codes == code)


def _false(gap: Gap) -> FalseGap:
    volume_ml = None if gap.volume_ml is None else gap.volume_ml.estimate
    return FalseGap(found_id=gap.id, implant_id=gap.implant_id, kind=gap.kind, volume_ml=volume_ml)


def _scored(true: GapTruth, real: Mapping[str, _Part], found: npt.NDArray[np.bool_], case: KnownCase) -> GapScore:
    own = case.label == true.label
    own_count, hit = int(own.sum()), int((own & found).sum())
    is_found = hit >= _FOUND_FROM * max(1, own_count)
    shares = {name: part.share(true.label) for name, part in real.items()} if is_found else {}
    here = {name: share for name, share in shares.items() if share > 0.0}
    parts = {name: real[name] for name in here}
    claimed = sum(int((part.owner == true.label).sum()) for part in parts.values())
    overlap = hit if parts else 0
    main = max(parts.values(), key=lambda p: p.share(true.label) * p.count).gap if parts else None
    estimate, low, high = (_summed(parts, here, end) for end in ("estimate", "low", "high"))
    widths = true.widths_mm
    return GapScore(
        true_id=true.id,
        kind=true.kind,
        implant_id=true.implant_id,
        found_ids=tuple(here),
        true_ml=true.volume_ml,
        estimate_ml=estimate,
        low_ml=low,
        high_ml=high,
        dice=min(1.0, 2.0 * overlap / max(1, own_count + claimed)),
        sensitivity=hit / max(1, own_count),
        true_width_mm=None if widths is None else widths.median,
        width_mm=None if main is None or main.width_mm is None else main.width_mm.median,
        true_width_max_mm=None if widths is None else widths.max,
        width_max_mm=None if main is None or main.width_mm is None else main.width_mm.max,
        true_interface_fraction=true.interface_fraction,
        interface_fraction=None if main is None else main.interface_fraction,
        found_kind=None if main is None else main.kind,
        trust=None if main is None else main.trust,
        zones=_zones(true, parts, here),
    )


def _summed(parts: Mapping[str, _Part], shares: Mapping[str, float], end: str) -> float | None:
    """Add up one end of the found gaps' intervals; None where one of them was not measured, or none lies here."""
    volumes = {name: part.gap.volume_ml for name, part in parts.items()}
    measured = {name: volume for name, volume in volumes.items() if volume is not None}
    if not volumes or len(measured) < len(volumes):
        return None
    return float(sum(shares[name] * getattr(volume, end) for name, volume in measured.items()))


def _zones(true: GapTruth, parts: Mapping[str, _Part], shares: Mapping[str, float]) -> tuple[ZoneScore, ...]:
    if not true.zones:
        return ()
    right = {zone.zone: zone.volume_ml for zone in true.zones}
    told = {name: {z.zone: z.volume_ml for z in part.gap.zones} for name, part in parts.items()}
    names = [*right, *sorted({zone for zones in told.values() for zone in zones} - set(right))]
    rows = []
    for zone in names:
        volumes = [(shares[name], zones.get(zone, 0.0)) for name, zones in told.items() if zones]
        rows.append(ZoneScore(zone=zone, true_ml=right.get(zone, 0.0), found_ml=_weighed(volumes)))
    return tuple(rows)


def _weighed(volumes: Iterable[tuple[float, float | None]]) -> float | None:
    known = [(share, volume) for share, volume in volumes]
    if not known or any(volume is None for _, volume in known):
        return None
    return float(sum(share * (volume or 0.0) for share, volume in known))
