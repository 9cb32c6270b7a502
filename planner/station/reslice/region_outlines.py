"""Where a cut meets what a person drew: balls and boxes that needles lead to, keep out of, or come in through."""

from itertools import product

import numpy as np

from planner.config.wishes_config import BallRegion, BoxRegion, WishedTarget
from planner.geometry.frames import Array
from planner.report.reslice import Cut

_CORNERS = 64
"""Of a circle that is drawn as a polygon: its sides stay within 0.2 % of the radius. Ours."""
_FLAT_MM = 1e-9


def outline_on(cut: Cut, drawn: BallRegion | BoxRegion | WishedTarget) -> Array | None:
    """Give the outline in which a plane cuts a ball or a box.

    Parameters
    ----------
    cut : Cut
        The plane.
    drawn : BallRegion, BoxRegion or WishedTarget
        What was drawn; a target is the ball in which tips may come to lie.

    Returns
    -------
    ndarray, shape (N, 2), or None
        A closed polygon without its first corner again, mm to the right of the cut's middle and below it; None where
        the plane misses it, or only touches it.
    """
    if isinstance(drawn, BoxRegion):
        return _of_box(cut, np.array(drawn.low_lps), np.array(drawn.high_lps))
    centre = drawn.point_lps if isinstance(drawn, WishedTarget) else drawn.centre_lps
    middle, off_mm = cut.project(np.array(centre))
    squared = drawn.radius_mm**2 - float(off_mm) ** 2
    if squared <= _FLAT_MM:
        return None
    turn = np.linspace(0.0, 2.0 * np.pi, _CORNERS, endpoint=False)
    return np.asarray(middle + np.sqrt(squared) * np.column_stack([np.cos(turn), np.sin(turn)]))


def _of_box(cut: Cut, low: Array, high: Array) -> Array | None:
    """Give the polygon in which the plane crosses a box's edges, its corners in their order round it."""
    corners = [np.where(np.array(pick), high, low) for pick in product((False, True), repeat=3)]
    met = []
    for one, other in ((a, b) for a in range(8) for b in range(a + 1, 8) if (a ^ b).bit_count() == 1):
        first, second = corners[one], corners[other]
        off = [float(cut.project(place)[1]) for place in (first, second)]
        if off[0] * off[1] > 0.0:
            continue
        shares = [0.0, 1.0] if off[0] == off[1] else [off[0] / (off[0] - off[1])]
        met += [np.asarray(cut.project(first + share * (second - first))[0]) for share in shares]
    if len(met) < 3:
        return None
    points = np.unique(np.round(met, 6), axis=0)
    middle = points.mean(axis=0)
    order = np.argsort(np.arctan2(*(points - middle).T[::-1]))
    around = points[order]
    following = np.roll(around, -1, axis=0)
    area = abs(float(np.sum(around[:, 0] * following[:, 1] - around[:, 1] * following[:, 0]))) / 2.0
    return around if area > _FLAT_MM else None
