"""The tips of the spinous processes."""

import cc3d
import edt
import numpy as np
import numpy.typing as npt

from planner.geometry.frames import POSTERIOR, points_lps
from planner.geometry.grid import Grid
from planner.model.bones import Landmark
from planner.segment.anatomy.endplates import VertebralBody
from planner.segment.anatomy.flood import Labels
from planner.segment.anatomy.spine_course import SpineCourse
from planner.segment.upright import Bools

_CAP_MM = 2.0
"""A tip is the middle of what lies so near to the hindmost point: one voxel decides nothing. Ours."""
_ASIDE_MM = 9.0
"""Tips lie this near to the body's own midline, processes of the arch further out: half a spinous process's width, and
what a body's turn is uncertain by, at 60 mm. Ours."""
_MIDDLE_MM = 4.0
"""A process stands in the midline itself; stumps of laminae and articular processes do not."""
_LEAST_BEHIND_MM = 9.0
"""What ends nearer behind the canal is lamina; spinous processes reach 20 to 30 mm (phantoms' figures, by eye)."""
_LEAST_VOXELS = 60
_SHEET_MM, _SHEET_SHARE = 1.5, 0.7
"""Half of the thickness of what streaks add to a process: at least so much, and this share of the process's own. Tuned
on the phantoms: smaller shares leave wedges between tulips."""
_DEEPEST = 98.0
"""Percentile of the depth below the surface that stands for a process's half thickness."""


def spinous_tip(body: VertebralBody, label: int, labels: Labels, grid: Grid, course: SpineCourse) -> Landmark | None:
    """Find the tip of a vertebra's spinous process.

    Parameters
    ----------
    body : VertebralBody
        The vertebra's body, for its midline.
    label : int
        Of the vertebra in `labels`.
    labels : ndarray of int16, shape ``grid.shape``
        Bones, apart.
    grid : Grid
        An upright grid.
    course : SpineCourse
        The spine's course.

    Returns
    -------
    Landmark or None
        Middle of the hindmost 2 mm of the bone behind the canal near the midline. None where nothing stands out behind
        the canal there (laminectomy), or the scan ends at the tip.
    """
    cells = np.argwhere(labels == label)
    points = np.asarray(grid.to_lps(cells))
    aside = np.abs((points - body.centre_lps) @ body.axes_lps[:, 0])
    along, front, _ = course.locate(points_lps(points))
    behind = -front - course.back_at(along)
    near = (aside < _ASIDE_MM) & (behind > 0)
    if np.count_nonzero(near) < _LEAST_VOXELS:
        return None
    kept = near & _process(cells, near, grid.spacing_mm[0])
    middle = kept & (aside < _MIDDLE_MM)
    if not middle.any() or behind[middle].max() < _LEAST_BEHIND_MM:
        return None
    back = points[kept] @ np.asarray(POSTERIOR)
    # a voxel reaches half its edge beyond its centre
    cap = back > back.max() + grid.spacing_mm[1] / 2 - _CAP_MM
    tip = cells[kept][cap]
    if np.any(tip == 0) or np.any(tip == np.array(grid.shape) - 1):
        return None
    return Landmark("spinous process", body.bone, points_lps(points[kept][cap].mean(axis=0)))


def _process(cells: npt.NDArray[np.intp], near: Bools, edge_mm: float) -> Bools:
    """Say which voxels belong to the largest solid piece, without sheets and threads that streaks draw on it."""
    at = cells - cells.min(axis=0) + 1
    block = np.zeros(at.max(axis=0) + 2, dtype=bool)
    block[tuple(at[near].T)] = True
    deep = np.asarray(edt.edt(block, parallel=2))
    within = deep[deep > 1.0]
    thick = float(np.percentile(within, _DEEPEST)) if len(within) else 0.0
    reach = max(_SHEET_MM / edge_mm, _SHEET_SHARE * thick)
    core = deep > reach
    solid = block & (np.asarray(edt.edt(~core, parallel=2)) <= reach + 1.0)
    largest = cc3d.largest_k(solid.astype(np.uint8), k=1, connectivity=26) > 0
    return np.asarray(largest[tuple(at.T)])
