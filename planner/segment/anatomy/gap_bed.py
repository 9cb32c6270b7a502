"""The bed of gaps: bone closed generously over lysis, halos, holes in the cortex and the implants in it.

Gaps, breaches and needles were set on this outline, which errs outwards; each bone's own outline is that of
`planner.segment.anatomy.bone`. Halos limited by that one lost up to a tenth of their volume on a real spine, and
differed by more than a tenth between two ways of storing one scan.
"""

import cc3d
import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from planner.config.anatomy_config import GapBedConfig
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.anatomy.bone import walled_in
from planner.segment.upright import Bools, Floats

_METAL_HU = 2000.0
_BELOW_HALF_HU = 120.0
"""Blur and thin cortex put the surface below half height (tuned on the scans that the settings name)."""
_BLUR_MM, _WALL_BLUR_MM = 0.5, 0.8
"""Noise is smoothed over this before bone, and before thin walls, are told."""
_MEND_MM = 1.2
"""Holes this wide are a vessel's or noise's."""
_TOUCH_MM, _ROUND_HOST_MM = 1.0, 9.0
"""Metal so near to bone lies in it; so far round it a halo and the holes that it eats may reach (ours)."""
_SPINE_RAYS, _HIP_RAYS = (15, 13), (13, 10)
"""Least number of the 16 rays each that must meet bone (tuned on one thoracic and one osteoporotic lumbar spine)."""
_BULKY_MM = 3.6
"""Half the thickness from which metal is a stem, a head or a cup and fills bone: rods and shafts are thinner."""
_BULKY_ML = 1.5
"""The inside of a tulip is smaller, that of a head, cup or stem larger."""
_STREAK_REACH_MM = 30.0
"""Streaks are at their brightest to half of it, and gone half as far again beyond it (hips, looked at)."""
_CLING_MM, _CLING_SHARE = 3.2, 0.7
"""A piece that lies so near to metal for the most part is its rim: bone that holds a screw reaches further. Ours."""
_SMALL_VOXELS = 2.0
_EDGES = ndi.generate_binary_structure(3, 2)
"""A ball of one voxel and a half."""

DEFAULT = GapBedConfig()


def bed_threshold_hu(hu: Floats, config: GapBedConfig = DEFAULT) -> float:
    """Choose the HU where bone begins in this scan.

    Parameters
    ----------
    hu : ndarray
        CT of the region, air and metal may be in it.
    config : GapBedConfig
        The limits it is kept within.

    Returns
    -------
    float
        150 to 260: half-way between the soft tissue's median and what dense bone reads (upper tenth of all over 300),
        within these limits. A dense cortex blurs wide and needs the higher, an osteoporotic one the lower figure.
    """
    soft, dense = hu[(hu > -50) & (hu < 130)], hu[(hu > 300) & (hu < _METAL_HU)]
    if len(soft) < 100 or len(dense) < 100:
        return 200.0
    return float(
        np.clip(
            (np.median(soft) + np.percentile(dense, 75)) / 2 - _BELOW_HALF_HU,
            config.lowest_limit_hu,
            config.highest_limit_hu,
        )
    )


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
    limit = bed_threshold_hu(hu[::2, ::2, ::2], config)
    near_metal = _within(metal, config.bloom_mm, edge_mm)
    bulk = _bulk(metal, edge_mm)
    streaked = _streaks_hu(bulk, edge_mm, config)
    free = ~near_metal if barred is None else ~(near_metal | barred)
    dense = _large((_smooth(hu, _BLUR_MM, edge_mm) > limit + streaked) & free, config.stray_ml, edge_mm)
    dense = _without_rings(dense, metal, edge_mm)
    check_cancelled(monitor)
    # thin osteoporotic cortex blurs below the limit: walls are looked for lower than bone's surface is drawn
    wall = (_smooth(hu, _WALL_BLUR_MM, edge_mm) > config.wall_hu + streaked) & free
    wall = _without_rings(_large(wall, config.stray_ml, edge_mm), metal, edge_mm) | dense
    stem = metal & _within(bulk, 2 * _BULKY_MM, edge_mm)
    allowed = np.ones_like(dense) if barred is None else ~barred
    wall |= stem & allowed
    inside = walled_in(_closed(wall, _MEND_MM, edge_mm), edge_mm, least_rays=_HIP_RAYS if bulk.any() else _SPINE_RAYS)
    inside &= allowed
    check_cancelled(monitor)
    bone = dense | inside
    # next to metal in bone, lysis may have eaten the cortex as well: bridge what is narrower than a wide halo
    host = metal & _within(bone, _TOUCH_MM, edge_mm)
    bone |= _closed(bone | (host & inside), config.bridge_mm, edge_mm) & _within(host, _ROUND_HOST_MM, edge_mm)
    bone = _closed(bone, _MEND_MM, edge_mm) & allowed
    bone |= _holes(bone | ~allowed)
    bone = ndi.binary_opening(bone, iterations=1) | (dense & bone)
    return _large(bone, 4 * config.stray_ml, edge_mm)


def dense_bed(hu: Floats, metal: Bools, edge_mm: float, *, config: GapBedConfig = DEFAULT) -> Bools:
    """Give bone by its HU alone, for where no implant is near.

    Parameters
    ----------
    hu : ndarray, shape (S, R, C)
        CT on an isotropic grid.
    metal : ndarray of bool, shape (S, R, C)
        Metal; it and its bloom are not bone here.
    edge_mm : float
        Edge of a voxel, mm.
    config : GapBedConfig
        Bloom, and what is too small.

    Returns
    -------
    ndarray of bool, shape (S, R, C)
    """
    limit = bed_threshold_hu(hu[::3, ::3, ::3], config)
    return _large((hu > limit) & ~_within(metal, config.bloom_mm, edge_mm), config.stray_ml, edge_mm)


def _bulk(metal: Bools, edge_mm: float) -> Bools:
    """Give the cores of stems, heads and cups."""
    if not metal.any():
        return metal
    return _large(np.asarray(edt.edt(metal, parallel=2)) > _BULKY_MM / edge_mm, _BULKY_ML, edge_mm)


def _streaks_hu(bulk: Bools, edge_mm: float, config: GapBedConfig) -> Floats:
    if not bulk.any():
        return np.zeros((1, 1, 1), dtype=np.float32)
    # the streaks fade slowly: every second voxel will do
    away = _away(bulk[::2, ::2, ::2])
    for axis, size in enumerate(bulk.shape):
        away = np.repeat(away, 2, axis=axis).take(range(size), axis=axis)
    fade = np.clip(1.5 - away * 2.0 * edge_mm / _STREAK_REACH_MM, 0, 1)
    return np.asarray(config.streak_hu * fade, dtype=np.float32)


def _smooth(hu: Floats, sigma_mm: float, edge_mm: float) -> Floats:
    return np.asarray(ndi.gaussian_filter(hu, sigma_mm / edge_mm, truncate=2.5))


def _within(mask: Bools, reach_mm: float, edge_mm: float) -> Bools:
    """Grow a mask; distances are reckoned only round it."""
    out = np.zeros_like(mask)
    block = _block_round(mask, int(np.ceil(reach_mm / edge_mm)) + 1)
    if block is not None:
        out[block] = _away(mask[block]) <= reach_mm / edge_mm
    return out


def _block_round(mask: Bools, room: int) -> tuple[slice, ...] | None:
    flat = [np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != k))) for k in range(3)]
    if not len(flat[0]):
        return None
    return tuple(slice(max(0, int(f[0]) - room), int(f[-1]) + room + 1) for f in flat)


def _away(mask: Bools) -> npt.NDArray[np.float32]:
    """Distance to a mask in voxels."""
    return np.asarray(edt.edt(~mask, parallel=2), dtype=np.float32)


def _closed(mask: Bools, radius_mm: float, edge_mm: float) -> Bools:
    radius = radius_mm / edge_mm
    pad = int(np.ceil(radius)) + 1
    padded = np.pad(mask, pad)
    if radius < _SMALL_VOXELS:
        closed = ndi.binary_erosion(ndi.binary_dilation(padded, _EDGES), _EDGES)
    else:
        closed = _away(~(_away(padded) <= radius)) > radius
    return np.asarray(closed[pad:-pad, pad:-pad, pad:-pad]) | mask


def _without_rings(dense: Bools, metal: Bools, edge_mm: float) -> Bools:
    """Take out what only clings to metal: the rim of a rod's bloom, not the bone that a screw lies in."""
    near = _within(metal, _CLING_MM, edge_mm)
    if not near.any():
        return dense
    labels = cc3d.connected_components(dense.astype(np.uint8), connectivity=6)
    sizes = np.bincount(labels.ravel())
    touching = np.bincount(labels[near], minlength=len(sizes))
    keep = touching < _CLING_SHARE * sizes
    keep[0] = False
    return np.asarray(keep[labels])


def _holes(solid: Bools) -> Bools:
    """Give what no way leads out of."""
    labels = cc3d.connected_components((~solid).astype(np.uint8), connectivity=6)
    open_ones = np.zeros(int(labels.max()) + 1, dtype=bool)
    for axis in range(3):
        for end in (0, -1):
            open_ones[np.unique(np.take(labels, end, axis=axis))] = True
    open_ones[0] = True
    return np.asarray(~open_ones[labels])


def _large(mask: Bools, least_ml: float, edge_mm: float) -> Bools:
    least = max(1, round(least_ml * 1000.0 / edge_mm**3))
    return np.asarray(cc3d.dust(mask.astype(np.uint8), threshold=least, connectivity=6) > 0)
