"""What lies within the cortex: marrow, and the CT value of cancellous bone where metal has not spoilt it."""

from dataclasses import dataclass

import edt
import numpy as np
from scipy.spatial import cKDTree

from planner.config.anatomy_config import MarrowConfig
from planner.geometry.distance import Floats, distance_mm
from planner.geometry.frames import Array
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.cortex import Cortex
from planner.segment.blocks import block_round

DEFAULT = MarrowConfig()
_READ_HU = (-300.0, 1000.0)
"""Gas and what is denser than dense bone are no cancellous bone."""
_GRAINS = 8
"""Metal's drift is told by the nearer and the farther half, each of at least so many voxels."""


@dataclass(frozen=True, slots=True)
class Trabecular:
    """Cancellous bone of one bone, away from metal and cortex.

    Parameters
    ----------
    mean_hu, spread_hu : float
        Mean and standard deviation.
    volume_ml : float
        What they were read from.
    """

    mean_hu: float
    spread_hu: float
    volume_ml: float


def trabecular_of(
    ct: Volume,
    bone: Mask,
    *,
    metal: Mask,
    unreadable: Mask | None = None,
    from_metal_mm: Floats | None = None,
    config: MarrowConfig = DEFAULT,
) -> Trabecular | None:
    """Read the CT value of a bone's cancellous part.

    Parameters
    ----------
    ct : Volume
        The CT on the bone's grid.
    bone : Mask
        One bone's envelope.
    metal : Mask
        All metal, on the same grid.
    unreadable : Mask or None
        Where artefacts hide tissue, gaps and cement, on the same grid; None where nothing is known of that.
    from_metal_mm : ndarray of float32, shape ``ct.grid.shape``, or None
        How far each voxel lies from metal, for many bones of one CT; None: it is measured here.
    config : MarrowConfig
        Settings.

    Returns
    -------
    Trabecular or None
        None where too little is left, or where its CT value changes with the distance from metal.

    Raises
    ------
    GeometryError
        If the grids differ.
    """
    for mask in (bone, metal, *(() if unreadable is None else (unreadable,))):
        ct.grid.require_same(mask.grid)
    spacing = ct.grid.spacing_mm
    box = block_round(bone.voxels, 1)
    if box is None:
        return None
    own = np.ascontiguousarray(bone.voxels[box])
    # beyond the picture the bone goes on: its cut is no surface
    read = own & (edt.edt(own, anisotropy=spacing, black_border=False, parallel=2) >= config.from_surface_mm)
    if ct.padding is not None:
        read &= ~ct.padding[box]
    if unreadable is not None:
        read &= ~unreadable.voxels[box]
    from_metal = None
    if metal.voxels.any():
        from_metal = (distance_mm(metal.voxels, spacing) if from_metal_mm is None else from_metal_mm)[box]
        read &= from_metal >= config.from_metal_mm
    hu = ct.hu[box]
    read &= (hu > _READ_HU[0]) & (hu < _READ_HU[1])
    values = np.asarray(hu[read], dtype=np.float64)
    volume = len(values) * ct.grid.voxel_volume_mm3 / 1000.0
    if volume < config.least_ml or len(values) < 2 * _GRAINS:
        return None
    mean, spread = float(values.mean()), float(values.std())
    drift = 0.0 if from_metal is None else _drift(values, from_metal[read])
    if mean < config.least_hu or spread > config.most_spread_hu or drift > config.most_drift_hu:
        return None
    return Trabecular(mean, spread, volume)


def _drift(values: Array, away_mm: Array) -> float:
    nearer = away_mm <= np.median(away_mm)
    if min(nearer.sum(), (~nearer).sum()) < _GRAINS:
        return 0.0
    return float(abs(values[nearer].mean() - values[~nearer].mean()))


def marrow_within(bone: Mask, cortex: Cortex, *, metal: Mask | None = None) -> Mask:
    """Give what lies within the cortex.

    Parameters
    ----------
    bone : Mask
        The envelope that the cortex was measured on.
    cortex : Cortex
        Its cortex; where it was not measured it is taken to be as thick as where it was, nearest by.
    metal : Mask or None
        Metal on the bone's grid: it is not marrow.

    Returns
    -------
    Mask
        Empty where no cortex was measured at all.
    """
    known = np.isfinite(cortex.thickness_mm)
    out = np.zeros(bone.grid.shape, dtype=bool)
    if not known.any():
        return Mask(bone.grid, out)
    points, outward, thick = cortex.points_lps[known], cortex.outward_lps[known], cortex.thickness_mm[known]
    reach = float(thick.max()) + max(bone.grid.spacing_mm)
    depth = edt.edt(np.array(bone.voxels), anisotropy=bone.grid.spacing_mm, black_border=False, parallel=2)
    out |= depth > reach
    index = np.argwhere(bone.voxels & ~out)
    at = np.asarray(bone.grid.to_lps(index))
    _, nearest = cKDTree(points).query(at)
    below = np.einsum("ij,ij->i", points[nearest] - at, outward[nearest])
    out[tuple(index[below > thick[nearest]].T)] = True
    if metal is not None:
        bone.grid.require_same(metal.grid)
        out &= ~metal.voxels
    return Mask(bone.grid, out)
