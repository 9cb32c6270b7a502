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
    return from_midline(skin_lps, float(np.mean(sides)))


def from_midline(skin_lps: Array, middle_mm: float) -> SkinLandmark:
    """Give how far beside a midline the skin is entered.

    Parameters
    ----------
    skin_lps : ndarray, shape (3,)
        Where the skin is entered, LPS mm.
    middle_mm : float
        LPS x of the midline.

    Returns
    -------
    SkinLandmark
        Along LPS x: above 0 to the patient's left, below 0 to the right.
    """
    return SkinLandmark(name="midline", offset_mm=(float(skin_lps[0] - middle_mm), 0.0, 0.0))


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
        much deeper the landmark's tip lies. The bone, by its level where that is known, stands in the words.
    """
    level = {bone.name: bone.level for bone in bones}
    felt = []
    for mark in landmarks:
        away = skin_lps - np.asarray(mark.point_lps)
        if mark.name in _FELT and np.hypot(away[0], away[2]) <= _FAR_MM:
            felt.append((float(np.hypot(away[0], away[2])), mark.name, level.get(mark.bone) or mark.bone, away))
    return tuple(
        SkinLandmark(name=name, offset_mm=point_tuple(away), in_words=_in_words(f"the {name} of {bone}", away))
        for _, name, bone, away in sorted(felt, key=lambda f: f[:3])[:_MOST]
    )


def _in_words(landmark: str, away: Array) -> str:
    along = f"{abs(away[2]):.0f} mm {'above' if away[2] >= 0 else 'below'} {landmark}"
    return f"{along}, {abs(away[0]):.0f} mm to its {'left' if away[0] >= 0 else 'right'}"
