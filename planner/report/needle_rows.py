"""The report's section on needles, row by row: what is proposed, each needle's card, and why ways were refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from planner.model.implant import ImplantKind
from planner.model.needle import NeedleSet, NeedleWay, ProposedSet, Trajectory
from planner.model.needle_search import FamilySearch, NeedleSearch
from planner.model.plan import Plan
from planner.model.proposal import proposal_of
from planner.report import needle_words as say
from planner.report.courses import CourseLeaks, leaks_by_needle, leaks_of_needles
from planner.report.leak_lines import course_in_a_line
from planner.report.words import whole_percent


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a card: a name and what is to be said.

    Parameters
    ----------
    name, text : str
        Plain text.
    warns : bool
        Whether it is to be marked.
    """

    name: str
    text: str
    warns: bool = False


@dataclass(frozen=True, slots=True)
class Clearance:
    """One clearance: as planned, and with a bad aim.

    Parameters
    ----------
    name, planned, aimed_badly : str
        Plain text; `aimed_badly` is empty where it is not told.
    warns : bool
        Whether a bad aim would meet it.
    """

    name: str
    planned: str
    aimed_badly: str
    warns: bool


@dataclass(frozen=True, slots=True)
class NeedleCard:
    """All that is told of one needle.

    Parameters
    ----------
    way : NeedleWay
        The needle.
    title : str
        How it goes.
    role : str
        Its place in what is proposed; empty for the others.
    set_up, safety : tuple of Row
        What is done at the table; what speaks for and against it.
    clearances : tuple of Clearance
        By structure.
    aim : str
        The bad aim that is reckoned with, "2 mm and 2° off"; empty where none is told.
    terms : tuple of (str, float)
        The score's terms in words.
    """

    way: NeedleWay
    title: str
    role: str
    set_up: tuple[Row, ...]
    safety: tuple[Row, ...]
    clearances: tuple[Clearance, ...]
    aim: str
    terms: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class SetRow:
    """One needle set.

    Parameters
    ----------
    needles : NeedleSet
        It.
    order : str
        Its needles in the order of injection.
    leaks : tuple of str
        What its course comes to first, gap by gap.
    proposed : ProposedSet or None
        Why it is proposed; None for the others.
    """

    needles: NeedleSet
    order: str
    leaks: tuple[str, ...]
    proposed: ProposedSet | None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """One family of ways to one gap.

    Parameters
    ----------
    family : FamilySearch
        Its counts.
    name, why : str
        In words.
    """

    family: FamilySearch
    name: str
    why: str


def needle_card(
    way: NeedleWay, *, kind: ImplantKind | None = None, leaks: CourseLeaks | None = None, role: str = ""
) -> NeedleCard:
    """Tell one needle.

    Parameters
    ----------
    way : NeedleWay
        The needle.
    kind : str or None
        Of the implant that it leads to; None where there is none.
    leaks : CourseLeaks or None
        Of its own injection; None where it was not simulated.
    role : str
        Its place in what is proposed.

    Returns
    -------
    NeedleCard
    """
    error = way.with_aim_error
    return NeedleCard(
        way=way,
        title=say.way_in_words(way, kind),
        role=role,
        set_up=tuple(_set_up(way)),
        safety=tuple(_safety(way, leaks)),
        clearances=tuple(_clearances(way)),
        aim="" if error is None else f"{error.error_mm:g}\u202fmm and {error.error_deg:g}° off",
        terms=tuple((say.TERMS.get(name, name.replace("_", " ")), value) for name, value in way.score_terms.items()),
    )


def cards_of(plan: Plan) -> Mapping[str, NeedleCard]:
    """Tell every needle of a plan: to its gaps, and to targets picked by hand.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    Mapping of str to NeedleCard
        By the needle's id.
    """
    leaks, role = leaks_by_needle(plan), roles(plan)
    kinds = {implant.id: implant.kind for implant in plan.implants}
    ways: list[tuple[NeedleWay, str | None]] = [
        *((way, way.implant_id) for way in plan.trajectories),
        *((way, target.implant_id) for target in plan.picked_targets for way in target.ways),
    ]
    return {
        way.id: needle_card(
            way,
            kind=None if implant_id is None else kinds.get(implant_id),
            leaks=leaks.get(way.id),
            role=role.get(way.id, ""),
        )
        for way, implant_id in ways
    }


def roles(plan: Plan) -> Mapping[str, str]:
    """Say of each needle that is proposed when it injects: "proposed, 1st of 2".

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    Mapping of str to str
        By the needle's id; needles that are not proposed are left out.
    """
    proposal = proposal_of(plan)
    if proposal is None:
        return {}
    return {
        name: "proposed" if len(one.trajectory_ids) == 1 else f"proposed, injects {k} of {len(one.trajectory_ids)}"
        for one in proposal.sets
        for k, name in enumerate(one.trajectory_ids, start=1)
    }


def set_rows(plan: Plan) -> tuple[SetRow, ...]:
    """Tell the needle sets, the proposed one of each implant first.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    tuple of SetRow
    """
    proposal = proposal_of(plan)
    proposed = {} if proposal is None else {frozenset(one.trajectory_ids): one for one in proposal.sets}
    rows = []
    for one in plan.needle_sets:
        parts = set_parts(plan, one)
        told = [(gap_id, course_in_a_line(leaks_of_needles(plan, (gap_id,), names))) for gap_id, names in parts]
        lines = tuple(line if len(parts) == 1 else f"{gap_id}: {line}" for gap_id, line in told)
        order = " → ".join(one.order or one.trajectory_ids)
        rows.append(SetRow(one, order, lines, proposed.get(frozenset(one.trajectory_ids))))
    groups: dict[str, list[SetRow]] = {}
    for row in rows:
        groups.setdefault(row.needles.implant_id or row.needles.gap_ids[0], []).append(row)
    return tuple(row for mine in groups.values() for row in sorted(mine, key=lambda row: row.proposed is None))


def set_parts(plan: Plan, one: NeedleSet) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Give what a set puts into each gap: the gap's id, and the needles that go there."""
    gap_of = {t.id: t.gap_id for t in plan.trajectories}
    gap_ids = dict.fromkeys(gap_of[name] for name in one.trajectory_ids if name in gap_of)
    return tuple((gap_id, tuple(n for n in one.trajectory_ids if gap_of.get(n) == gap_id)) for gap_id in gap_ids)


def refused_rows(search: NeedleSearch, kind: ImplantKind | None = None) -> tuple[RefusedRow, ...]:
    """Tell why ways to one gap were refused, family by family.

    Parameters
    ----------
    search : NeedleSearch
        The search.
    kind : str or None
        Of the gap's implant; None where there is none.

    Returns
    -------
    tuple of RefusedRow
        In the order of the search.
    """
    rows = []
    for family in search.families:
        why = say.refused_in_words(family.refused) or family.why_none or "none was refused"
        name = f"{say.APPROACHES[family.approach]}: {say.family_in_words(family.family, kind)}"
        rows.append(RefusedRow(family, name, why))
    return tuple(rows)


def _set_up(way: NeedleWay) -> list[Row]:
    rows = [Row("Skin", say.skin_in_words(way))]
    if way.depth_marks:
        rows.append(Row("Depth", say.depths(way.depth_marks)))
    else:
        rows.append(Row("Depth", f"{say.mm(way.depth_from_skin_mm, 0)} from the skin"))
    rows.append(Row("In bone", say.mm(way.depth_in_bone_mm, 0)))
    angle = say.NONE if way.entry_angle_deg is None else f"{way.entry_angle_deg:.0f}° off the bone's normal"
    cortex = "" if way.entry_cortex_mm is None else f", through {say.mm(way.entry_cortex_mm)} of cortex"
    rows.append(Row("Entry", angle + cortex))
    if way.slides_along_implant:
        rows.append(Row("Slide", "straight to the contact with the screw, then along it"))
    if way.bevel is not None:
        rows.append(Row("Bevel", say.bevel_in_words(way.bevel)))
    if way.cannula is not None:
        rows.append(Row("Cannula", say.cannula_in_words(way.cannula)))
    return rows


def _safety(way: NeedleWay, leaks: CourseLeaks | None) -> list[Row]:
    rows = [Row("Breaks", text, warns=True) for text in way.violations]
    rows += [Row("Caution", text, warns=True) for text in way.cautions]
    if way.margins_reduced:
        rows.append(Row("Caution", say.margins_in_words(way.margins_reduced), warns=True))
    if way.passage is not None:
        rows.append(Row("Pedicle", say.passage_in_words(way.passage), warns=way.passage.grade in ("C", "D", "E")))
    if way.nearest:
        rows.append(Row("Nearest", say.near(way.nearest)))
    rows.append(Row("Crosses", say.crossed(way.crosses) or say.NONE))
    if way.zones:
        rows.append(Row("Zones", ", ".join(way.zones)))
    reach = say.NONE if way.reachable_ml is None else f"{way.reachable_ml:.2f}\u202fmL within reach"
    rows.append(Row("Reaches", reach))
    if isinstance(way, Trajectory):
        rows.append(Row("Cement", f"injected through it alone: {course_in_a_line(leaks)}"))
        if way.locked:
            unsafe = "; it breaks hard limits, and is in no proposal" if way.violations else ""
            whose = "as a person placed it" if way.made == "edited" else "as it was proposed"
            rows.append(Row("Locked", f"held {whose}{unsafe}", warns=bool(way.violations)))
    if way.with_aim_error is not None:
        share = whole_percent(way.with_aim_error.harmless_share)
        rows.append(Row("Bad aim", f"{share}\u202f% of needles so far off meet nothing that harms"))
    return rows


def _clearances(way: NeedleWay) -> list[Clearance]:
    told = []
    for field, name in say.CLEARANCES:
        value = getattr(way.clearance_mm, field)
        if value is None and field in ("forbidden", "other_bone"):
            continue
        if value is None and field == "canal" and way.approach == "femoral":
            continue
        off = say.aimed_badly(way.with_aim_error, field) if field in say.WITH_AIM else ""
        less = None if way.with_aim_error is None else getattr(way.with_aim_error, field, None)
        told.append(Clearance(name, say.clearance_in_words(way, field), off, warns=less is not None and less < 0.0))
    return told


def searches_of(plan: Plan) -> Sequence[tuple[NeedleSearch, tuple[RefusedRow, ...]]]:
    """Give the searches of a plan, gap by gap, with their rows; empty for plans that do not tell them."""
    kinds = {implant.id: implant.kind for implant in plan.implants}
    kind_at = {gap.id: kinds.get(gap.implant_id) for gap in plan.gaps if gap.implant_id is not None}
    return [(search, refused_rows(search, kind_at.get(search.gap_id))) for search in plan.needle_searches]
