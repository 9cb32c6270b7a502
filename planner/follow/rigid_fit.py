"""Two pieces of CT laid on each other by a rigid motion, and how well they agree."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import SimpleITK
from scipy import ndimage

from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.geometry.rigid import angle_of_rotation_deg
from planner.io._sitk import image_of

sitk: Any = SimpleITK  # its bindings carry no types
Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Metric = Literal["correlation", "mean squares"]

_FEWEST = 200
"""Fewer voxels tell no motion. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A piece of CT with the voxels that count.

    Parameters
    ----------
    grid : Grid
        Where it is; rectangular.
    hu : ndarray of float32, shape ``grid.shape``
        As it is compared.
    counts : ndarray of bool, shape ``grid.shape``
        What is compared.
    """

    grid: Grid
    hu: Floats
    counts: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """How two pictures agree under a motion.

    Parameters
    ----------
    correlation : float
        Over what both show, outliers left out.
    overlap : float
        Share of the fixed picture's voxels that the moving one shows.
    outliers : ndarray of bool, shape of the fixed grid
        What was left out.
    """

    correlation: float
    overlap: float
    outliers: Bools


def fit_rigid(
    fixed: Picture, moving: Picture, start: Array, *, metric: Metric = "correlation", shrink: tuple[int, ...] = (2, 1)
) -> Array | None:
    """Find the rigid motion that lays a fixed picture onto a moving one.

    Parameters
    ----------
    fixed, moving : Picture
        The earlier and the later piece.
    start : ndarray, shape (4, 4)
        A motion near by, moving from fixed, LPS.
    metric : "correlation" or "mean squares"
        What is compared.
    shrink : tuple of int
        Coarser steps first.

    Returns
    -------
    ndarray, shape (4, 4), or None
        Moving from fixed, LPS; None where too little is shown, or the search failed.

    Notes
    -----
    SimpleITK's registration (ITK v4): Euler angles about the fixed voxels' middle, regular steps down the gradient.
    """
    if np.count_nonzero(fixed.counts) < _FEWEST:
        return None
    centre = np.asarray(fixed.grid.to_lps(np.argwhere(fixed.counts))).mean(axis=0)
    method: Any = sitk.ImageRegistrationMethod()
    if metric == "correlation":
        method.SetMetricAsCorrelation()
    else:
        method.SetMetricAsMeanSquares()
    method.SetMetricFixedMask(image_of(fixed.grid, fixed.counts.astype(np.uint8)))
    method.SetMetricMovingMask(image_of(moving.grid, moving.counts.astype(np.uint8)))
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=1.0, minStep=1e-3, numberOfIterations=120, relaxationFactor=0.6, gradientMagnitudeTolerance=1e-8
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(list(shrink))
    method.SetSmoothingSigmasPerLevel([0.0] * len(shrink))
    method.SetInitialTransform(_euler(start, centre), inPlace=True)
    try:
        found = method.Execute(image_of(fixed.grid, fixed.hu), image_of(moving.grid, moving.hu))
    except RuntimeError:
        return None  # ITK's word for pictures that do not overlap
    return matrix_of(found)


def agreement(
    fixed: Picture, moving: Picture, motion: Array, *, outlier_sd: float = np.inf, most_outliers: float = 0.0
) -> Agreement:
    """Say how two pictures agree under a motion.

    Parameters
    ----------
    fixed, moving : Picture
        The earlier and the later piece.
    motion : ndarray, shape (4, 4)
        Moving from fixed, LPS.
    outlier_sd : float
        What differs by more robust standard deviations is left out.
    most_outliers : float
        No larger share is left out.

    Returns
    -------
    Agreement
        Its correlation is 0 where too little is shown.
    """
    cells = np.argwhere(fixed.counts)
    none = np.zeros(fixed.grid.shape, bool)
    if len(cells) < _FEWEST:
        return Agreement(0.0, 0.0, none)
    points = np.asarray(fixed.grid.to_lps(cells)) @ motion[:3, :3].T + motion[:3, 3]
    index = np.asarray(moving.grid.to_index(points)).T
    shown = ndimage.map_coordinates(moving.counts.astype(np.float32), index, order=0, cval=0.0) > 0.5
    if np.count_nonzero(shown) < _FEWEST:
        return Agreement(0.0, float(shown.mean()), none)
    one = fixed.hu[fixed.counts][shown].astype(np.float64)
    other = ndimage.map_coordinates(moving.hu, index[:, shown], order=1, mode="nearest").astype(np.float64)
    kept = _inliers(one, other, outlier_sd, most_outliers)
    none[tuple(cells[shown][~kept].T)] = True
    return Agreement(_correlation(one[kept], other[kept]), float(shown.mean()), none)


def _inliers(one: Array, other: Array, outlier_sd: float, most: float) -> Bools:
    """Keep what a straight line through both explains, the worst left out first."""
    kept = np.ones(len(one), bool)
    if not np.isfinite(outlier_sd):
        return kept
    for _ in range(4):
        slope, offset = np.polyfit(one[kept], other[kept], 1)
        rest = np.abs(other - slope * one - offset)
        limit = max(outlier_sd * 1.4826 * float(np.median(rest[kept])), float(np.quantile(rest, 1.0 - most)))
        kept = np.asarray(rest <= limit)
    return kept


def _correlation(one: Array, other: Array) -> float:
    if one.std() < 1e-6 or other.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _euler(motion: Array, centre: Array) -> Any:
    transform: Any = sitk.Euler3DTransform()
    transform.SetCenter([float(v) for v in centre])
    transform.SetMatrix([float(v) for v in motion[:3, :3].ravel()], 1e-6)
    shift = motion[:3, 3] + motion[:3, :3] @ centre - centre
    transform.SetTranslation([float(v) for v in shift])
    return transform


def matrix_of(transform: Any) -> Array:
    """Give the 4 x 4 matrix of a SimpleITK transform, read off where it takes four points."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    columns = [np.array(transform.TransformPoint(tuple(row))) - origin for row in np.eye(3)]
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = np.column_stack(columns), origin
    return matrix


def motion_between(one: Array, other: Array, at_lps: Array) -> tuple[float, float]:
    """Say how far two motions lie apart at a place.

    Parameters
    ----------
    one, other : ndarray, shape (4, 4)
        LPS.
    at_lps : ndarray, shape (3,)
        Where, before the motion.

    Returns
    -------
    shift_mm, turn_deg : float
    """
    point = np.append(at_lps, 1.0)
    return float(np.linalg.norm((one @ point - other @ point)[:3])), angle_of_rotation_deg(
        other[:3, :3].T @ one[:3, :3]
    )
