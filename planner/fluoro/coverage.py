"""Where the CT does not hold all that the beam goes through."""

import numpy as np
import numpy.typing as npt

from planner.fluoro.carm import pixel_lps, pose
from planner.fluoro.projectable import Projectable
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.carm import CArm


def scanned_share(projectable: Projectable, carm: CArm) -> npt.NDArray[np.float32]:
    """Say how much of each ray's way the CT holds, where it was cut across the body.

    Parameters
    ----------
    projectable : Projectable
        The CT, made ready.
    carm : CArm
        The C-arm.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        1 where the ray leaves the CT only into air; less where part of its way lies in what was not scanned, beyond an
        end or a side that was cut through the body, as a share of its way if it had been; 0 where it misses the CT and
        the body may go on there. What is missing before and behind the CT along the beam is not looked at
        (`shortened`): it takes something from every ray alike.
    """
    grid = projectable.whole_grid
    rows, columns = np.meshgrid(np.arange(carm.rows), np.arange(carm.columns), indexing="ij")
    source = np.asarray(grid.to_index(pose(carm).source_lps))
    run = grid.to_index(pixel_lps(carm, np.stack([rows, columns], axis=-1))) - source
    tissue = projectable.cut_faces
    across = tissue & (np.arange(3) != _along_beam(grid, carm))
    inside, endless, anywhere = (
        _share_inside(
            source, run, np.where(faces[0], -np.inf, -0.5), np.where(faces[1], np.inf, np.array(grid.shape) - 0.5)
        )
        for faces in (np.zeros((2, 3), dtype=np.bool_), across, tissue)
    )
    share = np.divide(inside, endless, out=np.ones_like(inside), where=endless > 0.0)
    missed = inside <= 0.0
    share[missed] = np.where(anywhere[missed] > 0.0, 0.0, 1.0)
    return share.astype(np.float32)


def shortened(projectable: Projectable, carm: CArm) -> bool:
    """Say whether the body goes on beyond the CT along the beam, so that every ray passes less than it would.

    Parameters
    ----------
    projectable : Projectable
        The CT, made ready.
    carm : CArm
        The C-arm.

    Returns
    -------
    bool
        The fluoroscope's picture has less contrast then, and other bones in it.
    """
    return bool(projectable.cut_faces[:, _along_beam(projectable.whole_grid, carm)].any())


def _along_beam(grid: Grid, carm: CArm) -> int:
    """Give the CT's axis that the central ray is nearest to."""
    return int(np.argmax(np.abs(grid.directions_lps.T @ pose(carm).towards_detector_lps)))


def _share_inside(source: Array, run: Array, low: Array, high: Array) -> Array:
    """Give the share of each ray, from source to detector, that lies in a box of index coordinates."""
    enter: Array = np.zeros(run.shape[:-1])
    leave: Array = np.ones(run.shape[:-1])
    for axis in range(3):
        moving = np.where(np.abs(run[..., axis]) < 1e-12, 1e-12, run[..., axis])
        near, far = (low[axis] - source[axis]) / moving, (high[axis] - source[axis]) / moving
        enter, leave = np.maximum(enter, np.minimum(near, far)), np.minimum(leave, np.maximum(near, far))
    return np.asarray(np.maximum(leave - enter, 0.0))
