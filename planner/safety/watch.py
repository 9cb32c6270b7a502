"""From where a leak through a breach is watched."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from planner.config.breach_config import BreachConfig
from planner.geometry.frames import Array, detector_direction
from planner.model.anatomy import Anatomy
from planner.model.carm import WatchView

ConsoleAngles = Callable[[float, float], tuple[float, float]]
"""From positioner angles of a supine patient to the console's angles in the treatment position, degrees."""


def watch_view(
    centroid_lps: npt.ArrayLike,
    outward_lps: npt.ArrayLike,
    metal: cKDTree | None,
    *,
    config: BreachConfig,
    console: ConsoleAngles,
) -> WatchView | None:
    """Find the C-arm view in which a leak shows in profile and no metal lies over it.

    Parameters
    ----------
    centroid_lps, outward_lps : array_like, shape (3,)
        The breach and the unit vector out of it, LPS.
    metal : cKDTree or None
        Metal points, LPS mm; None without metal.
    config : BreachConfig
        Spacing of the views, clear distance, gantry limits.
    console : callable
        Turns positioner angles into console angles of the treatment position.

    Returns
    -------
    WatchView or None
        None where no view within the gantry's limits is clear of metal.
    """
    # The drop that is looked for stands a little outside the wall.
    drop = np.asarray(centroid_lps, dtype=np.float64) + 4.0 * np.asarray(outward_lps, dtype=np.float64)
    profile = np.asarray(outward_lps, dtype=np.float64)
    views = [
        (primary, secondary)
        for primary in np.arange(-180.0, 180.0, config.watch_step_deg)
        for secondary in np.arange(-45.0, 46.0, config.watch_step_deg)
        if config.gantry.reaches(*console(float(primary), float(secondary)))
    ]
    if not views:
        return None
    beams = np.array([detector_direction(p, s) for p, s in views])
    slant_deg = np.degrees(np.arcsin(np.clip(np.abs(beams @ profile), 0.0, 1.0)))
    clear = _clear_of_metal(drop, beams, metal, within_mm=80.0)
    tilt_deg = np.abs([s for _, s in views])
    good = (slant_deg <= config.watch_slant_deg) & (clear >= config.watch_clear_mm)
    if not good.any():
        return None
    cost = np.where(good, slant_deg + 0.3 * tilt_deg - np.minimum(clear, 10.0), np.inf)
    primary, secondary = views[int(np.argmin(cost))]
    return WatchView(primary_deg=float(primary), secondary_deg=float(secondary))


def _clear_of_metal(drop: Array, beams: Array, metal: cKDTree | None, *, within_mm: float) -> Array:
    """Least distance of metal from each beam through the drop, shape (N,)."""
    if metal is None:
        return np.full(len(beams), np.inf)
    way = np.arange(-within_mm, within_mm + 1.0, 2.0)
    points = drop + way[None, :, None] * beams[:, None, :]
    distances, _ = metal.query(points.reshape(-1, 3), distance_upper_bound=12.0)
    return np.asarray(distances.reshape(points.shape[:2]).min(axis=1))


def metal_tree(anatomy: Anatomy) -> cKDTree | None:
    """Give the points of the metal's surface, LPS mm; None without metal."""
    edge = anatomy.metal.voxels & ~ndimage.binary_erosion(anatomy.metal.voxels)
    index = np.argwhere(edge)
    return cKDTree(np.asarray(anatomy.grid.to_lps(index))) if len(index) else None
