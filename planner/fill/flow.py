"""Cement that spreads from needle tips: where it is after each millilitre, and why no more goes in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.config.flow_config import FlowConfig
from planner.fill.arrivals import arrivals_mm3
from planner.fill.flow_space import FlowSpace
from planner.fill.spread import Spread, spread
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.cement_fill import CementViscosity, FillEnd

_REASONS: tuple[FillEnd, ...] = ("pressure", "leaks_away", "gaps_full")


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
        In the order of injection, at whole millilitres and the ladder's volumes; the last is the end. Between the
        ladder's volumes they are interpolated. Empty where from the tips there is no way.
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
        `ended` is "no_way" where a tip lies farther from all that takes cement than the settings' `tip_reach_mm`, or
        the target takes none.
    """
    way = spread(space, tips_lps, config, target=target, target_ml=target_ml)
    return nowhere(space) if way is None else flow_of(way, config, viscosity=viscosity)


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
    told = sorted({*(s.injected_ml for s in states), *np.arange(1.0, end).tolist()})
    kept = [_at(states, ml) for ml in told if ml < end - 1e-9]
    kept.append(_at(states, end))
    numbers = arrivals_mm3(way) / 1000.0
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


def end_of(way: Spread, config: FlowConfig, viscosity: CementViscosity) -> tuple[float, FillEnd]:
    """Say at which volume an injection of one viscosity ends, and why: all in which two viscosities can differ.

    Parameters
    ----------
    way : Spread
        The way that cement takes.
    config : FlowConfig
        Pressures and rates.
    viscosity : CementViscosity
        Of the cement.

    Returns
    -------
    ml : float
        Injected by then.
    ended : FillEnd
        The first reason that holds.
    """
    pa_s = config.viscosities.of(viscosity)
    return _end(way, [_state(way, k, pa_s, config) for k in range(len(way.injected_mm3))], pa_s, config)


def _end(way: Spread, states: Sequence[FlowState], pa_s: float, config: FlowConfig) -> tuple[float, FillEnd]:
    slower = config.slowest_ml_s / config.rate_ml_s
    cannula = config.cannula_mpa_s_per_ml * pa_s / config.viscosities.medium_pa_s * config.slowest_ml_s / way.tips
    room = config.full_share * way.space.capacity_ml(way.target)
    wanted = min(way.wanted_mm3 / 1000.0, states[-1].injected_ml)
    start, before = 0.0, (cannula - config.pressure_limit_mpa, 0.0, -room)
    if before[0] > 0.0:
        return 0.0, "pressure"
    for state in states:
        ml = state.injected_ml
        gone = ml - sum(state.gaps_ml.values()) - state.trabecular_ml
        now = (
            slower * state.tip_pressure_mpa + cannula - config.pressure_limit_mpa,
            gone - config.leaks_away_share * ml,
            state.gaps_ml[way.target] - room,
        )
        # each ends it where it passes its limit between two states; what is over it from the start, at the first
        met = [
            (ml if old >= 0.0 else start - (ml - start) * old / (new - old), why)
            for old, new, why in zip(before, now, _REASONS, strict=True)
            if new > 0.0
        ]
        if met and min(met)[0] < wanted:
            return min(met)
        if ml >= wanted:
            break
        start, before = ml, now
    return wanted, "gaps_full" if way.capped else "volume"


def _at(states: Sequence[FlowState], injected_ml: float) -> FlowState:
    """Give the state at any volume up to the last one."""
    after = next((s for s in states if s.injected_ml >= injected_ml - 1e-9), states[-1])
    before = [s for s in states if s.injected_ml < injected_ml - 1e-9]
    return _between(before[-1] if before else None, after, injected_ml)


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
