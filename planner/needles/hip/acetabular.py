"""To a cup: through the ilium above it or beside its rim, from the side, never from in front or within the pelvis."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array, unit
from planner.model.anatomy import Anatomy
from planner.needles.candidates import Candidates, Target, cone, every_pair
from planner.needles.hip.femoral import Thigh, thigh_of, turn_and_tilt_deg

CUP_KINDS = ("acetabular_cup", "cup_screw")
_STEP_MM = 0.75
_OUTSIDE_MM = 60.0
"""Farther from the bone a needle is past the joint."""
_INTO_BONE_MM = 1.5
_NEAR_FEMUR_MM = 1.0
"""An entry so near to the femur's outline is into the femur: the two bones are parted to a voxel."""


def allowed_to_cup(thigh: Thigh, outward_lps: Array, *, config: NeedleConfig) -> npt.NDArray[np.bool_]:
    """Say which directions a needle to a cup may come from.

    Parameters
    ----------
    thigh : Thigh
        Lateral, front and proximal of this side.
    outward_lps : ndarray, shape (N, 3)
        Unit vectors towards the operator.
    config : NeedleConfig
        ``hip`` has the limits of turn and tilt.

    Returns
    -------
    ndarray of bool, shape (N,)
        The femoral vessels lie before the capsule, the sciatic nerve and the gluteal vessels behind the cup.
    """
    turn, tilt = turn_and_tilt_deg(thigh, outward_lps)
    hip = config.hip
    turned = (turn >= -hip.cup_posterior_deg) & (turn <= hip.cup_anterior_deg)
    return np.asarray(turned & (tilt >= hip.cup_lowest_deg) & (tilt <= hip.cup_highest_deg))


def to_the_cup(target: Target, tips_lps: Array, *, config: NeedleConfig) -> Candidates | None:
    """Give ways to a cup's gap.

    Parameters
    ----------
    target : Target
        The gap and its cup.
    tips_lps : ndarray, shape (N, 3)
        Places for the tip.
    config : NeedleConfig
        Limits of turn and tilt.

    Returns
    -------
    Candidates or None
        None where the side is not known, or there is no tip or direction.
    """
    thigh = thigh_of(target)
    if thigh is None or not len(tips_lps):
        return None
    directions = cone(
        unit(thigh.lateral + 0.5 * thigh.proximal), half_angle_deg=75.0, step_deg=config.direction_step_deg * 1.4
    )
    directions = directions[allowed_to_cup(thigh, directions, config=config)]
    if not len(directions):
        return None
    tips, outward = every_pair(tips_lps, directions)
    return Candidates("femoral", "to the cup", tips, tips, outward, unit(thigh.lateral + 0.6 * thigh.proximal))


def enters_pelvis(anatomy: Anatomy, bone_lps: Array, outward_lps: Array) -> npt.NDArray[np.bool_]:
    """Say which needles enter another bone than the femur.

    Parameters
    ----------
    anatomy : Anatomy
        The bones.
    bone_lps, outward_lps : ndarray, shape (N, 3)
        Bone entries, LPS mm, and unit vectors towards the operator.

    Returns
    -------
    ndarray of bool, shape (N,)
        False where a femur begins there; True where bones were not told apart.
    """
    inside = bone_lps - _INTO_BONE_MM * outward_lps
    good = np.ones(len(bone_lps), bool)
    for bone in anatomy.bones:
        if bone.kind == "femur" and bone.mask.voxels.any():
            reach = max(1, round(_NEAR_FEMUR_MM / min(bone.mask.grid.spacing_mm)))
            index = np.rint(np.asarray(bone.mask.grid.to_index(inside))).astype(int)
            good &= ~_near(bone.mask.voxels, index, reach)
    return good


def _near(voxels: npt.NDArray[np.bool_], index: npt.NDArray[np.int64], reach: int) -> npt.NDArray[np.bool_]:
    hit = np.zeros(len(index), bool)
    steps = [(0, 0, 0)] + [tuple(s) for s in reach * np.vstack([np.eye(3, dtype=int), -np.eye(3, dtype=int)])]
    for step in steps:
        at = index + np.array(step)
        within = np.all((at >= 0) & (at < np.array(voxels.shape)), axis=1)
        hit[within] |= voxels[tuple(at[within].T)]
    return hit


def in_joint_mm(anatomy: Anatomy, bone_lps: Array, outward_lps: Array) -> Array:
    """Measure how far needles run in the joint's space before they enter bone.

    Parameters
    ----------
    anatomy : Anatomy
        With the joint, where it is known.
    bone_lps, outward_lps : ndarray, shape (N, 3)
        Bone entries, LPS mm, and unit vectors towards the operator.

    Returns
    -------
    ndarray, shape (N,)
        mm; NaN where the joint is not known.
    """
    if anatomy.joint is None:
        return np.full(len(bone_lps), np.nan)
    steps = np.arange(0.5, _OUTSIDE_MM, _STEP_MM)
    points = bone_lps[:, None, :] + steps[None, :, None] * outward_lps[:, None, :]
    index = np.moveaxis(np.asarray(anatomy.grid.to_index(points.reshape(-1, 3))), -1, 0)
    met = ndimage.map_coordinates(anatomy.joint.voxels.view(np.uint8), index, order=0, mode="constant", cval=0)
    return np.asarray(_STEP_MM * np.count_nonzero(met.reshape(points.shape[:2]), axis=1), dtype=np.float64)
