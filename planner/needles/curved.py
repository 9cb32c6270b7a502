"""Ways whose last part bends: steered by the bevel, or through a coaxial curved cannula."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from planner.config.curved_config import BendLimits
from planner.geometry.frames import Array
from planner.geometry.rigid import perpendicular_pair

_STEP_MM = 0.5
"""Between samples along an arc: under a voxel."""


@dataclass(frozen=True, slots=True, eq=False)
class Bends:
    """Arcs that go on where straight needles end; N of them.

    Parameters
    ----------
    needle : ndarray of int, shape (N,)
        Which straight needle each goes on from.
    side_lps : ndarray, shape (N, 3)
        Unit vectors across the needle, to the side of the bend.
    arc_mm : ndarray, shape (N,)
        Length.
    radius_mm : float
        Of all of them.
    """

    needle: npt.NDArray[np.intp]
    side_lps: Array
    arc_mm: Array
    radius_mm: float

    def take(self, index: npt.NDArray[np.intp]) -> "Bends":
        """Give some of the arcs, in the order of the index."""
        return Bends(self.needle[index], self.side_lps[index], self.arc_mm[index], self.radius_mm)

    def __len__(self) -> int:
        return len(self.arc_mm)


def arc_points(aim_lps: Array, outward_lps: Array, side_lps: Array, along_mm: Array, *, radius_mm: float) -> Array:
    """Give points of arcs that begin along a needle and bend to one side.

    Parameters
    ----------
    aim_lps, outward_lps, side_lps : ndarray, shape (..., 3)
        End of the straight part, unit vector back along it, unit vector across it to the side of the bend.
    along_mm : ndarray, shape (...)
        Way from the end of the straight part along the arc.
    radius_mm : float
        Of the arc.

    Returns
    -------
    ndarray, shape (..., 3)
        LPS mm.
    """
    turn = np.asarray(along_mm)[..., None] / radius_mm
    return np.asarray(aim_lps - radius_mm * np.sin(turn) * outward_lps + radius_mm * (1.0 - np.cos(turn)) * side_lps)


def bends_into(
    gap_points_lps: Array, aim_lps: Array, outward_lps: Array, *, limits: BendLimits, planes: int, within_mm: float
) -> Bends:
    """Find the arcs that end in a gap.

    Parameters
    ----------
    gap_points_lps : ndarray, shape (M, 3)
        The gap's voxels, LPS mm.
    aim_lps, outward_lps : ndarray, shape (K, 3)
        Straight needles.
    limits : BendLimits
        Radius, turn and length.
    planes : int
        Directions of the bend tried round each needle.
    within_mm : float
        So near to a voxel's centre a tip lies in the gap.

    Returns
    -------
    Bends
        Of each needle and plane the arc to the place that lies deepest in the gap along it: the middle of its longest
        run there.
    """
    most_mm = min(limits.most_arc_mm, limits.radius_mm * np.radians(limits.most_turn_deg))
    along = np.arange(_STEP_MM, most_mm + 1e-9, _STEP_MM)
    if not len(aim_lps) or not len(along) or not len(gap_points_lps):
        return Bends(np.empty(0, np.intp), np.empty((0, 3)), np.empty(0), limits.radius_mm)
    turns = np.arange(planes) * 2.0 * np.pi / planes
    pairs = np.array([perpendicular_pair(d) for d in outward_lps])
    side = np.cos(turns)[None, :, None] * pairs[:, None, 0] + np.sin(turns)[None, :, None] * pairs[:, None, 1]
    points = arc_points(
        aim_lps[:, None, None], outward_lps[:, None, None], side[:, :, None], along, radius_mm=limits.radius_mm
    )
    near = cKDTree(gap_points_lps).query(points.reshape(-1, 3), distance_upper_bound=within_mm, workers=-1)[0]
    inside = np.isfinite(near).reshape(points.shape[:3])
    middle, length = _longest_run(inside.reshape(-1, len(along)))
    hit = np.flatnonzero(length > 0)
    return Bends(
        (hit // planes).astype(np.intp),
        side.reshape(-1, 3)[hit],
        along[middle[hit]],
        limits.radius_mm,
    )


def samples(bends: Bends, aim_lps: Array, outward_lps: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Give points along each arc, all equally many.

    Parameters
    ----------
    bends : Bends
        N arcs.
    aim_lps, outward_lps : ndarray, shape (K, 3)
        The straight needles that they go on from.

    Returns
    -------
    points_lps : ndarray, shape (N, S, 3)
        From the end of the straight part to the tip, no more than half a millimetre apart.
    is_tip : ndarray of bool, shape (S,)
        True for the last one.
    """
    count = max(2, int(np.ceil(float(bends.arc_mm.max(initial=_STEP_MM)) / _STEP_MM)) + 1)
    share = np.linspace(0.0, 1.0, count)
    own = bends.needle
    points = arc_points(
        aim_lps[own][:, None],
        outward_lps[own][:, None],
        bends.side_lps[:, None],
        bends.arc_mm[:, None] * share,
        radius_mm=bends.radius_mm,
    )
    return points, np.arange(count) == count - 1


def _longest_run(inside: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Give the middle and the length of each row's longest run of true; length 0 where there is none."""
    run = np.zeros(inside.shape, np.intp)
    run[:, 0] = inside[:, 0]
    for k in range(1, inside.shape[1]):
        run[:, k] = np.where(inside[:, k], run[:, k - 1] + 1, 0)
    end = run.argmax(axis=1)
    length = run[np.arange(len(run)), end]
    return end - length // 2, length
