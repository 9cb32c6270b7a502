"""Through the pedicle: along the screw with the tip sliding on, or beside it by a route of its own."""

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from planner.config.needle_config import NeedleConfig
from planner.config.spine_way_config import SpineWayConfig
from planner.geometry.frames import Array, unit
from planner.geometry.rigid import perpendicular_pair
from planner.needles.candidates import Candidates, Target, cone, every_pair, from_behind
from planner.needles.spine.pedicle import Pedicle, at_isthmus, within_pedicle

_STEP_MM = 0.5
_REALLY_IN_GAP_MM = 0.5
"""A slide ends where its axis lies so near to a voxel of the gap: within it, or on its edge."""


def beside_the_screw(
    target: Target, tips_lps: Array, *, config: NeedleConfig, pedicle: Pedicle | None = None
) -> Candidates | None:
    """Give straight ways to the gap through a pedicle, or within the ilium along an iliac screw.

    Parameters
    ----------
    target : Target
        The gap and its pedicle.
    tips_lps : ndarray, shape (N, 3)
        Places for the tip.
    config : NeedleConfig
        Angles.
    pedicle : Pedicle or None
        By which one; None for the target's own.

    Returns
    -------
    Candidates or None
        None away from the spine.
    """
    pedicle = target.pedicle if pedicle is None else pedicle
    if pedicle is None or not len(tips_lps):
        return None
    axis = pedicle.outward_lps
    directions = cone(axis, half_angle_deg=config.max_off_axis_deg, step_deg=config.spine.beside_step_deg)
    directions = directions[from_behind(directions, config=config)]
    tips, outward = every_pair(tips_lps, directions)
    if not pedicle.in_ilium:
        lateral, other = at_isthmus(pedicle, tips, outward)
        through = within_pedicle(pedicle, lateral, other, reach_mm=config.pedicle_reach_mm)
        tips, outward = tips[through], outward[through]
    return Candidates("transpedicular", "beside the screw", tips, tips, outward, axis, pedicle=pedicle)


def along_the_screw(target: Target, *, radius_mm: float, config: NeedleConfig) -> Candidates | None:
    """Give ways that touch the screw's middle and slide on along its distal shaft.

    Parameters
    ----------
    target : Target
        The gap, with its screw's axis and diameter.
    radius_mm : float
        The needle's.
    config : NeedleConfig
        Contacts, greatest bend at the contact, how much gap must line the slide.

    Returns
    -------
    Candidates or None
        None where the axis or its diameter is not known, or the gap does not line the distal shaft.

    Notes
    -----
    Cianfoni 2018: the needle touches the screw's middle and slides along the distal shaft, tip inside the halo. The
    slide runs along the screw's axis at the distance of the contact.
    """
    axis = None if target.implant is None else target.implant.axis
    if axis is None or axis.diameter_mm is None or target.pedicle is None or axis.length_mm <= 0:
        return None
    spine = config.spine
    head, tip = np.array(axis.head_lps), np.array(axis.tip_lps)
    outward = unit(head - tip)
    first, second = perpendicular_pair(outward)
    rim = axis.diameter_mm / 2 + radius_mm + config.tip_metal_margin_mm
    ways = np.arange(spine.contact_from_share, 1.0, _STEP_MM / axis.length_mm) * axis.length_mm
    tilted = cone(outward, half_angle_deg=config.max_slide_bend_deg, step_deg=spine.slide_step_deg)
    tilted = tilted[from_behind(tilted, config=config)]
    tree = cKDTree(target.points_lps)
    aims, stops, bends = [], [], []
    for turn in np.radians(np.arange(0.0, 360.0, spine.turn_step_deg)):
        away = np.cos(turn) * first + np.sin(turn) * second
        line = head + away * rim - ways[:, None] * outward
        off = np.asarray(tree.query(line, distance_upper_bound=5.0)[0])
        # The shaft leaves the screw's side at the contact: away from the screw, never into it.
        free = tilted[(tilted @ away) > 0.02]
        for start in _contacts(ways, axis.length_mm, spine):
            end = slide_end(off[start:], config=spine)
            if end is None:
                continue
            aims.append(np.tile(line[start], (len(free), 1)))
            stops.append(np.tile(line[start] - end * outward, (len(free), 1)))
            bends.append(free)
    if not aims:
        return None
    ends = np.concatenate(stops)
    return Candidates(
        "transpedicular", "along the screw", np.concatenate(aims), ends, np.concatenate(bends), outward, slides=True,
        pedicle=target.pedicle,
    )  # fmt: skip


def _contacts(ways: Array, length_mm: float, config: SpineWayConfig) -> range:
    """Give the places of the shaft that are tried as contacts, as indices into the steps along it."""
    last = int(np.searchsorted(ways, config.contact_to_share * length_mm, side="right"))
    return range(0, last, max(1, round(config.contact_step_mm / _STEP_MM)))


def slide_end(off_gap_mm: Array, *, config: SpineWayConfig) -> float | None:
    """Give how far a tip can slide from a contact on, in the gap all the way but for short dropouts.

    Parameters
    ----------
    off_gap_mm : ndarray, shape (N,)
        Distance of the slide's axis from the gap at each half millimetre, from the contact on.
    config : SpineWayConfig
        What counts as in the gap, which dropouts are bridged, the shortest slide.

    Returns
    -------
    float or None
        mm; None where no slide is long enough.
    """
    lined = np.flatnonzero(off_gap_mm <= config.lined_within_mm) * _STEP_MM
    # The contact itself may lie in bone: a dropout there is bridged as any other.
    if not len(lined) or lined[0] > config.lined_dropout_mm:
        return None
    holes = np.flatnonzero(lined[1:] - lined[:-1] > config.lined_dropout_mm)
    latest = float(lined[holes[0]] if len(holes) else lined[-1]) - config.short_of_end_mm
    inside = np.flatnonzero(off_gap_mm <= _REALLY_IN_GAP_MM) * _STEP_MM
    inside = inside[inside <= latest]
    return float(inside[-1]) if len(inside) and inside[-1] >= config.shortest_slide_mm else None


def passes_pedicle(
    pedicle: Pedicle, bone_lps: Array, aim_lps: Array, *, reach_mm: float, behind_mm: float = 3.0
) -> npt.NDArray[np.bool_]:
    """Say which needles go through the pedicle.

    Parameters
    ----------
    pedicle : Pedicle
        The narrowest place.
    bone_lps, aim_lps : ndarray, shape (N, 3)
        Bone entries and inner ends.
    reach_mm : float
        Farthest from the isthmus where the pedicle was not measured.
    behind_mm : float
        How far behind the isthmus the bone must be entered; nearer ones come from its side. No source.

    Returns
    -------
    ndarray of bool, shape (N,)
        True where the bone is entered behind the isthmus and its plane is passed within the pedicle, on its own side
        of the canal. A needle that stays behind the isthmus passes by its inner end.
    """
    behind = (bone_lps - pedicle.isthmus_lps) @ pedicle.outward_lps
    length = np.linalg.norm(bone_lps - aim_lps, axis=1, keepdims=True)
    outward = (bone_lps - aim_lps) / np.maximum(length, 1e-6)
    lateral, other = at_isthmus(pedicle, aim_lps, outward)
    inside = within_pedicle(pedicle, lateral, other, reach_mm=reach_mm)
    from_middle = (pedicle.isthmus_lps[0] - pedicle.middle_lps[0]) * pedicle.side
    return np.asarray((behind > behind_mm) & inside & (from_middle + lateral > 0))


def stays_in_ilium(
    pedicle: Pedicle, bone_lps: Array, aim_lps: Array, inside: npt.NDArray[np.bool_], *, entry_mm: float
) -> npt.NDArray[np.bool_]:
    """Say which needles run within the ilium, from its posterior superior spine on.

    Parameters
    ----------
    pedicle : Pedicle
        An iliac screw's way; its isthmus is the screw's head.
    bone_lps, aim_lps : ndarray, shape (N, 3)
        Bone entries and inner ends.
    inside : ndarray of bool, shape (N,)
        Which of them meet no sacrum: across the joint no needle goes.
    entry_mm : float
        Farthest entry from the screw's head.

    Returns
    -------
    ndarray of bool, shape (N,)
        The sciatic notch is out of bone, and a needle that leaves the bone was refused before.
    """
    near = np.linalg.norm(bone_lps - pedicle.isthmus_lps, axis=1) <= entry_mm
    inwards = (bone_lps - aim_lps) @ pedicle.outward_lps > 0
    return np.asarray(near & inwards & inside)
