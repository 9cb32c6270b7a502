"""The unwrapped maps of shafts, turned so that everyone reads them alike, with the error of each cell's width."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.config.gap_config import HaloConfig
from planner.geometry.frames import POSTERIOR, SUPERIOR, Array, point_tuple, unit
from planner.geometry.grid import Grid
from planner.geometry.implant_zones import SCREW_ZONES, gruen_zones, screw_zones
from planner.model.implant import Implant
from planner.model.unwrapped import UnwrappedMap
from planner.model.volume import Mask, Volume
from planner.segment.gaps.halo_look import unwrap_screw
from planner.segment.gaps.halo_measurement import Halo, HaloMeasurement
from planner.segment.gaps.interface_rays import Interface
from planner.segment.gaps.readability import depths_mm
from planner.segment.implants.spine import Shaft
from planner.segment.trust import TrustMap
from planner.segment.unwrap import RHO_STEP_MM, Cells, Fan, Floats, smooth_cells

Codes = npt.NDArray[np.int64]

_CELLS_MM = 1.0
"""Width over which neighbouring rays are averaged before their walls are read; as the halos' own."""
_BESIDE_MM = np.arange(0.2, 1.21, 0.1)
"""How far on either side of a wall its floor and its rim are looked for; as the halos' own."""
_ROWS = 5
"""Noise is judged on so many rows together: 2.5 mm of a screw. Ours."""
_LEAST_RISE_HU = 40.0
"""Less is no wall; as the halos' own."""
_SD_OF_MEAN_DEVIATION = 1.25
"""Of a normal distribution."""
_GRUEN_ZONES = tuple(f"gruen-{number}" for number in range(1, 15))


def screw_maps(
    volume: Volume,
    halos: tuple[HaloMeasurement, ...],
    implants: tuple[Implant, ...],
    bone: Mask | None,
    config: HaloConfig,
    *,
    trust: TrustMap | None = None,
) -> tuple[UnwrappedMap, ...]:
    """Give the map of each screw that was looked at.

    Parameters
    ----------
    volume : Volume
        The original CT.
    halos : tuple of HaloMeasurement
        What was measured on it.
    implants : tuple of Implant
        The plan's records.
    bone, config, trust
        As `measure_halos` had them.

    Returns
    -------
    tuple of UnwrappedMap
        In the halos' order.
    """
    records = {implant.id: implant for implant in implants}
    maps = []
    for measured in halos:
        look = unwrap_screw(volume, measured.shaft, bone, config, trust=trust)
        readable = None if trust is None else readable_cells(measured.halo, trust)
        seen = Seen(measured.shaft, look.profiles, look.bloom.sigma_mm, volume.grid)
        maps.append(screw_map(records[measured.shaft.id], measured.halo, seen, config, readable=readable))
    return tuple(maps)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a screw's halo was read on.

    Parameters
    ----------
    shaft : Shaft
        The screw.
    profiles : ndarray, shape (rows, angles, len(RHO_MM))
        HU along the halo's rays.
    blur_mm : float
        The scan's, along them.
    grid : Grid
        The CT's: thick slices make walls that they cross less sure.
    """

    shaft: Shaft
    profiles: Floats
    blur_mm: float
    grid: Grid


def readable_cells(halo: Halo, trust: TrustMap) -> Cells:
    """Say beside which cells artefacts leave tissue readable, shape (rows, angles)."""
    fan = halo.fan
    origin = fan.head_lps + fan.along_mm[:, None, None] * fan.axis
    places = np.stack([origin + fan.directions() * depth[..., None] for depth in depths_mm(halo.metal_mm)])
    return np.asarray(trust.trust_at(places).mean(axis=0) >= trust.config.unreadable_below)


def screw_map(
    implant: Implant, halo: Halo, seen: Seen, config: HaloConfig, *, readable: Cells | None = None
) -> UnwrappedMap:
    """Turn a screw's halo into its map.

    Parameters
    ----------
    implant : Implant
        The screw.
    halo : Halo
        What was measured.
    seen : Seen
        What it was measured on.
    config : HaloConfig
        The settings.
    readable : ndarray of bool, shape (rows, angles), or None
        Where artefacts leave tissue readable; None: everywhere.

    Returns
    -------
    UnwrappedMap

    Notes
    -----
    The error of a cell is that of the settings (`edge_sd_mm`, and `slice_sd` of a thick slice's share across the wall),
    and the noise of its wall: see `wall_sd_mm`. It says how sure the place of the wall is that was read, not whether
    that wall is the gap's. Where the screw's gap was refused, or artefacts may hide one, a cell without a gap is not
    read. Round the tip widths are taken from a ball inside the metal's nose, as the halo's are.
    """
    fan, shaft, radius = halo.fan, seen.shaft, seen.shaft.outer_mm / 2
    soft = smooth_cells(seen.profiles, fan, _CELLS_MM, radius + 1.5)
    blur = np.full(halo.width_mm.shape, seen.blur_mm)
    noise = wall_sd_mm(soft, RHO_STEP_MM, radius + halo.width_mm, halo.read, blur_mm=blur)
    sure = halo.in_bone & (not halo.hides_gaps)
    width = _widths(
        halo.width_mm, halo.lucent, halo.read & np.isfinite(noise), sure if readable is None else sure & readable
    )
    own = np.hypot(config.edge_sd_mm, _slice_sd_mm(fan, seen.grid, config))
    length_mm = float(np.linalg.norm(shaft.tip_lps - shaft.head_lps))
    zone = np.repeat(screw_zones(fan.along_mm, length_mm, fan.is_tip)[:, None], width.shape[1], axis=1)
    return _turned(implant, fan, width, np.hypot(own, noise), halo.in_bone, zone, SCREW_ZONES)


def stem_map(
    implant: Implant, interface: Interface, width_mm: Array, spread_mm: Array, lucent: Cells, medial_lps: Array, *,
    sure: Cells | None = None,
) -> UnwrappedMap:  # fmt: skip
    """Turn a stem's interface into its map.

    Parameters
    ----------
    implant : Implant
        The stem; it needs an axis.
    interface : Interface
        Its rays.
    width_mm, spread_mm : ndarray, shape (rows, angles)
        The gap's width on each, square to the metal, and that width's mean deviation.
    lucent : ndarray of bool, shape (rows, angles)
        Where there is a gap.
    medial_lps : ndarray, shape (3,)
        As the neck points; for the Gruen zones.
    sure : ndarray of bool, shape (rows, angles), or None
        Where a cell without a gap has none for sure: artefacts hide none there. None: everywhere.

    Returns
    -------
    UnwrappedMap

    Raises
    ------
    ValueError
        If the stem has no axis.
    """
    if implant.axis is None:
        raise ValueError(f"{implant.id} has no axis to be unwrapped round")
    bony = interface.in_bone
    width = _widths(width_mm, lucent, lucent, bony if sure is None else bony & sure)
    points = interface.points_lps(np.zeros(width_mm.shape)).reshape(-1, 3)
    ends = np.array(implant.axis.head_lps), np.array(implant.axis.tip_lps)
    zone = np.reshape(gruen_zones(points, *ends, medial_lps) - 1, width_mm.shape)
    return _turned(implant, interface.fan, width, _SD_OF_MEAN_DEVIATION * spread_mm, bony, zone, _GRUEN_ZONES)


def _widths(width_mm: Array, lucent: Cells, read: Cells, sure: Cells) -> Array:
    """Give the width where a wall was read, 0 where there is no gap for sure, and NaN elsewhere."""
    return np.where(lucent & read, width_mm, np.where(~lucent & sure, 0.0, np.nan))


def wall_sd_mm(profiles: Floats, step_mm: float, wall_mm: Array, read: Cells, *, blur_mm: Array) -> Array:
    """Give the error that noise makes in the place of each cell's wall.

    Parameters
    ----------
    profiles : ndarray, shape (rows, angles, samples)
        HU along the rays, neighbours averaged.
    step_mm : float
        Distance of the samples.
    wall_mm : ndarray, shape (rows, angles)
        Where the wall lies on each ray, from the first sample.
    read : ndarray of bool, shape (rows, angles)
        Where it was seen.
    blur_mm : ndarray, shape (rows, angles)
        The scan's blur along the rays.

    Returns
    -------
    ndarray, shape (rows, angles)
        mm; NaN where no wall was seen, or it rises by less than 40 HU.

    Notes
    -----
    A blurred edge rises at its half height by ``rise / (sqrt(2 pi) blur)`` HU a mm, so that a half height that is off
    by n HU is off by ``n sqrt(2 pi) blur / rise`` mm. n is how far the half heights of neighbouring rays stray (1.48
    MAD round their row's running median, over 2.5 mm along the shaft): streaks that lift floor and rim alike, slowly
    round the shaft, do not move a wall.
    """
    half, rise = _half_and_rise(profiles, step_mm, wall_mm)
    seen = read & (rise > _LEAST_RISE_HU)
    stray = np.where(seen, np.abs(half - _round_median(np.where(seen, half, np.nan))), np.nan)
    noise = np.full(read.shape, np.nan)
    for row in range(len(read)):
        near = stray[max(0, row - _ROWS // 2) : row + _ROWS // 2 + 1]
        if np.isfinite(near).any():
            noise[row] = 1.48 * np.nanmedian(near)
    return np.where(seen, noise * np.sqrt(2.0 * np.pi) * blur_mm / np.maximum(rise, _LEAST_RISE_HU), np.nan)


def _half_and_rise(profiles: Floats, step_mm: float, wall_mm: Array) -> tuple[Array, Array]:
    """HU half way between floor and rim of each wall, and between them."""
    low = _at(profiles, step_mm, wall_mm[..., None] - _BESIDE_MM).min(axis=2)
    high = _at(profiles, step_mm, wall_mm[..., None] + _BESIDE_MM).max(axis=2)
    return (low + high) / 2.0, high - low


def _at(profiles: Floats, step_mm: float, place_mm: Array) -> Array:
    x = np.clip(place_mm / step_mm, 0.0, profiles.shape[2] - 1.001)
    below = np.floor(x).astype(np.intp)
    low, high = (np.take_along_axis(profiles, k, axis=2) for k in (below, below + 1))
    return np.asarray(low + (x - below) * (high - low), dtype=np.float64)


def _round_median(values: Array, *, reach: int = 4) -> Array:
    """Median over neighbouring columns, round the shaft; of what is known."""
    turned = np.stack([np.roll(values, shift, axis=1) for shift in range(-reach, reach + 1)])
    known = np.isfinite(turned).any(axis=0)
    return np.where(known, np.nanmedian(np.where(known, turned, 0.0), axis=0), np.nan)


def _slice_sd_mm(fan: Fan, grid: Grid, config: HaloConfig) -> Array:
    """Error of walls that thick slices cross, shape (rows, angles)."""
    variance = np.zeros((len(fan.along_mm), len(fan.azimuth_rad)))
    for axis, spacing in enumerate(grid.spacing_mm):
        if spacing > config.fine_slice_mm:
            variance += (config.slice_sd * spacing * (fan.directions() @ grid.directions_lps[:, axis])) ** 2
    return np.asarray(np.sqrt(variance))


def _turned(
    implant: Implant, fan: Fan, width: Array, sd: Array, in_bone: Cells, zone: Codes, zones: tuple[str, ...]
) -> UnwrappedMap:
    """Order columns clockwise as seen from the head, from cranial or anterior on."""
    stands = abs(float(fan.axis @ SUPERIOR)) > np.sqrt(0.5)
    ahead = np.asarray(-POSTERIOR if stands else SUPERIOR)
    zero = unit(ahead - (ahead @ fan.axis) * fan.axis)
    quarter = np.cross(fan.axis, zero)
    looks = np.cos(fan.azimuth_rad)[:, None] * fan.across[0] + np.sin(fan.azimuth_rad)[:, None] * fan.across[1]
    turn = np.degrees(np.arctan2(looks @ quarter, looks @ zero)) % 360.0
    order = np.argsort(turn)
    end_mm = float(fan.along_mm[-1])
    length_mm = end_mm if implant.axis is None else implant.axis.length_mm
    # where a tip's ray leaves a ball of the shaft's radius round the place from which they start
    along = fan.along_mm + np.where(fan.is_tip, np.cos(fan.polar_rad) * max(0.0, length_mm - end_mm), 0.0)
    return UnwrappedMap(
        implant_id=implant.id, kind=implant.kind, side=implant.side, length_mm=length_mm, along_mm=along,
        is_tip=fan.is_tip, round_deg=turn[order], zero_lps=point_tuple(zero), quarter_lps=point_tuple(quarter),
        width_mm=width[:, order], width_sd_mm=np.where(width > 0.0, sd, np.nan)[:, order], in_bone=in_bone[:, order],
        zone=zone[:, order], zones=zones,
    )  # fmt: skip
