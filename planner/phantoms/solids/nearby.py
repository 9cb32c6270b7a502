"""What of a solid matters near a box: the rest of a long union need not be asked there."""

import numpy as np

from planner.phantoms.solids.basic import Bounds, Difference, Intersection, Solid, Union


def nearby(solid: Solid, bounds_lps: Bounds, *, reach_mm: float) -> Solid:
    """Leave away what lies far from a box.

    Parameters
    ----------
    solid : Solid
        The body.
    bounds_lps : two corners, shape (3,) each
        The box, LPS mm.
    reach_mm : float
        What lies this near to it stays.

    Returns
    -------
    Solid
        The same within reach of the box; a distance is the same as long as it is shorter than what is left of the
        reach.
    """
    if isinstance(solid, Union):
        kept = tuple(s for s in solid.solids if _is_near(s, bounds_lps, reach_mm)) or solid.solids[:1]
        return Union(tuple(nearby(s, bounds_lps, reach_mm=reach_mm) for s in kept))
    if isinstance(solid, Intersection):
        return Intersection(tuple(nearby(s, bounds_lps, reach_mm=reach_mm) for s in solid.solids))
    if isinstance(solid, Difference):
        left = nearby(solid.solid, bounds_lps, reach_mm=reach_mm)
        if not _is_near(solid.without, bounds_lps, reach_mm):
            return left
        return Difference(left, nearby(solid.without, bounds_lps, reach_mm=reach_mm))
    return solid


def _is_near(solid: Solid, bounds_lps: Bounds, reach_mm: float) -> bool:
    (low, high), (own_low, own_high) = bounds_lps, solid.bounds_lps
    return bool(np.all(own_low <= high + reach_mm) and np.all(own_high >= low - reach_mm))
