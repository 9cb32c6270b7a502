"""Where the skin is entered, as seen from what can be felt."""

from collections.abc import Sequence

import numpy as np

from planner.geometry.frames import Array, point_tuple
from planner.model.bones import Bone, Landmark
from planner.model.needle import SkinLandmark
from planner.needles.spine.canal_wall import CanalWall

_FELT = ("spinous process", "trochanter tip")
_FAR_MM = 120.0
"""Landmarks farther away are of no use at the skin; ours."""
_MOST = 4


def midline_offset(skin_lps: Array, wall: CanalWall) -> SkinLandmark:
    """Give how far beside the midline the skin is entered, at the entry's own height.

    Parameters
    ----------
    skin_lps : ndarray, shape (3,)
        Where the skin is entered, LPS mm.
    wall : CanalWall
        The canal's outline; its middle is the midline, curved as the spine is. Above and below it its ends are used.

    Returns
    -------
    SkinLandmark
        Along LPS x: above 0 to the patient's left, below 0 to the right.
    """
    sides = [np.interp(skin_lps[2], wall.heights_mm, edge) for edge in (wall.left_mm, wall.right_mm)]
    return SkinLandmark(name="midline", offset_mm=(float(skin_lps[0] - np.mean(sides)), 0.0, 0.0))


def felt_offsets(skin_lps: Array, landmarks: Sequence[Landmark], bones: Sequence[Bone]) -> tuple[SkinLandmark, ...]:
    """Give the skin entry as seen from the tips of spinous processes and trochanters.

    Parameters
    ----------
    skin_lps : ndarray, shape (3,)
        Where the skin is entered, LPS mm.
    landmarks : sequence of Landmark
        Points of bones.
    bones : sequence of Bone
        They know their levels.

    Returns
    -------
    tuple of SkinLandmark
        The nearest first, at most four within 120 mm. Along LPS: x to the patient's left, z towards the head; y is how
        much deeper the landmark's tip lies.
    """
    level = {bone.name: bone.level for bone in bones}
    felt = []
    for mark in landmarks:
        away = skin_lps - np.asarray(mark.point_lps)
        if mark.name in _FELT and np.hypot(away[0], away[2]) <= _FAR_MM:
            felt.append((float(np.hypot(away[0], away[2])), f"{mark.name} {level.get(mark.bone) or mark.bone}", away))
    return tuple(
        SkinLandmark(name=name, offset_mm=point_tuple(away))
        for _, name, away in sorted(felt, key=lambda f: f[:2])[:_MOST]
    )
