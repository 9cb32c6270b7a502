"""What of needles, breaches and marks lies on a cut or near it, as lines on it in mm."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, point_tuple, points_lps, unit
from planner.model.needle import NeedleWay, Trajectory
from planner.model.plan import Plan
from planner.report.reslice import Cut
from planner.station.choice import hidden_with

NEAR_MM = 2.0
"""A needle further from the cut than this is drawn faint: as in the report's pictures."""
MARK_NEAR_MM = 3.0
"""A breach nearer to the cut than this is marked in full: as in the report's pictures."""
MARK_FAINT_MM = 8.0
"""One nearer than this is marked faintly; farther ones are not. Ours: a neighbouring slice or two."""
_STEEPLY = 0.5
"""A needle that meets the cut at 30 degrees or more leaves a hole in it; at less, it lies along it. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A part of a line, seen on a cut.

    Parameters
    ----------
    across_down_mm : ndarray, shape (N, 2)
        Its corners, to the right of the cut's middle and below it.
    is_near : bool
        Whether all of it lies near the cut: drawn in full, not faint.
    """

    across_down_mm: Array
    is_near: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A point, seen on a cut.

    Parameters
    ----------
    name : str
        What it is ("skin", "bone", "tip"), or its id.
    across_down_mm : tuple of float
        To the right of the cut's middle, and below it.
    off_mm : float
        From the cut's plane, away from the viewer positive.
    is_near : bool
        Whether it is drawn in full, not faint.
    """

    name: str
    across_down_mm: tuple[float, float]
    off_mm: float
    is_near: bool


@dataclass(frozen=True, slots=True, eq=False)
class NeedleSeen:
    """A needle, seen on a cut.

    Parameters
    ----------
    id : str or None
        The plan's; None for one's own.
    diameter_mm : float
        As wide it is drawn.
    is_locked : bool
        Whether a person holds it.
    pieces : tuple of Piece
        Its course.
    holes_mm : ndarray, shape (N, 2)
        Where it passes through the cut.
    marks : tuple of Mark
        Its skin entry, bone entry and tip, those near the cut.
    """

    id: str | None
    diameter_mm: float
    is_locked: bool
    pieces: tuple[Piece, ...]
    holes_mm: Array
    marks: tuple[Mark, ...]


def pieces_on(cut: Cut, path_lps: npt.ArrayLike, *, near_mm: float = NEAR_MM) -> tuple[Piece, ...]:
    """Project a line onto a cut, parted where it comes near.

    Parameters
    ----------
    cut : Cut
        Where.
    path_lps : array_like, shape (M, 3)
        The line's corners, LPS mm; two at least.
    near_mm : float
        Farther parts of it are faint.

    Returns
    -------
    tuple of Piece
        In the line's order; each begins where the one before ends.
    """
    path = np.asarray(path_lps, dtype=np.float64)
    at, off = cut.project(path)
    parts: list[Piece] = []
    for k in range(len(path) - 1):
        places = np.unique([0.0, 1.0, *_passes(off[k], off[k + 1], near_mm), *_passes(off[k], off[k + 1], -near_mm)])
        for start, stop in pairwise(places):
            middle = off[k] + 0.5 * (start + stop) * (off[k + 1] - off[k])
            ends = at[k] + np.array([[start], [stop]]) * (at[k + 1] - at[k])
            parts.append(Piece(ends, bool(abs(middle) <= near_mm)))
    return _joined(parts)


def holes_on(cut: Cut, path_lps: npt.ArrayLike) -> Array:
    """Give the places where a line passes steeply through a cut, shape (N, 2), mm to the right and below its middle."""
    path = np.asarray(path_lps, dtype=np.float64)
    at, off = cut.project(path)
    found = []
    for k in range(len(path) - 1):
        run = path[k + 1] - path[k]
        if not run.any() or abs(unit(run) @ cut.normal_lps) < _STEEPLY:
            continue
        found += [at[k] + share * (at[k + 1] - at[k]) for share in _passes(off[k], off[k + 1], 0.0)]
    return np.array(found, dtype=np.float64).reshape(-1, 2)


def mark_on(cut: Cut, name: str, point_lps: npt.ArrayLike) -> Mark | None:
    """See a point on a cut.

    Parameters
    ----------
    cut : Cut
        Where.
    name : str
        What it is.
    point_lps : array_like, shape (3,)
        LPS mm.

    Returns
    -------
    Mark or None
        None where it lies too far from the cut to be marked.
    """
    at, off = cut.project(point_lps)
    if abs(float(off)) > MARK_FAINT_MM:
        return None
    return Mark(name, (float(at[0]), float(at[1])), float(off), bool(abs(float(off)) <= MARK_NEAR_MM))


def needle_on(cut: Cut, path_lps: npt.ArrayLike, *, diameter_mm: float, way: NeedleWay | None = None) -> NeedleSeen:
    """See a needle on a cut.

    Parameters
    ----------
    cut : Cut
        Where.
    path_lps : array_like, shape (M, 3)
        Its course, outermost point first, LPS mm.
    diameter_mm : float
        Its outer diameter.
    way : NeedleWay or None
        The plan's account of it; None for one's own, whose ends are all that is known.

    Returns
    -------
    NeedleSeen
    """
    path = points_lps(path_lps)
    known = [] if way is None else [("skin", way.entry_skin_lps), ("bone", way.entry_bone_lps)]
    places = [*known, ("tip", point_tuple(path[-1]))]
    marks = [mark_on(cut, name, place) for name, place in places if place is not None]
    return NeedleSeen(
        id=None if way is None else way.id,
        diameter_mm=diameter_mm,
        is_locked=isinstance(way, Trajectory) and way.locked,
        pieces=pieces_on(cut, path),
        holes_mm=holes_on(cut, path),
        marks=tuple(mark for mark in marks if mark is not None),
    )


def ways_shown(plan: Plan, *, chosen: str | None, hidden: frozenset[str]) -> tuple[NeedleWay, ...]:
    """Choose the needles that are drawn: all would hide the CT.

    Parameters
    ----------
    plan : Plan
        The plan.
    chosen : str or None
        The needle that is looked at: it alone is drawn.
    hidden : frozenset of str
        Ids of what is not; a gap's id takes its needles along.

    Returns
    -------
    tuple of NeedleWay
        Without a chosen one the first of each gap or target, and all that a person locked.
    """
    gone = hidden_with(plan, hidden)
    if chosen is not None:
        return tuple(way for way in plan.ways if way.id == chosen and way.id not in gone)
    wanted = (way for way in plan.ways if way.rank == 1 or (isinstance(way, Trajectory) and way.locked))
    return tuple(way for way in wanted if way.id not in gone)


def breaches_on(cut: Cut, plan: Plan, *, hidden: frozenset[str] = frozenset()) -> tuple[Mark, ...]:
    """See the plan's breaches on a cut, those near it and not hidden."""
    gone = hidden_with(plan, hidden)
    marks = (mark_on(cut, breach.id, breach.centroid_lps) for breach in plan.breaches if breach.id not in gone)
    return tuple(mark for mark in marks if mark is not None)


def _passes(start: float, stop: float, level: float) -> list[float]:
    """Give the share of the way at which a number passes a level; none where it stays on one side."""
    if (start - level) * (stop - level) >= 0.0 and not (start == level != stop):
        return []
    return [float((level - start) / (stop - start))]


def _joined(parts: list[Piece]) -> tuple[Piece, ...]:
    joined: list[Piece] = []
    for part in parts:
        if joined and joined[-1].is_near == part.is_near:
            corners = np.concatenate([joined[-1].across_down_mm, part.across_down_mm[1:]])
            joined[-1] = Piece(corners, part.is_near)
        else:
            joined.append(part)
    return tuple(joined)
