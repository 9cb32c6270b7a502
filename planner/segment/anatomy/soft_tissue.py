"""Muscle and fat told apart in the soft tissue that a needle may pass."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from planner.config.soft_tissue_config import SoftTissueConfig
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.segment.balls import grown_by
from planner.segment.slabs import by_slabs
from planner.segment.smoothing import smoothed
from planner.segment.trust import TrustMap
from planner.segment.upright import Bools, Floats

DEFAULT = SoftTissueConfig()
_CLIP_HU = (-300.0, 250.0)
"""Gas and bone beyond these count as these in the mean: they are left out of it, but for their blurred edges."""
_COARSE = 2
_LEAST_WEIGHT = 1e-3
"""Of soft tissue round a voxel, for it to have a mean."""


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
    muscle, fat = _by_mean(np.asarray(ct.hu, dtype=np.float32), soft, read, spacing, config)
    return SoftTissue(Mask(grid, muscle), Mask(grid, fat), Mask(grid, soft & ~muscle & ~fat))


def _by_mean(
    hu: Floats, soft: Bools, read: Bools, spacing: tuple[float, float, float], config: SoftTissueConfig
) -> tuple[Bools, Bools]:
    """Tell muscle from fat by the mean over soft tissue alone, round each voxel that is read."""
    sigma = [config.smooth_mm / edge for edge in spacing]
    weight, values = np.empty(hu.shape, dtype=np.float32), np.empty(hu.shape, dtype=np.float32)
    by_slabs(_weigh, hu.shape, hu, soft, np.array(_CLIP_HU, dtype=np.float32), weight, values)
    weight = smoothed(weight, sigma, truncate=2.5)
    values = smoothed(values, sigma, truncate=2.5)
    # the windows are of whole numbers; a mean lies between them
    border = (config.muscle_hu[0] + config.fat_hu[1]) / 2.0
    limits = np.array([config.fat_hu[0], border, config.muscle_hu[1], _LEAST_WEIGHT], dtype=np.float32)
    muscle, fat = np.zeros(hu.shape, dtype=np.uint8), np.zeros(hu.shape, dtype=np.uint8)
    by_slabs(_tell, hu.shape, hu, read, weight, values, limits, muscle, fat)
    return muscle.view(np.bool_), fat.view(np.bool_)


@njit(cache=True, nogil=True)
def _weigh(first: int, stop: int, hu: Floats, soft: Bools, ends_hu: Floats, weight: Floats, values: Floats) -> None:
    """Write what counts in the mean, and its readings."""
    _, rows, columns = hu.shape
    for z in range(first, stop):
        for y in range(rows):
            for x in range(columns):
                value = hu[z, y, x]
                counts = soft[z, y, x] & (value > ends_hu[0]) & (value < ends_hu[1])
                weight[z, y, x] = np.float32(1.0) if counts else np.float32(0.0)
                values[z, y, x] = value if counts else np.float32(0.0)


@njit(cache=True, nogil=True)
def _tell(
    first: int, stop: int, hu: Floats, read: Bools, weight: Floats, values: Floats, limits: Floats,
    muscle: npt.NDArray[np.uint8], fat: npt.NDArray[np.uint8],
) -> None:  # fmt: skip
    """Hold the mean of each voxel that is read against the windows, in single precision."""
    _, rows, columns = hu.shape
    for z in range(first, stop):
        for y in range(rows):
            for x in range(columns):
                if read[z, y, x]:
                    total = weight[z, y, x]
                    mean = values[z, y, x] / total if total > limits[3] else hu[z, y, x]
                    muscle[z, y, x] = (mean >= limits[1]) & (mean <= limits[2])
                    fat[z, y, x] = (mean < limits[1]) & (mean >= limits[0])


def _trusted(asked: Bools, grid: Grid, trust: TrustMap, least: float) -> Bools:
    """Say where the trust is enough, to two voxels, in all cells with a voxel that is asked for."""
    fine = asked
    for axis in range(3):
        fine = _halved(fine, axis)
    # slice by slice: what is computed of a place stays near at hand
    for number in np.flatnonzero(fine.any(axis=(1, 2))):
        cells = np.argwhere(fine[number : number + 1])
        cells[:, 0] += number
        near = fine[number]
        near[near] = trust.trust_at(np.asarray(grid.to_lps(cells * _COARSE))) >= least
    for axis in range(3):
        fine = np.repeat(fine, _COARSE, axis=axis)
    return np.asarray(fine[tuple(slice(0, n) for n in grid.shape)])


def _halved(mask: Bools, axis: int) -> Bools:
    """Join each two voxels along an axis; the last one of an odd number stays alone."""
    along = np.moveaxis(mask, axis, 0)
    out: Bools = along[::_COARSE].copy()
    more = along[1::_COARSE]
    out[: len(more)] |= more
    return np.ascontiguousarray(np.moveaxis(out, 0, axis))
