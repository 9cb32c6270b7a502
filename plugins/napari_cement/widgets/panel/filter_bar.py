"""Which rows of the plan are shown: words to look for, a kind or an approach, without cautions, loose or not judged."""

from collections.abc import Iterable

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from napari_cement.widgets.panel.plan_words import plain
from napari_cement.widgets.panel.row_filter import RowFilter

_KINDS = (("everything", ""), ("gaps only", "gap"), ("needles only", "needle"), ("breaches only", "breach"))


class FilterBar(QWidget):
    """Edits a `RowFilter`."""

    valueChanged = Signal(object)
    """The `RowFilter`."""

    def __init__(self) -> None:
        super().__init__()
        self.text = QLineEdit()
        self.text.setPlaceholderText("Find in the plan")
        self.text.setClearButtonEnabled(True)
        self.what = QComboBox()
        self.only_quiet = QCheckBox("only without cautions")
        self.only_quiet.setToolTip(
            "Hides needles with a caution, a broken or reduced limit, or beyond the gantry's reach. "
            "What stays is not promised to be safe"
        )
        self.only_loose = QCheckBox("only loose or not judged")
        self.only_loose.setToolTip(
            "Keeps implants that may be loose and those whose loosening was not measured; "
            "hides those that show no sign of loosening"
        )
        self.text.setAccessibleName("Find in the plan")
        self.what.setAccessibleName("Kinds of rows that are shown")
        self.what.setToolTip("Kinds of rows that are shown")
        self.count = QLabel()
        self.count.hide()
        self.set_approaches(())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        first, second = QHBoxLayout(), QHBoxLayout()
        first.addWidget(self.text, 1)
        first.addWidget(self.what)
        second.addWidget(self.only_quiet)
        second.addWidget(self.only_loose)
        second.addStretch(1)
        layout.addLayout(first)
        layout.addLayout(second)
        layout.addWidget(self.count)
        self.text.textChanged.connect(self._tell)
        self.what.currentIndexChanged.connect(self._tell)
        self.only_quiet.toggled.connect(self._tell)
        self.only_loose.toggled.connect(self._tell)

    def value(self) -> RowFilter:
        """Give what is wanted."""
        return RowFilter(
            text=self.text.text(),
            what=str(self.what.currentData() or ""),
            only_quiet=self.only_quiet.isChecked(),
            only_loose=self.only_loose.isChecked(),
        )

    def setValue(self, wanted: RowFilter) -> None:
        """Set what is wanted.

        Parameters
        ----------
        wanted : RowFilter
            An approach that no needle of the plan has shows everything.
        """
        before = self.value()
        with QSignalBlocker(self):
            self.text.setText(wanted.text)
            self.what.setCurrentIndex(max(self.what.findData(wanted.what), 0))
            self.only_quiet.setChecked(wanted.only_quiet)
            self.only_loose.setChecked(wanted.only_loose)
        if self.value() != before:
            self._tell()

    def set_approaches(self, approaches: Iterable[str]) -> None:
        """Offer the approaches of a plan's needles.

        Parameters
        ----------
        approaches : iterable of str
            As the plan names them.
        """
        wanted = self.what.currentData()
        with QSignalBlocker(self.what):
            self.what.clear()
            for words, data in (*_KINDS, *((f"needles {plain(name)}", name) for name in approaches)):
                self.what.addItem(words, data)
            self.what.setCurrentIndex(max(self.what.findData(wanted), 0))

    def tell_hidden(self, count: int) -> None:
        """Say how many rows are not shown.

        Parameters
        ----------
        count : int
            Rows.
        """
        self.count.setText(f"{count} row{'' if count == 1 else 's'} not shown" if count else "")
        self.count.setVisible(bool(count))

    def _tell(self, *_: object) -> None:
        self.valueChanged.emit(self.value())
