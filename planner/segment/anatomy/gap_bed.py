"""The bed of gaps: bone closed generously over lysis, halos, holes in the cortex and the implants in it.

Gaps, breaches and needles were set on this outline, which errs outwards; each bone's own outline is that of
`planner.segment.anatomy.bone`. Halos limited by that one lost up to a tenth of their volume on a real spine, and
differed by more than a tenth between two ways of storing one scan.
"""

import cc3d
import numpy as np
from scipy import ndimage as ndi

from planner.config.anatomy_config import GapBedConfig
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.anatomy.bone import (
    BULKY_MM,
    bone_threshold_hu,
    bulk_of,
    closed_over,
    voxels_from,
    walled_in,
    without_rings,
)
from planner.segment.anatomy.walls import large, within
from planner.segment.upright import Bools, Floats

_BLUR_MM, _WALL_BLUR_MM = 0.5, 0.8
"""Noise is smoothed over this before bone, and before thin walls, are told."""
_MEND_MM = 1.2
"""Holes this wide are a vessel's or noise's."""
_TOUCH_MM, _ROUND_HOST_MM = 1.0, 9.0
"""Metal so near to bone lies in it; so far round it a halo and the holes that it eats may reach (ours)."""
_SPINE_RAYS, _HIP_RAYS = (15, 13), (13, 10)
"""Least number of the 16 rays each that must meet bone (tuned on one thoracic and one osteoporotic lumbar spine)."""
_STREAK_REACH_MM = 30.0
"""Streaks are at their brightest to half of it, and gone half as far again beyond it (hips, looked at)."""

DEFAULT = GapBedConfig()


def gap_bed(
    hu: Floats,
    metal: Bools,
    barred: Bools | None,
    edge_mm: float,
    *,
    config: GapBedConfig = DEFAULT,
    monitor: Monitor = SILENT,
) -> Bools:
    """Close bone over gaps, on an upright isotropic grid.

    Parameters
    ----------
    hu : ndarray, shape (S, R, C)
        CT.
    metal : ndarray of bool, shape (S, R, C)
        Metal.
    barred : ndarray of bool, shape (S, R, C) or None
        What is not bone whatever surrounds it: the spinal canal.
    edge_mm : float
        Edge of a voxel, mm.
    config : GapBedConfig
        Limits.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    ndarray of bool, shape (S, R, C)
        Implants that lie in bone are in it, rods and tulips beside it are not.

    Raises
    ------
    CancelledError
        If the monitor says stop.
    """
    monitor.report(Progress("closing bone over gaps"))
    limit = bone_threshold_hu(hu[::2, ::2, ::2], config)
    near_metal = within(metal, config.bloom_mm, edge_mm)
    bulk = bulk_of(metal, edge_mm)
    streaked = _streaks_hu(bulk, edge_mm, config)
    free = ~near_metal if barred is None else ~(near_metal | barred)
    dense = large((_smooth(hu, _BLUR_MM, edge_mm) > limit + streaked) & free, config.stray_ml, edge_mm)
    dense = without_rings(dense, metal, edge_mm)
    check_cancelled(monitor)
    # thin osteoporotic cortex blurs below the limit: walls are looked for lower than bone's surface is drawn
    wall = (_smooth(hu, _WALL_BLUR_MM, edge_mm) > config.wall_hu + streaked) & free
    wall = without_rings(large(wall, config.stray_ml, edge_mm), metal, edge_mm) | dense
    stem = metal & within(bulk, 2 * BULKY_MM, edge_mm)
    allowed = np.ones_like(dense) if barred is None else ~barred
    wall |= stem & allowed
    inside = walled_in(
        closed_over(wall, _MEND_MM, edge_mm), edge_mm, least_rays=_HIP_RAYS if bulk.any() else _SPINE_RAYS
    )
    inside &= allowed
    check_cancelled(monitor)
    bone = dense | inside
    # next to metal in bone, lysis may have eaten the cortex as well: bridge what is narrower than a wide halo
    host = metal & within(bone, _TOUCH_MM, edge_mm)
    bone |= closed_over(bone | (host & inside), config.bridge_mm, edge_mm) & within(host, _ROUND_HOST_MM, edge_mm)
    bone = closed_over(bone, _MEND_MM, edge_mm) & allowed
    bone |= _holes(bone | ~allowed)
    bone = ndi.binary_opening(bone, iterations=1) | (dense & bone)
    return large(bone, 4 * config.stray_ml, edge_mm)


def _streaks_hu(bulk: Bools, edge_mm: float, config: GapBedConfig) -> Floats:
    if not bulk.any():
        return np.zeros((1, 1, 1), dtype=np.float32)
    # the streaks fade slowly: every second voxel will do
    away = voxels_from(bulk[::2, ::2, ::2])
    for axis, size in enumerate(bulk.shape):
        away = np.repeat(away, 2, axis=axis).take(range(size), axis=axis)
    fade = np.clip(1.5 - away * 2.0 * edge_mm / _STREAK_REACH_MM, 0, 1)
    return np.asarray(config.streak_hu * fade, dtype=np.float32)


def _smooth(hu: Floats, sigma_mm: float, edge_mm: float) -> Floats:
    return np.asarray(ndi.gaussian_filter(hu, sigma_mm / edge_mm, truncate=2.5))


def _holes(solid: Bools) -> Bools:
    """Give what no way leads out of."""
    labels = cc3d.connected_components((~solid).astype(np.uint8), connectivity=6)
    open_ones = np.zeros(int(labels.max()) + 1, dtype=bool)
    for axis in range(3):
        for end in (0, -1):
            open_ones[np.unique(np.take(labels, end, axis=axis))] = True
    open_ones[0] = True
    return np.asarray(~open_ones[labels])
