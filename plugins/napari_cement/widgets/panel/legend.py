"""What the colours of the plan mean."""

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from napari_cement.drawn.plan_layers import LEGEND

_COLUMNS = 2


class Legend(QWidget):
    """Chips with words, two beside each other; folds away."""

    def __init__(self) -> None:
        super().__init__()
        self.button = QToolButton()
        self.button.setText("Colours")
        self.button.setCheckable(True)
        self.button.setToolTip("What the colours mean")
        self.button.setAutoRaise(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.page = QWidget()
        grid = QGridLayout(self.page)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(1)
        for number, (words, colour) in enumerate(LEGEND):
            chip = QLabel()
            chip.setFixedSize(12, 12)
            chip.setStyleSheet(f"background: {colour}; border: 1px solid black;")
            row, column = divmod(number, _COLUMNS)
            grid.addWidget(chip, row, 2 * column, Qt.AlignmentFlag.AlignCenter)
            grid.addWidget(QLabel(words), row, 2 * column + 1)
            grid.setColumnStretch(2 * column + 1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(1)
        layout.addWidget(self.button)
        layout.addWidget(self.page)
        self.button.toggled.connect(self._fold)
        self.button.setChecked(True)

    def unfold(self, is_open: bool) -> None:  # noqa: FBT001  # a switch
        """Show the colours, or the button only: where the window is low."""
        self.button.setChecked(is_open)

    def _fold(self, is_open: bool) -> None:  # noqa: FBT001  # a Qt slot
        self.page.setVisible(is_open)
        self.button.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
