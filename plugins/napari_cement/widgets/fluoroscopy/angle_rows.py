"""Two sliders with their numbers: the angles at the console, and how far the gantry turns."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QDoubleSpinBox, QGridLayout, QLabel, QWidget

from napari_cement.widgets.marked_slider import MarkedSlider
from planner.config.gantry import GantryLimits
from planner.station.carm.gantry_dial import Dial, primary_words, secondary_words

_RANGES = ((-180.0, 180.0), (-90.0, 90.0))


class AngleRows(QWidget):
    """Primary and secondary angle, each with a slider, a number, and as it is spoken.

    Parameters
    ----------
    parent : QWidget or None
        Its parent.
    """

    valueChanged = Signal(float, float)
    """Primary and secondary angle, degrees, as the user set them."""
    moving = Signal(bool)
    """Whether a slider is being dragged."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.primary, self.secondary = MarkedSlider(), MarkedSlider()
        self.primary_number, self.secondary_number = QDoubleSpinBox(), QDoubleSpinBox()
        self.primary_said, self.secondary_said = QLabel(), QLabel()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        rows = (
            ("LAO / RAO", self.primary, self.primary_number, self.primary_said, _RANGES[0]),
            ("CRAN / CAUD", self.secondary, self.secondary_number, self.secondary_said, _RANGES[1]),
        )
        for row, (name, slider, number, said, (low, high)) in enumerate(rows):
            slider.setRange(int(low), int(high))
            slider.valueChanged.connect(self._on_slider)
            slider.sliderPressed.connect(lambda: self.moving.emit(True))
            slider.sliderReleased.connect(lambda: self.moving.emit(False))
            number.setRange(low, high)
            number.setDecimals(1)
            number.setSuffix("°")
            number.setKeyboardTracking(False)
            number.valueChanged.connect(self._on_number)
            said.setMinimumWidth(said.fontMetrics().horizontalAdvance("CRAN 180"))
            for column, part in enumerate((QLabel(name), slider, number, said)):
                grid.addWidget(part, row, column)
        grid.setColumnStretch(1, 1)

    def value(self) -> tuple[float, float]:
        """Give the primary and the secondary angle, degrees."""
        return self.primary_number.value(), self.secondary_number.value()

    def setValue(self, dial: Dial) -> None:
        """Show angles, without telling of it."""
        parts = (
            (self.primary, self.primary_number, dial.primary_deg),
            (self.secondary, self.secondary_number, dial.secondary_deg),
        )
        for slider, number, deg in parts:
            for part, shown in ((slider, round(deg)), (number, deg)):
                before = part.blockSignals(True)
                part.setValue(shown)
                part.blockSignals(before)
        self.primary_said.setText(primary_words(dial.primary_deg))
        self.secondary_said.setText(secondary_words(dial.secondary_deg))

    def set_limits(self, gantry: GantryLimits | None) -> None:
        """Mark what the gantry does not reach; None where that is not known."""
        if gantry is None:
            self.primary.set_reach(None)
            self.secondary.set_reach(None)
            return
        self.primary.set_reach((round(gantry.primary_min_deg), round(gantry.primary_max_deg)))
        self.secondary.set_reach((round(gantry.secondary_min_deg), round(gantry.secondary_max_deg)))

    def _on_slider(self, *_: object) -> None:
        # The other angle keeps its fraction.
        primary, secondary = self.value()
        if self.sender() is self.primary:
            primary = float(self.primary.value())
        else:
            secondary = float(self.secondary.value())
        self.valueChanged.emit(primary, secondary)

    def _on_number(self, *_: object) -> None:
        self.valueChanged.emit(*self.value())
