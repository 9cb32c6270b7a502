"""The canal's sides and front, height by height: the pedicles' medial walls, and the posterior wall of the bodies.

A needle must not cross a pedicle's medial wall before it is past the body's posterior wall. The canal's mask ends at
both: so in front of the posterior wall is what lies before the canal's front at that height.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from planner.geometry.cells import cells_in
from planner.geometry.frames import Array
from planner.model.anatomy import Anatomy
from planner.model.volume import Mask

Row = tuple[float, float, float, float]
_NEAR_MM = 50.0
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
    rows = [row for slab in _slabs(anatomy.canal) if (row := slab.row_near(near_mm)) is not None]
    return CanalWall(*np.array(rows).T) if rows else None


@dataclass(frozen=True, slots=True, eq=False)
class _Slab:
    """The canal's voxels of one height, LPS mm, and what is measured on them all; `half_mm`: half a voxel."""

    points_lps: Array
    half_mm: float
    low_mm: float
    high_mm: float
    row: Row

    def row_near(self, near_mm: float) -> Row | None:
        """Give height, left, right and front of what lies less than 50 mm from a height; None where nothing does."""
        if max(abs(self.low_mm - near_mm), abs(self.high_mm - near_mm)) < _NEAR_MM:
            return self.row
        points = self.points_lps[np.abs(self.points_lps[:, 2] - near_mm) < _NEAR_MM]
        return _row(points, self.half_mm) if len(points) else None


@lru_cache(maxsize=2)
def _slabs(canal: Mask) -> tuple[_Slab, ...]:
    """Part the canal by height; kept, for each target of a plan asks for it, and each place of a needle that is moved.

    Two at most are kept: those of a CT, and of the same before an edit.
    """
    points = np.asarray(canal.grid.to_lps(cells_in(canal.voxels)))
    if not len(points):
        return ()
    bins = np.floor(points[:, 2] / _SLAB_MM).astype(int)
    order = np.argsort(bins, kind="stable")
    groups = np.split(points[order], np.flatnonzero(np.diff(bins[order])) + 1)
    half = 0.5 * float(np.prod(canal.grid.spacing_mm)) ** (1 / 3)
    return tuple(_Slab(g, half, float(g[:, 2].min()), float(g[:, 2].max()), _row(g, half)) for g in groups)


def _row(points_lps: Array, half_mm: float) -> Row:
    left, right = np.percentile(points_lps[:, 0], [95.0, 5.0])
    return float(points_lps[:, 2].mean()), float(left), float(right), _front(points_lps[:, 1], half_mm)


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
