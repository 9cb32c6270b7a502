"""A screw's profiles, unwrapped from the original CT, before they are judged."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.config.gap_config import HaloConfig
from planner.geometry.frames import Array
from planner.model.volume import Mask, Volume
from planner.segment.gaps.halo_wall import Bloom, bloom_of
from planner.segment.implants.spine import Shaft
from planner.segment.trust import TrustMap
from planner.segment.unwrap import RHO_MM, Cells, Fan, Floats, Sampler, first_fall, make_fan, sampler_round

_SHALLOWEST_ROOT = 0.5
"""Share of the radius: no core is thinner (Weidling 2022, table 2), so that a ray which reads less met noise."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A screw's unwrapped profiles: every map has shape (rows, angles) of the fan.

    Parameters
    ----------
    shaft : Shaft
        The screw.
    fan : Fan
        The rays.
    profiles : ndarray of float32, shape (rows, angles, len(RHO_MM))
        HU along the rays, without most of what artefacts are foretold to add.
    scanned, pattern_hu : ndarray of float32, shape of the profiles
        HU as scanned, and all that artefacts are foretold to add.
    metal_mm : ndarray
        Where each ray leaves the metal, as `thread_root_mm` gives it.
    limit_mm : ndarray
        Where each ray leaves the bone; infinite where it does not.
    in_bone : ndarray of bool
        Where the shaft lies in bone.
    bloom : Bloom
        How metal shines beyond the crest. Its blur is that along the rays: a linear look-up between slices adds to the
        scan's own.
    bloom_scanned_hu : float
        The height of that bloom on the profiles as scanned.
    """

    shaft: Shaft
    fan: Fan
    profiles: Floats
    scanned: Floats
    pattern_hu: Floats
    metal_mm: Array
    limit_mm: Array
    in_bone: Cells
    bloom: Bloom
    bloom_scanned_hu: float

    @property
    def radius_mm(self) -> float:
        """Of the shaft over its thread."""
        return self.shaft.outer_mm / 2


def unwrap_screw(
    volume: Volume, shaft: Shaft, bone: Mask | None, config: HaloConfig, *, trust: TrustMap | None = None
) -> Look:
    """Read the CT along rays from a screw's axis.

    Parameters
    ----------
    volume : Volume
        The original CT.
    shaft : Shaft
        The screw.
    bone : Mask or None
        Bone's outline, closed over gaps, on any grid; None: no limit.
    config : HaloConfig
        The settings.
    trust : TrustMap or None
        What the metal's artefacts are foretold to add, most of which is taken off; None: nothing is.

    Returns
    -------
    Look
    """
    radius = shaft.outer_mm / 2
    ends = np.stack([shaft.head_lps, shaft.tip_lps])
    fan = make_fan(shaft.head_lps, shaft.tip_lps, radius)
    points = fan.points_lps()
    sampler = sampler_round(volume.hu, volume.grid, ends, margin_mm=RHO_MM[-1] + 1)
    scanned = sampler.at(points)
    metal = thread_root_mm(scanned, fan, shaft, config)
    pattern = np.zeros_like(scanned) if trust is None else trust.pattern_at(points).astype(np.float32)
    profiles = scanned - np.float32(config.artefact_share) * pattern
    limit = np.full(metal.shape, np.inf)
    if bone is not None:
        envelope = sampler_round(bone.voxels, bone.grid, ends, margin_mm=RHO_MM[-1] + 1)
        limit = _bone_limit(envelope, points, metal)
    spacing = np.array(volume.grid.spacing_mm)
    across = np.mean((fan.directions() @ volume.grid.directions_lps) ** 2, axis=(0, 1))
    # a linear look-up adds a sixth of the spacing squared; the blur was measured where voxels are finest
    added = min(float(across @ (spacing**2 - spacing.min() ** 2)) / 6, config.most_added_blur_mm**2)
    blur = float(np.sqrt(shaft.sigma_mm**2 + added))
    bloom, as_scanned = (
        bloom_of(hu, radius, ~fan.is_tip, sigma_mm=blur, plateau_hu=shaft.plateau_hu) for hu in (profiles, scanned)
    )
    in_bone = limit > radius + 0.5
    return Look(shaft, fan, profiles, scanned, pattern, metal, limit, in_bone, bloom, as_scanned.height_hu)


def thread_root_mm(profiles: Floats, fan: Fan, shaft: Shaft, config: HaloConfig) -> Array:
    """Say where a screw's metal ends on each ray: core and thread as one round bar of the same volume.

    Parameters
    ----------
    profiles : ndarray, shape (rows, angles, len(RHO_MM))
        HU along the fan's rays.
    fan : Fan
        The rays.
    shaft : Shaft
        The screw, its edge as it is read in this scan.
    config : HaloConfig
        What share of the crest's radius that bar has, where it cannot be read.

    Returns
    -------
    ndarray, shape (rows, angles)
        Distance from the axis, mm. The fall of HU where that can be believed: not on a scan that is clipped beneath the
        metal, nor where blur drowns the wall of a hollow screw. Else the usual share, and all of the radius at the tip.
    """
    radius = shaft.outer_mm / 2
    bright = profiles >= shaft.edge.level_hu
    first = np.where(bright.any(2), np.argmax(bright, axis=2), 0)
    hollow = np.arange(profiles.shape[2]) < first[..., None]
    read = first_fall(np.where(hollow, np.float32(shaft.plateau_hu), profiles), shaft.edge.level_hu)
    read = np.maximum(0.0, read - shaft.edge.shift_mm)
    share = float(np.median(read[~fan.is_tip])) / radius
    if not shaft.is_hidden and config.least_root_share <= share <= config.most_root_share:
        return np.clip(read, _SHALLOWEST_ROOT * radius, radius)
    nose = np.cos(fan.polar_rad[:, None]) ** 2
    return np.broadcast_to(radius * (config.root_share + (1.0 - config.root_share) * nose), read.shape).copy()


def _bone_limit(envelope: Sampler, points: Array, metal: Array) -> Array:
    outside = (envelope.at(points) < 0.5) & (metal[..., None] + 0.3 < RHO_MM)
    return np.asarray(np.where(outside.any(2), RHO_MM[np.argmax(outside, axis=2)] - 0.075, np.inf))


def own_cancellous_hu(looks: Sequence[Look], config: HaloConfig) -> float:
    """Read the patient's own cancellous bone.

    Parameters
    ----------
    looks : sequence of Look
        The screws' profiles.
    config : HaloConfig
        What stands in for it where too little can be read, and what it must exceed.

    Returns
    -------
    float
        Median HU of the bone 2.5 to 6 mm off the screws, 1.5 mm inside its surface.
    """
    values = []
    for look in looks:
        r = look.radius_mm
        near = (r + 2.5 < RHO_MM) & (r + 6.0 > RHO_MM) & (look.limit_mm[..., None] - 1.5 > RHO_MM)
        values.append(look.scanned[near])
    bone = np.concatenate(values) if values else np.zeros(0)
    bone = bone[(bone > -100.0) & (bone < 400.0)]  # neither cortex, rim, gas nor metal
    if len(bone) < 1000:
        return config.cancellous_hu
    return float(max(np.median(bone), config.fibrous_hu + 20.0))
