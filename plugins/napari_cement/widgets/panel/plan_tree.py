"""The plan as a tree with columns: implants, their gaps, and each gap's needles and breaches."""

import re
from typing import Any

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QBrush, QColor, QIcon, QPixmap
from qtpy.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem

from napari_cement._focus import Chosen
from napari_cement.widgets.panel.plan_rows import COLUMNS, TIPS, PlanRow, each, rows_of
from napari_cement.widgets.panel.row_filter import RowFilter, count_hidden
from planner.model.plan import Plan
from planner.report.palette import FAULT
from planner.station.choice import HIDEABLE, hidden_with

_FOUND_PX = (148, 330)
"""The first column takes what the next two leave, within these; what is cut off stands in the tip and below."""
_WIDEST_PX = {1: 118, 2: 110}
"""Of columns, at most; 130 of the rest. By eye: at a panel of 420 px the first three are seen."""
_VALUE = Qt.ItemDataRole.UserRole
_ORDER = Qt.ItemDataRole.UserRole + 1
_KIND = Qt.ItemDataRole.UserRole + 2
_ID = Qt.ItemDataRole.UserRole + 3
_TOLD = Qt.ItemDataRole.UserRole + 4
_CHIP_PX = 11
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class _Item(QTreeWidgetItem):
    """A row that is sorted by its numbers; what was not measured comes last, whichever way round."""

    def __lt__(self, other: QTreeWidgetItem) -> bool:
        header = self.treeWidget().header()
        column, falls = header.sortIndicatorSection(), header.sortIndicatorOrder() == Qt.SortOrder.DescendingOrder
        if column < 0:
            return False
        mine, theirs = self.data(0, _ORDER), other.data(0, _ORDER)
        if mine != theirs:
            return bool(mine > theirs if falls else mine < theirs)
        value, against = self.data(column, _VALUE), other.data(column, _VALUE)
        if value is None and against is None:
            return _by_name(self.text(column)) < _by_name(other.text(column))
        if value is None or against is None:
            return (value is None) == falls
        return bool(value < against)


class PlanTree(QTreeWidget):
    """The plan's rows; the chosen one is told, and what is ticked off."""

    chosen = Signal(object)
    """`Chosen`: a person went to a row."""
    described = Signal(object)
    """`Told`: all of the row that was gone to."""
    hiddenChanged = Signal(object)
    """Ids of what is ticked off, with what hides with it."""
    flown = Signal()
    """Enter, or a double click: go there closely."""
    lockWanted = Signal()
    """L on a needle."""

    def __init__(self) -> None:
        super().__init__()
        self._plan: Plan | None = None
        self._rows: tuple[PlanRow, ...] = ()
        self._items: dict[int, QTreeWidgetItem] = {}
        self._hidden: frozenset[str] = frozenset()
        self.setColumnCount(len(COLUMNS))
        self.setIndentation(8)
        self.setAccessibleName("The plan")
        self._fits = True
        self.setUniformRowHeights(True)
        self.setHeaderLabels(list(COLUMNS))
        for column, tip in enumerate(TIPS):
            self.headerItem().setToolTip(column, tip)
        header = self.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(False)
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.setSortIndicatorClearable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.sortIndicatorChanged.connect(self._sort)
        header.sectionResized.connect(self._on_resized)
        self.currentItemChanged.connect(self._on_current)
        self.itemChanged.connect(self._on_ticked)
        self.itemActivated.connect(lambda item, column: self.flown.emit())

    def set_plan(self, plan: Plan | None) -> None:
        """Show a plan.

        Parameters
        ----------
        plan : Plan or None
            None empties the tree.
        """
        with QSignalBlocker(self):
            self.clear()
            self._items = {}
            self._plan, self._hidden = plan, frozenset()
            self._rows = () if plan is None else rows_of(plan)
            for row in self._rows:
                self._add(self, row)
            for column in range(self.columnCount()):
                wide = max(self.sizeHintForColumn(column), self.header().sectionSizeHint(column))
                self._resize(column, min(wide, _WIDEST_PX.get(column, 130)))
        self._fits = True
        self._fit()
        self._sort()

    def apply(self, wanted: RowFilter) -> int:
        """Show the wanted rows only.

        Parameters
        ----------
        wanted : RowFilter
            Which.

        Returns
        -------
        int
            How many implants, gaps, needles, breaches and needle holes are not shown.
        """
        seen = wanted.seen(self._rows)
        for key, item in self._items.items():
            item.setHidden(key not in seen)
        return count_hidden(self._rows, seen, counts=lambda row: row.kind not in (None, "finding"))

    def approaches(self) -> tuple[str, ...]:
        """Give the approaches of the plan's needles."""
        return tuple(dict.fromkeys(row.approach for row in each(self._rows) if row.approach is not None))

    def current(self) -> Chosen | None:
        """Give the thing whose row is marked; None where there is none."""
        item = self.currentItem()
        if item is None or item.data(0, _KIND) is None:
            return None
        return Chosen(item.data(0, _KIND), item.data(0, _ID))

    def go_to(self, chosen: Chosen | None) -> None:
        """Mark a thing's row without telling anybody but who reads the words.

        Parameters
        ----------
        chosen : Chosen or None
            The thing; None, or one without a row, marks none.
        """
        item = None if chosen is None else self._item(chosen)
        if item is self.currentItem() and item is not None:
            return
        with QSignalBlocker(self):
            self.setCurrentItem(item)
        if item is not None:
            self.scrollToItem(item)
            self.described.emit(item.data(0, _TOLD))

    def set_hidden(self, hidden: frozenset[str]) -> None:
        """Tick off what others hid.

        Parameters
        ----------
        hidden : frozenset of str
            Ids.
        """
        self._hidden = hidden
        with QSignalBlocker(self):
            for item in self._items.values():
                if item.data(0, _KIND) in HIDEABLE:
                    off = item.data(0, _ID) in hidden
                    item.setCheckState(0, Qt.CheckState.Unchecked if off else Qt.CheckState.Checked)
        self.viewport().update()

    def keyPressEvent(self, event: Any) -> None:
        """H hides or shows the row's thing, L locks its needle, Enter flies there."""
        item = self.currentItem()
        if item is not None and event.key() == Qt.Key.Key_H and item.data(0, _KIND) in HIDEABLE:
            off = item.checkState(0) == Qt.CheckState.Unchecked
            item.setCheckState(0, Qt.CheckState.Checked if off else Qt.CheckState.Unchecked)
        elif item is not None and event.key() == Qt.Key.Key_L and item.data(0, _KIND) == "needle":
            self.lockWanted.emit()
        elif item is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.flown.emit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: Any) -> None:
        """Give the first column what the next two leave."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if not self._fits:
            return  # a person made the columns as they are
        left = self.viewport().width() - self.columnWidth(1) - self.columnWidth(2)
        least, most = _FOUND_PX
        self._resize(0, max(least, min(left, most)))

    def _resize(self, column: int, width: int) -> None:
        header = self.header()
        with QSignalBlocker(header):
            header.resizeSection(column, width)

    def _on_resized(self, column: int, before: int, now: int) -> None:
        self._fits = False

    def _add(self, parent: Any, row: PlanRow) -> None:
        item = _Item(parent)
        for column, cell in enumerate(row.cells):
            item.setText(column, cell.text)
            item.setData(column, _VALUE, cell.value)
            item.setToolTip(column, row.words)
        item.setData(0, Qt.ItemDataRole.AccessibleTextRole, row.words)
        for role, value in ((_ORDER, row.order), (_KIND, row.kind), (_ID, row.id), (_TOLD, row.told)):
            item.setData(0, role, value)
        if row.colour is not None:
            item.setIcon(0, _chip(row.colour))
        if row.kind in HIDEABLE:
            item.setCheckState(0, Qt.CheckState.Checked)
        if row.is_warning:
            for column in range(2):
                item.setForeground(column, QBrush(QColor(FAULT)))
        if row.is_bold:
            font = item.font(0)
            font.setBold(True)
            item.setFont(0, font)
        for one in row.below:
            self._add(item, one)
        item.setExpanded(row.is_open)
        item.setFirstColumnSpanned(row.spans)
        self._items[id(row)] = item

    def _item(self, chosen: Chosen) -> QTreeWidgetItem | None:
        wanted = (chosen.kind, chosen.id)
        return next((i for i in self._items.values() if (i.data(0, _KIND), i.data(0, _ID)) == wanted), None)

    def _sort(self, *_: object) -> None:
        header = self.header()
        if header.sortIndicatorSection() >= 0:
            self.sortItems(header.sortIndicatorSection(), header.sortIndicatorOrder())
        elif self._plan is not None:
            self._restore(self.invisibleRootItem(), self._rows)

    def _restore(self, parent: QTreeWidgetItem, rows: tuple[PlanRow, ...]) -> None:
        """Put rows back into the plan's own order."""
        is_sorted = [parent.child(number) is self._items[id(row)] for number, row in enumerate(rows)]
        if not all(is_sorted):
            shape = {key: (item.isExpanded(), item.isHidden()) for key, item in self._items.items()}
            current = self.currentItem()
            with QSignalBlocker(self):
                parent.takeChildren()
                parent.addChildren([self._items[id(row)] for row in rows])
                for row in each(self._rows):
                    item = self._items[id(row)]
                    item.setExpanded(shape[id(row)][0])
                    item.setHidden(shape[id(row)][1])
                    item.setFirstColumnSpanned(row.spans)
                self.setCurrentItem(current)
        for row in rows:
            self._restore(self._items[id(row)], row.below)

    def _on_current(self, current: QTreeWidgetItem | None, previous: QTreeWidgetItem | None) -> None:
        if current is None:
            return
        self.described.emit(current.data(0, _TOLD))
        if current.data(0, _KIND) is not None:
            self.chosen.emit(Chosen(current.data(0, _KIND), current.data(0, _ID)))

    def _on_ticked(self, item: QTreeWidgetItem, column: int) -> None:
        if column != 0 or self._plan is None or item.data(0, _KIND) not in HIDEABLE:
            return
        together = hidden_with(self._plan, {item.data(0, _ID)})
        off = item.checkState(0) == Qt.CheckState.Unchecked
        hidden = self._hidden | together if off else self._hidden - together
        self.set_hidden(hidden)
        self.hiddenChanged.emit(hidden)


def _chip(colour: str) -> QIcon:
    picture = QPixmap(_CHIP_PX, _CHIP_PX)
    picture.fill(QColor(colour))
    return QIcon(picture)


def _by_name(text: str) -> list[tuple[int, float, str]]:
    """Order "gap-2" before "gap-10"."""
    parts: list[tuple[int, float, str]] = []
    for part in re.split(r"(\d+(?:\.\d+)?)", text.casefold()):
        parts.append((0, float(part), "") if _NUMBER.fullmatch(part) else (1, 0.0, part))
    return parts
