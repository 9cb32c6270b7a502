"""Lucent halos round screws: their wall to sub-voxel on the original CT, their volume and how loose the screw is."""

from dataclasses import replace

import numpy as np

from planner.config.gap_config import HaloConfig
from planner.geometry.frames import Array, point_tuple
from planner.geometry.grid import Grid
from planner.geometry.implant_zones import SCREW_ZONES, screw_zones
from planner.model.finding import Finding
from planner.model.gap import Gap, GapWidth, Interval, ZoneVolume
from planner.model.implant import Loosening, LooseningCriterion
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, track
from planner.segment.gaps.halo_doubt import centroid_lps, doubted, without_trace
from planner.segment.gaps.halo_look import Look, own_cancellous_hu, unwrap_screw
from planner.segment.gaps.halo_measurement import Halo, HaloMeasurement
from planner.segment.gaps.halo_paint import paint_halo
from planner.segment.gaps.halo_wall import find_wall, half_height, rim_bias_mm, taper_ends
from planner.segment.implants.metal import Metal
from planner.segment.implants.spine import Shaft
from planner.segment.trust import TrustMap
from planner.segment.unwrap import Cells, from_surface, smooth_cells

_Z90 = 1.645
"""Half a 90 % interval of the normal law, in standard deviations."""


def measure_halos(
    volume: Volume,
    metal: Metal,
    shafts: tuple[Shaft, ...],
    bone: Mask | None,
    config: HaloConfig,
    *,
    trust: TrustMap | None = None,
    monitor: Monitor = SILENT,
) -> tuple[HaloMeasurement, ...]:
    """Measure the lucent space round each screw.

    Parameters
    ----------
    volume : Volume
        The original CT: artefact reduction makes gaps look smaller.
    metal : Metal
        Its metal.
    shafts : tuple of Shaft
        Screws and rods; rods are passed over.
    bone : Mask or None
        Bone envelope, closed over gaps, on any grid; gaps end there. None: no limit, and a gap's floor is judged
        against the default bone.
    config : HaloConfig
        The settings.
    trust : TrustMap or None
        What metal artefacts leave readable; None: they are judged by the halo's own profiles alone.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    tuple of HaloMeasurement
        One a screw, in their order; gaps are numbered in it.

    Raises
    ------
    CancelledError
        If the monitor stops the work.

    Notes
    -----
    Trust is ``c^2 / (c^2 + a^2)``, times the share of the wall that was seen. With a halo, c is the median rise from
    floor to rim, and a the spread (1.48 MAD) of the floor's HU round each row: streaks and noise. Without one, c is the
    contrast that a gap would show (cancellous bone less interface tissue), and a the spread 1.5 to 2.5 mm off it.
    With a trust map most of the foretold artefact is taken off the profiles first, and trust is no more than the map's
    mean round the shaft or, with a halo, that mean's root times the share of the untouched scan's rim that is left. A
    rim of which nothing is left is refused; one along too little of the wall is named, but not measured.
    """
    volume.grid.require_same(metal.mask.grid)
    screws = [s for s in shafts if s.kind == "pedicle_screw"]
    looks = [
        unwrap_screw(volume, s, bone, config, trust=trust)
        for s in track(screws, stage="unwrapping screws", monitor=monitor)
    ]
    cancellous = config.cancellous_hu if bone is None else own_cancellous_hu(looks, config)
    found: list[HaloMeasurement] = []
    for look in track(looks, stage="measuring halos", monitor=monitor):
        halo = _measure(look, cancellous, volume.grid, config)
        said: tuple[Finding, ...] = ()
        if trust is not None:
            halo, said = doubted(look, halo, trust, cancellous, config)
        halo, traced = without_trace(look, halo, config)
        number = 1 + sum(f.gap is not None for f in found)
        measured = _measurement(look.shaft, halo, f"gap-{number}", volume.grid, metal, config)
        found.append(replace(measured, findings=(*said, *traced)))
    return tuple(found)


def _measure(look: Look, cancellous_hu: float, grid: Grid, config: HaloConfig) -> Halo:
    fan, profiles, radius = look.fan, look.profiles, look.radius_mm
    lucent, width = find_wall(
        profiles, fan, radius, look.in_bone, cancellous_hu=cancellous_hu, bloom=look.bloom, config=config
    )
    rise, read = np.zeros(width.shape), np.zeros(width.shape, dtype=bool)
    for _ in range(2 if lucent.any() else 0):
        shift, rise, read = half_height(profiles, fan, radius, width, lucent)
        width = np.where(lucent, np.clip(width + shift, 0.3, config.greatest_width_mm), 0.0)
    bias = rim_bias_mm(profiles, radius, width, read, bloom=look.bloom, config=config)
    width = np.where(lucent, np.maximum(width + bias, 0.0), 0.0)
    seen = _outer(look, width, lucent)
    all_lucent, width = taper_ends(fan, lucent, width)
    outer = _outer(look, width, all_lucent)
    cells_ml = fan.volume_mm3(look.metal_mm, outer) / 1000
    ends_ml = float(cells_ml.sum()) - float(fan.volume_mm3(look.metal_mm, seen).sum()) / 1000
    sd_mm = _edge_sd_mm(look, grid, config)
    sd = _spread_ml(look, outer, ends_ml, float(cells_ml[lucent & ~read].sum()), sd_mm)
    on_shaft = look.in_bone & ~fan.is_tip[:, None]
    wide = all_lucent & (outer - radius > config.loose_rim_mm) & on_shaft
    share = float(wide.sum() / on_shaft.sum()) if on_shaft.any() else None
    trust = _trust(look, lucent, read, rise, width, cancellous_hu, config)
    shown = np.where(all_lucent, np.maximum(0.0, outer - radius), 0.0)
    hidden = _hidden_ml(look, all_lucent, config)
    return Halo(
        fan, look.metal_mm, outer, shown, all_lucent, read & lucent, look.in_bone, cells_ml, sd, hidden, share, trust
    )


def _hidden_ml(look: Look, lucent: Cells, config: HaloConfig) -> float:
    """Volume of a gap half as wide as the least that can be read, over some millimetres above the halo's upper end."""
    rows = np.flatnonzero(lucent.any(1))
    if not len(rows):
        return 0.0
    count = round(config.hidden_mm / look.fan.step_mm)
    above = np.zeros(lucent.shape, dtype=bool)
    above[max(0, int(rows[0]) - count) : int(rows[0])] = True
    outer = _outer(look, np.full(lucent.shape, 0.5 * config.least_width_mm), above & look.in_bone)
    return float(look.fan.volume_mm3(look.metal_mm, outer).sum()) / 1000


def _outer(look: Look, width: Array, lucent: Cells) -> Array:
    wall = np.where(lucent, look.radius_mm + width, look.metal_mm)
    return np.asarray(np.maximum(look.metal_mm, np.minimum(wall, look.limit_mm)))


def _edge_sd_mm(look: Look, grid: Grid, config: HaloConfig) -> float:
    """Error of the mean width; slices that are thick, and cross the wall, add to it."""
    worst = config.edge_sd_mm
    for axis in range(3):
        spacing = grid.spacing_mm[axis]
        if spacing > config.fine_slice_mm:
            across = float(np.sqrt(np.mean((look.fan.directions() @ grid.directions_lps[:, axis]) ** 2)))
            worst = float(np.hypot(worst, config.slice_sd * spacing * across))
    return worst


def _spread_ml(look: Look, outer: Array, ends_ml: float, carried_ml: float, sd_mm: float) -> float:
    """One standard deviation: the wall's common error, half of the unseen ends, 15 % of what was carried over."""
    area = look.fan.area_mm2(outer)[outer > look.metal_mm + 0.1].sum()
    return float(np.sqrt((sd_mm * area / 1000) ** 2 + (0.5 * ends_ml) ** 2 + (0.15 * carried_ml) ** 2))


def _trust(
    look: Look, lucent: Cells, read: Cells, rise: Array, width: Array, cancellous_hu: float, config: HaloConfig
) -> float:
    soft = smooth_cells(look.profiles, look.fan, 1.0, look.radius_mm + 1.5)
    seen = 1.0
    if read.any():
        middle = np.maximum(0.5 * width, np.minimum(config.bloom_mm, width))
        ring = from_surface(soft, look.radius_mm + middle, np.zeros(1))[..., 0]
        chosen, contrast = read, float(np.median(rise[read]))
        seen = float(read.sum() / lucent.sum())
    else:
        offsets = np.arange(1.5, 2.51, 0.25)
        ring = from_surface(soft, np.full(soft.shape[:2], look.radius_mm), offsets).mean(2)
        chosen = look.in_bone & ~look.fan.is_tip[:, None] & (look.limit_mm > look.radius_mm + 3.5)
        contrast = cancellous_hu - config.fibrous_hu
    rows = [ring[i][chosen[i]] for i in range(len(ring)) if chosen[i].sum() >= 8]
    if not rows:
        return 0.0
    amplitude = 1.48 * float(np.median([np.median(np.abs(r - np.median(r))) for r in rows]))
    return float(seen * contrast**2 / (contrast**2 + amplitude**2))


def _measurement(
    shaft: Shaft, halo: Halo, gap_id: str, grid: Grid, metal: Metal, config: HaloConfig
) -> HaloMeasurement:
    call = loosening_call(halo.wide_share, trust=halo.trust, slice_mm=max(grid.spacing_mm), config=config)
    if call == "none" and halo.hides_gaps:
        call = None
    # where nothing can be told of the screw, that no rim was seen is no measured zero
    wide = halo.width_mm[halo.read & ~halo.fan.is_tip[:, None]] if call is not None else np.zeros(0)
    criteria = (
        LooseningCriterion(
            name=f"rim > {config.loose_rim_mm:g} mm, share of shaft",
            measured=None if call is None else halo.wide_share,
            limit=config.loose_share, unit="1",
        ),
        LooseningCriterion(
            name="rim width, 95th percentile", measured=_percentile(wide, 95), limit=config.loose_rim_mm, unit="mm"
        ),
        LooseningCriterion(name="rim width, greatest", measured=_percentile(wide, 100), limit=config.loose_rim_mm,
                           unit="mm"),
    )  # fmt: skip
    if not halo.lucent.any() or halo.volume_ml <= 0:
        return HaloMeasurement(shaft, halo, None, None, call, criteria)
    mask = paint_halo(halo.fan, outer_mm=halo.outer_mm, lucent=halo.lucent, grid=grid, metal=metal.mask.voxels)
    gap = _gap(shaft, halo, gap_id, mask, max(grid.spacing_mm), config)
    return HaloMeasurement(shaft, halo, gap, mask, call, criteria)


def _percentile(values: Array, q: float) -> float | None:
    return float(np.percentile(values, q)) if len(values) else None


def loosening_call(wide_share: float | None, *, trust: float, slice_mm: float, config: HaloConfig) -> Loosening | None:
    """Apply the tool's rule on one CT.

    Parameters
    ----------
    wide_share : float or None
        Share of the shaft in bone with a rim over the limit.
    trust : float
        How far the profiles can be read, 0..1.
    slice_mm : float
        Distance of the slices (the longest edge of a voxel), mm.
    config : HaloConfig
        The limits.

    Returns
    -------
    "none", "possible", "probable" or None
        None where no shaft lies in bone or the profiles cannot be read, and in place of "none" where slices are too
        thick to miss no gap. "definite" needs a second scan.
    """
    if wide_share is None or trust < config.least_trust:
        return None
    if wide_share >= config.loose_share:
        return "probable"
    if wide_share > config.noise_share:
        return "possible"
    return "none" if trust >= config.least_trust_firm and slice_mm <= config.thickest_firm_mm else None


def zone_volumes(halo: Halo, length_mm: float) -> tuple[ZoneVolume, ...]:
    """Share a halo's volume out among the thirds of the shaft and the tip.

    Parameters
    ----------
    halo : Halo
        The halo.
    length_mm : float
        Of the shaft, head to tip.

    Returns
    -------
    tuple of ZoneVolume
        They add up to the halo's volume.
    """
    rows = halo.cells_ml.sum(1)
    zone = screw_zones(halo.fan.along_mm, length_mm, halo.fan.is_tip)
    return tuple(
        ZoneVolume(zone=n, volume_ml=max(0.0, float(rows[zone == k].sum()))) for k, n in enumerate(SCREW_ZONES)
    )


def _gap(shaft: Shaft, halo: Halo, gap_id: str, mask: Mask, slice_mm: float, config: HaloConfig) -> Gap:
    estimate = halo.volume_ml
    bone = halo.in_bone
    fraction = float((halo.lucent & bone).sum() / bone.sum()) if bone.any() else None
    # what thick slices hide of a halo's reach they hide of its wall as well
    coarse = max(1.0, slice_mm / config.fine_slice_mm)
    below = coarse * (1.0 - config.low_factor) * estimate
    above = coarse * (_high_factor(fraction, config) - 1.0) * estimate
    low = max(0.0, estimate - float(np.hypot(_Z90 * halo.sd_ml, below)))
    high = estimate + float(np.hypot(_Z90 * np.hypot(halo.sd_ml, 0.5 * halo.hidden_ml), above))
    # round the tip widths are taken from a ball inside the metal's nose, not from a crest
    on_shaft = halo.lucent & ~halo.fan.is_tip[:, None]
    seen = next(c for c in (halo.read & on_shaft, on_shaft, halo.lucent) if c.any())
    widths = halo.width_mm[seen]
    median, p95, most = (float(np.percentile(widths, q)) for q in (50, 95, 100))
    return Gap(
        id=gap_id,
        implant_id=shaft.id,
        level=None,
        kind="screw_halo",
        zones=zone_volumes(halo, shaft.length_mm),
        volume_ml=Interval(estimate=estimate, low=low, high=high),
        expected_fill_ml=Interval(
            estimate=config.fill_share * estimate, low=config.fill_share_low * low, high=config.fill_share_high * high
        ),
        width_mm=GapWidth(median=median, p95=p95, max=most),
        interface_fraction=fraction,
        centroid_lps=point_tuple(centroid_lps(halo)),
        trust=halo.trust,
    )


def _high_factor(lucent_share: float | None, config: HaloConfig) -> float:
    """How many times its estimate a gap may have: of one that shows along little of the wall much may be hidden."""
    if lucent_share is None:
        return config.high_factor_partial
    shares = (config.least_lucent_share, config.whole_lucent_share)
    return float(np.interp(lucent_share, shares, (config.high_factor_partial, config.high_factor)))
