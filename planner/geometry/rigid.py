"""Rotations, and frames built on an axis."""

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, unit


def perpendicular_pair(direction: npt.ArrayLike) -> tuple[Array, Array]:
    """Give two unit vectors that stand at right angles to a direction and to each other.

    Parameters
    ----------
    direction : array_like, shape (3,)
        Any vector but zero.

    Returns
    -------
    first, second : ndarray, shape (3,)
        With ``unit(direction)`` as the third they form a right-handed triple (first x second = direction).
        They turn steadily with the direction but for one switch of the auxiliary axis.
    """
    axis = unit(direction)
    helper = np.zeros(3)
    helper[int(np.argmin(np.abs(axis)))] = 1.0
    first = unit(_crossed(helper, axis))
    return first, _crossed(axis, first)


def perpendicular_pairs(directions: Array) -> Array:
    """Give the pair of `perpendicular_pair` for many unit vectors at once.

    Parameters
    ----------
    directions : ndarray, shape (N, 3)
        Unit vectors.

    Returns
    -------
    ndarray, shape (N, 2, 3)
    """
    helper = np.eye(3)[np.argmin(np.abs(directions), axis=1)]
    first = np.cross(helper, directions)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return np.stack([first, np.cross(directions, first)], axis=1)


def _crossed(one: Array, other: Array) -> Array:
    """Give the cross product of two vectors, as `numpy.cross` does, ten times quicker."""
    (a, b, c), (d, e, f) = one.tolist(), other.tolist()
    return np.array([b * f - c * e, c * d - a * f, a * e - b * d])


def rotation_about(axis: npt.ArrayLike, angle_deg: float) -> Array:
    """Give the matrix that turns vectors about an axis through the origin.

    Parameters
    ----------
    axis : array_like, shape (3,)
        Axis of rotation, any length but zero.
    angle_deg : float
        Angle, right-handed.

    Returns
    -------
    ndarray, shape (3, 3)

    Notes
    -----
    Rodrigues' formula.
    """
    x, y, z = unit(axis)
    angle = np.radians(angle_deg)
    skew = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(angle) * skew + (1.0 - np.cos(angle)) * (skew @ skew))


def angle_between_deg(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Give the angle between two directions.

    Parameters
    ----------
    first, second : array_like, shape (3,)
        Vectors of any length but zero.

    Returns
    -------
    float
        0 to 180 degrees, accurate also near 0 (by the half-chord formula, W. Kahan).
    """
    a, b = unit(first), unit(second)
    return float(np.degrees(2.0 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b))))


def angle_of_rotation_deg(rotation: npt.ArrayLike) -> float:
    """Give the angle that a rotation turns by.

    Parameters
    ----------
    rotation : array_like, shape (3, 3)
        A proper rotation.

    Returns
    -------
    float
        0 to 180 degrees, accurate also near 0: from sine and cosine both.
    """
    matrix = np.asarray(rotation, dtype=np.float64)
    skew = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]])
    return float(np.degrees(np.arctan2(np.linalg.norm(skew) / 2.0, (np.trace(matrix) - 1.0) / 2.0)))


def rigid_onto(source: npt.ArrayLike, target: npt.ArrayLike) -> Array:
    """Give the rigid motion that lays points onto their fellows, best in the least squares.

    Parameters
    ----------
    source, target : array_like, shape (N, 3)
        Three points or more, not on one line; the same order.

    Returns
    -------
    ndarray, shape (4, 4)
        Target from source; a proper rotation, never a mirror.

    Notes
    -----
    Kabsch 1976 (doi 10.1107/S0567739476001873).
    """
    one, other = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    middle, goal = one.mean(axis=0), other.mean(axis=0)
    left, _, right = np.linalg.svd((one - middle).T @ (other - goal))
    sign = np.sign(np.linalg.det(right.T @ left.T))
    rotation = right.T @ np.diag([1.0, 1.0, sign]) @ left.T
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, goal - rotation @ middle
    return matrix


def moved(motion: Array, points_lps: npt.ArrayLike) -> Array:
    """Take points through a motion.

    Parameters
    ----------
    motion : ndarray, shape (4, 4)
        Target from source.
    points_lps : array_like, shape (..., 3)
        Points of the source.

    Returns
    -------
    ndarray, shape (..., 3)
    """
    return np.asarray(np.asarray(points_lps, dtype=np.float64) @ motion[:3, :3].T + motion[:3, 3])
