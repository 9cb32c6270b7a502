"""How the gap round each implant grew between two CTs: of the bone's wall, whatever the implant did in it."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from planner.config.width_change_config import WidthChangeConfig
from planner.follow.examined import Examined, ExaminedImplant, RegisteredPair
from planner.follow.late_walls import late_walls_mm, late_widths_mm
from planner.follow.wall_rays import WallRays, rays_of, read_rays, walls_mm
from planner.geometry.frames import Array
from planner.model.follow_motion import Registration, WidthChange
from planner.model.unwrapped import Flags, UnwrappedMap
from planner.model.volume import Mask
from planner.model.width_map import WidthMap
from planner.progress import SILENT, Monitor, track
from planner.segment.unwrap import sampler_round

_SD_OF_MEDIAN = 1.25
"""Error of a median, in errors of a mean: sqrt(pi / 2), of a normal distribution."""
_CEMENT_BEYOND_MM = 1.0
"""Cement this near behind a wall, or before it, leaves none to be read. Ours."""


def width_changes(
    pair: RegisteredPair, *, new_cement: Mask | None, config: WidthChangeConfig | None = None,
    monitor: Monitor = SILENT,
) -> tuple[WidthChange, ...]:  # fmt: skip
    """Say how the gap round each implant with an unwrapped map changed.

    Parameters
    ----------
    pair : RegisteredPair
        Both CTs.
    new_cement : Mask or None
        On the later CT; None where none was looked for: a filled gap then shows no wall.
    config : WidthChangeConfig or None
        The settings; None for the defaults.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    tuple of WidthChange
        In the order of the earlier maps.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    return tuple(change for change, _ in followed_widths(pair, new_cement=new_cement, config=config, monitor=monitor))


def followed_widths(
    pair: RegisteredPair, *, new_cement: Mask | None, config: WidthChangeConfig | None = None,
    monitor: Monitor = SILENT,
) -> tuple[tuple[WidthChange, WidthMap | None], ...]:  # fmt: skip
    """Say how the gap round each implant changed, with its map; parameters and errors as `width_changes` has them.

    Parameters
    ----------
    pair, new_cement, config, monitor
        As above.

    Returns
    -------
    tuple of (WidthChange, WidthMap or None)
        The map is None where nothing was compared.

    Notes
    -----
    The wall is read along the same rays on both CTs, carried by the bone's own motion, and by the same reader, so that
    what it gets wrong, it gets wrong twice; see `walls_mm`. Where the later CT's rays show no wall, that of the later
    unwrapped map counts, brought into the bone's frame. What lies beside new cement is not read: cement that soaked
    into bone cannot be told from a gap that grew and was filled.
    """
    config = config or WidthChangeConfig()
    followed = track(pair.early.maps, stage="comparing gaps", monitor=monitor)
    return tuple(_followed(pair, one, new_cement, config) for one in followed)


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """One implant on both CTs; arrays of the map's rows beside the shaft."""

    rays: WallRays
    before: Array
    shift: Array
    second: Array
    late_width: Array
    cement: Flags
    in_bone: Flags

    @property
    def gap(self) -> Flags:
        return np.asarray(np.nan_to_num(self.before) > 0.0)

    def area(self, where: Flags) -> float:
        return float(self.rays.area_mm2(self.rays.metal_mm)[where].sum())


def _followed(
    pair: RegisteredPair, unwrapped: UnwrappedMap, new_cement: Mask | None, config: WidthChangeConfig
) -> tuple[WidthChange, WidthMap | None]:
    late_id = pair.late_names.get(unwrapped.implant_id)
    none = WidthChange(
        implant_id=unwrapped.implant_id, late_id=late_id, before_median_mm=_median(_gap_of(unwrapped)),
        after_median_mm=None, growth_mm=None, growth_p95_mm=None, limit_mm=None, grown=None, new_gap_mm2=None,
        read_share=None,
    )  # fmt: skip
    host = pair.host_of.get(unwrapped.implant_id)
    bone = pair.early.bone(host)
    implant = pair.early.implant(unwrapped.implant_id)
    if host is None or bone is None:
        return _refused(none, "the implant's bone is not known"), None
    if host not in pair.bones:
        return _refused(none, f"{host} could not be registered"), None
    rays = None if implant is None else rays_of(unwrapped, implant)
    if rays is None:
        return _refused(none, "the implant has no shaft to look round"), None
    compared = _compared(pair, unwrapped, rays, bone.mask, pair.bones[host], new_cement, config)
    return _change(none, compared, pair, pair.record(host), config), _map(unwrapped, late_id, compared)


def _refused(change: WidthChange, reason: str) -> WidthChange:
    return change.model_copy(update={"reason": reason})


def _gap_of(unwrapped: UnwrappedMap) -> Array:
    return unwrapped.width_mm[np.nan_to_num(unwrapped.width_mm) > 0.0]


def _median(values: Array) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None


def _compared(
    pair: RegisteredPair, unwrapped: UnwrappedMap, rays: WallRays, bone: Mask, motion: Array,
    new_cement: Mask | None, config: WidthChangeConfig,
) -> _Compared:  # fmt: skip
    beside = ~unwrapped.is_tip
    before = np.where(np.isfinite(rays.metal_mm), unwrapped.width_mm[beside], np.nan)
    wall = np.where(before > 0.0, rays.metal_mm + before / _cosine(rays), np.nan)
    early, late = (
        walls_mm(read_rays(examined, rays, wall, matrix, config, bone=bone), config)
        for examined, matrix in ((pair.early, np.eye(4)), (pair.late, motion))
    )
    cement = _beside_cement(rays, np.where(before > 0.0, wall, rays.metal_mm), motion, new_cement)
    again = np.abs(early) <= config.near_mm
    shift = np.where(again & ~cement, (late - early) * _cosine(rays), np.nan)
    late_map, late_implant = _late_of(pair, unwrapped.implant_id)
    second, width = np.full(before.shape, np.nan), np.full(before.shape, np.nan)
    if late_map is not None and late_implant is not None:
        carried = pair.implants.get(unwrapped.implant_id, motion)
        width = np.where(cement, np.nan, late_widths_mm(rays, late_map, late_implant, carried))
        second = (late_walls_mm(rays, late_map, late_implant, motion) - wall) * _cosine(rays)
    second = np.where(cement | (np.abs(second) > config.reach_mm), np.nan, second)
    return _Compared(rays, before, shift, second, width, cement, unwrapped.in_bone[beside])


def _cosine(rays: WallRays) -> Array:
    """Between rays and the metal's normal: a stem tapers."""
    metal = np.where(np.isfinite(rays.metal_mm), rays.metal_mm, np.nanmedian(rays.metal_mm))
    soft = ndimage.gaussian_filter(metal, 1.0, mode=("nearest", "wrap"))
    slope = np.gradient(soft, rays.row_mm, axis=0)
    padded = np.concatenate([soft[:, -1:], soft, soft[:, :1]], axis=1)
    turn = 2.0 * np.pi / len(rays.ways)
    round_it = np.gradient(padded, turn, axis=1)[:, 1:-1] / np.maximum(soft, 1.0)
    return np.asarray(np.clip(1.0 / np.sqrt(1.0 + slope**2 + round_it**2), 0.4, 1.0))


def _beside_cement(rays: WallRays, wall_mm: Array, motion: Array, new_cement: Mask | None) -> Flags:
    if new_cement is None or not new_cement.voxels.any():
        return np.zeros(wall_mm.shape, dtype=bool)
    inner = np.nan_to_num(rays.metal_mm)
    share = np.linspace(0.0, 1.0, 12)
    radius = inner[..., None] + (np.nan_to_num(wall_mm) + _CEMENT_BEYOND_MM - inner)[..., None] * share
    points = rays.points_lps(radius) @ motion[:3, :3].T + motion[:3, 3]
    sampler = sampler_round(new_cement.voxels, new_cement.grid, points[:, :, [0, -1]].reshape(-1, 3), margin_mm=3.0)
    found = (sampler.at(points) > 0.3).any(axis=2)
    return np.asarray(ndimage.binary_dilation(found, np.ones((3, 3), dtype=bool)))


def _late_of(pair: RegisteredPair, implant_id: str) -> tuple[UnwrappedMap | None, ExaminedImplant | None]:
    late_id = pair.late_names.get(implant_id)
    late: Examined = pair.late
    return next((one for one in late.maps if one.implant_id == late_id), None), late.implant(late_id)


def _change(
    none: WidthChange, compared: _Compared, pair: RegisteredPair, record: Registration | None,
    config: WidthChangeConfig,
) -> WidthChange:  # fmt: skip
    gap, patch = compared.gap, config.least_patch_mm2
    new = _new_gap(compared, config)
    late_read = np.isfinite(compared.late_width)
    told = np.where(gap, np.isfinite(compared.shift) | np.isfinite(compared.second), late_read)
    known = compared.in_bone & np.isfinite(compared.before)
    common = known & told
    share = _share(compared, common, compared.in_bone)
    comparable = known & ~gap & late_read
    base = none.model_copy(
        update={"new_gap_mm2": compared.area(new) if comparable.any() else None, "read_share": share}
    )
    if compared.area(gap) >= patch:
        values, other = _source(compared, config)
        if values is None:
            filled = _share(compared, gap & compared.cement, gap)
            why = "new cement fills it" if filled and filled > 0.5 else "its wall is not seen on both CTs"
            return _refused(base, f"growth of the gap is not measured: {why}")
    elif not comparable.any():
        return _refused(base, "the later CT does not tell whether there is a gap")
    elif new.any():
        # what is narrower than the least width looks like none
        values, other = np.where(new, compared.late_width, np.nan), None
    else:
        values, other = np.where(comparable, 0.0, np.nan), None
    return _judged(base, compared, values, other, _precision(pair, record, compared, values, config), config)


def _source(compared: _Compared, config: WidthChangeConfig) -> tuple[Array | None, float | None]:
    """Pick the changes that count, and say by how much the other source tells more, in the same cells."""
    shift, second = (np.where(compared.gap, values, np.nan) for values in (compared.shift, compared.second))
    least = max(config.least_patch_mm2, config.least_read_share * compared.area(compared.gap))
    enough = [compared.area(np.isfinite(values)) >= least for values in (shift, second)]
    if enough[0]:
        return shift, _median(second - shift) if enough[1] else None
    return (second, None) if enough[1] else (None, None)


def _share(compared: _Compared, part: Flags, whole: Flags) -> float | None:
    area = compared.area(whole)
    return min(1.0, compared.area(part & whole) / area) if area > 0.0 else None


def _new_gap(compared: _Compared, config: WidthChangeConfig) -> Flags:
    """Cells without a gap before that have one now, in patches that are no noise."""
    none_before = compared.in_bone & (compared.before == 0.0)
    new = none_before & (np.nan_to_num(compared.late_width) > config.least_width_mm)
    return _patches(compared, new, config.least_patch_mm2)


def _patches(compared: _Compared, new: Flags, least_mm2: float) -> Flags:
    """Leave what lies in connected patches of at least a size."""
    wide = np.concatenate([new, new, new], axis=1)
    wide = ndimage.binary_opening(wide, np.ones((3, 3), dtype=bool))
    labels, count = ndimage.label(wide, np.ones((3, 3), dtype=int))
    columns = new.shape[1]
    area = np.concatenate([compared.rays.area_mm2(compared.rays.metal_mm)] * 3, axis=1)
    sizes = ndimage.sum_labels(area, labels, np.arange(count + 1))
    sizes[0] = 0.0
    # a patch that goes all round is three times as large here, and still a patch
    return np.asarray((sizes[labels] >= least_mm2)[:, columns : 2 * columns])


def _precision(
    pair: RegisteredPair, record: Registration | None, compared: _Compared, values: Array, config: WidthChangeConfig
) -> float | None:
    """Give the standard error of the median change, mm; None where the registration's is not known."""
    if record is None or record.precision_mm is None:
        return None
    read = np.isfinite(values)
    ways = np.broadcast_to(compared.rays.ways[None], (*read.shape, 3))[read]
    offset = max(config.least_offset_share, float(np.linalg.norm(ways.mean(axis=0)))) * record.precision_mm
    spread = 1.48 * float(np.median(np.abs(values[read] - np.median(values[read]))))
    count = max(1.0, compared.area(read) / config.patch_mm2)
    sampling = [config.slice_sd * max(one.ct.grid.spacing_mm) for one in (pair.early, pair.late)]
    parts = [offset, _SD_OF_MEDIAN * spread / np.sqrt(count), config.reader_sd_mm, *sampling]
    return float(np.sqrt(np.square(parts).sum()))


def _judged(
    base: WidthChange, compared: _Compared, values: Array, other: float | None, sd_mm: float | None,
    config: WidthChangeConfig,
) -> WidthChange:  # fmt: skip
    known = values[np.isfinite(values)]
    growth = float(np.median(known))
    limit = None if sd_mm is None else config.limit_sds * sd_mm
    if limit is not None and other is not None:
        # two readings that differ by more are no surer than that
        limit = max(limit, abs(other))
    before = np.where(compared.gap | np.isfinite(values), np.nan_to_num(compared.before), np.nan)
    read = np.isfinite(values)
    return base.model_copy(
        update={
            "before_median_mm": float(np.median(before[read])),
            "after_median_mm": max(0.0, float(np.median((before + values)[read]))),
            "growth_mm": growth,
            "growth_p95_mm": float(np.percentile(_calm(values)[read], 95)),
            "limit_mm": limit,
            "grown": None if limit is None else growth > limit or _grew_in_part(compared, values, limit, config),
            "reason": "the registration's precision is not known" if limit is None else None,
        }
    )


def _grew_in_part(compared: _Compared, values: Array, limit_mm: float, config: WidthChangeConfig) -> bool:
    much = np.nan_to_num(_calm(values)) > config.local_limits * limit_mm
    return bool(_patches(compared, much, 2.0 * config.least_patch_mm2).any())


def _calm(values: Array) -> Array:
    """Each cell's mean over its neighbours that were read, so that a percentile is not one ray's noise."""
    read = np.isfinite(values)
    mode = ("nearest", "wrap")
    total = ndimage.uniform_filter(np.where(read, values, 0.0), 5, mode=mode)
    weight = ndimage.uniform_filter(read.astype(np.float64), 5, mode=mode)
    return np.where(read, total / np.maximum(weight, 1e-6), np.nan)


def _map(unwrapped: UnwrappedMap, late_id: str | None, compared: _Compared) -> WidthMap:
    beside = ~unwrapped.is_tip
    shape = unwrapped.width_mm.shape
    difference, cement = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    change = np.where(np.isfinite(compared.shift), _calm(compared.shift), compared.second)
    change = np.where(compared.gap, change, compared.late_width - compared.before)
    difference[beside] = np.maximum(change, -compared.before)
    cement[beside] = compared.cement
    return WidthMap(
        implant_id=unwrapped.implant_id, late_id=late_id, length_mm=unwrapped.length_mm, along_mm=unwrapped.along_mm,
        is_tip=unwrapped.is_tip, round_deg=unwrapped.round_deg, zero_lps=unwrapped.zero_lps,
        quarter_lps=unwrapped.quarter_lps, before_mm=unwrapped.width_mm, after_mm=unwrapped.width_mm + difference,
        difference_mm=difference, cement=cement,
    )  # fmt: skip
