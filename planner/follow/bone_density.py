"""CT numbers of trabecular bone beside implants, at the same places of the bone on two CTs."""

from dataclasses import dataclass

import numpy as np

from planner.config.bone_density_config import BoneDensityConfig
from planner.follow.examined import Examined, ExaminedImplant, RegisteredPair
from planner.geometry.distance import distance_mm
from planner.geometry.frames import Array
from planner.geometry.implant_zones import SCREW_ZONES, charnley_zones, gruen_zones, screw_zones
from planner.geometry.regions import block_between, voxel_centres
from planner.model.bones import Bone
from planner.model.follow_motion import DensityChange
from planner.model.implant import Implant
from planner.model.unwrapped import Flags
from planner.model.volume import Mask
from planner.segment.unwrap import sampler_round

_TOO_LITTLE = 500
"""Voxels of muscle or fat that a median needs at least. Ours."""


@dataclass(frozen=True, slots=True)
class HuScale:
    """How the later CT's numbers are turned into the earlier's.

    Parameters
    ----------
    offset_hu : float
        Added to the later CT's; 0 where it is not known.
    sd_hu : float
        Standard error of a bone's change that this leaves.
    """

    offset_hu: float
    sd_hu: float


def density_changes(
    pair: RegisteredPair, *, new_cement: Mask | None, config: BoneDensityConfig | None = None
) -> tuple[DensityChange, ...]:
    """Compare the bone beside each screw, stem and cup on both CTs, zone by zone.

    Parameters
    ----------
    pair : RegisteredPair
        Both CTs.
    new_cement : Mask or None
        On the later CT; None where none was looked for, and then what is brighter than bone is left out by its HU only.
    config : BoneDensityConfig or None
        The settings; None for the defaults.

    Returns
    -------
    tuple of DensityChange
        Every zone of every such implant; HU are None where its bone is not known, was not registered, or too little of
        it can be read on both CTs.

    Notes
    -----
    Gaps, metal, cement and what artefacts hide on either CT are left out; so is the cortex. Both scanners' scales are
    brought together on muscle, which loosening does not change; how fat then still differs is in the limit, for a tube
    voltage changes bone more than muscle.
    """
    config = config or BoneDensityConfig()
    scale = hu_scale(pair, config)
    changes: list[DensityChange] = []
    for implant in pair.early.implants:
        zones = _zones_of(implant.record)
        if not zones:
            continue
        host = pair.host_of.get(implant.record.id)
        bone = pair.early.bone(host)
        if bone is None or bone.name not in pair.bones:
            changes += [_nothing(implant.record.id, zone) for zone in zones]
            continue
        read = _read(pair, implant, bone, new_cement, config)
        changes += [_zone(implant.record.id, zone, code, read, scale, config) for code, zone in enumerate(zones)]
    return tuple(changes)


def hu_scale(pair: RegisteredPair, config: BoneDensityConfig) -> HuScale:
    """Bring the later CT's numbers to the earlier's on muscle.

    Parameters
    ----------
    pair : RegisteredPair
        Both CTs.
    config : BoneDensityConfig
        The settings.

    Returns
    -------
    HuScale
        Without an offset where either CT shows too little muscle, or it differs beyond the settings.
    """
    muscle = [_median_hu(one, one.anatomy.muscle, config) for one in (pair.early, pair.late)]
    fat = [_median_hu(one, one.anatomy.fat, config) for one in (pair.early, pair.late)]
    if muscle[0] is None or muscle[1] is None:
        return HuScale(0.0, config.no_scale_sd_hu)
    offset = muscle[0] - muscle[1]
    if not config.offset_hu[0] <= offset <= config.offset_hu[1]:
        return HuScale(0.0, max(config.no_scale_sd_hu, abs(offset)))
    rest = 0.0 if fat[0] is None or fat[1] is None else fat[0] - fat[1] - offset
    return HuScale(offset, float(np.hypot(config.scale_sd_hu, rest)))


def _median_hu(examined: Examined, mask: Mask | None, config: BoneDensityConfig) -> float | None:
    if mask is None:
        return None
    values = examined.anatomy.ct.hu[mask.voxels]
    volume_ml = len(values) * mask.grid.voxel_volume_mm3 / 1000.0
    return float(np.median(values)) if len(values) >= _TOO_LITTLE and volume_ml >= config.least_tissue_ml else None


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """Voxels of bone beside one implant: HU on both CTs, zone and volume of each."""

    before_hu: Array
    after_hu: Array
    zone: Array
    voxel_mm3: float


def _read(
    pair: RegisteredPair, implant: ExaminedImplant, bone: Bone, new_cement: Mask | None, config: BoneDensityConfig
) -> _Read:
    early, late, motion = pair.early, pair.late, pair.bones[bone.name]
    points = _shell(implant, bone, config)
    moved = points @ motion[:3, :3].T + motion[:3, 3]
    keep = early.ct.grid.contains(points) & late.ct.grid.contains(moved)
    keep &= _clear(early, points, config) & _clear(late, moved, config)
    if new_cement is not None:
        keep &= ~_near(new_cement, moved, config.cement_mm)
    points, moved = points[keep], moved[keep]
    empty = np.zeros(0)
    voxel_mm3 = bone.mask.grid.voxel_volume_mm3
    if len(points) == 0:
        return _Read(empty, empty, empty, voxel_mm3)
    before, after = (
        sampler_round(one.anatomy.ct.hu, one.grid, where, margin_mm=3.0).at(where).astype(np.float64)
        for one, where in ((early, points), (late, moved))
    )
    low, high = config.trabecular_hu
    # by both alike, or noise of the one that picks would look like a change
    trabecular = ((before + after) / 2.0 > low) & ((before + after) / 2.0 < high)
    points = points[trabecular]
    zone = _zone_codes(implant.record, points) if len(points) else empty
    return _Read(before[trabecular], after[trabecular], zone, voxel_mm3)


def _shell(implant: ExaminedImplant, bone: Bone, config: BoneDensityConfig) -> Array:
    """Places within the bone, off its cortex, in the shell round an implant, LPS, shape (N, 3)."""
    there = np.argwhere(implant.mask.voxels)
    if len(there) == 0:
        return np.zeros((0, 3))
    metal = np.asarray(implant.mask.grid.to_lps(there))
    reach = config.shell_mm[1] + config.cortex_mm + 1.0
    grid = bone.mask.grid
    block = block_between(grid, metal.min(axis=0) - reach, metal.max(axis=0) + reach)
    places = voxel_centres(grid, block).reshape(-1, 3)
    inside = bone.mask.voxels[block]
    sampler = sampler_round(implant.mask.voxels, implant.mask.grid, places, margin_mm=2.0)
    covered = implant.mask.grid.contains(places) & (sampler.at(places) > 0.5)
    away = distance_mm(covered.reshape(inside.shape), grid.spacing_mm, reach_mm=reach)
    depth = distance_mm(~inside, grid.spacing_mm, reach_mm=reach)
    shell = inside & (away >= config.shell_mm[0]) & (away <= config.shell_mm[1]) & (depth > config.cortex_mm)
    return np.asarray(places[shell.ravel()])


def _clear(examined: Examined, points: Array, config: BoneDensityConfig) -> Flags:
    """Where neither metal, cement nor a gap lies, and artefacts let read."""
    clear = ~_near(examined.metal, points, config.shell_mm[0])
    for mask in (
        *(one.mask for one in examined.gaps),
        *(one.mask for one in examined.implants if one.record.kind == "cement"),
    ):
        clear &= ~_near(mask, points, 1.0)
    if examined.trust is not None:
        clear &= examined.trust.trust_at(points) >= examined.trust.config.unreadable_below
    return np.asarray(clear)


def _near(mask: Mask, points: Array, reach_mm: float) -> Flags:
    """Say which points lie in a mask or so near to it."""
    if len(points) == 0:
        return np.zeros(0, dtype=bool)
    block = block_between(mask.grid, points.min(axis=0) - reach_mm - 2.0, points.max(axis=0) + reach_mm + 2.0)
    part = mask.voxels[block]
    if not part.any():
        return np.zeros(len(points), dtype=bool)
    away = distance_mm(part, mask.grid.spacing_mm, reach_mm=reach_mm + 2.0)
    start = (block[0].start, block[1].start, block[2].start)
    grid = mask.grid.crop(start, (block[0].stop, block[1].stop, block[2].stop))
    index = np.rint(np.asarray(grid.to_index(points))).astype(np.intp)
    inside = np.all((index >= 0) & (index < np.array(grid.shape)), axis=1)
    k, j, i = np.clip(index, 0, np.array(grid.shape) - 1).T
    return np.asarray(inside & (away[k, j, i] <= reach_mm))


def _zones_of(implant: Implant) -> tuple[str, ...]:
    if implant.kind in ("pedicle_screw", "cup_screw") and implant.axis is not None:
        return SCREW_ZONES
    if implant.kind == "femoral_stem" and implant.axis is not None and _medial(implant) is not None:
        return tuple(f"gruen-{number}" for number in range(1, 15))
    if implant.kind == "acetabular_cup" and implant.sphere is not None and implant.sphere.opening_lps is not None:
        return tuple(f"charnley-{number}" for number in range(1, 4))
    return ()


def _medial(implant: Implant) -> Array | None:
    """Towards the midline: as the neck points, or by the side."""
    if implant.neck_lps is not None and implant.axis is not None:
        return np.asarray(np.array(implant.neck_lps) - np.array(implant.axis.head_lps))
    if implant.side is None:
        return None
    return np.array([-1.0 if implant.side == "left" else 1.0, 0.0, 0.0])


def _zone_codes(implant: Implant, points: Array) -> Array:
    """Give the zone of points, counted from 0 as `_zones_of` names them."""
    if implant.axis is not None and implant.kind != "acetabular_cup":
        head, tip = np.array(implant.axis.head_lps), np.array(implant.axis.tip_lps)
        medial = _medial(implant)
        if implant.kind == "femoral_stem" and medial is not None:
            return np.asarray(gruen_zones(points, head, tip, medial) - 1, dtype=np.float64)
        along = (points - head) @ (tip - head) / implant.axis.length_mm
        radius = (implant.axis.diameter_mm or 0.0) / 2.0
        codes = screw_zones(along, implant.axis.length_mm, along > implant.axis.length_mm - radius)
        return np.asarray(codes, dtype=np.float64)
    if implant.sphere is None or implant.sphere.opening_lps is None:
        return np.full(len(points), -1.0)
    centre, opening = np.array(implant.sphere.centre_lps), np.array(implant.sphere.opening_lps)
    behind = (points - centre) @ opening <= 0.0
    return np.where(behind, charnley_zones(points, centre, opening, implant.side) - 1.0, -1.0)


def _zone(
    implant_id: str, zone: str, code: int, read: _Read, scale: HuScale, config: BoneDensityConfig
) -> DensityChange:
    own = read.zone == code
    volume_mm3 = float(own.sum()) * read.voxel_mm3
    if volume_mm3 < 1000.0 * config.least_ml:
        return _nothing(implant_id, zone, volume_ml=volume_mm3 / 1000.0)
    before, after = read.before_hu[own], read.after_hu[own] + scale.offset_hu
    change = after - before
    own_sd = float(change.std()) / np.sqrt(max(1.0, volume_mm3 / config.patch_mm3))
    return DensityChange(
        implant_id=implant_id,
        zone=zone,
        before_hu=float(before.mean()),
        after_hu=float(after.mean()),
        change_hu=float(change.mean()),
        limit_hu=config.limit_sds * float(np.hypot(own_sd, scale.sd_hu)),
        volume_ml=volume_mm3 / 1000.0,
    )


def _nothing(implant_id: str, zone: str, *, volume_ml: float = 0.0) -> DensityChange:
    return DensityChange(
        implant_id=implant_id, zone=zone, before_hu=None, after_hu=None, change_hu=None, limit_hu=None,
        volume_ml=volume_ml,
    )  # fmt: skip
