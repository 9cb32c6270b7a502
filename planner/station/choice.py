"""What goes with a chosen thing of a plan: where it is, what hides with it, what is said of it."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np

from planner.model.finding import Finding
from planner.model.implant import Implant
from planner.model.needle import NeedleWay
from planner.model.plan import Plan
from planner.model.record import PointLps

ThingKind = Literal["implant", "gap", "needle", "breach", "target", "level", "hole", "finding"]
HIDEABLE: Final[tuple[ThingKind, ...]] = ("implant", "gap", "needle", "breach")


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing of a plan.

    Parameters
    ----------
    place_lps : tuple of float or None
        Where it is, LPS mm; None for a finding of no place.
    way : NeedleWay or None
        The needle, where it is one.
    """

    place_lps: PointLps | None
    way: NeedleWay | None = None


def choice_of(plan: Plan, kind: ThingKind, thing_id: str) -> Choice | None:
    """Find a thing of a plan.

    Parameters
    ----------
    plan : Plan
        The plan.
    kind : str
        What it is.
    thing_id : str
        Its id; of a finding its number in the plan, from 0; of a hole its needle's id.

    Returns
    -------
    Choice or None
        None where the plan holds no such thing.
    """
    if kind == "needle":
        way = next((way for way in plan.ways if way.id == thing_id), None)
        return None if way is None else Choice(way.target_lps, way)
    places: dict[str, PointLps | None]
    if kind == "implant":
        places = {implant.id: implant.centroid_lps for implant in plan.implants}
    elif kind == "gap":
        places = {gap.id: gap.centroid_lps for gap in plan.gaps}
    elif kind == "breach":
        places = {breach.id: breach.centroid_lps for breach in plan.breaches}
    else:
        places = _other_places(plan, kind)
    return Choice(places[thing_id]) if thing_id in places else None


def _other_places(plan: Plan, kind: ThingKind) -> dict[str, PointLps | None]:
    if kind == "target":
        return {target.id: target.point_lps for target in plan.picked_targets}
    if kind == "level":
        return {level.id: level.target_lps for level in plan.prophylactic_targets}
    if kind == "hole":
        return {hole.trajectory_id: hole.entry_lps for hole in plan.needle_holes}
    return {str(number): finding.where_lps for number, finding in enumerate(plan.findings)}


def target_place(plan: Plan, kind: ThingKind, thing_id: str) -> PointLps | None:
    """Say where a target would be put for a thing of a plan.

    Parameters
    ----------
    plan : Plan
        The plan.
    kind : str
        What it is.
    thing_id : str
        Its id.

    Returns
    -------
    PointLps or None
        LPS mm: where the first needle to a gap ends, for the middle of a gap round a screw lies in the screw; the place
        of anything else. None for a gap without a needle, an implant (its middle is metal), and what has no place.
    """
    if kind == "implant":
        return None
    if kind == "gap":
        ways = sorted((way for way in plan.trajectories if way.gap_id == thing_id), key=lambda way: way.rank)
        return ways[0].target_lps if ways else None
    found = choice_of(plan, kind, thing_id)
    return None if found is None else found.place_lps


def bone_entry_depth_mm(way: NeedleWay) -> float:
    """Say how far along a needle's course the bone is entered.

    Parameters
    ----------
    way : NeedleWay
        The needle.

    Returns
    -------
    float
        mm from the course's outermost point to its place nearest to the bone entry; 0 where it begins there.
    """
    entry = np.asarray(way.entry_bone_lps)
    gone, best, best_off = 0.0, 0.0, np.inf
    for first, last in pairwise(np.asarray(way.path_lps, dtype=np.float64)):
        length = float(np.linalg.norm(last - first))
        if length == 0.0:
            continue
        along = float(np.clip((entry - first) @ (last - first) / length, 0.0, length))
        off = float(np.linalg.norm(first + along / length * (last - first) - entry))
        if off < best_off:
            best, best_off = gone + along, off
        gone += length
    return best


def hidden_with(plan: Plan | None, things: Collection[str]) -> frozenset[str]:
    """Name what is hidden together with things.

    Parameters
    ----------
    plan : Plan or None
        The plan; without one, things go alone.
    things : collection of str
        The things' ids.

    Returns
    -------
    frozenset of str
        They; of a gap its needles and breaches too, of a picked target or a level its needles.
    """
    if plan is None:
        return frozenset(things)
    needles = {way.id for way in plan.ways if way.goal_id in things}
    breaches = {breach.id for breach in plan.breaches if breach.gap_id in things}
    return frozenset({*things, *needles, *breaches})


def findings_about(plan: Plan, thing_id: str) -> tuple[Finding, ...]:
    """Pick the findings that name a thing, the gravest first.

    Parameters
    ----------
    plan : Plan
        The plan.
    thing_id : str
        "gap-1" is not named by "gap-12".

    Returns
    -------
    tuple of Finding
    """
    name = re.compile(rf"(?<![\w-]){re.escape(thing_id)}(?![\w-])")
    grave = ("warning", "caution", "info")
    return tuple(
        sorted((f for f in plan.findings if name.search(f.message)), key=lambda finding: grave.index(finding.severity))
    )


def may_be_loose(implant: Implant) -> bool:
    """Say whether an implant may be loose: also where its loosening was not measured."""
    return implant.loosening != "none"
