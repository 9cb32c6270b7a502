"""Where to begin: motions of the whole patient that lay one CT's implants onto the other's."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np

from planner.config.follow_up_registration_config import FollowUpRegistrationConfig
from planner.follow.examined import Examined, ExaminedImplant
from planner.geometry.frames import Array
from planner.geometry.rigid import moved, rigid_onto

_LENGTH_MM = 6.0
"""Two readings of one implant's length differ by less, a cut one aside. Ours."""
_APART_MM = 8.0
"""Starts that lie nearer to each other are one. Ours."""
_MOST_PAIRS = 4000
"""So many pairs of implants are tried. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """Points of an implant that another CT shows too.

    Parameters
    ----------
    implant : ExaminedImplant
        Whose.
    points_lps : ndarray, shape (N, 3)
        Head and tip of a shaft; of a stem its neck as well; the centre of a ball; else the middle.
    """

    implant: ExaminedImplant
    points_lps: Array


def landmarks_of(examined: Examined) -> tuple[Landmarks, ...]:
    """Give the landmarks of a CT's implants; metal that nobody knows, cement and rods have none.

    Parameters
    ----------
    examined : Examined
        One CT.

    Returns
    -------
    tuple of Landmarks
    """
    found = []
    for one in examined.implants:
        record = one.record
        if record.kind in ("unknown", "cement", "rod", "plate"):
            continue
        points = [record.centroid_lps]
        if record.axis is not None:
            points = [record.axis.head_lps, record.axis.tip_lps]
        elif record.sphere is not None:
            points = [record.sphere.centre_lps]
        if record.neck_lps is not None:
            points.append(record.neck_lps)
        found.append(Landmarks(one, np.array(points, dtype=np.float64)))
    return tuple(found)


def starts(early: Examined, late: Examined, config: FollowUpRegistrationConfig) -> tuple[Array, ...]:
    """Give motions of the whole patient that lay the early implants onto the late ones, the best first.

    Parameters
    ----------
    early, late : Examined
        The two CTs.
    config : FollowUpRegistrationConfig
        How near fellows lie, and how many starts are given.

    Returns
    -------
    tuple of ndarray, each of shape (4, 4)
        Late from early, LPS, ordered by how many implants they lay onto a fellow, then by how near. Where screws repeat
        from level to level, several do as well: the bones must tell. The scanner's own frame and a mere shift of the
        metal's middle close the list.
    """
    before, after = landmarks_of(early), landmarks_of(late)
    judged = []
    for motion in _motions(before, after):
        count, rest = _fellows(before, after, motion, config.start_reach_mm)
        judged.append((-count, rest, motion))
    judged.sort(key=lambda one: (one[0], one[1]))
    kept: list[Array] = []
    middle = _middle(early)
    for _, _, motion in judged:
        if len(kept) >= config.starts_tried:
            break
        if all(np.linalg.norm(moved(motion, middle) - moved(other, middle)) > _APART_MM for other in kept):
            kept.append(motion)
    shift = np.eye(4)
    shift[:3, 3] = _middle(late) - middle
    return (*kept, np.eye(4), shift)


def _middle(examined: Examined) -> Array:
    return np.asarray(np.mean([one.record.centroid_lps for one in examined.implants], axis=0))


def _motions(before: tuple[Landmarks, ...], after: tuple[Landmarks, ...]) -> Iterator[Array]:
    tried = 0
    for one, other in _far_pairs(before):
        for first, second in permutations(after, 2):
            if not (_are_alike(one, first) and _are_alike(other, second)):
                continue
            source = np.vstack([one.points_lps, other.points_lps])
            target = np.vstack([first.points_lps, second.points_lps])
            if len(source) < 3 or not _is_stiff(source, target):
                continue
            yield rigid_onto(source, target)
            tried += 1
            if tried >= _MOST_PAIRS:
                return
    for one in before:
        for first in after:
            if len(one.points_lps) >= 3 and _are_alike(one, first) and _is_stiff(one.points_lps, first.points_lps):
                yield rigid_onto(one.points_lps, first.points_lps)


def _far_pairs(before: tuple[Landmarks, ...]) -> list[tuple[Landmarks, Landmarks]]:
    """Give pairs of implants, those that lie furthest apart first: they turn least when one has moved."""
    pairs = list(combinations(before, 2))
    pairs.sort(key=lambda pair: -float(np.linalg.norm(pair[0].points_lps[0] - pair[1].points_lps[0])))
    return pairs


def _are_alike(one: Landmarks, other: Landmarks) -> bool:
    mine, yours = one.implant.record, other.implant.record
    if mine.kind != yours.kind or len(one.points_lps) != len(other.points_lps):
        return False
    if mine.is_cut or yours.is_cut or mine.axis is None or yours.axis is None:
        return True
    return abs(mine.axis.length_mm - yours.axis.length_mm) <= _LENGTH_MM


def _is_stiff(source: Array, target: Array) -> bool:
    """Whether all distances between points stay, as those of one patient's hardware do."""
    rows, columns = np.triu_indices(len(source), 1)
    was = np.linalg.norm(source[rows] - source[columns], axis=1)
    now = np.linalg.norm(target[rows] - target[columns], axis=1)
    return bool(np.all(np.abs(was - now) <= 2.0 * _LENGTH_MM))


def _fellows(
    before: tuple[Landmarks, ...], after: tuple[Landmarks, ...], motion: Array, reach_mm: float
) -> tuple[int, float]:
    """Count the implants that a motion lays onto a fellow, with their mean distance, mm."""
    distances = []
    for one in before:
        there = moved(motion, one.points_lps)
        away = [float(np.linalg.norm(there - x.points_lps, axis=1).max()) for x in after if _are_alike(one, x)]
        if away and min(away) <= reach_mm:
            distances.append(min(away))
    return len(distances), float(np.mean(distances)) if distances else np.inf


def paired_implants(early: Examined, late: Examined, motions: dict[str, Array], reach_mm: float) -> dict[str, str]:
    """Say which late implant is which early one.

    Parameters
    ----------
    early, late : Examined
        The two CTs.
    motions : dict of str to ndarray
        By the early implant's id, where its bone went.
    reach_mm : float
        A fellow lies no further from where it is looked for.

    Returns
    -------
    dict of str to str
        Late id by early id, nearest first, each once; those without a fellow are left out.
    """
    away = []
    for one in early.implants:
        if one.record.kind == "cement" or one.record.id not in motions:
            continue
        for other in late.implants:
            if other.record.kind != one.record.kind:
                continue
            distance = _distance(one, other, motions[one.record.id])
            if distance <= reach_mm:
                away.append((distance, one.record.id, other.record.id))
    paired: dict[str, str] = {}
    for _, one_id, other_id in sorted(away):
        if one_id not in paired and other_id not in paired.values():
            paired[one_id] = other_id
    return paired


def _distance(one: ExaminedImplant, other: ExaminedImplant, motion: Array) -> float:
    """Give how far an implant lies from where another is looked for: by its axis' line, for one may be cut."""
    mine, yours = one.record.axis, other.record.axis
    if mine is None or yours is None:
        here = moved(motion, one.record.centroid_lps)
        return float(np.linalg.norm(here - np.array(other.record.centroid_lps)))
    head, tip = moved(motion, mine.head_lps), moved(motion, mine.tip_lps)
    ends = [np.array(yours.head_lps), np.array(yours.tip_lps)]
    straight = max(float(np.linalg.norm(head - ends[0])), float(np.linalg.norm(tip - ends[1])))
    if one.record.is_cut or other.record.is_cut:
        along = (tip - head) / max(float(np.linalg.norm(tip - head)), 1e-6)
        return max(float(np.linalg.norm((p - head) - np.dot(p - head, along) * along)) for p in ends)
    return straight
