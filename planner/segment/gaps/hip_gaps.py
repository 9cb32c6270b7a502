"""Gaps round stems and cups: measured on rays from the metal, and in 3D where they widen to cavities."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cc3d
import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.sparse import coo_array, csgraph

from planner.config.hip_config import HipGapConfig
from planner.geometry.frames import Array, point_tuple
from planner.geometry.implant_zones import charnley_zones, gruen_zones
from planner.model.finding import Finding
from planner.model.gap import Gap, GapKind, GapWidth, Interval, ZoneVolume
from planner.model.implant import Implant
from planner.model.unwrapped import UnwrappedMap
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.gaps.hip_doubt import interval_of, sureness_of, trace_finding
from planner.segment.gaps.hip_grades import (
    graded_cup,
    graded_stem,
    refused_findings,
    unreadable_findings,
    unseen_finding,
)
from planner.segment.gaps.hip_look import Found, look_at
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
        The parts' records in their order, stems with their loosening.
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
    Nails, cup screws and heads are not looked at. A line thinner than `config.least_width_mm` is not seen. The criteria
    of loosening are those of cemented stems, and one CT shows no migration: "definite" is never said.
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
    gaps, traces = _gaps(found, medial, config)
    measured_ml = sum(g.record.volume_ml.estimate for g in gaps if g.record.volume_ml is not None)
    doubts = (*unreadable_findings(found, trust), *refused_findings(found, measured_ml, trust, config), *traces)
    grade = graded_cup if is_cup else graded_stem
    graded = grade(record, found, config, is_blind=bool(doubts))
    if is_cup:
        return HipGaps(tuple(gaps), (graded,), doubts)
    # where artefacts may hide a line, none seen is none measured
    sure = np.full(found.lucent.shape, not doubts)
    spread = found.reading.spread_mm
    unwrapped = stem_map(graded, found.interface, found.width_mm, spread, found.lucent, medial, sure=sure)
    return HipGaps(tuple(gaps), (graded,), doubts, (unwrapped,))


def _medial(part: HipPart, parts: tuple[HipPart, ...]) -> Array:
    """Direction from a stem to its head; across the body where no head is known."""
    heads = [p for p in parts if p.record.kind == "femoral_head" and p.record.side == part.record.side]
    if heads and part.record.axis is not None and heads[0].centre_lps is not None:
        return np.asarray(heads[0].centre_lps - np.array(part.record.axis.head_lps))
    return np.array([-1.0 if part.record.side == "left" else 1.0, 0.0, 0.0])


def _gaps(found: Found, medial: Array, config: HipGapConfig) -> tuple[list[HipGap], list[Finding]]:
    grid = found.around.grid
    labels = cc3d.connected_components(found.mask.astype(np.uint8), connectivity=26).astype(np.int64)
    cells_ml = found.cells_ml
    owner = _owners(found, labels)
    one = linked(owner, (found.reading.chance > config.linking_chance) & found.interface.in_bone, int(labels.max()))
    labels, owner = one[labels], one[owner]
    voxels = np.argwhere((found.cavity_shares > 0) & (found.mask | ndimage.binary_dilation(found.mask)))
    # a partial voxel on the border goes with the space that it borders on
    grown = np.asarray(ndimage.maximum_filter(labels, 3))
    voxel_owner = np.where(labels[tuple(voxels.T)] > 0, labels[tuple(voxels.T)], grown[tuple(voxels.T)])
    voxel_ml = found.cavity_shares[tuple(voxels.T)] * grid.voxel_volume_mm3 / 1000.0
    area = found.interface.area_mm2()
    gaps: list[HipGap] = []
    traces: list[Finding] = []
    for number in range(1, int(labels.max()) + 1):
        cells, cavity = owner == number, voxel_owner == number
        estimate = float(cells_ml[cells].sum() + voxel_ml[cavity].sum())
        if estimate < config.least_gap_ml:
            continue
        midway = found.interface.points_lps((found.inner_mm + found.outer_mm) / 2)
        points = np.concatenate([midway[cells], np.asarray(grid.to_lps(voxels[cavity]))])
        shares_ml = np.concatenate([cells_ml[cells], voxel_ml[cavity]])
        sureness = sureness_of(found.reading.chance, cells, area)
        if sureness < config.least_sureness:
            where = point_tuple((points * shares_ml[:, None]).sum(axis=0) / estimate)
            traces.append(trace_finding(found.part.record, sureness, where, config))
            continue
        record = _record(found, cells, points, shares_ml, float(voxel_ml[cavity].sum()), medial, config)
        gaps.append(HipGap(record, Mask(grid, labels == number)))
    gaps.sort(key=lambda g: -g.record.volume_ml.estimate if g.record.volume_ml is not None else 0.0)
    name = found.part.record.id
    named = [
        replace(g, record=g.record.model_copy(update={"id": f"gap-{name}-{k}"})) for k, g in enumerate(gaps, start=1)
    ]
    return named, traces


def linked(owner: npt.NDArray[np.int64], bridge: Cells, most: int) -> npt.NDArray[np.int64]:
    """Say which parts of a gap are one, because cells between them may be lucent, too.

    Parameters
    ----------
    owner : ndarray of int, shape (rows, angles)
        Number of the part that each lucent cell belongs to; 0 for none.
    bridge : ndarray of bool, shape (rows, angles)
        Cells that join their neighbours; angles are cyclic.
    most : int
        Greatest number of a part.

    Returns
    -------
    ndarray of int, shape (most + 1,)
        The number that each part goes by: the least of those that are one.
    """
    count = most + 1
    ways = np.asarray(ndimage.label(bridge | (owner > 0), np.ones((3, 3)))[0], dtype=np.int64)
    seam = [(ways[:, 0], np.roll(ways[:, -1], k)) for k in (-1, 0, 1)]
    met = [(owner, count + ways), *((count + a, count + b) for a, b in seam)]
    pairs = np.concatenate([np.stack([a.ravel(), b.ravel()]) for a, b in met], axis=1)
    # nothing is no way, nor a part
    pairs = pairs[:, (pairs[0] > 0) & (pairs[0] != count) & (pairs[1] > count)]
    nodes = count + int(ways.max()) + 1
    joined = coo_array((np.ones(pairs.shape[1]), (pairs[0], pairs[1])), shape=(nodes, nodes))
    group = csgraph.connected_components(joined, directed=False)[1][:count]
    least = np.full(nodes, count)
    np.minimum.at(least, group, np.arange(count))
    return np.asarray(least[group], dtype=np.int64)


def _owners(found: Found, labels: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Which connected space each lucent cell looks into; 0 for none."""
    owner = np.zeros(found.lucent.shape, dtype=np.int64)
    shape = np.array(labels.shape) - 1
    grown = np.asarray(ndimage.maximum_filter(labels, 3))
    for field in (labels, grown):
        for share in (0.5, 0.8, 1.0):
            index = found.around.grid.to_index(found.interface.points_lps(found.inner_mm + share * found.width_mm))
            at = np.clip(np.rint(np.asarray(index)).astype(int), 0, shape)
            owner = np.where((owner == 0) & found.lucent, field[tuple(np.moveaxis(at, -1, 0))], owner)
    return owner


def _record(
    found: Found, cells: Cells, points: Array, shares_ml: Array, cavity_ml: float, medial: Array, config: HipGapConfig
) -> Gap:
    estimate = float(shares_ml.sum())
    area = found.interface.area_mm2()
    whole = interval_of(estimate, sureness_of(found.reading.chance, cells, area), config)
    fill = Interval(
        estimate=config.fill_share * whole.estimate,
        low=config.fill_share_low * whole.low,
        high=config.fill_share_high * whole.high,
    )
    interface_mm2 = float(area[found.interface.in_bone].sum())
    is_cup = found.part.record.kind == "acetabular_cup"
    cavity = cavity_ml > (_RETROACETABULAR_ML if is_cup else _CAVITY_SHARE * estimate)
    kind: GapKind = "osteolysis" if cavity else "periprosthetic_gap"
    return Gap(
        id="gap",
        implant_id=found.part.record.id,
        level=None,
        kind=kind,
        zones=_zone_volumes(found.part, points, shares_ml, medial),
        volume_ml=whole,
        expected_fill_ml=fill,
        width_mm=_width(found, cells),
        interface_fraction=min(1.0, float(area[cells].sum()) / interface_mm2) if interface_mm2 > 0 else None,
        centroid_lps=point_tuple((points * shares_ml[:, None]).sum(axis=0) / estimate),
        trust=found.trust,
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
