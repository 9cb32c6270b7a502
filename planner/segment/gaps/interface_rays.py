"""Rays from the metal of a stem or a cup into the bone round it: the interface, unwrapped."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import ndtr, ndtri

from planner.config.hip_config import HipGapConfig
from planner.geometry.frames import Array, PointsLps, unit
from planner.geometry.rigid import perpendicular_pair
from planner.model.volume import Mask, Volume
from planner.segment.unwrap import Cells, Fan, Floats, make_fan, sampler_round

OFFSET_STEP_MM = 0.25
OFFSETS_MM: Array = np.arange(0.0, 8.01, OFFSET_STEP_MM)
"""Distances from the metal at which every ray is read, square to its surface."""
_METAL_STEP_MM = 0.2
_ROW_MM, _ANGLES = 1.0, 72
_STEM_REACH_MM = 40.0
"""Half the widest stem, at its shoulder."""
_CUP_SHELL_MM = 4.0
_CUP_POLAR_DEG = 88.0
"""A cup's rim is beside bone or muscle as it happens; rays stop before it."""
_LEAST_COSINE = 0.4
_CONTACT_MM = 2.0
"""Bone's envelope must begin this near to the metal."""
_OTHER_METAL_MM = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Interface:
    """Rays laid out as rows x angles, from the metal's surface outwards.

    Parameters
    ----------
    fan : Fan
        The rays.
    metal_mm : ndarray, shape (rows, angles)
        Where each ray leaves the metal.
    cosine : ndarray, shape (rows, angles)
        Of the angle between ray and surface normal.
    profiles : ndarray, shape (rows, angles, len(OFFSETS_MM))
        HU at offsets from the metal, neighbours averaged, the metal's blur taken off.
    limit_mm : ndarray, shape (rows, angles)
        Offset at which the ray leaves the bone's envelope.
    in_bone : ndarray of bool, shape (rows, angles)
        The ray starts on this implant's metal, with bone or what was bone beside it.
    sigma_mm : ndarray, shape (rows, angles)
        Blur of the profiles.
    """

    fan: Fan
    metal_mm: Array
    cosine: Array
    profiles: Floats
    limit_mm: Array
    in_bone: Cells
    sigma_mm: Array

    def area_mm2(self) -> Array:
        """Area of the metal's surface in each cell, mm2."""
        return np.asarray(self.fan.area_mm2(self.metal_mm) / self.cosine)

    def cells_mm3(self, width_mm: Array) -> Array:
        """Volume between the metal and a surface so far from it, in each cell."""
        return self.fan.volume_mm3(self.metal_mm, self.metal_mm + width_mm / self.cosine)

    def points_lps(self, offset_mm: Array) -> PointsLps:
        """Points at an offset from the metal on each ray, shape (rows, angles, 3)."""
        return PointsLps(_at(self.fan, self.metal_mm + offset_mm / self.cosine))

    def locate(self, points_lps: Array) -> tuple[Array, Array, Array]:
        """Row and angle (fractions of cells), and offset from the metal, of points of shape (N, 3)."""
        row, turn, rho = _fan_coordinates(self.fan, points_lps)
        where = np.stack([np.clip(row, 0, len(self.fan.along_mm) - 1), turn])
        metal, cosine = (
            ndimage.map_coordinates(closed(f), where, order=1, mode="nearest") for f in (self.metal_mm, self.cosine)
        )
        inside = (row >= -0.5) & (row <= len(self.fan.along_mm) - 0.5)
        return row, turn, np.where(inside, (rho - metal) * cosine, np.inf)


def stem_interface(
    volume: Volume, bone: Mask, shoulder_lps: Array, tip_lps: Array, diameter_mm: float, level_hu: float,
    plateau_hu: float,
    config: HipGapConfig, *, is_cut: bool,
) -> Interface:  # fmt: skip
    """Lay rays round a stem from shoulder to tip, and a fan round the tip.

    Parameters
    ----------
    volume : Volume
        The original CT.
    bone : Mask
        The bone's envelope.
    shoulder_lps, tip_lps : ndarray, shape (3,)
        The stem's ends.
    diameter_mm : float
        Of its distal half.
    level_hu, plateau_hu : float
        Level at which the metal's edge is read, and what the metal shows inside.
    config : HipGapConfig
        Blur of the scan.
    is_cut : bool
        The tip is not in the scan, so that no fan is laid round it.

    Returns
    -------
    Interface
    """
    fan = make_fan(shoulder_lps, tip_lps, 0.4 * diameter_mm, start_mm=3.0, step_mm=_ROW_MM, angles=_ANGLES)
    rho = np.arange(0.0, _STEM_REACH_MM, _METAL_STEP_MM)
    values = _read(volume.hu, volume, fan, np.broadcast_to(rho, (len(fan.along_mm), _ANGLES, len(rho))))
    below = values < level_hu
    k = np.argmax(below, axis=2)
    own = below.any(2) & (k > 0)
    interface = _interface(volume, bone, fan, _crossing(values, k, rho, level_hu), own, level_hu, plateau_hu, config)
    if not is_cut:
        return interface
    in_bone = interface.in_bone & ~fan.is_tip[:, None]
    return Interface(
        fan, interface.metal_mm, interface.cosine, interface.profiles, interface.limit_mm, in_bone, interface.sigma_mm
    )


def cup_interface(
    volume: Volume, bone: Mask, centre_lps: Array, radius_mm: float, opening_lps: Array, level_hu: float,
    plateau_hu: float,
    config: HipGapConfig,
) -> Interface:  # fmt: skip
    """Lay rays from a cup's centre over its outer surface.

    Parameters
    ----------
    volume : Volume
        The original CT.
    bone : Mask
        The bone's envelope.
    centre_lps : ndarray, shape (3,)
        Centre of the cup's outer sphere.
    radius_mm : float
        Its radius.
    opening_lps : ndarray, shape (3,)
        Out of the cup's mouth.
    level_hu, plateau_hu : float
        As for a stem.
    config : HipGapConfig
        Blur of the scan.

    Returns
    -------
    Interface
        Cells whose ray meets no shell (screw holes, the mouth) or runs along a cup screw are not in bone.
    """
    axis = -unit(opening_lps)
    rows = round(np.radians(_CUP_POLAR_DEG) * radius_mm / _ROW_MM)
    tilt, turn = np.radians(_CUP_POLAR_DEG) / rows, 2 * np.pi / _ANGLES
    polar = np.radians(_CUP_POLAR_DEG) - (np.arange(rows) + 0.5) * tilt
    fan = Fan(
        head_lps=np.asarray(centre_lps), axis=axis, across=np.stack(perpendicular_pair(axis)), along_mm=np.zeros(rows),
        polar_rad=polar, azimuth_rad=np.arange(_ANGLES, dtype=np.float64) * turn, weight=np.sin(polar) * tilt * turn,
        is_tip=np.ones(rows, dtype=bool),
    )  # fmt: skip
    rho = np.arange(radius_mm - _CUP_SHELL_MM, radius_mm + _CUP_SHELL_MM, _METAL_STEP_MM)
    values = _read(volume.hu, volume, fan, np.broadcast_to(rho, (rows, _ANGLES, len(rho))))
    bright = values >= level_hu
    # the last fall: between head and shell lies the liner
    k = np.minimum(len(rho) - np.argmax(bright[..., ::-1], axis=2), len(rho) - 1)
    own = bright.any(2) & ~bright[..., -1]
    return _interface(volume, bone, fan, _crossing(values, k, rho, level_hu), own, level_hu, plateau_hu, config)


def _interface(
    volume: Volume,
    bone: Mask,
    fan: Fan,
    fall_mm: Array,
    own: Cells,
    level_hu: float,
    plateau_hu: float,
    config: HipGapConfig,
) -> Interface:
    # a linear look-up adds a sixth of the voxels' distance squared, along each axis, to the variance of the blur
    spacing = np.array(volume.grid.spacing_mm)
    across = (fan.directions() @ volume.grid.directions_lps) ** 2 @ spacing**2
    sigma = np.sqrt(config.blur_sigma_mm**2 + across / 6)
    shift = -float(ndtri(level_hu / plateau_hu)) * sigma
    metal = np.maximum(fall_mm - shift, 0.0)
    cosine = _cosine(fan, metal)
    rho = metal[..., None] + OFFSETS_MM / cosine[..., None]
    raw = _read(volume.hu, volume, fan, rho)
    other = np.any((raw > level_hu) & (OFFSETS_MM > _OTHER_METAL_MM), axis=2)
    inside = _read(bone.voxels, bone, fan, rho) > 0.5
    outside = ~inside & (OFFSETS_MM > 0.3)
    limit = np.where(outside.any(2), OFFSETS_MM[np.argmax(outside, axis=2)] - OFFSET_STEP_MM / 2, np.inf)
    in_bone = own & ~ndimage.binary_dilation(other) & (limit > _CONTACT_MM)
    # what the blurred metal adds; a ray is averaged with neighbours of its own kind only
    tail = plateau_hu * ndtr(-OFFSETS_MM / sigma[..., None])
    clean = np.minimum(raw, 3000.0) - np.minimum(tail, 3000.0)
    return Interface(fan, metal, cosine, _smooth(clean, in_bone, fan, metal), limit, in_bone, sigma)


def _smooth(profiles: Floats, weight: Cells, fan: Fan, metal_mm: Array) -> Floats:
    radius = float(np.median(metal_mm[weight])) if weight.any() else 10.0
    arc = max(0.3, float(fan.azimuth_rad[1]) * radius)

    def blurred(field: Floats) -> Floats:
        along = ndimage.gaussian_filter1d(field, 1.0 / _ROW_MM, axis=0, mode="nearest")
        return np.asarray(ndimage.gaussian_filter1d(along, 1.0 / arc, axis=1, mode="wrap"))

    share = blurred(weight.astype(np.float64))[..., None]
    return np.asarray(np.where(share > 0.02, blurred(profiles * weight[..., None]) / np.maximum(share, 0.02), profiles))


def _cosine(fan: Fan, metal_mm: Array) -> Array:
    """Cosine between rays and the surface's normal; the tip's and the cup's rows are polar, the shaft's cylindrical."""
    soft = ndimage.gaussian_filter(metal_mm, 1.0, mode=("nearest", "wrap"))
    padded = np.concatenate([soft[:, -1:], soft, soft[:, :1]], axis=1)
    round_it = np.gradient(padded, float(fan.azimuth_rad[1]), axis=1)[:, 1:-1] / np.maximum(soft, 1.0)
    along = np.gradient(soft, axis=0)
    slope = np.where(fan.is_tip[:, None], 0.0, along / _ROW_MM)
    return np.asarray(
        np.clip(1.0 / np.sqrt(1.0 + np.where(fan.is_tip[:, None], 0.0, round_it) ** 2 + slope**2), _LEAST_COSINE, 1.0)
    )


def _crossing(values: Floats, k: npt.NDArray[np.intp], rho: Array, level_hu: float) -> Array:
    """Where a ray falls through the level between samples k - 1 and k."""
    j = np.maximum(k - 1, 0)
    high, low = (np.take_along_axis(values, i[..., None], 2)[..., 0] for i in (j, k))
    share = np.clip((high - level_hu) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
    return np.asarray(rho[j] + share * (rho[k] - rho[j]))


def _at(fan: Fan, rho_mm: Array) -> Array:
    origin = fan.head_lps + fan.along_mm[:, None] * fan.axis
    return np.asarray(origin[:, None] + fan.directions() * rho_mm[..., None])


def _read(values: npt.NDArray[np.generic], source: Volume | Mask, fan: Fan, rho_mm: Array) -> Floats:
    ends = np.concatenate([_at(fan, rho_mm[..., i]).reshape(-1, 3)[::7] for i in (0, -1)])
    sampler = sampler_round(values, source.grid, ends, margin_mm=4.0)
    out = np.empty(rho_mm.shape, dtype=np.float32)
    origin = fan.head_lps + fan.along_mm[:, None] * fan.axis
    directions = fan.directions()
    for row in range(len(fan.along_mm)):
        out[row] = sampler.at(origin[row] + directions[row][:, None] * rho_mm[row][..., None])
    return out


def closed(field: npt.NDArray[np.generic]) -> Array:
    """Repeat a map's first angle after its last one, so that it can be read in between."""
    return np.asarray(np.concatenate([field, field[:, :1]], axis=1), dtype=np.float64)


def _fan_coordinates(fan: Fan, points_lps: Array) -> tuple[Array, Array, Array]:
    from_head = points_lps - fan.head_lps
    along = from_head @ fan.axis
    side = from_head - along[..., None] * fan.axis
    radial, beyond = np.linalg.norm(side, axis=-1), along - fan.along_mm[-1]
    azimuth = np.arctan2(side @ fan.across[1], side @ fan.across[0]) % (2 * np.pi)
    shaft = int((~fan.is_tip).sum())
    polar = np.arctan2(radial, beyond)
    tilt = float(fan.polar_rad[shaft] - fan.polar_rad[shaft + 1])
    at_tip = shaft + (fan.polar_rad[shaft] - polar) / tilt
    on_shaft = (along - fan.along_mm[0]) / _pitch(fan) if shaft else at_tip
    is_shaft = (beyond < 0) & (shaft > 0)
    row = np.where(is_shaft, on_shaft, at_tip)
    return row, azimuth / float(fan.azimuth_rad[1]), np.where(is_shaft, radial, np.hypot(radial, beyond))


def _pitch(fan: Fan) -> float:
    return float(fan.along_mm[1] - fan.along_mm[0])
