"""A slider with marks on its groove, and stretches of it that are out of reach."""

from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QRect, Qt
from qtpy.QtGui import QColor, QPainter
from qtpy.QtWidgets import QSlider, QStyle, QStyleOptionSlider, QWidget

_MARK_PX, _BAND_PX = 3, 4
_OUT_OF_REACH = "#D55E00"


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark at a slider's value, in a colour."""

    value: int
    colour: str


class MarkedSlider(QSlider):
    """A horizontal slider with marks.

    Parameters
    ----------
    parent : QWidget or None
        Its parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.marks: tuple[Mark, ...] = ()
        self.reach: tuple[int, int] | None = None
        self.setMinimumHeight(26)

    def set_marks(self, marks: tuple[Mark, ...]) -> None:
        """Put other marks on it."""
        self.marks = marks
        self.update()

    def set_reach(self, reach: tuple[int, int] | None) -> None:
        """Mark what lies beyond two values as out of reach; None marks nothing."""
        self.reach = reach
        self.update()

    def paintEvent(self, event: Any) -> None:
        """Paint the slider with its marks."""
        super().paintEvent(event)
        painter = QPainter(self)
        if self.reach is not None:
            low, high = (self.x_of(value) for value in self.reach)
            bottom = self.height() - _BAND_PX
            for left, right in ((self.x_of(self.minimum()), low), (high, self.x_of(self.maximum()))):
                painter.fillRect(QRect(left, bottom, max(right - left, 0), _BAND_PX), QColor(_OUT_OF_REACH))
        for mark in self.marks:
            painter.fillRect(QRect(self.x_of(mark.value) - 1, 0, _MARK_PX, self.height()), QColor(mark.colour))
        painter.end()

    def x_of(self, value: int) -> int:
        """Say at which pixel the handle's middle stands for a value."""
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        style = self.style()
        control = QStyle.ComplexControl.CC_Slider
        handle = style.subControlRect(control, option, QStyle.SubControl.SC_SliderHandle, self)
        room = self.width() - handle.width()
        return handle.width() // 2 + QStyle.sliderPositionFromValue(self.minimum(), self.maximum(), value, room)
