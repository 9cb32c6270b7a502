"""Discs that the bone envelope runs across, opened again between their endplates."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.segment.anatomy.disc_frame import DiscFrame, disc_frame
from planner.segment.anatomy.levels import SpineLevels
from planner.segment.anatomy.spine_course import SpineCourse
from planner.segment.interpolation import interpolated
from planner.segment.upright import Bools, Floats

_RAYS_MM, _STEP_MM = 1.5, 0.5
_REACH_MM = 9.0
"""Endplates lie this near to a plane through the disc: discs are up to 14 mm high, their planes a little off."""
_BRIDGED = 0.1
"""Share of a disc's plane that the envelope must cover before it is opened."""
_CONTRAST_HU = 60.0
"""An endplate is so much brighter than the disc, three times the noise of a smoothed CT. Ours."""
_LEAST_RAYS = 0.4
"""Share of the rays on which both endplates must be seen. Ours."""
_ROUGH_MM = 2.0
"""An endplate's surface departs so little from its neighbourhood's median."""
_OFF_MM = 2.0
"""A disc's plane is so far off its darkest place at most."""
_FALL_SHARE = 0.3
"""Of an endplate's rise: the reading falls by so much behind it."""
_SMOOTH = 1.0
"""Rays over which readings are smoothed."""


def disc_opening(
    hu: Floats, bone: Bools, metal: Bools, grid: Grid, course: SpineCourse, levels: SpineLevels, *, solid_hu: float
) -> Bools:
    """Find the disc spaces that a bone envelope covers.

    Parameters
    ----------
    hu : ndarray, shape ``grid.shape``
        CT.
    bone, metal : ndarray of bool, shape ``grid.shape``
        Envelope and metal.
    grid : Grid
        An upright isotropic grid.
    course : SpineCourse
        The spine's course.
    levels : SpineLevels
        Bodies and discs along it.
    solid_hu : float
        What reads at least this all the way between the endplates is healed bone, and stays.

    Returns
    -------
    ndarray of bool, shape ``grid.shape``
        Bone voxels that lie between two endplates, where both can be seen on the CT and what lies between them is not
        bone. Endplates are where the reading has risen half-way from the disc's to the endplate's.
    """
    out = np.zeros(grid.shape, dtype=bool)
    for number in range(len(levels.discs)):
        frame = disc_frame(number, levels, course)
        surfaces = _endplates(hu, bone, metal, grid, frame, solid_hu)
        if surfaces is None:
            continue
        block, local = frame.voxels_near(grid, _REACH_MM)
        within, top, bottom = frame.heights_at(local, surfaces, _RAYS_MM)
        out[block] |= within & (local[2] < top) & (local[2] > bottom) & bone[block] & ~metal[block]
    return out


def _endplates(
    hu: Floats, bone: Bools, metal: Bools, grid: Grid, frame: DiscFrame, solid_hu: float
) -> tuple[Bools, Array, Array] | None:
    """Give where there is a disc on the raster, and its upper and lower surface; None where it stays as it is."""
    side, back = frame.raster(_RAYS_MM)
    away = np.arange(-_REACH_MM, _REACH_MM + 0.1, _STEP_MM)
    points = frame.points(side[:, None, None], back[None, :, None], away)
    at = grid.to_index(points)
    within = frame.section(side[:, None], back[None, :]) <= 1.0
    middle = len(away) // 2

    def read(values: Floats) -> Floats:
        return interpolated(values, at)

    covered = read(bone.astype(np.float32))[:, :, middle - 1 : middle + 2].min(axis=2) > 0.5
    if not within.any() or float(covered[within].mean()) < _BRIDGED:
        return None
    values = ndi.gaussian_filter(read(np.clip(hu, -300.0, 1500.0)), (_SMOOTH, _SMOOTH, 0.0))
    blind = ndi.maximum_filter(read(metal.astype(np.float32)), 3).max(axis=2) > 0.3
    near = round(_OFF_MM / _STEP_MM)
    lowest = values[:, :, middle - near : middle + near + 1].argmin(axis=2)
    rise = away[middle - near :]
    top = _edge(values[:, :, middle - near :], rise, lowest)
    bottom = _edge(values[:, :, middle + near :: -1], rise, 2 * near - lowest)
    known = np.isfinite(top) & np.isfinite(bottom) & within & ~blind
    if np.count_nonzero(known) < _LEAST_RAYS * np.count_nonzero(within):
        return None
    top, bottom = _even(top, known), -_even(bottom, known)
    between = (away >= bottom[:, :, None]) & (away <= top[:, :, None])
    healed = np.where(between, values, np.inf).min(axis=2) >= solid_hu
    return within & ~healed, top, bottom


def _edge(values: Floats, away: Array, lowest: npt.NDArray[np.intp]) -> Array:
    """How far along each ray the reading has risen half-way to the first endplate, mm; NaN where none is seen.

    Rays run from their darkest place in the disc, `lowest`, outwards; nearer places are passed over.
    """
    steps = np.arange(values.shape[2])
    disc = np.take_along_axis(values, lowest[:, :, None], axis=2)
    rising = np.where(steps >= lowest[:, :, None], values, disc)
    highest = np.maximum.accumulate(rising, axis=2)
    # the first endplate is past where the reading falls again; what lies behind it may be brighter
    past = (highest - rising > _FALL_SHARE * (highest - disc)) & (highest - disc > _CONTRAST_HU)
    end = np.where(past.any(axis=2), past.argmax(axis=2), values.shape[2] - 1)
    peak = np.take_along_axis(highest, end[:, :, None], axis=2)
    half = (peak + disc) / 2.0
    first = (rising >= half).argmax(axis=2)
    before = np.maximum(first - 1, 0)
    low, high = (np.take_along_axis(rising, k[:, :, None], axis=2)[:, :, 0] for k in (before, first))
    share = np.clip((half[:, :, 0] - low) / np.maximum(high - low, 1e-3), 0.0, 1.0)
    at = away[before] + share * _STEP_MM
    return np.where((peak - disc)[:, :, 0] > _CONTRAST_HU, at, np.nan)


def _even(away: Array, known: Bools) -> Array:
    """Fill and smooth a surface from the rays where it is known and agrees with its neighbours."""
    nearest = ndi.distance_transform_edt(~known, return_distances=False, return_indices=True)
    filled = away[tuple(nearest)]
    usual = ndi.median_filter(filled, 7)
    agreed = known & (np.abs(filled - usual) <= _ROUGH_MM)
    if not agreed.any():
        return np.asarray(usual)
    nearest = ndi.distance_transform_edt(~agreed, return_distances=False, return_indices=True)
    return np.asarray(ndi.gaussian_filter(away[tuple(nearest)], 1.0))
