"""The plan as a tree in words: implants, their gaps, and each gap's needles and breaches."""

from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QTreeWidget, QTreeWidgetItem

from napari_cement._needle_layers import is_locked
from napari_cement._wish_layers import WISH_COLOURS
from napari_cement.widgets.plan_words import (
    breach_figures,
    breach_words,
    gap_figures,
    gap_words,
    hole_figures,
    hole_words,
    implant_words,
    level_words,
    loosening_words,
    needle_brief,
    needle_figures,
    needle_words,
    picked_brief,
    picked_words,
    reached_words,
    volume_words,
    why_none_words,
)
from planner.model.gap import Gap
from planner.model.needle import NeedleWay
from planner.model.plan import Plan
from planner.model.record import PointLps
from planner.report.courses import leaks_by_needle
from planner.report.leak_lines import leaks_in_a_line
from planner.report.leak_words import wall
from planner.report.leaks import leaks_of
from planner.report.palette import BREACH, GAP, IMPLANT, NEEDLE

_FIRST_COLUMN_PX = 270
"""At most: the figures beside it must be seen; what is cut off stands in the tip and below."""
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
        self.setColumnWidth(0, min(self.columnWidth(0), _FIRST_COLUMN_PX))
        self.blockSignals(False)

    def _fill(self, plan: Plan) -> None:
        warned = [finding for finding in plan.findings if finding.severity != "info"]
        if warned:
            top = self._row(self, f"To know first ({len(warned)})")
            for finding in warned:
                row = self._row(top, finding.message, finding.severity, place=finding.where_lps)
                row.setFirstColumnSpanned(True)
            top.setExpanded(any(finding.severity == "warning" for finding in warned))
        self._add_wanted(plan)
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
            self._add_needle(row, needle, needle_figures(needle, courses.get(needle.id)))
        if not needles:
            self._row(row, "no needle keeps every limit")
        for breach in told.breaches:
            brief = f"{wall(breach)}; {reached_words(breach)}"
            figures = breach_figures(breach, told.look_from.get(breach.id))
            self._row(row, breach_words(breach), brief, figures, breach.centroid_lps, colour=BREACH)
        for hole in (h for h in plan.needle_holes if h.gap_id == gap.id):
            self._row(row, hole_words(hole), hole_figures(hole), place=hole.entry_lps, colour=NEEDLE)
        row.setExpanded(True)

    def _add_wanted(self, plan: Plan) -> None:
        """Show targets that were asked for, whether or not a gap was told there."""
        for target in plan.picked_targets:
            place, colour = target.point_lps, WISH_COLOURS["targets"]
            row = self._row(self, picked_words(target), picked_brief(target), place=place, colour=colour)
            for way in target.ways:
                self._add_needle(row, way, needle_figures(way, to_a_gap=False))
            if not target.ways:
                self._row(row, why_none_words(target)).setFirstColumnSpanned(True)
            row.setExpanded(True)
        for level in plan.prophylactic_targets:
            row = self._row(self, level_words(level), f"{len(level.ways)} needles", place=level.target_lps)
            for way in level.ways:
                self._add_needle(row, way, needle_figures(way, to_a_gap=False))
            if not level.ways:
                self._row(row, "no needle keeps every limit")

    def _add_needle(self, parent: Any, needle: NeedleWay, figures: str) -> None:
        row = self._row(parent, needle_words(needle), needle_brief(needle), figures, needle.target_lps, colour=NEEDLE)
        row.setData(0, _NEEDLE, needle.id)
        if is_locked(needle):
            font = row.font(0)
            font.setBold(True)
            row.setFont(0, font)

    def _row(
        self,
        parent: Any,
        what: str,
        brief: str = "",
        figures: str = "",
        place: PointLps | None = None,
        *,
        colour: str | None = None,
    ) -> QTreeWidgetItem:
        row = QTreeWidgetItem(parent, [what, brief])
        row.setData(0, _PLACE, place)
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
