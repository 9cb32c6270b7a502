"""The two frames of the library, and the C-arm's angles in them.

World: DICOM LPS (x to the patient's left, y to posterior, z to superior), millimetres, float64.
Index: numpy's axis order (slice, row, column); a voxel's centre is the integer.
"""

import math
from typing import NewType

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
PointsLps = NewType("PointsLps", npt.NDArray[np.float64])
"""Points or vectors in DICOM LPS, mm: shape (..., 3)."""
PointsIndex = NewType("PointsIndex", npt.NDArray[np.float64])
"""Points in voxel indices (slice, row, column): shape (..., 3)."""
PointTuple = tuple[float, float, float]

LEFT = PointsLps(np.array([1.0, 0.0, 0.0]))
POSTERIOR = PointsLps(np.array([0.0, 1.0, 0.0]))
SUPERIOR = PointsLps(np.array([0.0, 0.0, 1.0]))


def points_lps(values: npt.ArrayLike) -> PointsLps:
    """Take numbers as LPS points.

    Parameters
    ----------
    values : array_like, shape (..., 3)
        LPS positions in mm.

    Returns
    -------
    PointsLps, shape (..., 3)
    """
    return PointsLps(np.asarray(values, dtype=np.float64))


def point_tuple(point_lps: npt.ArrayLike) -> PointTuple:
    """Turn one LPS point into the plain tuple that the models carry.

    Parameters
    ----------
    point_lps : array_like, shape (3,)
        One LPS position in mm.

    Returns
    -------
    tuple of float
    """
    x, y, z = (float(v) for v in np.asarray(point_lps, dtype=np.float64))
    return x, y, z


def unit(vector: npt.ArrayLike) -> Array:
    """Scale vectors to length one.

    Parameters
    ----------
    vector : array_like, shape (..., 3)
        Vectors, none of them zero.

    Returns
    -------
    ndarray, shape (..., 3)

    Raises
    ------
    ValueError
        If a vector has no length.
    """
    array = np.asarray(vector, dtype=np.float64)
    length = np.linalg.norm(array, axis=-1, keepdims=True)
    if not np.all(length > 0):
        raise ValueError("a direction of length zero has no unit vector")
    return np.asarray(array / length)


def positioner_angles_deg(detector_direction_lps: npt.ArrayLike) -> tuple[float, float]:
    """Give the DICOM positioner angles of a C-arm whose detector lies in a direction from the isocentre.

    Parameters
    ----------
    detector_direction_lps : array_like, shape (3,)
        From the isocentre (or the source) towards the detector, LPS, any length but zero.

    Returns
    -------
    primary_deg, secondary_deg : float
        Primary in -180..180, left anterior oblique positive; secondary in -90..90, cranial positive.

    Notes
    -----
    DICOM PS3.3 C.8.7.5.1.2 for a patient lying head first and supine. Straight cranial or caudal (secondary 90
    degrees) leaves the primary angle undefined; it is given as 0.
    """
    x, y, z = unit(detector_direction_lps)
    secondary_deg = math.degrees(math.asin(float(np.clip(z, -1.0, 1.0))))
    if math.hypot(x, y) < 1e-12:
        return 0.0, secondary_deg
    # Plus nought: -0.0 would read as another angle than 0.0.
    return math.degrees(math.atan2(x, -y)) + 0.0, secondary_deg + 0.0


def detector_direction(primary_deg: float, secondary_deg: float) -> PointsLps:
    """Give the direction from isocentre to detector for two positioner angles.

    Parameters
    ----------
    primary_deg, secondary_deg : float
        DICOM positioner angles of a patient lying head first and supine.

    Returns
    -------
    PointsLps, shape (3,)
        Unit vector; the inverse of `positioner_angles_deg`.
    """
    primary, secondary = math.radians(primary_deg), math.radians(secondary_deg)
    across = math.cos(secondary)
    return points_lps([math.sin(primary) * across, -math.cos(primary) * across, math.sin(secondary)])
