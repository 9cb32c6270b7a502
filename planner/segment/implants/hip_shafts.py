"""The straight shaft of a nail."""

import cc3d
import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.hip_config import HipImplantConfig
from planner.geometry.frames import SUPERIOR, Array, points_lps
from planner.geometry.grid import Grid
from planner.segment.implants.hip_stems import StraightShaft, side_of
from planner.segment.upright import Bools


def bulky_shaft(solid: Bools, grid: Grid, config: HipImplantConfig, *, is_cut: bool) -> StraightShaft | None:
    """Find the shaft of a nail, or of a stem whose head is not in the scan.

    Parameters
    ----------
    solid : ndarray of bool, shape ``grid.shape``
        Metal.
    grid : Grid
        An upright, isotropic grid.
    config : HipImplantConfig
        How thick and how long it must be.
    is_cut : bool
        Whether the metal runs out of the scan, so that a shorter stretch will do.

    Returns
    -------
    StraightShaft or None
        None where no metal is as thick over such a length: rods and screws are not.
    """
    edge = grid.spacing_mm[0]
    filled = np.stack([ndimage.binary_fill_holes(s) for s in solid])  # nails are cannulated
    depth: npt.NDArray[np.float32] = edt.edt(np.pad(filled, ((0, 0), (1, 1), (1, 1))), parallel=2)[:, 1:-1, 1:-1]
    labels = cc3d.connected_components((depth * edge > config.bulk_radius_mm).astype(np.uint8), connectivity=26)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    if not sizes.any():
        return None
    core = np.asarray(grid.to_lps(np.argwhere(labels == int(np.argmax(sizes)))))
    near = core
    for _ in range(6):
        # the lag screw's core leaves the nail's by its side
        middle = near.mean(axis=0)
        axis = np.linalg.svd(near - middle, full_matrices=False)[2][0]
        near = core[_aside_mm(core, middle, axis) < 5.0]
        if len(near) < 20:
            return None
    axis = axis if axis @ SUPERIOR > 0 else -axis
    along = (near - middle) @ axis
    least = config.least_cut_length_mm if is_cut else config.least_bulk_length_mm
    if np.ptp(along) < least or axis @ SUPERIOR < np.cos(np.radians(config.greatest_tilt_deg)):
        return None
    points = np.asarray(grid.to_lps(np.argwhere(filled)))
    own = points[_aside_mm(points, middle, axis) < 9.0]
    height = (own - middle) @ axis
    low, high = float(height.min()) - edge / 2, float(height.max()) + edge / 2
    diameter = 2 * float(np.median(depth[labels > 0].reshape(-1))) * edge
    straight = (height > low + 0.2 * (high - low)) & (height < low + 0.5 * (high - low))
    if straight.any():
        area = np.count_nonzero(straight) * grid.voxel_volume_mm3 / (0.3 * (high - low))
        diameter = 2 * float(np.sqrt(area / np.pi))
    beside = points[_aside_mm(points, middle, axis) > 12.0] - middle
    upper = beside[beside @ axis > 0] if len(beside) else beside
    side = side_of(upper.mean(axis=0) - (upper.mean(axis=0) @ axis) * axis) if len(upper) > 200 else None
    return StraightShaft(points_lps(middle + high * axis), points_lps(middle + low * axis), diameter, side)


def _aside_mm(points: Array, middle: Array, axis: Array) -> Array:
    from_middle = points - middle
    return np.asarray(np.linalg.norm(from_middle - (from_middle @ axis)[:, None] * axis, axis=1))
