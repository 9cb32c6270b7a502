"""Whether a needle leaves one bone and enters another, told from the CT along its way.

The bone envelope closes over narrow gaps, and so over joints: where bones were not told apart, two articular processes
look like one bone in it. On the CT a needle that goes on into another bone meets its cortex: bright again, after it was
through the first cortex.
"""

import numba
import numpy as np
import numpy.typing as npt

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array
from planner.model.anatomy import Anatomy
from planner.safety.clearance import sample
from planner.safety.fields import BONE, METAL, Fields, distance_from_points
from planner.safety.march import Compiled, inside, trilinear

_STEP_MM = 0.4


def meets_second_cortex(
    anatomy: Anatomy,
    fields: Fields,
    *,
    bone_lps: Array,
    aim_lps: Array,
    gap_points_lps: Array,
    config: NeedleConfig,
    dips: bool = False,
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
    dips : bool
        Whether also a shallow dip between two bright places counts, as of a joint narrower than the CT's blur.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    length = np.linalg.norm(aim_lps - bone_lps, axis=1)
    met = np.zeros(len(length), bool)
    if not len(length):
        return met
    grid = fields.grid
    start = np.ascontiguousarray(grid.to_index(bone_lps)).reshape(-1, 3)
    along = (aim_lps - bone_lps) / np.maximum(length, 1e-6)[:, None]
    step = np.ascontiguousarray(along @ grid.index_from_lps[:3, :3].T)
    rim = fields.from_target
    if rim is None:
        rim = distance_from_points(gap_points_lps, grid, reach_mm=config.bright_near_gap_mm)
    corner = np.asarray(rim.corner, dtype=np.float64)
    numbers = np.array(
        [
            config.cortex_hu,
            config.bright_near_metal_mm,
            config.longest_cortex_mm,
            config.bright_near_gap_mm,
            config.spine.joint_dip_hu if dips else np.inf,
            config.spine.joint_rims_hu,
        ]
    )
    _meets(
        len(length),
        anatomy.ct.hu,
        fields.channels[..., METAL],
        rim.distance,
        corner,
        start,
        step,
        length,
        numbers,
        met,
    )
    return met


def untold_bone_mm(fields: Fields, bone_lps: Array, aim_lps: Array) -> Array:
    """Measure how far needles run in bone that was not told to be the target's own.

    Parameters
    ----------
    fields : Fields
        Distances, and the target's own bones.
    bone_lps, aim_lps : ndarray, shape (N, 3)
        Where each needle enters bone, and the end of its straight part, LPS mm.

    Returns
    -------
    ndarray, shape (N,)
        mm; NaN where bones were not told apart at the target.
    """
    own = fields.own_bone
    if own is None:
        return np.full(len(bone_lps), np.nan)
    length = np.linalg.norm(aim_lps - bone_lps, axis=1)
    count = max(1, int(np.ceil(float(length.max(initial=0.0)) / _STEP_MM)))
    share = (np.arange(count) + 0.5) / count
    points = (bone_lps[:, None, :] + share[:, None] * (aim_lps - bone_lps)[:, None, :]).reshape(-1, 3)
    cell = np.rint(np.asarray(fields.grid.to_index(points))).astype(np.intp) - np.asarray(own.corner)
    inside = np.all((cell >= 0) & (cell < np.array(own.voxels.shape)), axis=1)
    untold = sample(fields, points, BONE) > 0.0
    untold[inside] &= ~own.voxels[tuple(cell[inside].T)]
    return np.asarray(untold.reshape(-1, count).mean(axis=1) * length)


def _meet_all(
    hu: npt.NDArray[np.float32],
    metal: npt.NDArray[np.float32],
    rim: npt.NDArray[np.float32],
    corner: Array,
    start: Array,
    step: Array,
    length: Array,
    numbers: Array,
    met: npt.NDArray[np.bool_],
) -> None:
    for n in numba.prange(len(length)):
        met[n] = _one_meets(hu, metal, rim, corner, start[n], step[n], length[n], numbers)


@numba.njit(cache=True)
def _one_meets(
    hu: npt.NDArray[np.float32],
    metal: npt.NDArray[np.float32],
    rim: npt.NDArray[np.float32],
    corner: Array,
    start: Array,
    step: Array,
    length: float,
    numbers: Array,
) -> bool:
    """Walk one needle inwards: bright, then dark for three steps, then bright again is a second cortex.

    So is a dip: `lowest` is the least since the brightest so far, and what rises out of it again to no more than that.
    """
    seen_bright, through, dark, first_run_mm, s = False, False, 0, 0.0, 0.0
    brightest, lowest = -np.inf, np.inf
    while s <= length:
        z, y, x = start[0] + s * step[0], start[1] + s * step[1], start[2] + s * step[2]
        s += _STEP_MM
        if not inside(z, y, x, metal.shape):
            continue
        value = trilinear(hu, z, y, x)
        is_bright = value > numbers[0]
        dark = 0 if is_bright else dark + 1
        told = is_bright or np.isfinite(numbers[4])
        told = told and trilinear(metal, z, y, x) >= numbers[1] and not _is_near(rim, corner, z, y, x, numbers[3])
        if told:
            rise = min(value, brightest)
            if rise >= numbers[5] and rise - lowest > numbers[4]:
                return True
            lowest = value if value > brightest else min(lowest, value)
            brightest = max(brightest, value)
        if is_bright and told:
            if through:
                return True
            seen_bright = True
            first_run_mm += _STEP_MM
            if first_run_mm > numbers[2]:
                return True
        through = through or (seen_bright and dark >= 3)
    return False


@numba.njit(cache=True)
def _is_near(rim: npt.NDArray[np.float32], corner: Array, z: float, y: float, x: float, reach: float) -> bool:
    z, y, x = z - corner[0], y - corner[1], x - corner[2]
    return inside(z, y, x, rim.shape) and trilinear(rim, z, y, x) < reach


_meets = Compiled(_meet_all, few=300)
