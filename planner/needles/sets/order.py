"""In which order needles that work together inject."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from planner.geometry.frames import Array
from planner.model.needle import NeedleWay, Trajectory

RETROGRADE_SOURCE = "retrograde filling of the femur (Emara 2021, doi 10.1007/s12178-020-09681-5)"


@dataclass(frozen=True, slots=True, eq=False)
class InjectionLeak:
    """What a needle's own simulated injection comes to.

    Parameters
    ----------
    after_ml : float or None
        mL injected when one stops for a leak; None where one never does.
    """

    after_ml: float | None


@dataclass(frozen=True, slots=True)
class InjectionOrder:
    """The needles in the order of injection.

    Parameters
    ----------
    trajectory_ids : tuple of str
        First the one that injects first.
    reason : str
        In words; empty for a single needle.
    """

    trajectory_ids: tuple[str, ...]
    reason: str


def injection_order(
    needles: Sequence[NeedleWay],
    *,
    upward_lps: Array | None,
    retrograde: bool,
    leaks: Mapping[str, InjectionLeak] | None = None,
    soon_ml: float = 0.5,
) -> InjectionOrder:
    """Say in which order needles inject.

    Parameters
    ----------
    needles : sequence of NeedleWay
        Those of one set.
    upward_lps : ndarray, shape (3,), or None
        Whither air escapes, LPS: up a stem from its tip to its shoulder, else away from the floor. None where that is
        not known.
    retrograde : bool
        Whether it is a stem's.
    leaks : mapping of str to InjectionLeak, or None
        By the needle's id, of the needles whose injection was simulated; None where none was.
    soon_ml : float
        Leaks that differ by less are as late.

    Returns
    -------
    InjectionOrder
        Needles into one gap follow each other. At a stem from its tip upwards, as a femur is filled, so that air and
        blood escape before the cement; a needle whose cement leaks within `soon_ml` comes last, for nothing is to be
        given after it. Elsewhere the needle whose cement leaks last comes first (one that never leaks before all): what
        it gives is in before one has to stop; among those that leak as late, and where nothing was simulated, the
        lowest tip first, so that air rises before the cement. But for the femur's the rules are ours. Without a
        direction the order is by rank.
    """
    if len(needles) == 1:
        return InjectionOrder((needles[0].id,), "")
    heights = _heights(needles, upward_lps)
    late = (
        {} if leaks is None else {name: _lateness(one, soon_ml, retrograde=retrograde) for name, one in leaks.items()}
    )
    keys = {
        way.id: (-late.get(way.id, 0.0), heights[k], way.rank, way.id) for k, way in enumerate(needles)
    }  # the least is first
    groups: dict[str, list[NeedleWay]] = {}
    for way in needles:
        groups.setdefault(way.gap_id if isinstance(way, Trajectory) else "", []).append(way)
    ordered = sorted(groups.values(), key=lambda mine: min(keys[way.id] for way in mine))
    names = tuple(way.id for mine in ordered for way in sorted(mine, key=lambda way: keys[way.id]))
    used = len({late.get(way.id, 0.0) for way in needles}) > 1
    return InjectionOrder(names, _reason(retrograde=retrograde, leaks=used, known=upward_lps is not None))


def _heights(needles: Sequence[NeedleWay], upward_lps: Array | None) -> list[float]:
    if upward_lps is None:
        return [0.0] * len(needles)
    return [round(float(np.dot(way.target_lps, upward_lps)), 1) for way in needles]


def _lateness(leak: InjectionLeak, soon_ml: float, *, retrograde: bool) -> float:
    """Sort leaks: in steps of what counts as equally late; at a stem only those at once apart from the rest."""
    if leak.after_ml is None:
        return 1.0 if retrograde else np.inf
    steps = float(np.floor(leak.after_ml / soon_ml))
    return min(steps, 1.0) if retrograde else steps


def _reason(*, retrograde: bool, leaks: bool, known: bool) -> str:
    by_place = "by rank: which way air rises is not known"
    if known:
        by_place = (
            f"from the stem's tip upwards, so that air and blood escape before the cement: {RETROGRADE_SOURCE}"
            if retrograde
            else "the lowest tip first, so that air rises before the cement (our rule)"
        )
    if not leaks:
        return by_place
    if retrograde:
        return f"{by_place}; a needle whose cement leaks at once comes last (our rule)"
    return f"in the simulated injections the needle whose cement leaks last comes first (our rule); then {by_place}"
