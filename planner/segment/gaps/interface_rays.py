"""Rays from the metal of a stem or a cup into the bone round it: the interface, unwrapped."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import ndtr

from planner.config.hip_config import HipGapConfig
from planner.geometry.frames import Array, PointsLps, unit
from planner.geometry.rigid import perpendicular_pair
from planner.model.volume import Mask, Volume
from planner.segment.trust import TrustMap
from planner.segment.unwrap import Cells, Fan, Floats, make_fan, sampler_round

OFFSET_STEP_MM = 0.25
OFFSETS_MM: Array = np.arange(0.0, 8.01, OFFSET_STEP_MM)
"""Distances from the metal at which every ray is read, square to its surface."""
_METAL_STEP_MM = 0.2
ROW_MM, _ANGLES = 1.0, 72
_AVERAGED_MM = 2.0
"""Lines run over whole zones; the noise of single cells is as large as cancellous bone's contrast to them."""
_STREAKED_HU = 10.0
"""Less is foretold beside metal that makes no streaks."""
_STEM_REACH_MM = 40.0
"""Half the widest stem, at its shoulder."""
_CUP_SHELL_MM = 4.0
_CUP_POLAR_DEG = 88.0
"""A cup's rim is beside bone or muscle as it happens; rays stop before it."""
_LEAST_COSINE = 0.4
_TAIL_BLUR, _TAIL_SHARE = 1.05, 0.69
"""Blur and height of what metal adds beside its edge, in units of the scan's blur and of the metal's plateau: the tail
of a blurred rod is lighter than that of a half space; read on firm cups of the accuracy table's tuning cases."""
_CONTACT_MM = 2.0
"""Bone's envelope must begin this near to the metal."""
_OTHER_METAL_MM = 2.0
_PATTERN_MM = (2.0, 4.0, 6.0, 8.0)
"""Where a trust map is asked: its voxels are coarse, and nearer to the metal they hold metal itself."""
_CEMENT_HU, _CEMENT_RANGE_HU = 1500.0, (600.0, 2500.0)
_THICKEST_MANTLE_MM, _REFINED_MM = 8.0, 1.0
"""Plateau of opacified cement (1000-2500 HU), for what its blur adds beside it."""


@dataclass(frozen=True, slots=True, eq=False)
class Artefact:
    """What a trust map foretells, and how much of it the scan shows.

    Parameters
    ----------
    trust : TrustMap
        The map.
    share : float
        0..1.
    """

    trust: TrustMap
    share: float

    def added_hu(self, points_at: Callable[[float], Array]) -> Floats:
        """Give what artefacts add along rays whose points at an offset `points_at` gives."""
        read = {away: self.trust.pattern_at(points_at(away)) for away in _PATTERN_MM}
        return np.asarray(
            self.share * np.stack([_between(read, max(float(t), _PATTERN_MM[0])) for t in OFFSETS_MM], axis=-1)
        )


def _between(read: dict[float, Array], at_mm: float) -> Array:
    places = sorted(read)
    k = min(max(1, int(np.searchsorted(places, at_mm))), len(places) - 1)
    part = (at_mm - places[k - 1]) / (places[k] - places[k - 1])
    return np.asarray(read[places[k - 1]] * (1 - part) + read[places[k]] * part)


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """How the metal's edge is read: level, plateau inside and whether it is cut off, what artefacts add beside it."""

    level_hu: float
    plateau_hu: float
    artefact: Artefact | None
    is_clipped: bool = False


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
    artefact_hu : ndarray or None, shape of the profiles
        What was taken off them as foretold artefact; None where there is no trust map.
    """

    fan: Fan
    metal_mm: Array
    cosine: Array
    profiles: Floats
    limit_mm: Array
    in_bone: Cells
    sigma_mm: Array
    artefact_hu: Floats | None = None

    @property
    def is_shaft(self) -> bool:
        """Whether the rays lie round a stem."""
        return not bool(self.fan.is_tip.all())

    @property
    def is_streaked(self) -> bool:
        """Whether artefacts are foretold here."""
        if self.artefact_hu is None or not self.in_bone.any():
            return False
        return float(np.std(self.artefact_hu[self.in_bone])) > _STREAKED_HU

    def as_scanned(self) -> "Interface":
        """Give the same profiles with the foretold artefact left on them."""
        if self.artefact_hu is None:
            return self
        return replace(self, profiles=self.profiles + self.artefact_hu, artefact_hu=None)

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
    config: HipGapConfig, *, is_cut: bool, is_clipped: bool = False, artefact: Artefact | None = None,
    mantle: Mask | None = None,
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
    fan = make_fan(shoulder_lps, tip_lps, 0.4 * diameter_mm, start_mm=3.0, step_mm=ROW_MM, angles=_ANGLES)
    rho = np.arange(0.0, _STEM_REACH_MM, _METAL_STEP_MM)
    values = _read(volume.hu, volume, fan, np.broadcast_to(rho, (len(fan.along_mm), _ANGLES, len(rho))))
    below = values < level_hu
    k = np.argmax(below, axis=2)
    own = below.any(2) & (k > 0)
    metal = _crossing(values, k, rho, level_hu)
    edge = Edge(level_hu, plateau_hu, artefact, is_clipped)
    if mantle is not None:
        metal, own = _mantle_surface(values, mantle, fan, rho, metal, own, config)
        edge = Edge(level_hu, _CEMENT_HU, artefact)
    interface = _interface(volume, bone, fan, metal, own, edge, config)
    if not is_cut:
        return interface
    return replace(interface, in_bone=interface.in_bone & ~fan.is_tip[:, None])


def cup_interface(
    volume: Volume, bone: Mask, centre_lps: Array, radius_mm: float, opening_lps: Array, level_hu: float,
    plateau_hu: float,
    config: HipGapConfig, *, is_clipped: bool = False, artefact: Artefact | None = None,
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
    rows = round(np.radians(_CUP_POLAR_DEG) * radius_mm / ROW_MM)
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
    metal = _crossing(values, k, rho, level_hu)
    return _interface(volume, bone, fan, metal, own, Edge(level_hu, plateau_hu, artefact, is_clipped), config)


def _interface(
    volume: Volume,
    bone: Mask,
    fan: Fan,
    fall_mm: Array,
    own: Cells,
    edge: Edge,
    config: HipGapConfig,
) -> Interface:
    # a linear look-up adds a sixth of the voxels' distance squared, along each axis, to the variance of the blur
    spacing = np.array(volume.grid.spacing_mm)
    across = (fan.directions() @ volume.grid.directions_lps) ** 2 @ spacing**2
    sigma = np.sqrt(config.blur_sigma_mm**2 + across / 6)
    metal = np.maximum(fall_mm - config.clipped_edge_mm, 0.0) if edge.is_clipped else fall_mm
    cosine = _cosine(fan, metal)
    rho = metal[..., None] + OFFSETS_MM / cosine[..., None]
    raw = _read(volume.hu, volume, fan, rho)
    other = np.any((raw > edge.level_hu) & (OFFSETS_MM > _OTHER_METAL_MM), axis=2)
    inside = _read(bone.voxels, bone, fan, rho) > 0.5
    outside = ~inside & (OFFSETS_MM > 0.3)
    limit = np.where(outside.any(2), OFFSETS_MM[np.argmax(outside, axis=2)] - OFFSET_STEP_MM / 2, np.inf)
    in_bone = own & ~ndimage.binary_dilation(other) & (limit > _CONTACT_MM)
    # what the blurred metal adds; a ray is averaged with neighbours of its own kind only
    tail = _TAIL_SHARE * edge.plateau_hu * ndtr(-OFFSETS_MM / (_TAIL_BLUR * sigma[..., None]))
    clean = np.minimum(raw, 3000.0) - np.minimum(tail, 3000.0)
    profiles = _smooth(clean, in_bone, fan, metal)
    if edge.artefact is None:
        return Interface(fan, metal, cosine, profiles, limit, in_bone, sigma)
    added = _smooth(edge.artefact.added_hu(lambda away: _at(fan, metal + away / cosine)), in_bone, fan, metal)
    return Interface(fan, metal, cosine, profiles - added, limit, in_bone, sigma, added)


def _smooth(profiles: Floats, weight: Cells, fan: Fan, metal_mm: Array) -> Floats:
    radius = float(np.median(metal_mm[weight])) if weight.any() else 10.0
    arc = max(0.3, float(fan.azimuth_rad[1]) * radius)

    def blurred(field: Floats) -> Floats:
        along = ndimage.gaussian_filter1d(field, _AVERAGED_MM / ROW_MM, axis=0, mode="nearest")
        return np.asarray(ndimage.gaussian_filter1d(along, _AVERAGED_MM / arc, axis=1, mode="wrap"))

    share = blurred(weight.astype(np.float64))[..., None]
    return np.asarray(np.where(share > 0.02, blurred(profiles * weight[..., None]) / np.maximum(share, 0.02), profiles))


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
    near = np.abs(rho - rough[..., None]) < _REFINED_MM
    falls = near & (values < level[..., None])
    k = np.where(falls.any(axis=2), np.argmax(falls, axis=2), last)
    return _crossing_of(values, k, rho, level, rough, falls.any(axis=2)), told


def _crossing_of(
    values: Floats, k: npt.NDArray[np.intp], rho: Array, level_hu: Array, else_mm: Array, where: Cells
) -> Array:
    j = np.maximum(k - 1, 0)
    high, low = (np.take_along_axis(values, i[..., None], 2)[..., 0] for i in (j, k))
    share = np.clip((high - level_hu) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
    return np.asarray(np.where(where, rho[j] + share * (rho[k] - rho[j]), else_mm))


def _cosine(fan: Fan, metal_mm: Array) -> Array:
    """Cosine between rays and the surface's normal; the tip's and the cup's rows are polar, the shaft's cylindrical."""
    soft = ndimage.gaussian_filter(metal_mm, 1.0, mode=("nearest", "wrap"))
    padded = np.concatenate([soft[:, -1:], soft, soft[:, :1]], axis=1)
    round_it = np.gradient(padded, float(fan.azimuth_rad[1]), axis=1)[:, 1:-1] / np.maximum(soft, 1.0)
    along = np.gradient(soft, axis=0)
    slope = np.where(fan.is_tip[:, None], 0.0, along / ROW_MM)
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
