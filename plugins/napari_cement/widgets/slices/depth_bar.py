"""A slider along a needle, with the places on it that have names."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from napari_cement.widgets.marked_slider import Mark, MarkedSlider
from planner.report.palette import WARNING
from planner.station.reslice.course import BEYOND_TIP_MM, DepthMark, depth_in_words

STEP_MM, _PAGE_MM = 0.5, 5.0
_SHORT = {"posterior wall": "post. wall", "contact with the screw": "contact"}
_MARK_COLOUR = "#FFFFFF"


class DepthBar(QWidget):
    """Depth along a needle: a slider, its marks as buttons, and the depth in words."""

    valueChanged = Signal(float)
    """The user wants another depth, mm from the course's outermost point."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._marks: tuple[DepthMark, ...] = ()
        self._depth = 0.0
        self.slider = MarkedSlider()
        self.slider.setPageStep(round(_PAGE_MM / STEP_MM))
        self.buttons: list[QToolButton] = []
        self.words = QLabel()
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(2)
        self._buttons.addStretch(1)
        self.words.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(1)
        layout.addWidget(self.words)
        layout.addLayout(self._buttons)
        layout.addWidget(self.slider)
        self.slider.valueChanged.connect(self._on_slider)

    def value(self) -> float:
        """Give the depth, mm."""
        return self._depth

    def setValue(self, depth_mm: float) -> None:  # Qt's manner
        """Show a depth; nobody is told."""
        self._depth = depth_mm
        self.slider.blockSignals(True)
        self.slider.setValue(round(depth_mm / STEP_MM))
        self.slider.blockSignals(False)
        if self._marks:
            self.words.setText(depth_in_words(depth_mm, self._marks))

    def marks(self) -> tuple[DepthMark, ...]:
        """Give the places that have names."""
        return self._marks

    def set_marks(self, marks: tuple[DepthMark, ...]) -> None:
        """Name other places, from the outside in; the last is the tip."""
        if marks == self._marks:
            return
        names = [mark.name for mark in self._marks]
        self._marks = marks
        self.slider.blockSignals(True)
        self.slider.setRange(0, round((marks[-1].depth_mm + BEYOND_TIP_MM) / STEP_MM) if marks else 0)
        self.slider.blockSignals(False)
        self.slider.set_marks(
            tuple(Mark(round(m.depth_mm / STEP_MM), WARNING if m is marks[-1] else _MARK_COLOUR) for m in marks)
        )
        if names != [mark.name for mark in marks]:
            self._name_buttons()

    def _name_buttons(self) -> None:
        for old in self.buttons:
            self._buttons.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.buttons = []
        for number, mark in enumerate(self._marks):
            button = QToolButton()
            button.setText(_SHORT.get(mark.name, mark.name))
            button.setToolTip(f"Cut across the needle where its tip is at: {mark.name}")
            button.clicked.connect(lambda checked=False, number=number: self._go(self._marks[number].depth_mm))
            self._buttons.insertWidget(number, button)
            self.buttons.append(button)

    def _go(self, depth_mm: float) -> None:
        self.setValue(depth_mm)
        self.valueChanged.emit(depth_mm)

    def _on_slider(self, steps: int) -> None:
        self._go(steps * STEP_MM)
