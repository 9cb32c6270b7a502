"""Muscle and fat told apart in the soft tissue that a needle may pass."""

from dataclasses import dataclass

import numpy as np

from planner.config.soft_tissue_config import SoftTissueConfig
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.segment.balls import grown_by
from planner.segment.smoothing import smoothed
from planner.segment.trust import TrustMap
from planner.segment.upright import Bools, Floats

DEFAULT = SoftTissueConfig()
_CLIP_HU = (-300.0, 250.0)
"""Gas and bone beyond these count as these in the mean: they are left out of it, but for their blurred edges."""
_COARSE = 2


@dataclass(frozen=True, slots=True, eq=False)
class SoftTissue:
    """The soft tissue between skin and bone, as far as it is told.

    Parameters
    ----------
    muscle : Mask
        What reads as muscle: muscle, tendons and vessels; kidneys or bowel too, if they lie where needles may pass.
    fat : Mask
        What reads as fat.
    untold : Mask
        Soft tissue that is neither: the skin, what artefacts hide, what reads as neither.
    """

    muscle: Mask
    fat: Mask
    untold: Mask


def tell_soft_tissue(
    ct: Volume,
    *,
    body: Mask,
    solid: Mask,
    metal: Mask,
    forbidden: Mask | None = None,
    trust: TrustMap | None = None,
    config: SoftTissueConfig = DEFAULT,
) -> SoftTissue:
    """Tell muscle from fat.

    Parameters
    ----------
    ct : Volume
        The CT.
    body : Mask
        Skin and all within it.
    solid : Mask
        What is no soft tissue, or none of a needle's: bone, canal, discs.
    metal : Mask
        All metal.
    forbidden : Mask or None
        Where no needle may pass, and organs read like muscle; None for nowhere.
    trust : TrustMap or None
        What artefacts leave readable; None reads only farther from metal than streaks reach.
    config : SoftTissueConfig
        Limits.

    Returns
    -------
    SoftTissue
        Each voxel of the soft tissue is in one of the three.

    Raises
    ------
    GeometryError
        If the masks lie on other grids.

    Notes
    -----
    The windows of HU in which studies of body composition count muscle and fat (`SoftTissueConfig`), on a mean that
    takes no bone, gas or metal in.
    """
    grid = ct.grid
    for mask in (body, solid, metal, *(() if forbidden is None else (forbidden,))):
        grid.require_same(mask.grid)
    soft = body.voxels & ~solid.voxels & ~metal.voxels
    if ct.padding is not None:
        soft &= ~ct.padding
    if forbidden is not None:
        soft &= ~forbidden.voxels
    spacing = grid.spacing_mm
    clear = config.streaks_mm if trust is None else config.bloom_mm
    read = soft & ~grown_by(~body.voxels, config.skin_mm, spacing)
    read &= ~grown_by(metal.voxels, clear, spacing)
    if trust is not None:
        read &= _trusted(read, ct.grid, trust, config.least_trust)
    hu = _mean(np.asarray(ct.hu, dtype=np.float32), soft, spacing, config.smooth_mm)
    # the windows are of whole numbers; a mean lies between them
    border = (config.muscle_hu[0] + config.fat_hu[1]) / 2.0
    muscle = read & (hu >= border) & (hu <= config.muscle_hu[1])
    fat = read & (hu < border) & (hu >= config.fat_hu[0])
    return SoftTissue(Mask(grid, muscle), Mask(grid, fat), Mask(grid, soft & ~muscle & ~fat))


def _mean(hu: Floats, soft: Bools, spacing: tuple[float, float, float], smooth_mm: float) -> Floats:
    """Give the mean over soft tissue alone, round each voxel of it."""
    sigma = [smooth_mm / edge for edge in spacing]
    weight = (soft & (hu > _CLIP_HU[0]) & (hu < _CLIP_HU[1])).astype(np.float32)
    values = np.clip(hu, *_CLIP_HU)
    values *= weight
    total, values = (smoothed(each, sigma, truncate=2.5) for each in (weight, values))
    told = total > 1e-3
    return np.asarray(np.divide(values, total, out=hu.copy(), where=told))


def _trusted(asked: Bools, grid: Grid, trust: TrustMap, least: float) -> Bools:
    """Say where the trust is enough, to two voxels, in all cells with a voxel that is asked for."""
    fine = asked
    for axis in range(3):
        fine = np.logical_or.reduceat(fine, np.arange(0, grid.shape[axis], _COARSE), axis=axis)
    fine[fine] = trust.trust_at(np.asarray(grid.to_lps(np.argwhere(fine) * _COARSE))) >= least
    for axis in range(3):
        fine = np.repeat(fine, _COARSE, axis=axis)
    return np.asarray(fine[tuple(slice(0, n) for n in grid.shape)])
