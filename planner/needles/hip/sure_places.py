"""Where in a hip's gap a needle's tip finds it most surely.

A gap that was measured beside metal is partly none. The CT at the place itself says more than the gap as a whole: the
tissue of a gap reads 0 to 100 HU, bone and cement read more. Below a stem's end that does not help: fatty marrow is as
dark, and there only what lies close to the metal is taken for a gap.
"""

from collections import Counter

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.hip_way_config import HipWayConfig
from planner.config.needle_config import NeedleConfig
from planner.geometry.cells import cells_in
from planner.geometry.frames import Array
from planner.model.anatomy import Anatomy
from planner.needles.candidates import Target
from planner.needles.hip.implant_zone import zones_at
from planner.safety.clearance import sample
from planner.safety.fields import METAL, Fields

_AROUND_MM = 4.5
"""Edge of the cube over which a place's CT is averaged, within the gap: five voxels of 0.9 mm. Ours."""

_RIM = 3
"""Voxels round a gap that are looked at with it: metal among them."""
_NUDGES, _SPARE_MM, _SLOPE_MM = 3, 0.05, 0.9
"""Steps away from metal, a little more than needed, and the span over which its direction is told: a voxel."""


def gap_reading(anatomy: Anatomy, target: Target) -> tuple[Array, Array]:
    """Read the CT round each voxel of a gap, within the gap alone.

    Parameters
    ----------
    anatomy : Anatomy
        The CT.
    target : Target
        The gap.

    Returns
    -------
    reading_hu, support : ndarray, shape (N,)
        Mean HU of the gap's voxels in a cube of 4.5 mm, and the share of gap and metal in it; in the order of
        `Target.points_lps`.
    """
    mask = target.gap.mask.voxels
    index = cells_in(mask)
    low, high = np.maximum(index.min(axis=0) - _RIM, 0), np.minimum(index.max(axis=0) + 1 + _RIM, mask.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    size = tuple(max(1, 2 * round(_AROUND_MM / 2 / s) + 1) for s in anatomy.grid.spacing_mm)
    own = mask[box]
    total = ndimage.uniform_filter(np.where(own, anatomy.ct.hu[box], 0.0).astype(np.float64), size, mode="constant")
    share = ndimage.uniform_filter(own.astype(np.float64), size, mode="constant")
    filled = ndimage.uniform_filter((own | anatomy.metal.voxels[box]).astype(np.float64), size, mode="constant")
    return np.asarray((total / np.maximum(share, 1e-6))[own]), np.asarray(filled[own])


def sureness(anatomy: Anatomy, target: Target, fields: Fields, *, config: HipWayConfig) -> Array:
    """Say how surely each voxel of a gap is one.

    Parameters
    ----------
    anatomy : Anatomy
        The CT.
    target : Target
        The gap.
    fields : Fields
        Distances, of metal among them.
    config : HipWayConfig
        What reads as a gap.

    Returns
    -------
    ndarray, shape (N,)
        0 (marrow) and `HipWayConfig.least_sure` (reads as bone) to 1, in the order of `Target.points_lps`. No
        probability: an order.
    """
    reading, support = gap_reading(anatomy, target)
    sure = np.minimum(support / config.support, 1.0) * np.clip(
        (config.bone_hu - reading) / (config.bone_hu - config.fibrous_hu), config.least_sure, 1.0
    )
    implant = target.implant
    if implant is None or implant.axis is None or implant.kind not in ("femoral_stem", "nail"):
        return np.asarray(sure)
    head, tip = np.array(implant.axis.head_lps), np.array(implant.axis.tip_lps)
    below = (target.points_lps - tip) @ (tip - head) > 0
    metal = sample(fields, target.points_lps, METAL)
    fall = (config.below_tip_far_mm - metal) / (config.below_tip_far_mm - config.below_tip_near_mm)
    fibrous = (reading - config.marrow_hu) / (config.not_marrow_hu - config.marrow_hu)
    return np.asarray(
        np.where(below, config.below_tip * sure * np.clip(fall, 0.0, 1.0) * np.clip(fibrous, 0.0, 1.0), sure)
    )


def sure_targets(
    anatomy: Anatomy,
    target: Target,
    fields: Fields,
    *,
    radius_mm: float,
    config: NeedleConfig,
    known_sure: Array | None = None,
) -> Array:
    """Choose places for a needle's tip: the surest first, spread over what is sure of the gap.

    Parameters
    ----------
    anatomy : Anatomy
        The CT.
    target : Target
        The gap.
    fields : Fields
        Distances.
    radius_mm : float
        The needle's.
    config : NeedleConfig
        How many places, how far apart, how sure.
    known_sure : ndarray, shape (N,), or None
        From `sureness`, where it was measured before.

    Returns
    -------
    ndarray, shape (N, 3)
        LPS mm; none where no place of the gap has room for the needle beside the metal.
    """
    hip = config.hip
    places, moved = _with_room(target.points_lps, fields, radius_mm + config.tip_metal_margin_mm, hip.nudge_mm)
    sure = sureness(anatomy, target, fields, config=hip) if known_sure is None else known_sure
    if hip.nudge_mm > 0:
        sure = sure * (1.0 - hip.nudged * np.minimum(moved / hip.nudge_mm, 1.0))
    known = np.isfinite(moved) & (sure > 0.0)
    if not known.any():
        return np.empty((0, 3))
    limit = hip.sure_share
    if np.count_nonzero(sure[known] >= limit) < hip.least_places:
        limit = float(np.sort(sure[known])[-min(hip.least_places, int(known.sum()))])
    index = np.flatnonzero(known & (sure >= min(limit, hip.zone_sure)))
    index = index[np.argsort(-sure[index], kind="stable")]
    zones = zones_at(anatomy, target.implant, places[index]) or ("",) * len(index)
    wanted = _of_each_zone(zones, hip.zone_places) | (sure[index] >= limit)
    # Each zone's surest come first, so that no zone is left out when there are more places than are tried.
    first = np.argsort(~_of_each_zone(zones, hip.zone_places)[wanted], kind="stable")
    index = index[wanted][first]
    kept = _apart(places[index], config.targets_per_gap, hip.places_apart_mm)
    return np.asarray(places[index[kept]])


def _of_each_zone(zones: tuple[str, ...], most: int) -> npt.NDArray[np.bool_]:
    """Say which are among the first of their zone."""
    out = np.zeros(len(zones), bool)
    count: Counter[str] = Counter()
    for k, zone in enumerate(zones):
        out[k] = count[zone] < most
        count[zone] += 1
    return out


def _with_room(points: Array, fields: Fields, room_mm: float, most_mm: float) -> tuple[Array, Array]:
    """Move places away from the metal until a needle has room there.

    Gives them with how far they were moved: NaN where that would be too far, or does not help.
    """
    places = points.copy()
    for _ in range(_NUDGES):
        lacking = room_mm + _SPARE_MM - sample(fields, places, METAL)
        near = np.flatnonzero((lacking > _SPARE_MM) & (lacking <= most_mm))
        if not len(near):
            break
        places[near] += lacking[near, None] * _away_from_metal(fields, places[near])
    moved = np.linalg.norm(places - points, axis=1)
    good = (sample(fields, places, METAL) >= room_mm) & (moved <= most_mm)
    return places, np.where(good, moved, np.nan)


def _away_from_metal(fields: Fields, points: Array) -> Array:
    gradient = np.empty_like(points)
    for axis in range(3):
        shift = np.zeros(3)
        shift[axis] = _SLOPE_MM
        gradient[:, axis] = sample(fields, points + shift, METAL) - sample(fields, points - shift, METAL)
    length = np.linalg.norm(gradient, axis=1, keepdims=True)
    return np.asarray(np.nan_to_num(gradient / np.maximum(length, 1e-6)))


def _apart(points: Array, count: int, apart_mm: float) -> list[int]:
    """Pick points in their order that keep a distance from those picked before."""
    free = np.ones(len(points), bool)
    picked: list[int] = []
    for k in range(len(points)):
        if len(picked) >= count:
            break
        if free[k]:
            picked.append(k)
            free &= np.linalg.norm(points - points[k], axis=1) >= apart_mm
    return picked
