"""A needle that is no part of a plan, as it lies over a view: one that a person is placing."""

import numpy as np
import numpy.typing as npt

from planner.fluoro.carm import magnification, project
from planner.fluoro.overlay import Colour, Layer, Line, Ring, Shape, Words
from planner.geometry.frames import unit
from planner.model.carm import CArm

OWN_NEEDLE: Colour = (255, 255, 255)
"""White: no planned needle, so in none of their colours."""
_OPACITY = 0.7
_MARK_MM = 10.0
_HALF_MARK_PX = 5.0
_FEWEST_PX = 4.0
"""Marks nearer to each other than this lie on each other: the beam runs along the needle."""


def own_needle_layer(path_lps: npt.ArrayLike, diameter_mm: float, carm: CArm) -> Layer:
    """Draw a person's own needle: its course as wide as it is, a mark every 10 mm, a ring at its tip.

    Parameters
    ----------
    path_lps : array_like, shape (N, 3)
        Its course, outermost point first, the tip last, LPS mm; at least two points.
    diameter_mm : float
        Its outer diameter.
    carm : CArm
        The view.

    Returns
    -------
    Layer
    """
    path = np.asarray(path_lps, dtype=np.float64)
    at = project(carm, path)
    width_px = float(magnification(carm, path.mean(axis=0))) * diameter_mm / carm.pixel_mm
    tip = float(at[-1][0]), float(at[-1][1])
    ring = max(width_px * 0.6, 3.0)
    shapes: list[Shape] = [Line(at, OWN_NEEDLE, max(width_px, 1.0), _OPACITY), *_marks(path, carm)]
    shapes += [Ring(tip, ring, OWN_NEEDLE, filled=True), Words((tip[0] + ring + 3.0, tip[1]), "own", OWN_NEEDLE, "mt")]
    return Layer("own needle", tuple(shapes))


def _marks(path: npt.NDArray[np.float64], carm: CArm) -> list[Shape]:
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    depths = np.arange(_MARK_MM, along[-1], _MARK_MM)
    ends = project(carm, path[[0, -1]])
    length_px = float(np.linalg.norm(ends[1] - ends[0]))
    if not depths.size or not length_px >= _FEWEST_PX * len(depths):
        return []
    points = np.stack([np.interp(depths, along, path[:, axis]) for axis in range(3)], axis=-1)
    across = _HALF_MARK_PX * unit(ends[1] - ends[0])[::-1] * np.array([1.0, -1.0])
    return [Line(np.stack([p - across, p + across]), OWN_NEEDLE, 1.2) for p in project(carm, points)]
