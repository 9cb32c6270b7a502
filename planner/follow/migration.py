"""How implants moved against their own bones."""

import numpy as np

from planner.config.follow_up_registration_config import FollowUpRegistrationConfig
from planner.follow.examined import ExaminedImplant, RegisteredPair
from planner.follow.sampling_error import turn_error_deg
from planner.geometry.frames import Array, point_tuple, unit
from planner.geometry.rigid import angle_between_deg, angle_of_rotation_deg, moved
from planner.model.follow_motion import ImplantMotion

_ROUND = frozenset(("pedicle_screw", "rod", "cup_screw", "femoral_head", "nail"))
"""What looks the same when it is turned about its axis."""


def implant_motions(pair: RegisteredPair, config: FollowUpRegistrationConfig) -> tuple[ImplantMotion, ...]:
    """Measure how each implant moved against its own bone.

    Parameters
    ----------
    pair : RegisteredPair
        Two CTs with their registrations.
    config : FollowUpRegistrationConfig
        What this pair of scans can tell.

    Returns
    -------
    tuple of ImplantMotion
        Of all implants but cement and metal that nobody knows; unmeasured ones say why. A rod has no bone: it is left
        to its screws, and to what broke.
    """
    wanted = (one for one in pair.early.implants if one.record.kind not in ("cement", "unknown", "rod"))
    return tuple(_motion(one, pair, config) for one in wanted)


def _motion(implant: ExaminedImplant, pair: RegisteredPair, config: FollowUpRegistrationConfig) -> ImplantMotion:
    name = implant.record.id
    host = pair.host_of.get(name)
    own, bone = pair.implants.get(name), pair.bones.get(host or "")
    if host is None:
        return _untold(implant, pair, None, "its bone is not told on the earlier CT")
    if bone is None:
        return _untold(implant, pair, host, f"its bone ({host}) was not found again on the later CT")
    if own is None:
        record = pair.record(name)
        why = None if record is None else record.reason
        return _untold(implant, pair, host, why or "it was not found again on the later CT")
    return _measured(implant, pair, host, np.linalg.inv(bone) @ own, config)


def _measured(
    implant: ExaminedImplant, pair: RegisteredPair, host: str, relative: Array, config: FollowUpRegistrationConfig
) -> ImplantMotion:
    """Tell a motion within the bone's own frame, as the earlier CT has it."""
    record, axis = implant.record, implant.record.axis
    middle = np.array(record.centroid_lps)
    head, tip, length = None, None, _extent_mm(implant)
    if axis is not None:
        head, tip, length = np.array(axis.head_lps), np.array(axis.tip_lps), axis.length_mm
        middle = (head + tip) / 2.0
    step = moved(relative, middle) - middle
    turn, about = _turn(implant, relative, head, tip)
    limit_mm, limit_deg = _limits(pair, record.id, host, length, config)
    shift = float(np.linalg.norm(step))
    tip_mm = None if tip is None else float(np.linalg.norm(moved(relative, tip) - tip))
    head_mm = None if head is None else float(np.linalg.norm(moved(relative, head) - head))
    has_moved = max(shift, tip_mm or 0.0, head_mm or 0.0) > limit_mm or turn > limit_deg
    return ImplantMotion(
        implant_id=record.id,
        late_id=pair.late_names.get(record.id),
        kind=record.kind,
        side=record.side,
        level=record.level,
        bone=host,
        moved=bool(has_moved),
        translation_mm=shift,
        along_axis_mm=None if head is None or tip is None else float(step @ unit(head - tip)),
        tip_mm=tip_mm,
        head_mm=head_mm,
        rotation_deg=turn,
        about_axis_deg=about,
        direction_lps=point_tuple(unit(pair.bones[host][:3, :3] @ step)) if has_moved and shift > 1e-6 else None,
        limit_mm=limit_mm,
        limit_deg=limit_deg,
    )


def _turn(
    implant: ExaminedImplant, relative: Array, head: Array | None, tip: Array | None
) -> tuple[float, float | None]:
    """Give how far the axis turned, and for what is not round how far it turned about it."""
    if implant.record.sphere is not None and implant.record.sphere.opening_lps is not None:
        opening = np.array(implant.record.sphere.opening_lps)
        return angle_between_deg(opening, relative[:3, :3] @ opening), None
    if head is None or tip is None:
        return angle_of_rotation_deg(relative[:3, :3]), None
    along = unit(tip - head)
    turn = angle_between_deg(along, relative[:3, :3] @ along)
    if implant.record.kind in _ROUND:
        return turn, None
    return turn, _about(relative[:3, :3], along)


def _about(rotation: Array, axis: Array) -> float:
    """Give the part of a rotation that turns about an axis, degrees, right-handed: its twist."""
    skew = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    return float(np.degrees(np.arctan2(skew @ axis, 1.0 + np.trace(rotation))) * 2.0)


def _limits(
    pair: RegisteredPair, name: str, host: str, length_mm: float, config: FollowUpRegistrationConfig
) -> tuple[float, float]:
    """Give the least motion that these two scans tell from none, mm and degrees."""
    own, bone = pair.record(name), pair.record(host)
    places = [r.precision_mm for r in (own, bone) if r is not None and r.precision_mm is not None]
    turns = [r.precision_deg for r in (own, bone) if r is not None and r.precision_deg is not None]
    place = float(np.linalg.norm(places)) if len(places) == 2 else 0.0
    lever = float(np.radians(turns[-1])) * length_mm / 2.0 if turns else 0.0
    limit_mm = max(config.least_told_mm, config.limit_sd * float(np.hypot(place, lever)))
    turn = float(np.linalg.norm(turns)) if len(turns) == 2 else turn_error_deg(place, length_mm)
    return limit_mm, max(config.least_told_deg, config.limit_sd * turn)


def _extent_mm(implant: ExaminedImplant) -> float:
    points = np.asarray(implant.mask.grid.to_lps(np.argwhere(implant.mask.voxels)[::5]))
    return float(np.ptp(points, axis=0).max())


def _untold(implant: ExaminedImplant, pair: RegisteredPair, host: str | None, reason: str) -> ImplantMotion:
    record = implant.record
    return ImplantMotion(
        implant_id=record.id, late_id=pair.late_names.get(record.id), kind=record.kind, side=record.side,
        level=record.level, bone=host, moved=None, translation_mm=None, along_axis_mm=None, tip_mm=None, head_mm=None,
        rotation_deg=None, about_axis_deg=None, direction_lps=None, limit_mm=None, limit_deg=None, reason=reason,
    )  # fmt: skip
