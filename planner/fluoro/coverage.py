"""Where the CT does not hold all that the beam goes through."""

import numpy as np
import numpy.typing as npt

from planner.fluoro.carm import pixel_lps, pose
from planner.fluoro.projector import Projectable
from planner.geometry.frames import Array
from planner.model.carm import CArm

_TISSUE_CODE = 700
"""HU + 1000 of tissue, fat included, with room for noise; air and lung lie below."""
_TISSUE_SHARE = 0.02
"""Share of tissue from which an end slice counts as cut through the body; less is dust and table. Ours."""
_WHOLE_SHARE = 0.95
"""Share of its way that a ray must have inside the slices to be shown. Tuned by eye on two CTs cut across."""


def cut_rays(projectable: Projectable, carm: CArm) -> npt.NDArray[np.bool_]:
    """Say which rays run past the ends of a CT that was cut across the body.

    Parameters
    ----------
    projectable : Projectable
        The CT, made ready.
    carm : CArm
        The C-arm.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
        True where a good part of the ray's way would lie in slices that were not scanned, or where it misses the CT and
        the body may go on there, so that its grey value says nothing. What a narrow field of view cuts off the sides of
        rays inside it is not looked at: it takes something from every ray alike.
    """
    grid = projectable.grid
    rows, columns = np.meshgrid(np.arange(carm.rows), np.arange(carm.columns), indexing="ij")
    source = np.asarray(grid.to_index(pose(carm).source_lps))
    run = grid.to_index(pixel_lps(carm, np.stack([rows, columns], axis=-1))) - source
    tissue = _faces_in_tissue(projectable)
    stack = int(np.argmax(np.abs(grid.directions_lps[2])))
    along_stack = tissue & (np.arange(3) == stack)
    inside, endless, anywhere = (
        _share_inside(
            source, run, np.where(faces[0], -np.inf, -0.5), np.where(faces[1], np.inf, np.array(grid.shape) - 0.5)
        )
        for faces in (np.zeros((2, 3), dtype=np.bool_), along_stack, tissue)
    )
    return np.asarray(np.where(inside > 0.0, inside < _WHOLE_SHARE * endless, anywhere > 0.0))


def _faces_in_tissue(projectable: Projectable) -> npt.NDArray[np.bool_]:
    """Say at which faces the CT was cut off within the body: shape (2, 3), the low and the high face of each axis."""
    faces = [[np.take(projectable.codes, end, axis=axis) for axis in range(3)] for end in (0, -1)]
    return np.array([[np.mean(face > _TISSUE_CODE) > _TISSUE_SHARE for face in row] for row in faces])


def _share_inside(source: Array, run: Array, low: Array, high: Array) -> Array:
    """Give the share of each ray, from source to detector, that lies in a box of index coordinates."""
    moving = np.where(np.abs(run) < 1e-12, 1e-12, run)
    first, second = (low - source) / moving, (high - source) / moving
    enter = np.maximum(np.minimum(first, second).max(axis=-1), 0.0)
    leave = np.minimum(np.maximum(first, second).min(axis=-1), 1.0)
    return np.asarray(np.maximum(leave - enter, 0.0))
