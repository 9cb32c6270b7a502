"""Below the panel's tabs: steps taken back and done again, and whether the shown plan is older than the edits."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_cement.edit.history import History
from napari_cement.edit.recompute import Recompute
from napari_cement.widgets.whole_words import WholeWords
from planner.report.palette import WARNING

_OLDER = "Plan is older than your edits: press Recompute."
_STEP_PX = 170
"""Of a step's button; longer words end in dots, and stand whole in its tooltip. By eye, for a panel of 380 px."""


class StepsBar(QWidget):
    """Undo, Redo, Recompute.

    Parameters
    ----------
    history : History
        Steps that can be taken back.
    recompute : Recompute
        Plans again with all edits.
    """

    def __init__(self, history: History, recompute: Recompute) -> None:
        super().__init__()
        self._history, self._recompute = history, recompute
        self.undo_button, self.redo_button = QPushButton("Undo"), QPushButton("Redo")
        self.older, self.recompute_button = WholeWords(), QPushButton("Recompute")
        self.recompute_button.setToolTip("Plan again with wishes and painted gaps; only what depends on them")
        self.older.setStyleSheet(f"color: {WARNING}; font-weight: bold;")
        self._lay_out()
        self.undo_button.clicked.connect(history.undo)
        self.redo_button.clicked.connect(history.redo)
        history.changed.connect(self._offer_steps)
        recompute.changed.connect(self._show)
        recompute.refused.connect(self._refuse)
        self.recompute_button.clicked.connect(recompute.start)
        self._offer_steps()
        self._show()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for row in ((self.older, self.recompute_button), (self.undo_button, self.redo_button)):
            line = QHBoxLayout()
            for part in row:
                line.addWidget(part, 1 if part is not self.recompute_button else 0)
            layout.addLayout(line)

    def _offer_steps(self) -> None:
        for button, what, words in (
            (self.undo_button, "Undo", self._history.undo_words),
            (self.redo_button, "Redo", self._history.redo_words),
        ):
            whole = what if words is None else f"{what}: {words}"
            button.setEnabled(words is not None)
            button.setText(button.fontMetrics().elidedText(whole, Qt.TextElideMode.ElideRight, _STEP_PX))
            button.setToolTip(whole)

    def _show(self) -> None:
        is_older = self._recompute.is_older is True
        self.older.setText(_OLDER)
        self.older.setVisible(is_older)
        self.recompute_button.setVisible(is_older)
        self.recompute_button.setEnabled(self._recompute.can_start)

    def _refuse(self, words: str) -> None:
        self.older.setText(f"{words[:1].upper()}{words[1:]}.")
        self.older.setVisible(True)
