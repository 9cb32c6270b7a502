"""The plan as a tree in words: implants, their gaps, and each gap's needles and breaches."""

from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QTreeWidget, QTreeWidgetItem

from planner.fluoro.overlay import angles_text
from planner.model.breach import Breach
from planner.model.cement_fill import NeedleHole
from planner.model.gap import Gap, Interval
from planner.model.implant import Implant
from planner.model.needle import Trajectory
from planner.model.plan import Plan
from planner.model.record import PointLps
from planner.report.courses import CourseLeaks, leaks_by_needle
from planner.report.leak_lines import course_in_a_line, leaks_in_a_line
from planner.report.leak_words import (
    after,
    behind,
    from_on,
    is_told,
    is_unsure,
    millilitres,
    readable,
    seen_how,
    wall,
)
from planner.report.leaks import leaks_of
from planner.report.palette import BREACH, GAP, IMPLANT, NEEDLE
from planner.report.words import KINDS, whole_percent

NOT_MEASURED = "not measured"
_PLACE = Qt.ItemDataRole.UserRole
_NEEDLE = Qt.ItemDataRole.UserRole + 1
_WORDS = Qt.ItemDataRole.UserRole + 2


class PlanTree(QTreeWidget):
    """Implants > gaps > needles and breaches; a click tells the place and all that was measured."""

    chosen = Signal(object, object)
    """Position in LPS, and the needle's id or None."""
    described = Signal(str)
    """All of the chosen row, in words."""

    def __init__(self) -> None:
        super().__init__()
        self.setColumnCount(2)
        self.setIndentation(12)
        self.setHeaderLabels(["Found", "Measured"])
        self.currentItemChanged.connect(self._on_current)

    def set_plan(self, plan: Plan | None) -> None:
        """Show a plan.

        Parameters
        ----------
        plan : Plan or None
            None empties the tree.
        """
        self.blockSignals(True)
        self.clear()
        if plan is not None:
            self._fill(plan)
        self.resizeColumnToContents(0)
        self.blockSignals(False)

    def _fill(self, plan: Plan) -> None:
        warned = [finding for finding in plan.findings if finding.severity != "info"]
        if warned:
            top = self._row(self, f"To know first ({len(warned)})")
            for finding in warned:
                row = self._row(top, finding.message, finding.severity, place=finding.where_lps)
                row.setFirstColumnSpanned(True)
            top.setExpanded(any(finding.severity == "warning" for finding in warned))
        for implant in sorted(plan.implants, key=lambda i: not any(g.implant_id == i.id for g in plan.gaps)):
            loose = loosening_words(implant)
            row = self._row(self, implant_words(implant), loose, place=implant.centroid_lps, colour=IMPLANT)
            mine = [gap for gap in plan.gaps if gap.implant_id == implant.id]
            for gap in mine:
                self._add_gap(row, plan, gap)
            if not mine:
                self._row(row, "no gap found round it")
            row.setExpanded(bool(mine))
        for gap in plan.gaps:
            if gap.implant_id is None:
                self._add_gap(self, plan, gap)

    def _add_gap(self, parent: Any, plan: Plan, gap: Gap) -> None:
        row = self._row(
            parent, gap_words(gap), volume_words(gap.volume_ml), gap_figures(gap), gap.centroid_lps, colour=GAP
        )
        told = leaks_of(plan, gap)
        if told.fill is not None and (line := leaks_in_a_line(told)):
            self._row(row, "leaks", line)
        needles = sorted((t for t in plan.trajectories if t.gap_id == gap.id), key=lambda t: t.rank)
        courses = leaks_by_needle(plan)
        for needle in needles:
            self._row(
                row,
                needle_words(needle),
                depth_words(needle),
                needle_figures(needle, courses.get(needle.id)),
                needle.target_lps,
                colour=NEEDLE,
                needle=needle.id,
            )
        if not needles:
            self._row(row, "no needle keeps every limit")
        for breach in told.breaches:
            brief = f"{wall(breach)}; {reached_words(breach)}"
            figures = breach_figures(breach, told.look_from.get(breach.id))
            self._row(row, breach_words(breach), brief, figures, breach.centroid_lps, colour=BREACH)
        for hole in (h for h in plan.needle_holes if h.gap_id == gap.id):
            self._row(row, hole_words(hole), hole_figures(hole), place=hole.entry_lps, colour=NEEDLE)
        row.setExpanded(True)

    def _row(
        self,
        parent: Any,
        what: str,
        brief: str = "",
        figures: str = "",
        place: PointLps | None = None,
        *,
        colour: str | None = None,
        needle: str | None = None,
    ) -> QTreeWidgetItem:
        row = QTreeWidgetItem(parent, [what, brief])
        row.setData(0, _PLACE, place)
        row.setData(0, _NEEDLE, needle)
        words = ". ".join(part for part in (what, figures or brief) if part)
        row.setData(0, _WORDS, words)
        row.setToolTip(0, words)
        row.setToolTip(1, words)
        if colour is not None:
            row.setForeground(0, QColor(colour))
        return row

    def _on_current(self, current: QTreeWidgetItem | None, previous: QTreeWidgetItem | None) -> None:
        if current is None:
            return
        self.described.emit(current.data(0, _WORDS))
        if current.data(0, _PLACE) is not None:
            self.chosen.emit(tuple(current.data(0, _PLACE)), current.data(0, _NEEDLE))


def plain(term: str | None) -> str:
    """Write one of the plan's terms in plain words."""
    return NOT_MEASURED if term is None else KINDS.get(term, term.replace("_", " "))


def figure(value: float | None, unit: str, digits: int = 1) -> str:
    """Write a number with its unit; None reads "not measured"."""
    return NOT_MEASURED if value is None else f"{value:.{digits}f} {unit}"


def volume_words(volume: Interval | None) -> str:
    """Write a volume with its 90 % interval."""
    if volume is None:
        return f"volume {NOT_MEASURED}"
    return f"{volume.estimate:.2f} mL ({volume.low:.2f}–{volume.high:.2f})"


def implant_words(implant: Implant) -> str:
    """Name an implant."""
    place = " ".join(word for word in (implant.level, implant.side) if word)
    return f"{implant.id}: {plain(implant.kind)}" + (f", {place}" if place else "")


def loosening_words(implant: Implant) -> str:
    """Say how loose an implant is."""
    if implant.loosening is None:
        return f"loosening {NOT_MEASURED}"
    return "no sign of loosening" if implant.loosening == "none" else f"loosening {implant.loosening}"


def gap_words(gap: Gap) -> str:
    """Name a gap."""
    return f"{gap.id}: {plain(gap.kind)}"


def gap_figures(gap: Gap) -> str:
    """Write a gap's figures."""
    width = gap.width_mm
    parts = [
        volume_words(gap.volume_ml),
        f"width {NOT_MEASURED}" if width is None else f"width {width.median:.1f} mm, at most {width.max:.1f} mm",
        f"trust {NOT_MEASURED}" if gap.trust is None else f"trust {whole_percent(gap.trust)} %",
    ]
    return "; ".join(parts)


def needle_words(needle: Trajectory) -> str:
    """Name a needle."""
    return f"needle {needle.rank}: {needle.approach}, {needle.needle.gauge}"


def depth_words(needle: Trajectory) -> str:
    """Say how deep a needle goes from the skin."""
    if needle.depth_from_skin_mm is None:
        return "skin not in the picture"
    return f"{needle.depth_from_skin_mm:.0f} mm from the skin"


def needle_figures(needle: Trajectory, course: CourseLeaks | None = None) -> str:
    """Write a needle's depth, clearances and view, and what its own injection comes to first."""
    clear = needle.clearance_mm
    clearances = {"metal": clear.metal, "canal": clear.canal, "breach": clear.nearest_breach}
    parts = [
        depth_words(needle),
        f"{needle.depth_in_bone_mm:.1f} mm in bone",
        "clear of " + ", ".join(f"{name} {figure(value, 'mm')}" for name, value in clearances.items()),
        f"bull's-eye {angles_text(needle.bulls_eye.primary_deg, needle.bulls_eye.secondary_deg)}",
    ]
    if not needle.bulls_eye.within_gantry_limits:
        parts.append("beyond the gantry's reach")
    parts.append(f"injected through it alone: {course_in_a_line(course)}")
    return "; ".join(parts)


def breach_words(breach: Breach) -> str:
    """Name a breach by what lies behind it."""
    return f"{breach.id}: {behind(breach) if is_told(breach) else 'leak not told'}"


def reached_words(breach: Breach) -> str:
    """Say when cement reaches a breach; never, and not simulated, are two things."""
    if breach.reached is None:
        return "not simulated"
    if not breach.reached:
        return "never reached"
    if breach.leak_after_ml is None:
        return "reached"
    return f"{'leaks' if breach.severity == 'open' else 'cement lies against it'} {after(breach.leak_after_ml)}"


def breach_figures(breach: Breach, look_from_ml: float | None = None) -> str:
    """Write a breach's figures; `look_from_ml`, mL: from when on to look there, None where that is not known."""
    parts = [wall(breach), f"area {figure(breach.area_mm2, 'mm²', 0)}", reached_words(breach)]
    if breach.watch_view is None:
        parts.append("no view shows it")
    else:
        view = breach.watch_view
        look = f"watch in {angles_text(view.primary_deg, view.secondary_deg)}"
        parts.append(look if look_from_ml is None else f"{look} from {from_on(look_from_ml)} on")
        parts += [how] if (how := seen_how(view)) else []
    if breach.trust is not None:
        parts.append(f"readable to {readable(breach)}{', doubtful' if is_unsure(breach) else ''}")
    return "; ".join(parts)


def hole_words(hole: NeedleHole) -> str:
    """Name a needle's hole."""
    return f"hole of {hole.trajectory_id}: a way out"


def hole_figures(hole: NeedleHole) -> str:
    """Write a hole's figures."""
    size = f"{hole.wall_mm:.1f} mm of bone, {hole.diameter_mm:.1f} mm across"
    return size if hole.leak_after_ml is None else f"{size}; cement there after {millilitres(hole.leak_after_ml)}"
