"""Cement that spreads from needle tips: where it is after each millilitre, and why no more goes in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.config.flow_config import FlowConfig
from planner.fill.flow_space import FlowSpace
from planner.fill.front import connected, contents, settle
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.cement_fill import CementViscosity, FillEnd

_TOLERANCE = 1e-3
"""Share of the injected volume that may be in the wrong place; a tenth of what is told."""
_MOST_ROUNDS = 200
_BEYOND = 1.05
"""One volume more is solved than asked for: the last arrivals are read from how it goes on."""


@dataclass(frozen=True, slots=True, eq=False)
class FlowState:
    """Where the cement is when so much is in.

    Parameters
    ----------
    injected_ml : float
        Volume injected.
    gaps_ml : dict of str to float
        What is in each gap.
    trabecular_ml : float
        What is in cancellous bone.
    leaked_ml : dict of str to float
        What has left through each exit.
    tip_pressure_mpa : float
        At the needle's tip (the highest of several) at the usual rate.
    """

    injected_ml: float
    gaps_ml: dict[str, float]
    trabecular_ml: float
    leaked_ml: dict[str, float]
    tip_pressure_mpa: float


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """One simulated injection.

    Parameters
    ----------
    grid : Grid
        The block that was simulated.
    arrival_ml : ndarray of float32, shape ``grid.shape``
        Injected volume when each voxel is reached; infinite where it never is, or is no part of a gap or of bone.
    states : tuple of FlowState
        In the order of injection, at whole millilitres and some between them; the last is the end. Empty where from
        the tips there is no way.
    exit_arrival_ml : dict of str to float
        Injected volume when cement is in the gap behind each exit, no deeper than the gap is wide; those that it never
        reaches are left out.
    ended : FillEnd
        Why no more is injected.
    """

    grid: Grid
    arrival_ml: npt.NDArray[np.float32]
    states: tuple[FlowState, ...]
    exit_arrival_ml: dict[str, float]
    ended: FillEnd

    @property
    def injected_ml(self) -> float:
        """Volume that goes in in all."""
        return self.states[-1].injected_ml if self.states else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """The way that cement takes, whatever its viscosity.

    Parameters
    ----------
    space : FlowSpace
        What it runs through.
    target : str
        The gap that is to be filled.
    injected_mm3 : ndarray, shape (L,)
        Injected volumes that were solved, ascending; one of them lies beyond what was asked for where more goes in.
    asked : int
        How many of them were asked for.
    capped : bool
        Whether less was solved than asked for, for no more goes in.
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
    injected_mm3: Array
    asked: int
    capped: bool
    held_mm3: Array
    push: Array
    resistance_mm_3: Array
    tips: int


def simulate(
    space: FlowSpace,
    tips_lps: Sequence[Sequence[float]] | Array,
    config: FlowConfig,
    *,
    target: str,
    target_ml: float,
    viscosity: CementViscosity | None = None,
) -> Flow:
    """Let cement run from needle tips.

    Parameters
    ----------
    space : FlowSpace
        What it can run through.
    tips_lps : array_like, shape (M, 3)
        Tips, LPS mm; each injects the same share.
    config : FlowConfig
        Pressures and rates.
    target : str
        The gap that is to be filled: once it is full, the injection ends.
    target_ml : float
        Volume that is to be injected, mL.
    viscosity : CementViscosity or None
        Of the cement; None as the settings say.

    Returns
    -------
    Flow
        `ended` is "no_way" where a tip lies farther from all that takes cement than the settings' `tip_reach_mm`.
    """
    way = spread(space, tips_lps, config, target=target, target_ml=target_ml)
    return nowhere(space) if way is None else flow_of(way, config, viscosity=viscosity)


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
    space, tips_lps, config, target, target_ml
        As `simulate`.

    Returns
    -------
    Spread or None
        None where a tip has no way.
    """
    source = _source(space, np.asarray(tips_lps, dtype=np.float64).reshape(-1, 3), config)
    if source is None:
        return None
    diagonal = space.conductance.sum(axis=1) + space.exit_conductance
    wanted = 1000.0 * target_ml
    most = _most_mm3(space, source)
    volumes, asked = _volumes_mm3(min(wanted, most), most, config.levels)
    push, held, resistance = [], [], []
    u = np.zeros(len(diagonal))
    before = np.zeros_like(u)
    whole = space.gap_code == space.gap_ids.index(target) + 1
    room = space.capacity_mm3 * space.gap_share
    last = 0.0
    for k, volume in enumerate(volumes):
        # pressures grow with volume: the last rise goes on at least as fast
        ahead = 0.0 if k < 2 else (volume - last) / (last - volumes[k - 2])
        new = u + ahead * (u - before)
        settle(
            new, volume * source - space.capacity_mm3, space.neighbour, space.conductance, diagonal,
            _TOLERANCE * volume, _MOST_ROUNDS,
        )  # fmt: skip
        inside = contents(new, volume * source, space.neighbour, space.conductance, space.exit_conductance)
        push.append(new)
        held.append(np.clip(inside, 0.0, space.capacity_mm3))
        resistance.append(float(((new - u) * (source > 0.0)).max() / (volume - last)))
        before, u, last = u, new, volume
        full = held[-1] / space.capacity_mm3
        if k + 1 < asked and (room * full)[whole].sum() >= config.full_share * room[whole].sum() and k > 0:
            asked = k + 1
        if k + 1 > asked:
            break
    return Spread(
        space=space,
        target=target,
        injected_mm3=np.array(volumes[: len(push)]),
        asked=asked,
        capped=wanted > most,
        held_mm3=np.array(held),
        push=np.array(push),
        resistance_mm_3=np.array(resistance),
        tips=len(np.atleast_2d(tips_lps)),
    )


def flow_of(way: Spread, config: FlowConfig, *, viscosity: CementViscosity | None = None) -> Flow:
    """Say where cement of one viscosity is after each millilitre, and when its injection ends.

    Parameters
    ----------
    way : Spread
        The way that it takes.
    config : FlowConfig
        Pressures and rates.
    viscosity : CementViscosity or None
        None as the settings say.

    Returns
    -------
    Flow
    """
    pa_s = config.viscosities.of(config.viscosity if viscosity is None else viscosity)
    states = [_state(way, k, pa_s, config) for k in range(len(way.injected_mm3))]
    end, ended = _end(way, states, pa_s, config)
    kept = [s for s in states if s.injected_ml < end - 1e-9]
    after = next((s for s in states if s.injected_ml >= end - 1e-9), states[-1])
    kept.append(_between(kept[-1] if kept else None, after, end))
    numbers = _arrivals_mm3(way) / 1000.0
    numbers[numbers > end] = np.inf
    space = way.space
    shown = space.index >= 0
    arrival = np.full(space.grid.shape, np.inf, np.float32)
    arrival[shown] = np.where(space.in_gap | (space.gap_share < 0.5), numbers, np.inf)
    reached = {}
    for way_out, mouth in zip(space.exits, space.mouths, strict=True):
        # what is behind an opening goes out at once: the wall's own voxels would be told late, or never
        mine = mouth.voxels[space.in_gap[mouth.voxels]]
        if len(mine) and np.isfinite(first := numbers[mine].min()):
            reached[way_out.id] = float(first)
    return Flow(space.grid, arrival, tuple(kept), dict(sorted(reached.items(), key=lambda r: r[1])), ended)


def nowhere(space: FlowSpace) -> Flow:
    """Give the course of cement that has no way from a tip: none."""
    arrival = np.full(space.grid.shape, np.inf, np.float32)
    return Flow(space.grid, arrival, (), {}, "no_way")


def _source(space: FlowSpace, tips_lps: Array, config: FlowConfig) -> Array | None:
    """Give each voxel's share of what is injected, shape (N,); None where a tip has no way."""
    source = np.zeros(len(space.capacity_mm3))
    spots = np.argwhere(space.index >= 0)
    for tip in tips_lps:
        offset = spots - np.asarray(space.grid.to_index(tip))
        away = np.linalg.norm(offset * np.array(space.grid.spacing_mm), axis=1)
        if away.min() > config.tip_reach_mm:
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


def _volumes_mm3(wanted: float, most: float, levels: int) -> tuple[list[float], int]:
    """Give the volumes to solve, and how many of them were asked for; the last may lie beyond."""
    spaced = wanted * (np.arange(1, levels + 1) / levels) ** 1.7
    whole = np.arange(1000.0, wanted, 1000.0)
    # a whole millilitre takes the place of its neighbour, for two near volumes tell no rise
    if len(whole):
        nearest = np.abs(spaced[:, None] - whole[None, :]).min(axis=1)
        step = np.diff(spaced, prepend=0.0)
        spaced = spaced[(nearest > 0.3 * step) | (spaced == wanted)]
    volumes = sorted({*spaced.tolist(), *whole.tolist()})
    asked = len(volumes)
    if (beyond := _BEYOND * wanted) <= most:
        volumes.append(beyond)
    return volumes, asked


def _state(way: Spread, k: int, pa_s: float, config: FlowConfig) -> FlowState:
    space, held, push = way.space, way.held_mm3[k], way.push[k]
    in_gaps = held * space.gap_share
    gaps = np.bincount(space.gap_code, in_gaps, minlength=len(space.gap_ids) + 1)[1:]
    leaked = {}
    for way_out, mouth in zip(space.exits, space.mouths, strict=True):
        opened = way_out.is_open or config.thin_walls_give_way
        leaked[way_out.id] = way_out.conductance_mm3 * float(push[mouth.voxels] @ mouth.share) / 1000.0 * opened
    return FlowState(
        injected_ml=float(way.injected_mm3[k] / 1000.0),
        gaps_ml={name: float(ml / 1000.0) for name, ml in zip(space.gap_ids, gaps, strict=True)},
        trabecular_ml=float((held - in_gaps).sum() / 1000.0),
        leaked_ml=leaked,
        tip_pressure_mpa=float(way.resistance_mm_3[k] * pa_s * 1000.0 * config.rate_ml_s * 1e-6),
    )


def _end(way: Spread, states: list[FlowState], pa_s: float, config: FlowConfig) -> tuple[float, FillEnd]:
    """Say at which volume the injection ends, mL, and why."""
    slower = config.slowest_ml_s / config.rate_ml_s
    cannula = config.cannula_mpa_s_per_ml * pa_s / config.viscosities.medium_pa_s * config.slowest_ml_s / way.tips
    room = config.full_share * way.space.capacity_ml(way.target)
    previous = None
    for state in states[: way.asked]:
        if slower * state.tip_pressure_mpa + cannula > config.pressure_limit_mpa:
            return (previous.injected_ml if previous else 0.0), "pressure"
        if state.gaps_ml[way.target] >= room:
            held = previous.gaps_ml[way.target] if previous else 0.0
            start = previous.injected_ml if previous else 0.0
            part = (room - held) / (state.gaps_ml[way.target] - held)
            return start + part * (state.injected_ml - start), "gaps_full"
        previous = state
    return states[way.asked - 1].injected_ml, "gaps_full" if way.capped else "volume"


def _between(first: FlowState | None, second: FlowState, injected_ml: float) -> FlowState:
    """Give the state at a volume between two."""
    start = 0.0 if first is None else first.injected_ml
    part = 0.0 if second.injected_ml == start else (injected_ml - start) / (second.injected_ml - start)

    def at(old: float, new: float) -> float:
        return old + part * (new - old)

    gaps = {name: at(0.0 if first is None else first.gaps_ml[name], ml) for name, ml in second.gaps_ml.items()}
    leaked = {name: at(0.0 if first is None else first.leaked_ml[name], ml) for name, ml in second.leaked_ml.items()}
    bone = at(0.0 if first is None else first.trabecular_ml, second.trabecular_ml)
    return FlowState(injected_ml, gaps, bone, leaked, second.tip_pressure_mpa)


def _arrivals_mm3(way: Spread) -> Array:
    """Give the injected volume when the front passes each voxel's centre, shape (N,).

    Behind a front at the distance d the push is capacity x d^2 / 2 over the permeability, and d grows with the volume:
    two volumes tell when it was 0. A voxel is full only when the front is half its edge farther, as `late` says. That
    is exact along an axis of the grid; across it voxels fill sooner. So it gives the order, and the volumes are set so
    that what was reached holds what is in.
    """
    space, volumes = way.space, way.injected_mm3
    levels, count = way.push.shape
    ease = space.conductance.max(axis=1)
    late = np.divide(space.capacity_mm3, 8.0 * ease, out=np.zeros(count), where=ease > 0.0)
    half = way.held_mm3 > 0.5 * space.capacity_mm3
    ever = half.any(axis=0)
    level = np.argmax(half, axis=0)
    latest, earliest = volumes[level], np.concatenate([[0.0], volumes])[level]
    full = way.push > 0.0
    first = np.where(full.any(axis=0), np.argmax(full, axis=0), levels)
    passed = latest.copy()
    for k in range(levels - 1):
        mine = np.flatnonzero(first == k)
        depth, deeper = (np.sqrt(way.push[n, mine] + late[mine]) for n in (k, k + 1))
        rise = np.maximum(deeper - depth, 1e-9 * deeper)
        passed[mine] = volumes[k] - (volumes[k + 1] - volumes[k]) * depth / rise
    # a voxel is passed while it is half full; where pressure does not build up, at an exit, that alone tells
    passed = np.where(ever, np.clip(passed, earliest, latest), np.inf)
    share = way.held_mm3 / space.capacity_mm3
    there = np.take_along_axis(share, level[None], axis=0)[0]
    before = np.where(level > 0, np.take_along_axis(share, np.maximum(level - 1, 0)[None], axis=0)[0], 0.0)
    crossed = earliest + (latest - earliest) * (0.5 - before) / np.maximum(there - before, 1e-9)
    told = ever & ((first >= levels - 1) | (space.exit_conductance > 0.0))
    passed[told] = crossed[told]
    reached = np.flatnonzero(np.isfinite(passed))
    order = reached[np.argsort(passed[reached], kind="stable")]
    middle = np.cumsum(space.capacity_mm3[order]) - 0.5 * space.capacity_mm3[order]
    inside = np.maximum.accumulate(np.concatenate([[0.0], way.held_mm3.sum(axis=1)]))
    inside += 1e-9 * np.arange(len(inside)) * inside[-1]
    passed[order] = np.interp(middle, inside, np.concatenate([[0.0], volumes]))
    return passed
