"""Rays from the metal of a stem or a cup into the bone round it: the interface, unwrapped."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.hip_config import HipGapConfig
from planner.geometry.frames import Array, PointsLps, unit
from planner.geometry.rigid import perpendicular_pair
from planner.model.volume import Mask, Volume
from planner.segment.unwrap import Cells, Fan, Floats, make_fan, sampler_round

OFFSET_STEP_MM = 0.25
OFFSETS_MM: Array = np.arange(0.0, 8.01, OFFSET_STEP_MM)
"""Distances from the metal at which every ray is followed, square to its surface."""
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
_CEMENT_RANGE_HU = (600.0, 2500.0)
"""Opacified cement (1000-2500 HU with its noise), and what blur leaves of a thin mantle."""
_THICKEST_MANTLE_MM, _REFINED_MM = 8.0, 1.0


@dataclass(frozen=True, slots=True)
class Edge:
    """How metal's edge is read.

    Parameters
    ----------
    level_hu : float
        Metal is brighter.
    inside_mm : float
        How far inside of where rays fall below that level the metal ends.
    """

    level_hu: float
    inside_mm: float


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
    limit_mm: Array
    in_bone: Cells
    sigma_mm: Array

    def area_mm2(self) -> Array:
        """Area of the metal's surface in each cell, mm2."""
        return np.asarray(self.fan.area_mm2(self.metal_mm) / self.cosine)

    def cells_mm3(self, inner_mm: Array, outer_mm: Array) -> Array:
        """Volume between two surfaces so far from the metal, in each cell."""
        inner, outer = (np.maximum(0.0, self.metal_mm + t / self.cosine) for t in (inner_mm, outer_mm))
        return self.fan.volume_mm3(inner, np.maximum(inner, outer))

    def along_rays(self, field: npt.NDArray[np.generic], source: Volume | Mask, offsets_mm: Array) -> Floats:
        """Read voxels at offsets from the metal on each ray, shape (rows, angles, offsets)."""
        return _read(field, source, self.fan, self.metal_mm[..., None] + offsets_mm / self.cosine[..., None])

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
    volume: Volume, bone: Mask, shoulder_lps: Array, tip_lps: Array, diameter_mm: float, edge: Edge,
    config: HipGapConfig, *, is_cut: bool, mantle: Mask | None = None,
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
    edge : Edge
        How the metal's edge is read.
    config : HipGapConfig
        Blur of the scan.
    is_cut : bool
        The tip is not in the scan, so that no fan is laid round it.
    mantle : Mask or None
        The cement round the stem: rays start at its outside, and those that meet none are not in bone.

    Returns
    -------
    Interface
    """
    fan = make_fan(shoulder_lps, tip_lps, 0.4 * diameter_mm, start_mm=3.0, step_mm=_ROW_MM, angles=_ANGLES)
    rho = np.arange(0.0, _STEM_REACH_MM, _METAL_STEP_MM)
    values = _read(volume.hu, volume, fan, np.broadcast_to(rho, (len(fan.along_mm), _ANGLES, len(rho))))
    below = values < edge.level_hu
    k = np.argmax(below, axis=2)
    own = below.any(2) & (k > 0)
    metal = np.maximum(0.0, _crossing(values, k, rho, edge.level_hu) - edge.inside_mm)
    if mantle is not None:
        metal, own = _mantle_surface(values, mantle, fan, rho, metal, own, config)
    interface = _interface(volume, bone, fan, metal, own, edge, config)
    if not is_cut:
        return interface
    return replace(interface, in_bone=interface.in_bone & ~fan.is_tip[:, None])


def cup_interface(
    volume: Volume, bone: Mask, centre_lps: Array, radius_mm: float, opening_lps: Array, edge: Edge,
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
    edge : Edge
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
    bright = values >= edge.level_hu
    # the last fall: between head and shell lies the liner
    k = np.minimum(len(rho) - np.argmax(bright[..., ::-1], axis=2), len(rho) - 1)
    own = bright.any(2) & ~bright[..., -1]
    metal = np.maximum(0.0, _crossing(values, k, rho, edge.level_hu) - edge.inside_mm)
    return _interface(volume, bone, fan, metal, own, edge, config)


def _interface(
    volume: Volume, bone: Mask, fan: Fan, metal: Array, own: Cells, edge: Edge, config: HipGapConfig
) -> Interface:
    # a linear look-up adds a sixth of the voxels' distance squared, along each axis, to the variance of the blur
    spacing = np.array(volume.grid.spacing_mm)
    across = (fan.directions() @ volume.grid.directions_lps) ** 2 @ spacing**2
    sigma = np.sqrt(config.blur_sigma_mm**2 + across / 6)
    cosine = _cosine(fan, metal)
    rho = metal[..., None] + OFFSETS_MM / cosine[..., None]
    raw = _read(volume.hu, volume, fan, rho)
    other = np.any((raw > edge.level_hu) & (OFFSETS_MM > _OTHER_METAL_MM), axis=2)
    inside = _read(bone.voxels, bone, fan, rho) > 0.5
    outside = ~inside & (OFFSETS_MM > 0.3)
    limit = np.where(outside.any(2), OFFSETS_MM[np.argmax(outside, axis=2)] - OFFSET_STEP_MM / 2, np.inf)
    in_bone = own & ~ndimage.binary_dilation(other) & (limit > _CONTACT_MM)
    return Interface(fan, metal, cosine, limit, in_bone, sigma)


def _mantle_surface(
    values: Floats, mantle: Mask, fan: Fan, rho: Array, metal_mm: Array, own: Cells, config: HipGapConfig
) -> tuple[Array, Cells]:
    """Where rays leave the cement round a stem, and which do."""
    inside = _read(mantle.voxels, mantle, fan, np.broadcast_to(rho, values.shape)) > 0.5
    inside &= rho < metal_mm[..., None] + _THICKEST_MANTLE_MM
    told = inside.any(axis=2) & own
    last = len(rho) - 1 - np.argmax(inside[..., ::-1], axis=2)
    rough = rho[last]
    # half-way from the cement's own HU to interface tissue, near where the mask ends
    plateau = np.take_along_axis(values, np.maximum(last - 4, 0)[..., None], 2)[..., 0]
    level = np.asarray(0.5 * (np.clip(plateau, *_CEMENT_RANGE_HU) + config.fibrous_hu), dtype=np.float64)
    falls = (np.abs(rho - rough[..., None]) < _REFINED_MM) & (values < level[..., None])
    k = np.where(falls.any(axis=2), np.argmax(falls, axis=2), last)
    surface = np.where(falls.any(axis=2), _crossing(values, k, rho, level), rough)
    return _spread(surface, told) if told.any() else metal_mm, told


def _spread(values: Array, told: Cells) -> Array:
    """Give cells without a value the nearest one's, so that a border of what was told is no step of the surface."""
    turns = values.shape[1]
    around = np.concatenate([told, told, told], axis=1)
    rows, angles = ndimage.distance_transform_edt(~around, return_distances=False, return_indices=True)
    middle = slice(turns, 2 * turns)
    return np.asarray(values[rows[:, middle], angles[:, middle] % turns])


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


def _crossing(values: Floats, k: npt.NDArray[np.intp], rho: Array, level_hu: float | Array) -> Array:
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
