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
from planner.segment.gaps.halo_doubt import (
    centroid_lps,
    doubted,
    explained,
    in_thin_bone,
    is_measurable,
    refused,
    without_trace,
)
from planner.segment.gaps.halo_look import Look, own_cancellous_hu, unwrap_screw
from planner.segment.gaps.halo_measurement import Halo, HaloMeasurement
from planner.segment.gaps.halo_paint import paint_halo
from planner.segment.gaps.halo_reading import read_wall
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
    With a trust map it is no more than the map's mean round the shaft or, with a halo, that mean's root. A rim that is
    a gap only to a reader who knows nothing of the foretold artefacts is refused, and one that goes as they are taken
    off; one along too little of the wall, or
    with too small a chance, is named, but not measured.
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
            halo, said = doubted(look, halo, trust)
            if is_measurable(halo, config):
                halo, more = explained(
                    look, halo, trust, cancellous_hu=cancellous, slice_mm=max(volume.grid.spacing_mm), config=config
                )
            else:
                plain = replace(look, pattern_hu=np.zeros_like(look.pattern_hu))
                halo, more = refused(look, halo, _measure(plain, cancellous, volume.grid, config), trust, config)
            said += more
        halo, traced = without_trace(look, halo, config)
        halo, thin = in_thin_bone(look, halo, cancellous, config)
        number = 1 + sum(f.gap is not None for f in found)
        measured = measurement_of(look.shaft, halo, f"gap-{number}", volume.grid, metal, config)
        found.append(replace(measured, findings=(*said, *traced, *thin)))
    return tuple(found)


def _measure(look: Look, cancellous_hu: float, grid: Grid, config: HaloConfig) -> Halo:
    fan, radius = look.fan, look.radius_mm
    wall = read_wall(look, cancellous_hu=cancellous_hu, slice_mm=max(grid.spacing_mm), config=config)
    lucent, width, read = wall.lucent, wall.width_mm, wall.read
    outer = _outer(look, width, lucent)
    cells_ml = config.volume_factor * fan.volume_mm3(look.metal_mm, outer) / 1000
    on_shaft = look.in_bone & ~fan.is_tip[:, None]
    wide = lucent & (outer - radius > config.loose_rim_mm) & on_shaft
    share = float(wide.sum() / on_shaft.sum()) if on_shaft.any() else None
    trust = _trust(look, lucent, read, wall.rise_hu, width, cancellous_hu, config)
    shown = np.where(lucent, np.maximum(0.0, outer - radius), 0.0)
    chance = wall.reading.chance
    sureness = float(chance[lucent].mean()) if lucent.any() else 0.0
    sure = lucent & (chance > config.painted_chance)
    return Halo(
        fan,
        look.metal_mm,
        outer,
        shown,
        lucent,
        read & lucent,
        look.in_bone,
        cells_ml,
        0.0,
        sure,
        sureness,
        share,
        trust,
    )


def _outer(look: Look, width: Array, lucent: Cells) -> Array:
    wall = np.where(lucent, look.radius_mm + width, look.metal_mm)
    return np.asarray(np.maximum(look.metal_mm, np.minimum(wall, look.limit_mm)))


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


def measurement_of(
    shaft: Shaft, halo: Halo, gap_id: str, grid: Grid, metal: Metal, config: HaloConfig
) -> HaloMeasurement:
    """Grade a screw by its halo, paint the gap and write its record.

    Parameters
    ----------
    shaft : Shaft
        The screw.
    halo : Halo
        What was measured, or drawn, round it.
    gap_id : str
        Of the gap's record.
    grid : Grid
        The CT's.
    metal : Metal
        The CT's metal: none of it is painted.
    config : HaloConfig
        The limits.

    Returns
    -------
    HaloMeasurement
        Without record and mask where there is no gap.
    """
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
    mask = paint_halo(halo.fan, outer_mm=halo.outer_mm, lucent=halo.sure, grid=grid, metal=metal.mask.voxels)
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
    bone = halo.in_bone
    fraction = float((halo.lucent & bone).sum() / bone.sum()) if bone.any() else None
    whole = _interval(halo, slice_mm, config)
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
        volume_ml=whole,
        expected_fill_ml=None,
        width_mm=GapWidth(median=median, p95=p95, max=most),
        interface_fraction=fraction,
        centroid_lps=point_tuple(centroid_lps(halo)),
        trust=halo.trust,
    )


def _interval(halo: Halo, slice_mm: float, config: HaloConfig) -> Interval:
    """Give a halo's volume with its 90 % interval: the less sure its cells, the wider, and more so upwards."""
    # what thick slices hide of a halo's reach they hide of its wall as well
    coarse, unsure = max(1.0, slice_mm / config.fine_slice_mm), 1.0 - halo.sureness
    below = 1.0 - np.exp(-coarse * (config.low_at_best + config.low_per_doubt * unsure))
    above = np.exp(coarse * (config.high_at_best + config.high_per_doubt * unsure)) - 1.0
    estimate, own = halo.volume_ml, _Z90 * halo.sd_ml
    return Interval(
        estimate=estimate,
        low=max(0.0, estimate - float(np.hypot(own, below * estimate))),
        high=estimate + float(np.hypot(own, above * estimate)),
    )
