"""How a CT shows the surface of a hip implant: its blur, its plateau, and where it is cut off."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from planner.config.hip_config import HipImplantConfig
from planner.geometry.frames import Array, PointsLps, unit
from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.segment.implants.ceiling import clipping_level_hu

_ALIKE_SHARE = 0.003
"""Misfits that differ by less than this share of the step a voxel are one: the noise of bone's 30 HU, clipped. Ours."""
_LEAST_PILE = 30
"""Voxels on the maximum that make it a clipping level; as the gaps' search has it."""


@dataclass(frozen=True, slots=True, eq=False)
class Blur:
    """The scan's point spread, a Gaussian.

    Parameters
    ----------
    in_slice_mm, across_mm : float
        Standard deviation within the slice and across slices.
    normal_lps : ndarray, shape (3,)
        Unit vector across the slices.
    """

    in_slice_mm: float
    across_mm: float
    normal_lps: Array

    def along(self, directions: Array) -> Array:
        """Give the standard deviation along unit vectors, shape (..., 3) to (...)."""
        steep = np.clip((np.asarray(directions) @ self.normal_lps) ** 2, 0.0, 1.0)
        return np.asarray(np.sqrt(self.in_slice_mm**2 * (1.0 - steep) + self.across_mm**2 * steep))


@dataclass(frozen=True, slots=True, eq=False)
class Scanned:
    """A CT and what of its metal can be read.

    Parameters
    ----------
    volume : Volume
        The CT.
    ceiling_hu : float or None
        Where it is cut off; None where titanium's own plateau is seen.
    blur : Blur
        Its point spread: the settings', until it was measured on a head.
    config : HipImplantConfig
        What the metals read, where that is cut off.
    limit_hu : float or None
        Where it is cut off, also where only heavier metal is; None where nothing is.
    """

    volume: Volume
    ceiling_hu: float | None
    blur: Blur
    config: HipImplantConfig
    limit_hu: float | None = None

    @classmethod
    def of(cls, volume: Volume, config: HipImplantConfig) -> Self:
        """Read the clipping level, and lay the settings' blur over the scan's slices."""
        # slice by slice: a mask of a whole CT takes longer to lay out than to fill
        found = [plane[plane > config.metal_hu] for plane in np.asarray(volume.hu)]
        bright = np.concatenate(found)
        top = clipping_level_hu(bright, least_pile=_LEAST_PILE) if bright.size else None
        ceiling = top if top is not None and top < config.titanium_hu else None
        slice_mm = volume.grid.spacing_mm[0]
        blur = Blur(
            config.blur_mm,
            float(np.hypot(config.blur_mm, slice_mm / np.sqrt(12.0))),
            unit(volume.grid.lps_from_index[:3, 0]),
        )
        return cls(volume, ceiling, blur, config, top)

    @property
    def top_hu(self) -> float:
        """What lies above is one: the clipping level less the noise of its rounding, or infinity."""
        limit = self.ceiling_hu if self.limit_hu is None else self.limit_hu
        return np.inf if limit is None else 0.99 * limit

    def plateau_hu(self, inside_hu: Array, *, presumed_hu: float) -> tuple[float, bool]:
        """Tell a part's plateau from HU well inside of it; the presumed one, and False, where the scan cuts it off."""
        seen = float(np.median(inside_hu))
        if seen >= self.top_hu:
            return max(presumed_hu, seen), False
        return seen, True

    def level_hu(self, plateau_hu: float) -> float:
        """Give the level at which a part's voxels are told: half of its plateau, or just below the clipping."""
        return float(min(0.5 * plateau_hu, 0.9 * self.top_hu))

    def ray_level_hu(self, plateau_hu: float) -> float:
        """Give the level at which rays between voxels are read: half of the plateau, or of the clipping level.

        Where HU are cut off, interpolation sees a step from tissue to the clipping level: only half way up that step
        does it cross where the step is.
        """
        return float(min(0.5 * plateau_hu, 0.5 * self.top_hu))

    def shift_mm(self, plateau_hu: float, directions: Array, *, level_hu: float) -> Array:
        """Give how far metal's surface lies inside of the place where HU cross a level, mm, along directions."""
        share = min(level_hu / plateau_hu, 0.5)
        return np.asarray(-float(ndtri(share)) * self.blur.along(directions))


def voxels_near(volume: Volume, centre_lps: Array, reach_mm: float) -> tuple[PointsLps, npt.NDArray[np.float32]]:
    """Give places and HU of a scan's own voxels in a box round a point; nothing is interpolated.

    Parameters
    ----------
    volume : Volume
        The CT.
    centre_lps : ndarray, shape (3,)
        The middle.
    reach_mm : float
        Half the box's edge.

    Returns
    -------
    points : PointsLps, shape (N, 3)
    hu : ndarray of float32, shape (N,)
    """
    return voxels_in_box(volume, np.stack([centre_lps - reach_mm, centre_lps + reach_mm]))


def voxels_in_box(volume: Volume, box_lps: Array) -> tuple[PointsLps, npt.NDArray[np.float32]]:
    """Give places and HU of a scan's own voxels in an LPS box, shape (2, 3)."""
    low, high = box_of_index(volume.grid, box_lps)
    block = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    index = np.stack(np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij"), -1)
    return volume.grid.to_lps(index.reshape(-1, 3)), np.asarray(volume.hu[block], dtype=np.float32).reshape(-1)


def box_of_index(grid: Grid, box_lps: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give first and last-but-one index of the block of voxels that holds an LPS box, cut to the grid."""
    corners = np.array([[x, y, z] for x in box_lps[:, 0] for y in box_lps[:, 1] for z in box_lps[:, 2]])
    index = np.asarray(grid.to_index(corners))
    shape = np.array(grid.shape)
    low = np.clip(np.floor(index.min(axis=0)).astype(int), 0, shape - 1)
    return low, np.clip(np.ceil(index.max(axis=0)).astype(int) + 1, low + 1, shape)


def end_along(
    scanned: Scanned, points: Array, hu: Array, *, centre_lps: Array, direction: Array, plateau_hu: float
) -> float | None:
    """Find how far metal reaches from a point along a direction, by the HU of voxels near that line.

    Parameters
    ----------
    scanned : Scanned
        The CT.
    points : ndarray, shape (N, 3)
        Voxels near the line, LPS mm.
    hu : ndarray, shape (N,)
        Their HU.
    centre_lps : ndarray, shape (3,)
        About where the metal ends.
    direction : ndarray, shape (3,)
        Unit vector out of the metal.
    plateau_hu : float
        HU inside it.

    Returns
    -------
    float or None
        Offset of the end from ``centre_lps``, mm; None where no edge is seen within 5 mm.

    Notes
    -----
    A step blurred by the scan's point spread is laid through the voxels as they are, least absolute misfit; HU above
    the clipping level, and below bone's, are one to it.
    """
    along = (points - centre_lps) @ direction
    sigma = float(scanned.blur.along(direction))
    near = np.abs(along) < 6.0
    if near.sum() < 8:
        return None
    high = min(scanned.top_hu, plateau_hu)
    low = min(scanned.config.dense_bone_hu, 0.5 * high)
    seen = np.clip(hu[near], low, high)
    tried = np.arange(-5.0, 5.01, 0.05)
    model = plateau_hu * ndtr((tried[:, None] - along[near]) / sigma)
    misfit = np.abs(np.clip(model, low, high) - seen).sum(axis=1)
    # between two slices cut off above and below, several places fit alike: the middle of them
    best = np.flatnonzero(misfit <= misfit.min() + _ALIKE_SHARE * (high - low) * np.count_nonzero(near))
    return None if best[0] == 0 or best[-1] == len(tried) - 1 else float(tried[best].mean())
