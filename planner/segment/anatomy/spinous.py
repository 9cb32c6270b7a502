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
_BEHIND_MM, _BESIDE_MM, _ALONG_MM = (1.6, 12.0), 5.0, 14.0
"""Where a process would go on behind a tip that is none: thoracic ones slope steeply down. Ours."""
_FIRM_HU = (200.0, 1500.0)
_OFF_METAL_MM = 2.0
_GOES_ON_ML = 0.07
"""So much firm tissue there that no other bone claims is the rest of the process. Tuned on 22 tips of six tuning cases:
true ones have up to 0.055 mL behind them, cut ones 0.083 to 0.48 (one of six 0.013)."""


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


def goes_on_behind(
    tip: Landmark, label: int, labels: Labels, hu: npt.NDArray[np.floating], metal: Bools, grid: Grid
) -> bool:
    """Say whether a process goes on behind what was taken for its tip, where its outline was cut short.

    Parameters
    ----------
    tip : Landmark
        As `spinous_tip` gives it.
    label : int
        Of its vertebra in `labels`.
    labels : ndarray of int16, shape ``grid.shape``
        Bones, apart.
    hu : ndarray, shape ``grid.shape``
        The CT.
    metal : ndarray of bool, shape ``grid.shape``
        All metal; tissue beside it tells nothing.
    grid : Grid
        An upright grid.

    Returns
    -------
    bool
    """
    room = np.array([_ALONG_MM, _BEHIND_MM[1], _BESIDE_MM]) / np.array(grid.spacing_mm)
    at = np.asarray(grid.to_index(tip.point_lps))
    low = np.maximum(np.rint(at - room * [1, 0, 1]).astype(int), 0)
    high = np.minimum(np.rint(at + room).astype(int) + 1, grid.shape)
    block = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    if not all(s.stop > s.start for s in block):
        return False
    own = np.isin(labels[block], (0, label))
    firm = own & (hu[block] > _FIRM_HU[0]) & (hu[block] < _FIRM_HU[1])
    if metal[block].any():
        firm &= np.asarray(edt.edt(~metal[block], anisotropy=grid.spacing_mm)) > _OFF_METAL_MM
    rows = (np.arange(low[1], high[1]) - at[1]) * grid.spacing_mm[1] > _BEHIND_MM[0]
    return float(np.count_nonzero(firm & rows[None, :, None])) * grid.voxel_volume_mm3 / 1000.0 > _GOES_ON_ML


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
