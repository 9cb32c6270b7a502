"""Gaps round stems and cups: measured on rays from the metal, and in 3D where they widen to cavities."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.config.hip_config import HipGapConfig
from planner.geometry.frames import Array, point_tuple
from planner.geometry.implant_zones import charnley_zones, gruen_zones
from planner.model.finding import Finding
from planner.model.gap import Gap, GapKind, GapWidth, ZoneVolume
from planner.model.implant import Implant
from planner.model.unwrapped import UnwrappedMap
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.gaps.hip_doubt import interval_of, staying_share, trace_finding
from planner.segment.gaps.hip_grades import (
    bone_from_hu,
    graded_cup,
    graded_stem,
    hiding_findings,
    refused_findings,
    unreadable_findings,
    unseen_finding,
)
from planner.segment.gaps.hip_look import Found, look_at
from planner.segment.gaps.hip_spaces import Space, spaces_of
from planner.segment.gaps.interface_rays import OFFSET_STEP_MM, OFFSETS_MM
from planner.segment.gaps.unwrapped_maps import stem_map
from planner.segment.implants.hips import HipPart
from planner.segment.implants.parts import ImplantPart
from planner.segment.trust import TrustMap
from planner.segment.unwrap import Cells

_CAVITY_SHARE, _RETROACETABULAR_ML = 0.5, 0.3
"""A gap along a stem is called osteolysis where cavities hold most of it, one behind a cup where it has any; ours."""


@dataclass(frozen=True, slots=True, eq=False)
class HipGap:
    """One lucent space.

    Parameters
    ----------
    record : Gap
        What the plan says of it.
    mask : Mask
        Its voxels, on an upright grid round the implant.
    """

    record: Gap
    mask: Mask


@dataclass(frozen=True, slots=True, eq=False)
class HipGaps:
    """What was measured round hip implants.

    Parameters
    ----------
    gaps : tuple of HipGap
        The lucent spaces, each implant's by falling volume; ids "gap-stem-left-1", ...
    implants : tuple of Implant
        The parts' records in their order, stems and cups with their loosening.
    findings : tuple of Finding
        What artefacts make of the gaps.
    maps : tuple of UnwrappedMap
        The width of the gap along and round each stem.
    """

    gaps: tuple[HipGap, ...]
    implants: tuple[Implant, ...]
    findings: tuple[Finding, ...] = ()
    maps: tuple[UnwrappedMap, ...] = ()


def measure_hip_gaps(
    volume: Volume,
    parts: tuple[HipPart, ...],
    *,
    bone: Mask,
    metal: Mask,
    config: HipGapConfig,
    trust: TrustMap | None = None,
    mantles: Sequence[ImplantPart] = (),
    monitor: Monitor = SILENT,
) -> HipGaps:
    """Measure the gaps round stems and cups.

    Parameters
    ----------
    volume : Volume
        The original CT.
    parts : tuple of HipPart
        The hip implants.
    bone : Mask
        The bone's envelope, closed over gaps and implants, on any grid.
    metal : Mask
        All metal, on any grid.
    config : HipGapConfig
        What counts as a gap.
    trust : TrustMap or None
        What metal artefacts leave readable; None: they are judged by the soft tissue alone.
    mantles : sequence of ImplantPart
        Cement that was told; of a stem in cement the gap lies outside its mantle. Other parts are passed over.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    HipGaps
        Without gaps where no stem or cup has one.

    Raises
    ------
    CancelledError
        If the monitor stops the work.

    Notes
    -----
    Nails, cup screws and heads are not looked at. Stems are graded by the criteria of cemented ones, cups by their
    zones, and one CT shows no migration: "definite" is never said.
    """
    each: list[HipGaps] = []
    for part in parts:
        if part.record.kind not in ("femoral_stem", "acetabular_cup"):
            each.append(HipGaps((), (part.record,)))
            continue
        check_cancelled(monitor)
        monitor.report(Progress(f"measuring gaps round {part.record.id}"))
        found = look_at(volume, part, bone=bone, metal=metal, mantles=mantles, trust=trust, config=config)
        each.append(_measured(found, _medial(part, parts), trust, config))
    return HipGaps(
        tuple(gap for one in each for gap in one.gaps),
        tuple(record for one in each for record in one.implants),
        tuple(finding for one in each for finding in one.findings),
        tuple(unwrapped for one in each for unwrapped in one.maps),
    )


def _measured(found: Found, medial: Array, trust: TrustMap | None, config: HipGapConfig) -> HipGaps:
    """Give the gaps of one stem or cup, its grade and its map, and what is doubtful of them."""
    record = found.part.record
    is_cup = record.kind == "acetabular_cup"
    unseen = unseen_finding(found, config) if is_cup else None
    if unseen is not None:
        return HipGaps((), (record,), (unseen,))
    spaces = spaces_of(found, config)
    told = [space for space in spaces if space.sureness >= config.least_sureness]
    traces = [
        trace_finding(record, space.sureness, point_tuple(space.centroid_lps), config)
        for space in spaces
        if space.sureness < config.least_sureness
    ]
    # what is too unsure to be measured says nothing of loosening either
    cells = np.any([np.zeros(found.lucent.shape, dtype=bool), *(space.cells for space in told)], axis=0)
    everywhere = (
        *unreadable_findings(found, trust),
        *refused_findings(found, trust, config),
        *hiding_findings(found, cells, config),
    )
    doubts = (*everywhere, *traces)
    grade = graded_cup if is_cup else graded_stem
    graded = grade(record, found, cells, config, is_blind=bool(doubts))
    gaps = _gaps(found, told, medial, config)
    if is_cup:
        return HipGaps(gaps, (graded,), doubts)
    # where artefacts may hide a line, or the reader is not sure, none seen is none measured
    sure = (found.reading.chance <= config.linking_chance) & (not everywhere)
    spread = found.reading.spread_mm
    width = np.where(cells, found.width_mm, 0.0)
    return HipGaps(
        gaps, (graded,), doubts, (stem_map(graded, found.interface, width, spread, cells, medial, sure=sure),)
    )


def _medial(part: HipPart, parts: tuple[HipPart, ...]) -> Array:
    """Direction from a stem to its head; across the body where no head is known."""
    heads = [p for p in parts if p.record.kind == "femoral_head" and p.record.side == part.record.side]
    if heads and part.record.axis is not None and heads[0].centre_lps is not None:
        return np.asarray(heads[0].centre_lps - np.array(part.record.axis.head_lps))
    return np.array([-1.0 if part.record.side == "left" else 1.0, 0.0, 0.0])


def _gaps(found: Found, spaces: Sequence[Space], medial: Array, config: HipGapConfig) -> tuple[HipGap, ...]:
    name = found.part.record.id
    return tuple(
        HipGap(
            _record(found, space, medial, config).model_copy(update={"id": f"gap-{name}-{k}"}),
            Mask(found.around.grid, space.mask),
        )
        for k, space in enumerate(spaces, start=1)
    )


def _record(found: Found, space: Space, medial: Array, config: HipGapConfig) -> Gap:
    area = found.interface.area_mm2()
    whole = interval_of(space.volume_ml, space.sureness, config)
    interface_mm2 = float(area[found.interface.in_bone].sum())
    is_cup = found.part.record.kind == "acetabular_cup"
    is_cavity = space.wide_ml > (_RETROACETABULAR_ML if is_cup else _CAVITY_SHARE * space.volume_ml)
    kind: GapKind = "osteolysis" if is_cavity else "periprosthetic_gap"
    stays = staying_share(found.floor, space.cells, area, bone_hu=bone_from_hu(found, config))
    return Gap(
        id="gap",
        implant_id=found.part.record.id,
        level=None,
        kind=kind,
        zones=_zone_volumes(found.part, space.points_lps, space.shares_ml, medial),
        volume_ml=whole,
        expected_fill_ml=None,
        width_mm=_width(found, space.cells),
        interface_fraction=min(1.0, float(area[space.cells].sum()) / interface_mm2) if interface_mm2 > 0 else None,
        centroid_lps=point_tuple(space.centroid_lps),
        trust=found.trust * stays,
    )


def _width(found: Found, cells: Cells) -> GapWidth | None:
    """Width on the gap's rays, square to the metal; in cavities as far as they are lucent along the ray."""
    if not cells.any():
        return None
    width, outer = found.width_mm[cells], found.outer_mm[cells]
    shape = np.array(found.mask.shape) - 1
    through = np.zeros(len(width))
    for offset in OFFSETS_MM[OFFSETS_MM > 1.25]:
        points = found.interface.points_lps(np.full(cells.shape, offset))[cells]
        at = np.clip(np.rint(np.asarray(found.around.grid.to_index(points))).astype(int), 0, shape)
        lucent = found.cavity_shares[tuple(at.T)] > 0.5
        through += OFFSET_STEP_MM * (lucent & (offset > outer))
    width = width + through
    return GapWidth(median=float(np.median(width)), p95=float(np.percentile(width, 95)), max=float(width.max()))


def _zone_volumes(part: HipPart, points: Array, shares_ml: Array, medial: Array) -> tuple[ZoneVolume, ...]:
    axis = part.record.axis
    if axis is not None:
        zones, name = gruen_zones(points, np.array(axis.head_lps), np.array(axis.tip_lps), medial), "gruen"
    elif part.centre_lps is not None and part.opening_lps is not None:
        zones, name = charnley_zones(points, part.centre_lps, part.opening_lps, part.record.side), "charnley"
    else:
        return ()
    volumes = np.bincount(zones, weights=shares_ml)
    return tuple(ZoneVolume(zone=f"{name}-{k}", volume_ml=float(v)) for k, v in enumerate(volumes) if v > 0)
