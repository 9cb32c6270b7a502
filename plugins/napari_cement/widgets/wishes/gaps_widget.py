"""The tab "Gaps": take the plan's gaps, paint, erase, add, count, recompute."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QGridLayout, QLabel, QListWidget, QListWidgetItem, QPushButton, QVBoxLayout, QWidget

from napari_cement._editors import editors_of
from napari_cement._session import CementSession
from napari_cement.edit.gap_brush import GapBrush
from napari_cement.edit.recompute import Recompute
from planner.errors import PlannerError
from planner.model.plan import Plan
from planner.station.keeping.plan_folder import has_given_gaps

_TOOLS = (("paint", "Brush"), ("erase", "Eraser"), ("fill", "Fill"), ("pan_zoom", "Put down"))
_COUNT_MS = 150
"""After the last stroke: a count takes a tenth of a second on a large CT. Ours."""
_ROWS = 5
"""Of the list that are seen at least; ours."""
_HINT = "Take the plan's gaps to paint on a copy of them; the plan's own stay as they are."
_NOT_IN_3D = "Paint in a 2D view: press Axial, Coronal or Sagittal. In 3D nothing is painted."
_PAINTING = "Counted, not measured: Recompute measures what you painted. Paint over an implant does not count."


class GapsWidget(QWidget):
    """Paint gaps with napari's tools, read their size, have the plan made anew from them.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer.
    session : CementSession
        Plans again.
    can_judge : callable
        Says whether the shown plan is of the CT that is planned on, and nothing else is under way.
    """

    def __init__(self, napari_viewer: Any, session: CementSession, *, can_judge: Callable[[], bool]) -> None:
        super().__init__()
        self._viewer, self._session, self._can_judge = napari_viewer, session, can_judge
        self.brush = GapBrush(napari_viewer)
        self.recompute = Recompute(napari_viewer, session, self.brush, can_judge=can_judge)
        self.take_button = QPushButton("Take the plan's gaps")
        self.new_button = QPushButton("New gap")
        self.new_button.setToolTip("Paint a gap that was not found, beside an implant or in bone")
        self.tools = {mode: QPushButton(words) for mode, words in _TOOLS}
        self.gaps = QListWidget()
        self.gaps.setMinimumHeight(_ROWS * self.gaps.fontMetrics().lineSpacing())
        self.recompute_button = QPushButton("Recompute")
        self.recompute_button.setToolTip("Measure what is painted, and plan needles, sets and leaks anew")
        self.give_up_button = QPushButton("Give up my painting")
        self.message = QLabel(_HINT)
        self.message.setWordWrap(True)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_COUNT_MS)
        self._lay_out()
        self._wire()
        editors = editors_of(napari_viewer)
        # Gaps that are taken up again are planned with at once: they are the plan's own then, and nothing is painted.
        editors.offer("gaps", self.brush.unsaved, lambda gaps: self.brush.forget())
        self.brush.painted.connect(editors.touch)
        self._show()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.addWidget(self.take_button, 0, 0, 1, 2)
        grid.addWidget(self.new_button, 0, 2, 1, 2)
        for column, (mode, _) in enumerate(_TOOLS):
            self.tools[mode].setCheckable(mode != "pan_zoom")
            grid.addWidget(self.tools[mode], 1, column)
        grid.addWidget(self.recompute_button, 2, 0, 1, 2)
        grid.addWidget(self.give_up_button, 2, 2, 1, 2)
        layout = QVBoxLayout(self)
        layout.addWidget(self.message)
        layout.addWidget(self.gaps, 1)
        layout.addLayout(grid)

    def _wire(self) -> None:
        self.take_button.clicked.connect(self._on_take)
        self.new_button.clicked.connect(self._on_new)
        for mode, button in self.tools.items():
            button.clicked.connect(lambda checked=False, mode=mode: self._on_tool(mode))
        self.gaps.currentItemChanged.connect(self._on_gap)
        self.recompute_button.clicked.connect(self._on_recompute)
        self.give_up_button.clicked.connect(self._on_give_up)
        self.brush.changed.connect(self._show)
        self._viewer.dims.events.ndisplay.connect(self._on_dims)
        self._timer.timeout.connect(self._count)
        self._session.running.connect(lambda running: self._show())
        self._session.planned.connect(self._on_planned)
        self.recompute.refused.connect(self._refuse)

    def _code(self) -> int | None:
        item = self.gaps.currentItem()
        return None if item is None else int(item.data(Qt.ItemDataRole.UserRole))

    def _on_take(self) -> None:
        if self.brush.begin():
            self._count()
            first = next(iter(self.brush.names()), None)
            if first is not None:
                self.brush.take_up(first)

    def _on_new(self) -> None:
        if self.brush.begun is None:
            self.brush.begin()
        try:
            self.brush.add_gap()
        except PlannerError as error:
            self._refuse(str(error))
            return
        self._count()
        self.gaps.setCurrentRow(self.gaps.count() - 1)

    def _on_tool(self, mode: str) -> None:
        code = self._code()
        if code is not None or mode != "paint":
            self.brush.take_up(code or 0, mode=mode)

    def _on_dims(self, event: object = None) -> None:
        self._show()

    def _on_gap(self, *_: object) -> None:
        code, layer = self._code(), self.brush.layer
        if code is not None and layer is not None and layer.selected_label != code:
            layer.selected_label = code

    def _on_recompute(self) -> None:
        self.brush.take_up(self._code() or 0, mode="pan_zoom")
        self.recompute.start()

    def _on_planned(self, plan: Plan) -> None:
        """Take note which painting the plan was made from: it holds these gaps, and they are no edit of it."""
        holds = has_given_gaps(plan) and self.recompute.holds_painting
        self.brush.note_planned(self.brush.painting[1] if holds else 0)
        self._show()

    def _on_give_up(self) -> None:
        is_planned_with = self.recompute.has_painted_gaps
        if self.brush.give_up() is not None and is_planned_with:
            self.recompute.start()

    def _refuse(self, words: str) -> None:
        self.message.setText(f"{words[:1].upper()}{words[1:]}.")

    def _show(self) -> None:
        painting, free = self.brush.begun is not None, not self._session.is_running
        self.take_button.setEnabled(not painting and self._can_judge())
        self.new_button.setEnabled(painting or self._can_judge())
        self.recompute_button.setEnabled(painting and free and self._can_judge())
        self.give_up_button.setEnabled(painting and free)
        layer = self.brush.layer
        active = layer is not None and self._viewer.layers.selection.active is layer
        for mode, button in self.tools.items():
            button.setEnabled(painting)
            button.setChecked(active and str(layer.mode) == mode)
        in_3d = painting and self._viewer.dims.ndisplay == 3
        self.message.setText(_NOT_IN_3D if in_3d else _PAINTING if painting else _HINT)
        self._timer.start()

    def _count(self) -> None:
        self._timer.stop()
        counted = {one.code: one for one in self.brush.counted()}
        chosen = self._code()
        self.gaps.blockSignals(True)
        self.gaps.clear()
        for code, name in self.brush.names().items():
            one = counted.get(code)
            item = QListWidgetItem(_words(name, one))
            item.setData(Qt.ItemDataRole.UserRole, code)
            self.gaps.addItem(item)
            if code == chosen or self.gaps.currentRow() < 0:
                self.gaps.setCurrentItem(item)
        self.gaps.blockSignals(False)


def _words(name: str, counted: Any | None) -> str:
    if counted is None:
        return f"{name}: nothing painted yet"
    now = f"{name}: {counted.counted_ml:.2f} mL counted"
    return f"{now} (was {counted.before_ml:.2f}; edited)" if counted.is_edited else now
