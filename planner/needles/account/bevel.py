"""Which way the bevel faces.

A bevel-tipped needle drifts away from its bevel's opening, towards the side of the point. So the opening faces what the
needle is to leave: the screw along which it slides, or the canal that it passes.
"""

import numpy as np

from planner.geometry.frames import Array, positioner_angles_deg, unit
from planner.model.implant import ImplantAxis
from planner.model.needle import BevelSetting
from planner.safety.clearance import sample
from planner.safety.fields import CANAL, Fields

_FAR_MM = 15.0
"""From a canal farther away the drift does not matter; ours."""


def clock_hour(facing_lps: Array, outward_lps: Array) -> int:
    """Give a direction as the hour on the bull's-eye view's clock.

    Parameters
    ----------
    facing_lps, outward_lps : ndarray, shape (3,)
        The direction, and the unit vector from the needle's tip to the operator.

    Returns
    -------
    int
        1 to 12. The picture is the one of `fluoro.carm.pose`: seen from the detector, which stands behind the hub, head
        up, neither turned nor mirrored at the console. At a prone patient seen from behind, 3 o'clock is the patient's
        right and 9 o'clock the left.
    """
    primary, secondary = np.radians(positioner_angles_deg(outward_lps))
    right = np.array([np.cos(primary), np.sin(primary), 0.0])
    up = np.array([-np.sin(primary) * np.sin(secondary), np.cos(primary) * np.sin(secondary), np.cos(secondary)])
    hour = round(float(np.degrees(np.arctan2(facing_lps @ right, facing_lps @ up))) / 30.0) % 12
    return hour or 12


def bevel_to_screw(aim_lps: Array, outward_lps: Array, axis: ImplantAxis) -> BevelSetting | None:
    """Give the bevel of a needle that slides along a screw.

    Parameters
    ----------
    aim_lps, outward_lps : ndarray, shape (3,)
        The contact, and the unit vector from there to the operator.
    axis : ImplantAxis
        The screw's.

    Returns
    -------
    BevelSetting or None
        None where the contact lies on the axis.
    """
    head, inward = np.asarray(axis.head_lps), unit(np.subtract(axis.tip_lps, axis.head_lps))
    to_axis = head + ((aim_lps - head) @ inward) * inward - aim_lps
    return _setting(
        to_axis, outward_lps, "the opening lies on the screw: its slope glides on the metal, off the thread"
    )


def bevel_to_canal(fields: Fields, bone_lps: Array, end_lps: Array, outward_lps: Array) -> BevelSetting | None:
    """Give the bevel of a straight needle beside the canal.

    Parameters
    ----------
    fields : Fields
        Distances, of the canal among them.
    bone_lps, end_lps, outward_lps : ndarray, shape (3,)
        Bone entry, tip, and the unit vector towards the operator.

    Returns
    -------
    BevelSetting or None
        None where the canal is not known or farther than 15 mm.
    """
    if not fields.canal_known:
        return None
    points = bone_lps + np.linspace(0.0, 1.0, 81)[:, None] * (end_lps - bone_lps)
    distance = sample(fields, points, CANAL)
    if not np.isfinite(distance).any() or np.nanmin(distance) > _FAR_MM:
        return None
    nearest = points[int(np.nanargmin(distance))]
    steps = np.eye(3)
    towards = sample(fields, nearest - steps, CANAL) - sample(fields, nearest + steps, CANAL)
    return _setting(towards, outward_lps, "the needle drifts away from the opening: away from the canal")


def _setting(towards: Array, outward: Array, reason: str) -> BevelSetting | None:
    across = towards - (towards @ outward) * outward
    if not np.isfinite(across).all() or np.linalg.norm(across) < 1e-3:
        return None
    facing = unit(across)
    x, y, z = (float(v) for v in facing)
    return BevelSetting(facing_lps=(x, y, z), clock=clock_hour(facing, outward), reason=reason)
