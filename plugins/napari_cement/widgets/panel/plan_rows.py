"""What stands in the plan's table: one row a thing, its cells in words, and the numbers that columns are sorted by."""

from collections.abc import Iterable
from dataclasses import dataclass

from napari_cement.drawn.needle_layers import LOCKED, is_locked
from napari_cement.drawn.wish_layers import WISH_COLOURS
from napari_cement.widgets.panel.plan_words import (
    after_ml,
    breach_name,
    console_words,
    gap_ml,
    gap_words,
    hole_words,
    implant_words,
    level_words,
    loosening_brief,
    needle_ml,
    needle_words,
    picked_brief,
    picked_words,
    reached_ml,
    trust_words,
    wall_brief,
    why_none_words,
    width_brief,
    with_ranks,
)
from napari_cement.widgets.panel.told import (
    Told,
    breach_told,
    gap_told,
    hole_told,
    implant_told,
    made_words,
    needle_told,
)
from planner.model.breach import Breach
from planner.model.cement_fill import NeedleHole
from planner.model.gap import Gap
from planner.model.implant import Implant
from planner.model.needle import NeedleWay
from planner.model.plan import Plan
from planner.report.courses import leaks_by_needle
from planner.report.leak_lines import leaks_in_a_line
from planner.report.leaks import TargetLeaks, leaks_of
from planner.report.needle_words import clearance_in_words, mm
from planner.report.palette import BREACH, GAP, IMPLANT, NEEDLE
from planner.station.choice import ThingKind, may_be_loose
from planner.station.needle_cautions import at_once_of, cautions_of, is_without_caution

COLUMNS = (
    "Found", "Cement, mL", "Judged", "Trust", "Score", "From skin", "C-arm", "To metal", "To canal", "To breach",
    "Made", "In the report",
)  # fmt: skip
TIPS = (
    "Implants, their gaps, and each gap's needles and breaches. Needle: rank, depth from the skin, approach",
    "mL. Gap: volume (90 % interval). Needle: what is within its reach, and before what to stop: the earliest "
    "of its own course and of those with the first needle's tip off its aim or in needle sets. "
    "Breach: injected until cement is there",
    "Implant: loosening. Gap: width, median and greatest. Needle: cautions. Breach: bone that is left of the wall",
    "How far metal artefacts leave the measurement usable",
    "Needle: 0 to 1, the best is 1",
    "Needle: depth of its tip from the skin, mm",
    "At the console, in the treatment position. Needle: its bull's-eye view. Breach: the view that shows a leak",
    "Needle: distance of its surface from metal, mm",
    "Needle: distance of its surface from the spinal canal, mm",
    "Needle: distance of its surface from the nearest breach, mm",
    "Automatic, or made or changed by a person",
    "Its name in the report, in findings and in pictures",
)
_WORST = 1000
"""A needle that breaks a hard limit is sorted behind all cautions."""
_LOOSENING = ("none", "possible", "probable", "definite")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Parameters
    ----------
    text : str
        In words.
    value : float or None
        The number to sort by; None where there is none, or it was not measured.
    """

    text: str = ""
    value: float | None = None


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One row with those below it.

    Parameters
    ----------
    kind : str or None
        What it tells of; None for a remark.
    id : str
        Its id in the plan; of a finding its number.
    cells : tuple of Cell
        As `COLUMNS`; missing ones are empty.
    told : Told
        All that was measured.
    colour : str or None
        Of its chip.
    order : int
        Rows of another order keep their place whatever is sorted.
    below : tuple of PlanRow
        Its rows.
    approach : str or None
        A needle's.
    is_quiet : bool
        Whether nothing speaks against it; only needles can have that.
    is_firm : bool
        Whether an implant shows no sign of loosening.
    is_bold, is_warning, is_open, spans : bool
        How it is shown: bold, in the colour of faults, with its rows open, over all columns.
    """

    kind: ThingKind | None
    id: str
    cells: tuple[Cell, ...]
    told: Told
    colour: str | None = None
    order: int = 0
    below: tuple["PlanRow", ...] = ()
    approach: str | None = None
    is_quiet: bool = True
    is_firm: bool = False
    is_bold: bool = False
    is_warning: bool = False
    is_open: bool = True
    spans: bool = False

    @property
    def words(self) -> str:
        """All that was measured, in words."""
        return self.told.in_words


def rows_of(plan: Plan) -> tuple[PlanRow, ...]:
    """Write a plan as rows.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    tuple of PlanRow
        What to know first, targets that were asked for, implants (those with gaps first), gaps without an implant.
    """
    tell = _NeedleTeller(plan)
    with_gap = {gap.implant_id for gap in plan.gaps}
    implants = sorted(plan.implants, key=lambda implant: implant.id not in with_gap)
    return (
        *_to_know_first(plan),
        *(_picked_rows(plan, tell)),
        *(_level_rows(plan, tell)),
        *(_implant_row(plan, implant, tell) for implant in implants),
        *(_gap_row(plan, gap, tell) for gap in plan.gaps if gap.implant_id is None),
    )


class _NeedleTeller:
    """Tells needles; what their injections come to is worked out once for all."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._courses = plan, leaks_by_needle(plan)

    def row(self, way: NeedleWay, *, to_a_gap: bool) -> PlanRow:
        course, clear = self._courses.get(way.id) if to_a_gap else None, way.clearance_mm
        at_once = at_once_of(self._plan, way)
        cautions = len(cautions_of(way, at_once=at_once))
        judged = "UNSAFE" if way.violations else _cautions(cautions)
        cells = (
            Cell(needle_words(way), way.rank),
            Cell(needle_ml(way, course, to_a_gap=to_a_gap), way.reachable_ml),
            Cell(judged, cautions + (_WORST if way.violations else 0)),
            Cell(),
            Cell(f"{way.score:.2f}", way.score),
            Cell(mm(way.depth_from_skin_mm, 0), way.depth_from_skin_mm),
            Cell(console_words(way.bulls_eye), way.bulls_eye.console_primary_deg),
            Cell(mm(clear.metal), clear.metal),
            Cell(mm(clear.canal), clear.canal),
            Cell(clearance_in_words(way, "nearest_breach"), clear.nearest_breach),
            Cell(made_words(way)),
            Cell(way.id),
        )
        return PlanRow(
            "needle", way.id, cells, needle_told(way, course, to_a_gap=to_a_gap, at_once=at_once),
            LOCKED if is_locked(way) else NEEDLE, order=1, approach=way.approach,
            is_quiet=is_without_caution(self._plan, way), is_bold=is_locked(way), is_warning=bool(way.violations),
        )  # fmt: skip


def _cautions(count: int) -> str:
    return "no caution" if not count else f"{count} caution{'' if count == 1 else 's'}"


def _to_know_first(plan: Plan) -> Iterable[PlanRow]:
    warned = [(number, f) for number, f in enumerate(plan.findings) if f.severity != "info"]
    if not warned:
        return
    below = tuple(
        PlanRow(
            "finding", str(number), (Cell(f.message),), Told(with_ranks(plan, f.message)), order=number,
            is_warning=f.severity == "warning", spans=True,
        )
        for number, f in warned
    )  # fmt: skip
    title = f"To know first ({len(warned)})"
    is_open = any(f.severity == "warning" for _, f in warned)
    yield PlanRow(None, "", (Cell(title),), Told(title), order=-3, below=below, is_open=is_open, spans=True)


def _remark(words: str, order: int = 0) -> PlanRow:
    return PlanRow(None, "", (Cell(words),), Told(words), order=order, spans=True)


def _picked_rows(plan: Plan, tell: _NeedleTeller) -> Iterable[PlanRow]:
    """Show targets that were asked for, whether or not a gap was told there."""
    for target in plan.picked_targets:
        below = tuple(tell.row(way, to_a_gap=False) for way in target.ways) or (_remark(why_none_words(target)),)
        what = picked_words(target)
        cells = (Cell(what), Cell(), Cell(picked_brief(target)))
        told = Told(what, figures=(("where", picked_brief(target)),))
        yield PlanRow("target", target.id, cells, told, WISH_COLOURS["targets"], order=-2, below=below)


def _level_rows(plan: Plan, tell: _NeedleTeller) -> Iterable[PlanRow]:
    for level in plan.prophylactic_targets:
        below = tuple(tell.row(way, to_a_gap=False) for way in level.ways) or (_remark("no needle keeps every limit"),)
        what, count = level_words(level), len(level.ways)
        cells = (Cell(what), Cell(), Cell(f"{count} needle{'' if count == 1 else 's'}", count))
        yield PlanRow("level", level.id, cells, Told(what), order=-1, below=below, is_open=False)


def _implant_row(plan: Plan, implant: Implant, tell: _NeedleTeller) -> PlanRow:
    gaps = tuple(_gap_row(plan, gap, tell) for gap in plan.gaps if gap.implant_id == implant.id)
    grade = None if implant.loosening is None else float(_LOOSENING.index(implant.loosening))
    cells = (Cell(implant_words(implant)), Cell("" if gaps else "no gap told"), Cell(loosening_brief(implant), grade))
    return PlanRow(
        "implant", implant.id, cells, implant_told(implant), IMPLANT, below=gaps or (_remark("no gap found round it"),),
        is_firm=not may_be_loose(implant), is_open=bool(gaps),
    )  # fmt: skip


def _gap_row(plan: Plan, gap: Gap, tell: _NeedleTeller) -> PlanRow:
    leaks = leaks_of(plan, gap)
    width, line = gap.width_mm, "" if leaks.fill is None else with_ranks(plan, leaks_in_a_line(leaks), briefly=True)
    cells = (
        Cell(gap_words(gap)),
        Cell(gap_ml(gap), None if gap.volume_ml is None else gap.volume_ml.estimate),
        Cell(width_brief(gap), None if width is None else width.median),
        Cell(trust_words(gap.trust), gap.trust),
        Cell(), Cell(), Cell(), Cell(), Cell(), Cell(),
        Cell(made_words(gap)),
        Cell(gap.id),
    )  # fmt: skip
    below = tuple(_below_gap(plan, gap, leaks, line, tell))
    return PlanRow("gap", gap.id, cells, gap_told(gap, line), GAP, below=below)


def _below_gap(plan: Plan, gap: Gap, told: TargetLeaks, line: str, tell: _NeedleTeller) -> Iterable[PlanRow]:
    if line:
        yield _remark(f"leaks: {line}")
    needles = sorted((t for t in plan.trajectories if t.gap_id == gap.id), key=lambda t: t.rank)
    yield from (tell.row(way, to_a_gap=True) for way in needles)
    if not needles:
        yield _remark("no needle keeps every limit", order=1)
    yield from (_breach_row(breach, told.look_from.get(breach.id)) for breach in told.breaches)
    yield from (_hole_row(plan, hole) for hole in plan.needle_holes if hole.gap_id == gap.id)


def _breach_row(breach: Breach, look_from_ml: float | None) -> PlanRow:
    view = breach.watch_view
    cells = (
        Cell(breach_name(breach)),
        Cell(reached_ml(breach), breach.leak_after_ml),
        Cell(wall_brief(breach), 0.0 if breach.severity == "open" else breach.barrier_mm),
        Cell(trust_words(breach.trust), breach.trust),
        Cell(), Cell(),
        Cell("no view shows it" if view is None else console_words(view), view and view.console_primary_deg),
        Cell(), Cell(), Cell(), Cell(),
        Cell(breach.id),
    )  # fmt: skip
    return PlanRow("breach", breach.id, cells, breach_told(breach, look_from_ml), BREACH, order=2)


def _hole_row(plan: Plan, hole: NeedleHole) -> PlanRow:
    reached = "" if hole.leak_after_ml is None else f"there {after_ml(hole.leak_after_ml)}"
    size = Cell(f"{hole.diameter_mm:.1f} mm across", hole.diameter_mm)
    cells = (Cell(with_ranks(plan, hole_words(hole), briefly=True)), Cell(reached, hole.leak_after_ml), size)
    return PlanRow("hole", hole.trajectory_id, cells, hole_told(hole), NEEDLE, order=3)


def each(rows: Iterable[PlanRow]) -> Iterable[PlanRow]:
    """Give all rows, those below too."""
    for row in rows:
        yield row
        yield from each(row.below)
