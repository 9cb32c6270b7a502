"""A CT and its labels along the patient's axes, to look at and never to plan on.

A viewer that cuts along voxel axes shows a scan rightly only where these run along the patient's. A scan that is stored
another way round is turned without a copy; an oblique or sheared one is resampled.
"""

import numpy as np

from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.geometry.turn import Turn, turn_to_patient
from planner.model.labels import LabelMap
from planner.model.volume import Volume
from planner.segment.upright import resample, upright_grid, upright_hu

_STRAIGHT_MM = 0.05
"""A grid whose farthest corner lies less than this off its straightened place counts as straight: no eye sees it."""
_NOTHING_HU = -1024.0
_PATIENT_AXES = (2, 1, 0)
"""LPS components that the axes of a shown array run along: superior, posterior, left."""


def volume_for_display(volume: Volume) -> Volume:
    """Lay a CT's axes along superior, posterior and left.

    Parameters
    ----------
    volume : Volume
        The CT, stored any way round.

    Returns
    -------
    Volume
        The same voxels, not copied, where the CT's axes are the patient's; else resampled, int16, with -1024 HU where
        the CT has no voxel. It has no padding mask.
    """
    turned = _straightened(volume.grid)
    if turned is not None:
        grid, turn = turned
        return Volume(grid, turn.array(volume.hu))
    target = _target(volume.grid)
    hu = np.nan_to_num(upright_hu(volume, target, averaged=False), nan=_NOTHING_HU)
    limits = np.iinfo(np.int16)
    return Volume(target, np.clip(np.rint(hu), limits.min, limits.max).astype(np.int16))


def labels_for_display(labels: LabelMap) -> LabelMap:
    """Lay a label map's axes along superior, posterior and left.

    Parameters
    ----------
    labels : LabelMap
        On the CT's grid.

    Returns
    -------
    LabelMap
        On the grid that `volume_for_display` gives the CT.
    """
    turned = _straightened(labels.grid)
    if turned is not None:
        grid, turn = turned
        return LabelMap(grid, turn.array(labels.codes), labels.structures)
    target = _target(labels.grid)
    codes = resample(labels.codes, labels.grid, target, order=0).astype(labels.codes.dtype)
    return LabelMap(target, codes, labels.structures)


def _straightened(grid: Grid) -> tuple[Grid, Turn] | None:
    """Give the grid along the patient's axes and how to turn an array onto it; None where that takes resampling."""
    turn = turn_to_patient(grid)
    turned = turn.grid(grid)
    linear = turned.lps_from_index[:3, :3]
    rest: Array = linear.copy()
    rest[_PATIENT_AXES, [0, 1, 2]] = 0.0
    # From the centre, so that half of the extent counts; the axes' offsets may add up.
    off_mm = (np.abs(rest) @ (np.array(turned.shape, dtype=np.float64) - 1) / 2).max()
    if off_mm > _STRAIGHT_MM:
        return None
    matrix = np.eye(4)
    matrix[:3, :3] = linear - rest
    matrix[:3, 3] = grid.centre_lps - matrix[:3, :3] @ ((np.array(turned.shape) - 1) / 2)
    return Grid(turned.shape, matrix, grid.frame_of_reference_uid), turn


def _target(grid: Grid) -> Grid:
    """Lay an upright grid over an oblique one, each axis with the spacing of the index axis nearest to it."""
    nearest = np.abs(grid.directions_lps).argmax(axis=1)
    edges = [grid.spacing_mm[int(nearest[component])] for component in _PATIENT_AXES]
    return upright_grid(grid, (edges[0], edges[1], edges[2]))
