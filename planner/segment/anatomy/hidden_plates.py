"""Where the end of a body is no measurement: metal's artefacts or the end of the scan lie where a disc should."""

import edt
import numpy as np
from scipy import ndimage as ndi

from planner.geometry.frames import Array, points_lps
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.flood import Labels
from planner.segment.blocks import block_round
from planner.segment.upright import Bools

_TISSUE_HU = (-150.0, 300.0)
"""Beyond an endplate a disc reads 40 to 150 HU, fat -100. Tuned on four of the tuning cases: beyond whole endplates
four fifths of all readings lie between -110 and 140, beyond those that streaks had moved from -1000 to 3000."""
_STREAKS_MM = 20.0
"""So far from metal its streaks may drown an endplate; farther off a dark disc holds gas. Ours."""
_BLOOM_MM = 2.5
"""So near to metal nothing is read; as `CleftConfig.metal_mm`."""
_BEYOND_MM = (1.2, 2.0, 2.8)
"""Read so far beyond the surface: past its blur, and not yet in the next bone."""


def hidden_places(ct: Volume, metal: Mask, labels: Labels) -> Bools:
    """Say where nothing can be read of what lies beyond a bone.

    Parameters
    ----------
    ct : Volume
        The CT on an upright isotropic grid, HU; `padding` where nothing was measured.
    metal : Mask
        All metal on that grid.
    labels : ndarray of int16, shape ``ct.grid.shape``
        Bones, apart; another bone hides nothing.

    Returns
    -------
    ndarray of bool, shape ``ct.grid.shape``
        Not measured, in metal's bloom, or too bright or too dark for tissue near metal.
    """
    out = np.zeros(ct.grid.shape, dtype=bool) if ct.padding is None else np.array(ct.padding, dtype=bool)
    spacing = ct.grid.spacing_mm
    block = block_round(metal.voxels, int(np.ceil(_STREAKS_MM / min(spacing))) + 1)
    if block is None:
        return out
    away = np.asarray(edt.edt(~metal.voxels[block], anisotropy=spacing, parallel=2))
    hu = ct.hu[block]
    odd = (hu < _TISSUE_HU[0]) | (hu > _TISSUE_HU[1])
    out[block] |= (odd & (labels[block] == 0) & (away < _STREAKS_MM)) | (away < _BLOOM_MM)
    return out


def is_hidden(hidden: Bools, grid: Grid, surface_lps: Array, outward_lps: Array) -> Bools:
    """Say at which places of a surface it is hidden whether bone ends there.

    Parameters
    ----------
    hidden : ndarray of bool, shape ``grid.shape``
        As `hidden_places` gives it.
    grid : Grid
        Its grid.
    surface_lps : ndarray, shape (..., 3)
        Places, LPS mm.
    outward_lps : ndarray, shape (3,)
        Unit vector out of the bone.

    Returns
    -------
    ndarray of bool, shape (...)
        True also where the surface is NaN, or the grid ends beyond it.
    """
    known = np.asarray(np.isfinite(surface_lps).all(axis=-1))
    start = np.where(known[..., None], surface_lps, 0.0)
    found: Bools = np.asarray(~known)
    for beyond in _BEYOND_MM:
        at = np.moveaxis(np.asarray(grid.to_index(points_lps(start + beyond * outward_lps))), -1, 0)
        read = ndi.map_coordinates(hidden.astype(np.uint8), np.rint(at), order=0, mode="constant", cval=1)
        found = np.asarray(found | (read > 0))
    return found
