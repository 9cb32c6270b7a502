"""Whether a needle leaves one bone and enters another, told from the CT along its way.

The bone envelope closes over narrow gaps, and so over joints: two articular processes look like one bone in it. On the
CT a needle that goes on into another bone meets its cortex: bright again, after it was through the first cortex.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array
from planner.model.anatomy import Anatomy
from planner.safety.clearance import sample
from planner.safety.fields import METAL, Fields

_STEP_MM = 0.4
_NEVER_MM = 1e3


def meets_second_cortex(
    anatomy: Anatomy,
    fields: Fields,
    *,
    bone_lps: Array,
    aim_lps: Array,
    gap_points_lps: Array,
    config: NeedleConfig,
) -> npt.NDArray[np.bool_]:
    """Say which needles meet cortex again after they were through their first, or run in the first too long to tell.

    Parameters
    ----------
    anatomy : Anatomy
        The CT.
    fields : Fields
        Distances, of metal among them.
    bone_lps, aim_lps : ndarray, shape (N, 3)
        Where each needle enters bone, and the end of its straight part, LPS mm.
    gap_points_lps : ndarray, shape (M, 3)
        The target gap's voxels: its sclerotic rim is bright, and no second bone.
    config : NeedleConfig
        What is cortex, and how near to gap and metal brightness says nothing.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    length = np.linalg.norm(aim_lps - bone_lps, axis=1)
    if not len(length):
        return np.zeros(0, bool)
    steps = np.arange(0.0, float(length.max()) + _STEP_MM, _STEP_MM)
    share = np.minimum(steps[None, :] / np.maximum(length, 1e-6)[:, None], 1.0)
    points = bone_lps[:, None, :] + share[..., None] * (aim_lps - bone_lps)[:, None, :]
    index = np.moveaxis(np.asarray(anatomy.grid.to_index(points)), -1, 0)
    hu = ndimage.map_coordinates(anatomy.ct.hu, index.reshape(3, -1), order=1, mode="nearest").reshape(share.shape)
    flat = points.reshape(-1, 3)
    silent = (sample(fields, flat, METAL) < config.bright_near_metal_mm).reshape(share.shape)
    silent |= (_distance_to(gap_points_lps, flat) < config.bright_near_gap_mm).reshape(share.shape)
    silent |= steps[None, :] > length[:, None]
    bright = (hu > config.cortex_hu) & ~silent
    # Through the first cortex: no longer bright for a millimetre and more.
    dark_run = ndimage.minimum_filter1d((hu <= config.cortex_hu).astype(np.uint8), 3, axis=1, mode="nearest") > 0
    through = np.maximum.accumulate(dark_run & np.maximum.accumulate(bright, axis=1), axis=1)
    first_run_mm = _STEP_MM * np.count_nonzero(bright & ~through, axis=1)
    return np.asarray(np.any(through & bright, axis=1) | (first_run_mm > config.longest_cortex_mm))


def _distance_to(cloud: Array, points: Array) -> Array:
    if not len(cloud):
        return np.full(len(points), _NEVER_MM)
    return np.asarray(cKDTree(cloud).query(points, distance_upper_bound=10.0, workers=-1)[0])
