"""Through the pedicle: along the screw with the tip sliding on, or beside it by a route of its own."""

import numpy as np
import numpy.typing as npt

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array, unit
from planner.geometry.rigid import perpendicular_pair
from planner.needles.candidates import Candidates, Pedicle, Target, cone, every_pair, from_behind

_SHORT_OF_END_MM = 1.5
"""A sliding tip stops this far before the gap's end, so that an error of the gap's end does not press it into bone."""
_BEHIND_MM = 3.0
"""A bone entry this far behind the isthmus leads through the pedicle; nearer ones come from its side. No source."""


def beside_the_screw(target: Target, tips_lps: Array, *, config: NeedleConfig) -> Candidates | None:
    """Give straight ways to the gap through the pedicle.

    Parameters
    ----------
    target : Target
        The gap and its pedicle.
    tips_lps : ndarray, shape (N, 3)
        Places for the tip.
    config : NeedleConfig
        Angles.

    Returns
    -------
    Candidates or None
        None away from the spine.
    """
    if target.pedicle is None or not len(tips_lps):
        return None
    axis = target.pedicle.outward_lps
    directions = cone(axis, half_angle_deg=config.max_off_axis_deg, step_deg=config.direction_step_deg)
    directions = directions[from_behind(directions, config=config)]
    tips, outward = every_pair(tips_lps, directions)
    return Candidates("transpedicular", "beside the screw", tips, tips, outward, axis)


def along_the_screw(target: Target, *, radius_mm: float, config: NeedleConfig) -> Candidates | None:
    """Give ways that touch the screw's middle and slide on along its distal shaft.

    Parameters
    ----------
    target : Target
        The gap, with its screw's axis and diameter.
    radius_mm : float
        The needle's.
    config : NeedleConfig
        Greatest bend at the contact.

    Returns
    -------
    Candidates or None
        None where the axis or its diameter is not known, or the gap does not line the distal shaft.

    Notes
    -----
    Cianfoni 2018: the needle touches the screw's middle and slides along the distal shaft, tip inside the halo.
    """
    axis = None if target.implant is None else target.implant.axis
    if axis is None or axis.diameter_mm is None or target.pedicle is None or axis.length_mm <= 0:
        return None
    head, tip = np.array(axis.head_lps), np.array(axis.tip_lps)
    outward = unit(head - tip)
    first, second = perpendicular_pair(outward)
    rim = axis.diameter_mm / 2 + radius_mm + config.tip_metal_margin_mm
    contacts, ends, bends = [], [], []
    tilted = cone(outward, half_angle_deg=config.max_slide_bend_deg, step_deg=config.direction_step_deg / 2)
    for turn in np.arange(0.0, 360.0, 15.0):
        away = np.cos(np.radians(turn)) * first + np.sin(np.radians(turn)) * second
        lined = _lined(target, head, -outward, away * rim, axis.length_mm)
        for share in (0.35, 0.45, 0.55, 0.65):
            end = _slide_end(lined, share * axis.length_mm)
            if end is None:
                continue
            # The shaft leaves the screw's side at the contact: away from the screw, never into it.
            free = tilted[(tilted @ away) > 0.02]
            contact = head - outward * share * axis.length_mm + away * rim
            contacts.append(np.tile(contact, (len(free), 1)))
            ends.append(np.tile(head - outward * end + away * rim, (len(free), 1)))
            bends.append(free)
    if not contacts:
        return None
    directions = np.concatenate(bends)
    allowed = from_behind(directions, config=config)
    aim, stop = np.concatenate(contacts)[allowed], np.concatenate(ends)[allowed]
    return Candidates("transpedicular", "along the screw", aim, stop, directions[allowed], outward, slides=True)


def _lined(target: Target, head: Array, inward: Array, offset: Array, length_mm: float) -> npt.NDArray[np.bool_]:
    """Say at each millimetre of the shaft whether the gap lies on one side of it."""
    way = np.arange(0.0, length_mm + 1.0)
    points = head + way[:, None] * inward + offset
    grid = target.gap.mask.grid
    index = np.rint(np.asarray(grid.to_index(points))).astype(int)
    inside = np.all((index >= 0) & (index < np.array(grid.shape)), axis=1)
    hit = np.zeros(len(way), bool)
    hit[inside] = target.gap.mask.voxels[tuple(index[inside].T)]
    return hit


def _slide_end(lined: npt.NDArray[np.bool_], contact_mm: float) -> float | None:
    """Give how far along the shaft a tip can slide within the gap; None where that is less than 4 mm."""
    start = int(np.ceil(contact_mm))
    # The contact itself may lie in bone, but from 3 mm on the tip must run in the gap.
    run = lined[start + 3 :]
    stop = int(np.argmin(run)) if not run.all() else len(run)
    end = float(start + 2 + stop) - _SHORT_OF_END_MM
    return end if end - contact_mm >= 4.0 else None


def passes_pedicle(pedicle: Pedicle, bone_lps: Array, aim_lps: Array, *, reach_mm: float) -> npt.NDArray[np.bool_]:
    """Say which needles go through the pedicle.

    Parameters
    ----------
    pedicle : Pedicle
        The narrowest place.
    bone_lps, aim_lps : ndarray, shape (N, 3)
        Bone entries and inner ends.
    reach_mm : float
        Farthest from the isthmus.

    Returns
    -------
    ndarray of bool, shape (N,)
        True where the bone is entered behind the isthmus and the isthmus is passed within reach, on its own side of
        the canal. A needle that stays behind the isthmus passes by its inner end.
    """
    behind = (bone_lps - pedicle.isthmus_lps) @ pedicle.outward_lps
    inner = (aim_lps - pedicle.isthmus_lps) @ pedicle.outward_lps
    share = np.clip(behind / np.where(np.abs(behind - inner) < 1e-6, 1.0, behind - inner), 0.0, 1.0)
    crossing = bone_lps + share[:, None] * (aim_lps - bone_lps)
    gone = np.maximum(0.0, np.minimum(behind, inner))[:, None] * pedicle.outward_lps
    off = np.linalg.norm(crossing - gone - pedicle.isthmus_lps, axis=1)
    same_side = (crossing[:, 0] - pedicle.middle_lps[0]) * pedicle.side > 0
    return np.asarray((behind > _BEHIND_MM) & (off <= reach_mm) & same_side)
