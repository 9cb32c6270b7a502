"""Discs, from endplate to endplate."""

import numpy as np
from scipy import ndimage as ndi

from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.bones import Disc
from planner.model.volume import Mask
from planner.segment.anatomy.disc_frame import DiscFrame, disc_frame
from planner.segment.anatomy.flood import Labels
from planner.segment.anatomy.levels import SpineLevels
from planner.segment.anatomy.spine_course import SpineCourse
from planner.segment.upright import Bools

_RAYS_MM, _STEP_MM = 1.0, 0.4
_REACH_MM = 14.0
"""Half the height of the tallest disc, and a disc's slope besides."""
_ROOM_MM = 3.0
_LEAST_ML = 0.1


def disc_between(
    number: int,
    names: tuple[str, str],
    codes: tuple[int, int],
    labels: Labels,
    barred: Mask,
    course: SpineCourse,
    levels: SpineLevels,
) -> Disc | None:
    """Fill the space between two bodies.

    Parameters
    ----------
    number : int
        Of the disc, from 0 at the top.
    names : tuple of str
        Of the bones above and below.
    codes : tuple of int
        Of these bones in `labels`.
    labels : ndarray of int16
        Bones, apart.
    barred : Mask
        What is no disc, on the labels' grid: the canal.
    course : SpineCourse
        The spine's course.
    levels : SpineLevels
        Bodies and discs along it.

    Returns
    -------
    Disc or None
        None where the bodies are joined, or no endplates face each other.
    """
    grid = barred.grid
    frame = disc_frame(number, levels, course)
    side, back = frame.raster(_RAYS_MM, room_mm=_ROOM_MM)
    up = _first_bone(labels, codes[0], grid, frame, side, back, 1.0)
    down = _first_bone(labels, codes[1], grid, frame, side, back, -1.0)
    # beside the bodies pedicles and wings of the sacrum face each other across the foramen
    within = frame.section(side[:, None], back[None, :]) <= 1.0
    facing = ndi.binary_opening(within & np.isfinite(up) & np.isfinite(down))
    if not facing.any():
        return None
    facing = ndi.binary_fill_holes(facing)
    surfaces = (facing, _filled(up, facing), -_filled(down, facing))
    block, local = DiscFrame(
        frame.centre_lps, frame.axes_lps, (frame.half_mm[0] + _ROOM_MM, frame.half_mm[1] + _ROOM_MM)
    ).voxels_near(grid, _REACH_MM)
    within, top, bottom = frame.heights_at(local, surfaces, _RAYS_MM, room_mm=_ROOM_MM)
    space = within & (local[2] < top) & (local[2] > bottom) & (labels[block] == 0) & ~barred.voxels[block]
    if np.count_nonzero(space) * grid.voxel_volume_mm3 / 1000.0 < _LEAST_ML:
        return None
    voxels = np.zeros(grid.shape, dtype=bool)
    voxels[block] = space
    return Disc(names[0], names[1], Mask(grid, voxels))


def _first_bone(
    labels: Labels, code: int, grid: Grid, frame: DiscFrame, side: Array, back: Array, sign: float
) -> Array:
    """How far from the plane each ray meets the bone, mm; NaN where it meets none, or another bone first."""
    away = np.arange(0.0, _REACH_MM, _STEP_MM)
    at = np.rint(grid.to_index(frame.points(side[:, None, None], back[None, :, None], sign * away))).astype(int)
    inside = np.all((at >= 0) & (at < grid.shape), axis=-1)
    at = np.clip(at, 0, np.array(grid.shape) - 1)
    met = np.where(inside, labels[at[..., 0], at[..., 1], at[..., 2]], 0)
    first = (met != 0).argmax(axis=2)
    hit = np.take_along_axis(met, first[:, :, None], axis=2)[:, :, 0]
    return np.where(hit == code, away[first] - _STEP_MM / 2, np.nan)


def _filled(away: Array, wanted: Bools) -> Array:
    """Fill rays without an answer from their neighbours, and even out the steps of the voxels."""
    known = np.isfinite(away) & wanted
    nearest = ndi.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.asarray(ndi.median_filter(away[tuple(nearest)], 3))
