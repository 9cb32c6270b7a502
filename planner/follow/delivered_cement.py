"""New cement between two CTs: how much, how far it fills each gap, and what leaked."""

from dataclasses import dataclass

import numpy as np

from planner.config.delivered_cement_config import DeliveredCementConfig
from planner.follow.carried import Bools, Floats, carrier
from planner.follow.cement_result import CementResult
from planner.follow.cement_share import CementShare, cement_share, sure_cement
from planner.follow.examined import RegisteredPair
from planner.follow.gap_fill import FilledGap, carried_gap, filled_gap
from planner.follow.leaks import leaks, piece_volume, surroundings
from planner.follow.metal_bloom import Bloom, bloom_of, scene
from planner.follow.predicted_leaks import predicted_leaks
from planner.geometry.distance import distance_mm
from planner.model.finding import Finding
from planner.model.follow_cement import DeliveredCement, Leak
from planner.model.gap import Interval
from planner.model.volume import Mask
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.upright import upright_hu

_SOURCE = "tuned on simulated pairs"
_NONE = Interval(estimate=0.0, low=0.0, high=0.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Total:
    """All new cement, and its parts, mL."""

    total: Interval | None
    in_gaps: Interval | None
    trabecular: Interval | None
    leaked: Interval


def delivered_cement(pair: RegisteredPair, config: DeliveredCementConfig, *, monitor: Monitor = SILENT) -> CementResult:
    """Tell how much new cement a later CT shows, and where.

    Parameters
    ----------
    pair : RegisteredPair
        The two CTs, registered.
    config : DeliveredCementConfig
        The settings.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    CementResult
        Its record is None where the two CTs show no place in common.

    Raises
    ------
    CancelledError
        If the monitor stops the work.

    Notes
    -----
    The earlier CT is read through each bone's own motion; what is brighter by far on the later one, and is neither
    metal nor its bloom, is new. Its volume is the sum of the shares that it fills of each voxel.
    """
    check_cancelled(monitor)
    monitor.report(Progress("looking for new cement", 0, 4))
    grid = pair.late.grid
    carry = carrier(pair, config.bone_reach_mm)
    late_hu = upright_hu(pair.late.ct, grid)
    softs = [carried_gap(pair, gap) for gap in pair.early.gaps]
    gap_share: Floats = np.max(softs, axis=0) if softs else np.zeros(grid.shape, dtype=np.float32)
    seen = scene(pair, carry, late_hu, gap_share, config)
    if not (np.isfinite(seen.late_hu) & np.isfinite(seen.early_hu)).any():
        none = np.zeros(grid.shape, dtype=bool)
        return CementResult(None, none.astype(np.float32), Mask(grid, none), findings=(_nothing_common(),))
    check_cancelled(monitor)
    monitor.report(Progress("looking for new cement", 1, 4))
    sure = sure_cement(seen, config)
    away = distance_mm(sure, grid.spacing_mm, reach_mm=config.bloom_far_mm + 1.0)
    bloom = bloom_of(seen, away, config)
    cement = cement_share(seen, bloom, config)
    check_cancelled(monitor)
    monitor.report(Progress("looking for new cement", 2, 4))
    gaps = [filled_gap(gap, soft, seen, cement, config) for gap, soft in zip(pair.early.gaps, softs, strict=True)]
    around = surroundings(pair, carry)
    found = leaks(cement, (gap_share > 0.5) | seen.metal | seen.early_metal, around, config)
    check_cancelled(monitor)
    monitor.report(Progress("looking for new cement", 3, 4))
    outside = np.zeros(grid.shape, dtype=bool)
    for _, mask in found:
        outside |= mask.voxels
    hidden_bone = _hidden_bone(bloom, cement, gap_share > 0.5, around.bone, has_gaps=bool(gaps))
    total = _totals(cement, gaps, tuple(leak for leak, _ in found), outside, hidden_bone, pair, config)
    place = np.zeros(grid.shape, dtype=bool)
    for gap in gaps:
        place |= gap.place
    record = DeliveredCement(
        total_ml=total.total,
        in_gaps_ml=total.in_gaps,
        trabecular_ml=total.trabecular if around.bone.any() else None,
        # without an envelope nothing tells outside from inside
        leaked_ml=total.leaked if around.bone.any() else None,
        interdigitation_mm=_interdigitation(
            cement, place | seen.metal | seen.early_metal, around.bone & ~outside, pair
        ),
        old_cement_ml=sum(one.mask.volume_ml for one in pair.early.implants if one.record.kind == "cement"),
        cement_hu=cement.hu,
        hidden_share=float((place & ~cement.read).sum() / place.sum()) if place.any() else None,
        gaps=tuple(gap.record for gap in gaps),
        leaks=tuple(leak for leak, _ in found),
        predicted=predicted_leaks(around, tuple(leak for leak, _ in found), cement.read, config),
    )
    monitor.report(Progress("looking for new cement", 4, 4))
    return CementResult(
        record=record,
        share=cement.share,
        new_cement=Mask(grid, np.asarray(cement.share >= 0.5)),
        leaks=found,
        residual=tuple((gap.record.gap_id, gap.residual) for gap in gaps if gap.residual is not None),
        findings=_findings(gaps, record, pair, seen.early_hu),
    )


def _hidden_bone(bloom: Bloom, cement: CementShare, in_gap: Bools, bone: Bools, *, has_gaps: bool) -> float:
    """Voxels of bone beside the gaps where cement may hide: next to cement, and all of them where no gap was told."""
    hidden = bloom.hidden & bone & ~in_gap
    if has_gaps:
        # what lies beside cement has its neighbours' share already
        hidden = hidden & (cement.share > 0)
    return float((1.0 - cement.share[hidden]).sum())


def _totals(
    cement: CementShare, gaps: list[FilledGap], found: tuple[Leak, ...], outside: Bools, hidden_bone: float,
    pair: RegisteredPair, config: DeliveredCementConfig,
) -> _Total:  # fmt: skip
    grid = pair.late.grid
    voxel_ml = grid.voxel_volume_mm3 / 1000.0
    leaked = _sum([leak.volume_ml for leak in found])
    filled = [gap.record.cement_ml for gap in gaps if gap.record.cement_ml is not None]
    if len(filled) < len(gaps):
        return _Total(None, None, None, leaked)
    in_gaps = _sum(filled) if gaps else _NONE
    everywhere = np.ones(grid.shape, dtype=bool)
    seen = piece_volume(cement.share, everywhere, grid, cement.spread, config)
    untold = ~cement.read & (cement.share > 0)
    unseen_ml = float(cement.share[untold].sum()) * voxel_ml
    room_ml = sum(gap.hidden_ml for gap in gaps) + hidden_bone * voxel_ml
    estimate = max(seen.estimate, in_gaps.estimate + leaked.estimate)
    low = estimate - (seen.estimate - seen.low) - config.hidden_spread * unseen_ml
    high = estimate + (seen.high - seen.estimate) + config.hidden_spread * max(0.0, room_ml - unseen_ml)
    if not gaps:
        high += (1.0 - config.hidden_spread) * hidden_bone * voxel_ml
    total = Interval(estimate=estimate, low=max(0.0, low), high=max(high, in_gaps.high, estimate))
    rest = max(0.0, estimate - in_gaps.estimate - leaked.estimate)
    trabecular = Interval(
        estimate=rest,
        low=min(rest, max(0.0, total.low - in_gaps.high - leaked.high)),
        high=max(rest, total.high - in_gaps.low - leaked.low),
    )
    return _Total(total, in_gaps if gaps else None, trabecular, leaked)


def _sum(parts: list[Interval]) -> Interval:
    """Add intervals: errors that all parts share add up."""
    estimate = sum(part.estimate for part in parts)
    down, up = [p.estimate - p.low for p in parts], [p.high - p.estimate for p in parts]
    return Interval(estimate=estimate, low=max(0.0, estimate - sum(down)), high=estimate + sum(up))


def _interdigitation(cement: CementShare, cavity: Bools, bone: Bools, pair: RegisteredPair) -> float | None:
    """Median depth of cement in bone from the gap's wall; None without a gap or without such cement."""
    if not pair.early.gaps or not cavity.any():
        return None
    grid = pair.late.grid
    away = distance_mm(cavity, grid.spacing_mm, reach_mm=20.0) - 0.5 * float(np.mean(grid.spacing_mm))
    there = bone & ~cavity & (cement.share >= 0.5) & (away > 0.5 * float(np.mean(grid.spacing_mm))) & (away <= 20.0)
    if np.count_nonzero(there) * grid.voxel_volume_mm3 < 50.0:
        return None
    return float(np.median(away[there]))


def _nothing_common() -> Finding:
    return Finding(
        code="cement-not-compared",
        severity="warning",
        message="the two CTs show no place in common: new cement cannot be told",
    )


def _findings(
    gaps: list[FilledGap], record: DeliveredCement, pair: RegisteredPair, early_hu: Floats
) -> tuple[Finding, ...]:
    found = [
        Finding(
            code="gap-fill-unread",
            severity="caution",
            message=f"{gap.record.gap_id}: metal and its artefacts hide the gap: how far it is filled is not known",
            gap_id=gap.record.gap_id,
            source=_SOURCE,
        )
        for gap in gaps
        if gap.record.cement_ml is None
    ]
    bone = pair.late.anatomy.bone.voxels
    missing = float((bone & ~np.isfinite(early_hu)).sum() / max(1, bone.sum()))
    if missing > 0.01:
        found.append(
            Finding(
                code="cement-outside-earlier-ct",
                severity="caution",
                message=f"the earlier CT lacks {missing:.0%} of the later one's bone: new cement there is not told",
                measured=missing,
                source=_SOURCE,
            )
        )
    if record.leaked_ml is not None and record.leaked_ml.estimate > 0:
        found.extend(_harmful(record.leaks))
    return tuple(found)


def _harmful(found: tuple[Leak, ...]) -> list[Finding]:
    return [
        Finding(
            code="cement-leaked",
            severity="warning" if leak.compartment in ("canal", "foramen", "joint", None) else "caution",
            message=f"{leak.id}: {leak.volume_ml.estimate:.2f} mL of cement lie outside of the bone "
            f"({leak.compartment or 'compartment not known'})",
            where_lps=leak.centroid_lps,
            measured=leak.volume_ml.estimate,
            unit="mL",
            source=_SOURCE,
        )
        for leak in found
    ]
