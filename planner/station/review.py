"""A person stands behind a plan: what they must confirm before, and what takes their approval away."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from planner.errors import UsageError
from planner.model.implant import HIP_KINDS, Implant, Side
from planner.model.needle import NeedleWay
from planner.model.picked_target import PickedTarget
from planner.model.plan import Plan, Review
from planner.model.prophylaxis import ProphylacticTarget
from planner.report.said import merged
from planner.station.planned_there import needle_in_brief, planned_in_gap

_LONGEST_NAME = 80
"""Characters; what a sheet's head holds on one line. Ours."""


@dataclass(frozen=True, slots=True)
class PlaceToConfirm:
    """Where cement is planned: its side and level, for a person to confirm.

    Parameters
    ----------
    id : str
        The implant's id; the gap's, target's or level's where there is none.
    words : str
        What it is and where, also what is not known.
    confirms : str
        What a person says with their confirmation: never a level or side that the plan does not know.
    planned : tuple of str
        What is planned there, a line each: volumes, needles, when to stop.
    side : "left", "right" or None
        None where it is not known.
    level : str or None
        The same, and where there are no levels: at the hip.
    lacks : bool
        Whether a side or level that it has is not known.
    """

    id: str
    words: str
    confirms: str
    planned: tuple[str, ...]
    side: Side | None
    level: str | None
    lacks: bool


def places_to_confirm(plan: Plan) -> tuple[PlaceToConfirm, ...]:
    """List where a plan puts cement or needles.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    tuple of PlaceToConfirm
        Implants with a gap or a needle in the plan's order, then gaps without an implant, targets picked by hand
        without one, and intact levels. Empty for a plan without any.
    """
    gap_of = {gap.id: gap for gap in plan.gaps}
    used = {gap.implant_id for gap in plan.gaps} | {target.implant_id for target in plan.picked_targets}
    used |= {way.implant_id for way in plan.trajectories}
    places = [_of_implant(plan, one) for one in plan.implants if one.id in used]
    for gap in plan.gaps:
        if gap.implant_id is None:
            places.append(_place(gap.id, gap.kind.replace("_", " "), None, gap.level, planned_in_gap(plan, gap)))
    for target in plan.picked_targets:
        if target.implant_id is None:
            inside = gap_of.get(target.gap_id or "")
            level = None if inside is None else inside.level
            places.append(_place(target.id, "target picked by hand", None, level, _to_points(target)))
    places += [_place(one.id, "intact level", None, one.level, _to_points(one)) for one in plan.prophylactic_targets]
    return tuple(places)


def to_know_first(plan: Plan) -> tuple[str, ...]:
    """Say what whoever approves a plan must have read: its warnings and cautions, and the wishes it could not take up.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    tuple of str
        What makes the patient no candidate first, then wishes that were not taken up, then all other warnings, then all
        other cautions; what is said of several implants or gaps stands once.
    """
    first = [finding for finding in plan.findings if finding.code == "no-candidate"]
    dropped = [f for f in plan.findings if f.code.startswith("locked-needle") and f not in first]
    rest = [f for f in plan.findings if f not in first and f not in dropped]
    unmet = [
        f"{target.id} (picked by hand): no needle keeps every limit ({target.why_none or 'reason not told'})"
        for target in plan.picked_targets
        if not target.ways
    ]
    graver, others = (merged(f for f in rest if f.severity == grave) for grave in ("warning", "caution"))
    return (*(f.message for f in (*first, *dropped)), *unmet, *(said.message for said in (*graver, *others)))


def unsafe_needles(plan: Plan) -> tuple[NeedleWay, ...]:
    """Give the needles that stay in a plan though they break hard limits, for a person locked them.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    tuple of NeedleWay
    """
    return tuple(way for way in plan.ways if way.violations)


def approve(
    plan: Plan,
    by: str,
    at: datetime,
    *,
    patient_confirmed: bool,
    places_confirmed: Collection[str],
    unsafe_confirmed: Collection[str] = (),
) -> Plan:
    """Approve a plan in a person's name.

    Parameters
    ----------
    plan : Plan
        As it was shown to that person.
    by : str
        Who approves it.
    at : datetime
        When, with its time zone.
    patient_confirmed : bool
        They saw that the CT is of the patient to be treated.
    places_confirmed : collection of str
        The ids of `places_to_confirm` whose side and level, as far as they are known, they saw to be right.
    unsafe_confirmed : collection of str
        The ids of `unsafe_needles` that they want all the same. Segmentation may be wrong where a person is right; but
        a needle that breaks a hard limit is approved by its name or not at all, and its warning stays in the plan.

    Returns
    -------
    Plan
        Approved; all else as it was.

    Raises
    ------
    UsageError
        If there is no name, the time has no zone, or something was not confirmed. The plan is then as it was.
    """
    name = " ".join(by.split())
    if not name or not name.isprintable():
        raise UsageError("nobody is named; write the name of the person who approves the plan")
    if len(name) > _LONGEST_NAME:
        raise UsageError(f"the name is longer than {_LONGEST_NAME} characters; shorten it")
    if at.tzinfo is None or at.utcoffset() is None:
        raise UsageError("the time of the approval has no time zone; give one")
    if not patient_confirmed:
        raise UsageError("the patient is not confirmed; compare name, number and birth date of the CT with the patient")
    missing = [place.words for place in places_to_confirm(plan) if place.id not in places_confirmed]
    if missing:
        raise UsageError(f"what is planned is not confirmed of: {'; '.join(missing)}")
    for way in unsafe_needles(plan):
        if way.id not in unsafe_confirmed:
            broken = "; ".join(way.violations)
            raise UsageError(f"{way.id} breaks hard limits ({broken}); remove it, or confirm this needle by itself")
    review = Review(state="approved", by=name, at=at.isoformat(timespec="seconds"))
    return plan.model_copy(update={"review": review})


def edited(plan: Plan) -> Plan:
    """Say that a person changed a plan: whoever approved it has not seen it so.

    Parameters
    ----------
    plan : Plan
        Reviewed or not.

    Returns
    -------
    Plan
        "edited", with nobody's name.
    """
    return plan.model_copy(update={"review": Review(state="edited")})


def _of_implant(plan: Plan, implant: Implant) -> PlaceToConfirm:
    gaps = [gap for gap in plan.gaps if gap.implant_id == implant.id]
    level = implant.level or next((gap.level for gap in gaps if gap.level is not None), None)
    targets = (target for target in plan.picked_targets if target.implant_id == implant.id)
    planned = [words for gap in gaps for words in planned_in_gap(plan, gap)]
    planned += [words for target in targets for words in _to_points(target)]
    has_level = implant.kind not in HIP_KINDS
    return _place(implant.id, implant.kind.replace("_", " "), implant.side, level, tuple(planned), has_level=has_level)


def _to_points(target: PickedTarget | ProphylacticTarget) -> tuple[str, ...]:
    """Say which needle leads to a target or an intact level, the first of them."""
    if not target.ways:
        return (f"{target.id}: no needle",)
    first = min(target.ways, key=lambda way: way.rank)
    return (f"{target.id}: no stop volume is known here", f"first of {len(target.ways)}: {needle_in_brief(first)}")


def _place(
    name: str, kind: str, side: Side | None, level: str | None, planned: tuple[str, ...], *, has_level: bool = True
) -> PlaceToConfirm:
    named = {"level": level, "side": side} if has_level else {"side": side}
    told = [what for what, value in named.items() if value is not None]
    unknown = [what for what, value in named.items() if value is None]
    # Which of several screws it is can be seen though its level is not known.
    right = " and ".join(told if level is not None else [*told, kind.removeprefix("pedicle ")])
    confirms = f"You confirm: the {right} {'are' if ' and ' in right else 'is'} right."
    if unknown:
        verb, it = ("are", "them") if len(unknown) > 1 else ("is", "it")
        confirms += f" The {' and '.join(unknown)} {verb} NOT known here: find {it} on the pictures first."
    where = [
        f"{what} not known" if named[what] is None else f"{named[what]}" for what in ("side", "level") if what in named
    ]
    return PlaceToConfirm(name, f"{name}, {kind}: {', '.join(where)}", confirms, planned, side, level, bool(unknown))
