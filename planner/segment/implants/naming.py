"""Which straight shaft is a rod, which a screw, and which neither."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from planner.config.implant_config import ImplantConfig
from planner.geometry.frames import Array, unit
from planner.geometry.rays import segment_distance_mm
from planner.segment.implants.shafts import Traced

Name = Literal["rod", "pedicle_screw", "unknown"]
_NAIL_MM = 60.0
"""A thick straight shaft longer than this is a nail or a stem: tulips are 12-16 mm long."""

_BLADE_REACH_MM = 4.0
"""Half the width of a starved blade; of two within that, one is the blade's edge. Ours."""
_BEND_DEG, _SMOOTH_BEND_DEG = 25.0, 45.0
"""How far a rod may turn from one stretch to the next: any shaft, and one as smooth and thick as the rod. Ours."""
_BENT_ASIDE_MM = 6.0
"""How far aside such a stretch may begin: half of a tulip's height at that turn. Ours."""
_ALIKE_SHARE = 0.12
"""Two stretches of one rod differ by less of their radius. Ours."""
_SAME_DEG = 20.0
"""Two finds of one shaft differ by less; screws that cross differ by more, or soon run apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """A traced shaft and what it is."""

    traced: Traced
    name: Name


def name_shafts(traced: list[Traced], config: ImplantConfig, *, known_rods: Sequence[Traced] = ()) -> list[Named]:
    """Name the shafts of one piece of metal.

    Parameters
    ----------
    traced : list of Traced
        The shafts of one connected piece.
    config : ImplantConfig
        The limits.
    known_rods : sequence of Traced
        Those among them that are rods for another reason.

    Returns
    -------
    list of Named
        In their order. A rod joins at least two other shafts' heads, or runs between joints, or goes on from a rod; a
        screw has one joint at most, and a thread or a tapered tip where no rod vouches for it. A piece with a thick
        shaft (nail, stem) has neither.
    """
    if any(t.radius_mm > config.greatest_screw_radius_mm and t.length_mm > _NAIL_MM for t in traced):
        return [Named(t, "unknown") for t in traced]
    known = {id(t) for t in known_rods}
    rods = {i for i, t in enumerate(traced) if id(t) in known or _joins_screws(t, traced, config)}
    for _ in traced:
        more = {i for i, t in enumerate(traced) if i not in rods and _goes_on(t, [traced[k] for k in rods], config)}
        if not more:
            break
        rods |= more
    return [
        Named(t, "rod" if i in rods else _screw_or_not(t, config, has_rods=bool(rods))) for i, t in enumerate(traced)
    ]


def _joins_screws(rod: Traced, all_traced: list[Traced], config: ImplantConfig) -> bool:
    # starved slices put a blade between two screws that looks like a bar
    if rod.radius_mm > config.greatest_rod_radius_mm or rod.is_blade:
        return False
    start, stop = rod.end_lps(0), rod.end_lps(1)
    reach = unit(stop - start) * 10.0  # a tulip hides the rod for about this long
    along = []
    for other in all_traced:
        if other is rod or abs(float(other.line.direction @ rod.line.direction)) > np.cos(np.radians(20)):
            continue
        for index, end in enumerate(other.ends):
            place = other.end_lps(index)
            near = float(segment_distance_mm(place, start - reach, stop + reach)) < config.joint_reach_mm
            if end.kind == "joint" and near:
                along.append(float((place - start) @ unit(stop - start)))
    if len(along) >= 2 and max(along) - min(along) > config.joint_apart_mm:
        return True
    return rod.joints == 2 and not _is_threaded(rod, config) and rod.out_of_round < config.roundness


def _is_threaded(shaft: Traced, config: ImplantConfig) -> bool:
    return shaft.thread_mm > config.thread_mm


def _goes_on(shaft: Traced, rods: list[Traced], config: ImplantConfig) -> bool:
    """Whether a shaft with a joint is the next stretch of a rod that a tulip interrupts."""
    if shaft.joints == 0 or shaft.radius_mm > config.greatest_rod_radius_mm:
        return False
    for rod in rods:
        alike = abs(shaft.radius_mm - rod.radius_mm) < _ALIKE_SHARE * rod.radius_mm and not _is_threaded(shaft, config)
        most_deg, aside_mm = (_SMOOTH_BEND_DEG, _BENT_ASIDE_MM) if alike else (_BEND_DEG, 4.0)
        if abs(float(shaft.line.direction @ rod.line.direction)) < np.cos(np.radians(most_deg)):
            continue
        pairs = [(shaft.end_lps(a), rod.end_lps(b)) for a in (0, 1) for b in (0, 1)]
        here, there = min(pairs, key=lambda p: float(np.linalg.norm(p[0] - p[1])))
        between = there - here
        off = float(np.linalg.norm(between - (between @ shaft.line.direction) * shaft.line.direction))
        if np.linalg.norm(between) < 25.0 and off < aside_mm:
            return True
    return False


def _screw_or_not(shaft: Traced, config: ImplantConfig, *, has_rods: bool) -> Name:
    fits = (
        config.least_screw_radius_mm < shaft.radius_mm < config.greatest_screw_radius_mm
        and config.shortest_mm <= shaft.length_mm <= config.longest_screw_mm
        and shaft.out_of_round < config.roundness
    )
    if not fits or shaft.joints == 2:
        return "unknown"
    if shaft.is_blade and (shaft.joints == 0 or not _is_threaded(shaft, config)):
        return "unknown"  # streaks between starved metals look like blades
    if shaft.joints == 1 and (has_rods or shaft.is_blade):
        return "pedicle_screw"
    # the free end of a screw in a tulip tapers or carries a thread; a lone pin must show both to be one
    tapers = [fall > config.taper_mm for fall, end in zip(shaft.taper_mm, shaft.ends, strict=True) if end.kind == "tip"]
    if shaft.joints == 1:
        return "pedicle_screw" if any(tapers) or _is_threaded(shaft, config) else "unknown"
    return "pedicle_screw" if any(tapers) and _is_threaded(shaft, config) else "unknown"


def is_stump(shaft: Traced, config: ImplantConfig) -> bool:
    """Say whether a short shaft is what a broken screw has left in its tulip.

    Parameters
    ----------
    shaft : Traced
        A shaft too short for a screw, in a construct with a rod.
    config : ImplantConfig
        The limits.

    Returns
    -------
    bool
        Whether it comes out of other metal, ends free, is round, and surely bears a thread: walls and set screws of
        tulips do not.
    """
    return may_be_stump(shaft, config) and shaft.thread_mm > config.stump_thread_mm


def may_be_stump(shaft: Traced, config: ImplantConfig) -> bool:
    """Say whether a short shaft is a stump if something else speaks for it: a broken-off end on its line.

    Parameters
    ----------
    shaft : Traced
        A shaft too short for a screw.
    config : ImplantConfig
        The limits.

    Returns
    -------
    bool
        As `is_stump`, but for the thread, which few turns show badly.
    """
    return (
        config.least_screw_radius_mm < shaft.radius_mm < config.greatest_screw_radius_mm
        and shaft.length_mm >= config.shortest_stump_mm
        and {end.kind for end in shaft.ends} == {"tip", "joint"}
        and shaft.out_of_round < config.stump_roundness
        and not shaft.is_blade
    )


def same_shaft(a: Traced, b: Traced) -> bool:
    """Say whether two finds are one shaft.

    Parameters
    ----------
    a, b : Traced
        Two shafts.

    Returns
    -------
    bool
        Whether half of the shorter one runs within the other, about its way. Screws that cross or touch are two.
    """
    short, long = sorted((a, b), key=lambda t: t.length_mm)
    if abs(float(short.line.direction @ long.line.direction)) < np.cos(np.radians(_SAME_DEG)):
        return False
    places = short.line.at(np.linspace(short.ends[0].t_mm, short.ends[1].t_mm, 41))
    off = segment_distance_mm(places, long.end_lps(0), long.end_lps(1))
    # a blade is far wider than its radius, which is read across it
    reach = max(long.radius_mm, _BLADE_REACH_MM if short.is_blade and long.is_blade else 2.0)
    return float((off < reach).mean()) > 0.5


def head_is_high(shaft: Traced) -> bool:
    """Say whether a screw's head is at the high end of its line.

    Parameters
    ----------
    shaft : Traced
        The screw.

    Returns
    -------
    bool
        The joint is the head; without one the end that does not taper; else the more posterior end.
    """
    first, last = shaft.ends
    if (first.kind == "joint") != (last.kind == "joint"):
        return last.kind == "joint"
    difference = shaft.taper_mm[0] - shaft.taper_mm[1]
    if abs(difference) > 0.3:
        return difference > 0
    ends: tuple[Array, Array] = (shaft.end_lps(0), shaft.end_lps(1))
    return bool(ends[1][1] > ends[0][1])
