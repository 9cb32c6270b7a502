"""Even lattices of points in a box."""

import numpy as np

from planner.geometry.frames import PointsLps
from planner.phantoms.solids.basic import Bounds


def lattice_points(bounds: Bounds, spacing_mm: float, *, margin_mm: float = 0.0) -> PointsLps:
    """Give the points of a cubic lattice about the middle of a box.

    Parameters
    ----------
    bounds : two corners, shape (3,) each
        The box, LPS mm.
    spacing_mm : float
        From point to point.
    margin_mm : float
        Added to the box on all sides.

    Returns
    -------
    PointsLps, shape (N, 3)
    """
    low, high = bounds[0] - margin_mm, bounds[1] + margin_mm
    # About the box's middle, so that a mirrored box has mirrored points.
    counts = np.maximum(1, np.floor((high - low) / spacing_mm)).astype(int)
    steps = [spacing_mm * (np.arange(n) - (n - 1) / 2.0) for n in counts]
    axes = [(a + b) / 2.0 + s for a, b, s in zip(low, high, steps, strict=True)]
    return PointsLps(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3))
