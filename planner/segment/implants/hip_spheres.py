"""Spheres laid through the voxels of a head, or of the outside of a cup."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from scipy.special import ndtr

from planner.geometry.frames import Array, PointsLps, points_lps
from planner.segment.implants.hip_edges import Blur, Scanned, voxels_near

_PATCHES = 300
_BAND_MM = 3.0
"""How far from the sphere voxels are looked at: five times the blur across slices 2 mm thick."""
_MOST_VOXELS = 2500
_AT_ONCE = 256
_LEAST_VOXELS = 120
_BLUR_MM = (0.15, 1.6)
"""Least and greatest blur that is believed: sharp kernels on thin slices, and slices 5 mm thick."""
_SOFT_SHARE = 0.05
"""Scale of the soft loss against the plateau: a streak of twice that pulls no harder than one of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Sphere:
    """A sphere laid through voxels.

    Parameters
    ----------
    centre_lps : PointsLps, shape (3,)
        Its centre.
    radius_mm : float
        Its radius.
    cover : float
        Share of its surface on which metal ends and nothing metallic follows.
    plateau_hu : float
        HU inside, or what the settings presume where the scan is cut off.
    blur : Blur
        The point spread that fits best.
    shown : ndarray of bool, shape (patches,)
        On which of `even_directions` the surface was seen.
    """

    centre_lps: PointsLps
    radius_mm: float
    cover: float
    plateau_hu: float
    blur: Blur
    shown: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Cloud:
    """Voxels round a sphere, and the patch that each belongs to."""

    points: Array
    hu: Array
    far: Array
    patch: npt.NDArray[np.int64]


def fit_sphere(
    scanned: Scanned, centre_lps: Array, radius_mm: float, *, wall_mm: float, presumed_hu: float
) -> Sphere | None:
    """Lay a sphere through the voxels where metal ends, started near it.

    Parameters
    ----------
    scanned : Scanned
        The CT.
    centre_lps : ndarray, shape (3,)
        About its centre.
    radius_mm : float
        About its radius; 2 mm off will do.
    wall_mm : float
        How deep below the surface there is metal for sure.
    presumed_hu : float
        Plateau where the scan cuts it off.

    Returns
    -------
    Sphere or None
        None where metal ends on no part of such a sphere.

    Notes
    -----
    Centre, radius, plateau and blur (within the slice and across) are fitted together to the HU of the scan's own
    voxels: a step blurred by a Gaussian along the radius, soft L1 loss against streaks. HU above the clipping level
    and below dense bone count as that level: what is cut off says "inside" and no more.
    """
    centre, radius, sphere = np.asarray(centre_lps, dtype=np.float64), float(radius_mm), None
    for _ in range(3):
        cloud = _cloud(scanned, centre, radius, wall_mm)
        shown, plateau, is_seen = _seen_patches(scanned, cloud, radius, wall_mm, presumed_hu)
        use = shown[cloud.patch] & (cloud.far > radius - wall_mm + 0.5)
        if use.sum() < _LEAST_VOXELS:
            return None
        picked = np.flatnonzero(use)
        if len(picked) > _MOST_VOXELS:
            picked = picked[:: int(np.ceil(len(picked) / _MOST_VOXELS))]
        start = np.r_[centre, radius, scanned.blur.in_slice_mm, scanned.blur.across_mm, plateau]
        fitted = _solve(scanned, cloud.points[picked], cloud.hu[picked], start, is_seen=is_seen)
        moved = float(np.linalg.norm(fitted[:3] - centre)) + abs(fitted[3] - radius)
        if moved > 6.0:
            return None
        centre, radius = fitted[:3], float(fitted[3])
        blur = Blur(float(fitted[4]), float(fitted[5]), scanned.blur.normal_lps)
        sphere = Sphere(points_lps(centre), radius, float(shown.mean()), float(fitted[6]), blur, shown)
        if moved < 0.05:
            break
    return sphere


def _cloud(scanned: Scanned, centre: Array, radius: float, wall_mm: float) -> _Cloud:
    points, hu = voxels_near(scanned.volume, centre, radius + _BAND_MM + 1.0)
    away = np.asarray(points) - centre
    far = np.linalg.norm(away, axis=1)
    near = (far > radius - max(wall_mm, _BAND_MM)) & (far < radius + _BAND_MM + 0.5)
    away, far = away[near], far[near]
    directions = even_directions(_PATCHES).T
    # some at a time: all of them against each direction would fill the memory, not the processor's cache
    parts = [np.argmax(away[k : k + _AT_ONCE] @ directions, axis=1) for k in range(0, len(away), _AT_ONCE)]
    patch = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    return _Cloud(np.asarray(points)[near], hu[near].astype(np.float64), far, patch)


def _seen_patches(
    scanned: Scanned, cloud: _Cloud, radius: float, wall_mm: float, presumed_hu: float
) -> tuple[npt.NDArray[np.bool_], float, bool]:
    """Say on which patches metal lies within and none beyond; and the plateau, and whether it is seen."""
    within = (cloud.far < radius - 0.8) & (cloud.far > radius - wall_mm)
    beyond = (cloud.far > radius + 1.2) & (cloud.far < radius + _BAND_MM)
    inner, outer = _patch_means(cloud, within), _patch_means(cloud, beyond)
    bright = inner > scanned.config.ceramic_hu
    inside = cloud.hu[within & bright[cloud.patch]]
    plateau, is_seen = scanned.plateau_hu(inside, presumed_hu=presumed_hu) if len(inside) else (presumed_hu, False)
    seen = min(plateau, scanned.top_hu)
    return (inner > max(0.6 * seen, scanned.config.ceramic_hu)) & (outer < 0.4 * seen), plateau, is_seen


def _patch_means(cloud: _Cloud, use: npt.NDArray[np.bool_]) -> Array:
    total = np.bincount(cloud.patch[use], cloud.hu[use], minlength=_PATCHES)
    count = np.bincount(cloud.patch[use], minlength=_PATCHES)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _solve(scanned: Scanned, points: Array, hu: Array, start: Array, *, is_seen: bool) -> Array:
    """Fit centre, radius, blur within and across slices, and plateau; the plateau stays where it is cut off."""
    plateau = start[6]
    top = min(scanned.top_hu, 1.3 * plateau)
    bottom = min(scanned.config.dense_bone_hu, 0.4 * min(plateau, top))
    seen = np.clip(hu, bottom, top)
    normal, soft = scanned.blur.normal_lps, _SOFT_SHARE * min(plateau, top)

    def misfit(p: Array) -> Array:
        away = points - p[:3]
        far = np.linalg.norm(away, axis=1)
        steep = (away @ normal / far) ** 2
        sigma = np.sqrt(p[4] ** 2 * (1.0 - steep) + p[5] ** 2 * steep)
        height = p[6] * plateau if is_seen else plateau
        return np.asarray((np.clip(height * ndtr((p[3] - far) / sigma), bottom, top) - seen) / soft)

    x0 = np.r_[start[:4], np.clip(start[4:6], 0.2, 1.5), 1.0]
    low = np.r_[start[:4] - 4.0, _BLUR_MM[0], _BLUR_MM[0], 0.8]
    high = np.r_[start[:4] + 4.0, _BLUR_MM[1], _BLUR_MM[1], 1.3]
    scale = np.array([0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.02])
    found = least_squares(misfit, x0, bounds=(low, high), loss="soft_l1", x_scale=scale, max_nfev=15, ftol=1e-4).x
    found[6] *= plateau
    return np.asarray(found)


def even_directions(count: int) -> Array:
    """Spread unit vectors evenly over the sphere, shape (count, 3)."""
    k = np.arange(count) + 0.5
    polar, turn = np.arccos(1 - 2 * k / count), np.pi * (1 + 5**0.5) * k
    return np.column_stack([np.cos(polar), np.sin(polar) * np.sin(turn), np.sin(polar) * np.cos(turn)])
