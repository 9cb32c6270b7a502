"""Gaps round stems and cups: measured on rays from the metal, and in 3D where they widen to cavities."""

from dataclasses import dataclass, replace

import cc3d
import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.hip_config import HipGapConfig
from planner.geometry.frames import Array, point_tuple
from planner.geometry.grid import Grid
from planner.geometry.implant_zones import charnley_zones, gruen_zones
from planner.model.finding import Finding
from planner.model.gap import Gap, GapKind, GapWidth, Interval, ZoneVolume
from planner.model.implant import Implant, LooseningCriterion
from planner.model.unwrapped import UnwrappedMap
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.gaps.interface_artefacts import InterfaceArtefacts, look_again
from planner.segment.gaps.interface_edge import interface_of
from planner.segment.gaps.interface_rays import (
    OFFSET_STEP_MM,
    OFFSETS_MM,
    Interface,
    closed,
)
from planner.segment.gaps.interface_wall import find_lucent
from planner.segment.gaps.lytic_spaces import Surroundings, grow_cavities, lumen_level_hu, seed_voxels, voxel_shares
from planner.segment.gaps.readability import unreadable_finding
from planner.segment.gaps.stem_loosening import stem_loosening
from planner.segment.gaps.unwrapped_maps import stem_map
from planner.segment.implants.hips import HipPart
from planner.segment.trust import TrustMap
from planner.segment.unwrap import Cells
from planner.segment.upright import Bools, resample, upright_grid, upright_hu

_MARGIN_MM = 18.0
_Z90 = 1.645
_CAVITY_SHARE, _RETROACETABULAR_ML = 0.5, 0.3
"""A gap along a stem is called osteolysis where cavities hold most of it, one behind a cup where it has any; ours."""
_CAVITY_SD, _END_SD = 0.15, 0.14
"""Relative errors of cavities, and of a gap's borders along the interface; judged on the hip phantom."""
_BEHIND_MM = 1.0
_DARK_HU, _BRIGHT_HU = -250.0, 400.0
"""Soft tissue beyond these is streaked."""
_LEAST_INTERFACE_MM2 = 400.0
"""Less of an interface in the scan is not graded; ours."""


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


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """The lucent cells of one interface, and the cavities beside them."""

    part: HipPart
    interface: Interface
    around: Surroundings
    lucent: Cells
    width_mm: Array
    mask: Bools
    cavity_shares: npt.NDArray[np.float32]
    trust: float
    artefacts: InterfaceArtefacts | None


def measure_hip_gaps(
    volume: Volume,
    parts: tuple[HipPart, ...],
    *,
    bone: Mask,
    metal: Mask,
    config: HipGapConfig,
    trust: TrustMap | None = None,
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
    gaps: list[HipGap] = []
    records: list[Implant] = []
    said: list[Finding] = []
    maps: list[UnwrappedMap] = []
    for part in parts:
        record = part.record
        if record.kind in ("femoral_stem", "acetabular_cup"):
            check_cancelled(monitor)
            monitor.report(Progress(f"measuring gaps round {record.id}"))
            found = _look(volume, part, bone, metal, config, trust)
            medial = _medial(part, parts)
            gaps += _gaps(found, medial, config)
            said += _unreadable(found)
            if record.kind == "femoral_stem":
                record = _graded(record, found, config)
                # where artefacts may hide a line, none seen is none measured
                sure = np.full(found.lucent.shape, not _unreadable(found))
                maps.append(stem_map(record, found.interface, found.width_mm, found.lucent, medial, config, sure=sure))
        records.append(record)
    return HipGaps(tuple(gaps), tuple(records), tuple(said), tuple(maps))


def _look(
    volume: Volume, part: HipPart, bone: Mask, metal: Mask, config: HipGapConfig, trust: TrustMap | None
) -> _Found:
    points = np.asarray(part.metal.grid.to_lps(np.argwhere(part.metal.voxels)))
    box = np.stack([points.min(axis=0) - _MARGIN_MM, points.max(axis=0) + _MARGIN_MM])
    grid = upright_grid(volume.grid, 0.8, box)
    hu = np.nan_to_num(upright_hu(volume, grid), nan=-1000.0)
    solid = resample(metal.voxels, metal.grid, grid, averaged=False) > 0.5
    envelope = resample(bone.voxels, bone.grid, grid, averaged=False) > 0.5
    away = np.asarray(edt.edt(~solid, parallel=2) * grid.spacing_mm[0], dtype=np.float32)
    around = Surroundings(grid, hu, envelope, away)
    interface = interface_of(volume, part, bone, config)
    lumen = lumen_level_hu(around, config)
    lucent, width, is_wide = find_lucent(interface, lumen, config)
    # a bay narrower than the cells' averaging shows no cavity on its rays: what is lucent behind any wall seeds one too
    seeds = np.concatenate(
        [interface.points_lps(np.full(width.shape, t))[is_wide] for t in (1.75, 2.5, 3.25)]
        + [interface.points_lps(width + _BEHIND_MM)[lucent]]
    )
    cavities = grow_cavities(around, seed_voxels(grid, seeds), lumen, config)
    painted = _painted(interface, lucent, width, grid, envelope & (away < 8.0))
    shares = voxel_shares(around, cavities & ~painted, painted, config)
    mask = painted | ((shares >= 0.5) & ~solid)
    artefacts = None if trust is None else look_again(trust, interface, around, lumen_hu=lumen, config=config)
    own = _trust(around)
    if artefacts is not None and artefacts.seen is not None:
        own = min(own, artefacts.seen.gap_trust)
    return _Found(part, interface, around, lucent, width, mask, shares, own, artefacts)


def _unreadable(found: _Found) -> tuple[Finding, ...]:
    """Say where artefacts leave an implant's interface unreadable."""
    artefacts, record = found.artefacts, found.part.record
    if artefacts is None or artefacts.seen is None:
        return ()
    said = unreadable_finding(record.id, artefacts.seen, record.centroid_lps, artefacts.trust)
    return () if said is None else (said,)


def _painted(interface: Interface, lucent: Cells, width_mm: Array, grid: Grid, where: Bools) -> Bools:
    """Voxels between the metal and the wall."""
    out = np.zeros(grid.shape, dtype=bool)
    cells = np.argwhere(where)
    row, turn, offset = interface.locate(np.asarray(grid.to_lps(cells)))
    at = np.stack([np.clip(row, 0, lucent.shape[0] - 1), turn])
    share = ndimage.map_coordinates(closed(lucent), at, order=1, mode="nearest")
    wall = ndimage.map_coordinates(closed(width_mm * lucent), at, order=1, mode="nearest") / np.maximum(share, 1e-3)
    # the metal's own edge, not its mask: that one is bloomed
    out[tuple(cells.T)] = (share > 0.5) & (offset >= 0.0) & (offset <= wall)
    return out


def _trust(around: Surroundings) -> float:
    """How free of streaks the soft tissue round the bone is; 0 where a quarter of it is streaked."""
    soft = ~around.bone & (around.from_metal_mm > 4.0) & (around.from_metal_mm < _MARGIN_MM)
    if not soft.any():
        return 0.5
    streaked = (around.hu[soft] < _DARK_HU) | (around.hu[soft] > _BRIGHT_HU)
    return float(np.clip(1.0 - 4.0 * np.mean(streaked), 0.0, 1.0))


def _medial(part: HipPart, parts: tuple[HipPart, ...]) -> Array:
    """Direction from a stem to its head; across the body where no head is known."""
    heads = [p for p in parts if p.record.kind == "femoral_head" and p.record.side == part.record.side]
    if heads and part.record.axis is not None and heads[0].centre_lps is not None:
        return np.asarray(heads[0].centre_lps - np.array(part.record.axis.head_lps))
    return np.array([-1.0 if part.record.side == "left" else 1.0, 0.0, 0.0])


def _gaps(found: _Found, medial: Array, config: HipGapConfig) -> list[HipGap]:
    grid = found.around.grid
    labels = cc3d.connected_components(found.mask.astype(np.uint8), connectivity=26)
    cells_ml = np.where(found.lucent, found.interface.cells_mm3(found.width_mm), 0.0) / 1000.0
    owner = _owners(found, labels)
    voxels = np.argwhere((found.cavity_shares > 0) & (found.mask | ndimage.binary_dilation(found.mask)))
    # a partial voxel on the border goes with the space that it borders on
    grown = np.asarray(ndimage.maximum_filter(labels, 3))
    voxel_owner = np.where(labels[tuple(voxels.T)] > 0, labels[tuple(voxels.T)], grown[tuple(voxels.T)])
    voxel_ml = found.cavity_shares[tuple(voxels.T)] * grid.voxel_volume_mm3 / 1000.0
    gaps: list[HipGap] = []
    for number in range(1, int(labels.max()) + 1):
        cells, cavity = owner == number, voxel_owner == number
        estimate = float(cells_ml[cells].sum() + voxel_ml[cavity].sum())
        if estimate < config.least_gap_ml:
            continue
        points = np.concatenate(
            [found.interface.points_lps(found.width_mm / 2)[cells], np.asarray(grid.to_lps(voxels[cavity]))]
        )
        shares_ml = np.concatenate([cells_ml[cells], voxel_ml[cavity]])
        record = _record(found, cells, points, shares_ml, float(voxel_ml[cavity].sum()), medial, config)
        if found.artefacts is not None:
            # not refused, as round screws: that lost as many true gaps as false ones (tuning cases of the table)
            stays = found.artefacts.staying_share(cells, voxels[cavity], shares_ml)
            record = record.model_copy(update={"trust": found.trust * stays})
        gaps.append(HipGap(record, Mask(grid, labels == number)))
    gaps.sort(key=lambda g: -g.record.volume_ml.estimate if g.record.volume_ml is not None else 0.0)
    name = found.part.record.id
    return [
        replace(g, record=g.record.model_copy(update={"id": f"gap-{name}-{k}"})) for k, g in enumerate(gaps, start=1)
    ]


def _owners(found: _Found, labels: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Which connected space each lucent cell looks into; 0 for none."""
    owner = np.zeros(found.lucent.shape, dtype=np.int64)
    shape = np.array(labels.shape) - 1
    grown = np.asarray(ndimage.maximum_filter(labels, 3))
    for field in (labels, grown):
        for share in (0.5, 0.8, 1.0):
            index = found.around.grid.to_index(found.interface.points_lps(share * found.width_mm))
            at = np.clip(np.rint(np.asarray(index)).astype(int), 0, shape)
            owner = np.where((owner == 0) & found.lucent, field[tuple(np.moveaxis(at, -1, 0))], owner)
    return owner


def _record(
    found: _Found, cells: Cells, points: Array, shares_ml: Array, cavity_ml: float, medial: Array, config: HipGapConfig
) -> Gap:
    estimate = float(shares_ml.sum())
    area = found.interface.area_mm2()
    blurred = 2.0 - found.trust  # streaks double the wall's error at worst
    spread = blurred * float(
        np.sqrt(
            (config.edge_sd_mm * area[cells].sum() / 1000.0) ** 2
            + (_CAVITY_SD * cavity_ml) ** 2
            + (_END_SD * estimate) ** 2
        )
    )
    whole = Interval(estimate=estimate, low=max(0.0, estimate - _Z90 * spread), high=estimate + _Z90 * spread)
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


def _width(found: _Found, cells: Cells) -> GapWidth | None:
    """Width on the gap's rays, square to the metal; in cavities as far as they are lucent along the ray."""
    if not cells.any():
        return None
    width = found.width_mm[cells]
    shape = np.array(found.mask.shape) - 1
    through = np.zeros(len(width))
    for offset in OFFSETS_MM[OFFSETS_MM > 1.25]:
        points = found.interface.points_lps(np.full(cells.shape, offset))[cells]
        at = np.clip(np.rint(np.asarray(found.around.grid.to_index(points))).astype(int), 0, shape)
        lucent = found.cavity_shares[tuple(at.T)] > 0.5
        through += OFFSET_STEP_MM * (lucent & (offset > width))
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


def _graded(record: Implant, found: _Found, config: HipGapConfig) -> Implant:
    area, bony = found.interface.area_mm2(), found.interface.in_bone
    total = float(area[bony].sum())
    lucent = found.lucent & bony
    if found.artefacts is not None:
        # darkness by artefact is no sign of loosening
        lucent = lucent & found.artefacts.cells
    wide = np.sort(found.width_mm[lucent])[::-1]
    covered = np.cumsum(area[lucent][np.argsort(-found.width_mm[lucent])]) / max(total, 1e-6)
    share = float(area[lucent].sum()) / total if total >= _LEAST_INTERFACE_MM2 else None
    # one bay of a cavity is no line: the width that so much of the interface reaches
    widest = float(wide[np.argmax(covered >= config.line_share)]) if np.any(covered >= config.line_share) else 0.0
    call = stem_loosening(share, widest, trust=found.trust, config=config)
    if call == "none" and _unreadable(found):
        call = None
    # where nothing can be told of the stem, that no line was seen is no measured zero
    criteria = (
        LooseningCriterion(
            name="lucent share of the interface", measured=None if call is None else share,
            limit=config.possible_share, unit="1",
        ),
        LooseningCriterion(
            name=f"width of the line over {config.line_share:.0%} of the interface",
            measured=None if call is None else widest,
            limit=config.probable_width_mm, unit="mm",
        ),
    )  # fmt: skip
    return record.model_copy(update={"loosening": call, "loosening_criteria": criteria})
