"""Ask which series of an input is to be planned on; the planner's own choice is marked."""

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from planner.io.inspection import Inspection
from planner.station.keeping.series_choice import COLUMNS, series_rows

_SIZE_PX = (1000, 420)


class SeriesDialog(QDialog):
    """A table of series, one row to be chosen.

    Parameters
    ----------
    inspection : Inspection
        What the input holds.
    parent : QWidget or None
        The window it lies over.
    """

    chosen = Signal(object)
    """What `planner.io.load_scan` takes for the series; None where its files name none."""

    def __init__(self, inspection: Inspection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Which CT?")
        self.resize(*_SIZE_PX)
        self._rows = series_rows(inspection)
        words = inspection.not_chosen_because or "Several series can be planned on; the best is marked."
        self.words = QLabel(words[:1].upper() + words[1:])
        self.words.setWordWrap(True)
        self.table = QTableWidget(len(self._rows), len(COLUMNS))
        self.table.setHorizontalHeaderLabels([column.capitalize() for column in COLUMNS])
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        self._fill()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel)
        self.open_button = self.buttons.button(QDialogButtonBox.StandardButton.Open)
        layout = QVBoxLayout(self)
        for part in (self.words, self.table, self.buttons):
            layout.addWidget(part)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.table.itemSelectionChanged.connect(self._on_selected)
        self.table.cellDoubleClicked.connect(self._on_double_click)
        self.accepted.connect(self._tell)
        best = next((row for row, one in enumerate(self._rows) if one.is_best), None)
        if best is not None:
            self.table.selectRow(best)
        self._on_selected()

    def value(self) -> str | None:
        """Give the chosen series; None where none is chosen, or its files name none."""
        rows = self.table.selectionModel().selectedRows()
        return self._rows[rows[0].row()].name if rows else None

    def _fill(self) -> None:
        for row, one in enumerate(self._rows):
            for column, text in enumerate(one.cells):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if one.is_best:
                    font = item.font()
                    font.setBold(True)
                    item.setFont(font)
                item.setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(len(COLUMNS) - 1, QHeaderView.ResizeMode.Stretch)
        self.table.setWordWrap(True)
        self.table.resizeRowsToContents()

    def _on_selected(self) -> None:
        self.open_button.setEnabled(bool(self.table.selectionModel().selectedRows()))

    def _on_double_click(self, row: int, column: int) -> None:
        self.accept()

    def _tell(self) -> None:
        self.chosen.emit(self.value())
