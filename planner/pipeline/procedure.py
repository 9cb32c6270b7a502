"""Which needles are proposed together, in which order they inject, and what to prepare for the whole sitting."""

from collections.abc import Mapping, Sequence

import numpy as np

from planner.config.needle_config import NeedleConfig
from planner.config.needle_set_config import NeedleSetConfig
from planner.geometry.frames import Array, unit
from planner.model.anatomy import GapSpace
from planner.model.finding import Finding
from planner.model.gap import Gap
from planner.model.implant import Implant
from planner.model.needle import Needle, NeedleSet, Procedure, ProposedSet, Trajectory
from planner.model.plan import PatientPosition, Plan
from planner.needles.search import NeedlePlan
from planner.needles.sets.gap_share import in_gap_volumes
from planner.needles.sets.order import InjectionLeak, injection_order
from planner.needles.sets.together import needle_sets
from planner.pipeline.side_by_side import chosen_side_by_side, in_turn, of_turns
from planner.report.courses import course_of, leaks_by_needle

_BORE_MM: Mapping[str, float] = {
    "8G": 3.43, "10G": 2.69, "11G": 2.39, "13G": 1.80, "14G": 1.60, "15G": 1.37, "16G": 1.19
}  # fmt: skip
"""Inner diameters by the regular-wall gauge table; vendors differ. Others ("hip 3.2") are not known."""
_UPWARD: Mapping[str, tuple[float, float, float]] = {
    "S": (0.0, -1.0, 0.0),
    "P": (0.0, 1.0, 0.0),
    "DR": (1.0, 0.0, 0.0),
    "DL": (-1.0, 0.0, 0.0),
}
"""Away from the floor, LPS, by how a patient lies (the end of the DICOM patient position)."""


def with_procedure(plan: Plan, config: NeedleSetConfig) -> Plan:
    """Put a plan's needle sets in order of injection, propose one for each implant, and sum them up.

    Parameters
    ----------
    plan : Plan
        With needle sets, and with fills where the injection was simulated.
    config : NeedleSetConfig
        What counts as late, as enough, and as much.

    Returns
    -------
    Plan
        With each set's `order` and `leak_after_ml`, with `procedure`, and with findings where more than one mix of
        cement is called for, and where proposed needles cannot stand at the same time. `procedure` is None where there
        is no set.
    """
    sets = tuple(_ordered(one, plan, config) for one in plan.needle_sets)
    told = plan.model_copy(update={"needle_sets": sets})
    if not sets:
        return told
    procedure = _procedure(told, config)
    ways = {t.id: t for t in told.trajectories}
    said = (*_of_much(procedure, config), *_of_little(procedure, config), *of_turns(procedure.in_turn, ways, config))
    return told.model_copy(update={"procedure": procedure, "findings": (*told.findings, *said)})


def put_together(
    ways: Sequence[Trajectory], *, gaps: tuple[Gap, ...], spaces: tuple[GapSpace, ...], config: NeedleConfig
) -> tuple[NeedleSet, ...]:
    """Put needles together as the search does, with millilitres in the gaps' own volumes.

    Parameters
    ----------
    ways : sequence of Trajectory
        The needles.
    gaps : tuple of Gap
        As measured.
    spaces : tuple of GapSpace
        Their voxels.
    config : NeedleConfig
        Reach, and what may stand together.

    Returns
    -------
    tuple of NeedleSet
    """
    sets = needle_sets(ways, spaces, reach_mm=config.reach_mm, most_needles=config.needles_in_set, config=config.sets)
    return in_gap_volumes(NeedlePlan((), sets), gaps, spaces).needle_sets


def upward_lps(plan: Plan, implant: Implant | None) -> Array | None:
    """Say whither air escapes before the cement.

    Parameters
    ----------
    plan : Plan
        With the treatment position.
    implant : Implant or None
        The implant that is injected round.

    Returns
    -------
    ndarray, shape (3,), or None
        Up a stem from its tip to its shoulder; else away from the floor. None where that is not known.
    """
    if implant is not None and implant.kind == "femoral_stem" and implant.axis is not None:
        return unit(np.subtract(implant.axis.head_lps, implant.axis.tip_lps))
    return _away_from_floor(plan.treatment_position)


def dead_volume_ml(needle: Needle) -> float | None:
    """Give what stays in a needle once it is full, mL; None where its bore is not known."""
    bore = _BORE_MM.get(needle.gauge.split(" ")[0])
    if bore is None or bore >= needle.outer_diameter_mm:
        return None
    return float(np.pi / 4.0 * bore**2 * needle.length_mm / 1000.0)


def _away_from_floor(position: PatientPosition | None) -> Array | None:
    return None if position is None else np.array(_UPWARD[position[2:]])


def _ordered(one: NeedleSet, plan: Plan, config: NeedleSetConfig) -> NeedleSet:
    ways = {t.id: t for t in plan.trajectories}
    implant = next((i for i in plan.implants if i.id == one.implant_id), None)
    told = leaks_by_needle(plan)
    leaks = {name: InjectionLeak(told[name].stop_ml) for name in one.trajectory_ids if name in told}
    order = injection_order(
        [ways[name] for name in one.trajectory_ids],
        upward_lps=upward_lps(plan, implant),
        retrograde=implant is not None and implant.kind == "femoral_stem" and implant.axis is not None,
        leaks=leaks if len(leaks) == len(one.trajectory_ids) else None,
        soon_ml=config.soon_ml,
    )
    return one.model_copy(
        update={
            "order": order.trajectory_ids,
            "order_reason": order.reason or None,
            "leak_after_ml": _leak_after_ml(order.trajectory_ids, ways, plan),
        }
    )


def _leak_after_ml(names: Sequence[str], ways: Mapping[str, Trajectory], plan: Plan) -> float | None:
    """Give what is injected, gap after gap, when cement first comes to a breach; None where it never does."""
    before = 0.0
    for gap_id in dict.fromkeys(ways[name].gap_id for name in names):
        fill = course_of(plan, gap_id, tuple(name for name in names if ways[name].gap_id == gap_id))
        if fill is None or not fill.steps:
            return None
        if fill.arrivals:
            return before + min(a.after_ml for a in fill.arrivals)
        # nothing was reached there, so nothing stopped it
        before += fill.steps[-1].injected_ml
    return None


def _procedure(plan: Plan, config: NeedleSetConfig) -> Procedure:
    groups: dict[str, list[NeedleSet]] = {}
    for one in plan.needle_sets:
        groups.setdefault(one.implant_id or one.gap_ids[0], []).append(one)
    ways = {t.id: t for t in plan.trajectories}
    chosen = chosen_side_by_side([_may_be_proposed(mine, config) for mine in groups.values()], ways, config)
    sets = tuple(_proposed(one, mine, config) for one, mine in zip(chosen, groups.values(), strict=True))
    names = [name for one in sets for name in one.trajectory_ids]
    reached = {ways[name].gap_id for name in names}
    return Procedure(
        sets=sets,
        needles=len(names),
        cement_ml=_sum([one.cement_ml for one in sets]),
        in_needles_ml=_sum([dead_volume_ml(ways[name].needle) for name in names]),
        without_needle=tuple(gap.id for gap in plan.gaps if gap.id not in reached),
        in_turn=in_turn(names, ways, config),
    )


def _may_be_proposed(sets: Sequence[NeedleSet], config: NeedleSetConfig) -> list[NeedleSet]:
    """Give an implant's sets that reach about what its best one does, the smallest first."""
    most = max(_reached(one) for one in sets)
    enough = [one for one in sets if _reached(one) >= config.proposed_share * most]
    chosen = min(enough, key=lambda one: len(one.trajectory_ids))
    # another hole that lets no more cement in before one has to stop is none to make
    first = min((one for one in sets if _injects_as_much(one, chosen)), key=lambda one: len(one.trajectory_ids))
    return [first, *sorted((one for one in enough if one is not first), key=lambda one: len(one.trajectory_ids))]


def _proposed(chosen: NeedleSet, sets: Sequence[NeedleSet], config: NeedleSetConfig) -> ProposedSet:
    preferred = chosen is _may_be_proposed(sets, config)[0]
    beside = "" if preferred else "; fewer would stand in the way of another implant's needles"
    return ProposedSet(
        implant_id=chosen.implant_id,
        gap_ids=chosen.gap_ids,
        trajectory_ids=chosen.order or chosen.trajectory_ids,
        reason=_why(chosen, sets) + beside,
        cement_ml=chosen.cement_ml,
    )


def _injects_as_much(one: NeedleSet, chosen: NeedleSet) -> bool:
    if one is chosen:
        return True
    if one.cement_ml is None or chosen.cement_ml is None or one.gap_ids != chosen.gap_ids:
        return False
    return len(one.trajectory_ids) < len(chosen.trajectory_ids) and one.cement_ml >= chosen.cement_ml


def _why(chosen: NeedleSet, sets: Sequence[NeedleSet]) -> str:
    count = len(chosen.trajectory_ids)
    own = f"{_needles(count)} within reach of {_reached(chosen):.0%} of the gap"
    fewer = [one for one in sets if len(one.trajectory_ids) < count]
    more = [one for one in sets if len(one.trajectory_ids) > count]
    parts = [own]
    if fewer:
        best = max(fewer, key=_reached)
        parts.append(f"{_needles(len(best.trajectory_ids))} of {_reached(best):.0%}")
    if more:
        best = max(more, key=_reached)
        less = best.cement_ml is not None and chosen.cement_ml is not None and best.cement_ml <= chosen.cement_ml
        no_more = ", which would take no more cement before it leaks or ends" if less else ""
        parts.append(f"{_needles(len(best.trajectory_ids))} of {_reached(best):.0%}{no_more}")
    if not more and not fewer:
        parts.append("no other that stands beside it would reach more, or vent it")
    return "; ".join(parts)


def _needles(count: int) -> str:
    return "1 needle" if count == 1 else f"{count} needles"


def _reached(one: NeedleSet) -> float:
    """Give the share that a set reaches; where volumes are not known, the mean of its gaps' shares."""
    if one.covered_fraction is not None:
        return one.covered_fraction
    return float(np.mean(list(one.gap_shares.values()))) if one.gap_shares else 0.0


def _of_little(procedure: Procedure, config: NeedleSetConfig) -> tuple[Finding, ...]:
    """Warn of proposed needles through which next to nothing goes in before one has to stop."""
    return tuple(
        Finding(
            code="hardly-any-cement",
            severity="warning",
            message=f"{', '.join(one.gap_ids)}: {' and '.join(one.trajectory_ids)}, the best that was found, "
            f"{'injects' if len(one.trajectory_ids) == 1 else 'inject'} {one.cement_ml:.2f} mL before one has to stop: "
            "no needle fills this gap usefully in the simulation",
            measured=one.cement_ml,
            limit=config.least_useful_ml,
            unit="mL",
            source="ours",
            implant_id=one.implant_id,
            gap_id=one.gap_ids[0] if len(one.gap_ids) == 1 else None,
        )
        for one in procedure.sets
        if one.cement_ml is not None and one.cement_ml < config.least_useful_ml
    )


def _of_much(procedure: Procedure, config: NeedleSetConfig) -> tuple[Finding, ...]:
    cement = procedure.cement_ml
    if cement is None or cement <= config.one_mix_ml:
        return ()
    return (
        Finding(
            code="much-cement",
            severity="caution",
            message=f"the proposed needles inject {cement:.1f} mL in all, more than one mix: plan two, or two "
            "sittings; leaks and what they do to heart and lung grow with the volume",
            measured=cement,
            limit=config.one_mix_ml,
            unit="mL",
            source="no safe volume for a sitting is known; more cement is a risk (Chen 2025, doi 10.12307/2025.427); "
            "the limit is ours",
        ),
    )


def _sum(volumes: Sequence[float | None]) -> float | None:
    known = [v for v in volumes if v is not None]
    return sum(known) if known and len(known) == len(volumes) else None
