"""Straight lines: distances to them, and where they meet boxes."""

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array


def segment_distance_mm(points: npt.ArrayLike, start: npt.ArrayLike, stop: npt.ArrayLike) -> Array:
    """Give the distance of points from a segment.

    Parameters
    ----------
    points : array_like, shape (..., 3)
        Positions.
    start, stop : array_like, shape (3,)
        The segment's ends; they may coincide.

    Returns
    -------
    ndarray, shape (...)
        Distances in the units of the input.
    """
    p, a, b = (np.asarray(v, dtype=np.float64) for v in (points, start, stop))
    return np.asarray(np.linalg.norm(p - closest_on_segment(p, a, b), axis=-1))


def closest_on_segment(points: npt.ArrayLike, start: npt.ArrayLike, stop: npt.ArrayLike) -> Array:
    """Give the point of a segment that lies nearest to each given point.

    Parameters
    ----------
    points : array_like, shape (..., 3)
        Positions.
    start, stop : array_like, shape (3,)
        The segment's ends; they may coincide.

    Returns
    -------
    ndarray, shape (..., 3)
    """
    p, a, b = (np.asarray(v, dtype=np.float64) for v in (points, start, stop))
    along = b - a
    length2 = float(along @ along)
    if length2 == 0.0:
        return np.broadcast_to(a, p.shape).copy()
    share = np.clip((p - a) @ along / length2, 0.0, 1.0)
    return np.asarray(a + share[..., None] * along)


def segments_distance_mm(
    first_start: npt.ArrayLike, first_stop: npt.ArrayLike, second_start: npt.ArrayLike, second_stop: npt.ArrayLike
) -> float:
    """Give the least distance between two segments.

    Parameters
    ----------
    first_start, first_stop, second_start, second_stop : array_like, shape (3,)
        The segments' ends.

    Returns
    -------
    float

    Notes
    -----
    Either the lines' common perpendicular meets both segments, or an end of one is nearest to the other.
    """
    a, b, c, d = (np.asarray(v, dtype=np.float64) for v in (first_start, first_stop, second_start, second_stop))
    u, v, w = b - a, d - c, a - c
    uu, uv, vv, uw, vw = u @ u, u @ v, v @ v, u @ w, v @ w
    determinant = uu * vv - uv * uv
    if determinant > 1e-12 * uu * vv:
        s = (uv * vw - vv * uw) / determinant
        t = (uu * vw - uv * uw) / determinant
        if 0.0 <= s <= 1.0 and 0.0 <= t <= 1.0:
            return float(np.linalg.norm(w + s * u - t * v))
    ends = [
        segment_distance_mm(a, c, d),
        segment_distance_mm(b, c, d),
        segment_distance_mm(c, a, b),
        segment_distance_mm(d, a, b),
    ]
    return float(min(float(e) for e in ends))


def clip_to_box(
    origin: npt.ArrayLike, direction: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike
) -> tuple[float, float] | None:
    """Find where a line runs inside an axis-aligned box.

    Parameters
    ----------
    origin, direction : array_like, shape (3,)
        The line ``origin + t * direction``.
    low, high : array_like, shape (3,)
        The box's corners.

    Returns
    -------
    tuple of float or None
        Values of t at which the line enters and leaves; None where it misses the box.

    Notes
    -----
    Slab method (Kay and Kajiya 1986).
    """
    o, d, lo, hi = (np.asarray(v, dtype=np.float64) for v in (origin, direction, low, high))
    still = d == 0.0
    if bool(np.any(still & ((o < lo) | (o > hi)))):
        return None
    moving = ~still
    near = (lo[moving] - o[moving]) / d[moving]
    far = (hi[moving] - o[moving]) / d[moving]
    enter = float(np.minimum(near, far).max(initial=-np.inf))
    leave = float(np.maximum(near, far).min(initial=np.inf))
    return (enter, leave) if enter <= leave else None
