"""Gaps round stems and cups: measured on rays from the metal, and in 3D where they widen to cavities."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cc3d
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.hip_config import HipGapConfig
from planner.geometry.frames import Array, point_tuple
from planner.geometry.implant_zones import charnley_zones, gruen_zones
from planner.model.finding import Finding
from planner.model.gap import Gap, GapKind, GapWidth, Interval, ZoneVolume
from planner.model.implant import Implant
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor
from planner.segment.gaps.hip_grades import graded_cup, graded_stem, unreadable_findings
from planner.segment.gaps.hip_look import Found, look_at_all
from planner.segment.gaps.interface_rays import (
    OFFSET_STEP_MM,
    OFFSETS_MM,
)
from planner.segment.implants.hips import HipPart
from planner.segment.implants.parts import ImplantPart
from planner.segment.trust import TrustMap
from planner.segment.unwrap import Cells

_Z90 = 1.645
_CAVITY_SHARE, _RETROACETABULAR_ML = 0.5, 0.3
"""A gap along a stem is called osteolysis where cavities hold most of it, one behind a cup where it has any; ours."""
_CAVITY_SD, _END_SD, _MISSED_SD = 0.15, 0.14, 0.8
"""Relative errors of cavities and of a gap's borders along the interface, and of what artefacts hide of a gap, upwards
only: on the tuning cases with artefacts true volumes are 1.2 to 3 times those found."""


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
    """

    gaps: tuple[HipGap, ...]
    implants: tuple[Implant, ...]
    findings: tuple[Finding, ...] = ()


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
    monitor : Monitor
        Follows the work.
    mantles : sequence of ImplantPart
        Cement that was told; of a stem in cement the gap lies outside its mantle. Other parts are passed over.

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
    Nails, cup screws and heads are not looked at. A line thinner than `config.least_width_mm` is not seen, nor one
    between a stem and its cement. Gaps are judged with the foretold artefact taken off; where the patient's cancellous
    bone, or what artefacts leave, reads as interface tissue does, nothing is told. The criteria of a stem's loosening
    are those of cemented ones, and one CT shows no migration: "definite" is never said.
    """
    gaps: list[HipGap] = []
    records: list[Implant] = []
    said: list[Finding] = []
    looked = look_at_all(volume, parts, bone, metal, config, trust, mantles, monitor)
    for part in parts:
        record = part.record
        if record.kind in ("femoral_stem", "acetabular_cup"):
            found = looked[record.id]
            gaps += _gaps(found, _medial(part, parts), config)
            said += unreadable_findings(found)
            record = (graded_stem if record.kind == "femoral_stem" else graded_cup)(record, found, config)
        records.append(record)
    return HipGaps(tuple(gaps), tuple(records), tuple(said))


def _medial(part: HipPart, parts: tuple[HipPart, ...]) -> Array:
    """Direction from a stem to its head; across the body where no head is known."""
    heads = [p for p in parts if p.record.kind == "femoral_head" and p.record.side == part.record.side]
    if heads and part.record.axis is not None and heads[0].centre_lps is not None:
        return np.asarray(heads[0].centre_lps - np.array(part.record.axis.head_lps))
    return np.array([-1.0 if part.record.side == "left" else 1.0, 0.0, 0.0])


def _gaps(found: Found, medial: Array, config: HipGapConfig) -> list[HipGap]:
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
        if estimate < config.least_gap_ml or _is_streak(found, cells, float(voxel_ml[cavity].sum()), config):
            continue
        points = np.concatenate(
            [found.interface.points_lps(found.width_mm / 2)[cells], np.asarray(grid.to_lps(voxels[cavity]))]
        )
        shares_ml = np.concatenate([cells_ml[cells], voxel_ml[cavity]])
        record = _record(found, cells, points, shares_ml, float(voxel_ml[cavity].sum()), medial, config)
        gaps.append(HipGap(record, Mask(grid, labels == number)))
    gaps.sort(key=lambda g: -g.record.volume_ml.estimate if g.record.volume_ml is not None else 0.0)
    name = found.part.record.id
    return [
        replace(g, record=g.record.model_copy(update={"id": f"gap-{name}-{k}"})) for k, g in enumerate(gaps, start=1)
    ]


def _is_streak(found: Found, cells: Cells, cavity_ml: float, config: HipGapConfig) -> bool:
    """Whether a line is so small that streaks may have made it, on an interface that they leave unreadable."""
    artefacts = found.artefacts
    if artefacts is None or artefacts.seen is None or cavity_ml >= _RETROACETABULAR_ML:
        return False
    if artefacts.seen.unreadable_share <= artefacts.trust.config.most_unreadable_share:
        return False
    area = found.interface.area_mm2()
    return float(area[cells].sum()) < config.least_unreadable_share * float(area[found.interface.in_bone].sum())


def _owners(found: Found, labels: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
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
    found: Found, cells: Cells, points: Array, shares_ml: Array, cavity_ml: float, medial: Array, config: HipGapConfig
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
    hidden = _MISSED_SD * estimate if found.interface.is_streaked else _END_SD * estimate
    above = float(np.hypot(spread, hidden))
    whole = Interval(estimate=estimate, low=max(0.0, estimate - _Z90 * spread), high=estimate + _Z90 * above)
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
