"""The canal's sides and front, height by height: the pedicles' medial walls, and the posterior wall of the bodies.

A needle must not cross a pedicle's medial wall before it is past the body's posterior wall. The canal's mask ends at
both: so in front of the posterior wall is what lies before the canal's front at that height.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.geometry.cells import cells_in
from planner.geometry.frames import Array
from planner.model.anatomy import Anatomy

_SLAB_MM = 2.0
_STEP_MM = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class CanalWall:
    """The canal's outline by height.

    Parameters
    ----------
    heights_mm : ndarray, shape (H,)
        LPS z, growing.
    left_mm, right_mm : ndarray, shape (H,)
        LPS x of its left and right side: 5th percentiles of its area. They lie within the outline, by a fifth of the
        half width of an ellipse: at the foramina's heights the mask bulges sideways, where no medial wall is, and the
        distance from the canal itself is kept besides. With the outermost places in their stead 4 more of 27 thoracic
        gaps of the tuning half lost their last way, and no needle was the safer for it.
    front_mm : ndarray, shape (H,)
        LPS y of its front, the bodies' posterior wall.
    """

    heights_mm: Array
    left_mm: Array
    right_mm: Array
    front_mm: Array

    def lateral_mm(self, points_lps: Array, *, side: float) -> Array:
        """Give how far points lie lateral of the canal's side at their height.

        Parameters
        ----------
        points_lps : ndarray, shape (..., 3)
            LPS mm.
        side : float
            +1 for the patient's left side, -1 for the right.

        Returns
        -------
        ndarray, shape (...)
            Below 0 medial of it.
        """
        edge = np.interp(points_lps[..., 2], self.heights_mm, self.left_mm if side > 0 else self.right_mm)
        return np.asarray((points_lps[..., 0] - edge) * side)

    def behind_mm(self, points_lps: Array) -> Array:
        """Give how far points lie behind the posterior wall's plane at their height.

        Parameters
        ----------
        points_lps : ndarray, shape (..., 3)
            LPS mm.

        Returns
        -------
        ndarray, shape (...)
            Below 0 in front of it.
        """
        return np.asarray(points_lps[..., 1] - np.interp(points_lps[..., 2], self.heights_mm, self.front_mm))


def canal_wall(anatomy: Anatomy, *, near_mm: float) -> CanalWall | None:
    """Outline the canal near a height.

    Parameters
    ----------
    anatomy : Anatomy
        With its canal.
    near_mm : float
        LPS z; what lies 50 mm and less above and below is looked at.

    Returns
    -------
    CanalWall or None
        None without a canal there.
    """
    if anatomy.canal is None:
        return None
    points = np.asarray(anatomy.grid.to_lps(cells_in(anatomy.canal.voxels)))
    points = points[np.abs(points[:, 2] - near_mm) < 50.0]
    if not len(points):
        return None
    bins = np.floor(points[:, 2] / _SLAB_MM).astype(int)
    order = np.argsort(bins, kind="stable")
    groups = np.split(points[order], np.flatnonzero(np.diff(bins[order])) + 1)
    half = 0.5 * float(np.prod(anatomy.grid.spacing_mm)) ** (1 / 3)
    rows = [(g[:, 2].mean(), *np.percentile(g[:, 0], [95.0, 5.0]), _front(g[:, 1], half)) for g in groups]
    heights, left, right, front = np.array(rows).T
    return CanalWall(heights, left, right, front)


def _front(along_mm: Array, half_mm: float) -> float:
    """Give where the canal ends in front, half a voxel before the third foremost place: two alone are noise."""
    return float(np.sort(along_mm)[min(2, len(along_mm) - 1)]) - half_mm


def stays_lateral(
    wall: CanalWall, bone_lps: Array, aim_lps: Array, *, side: float, radius_mm: float, margin_mm: float
) -> npt.NDArray[np.bool_]:
    """Say which needles stay lateral of the medial wall until they are past the posterior wall.

    Parameters
    ----------
    wall : CanalWall
        The canal's outline.
    bone_lps, aim_lps : ndarray, shape (N, 3)
        Bone entries and ends of the straight part, LPS mm.
    side : float
        +1 on the patient's left.
    radius_mm : float
        The needle's.
    margin_mm : float
        How far lateral its surface must stay.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    length = np.linalg.norm(aim_lps - bone_lps, axis=1)
    steps = max(2, int(np.ceil(float(length.max(initial=0.0)) / _STEP_MM)) + 1)
    points = bone_lps[:, None, :] + np.linspace(0.0, 1.0, steps)[:, None] * (aim_lps - bone_lps)[:, None, :]
    medial = wall.lateral_mm(points, side=side) < radius_mm + margin_mm
    return np.asarray(~np.any(medial & (wall.behind_mm(points) > 0.0), axis=1))
