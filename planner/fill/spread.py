"""The way that cement takes from needle tips, solved at a ladder of volumes that is the same for every injection."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from planner.config.flow_config import FlowConfig
from planner.fill.flow_space import FlowSpace
from planner.fill.front import connected, contents, settle
from planner.geometry.frames import Array

_TOLERANCE = 1e-3
"""Share of the injected volume that may be in the wrong place; a tenth of what is told."""
_MOST_ROUNDS = 200
_FIRST_ML = 0.02
"""Where the ladder begins: a drop, some 40 working voxels."""
_TO_WHOLE = 0.06
"""Volumes of the ladder this near to a whole millilitre are moved to it, as a share: half a step of 20 a tenfold."""


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """The way that cement takes, whatever its viscosity.

    Parameters
    ----------
    space : FlowSpace
        What it runs through.
    target : str
        The gap that is to be filled.
    wanted_mm3 : float
        Volume that was asked for; what goes in at most where that is less.
    injected_mm3 : ndarray, shape (L,)
        Injected volumes that were solved, ascending: those of the ladder, to one beyond the end, or three.
    capped : bool
        Whether less goes in than was asked for.
    held_mm3 : ndarray, shape (L, N)
        What each voxel holds.
    push : ndarray, shape (L, N)
        The pressure's sum over time, over viscosity; above 0 where a voxel is full.
    resistance_mm_3 : ndarray, shape (L,)
        Pressure at the tip over viscosity and rate, 1/mm3, the mean since the volume before.
    tips : int
        How many needles inject.
    """

    space: FlowSpace
    target: str
    wanted_mm3: float
    injected_mm3: Array
    capped: bool
    held_mm3: Array
    push: Array
    resistance_mm_3: Array
    tips: int


def spread(
    space: FlowSpace,
    tips_lps: Sequence[Sequence[float]] | Array,
    config: FlowConfig,
    *,
    target: str,
    target_ml: float,
) -> Spread | None:
    """Find the way that cement takes from needle tips.

    Parameters
    ----------
    space : FlowSpace
        What it can run through.
    tips_lps : array_like, shape (M, 3)
        Tips, LPS mm; each injects the same share.
    config : FlowConfig
        The ladder of volumes, and when an injection ends.
    target : str
        The gap that is to be filled.
    target_ml : float
        Volume that is to be injected, mL. It says where the course is cut, not at which volumes it is solved: the same
        volume gives the same state whatever is intended.

    Returns
    -------
    Spread or None
        None where a tip has no way, or the gap takes nothing.
    """
    source = source_of(space, np.asarray(tips_lps, dtype=np.float64).reshape(-1, 3), config.tip_reach_mm)
    if source is None or space.capacity_ml(target) <= 0.0:
        return None
    diagonal = space.conductance.sum(axis=1) + space.exit_conductance
    wanted = 1000.0 * target_ml
    most = _most_mm3(space, source)
    push, held, resistance, solved = [], [], [], [0.0]
    u = np.zeros(len(diagonal))
    before = np.zeros_like(u)
    whole = space.gap_code == space.gap_ids.index(target) + 1
    room = (space.capacity_mm3 * space.gap_share)[whole].sum()
    over = False
    for volume in ladder_mm3(wanted, most, config.levels):
        last = solved[-1]
        # pressures grow with volume: the last rise goes on at least as fast
        ahead = 0.0 if len(solved) < 3 else (volume - last) / (last - solved[-2])
        new = u + ahead * (u - before)
        settle(
            new, volume * source - space.capacity_mm3, space.neighbour, space.conductance, diagonal,
            _TOLERANCE * volume, _MOST_ROUNDS,
        )  # fmt: skip
        inside = contents(new, volume * source, space.neighbour, space.conductance, space.exit_conductance)
        push.append(new)
        held.append(np.clip(inside, 0.0, space.capacity_mm3))
        resistance.append(float(((new - u) * (source > 0.0)).max() / (volume - last)))
        before, u = u, new
        solved.append(volume)
        if over:
            break
        in_gap = float((held[-1] * space.gap_share)[whole].sum())
        leaked = volume - float(held[-1].sum())
        # one volume more is solved than the course lasts: the last arrivals are read from how it goes on
        over = in_gap >= 1.000001 * config.full_share * room or leaked > 1.000001 * config.leaks_away_share * volume
    return Spread(
        space=space,
        target=target,
        wanted_mm3=min(wanted, most),
        injected_mm3=np.array(solved[1:]),
        capped=wanted > most,
        held_mm3=np.array(held),
        push=np.array(push),
        resistance_mm_3=np.array(resistance),
        tips=len(np.atleast_2d(tips_lps)),
    )


def ladder_mm3(wanted: float, most: float, per_tenfold: int) -> Iterator[float]:
    """Give the volumes to solve: a geometric ladder that does not depend on what is wanted, but for where it ends.

    Parameters
    ----------
    wanted : float
        Volume that is to be injected, mm3.
    most : float
        What goes in at most, mm3; it ends the ladder where it comes first.
    per_tenfold : int
        Volumes in each tenfold.

    Yields
    ------
    float
        Volume, mm3, to the third one that is not below what is wanted, for these tell the last arrivals. Those near a
        whole millilitre are moved to it.
    """
    beyond, last = 0, 0.0
    for k in count():
        ml = _FIRST_ML * 10.0 ** (k / per_tenfold)
        if round(ml) > 0 and abs(round(ml) - ml) <= _TO_WHOLE * ml:
            ml = float(round(ml))
        if 1000.0 * ml <= last:
            continue
        last = min(1000.0 * ml, most)
        yield last
        beyond += last >= wanted
        if beyond > 2 or last >= most:
            return


def source_of(space: FlowSpace, tips_lps: Array, reach_mm: float) -> Array | None:
    """Give each voxel's share of what is injected.

    Parameters
    ----------
    space : FlowSpace
        What cement can run through.
    tips_lps : ndarray, shape (M, 3)
        Tips, LPS mm.
    reach_mm : float
        So far from a tip it is injected into the nearest place.

    Returns
    -------
    ndarray, shape (N,), or None
        None where a tip has no way.
    """
    source = np.zeros(len(space.capacity_mm3))
    spots = np.argwhere(space.index >= 0)
    if not len(spots):
        return None
    for tip in tips_lps:
        offset = spots - np.asarray(space.grid.to_index(tip))
        away = np.linalg.norm(offset * np.array(space.grid.spacing_mm), axis=1)
        if away.min() > reach_mm:
            return None
        # the eight voxels round the tip by their nearness, as far as they take cement
        weight = np.prod(np.clip(1.0 - np.abs(offset), 0.0, None), axis=1) * (space.conductance.sum(axis=1) > 0.0)
        if weight.sum() < 0.1:
            weight = np.zeros_like(away)
            weight[np.argmin(away)] = 1.0
        source += weight / weight.sum() / len(tips_lps)
    return source


def _most_mm3(space: FlowSpace, source: Array) -> float:
    """Give the volume that goes in before all that is joined to a tip is full; infinite where it has an open exit."""
    most = np.inf
    left = source > 0.0
    while left.any():
        seed = np.zeros_like(left)
        seed[np.argmax(left)] = True
        joined = connected(seed, space.neighbour, space.conductance)
        if not space.exit_conductance[joined].any():
            most = min(most, 0.999 * space.capacity_mm3[joined].sum() / source[joined].sum())
        left &= ~joined
    return float(most)
