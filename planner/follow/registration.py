"""Two CTs of one patient laid on each other: the whole patient first, then each bone and each implant."""

from collections.abc import Iterable, Sequence

import numpy as np

from planner.config.follow_up_registration_config import FollowUpRegistrationConfig
from planner.errors import PairError
from planner.follow.bone_registration import BoneFit, Side, box_moved, fit_bone, middle_of, record_of_bone
from planner.follow.examined import Examined, ExaminedImplant, RegisteredPair
from planner.follow.implant_registration import fit_implant, record_of_implant
from planner.follow.rigid_fit import agreement, fit_rigid
from planner.follow.starts import paired_implants, starts
from planner.geometry.frames import Array
from planner.geometry.rigid import moved
from planner.model.bones import Bone
from planner.model.finding import Finding
from planner.model.follow_motion import Registration
from planner.progress import SILENT, Monitor, Progress, check_cancelled

_REGISTERED_KINDS = frozenset(("vertebra", "sacrum", "ilium", "femur", "pelvis"))
_SAME_BONE = 0.5
"""Least share of a bone's outline, carried over, that lies in its fellow's. Ours."""
_IN_BONE = 0.15
"""Least share of an implant that lies in its bone: a screw's shaft is half of it, its tulip outside. Ours."""


def register_pair(
    early: Examined, late: Examined, config: FollowUpRegistrationConfig, *, monitor: Monitor = SILENT
) -> RegisteredPair:
    """Lay two CTs of one patient on each other.

    Parameters
    ----------
    early, late : Examined
        The two CTs.
    config : FollowUpRegistrationConfig
        How.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    RegisteredPair

    Raises
    ------
    PairError
        If no bone of the earlier CT is found again: another patient, another side, another part of the body.
    CancelledError
        If the monitor stops the work.
    """
    before, after = Side(early, config), Side(late, config)
    candidates = _wholes(before, after, monitor)
    best: tuple[Array, list[BoneFit]] | None = None
    for whole in candidates:
        fits = _bones(before, after, whole, monitor)
        if best is None or _count(fits) > _count(best[1]):
            best = (whole, fits)
        if _count(fits) * 2 > len(fits):
            break  # most bones fit: no other start can do
    if best is None or not _count(best[1]):
        raise PairError(
            "no bone of the earlier CT is found again on the later one: another patient, another side or another part "
            "of the body, or the two scans share too little; give two CTs of the same implants of one patient"
        )
    whole, fits = best
    bones = {fit.bone.name: fit.motion for fit in fits if fit.motion is not None}
    hosts = {one.record.id: host for one in early.implants if (host := host_of(one, early)) is not None}
    whole = _middle_motion(bones, fits, whole)
    where = {one.record.id: bones.get(hosts.get(one.record.id, ""), whole) for one in early.implants}
    fellows = paired_implants(early, late, where, config.most_implant_shift_mm)
    records = [record_of_bone(fit, early.ct, late.ct, _late_name(fit.bone, fit.motion, late), config) for fit in fits]
    implants: dict[str, Array] = {}
    for number, one in enumerate(early.implants):
        monitor.report(Progress("registering implants", number, len(early.implants)))
        check_cancelled(monitor)
        if one.record.kind in ("cement", "unknown"):
            continue
        found = fit_implant(early, late, one, fellows.get(one.record.id), where[one.record.id], config)
        records.append(record_of_implant(found, early.ct.grid, late.ct.grid, config))
        if found.motion is not None:
            implants[one.record.id] = found.motion
    names = {r.name: r.late_name for r in records if r.late_name is not None}
    return RegisteredPair(early, late, whole, bones, implants, names, tuple(records), hosts, _findings(tuple(records)))


def _count(fits: Sequence[BoneFit]) -> int:
    return sum(fit.motion is not None for fit in fits)


def _wholes(before: Side, after: Side, monitor: Monitor) -> list[Array]:
    """Refine the starts on coarse voxels; the best first."""
    early, late, config = before.examined, after.examined, before.config
    points = np.concatenate([box_moved(_box(one), np.eye(4), 0.0) for one in early.implants])
    box = np.stack([points.min(axis=0) - 30.0, points.max(axis=0) + 30.0])
    fixed = before.picture(box, config.coarse_mm)
    everything = late.ct.grid.corners_lps
    moving = after.picture(np.stack([everything.min(axis=0), everything.max(axis=0)]), config.coarse_mm)
    judged = []
    begun = starts(early, late, config)
    for number, start in enumerate(begun):
        monitor.report(Progress("laying the CTs on each other", number, len(begun)))
        check_cancelled(monitor)
        found = fit_rigid(fixed, moving, start, shrink=(2, 1))
        if found is None:
            continue
        how = agreement(fixed, moving, found)
        judged.append((-how.correlation * min(1.0, how.overlap / config.least_overlap), number, found))
    judged.sort(key=lambda one: one[:2])
    return [one[2] for one in judged]


def _box(implant: ExaminedImplant) -> Array:
    points = np.asarray(implant.mask.grid.to_lps(np.argwhere(implant.mask.voxels)))
    return np.stack([points.min(axis=0), points.max(axis=0)])


def _bones(before: Side, after: Side, whole: Array, monitor: Monitor) -> list[BoneFit]:
    """Register each bone from the whole patient's motion; where that fails, from its nearest registered neighbour's."""
    bones = [bone for bone in before.examined.bones if bone.kind in _REGISTERED_KINDS]
    fits: dict[str, BoneFit] = {}
    for number, bone in enumerate(bones):
        monitor.report(Progress("registering bones", number, len(bones)))
        check_cancelled(monitor)
        fits[bone.name] = fit_bone(before, after, bone, whole)
    for bone in bones:
        if fits[bone.name].motion is None and (near := _nearest(bone, fits.values())) is not None:
            check_cancelled(monitor)
            again = fit_bone(before, after, bone, near)
            if again.motion is not None:
                fits[bone.name] = again
    return list(fits.values())


def _nearest(bone: Bone, fits: Iterable[BoneFit]) -> Array | None:
    middle = middle_of(bone)
    known = [fit for fit in fits if fit.motion is not None]
    if not known:
        return None
    return min(known, key=lambda fit: float(np.linalg.norm(middle_of(fit.bone) - middle))).motion


def _middle_motion(bones: dict[str, Array], fits: Sequence[BoneFit], whole: Array) -> Array:
    """Give the motion of the bone in the middle of those that were found: finer than the coarse one."""
    known = [fit for fit in fits if fit.motion is not None]
    if not known:
        return whole
    middles = np.array([middle_of(fit.bone) for fit in known])
    nearest = int(np.argmin(np.linalg.norm(middles - middles.mean(axis=0), axis=1)))
    return bones[known[nearest].bone.name]


def _late_name(bone: Bone, motion: Array | None, late: Examined) -> str | None:
    """Give the name of the late bone that an early one, carried over, lies in."""
    if motion is None:
        return None
    points = moved(motion, np.asarray(bone.mask.grid.to_lps(np.argwhere(bone.mask.voxels)[::11])))
    shares = {other.name: float(other.mask.at(points).mean()) for other in late.bones if other.kind == bone.kind}
    name = max(shares, key=lambda one: shares[one], default=None)
    return name if name is not None and shares[name] >= _SAME_BONE else None


def host_of(implant: ExaminedImplant, examined: Examined) -> str | None:
    """Say which bone an implant is anchored in.

    Parameters
    ----------
    implant : ExaminedImplant
        Which.
    examined : Examined
        Its CT.

    Returns
    -------
    str or None
        The bone that holds most of it (of a screw or stem, of its half towards the tip); None for rods, and for what
        hardly lies in any.
    """
    if implant.record.kind in ("rod", "unknown", "cement"):
        return None
    points = np.asarray(implant.mask.grid.to_lps(np.argwhere(implant.mask.voxels)[::5]))
    axis = implant.record.axis
    if axis is not None:
        along = (points - np.array(axis.head_lps)) @ (np.array(axis.tip_lps) - np.array(axis.head_lps))
        points = points[along > 0.5 * axis.length_mm**2]
    if not len(points):
        return None
    shares = {bone.name: float(bone.mask.at(points).mean()) for bone in examined.bones}
    best = max(shares, key=lambda name: shares[name], default=None)
    return best if best is not None and shares[best] >= _IN_BONE else None


def _findings(records: tuple[Registration, ...]) -> tuple[Finding, ...]:
    refused = [one for one in records if not one.accepted]
    return tuple(
        Finding(
            code=f"{one.kind}-not-registered",
            severity="caution",
            message=f"{one.name} of the earlier CT was not found again: {one.reason}; what hangs on it is not measured",
            implant_id=one.name if one.kind == "implant" else None,
            measured=one.correlation,
        )
        for one in refused
    )
