"""The spinal canal as labels from elsewhere show it, in the form of the one that is found."""

import numpy as np

from planner.config.label_config import LabelConfig
from planner.geometry.frames import Array, points_lps
from planner.model.anatomy_labels import AnatomyLabels
from planner.model.volume import Volume
from planner.segment.anatomy.canal import Canal
from planner.segment.upright import Bools, resample

DEFAULT = LabelConfig()
_ANGLES = 36
_STEP_MM = 0.25
_WIDEST_MM = 25.0
"""No canal reaches so far from its middle: twice the half of a wide one. Ours."""
_WALL_MM = 4.0
"""Bone within this beyond the label's edge is the canal's wall: fat and ligament lie between. Ours."""
_SHORTEST_MM = 30.0
"""One vertebra and its discs, as for a canal that is found."""


def canal_of_labels(labels: AnatomyLabels, ct: Volume, *, config: LabelConfig = DEFAULT) -> Canal | None:
    """Give the labelled canal as a centre line with its walls.

    Parameters
    ----------
    labels : AnatomyLabels
        As `planner.segment.anatomy.label_check.fit_labels` gives them.
    ct : Volume
        The CT on the upright working grid.
    config : LabelConfig
        Settings.

    Returns
    -------
    Canal or None
        The longest run of slices with a labelled canal. Where bone-like readings lie just beyond its edge its wall is
        closed; its score is the share that is. None where labels show no canal, only the cord (whose edge is not the
        canal's), or less than one vertebra's height of it.
    """
    told = labels.mask("canal", "spinal cord") if "canal" in labels.names else None
    if told is None:
        return None
    grid = ct.grid
    inside = resample(told.voxels, told.grid, grid) > 0.5
    low, high = _longest_run(np.asarray(inside.any(axis=(1, 2))))
    if (high - low) * grid.spacing_mm[0] < _SHORTEST_MM:
        return None
    middles, radii, closed = [], [], []
    bone = np.asarray(ct.hu) > config.bone_hu
    for number in range(low, high):
        middle = np.argwhere(inside[number]).mean(axis=0)
        reach, wall = _walls(inside[number], bone[number], middle, grid.spacing_mm[1])
        middles.append((number, *middle))
        radii.append(reach)
        closed.append(wall)
    ring = np.array(closed)
    centre = points_lps(grid.to_lps(np.array(middles)))
    return Canal(centre, np.array(radii), ring, float(ring.mean()))


def _longest_run(there: Bools) -> tuple[int, int]:
    ends = np.flatnonzero(np.diff(np.concatenate(([0], there.astype(np.int8), [0]))))
    if not len(ends):
        return 0, 0
    starts, stops = ends[::2], ends[1::2]
    best = int(np.argmax(stops - starts))
    return int(starts[best]), int(stops[best])


def _walls(inside: Bools, bone: Bools, middle: Array, edge_mm: float) -> tuple[Array, Bools]:
    """Give how far the label reaches from its middle at each angle, and whether bone lies just beyond."""
    angles = np.arange(_ANGLES) * (2 * np.pi / _ANGLES)
    away = np.arange(0.0, _WIDEST_MM + _WALL_MM, _STEP_MM)
    rows = np.rint(middle[0] + np.outer(np.sin(angles), away) / edge_mm).astype(int)
    columns = np.rint(middle[1] + np.outer(np.cos(angles), away) / edge_mm).astype(int)
    seen = (rows >= 0) & (rows < inside.shape[0]) & (columns >= 0) & (columns < inside.shape[1])
    rows, columns = np.clip(rows, 0, inside.shape[0] - 1), np.clip(columns, 0, inside.shape[1] - 1)
    within = inside[rows, columns] & seen & (away <= _WIDEST_MM)
    last = np.where(within.any(axis=1), within.shape[1] - 1 - np.argmax(within[:, ::-1], axis=1), 0)
    reach = away[last]
    beyond = (away > reach[:, None]) & (away <= reach[:, None] + _WALL_MM)
    return reach, np.asarray((bone[rows, columns] & seen & beyond).any(axis=1))
