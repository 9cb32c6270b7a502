"""The bone envelope: where bone is or was, closed over lysis, halos, holes in the cortex and the implants in it."""

from concurrent.futures import ThreadPoolExecutor

import cc3d
import numpy as np
import numpy.typing as npt

from planner.config.anatomy_config import BoneConfig
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.anatomy.envelope import LIES_OPEN, among, flooded
from planner.segment.anatomy.walls import find_walls, large, spoilt, within
from planner.segment.anatomy.windows import grown, most_round, shrunk
from planner.segment.balls import grown_by
from planner.segment.blocks import block_round
from planner.segment.enclosure import AXIAL_16, enclosure
from planner.segment.upright import Bools, Floats

_METAL_HU = 2000.0
_BELOW_HALF_HU = 120.0
"""Blur and thin cortex put the surface below half height (tuned on the scans that the settings name)."""
_MEND_MM = 1.2
"""Holes this wide are a vessel's or noise's."""
_SPINE_RAYS, _HIP_RAYS = (15, 14), (12, 9)
"""Least number of the 16 rays each that must meet bone, for a place to be within bone beyond doubt: a long bone lies
open along its shaft, and a resected neck upwards (tuned on three spine phantoms and one hip phantom)."""
_IN_CUP_RAYS, _IN_CUP_MM = (13, 10), 12.0
"""The same for what a stem, a cup and bone wall in together, near stem and cup."""
_BRIDGE_MM = 4.0
"""Half the length of metal laid bare between bone and bone, or canal, that counts as in it (ours; 2.5 lost the pedicles
of one real thoracic spine with simulated screws, whose walls lay wholly within bloom)."""
_BULKY_MM = 3.6
"""Half the thickness from which metal is a stem, a head or a cup and fills bone: rods and shafts are thinner."""
_BULKY_ML = 1.5
"""The inside of a tulip is smaller, that of a head, cup or stem larger."""
_SAGITTAL_8 = tuple((s, r, 0) for s in (-1, 0, 1) for r in (-1, 0, 1) if s or r)
_CORONAL_8 = tuple((s, 0, c) for s in (-1, 0, 1) for c in (-1, 0, 1) if s or c)
_AXIAL_REACH_MM, _UPRIGHT_REACH_MM = 40.0, 26.0
"""How far the rays look for bone."""
_CLING_MM, _CLING_SHARE = 3.2, 0.7
"""A piece that lies so near to metal for the most part is its rim: bone that holds a screw reaches further. Ours."""
_SMALL_VOXELS = 2.0

DEFAULT = BoneConfig()


def bone_threshold_hu(hu: Floats, config: BoneConfig = DEFAULT) -> float:
    """Choose the HU where bone begins in this scan.

    Parameters
    ----------
    hu : ndarray
        CT of the region, air and metal may be in it.
    config : BoneConfig
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


def bone_envelope(
    hu: Floats,
    metal: Bools,
    barred: Bools | None,
    edge_mm: float,
    *,
    config: BoneConfig = DEFAULT,
    monitor: Monitor = SILENT,
) -> Bools:
    """Find where bone is or was, on an upright isotropic grid.

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
    config : BoneConfig
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
    monitor.report(Progress("outlining bone"))
    unread = within(metal, config.bloom_mm, edge_mm)
    bulk = _bulk_of(metal, edge_mm)
    if not bulk.any():  # a femur's cortex varies by as much
        unread |= spoilt(hu, metal, unread, edge_mm, config)
    blind = unread if barred is None else unread | barred
    walls = find_walls(hu, metal, blind, edge_mm, config)
    check_cancelled(monitor)
    # a thin wall is seen in pieces, which what is nearly as bright joins
    whole = large(walls.loose, config.stray_ml, edge_mm, by_corners=True)
    wall = _without_rings(walls.wall & whole, metal, edge_mm)
    closed = _closed_over(wall, _MEND_MM, edge_mm)
    axial, upright = _rays(closed, edge_mm)
    least = _HIP_RAYS if bulk.any() else _SPINE_RAYS
    surely_in = (axial >= least[0]) & (upright >= least[1])
    check_cancelled(monitor)
    bone = flooded(walls, closed, (surely_in, axial <= LIES_OPEN), unread, barred, edge_mm)
    check_cancelled(monitor)
    allowed = np.ones_like(bone) if barred is None else ~barred
    bone |= among(bone, unread & allowed, barred)
    # where lysis has eaten a pedicle's wall, or the bloom hides it, the screw in it joins what is left; the canal has a
    # wall of its own, however little of it the bloom of a screw beside it leaves to be seen
    walled = bone if barred is None else bone | barred
    bone |= bridged(walled, _BRIDGE_MM, edge_mm, where=unread & allowed)
    if bulk.any():
        stem = metal & within(bulk, 2 * _BULKY_MM, edge_mm)
        near = within(bulk, _IN_CUP_MM, edge_mm) & allowed
        bone |= walled_in(bone | stem, edge_mm, least_rays=_IN_CUP_RAYS, where=near)
    return large(bone, config.stray_ml, edge_mm)


def dense_bone(hu: Floats, metal: Bools, edge_mm: float, *, limit_hu: float, config: BoneConfig = DEFAULT) -> Bools:
    """Give bone by its HU alone.

    Parameters
    ----------
    hu : ndarray, shape (S, R, C)
        CT on an isotropic grid.
    metal : ndarray of bool, shape (S, R, C)
        Metal; it and its bloom are not bone here.
    edge_mm : float
        Edge of a voxel, mm.
    limit_hu : float
        Where bone begins.
    config : BoneConfig
        Bloom, and what is too small.

    Returns
    -------
    ndarray of bool, shape (S, R, C)
    """
    return large((hu > limit_hu) & ~within(metal, config.bloom_mm, edge_mm), config.stray_ml, edge_mm)


def _bulk_of(metal: Bools, edge_mm: float) -> Bools:
    """Give the cores of stems, heads and cups."""
    block = block_round(metal, 1)
    if block is None:
        return metal
    thick = np.zeros_like(metal)
    thick[block] = ~grown_by(~metal[block], _BULKY_MM / edge_mm)
    return large(thick, _BULKY_ML, edge_mm) if thick.any() else thick


def walled_in(wall: Bools, edge_mm: float, *, least_rays: tuple[int, int], where: Bools) -> Bools:
    """Say which voxels lie inside a bone whose cortex may have holes.

    Parameters
    ----------
    wall : ndarray of bool, shape (S, R, C)
        Dense bone.
    edge_mm : float
        Edge of a voxel, mm.
    least_rays : tuple of int
        How many of the 16 axial and of the 16 sagittal and coronal rays must meet bone.
    where : ndarray of bool, shape (S, R, C)
        Where it is asked; only what its rays reach is looked at.

    Returns
    -------
    ndarray of bool, shape (S, R, C)
        False beyond `where`. Most rays of the axial plane, and most of the sagittal and coronal ones, meet bone. A disc
        is open to the sides, the space between processes behind, a foramen laterally; the marrow of a long bone lies
        open only along its shaft, which the planes' diagonals make good.
    """
    out = np.zeros_like(wall)
    # rays are cut to whole steps, walls grow by a voxel for them, and neighbours have a say
    up, aside = (int(np.ceil(reach / edge_mm)) + 4 for reach in (_UPRIGHT_REACH_MM, _AXIAL_REACH_MM))
    block = block_round(where, (up, aside, aside))
    if block is not None:
        axial, upright = _rays(np.ascontiguousarray(wall[block]), edge_mm)
        enclosed = (axial >= least_rays[0]) & (upright >= least_rays[1])
        # a voxel counts when its neighbours agree: single voxels between trabeculae and noise do not
        out[block] = most_round(enclosed) & where[block]
    return out


def _rays(wall: Bools, edge_mm: float) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Count the axial, and the sagittal and coronal rays that meet a wall."""
    with ThreadPoolExecutor(1) as pool:
        axial = pool.submit(enclosure, wall, AXIAL_16, _AXIAL_REACH_MM / edge_mm)
        # above and below the scan bone is taken to go on
        capped = np.pad(wall, ((1, 1), (0, 0), (0, 0)), constant_values=True)
        upright = enclosure(capped, (*_SAGITTAL_8, *_CORONAL_8), _UPRIGHT_REACH_MM / edge_mm)[1:-1]
        return axial.result(), upright


def _closed_over(mask: Bools, radius_mm: float, edge_mm: float, *, wider_mm: float = 0.0) -> Bools:
    """Close a mask over holes that a ball does not pass; its surface comes to lie further outwards by `wider_mm`."""
    radius, reach = radius_mm / edge_mm, (radius_mm + wider_mm) / edge_mm
    pad = int(np.ceil(reach)) + 1
    padded = np.pad(mask, pad)
    if reach < _SMALL_VOXELS and wider_mm == 0.0:
        # a ball of one voxel and a half
        closed = shrunk(grown(padded, by_edges=True), by_edges=True)
    else:
        closed = ~grown_by(~grown_by(padded, reach), radius)
    return np.asarray(closed[pad:-pad, pad:-pad, pad:-pad]) | mask


def bridged(mask: Bools, radius_mm: float, edge_mm: float, *, where: Bools, wider_mm: float = 0.0) -> Bools:
    """Close a mask over holes that a ball does not pass, in one part of the grid; the rest is not reckoned.

    Parameters
    ----------
    mask : ndarray of bool, shape (S, R, C)
        What is closed.
    radius_mm : float
        The ball's radius, mm.
    edge_mm : float
        Edge of a voxel, mm.
    where : ndarray of bool, shape (S, R, C)
        Where it is wanted.
    wider_mm : float
        How far outwards the mask's surface comes to lie as well, mm.

    Returns
    -------
    ndarray of bool, shape (S, R, C)
        False beyond `where`; the mask within it is in it.
    """
    out = np.zeros_like(mask)
    block = block_round(where, int(np.ceil((2.0 * radius_mm + wider_mm) / edge_mm)) + 1)
    if block is not None:
        out[block] = _closed_over(mask[block], radius_mm, edge_mm, wider_mm=wider_mm) & where[block]
    return out


def _without_rings(dense: Bools, metal: Bools, edge_mm: float) -> Bools:
    """Take out what only clings to metal: the rim of a rod's bloom, not the bone that a screw lies in."""
    near = within(metal, _CLING_MM, edge_mm)
    if not near.any():
        return dense
    labels = cc3d.connected_components(dense.astype(np.uint8), connectivity=6)[dense]
    sizes = np.bincount(labels, minlength=1)
    touching = np.bincount(labels[near[dense]], minlength=len(sizes))
    out = np.zeros_like(dense)
    out[dense] = (touching < _CLING_SHARE * sizes)[labels]
    return out
