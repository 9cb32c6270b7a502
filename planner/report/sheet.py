"""The planning sheet, a plan's first page: which implant, how loose, how much, where, and the needles in turn."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from planner.model.breach import Breach
from planner.model.cement_fill import CementFill
from planner.model.gap import Gap
from planner.model.implant import HIP_KINDS, Implant, ImplantKind, LooseningCriterion, Side
from planner.model.injection_stop import is_at_hip, stops_told
from planner.model.needle import NeedleWay, Trajectory
from planner.model.plan import Plan
from planner.model.proposal import leading_needles, proposal_of
from planner.report.courses import CourseLeaks, course_leaks, leaks_of_needles
from planner.report.drawings.hip import hip_drawing, most_ml
from planner.report.drawings.spine import screw_strip, spine_drawing
from planner.report.kits import kits_of
from planner.report.places import free_gaps_at_hip, is_spinal, place_of, side_words, whereabouts

_GRADED: frozenset[ImplantKind] = frozenset(("pedicle_screw", "femoral_stem", "acetabular_cup", "nail", "cage"))
"""Implants of which one asks whether they are loose."""
_ONE_HIP_MM, _MORE_MM = (80.0, 108.0), (66.0, 74.0)
"""Room for each view of a hip, where it is the only drawing and where there are more."""
_SIDES: tuple[Side | None, ...] = ("left", "right", None)


@dataclass(frozen=True, slots=True)
class Stop:
    """When the injection through some needles ends.

    Parameters
    ----------
    course : CourseLeaks or None
        Their simulated injection; None where there is none.
    together : tuple of str
        The needles that inject into one gap, this one among them: millilitres are of all of them.
    numbers : tuple of int
        Their places in the order of injection.
    breach : Breach or None
        What one stops for first; None where nothing is known that one stops for.
    before_ml : float or None
        The least mL injected by then in any simulated course of the gap.
    watch : Breach or None
        The breach whose view is to be watched: that one, else the first to leak, else the gap's first.
    spinal : bool
        Whether it is at the spine.
    """

    course: CourseLeaks | None
    together: tuple[str, ...]
    numbers: tuple[int, ...]
    breach: Breach | None
    before_ml: float | None
    watch: Breach | None
    spinal: bool

    @property
    def fill(self) -> CementFill | None:
        """The simulated course."""
        return None if self.course is None else self.course.fill


@dataclass(frozen=True, slots=True)
class SheetNeedle:
    """One line of the sheet: a needle in its turn.

    Parameters
    ----------
    number : int
        Its place in the order of injection, from 1.
    way : Trajectory
        The needle.
    stop : Stop
        When its injection ends.
    """

    number: int
    way: Trajectory
    stop: Stop


@dataclass(frozen=True, slots=True)
class SheetTarget:
    """One gap on the sheet.

    Parameters
    ----------
    gap : Gap
        It.
    implant : Implant or None
        Which; None for a gap without one.
    place : str
        "L4", or where in the scan: "at vertebra-2 of the scan, level not told".
    deciding : tuple of LooseningCriterion
        What its grade of loosening rests on: one criterion, or none that was measured.
    strip : Markup or None
        The screw lengthwise, zone by zone.
    """

    gap: Gap
    implant: Implant | None
    place: str
    deciding: tuple[LooseningCriterion, ...]
    strip: Markup | None

    @property
    def side(self) -> Side | None:
        """Side of the patient; None where it is not told."""
        return None if self.implant is None else self.implant.side


@dataclass(frozen=True, slots=True)
class Where:
    """One drawing with the targets that stand beside it.

    Parameters
    ----------
    kind : str
        "spine", "hip" or "not drawn".
    drawings : tuple of Markup
        SVG.
    left, right : tuple of SheetTarget
        Targets that stand at its left and at its right, as they lie in it.
    """

    kind: str
    drawings: tuple[Markup, ...]
    left: tuple[SheetTarget, ...]
    right: tuple[SheetTarget, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The first page.

    Parameters
    ----------
    region : str
        "SPINE", "LEFT HIP", or both.
    sides : tuple of (str, str)
        "LEFT", "RIGHT" or "SIDE NOT TOLD", each with the implants that are targets there.
    targets : tuple of SheetTarget
        Gap by gap.
    where : tuple of Where
        The drawings.
    others : tuple of (str or None, str)
        Of implants without a gap, how loose they are, with their ids; None: not measured.
    needles : tuple of SheetNeedle
        In the order of injection.
    is_proposal : bool
        Whether the needles are a proposal for one sitting; else each is its gap's best one.
    kits : int or None
        Kits of cement to have at hand, rounded up; None where the amount is not known.
    kits_are_least : bool
        Whether a part of the amount is not known, so that it may take more.
    """

    region: str
    sides: tuple[tuple[str, str], ...]
    targets: tuple[SheetTarget, ...]
    where: tuple[Where, ...]
    others: tuple[tuple[str | None, str], ...]
    needles: tuple[SheetNeedle, ...]
    is_proposal: bool
    kits: int | None
    kits_are_least: bool


def sheet_of(plan: Plan, *, kit_ml: float) -> Sheet:
    """Put together what the first page shows.

    Parameters
    ----------
    plan : Plan
        The plan.
    kit_ml : float
        What one kit of cement yields.

    Returns
    -------
    Sheet
        Without needles where the plan says that the patient is no candidate.
    """
    targets = tuple(_target(plan, gap) for gap in plan.gaps)
    needles = _needles(plan)
    proposal = proposal_of(plan)
    kits, least = kits_of(proposal, kit_ml=kit_ml)
    return Sheet(
        region=_region(plan),
        sides=_sides(targets),
        targets=targets,
        where=_where(plan, targets, needles),
        others=_others(plan),
        needles=needles,
        is_proposal=proposal is not None,
        kits=kits,
        kits_are_least=least,
    )


def deciding(implant: Implant | None) -> tuple[LooseningCriterion, ...]:
    """Give the criterion that a grade of loosening rests on first; the table of implants tells all.

    Parameters
    ----------
    implant : Implant or None
        The implant.

    Returns
    -------
    tuple of LooseningCriterion
        The first of those beyond their limits; else the first that was measured; empty where none was.
    """
    rows = () if implant is None else implant.loosening_criteria
    measured = tuple(row for row in rows if row.measured is not None)
    beyond = tuple(row for row in measured if row.measured is not None and row.measured > row.limit)
    return beyond[:1] or measured[:1]


def _target(plan: Plan, gap: Gap) -> SheetTarget:
    implant = next((one for one in plan.implants if one.id == gap.implant_id), None)
    strip = screw_strip(gap, most_ml=most_ml(plan), head_left=implant is None or implant.side != "right")
    return SheetTarget(gap, implant, place_of(gap, implant, plan), deciding(implant), strip)


def _needles(plan: Plan) -> tuple[SheetNeedle, ...]:
    ways = leading_needles(plan)
    proposal = proposal_of(plan)
    turns = {way.id: number for number, way in enumerate(ways, start=1)}
    rows = []
    for number, way in enumerate(ways, start=1):
        own = [(way.id,)] if proposal is None else [one.trajectory_ids for one in proposal.sets]
        names = next(ids for ids in own if way.id in ids)
        together = tuple(other.id for other in ways if other.id in names and other.gap_id == way.gap_id)
        rows.append(SheetNeedle(number, way, _stop(plan, way, together, tuple(turns[name] for name in together))))
    return tuple(rows)


def _stop(plan: Plan, way: Trajectory, together: tuple[str, ...], numbers: tuple[int, ...]) -> Stop:
    course = leaks_of_needles(plan, (way.gap_id,), together)
    hip = is_at_hip(next((one for one in plan.implants if one.id == way.implant_id), None))
    stops = list(stops_told(plan.breaches, way.gap_id, hip=hip))
    by_id = {one.id: one for one in plan.breaches}
    # alone or together, with other tissue and other cement too: the earliest counts, as in the viewer
    names = {one.id for one in leading_needles(plan) if one.gap_id == way.gap_id}
    own = (fill for fill in plan.fills if fill.gap_id == way.gap_id and names.issuperset(fill.trajectory_ids))
    for told in (course_leaks(fill, by_id, hip=hip) for fill in own):
        if told.stop is not None and told.stop_ml is not None:
            stops.append((told.stop, told.stop_ml))
    breach, before = min(stops, key=lambda pair: pair[1], default=(None, None))
    walls = [one for one in plan.breaches if one.gap_id == way.gap_id]
    leaks = [one for one in (breach, None if course is None else course.first, *walls) if one is not None]
    spinal = any(gap.id == way.gap_id and whereabouts(gap, plan) == "spine" for gap in plan.gaps)
    return Stop(course, together, numbers, breach, before, leaks[0] if leaks else None, spinal=spinal)


def _region(plan: Plan) -> str:
    meant = {gap.implant_id for gap in plan.gaps}
    implants = [one for one in plan.implants if one.id in meant] or list(plan.implants)
    hips = {one.side for one in implants if one.kind in HIP_KINDS}
    if meant == {None} and any(whereabouts(gap, plan) == "hip" for gap in plan.gaps):
        hips = {None}  # the implants' side need not be the gaps'
    words = [f"{side.upper()} HIP" if side else "HIP" for side in _SIDES if side in hips]
    if is_spinal(plan.model_copy(update={"implants": tuple(implants)})):
        words.insert(0, "SPINE")
    return " and ".join(words) or ("IMPLANT" if implants else "NO IMPLANT")


def _sides(targets: Sequence[SheetTarget]) -> tuple[tuple[str, str], ...]:
    told = []
    for side in _SIDES:
        mine = [target for target in targets if target.side == side]
        names = [" ".join(filter(None, (_level_of(one), one.gap.implant_id or one.gap.id))) for one in mine]
        if names:
            told.append((side_words(side), ", ".join(dict.fromkeys(names))))
    return tuple(told)


def _level_of(target: SheetTarget) -> str | None:
    return target.gap.level or (None if target.implant is None else target.implant.level)


def _others(plan: Plan) -> tuple[tuple[str | None, str], ...]:
    targets = {gap.implant_id for gap in plan.gaps}
    found: dict[str | None, list[str]] = {}
    for one in plan.implants:
        if one.id not in targets and one.kind in _GRADED:
            found.setdefault(one.loosening, []).append(one.id)
    return tuple((grade, ", ".join(names)) for grade, names in found.items())


def _where(plan: Plan, targets: Sequence[SheetTarget], needles: Sequence[SheetNeedle]) -> tuple[Where, ...]:
    numbered: list[tuple[int, NeedleWay]] = [(needle.number, needle.way) for needle in needles]
    shown = []
    spinal = [one for one in targets if whereabouts(one.gap, plan) == "spine"]
    drawing = spine_drawing(plan, numbered)
    if drawing is not None:
        # from behind: what lies left stands left
        left = tuple(one for one in spinal if one.side != "right")
        shown.append(Where("spine", (drawing,), left, tuple(one for one in spinal if one.side == "right")))
    hips = {one.side for one in plan.implants if one.kind in HIP_KINDS}
    room = _ONE_HIP_MM if len(hips) == 1 and drawing is None else _MORE_MM
    for side in _SIDES:
        free = free_gaps_at_hip(plan, side)
        held = (one for one in targets if one.implant is not None and one not in spinal and one.side == side)
        mine = (*held, *(one for one in targets if one.gap in free))
        drawings = hip_drawing(plan, side, numbered, room_mm=room)
        if drawings is not None:
            shown.append(Where("hip", drawings, (), mine))
    rest = tuple(one for one in targets if not any(one in (*where.left, *where.right) for where in shown))
    if rest:
        shown.append(Where("not drawn", (), rest, ()))
    return tuple(shown)
