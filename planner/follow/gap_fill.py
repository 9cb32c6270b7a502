"""How far each early gap is filled with new cement, and what is left of it."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from planner.config.delivered_cement_config import DeliveredCementConfig
from planner.follow.carried import Bools, Floats, carried_mask, carried_point
from planner.follow.cement_share import CementShare
from planner.follow.examined import Examined, ExaminedGap, RegisteredPair
from planner.follow.metal_bloom import Scene
from planner.geometry.distance import distance_mm
from planner.geometry.frames import Array
from planner.model.follow_cement import GapFilled
from planner.model.gap import Interval
from planner.model.volume import Mask
from planner.segment.upright import resample

_MOVED_MM = 0.5
"""A smaller move of metal in its gap frees less than a voxel."""
_IN_GAP = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class FilledGap:
    """One gap on the later CT.

    Parameters
    ----------
    record : GapFilled
        What was measured.
    place : ndarray of bool
        The gap on the late working grid, without metal.
    residual : Mask or None
        What is left of it; None where too little is, or it was not read.
    hidden_ml : float
        Of the place, volume that is not read.
    """

    record: GapFilled
    place: Bools
    residual: Mask | None
    hidden_ml: float


def host_motion(pair: RegisteredPair, gap: ExaminedGap) -> Array:
    """Give the motion of the bone that a gap lies in.

    Parameters
    ----------
    pair : RegisteredPair
        The two CTs.
    gap : ExaminedGap
        A gap of the earlier one.

    Returns
    -------
    ndarray, shape (4, 4)
        Late from early, LPS; the patient's where the bone is not known.
    """
    name = pair.host_of.get(gap.record.implant_id) if gap.record.implant_id is not None else None
    return pair.motion_of_bone(name if name is not None else _bone_round(pair.early, gap))


def _bone_round(early: Examined, gap: ExaminedGap) -> str | None:
    inside = resample(gap.mask.voxels, gap.mask.grid, early.grid) > _IN_GAP
    counts = [(int(np.count_nonzero(inside & bone.mask.voxels)), bone.name) for bone in early.bones]
    best = max(counts, default=(0, ""))
    return best[1] if best[0] else None


def carried_gap(pair: RegisteredPair, gap: ExaminedGap) -> Floats:
    """Carry a gap to the later CT, and add what its implant left when it moved.

    Parameters
    ----------
    pair : RegisteredPair
        The two CTs.
    gap : ExaminedGap
        A gap of the earlier one.

    Returns
    -------
    ndarray of float32, shape of the late working grid
        Share of each voxel in it; the later CT's metal may lie there.
    """
    motion = host_motion(pair, gap)
    soft = carried_mask(gap.mask, motion, pair.late.grid)
    own = pair.early.implant(gap.record.implant_id)
    moved = pair.implants.get(own.record.id) if own is not None else None
    if own is None or moved is None:
        return soft
    where = own.record.centroid_lps
    if np.linalg.norm(carried_point(where, moved) - carried_point(where, motion)) < _MOVED_MM:
        return soft
    left = carried_mask(own.mask, motion, pair.late.grid)
    near = distance_mm(soft > _IN_GAP, pair.late.grid.spacing_mm, reach_mm=6.0) <= 4.0
    return np.maximum(soft, np.where(near, left, 0.0))


def filled_gap(
    gap: ExaminedGap, soft: Floats, seen: Scene, cement: CementShare, config: DeliveredCementConfig
) -> FilledGap:
    """Tell how far one gap is filled.

    Parameters
    ----------
    gap : ExaminedGap
        The earlier CT's.
    soft : ndarray of float32
        The gap, carried.
    seen : Scene
        Both CTs.
    cement : CementShare
        New cement.
    config : DeliveredCementConfig
        The settings.

    Returns
    -------
    FilledGap

    Notes
    -----
    A full gap that is thin does not read as full: blur takes cement out of it. Its share is told as a part of what the
    gap would show if it were full, its own shape blurred; cement beyond its wall does not count.
    """
    space = np.where(seen.metal, 0.0, soft).astype(np.float32)
    place = space > _IN_GAP
    sigma = [config.blur_mm / step for step in seen.grid.spacing_mm]
    full = np.asarray(np.clip(ndi.gaussian_filter(space, sigma), 0.0, 1.0))
    voxel_ml = seen.grid.voxel_volume_mm3 / 1000.0
    space_ml = float(space.sum()) * voxel_ml
    read = place & cement.read & (full > 0.2)
    hidden = place & ~cement.read
    hidden_ml = float(np.count_nonzero(hidden)) * voxel_ml
    gap_ml = gap.record.volume_ml.estimate if gap.record.volume_ml is not None else None
    seen_share = float(read.sum()) / max(1.0, float(place.sum()))
    if seen_share < config.least_read_share:
        none = GapFilled(gap_id=gap.record.id, gap_ml=gap_ml, cement_ml=None, share=None, residual_ml=None)
        return FilledGap(none, place, None, hidden_ml)
    share = _share(cement, full, read, hidden, space_ml, float(place.sum()) * voxel_ml, config)
    volume = gap.record.volume_ml
    whole_ml = max(space_ml, gap_ml or 0.0)
    bounds = _bounds(volume, whole_ml)
    cement_ml = _product(share, bounds)
    left = Interval(estimate=1.0 - share.estimate, low=1.0 - share.high, high=1.0 - share.low)
    residual_ml = _product(left, bounds)
    rest = place & (cement.share < 0.5 * full)
    is_left = residual_ml.estimate >= config.least_residual_ml and rest.any()
    record = GapFilled(
        gap_id=gap.record.id,
        gap_ml=gap_ml,
        cement_ml=cement_ml,
        share=share if volume is not None else None,
        residual_ml=residual_ml,
    )
    return FilledGap(record, place, Mask(seen.grid, rest) if is_left else None, hidden_ml)


def _share(
    cement: CementShare, full: Floats, read: Bools, hidden: Bools, space_ml: float, place_ml: float,
    config: DeliveredCementConfig,
) -> Interval:  # fmt: skip
    """Give the filled share with its interval: hidden voxels are filled as their neighbours are."""
    wanted = float(full[read].sum() + full[hidden].sum())
    got = float(np.minimum(cement.share, full)[read].sum() + np.minimum(cement.share, full)[hidden].sum())
    estimate = min(1.0, got / max(wanted, 1e-9))
    unseen = float(full[hidden].sum()) / max(wanted, 1e-9) * config.hidden_spread
    rest = 1.0 - estimate
    # a wall that lies elsewhere: less of the gap's own voxels for what is thin
    wall = config.edge_mm * min(1.0, abs(place_ml - space_ml) / max(space_ml, 1e-9) + 0.5)
    low = estimate * (1.0 - unseen) * (1.0 - cement.spread - wall)
    high = estimate + rest * unseen + estimate * (cement.spread + wall) + 0.01
    return Interval(estimate=estimate, low=max(0.0, min(low, estimate)), high=min(1.0, max(high, estimate)))


def _bounds(volume: Interval | None, whole_ml: float) -> Interval:
    """Give the gap's volume on the later CT, with the relative interval that it had."""
    if volume is None or volume.estimate <= 0:
        return Interval(estimate=whole_ml, low=whole_ml, high=whole_ml)
    scale = whole_ml / volume.estimate
    return Interval(estimate=whole_ml, low=volume.low * scale, high=volume.high * scale)


def _product(share: Interval, volume: Interval) -> Interval:
    """Multiply; the relative errors are independent and add by their squares."""
    estimate = share.estimate * volume.estimate
    down = np.hypot((share.estimate - share.low) * volume.estimate, share.estimate * (volume.estimate - volume.low))
    up = np.hypot((share.high - share.estimate) * volume.estimate, share.estimate * (volume.high - volume.estimate))
    return Interval(estimate=estimate, low=max(0.0, estimate - float(down)), high=estimate + float(up))
