"""The operator's wishes: targets, regions, needles that stay, a needle of one's own."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_cement._own_needle import OwnNeedle
from napari_cement._session import CementSession
from napari_cement._wish_layers import FIRST_RADIUS_MM, WISH_COLOURS, WISHES, Wish
from napari_cement._wishes import Wishes
from napari_cement.widgets.own_needle_widget import OwnNeedleWidget
from planner.config.plan_config import load_settings
from planner.config.wishes_config import LockedNeedle, WishesConfig
from planner.config.wishes_toml import wishes_text
from planner.errors import ConfigError, PlannerError
from planner.model.record import PointLps

_ADD: dict[Wish, str] = {
    "targets": "Add targets",
    "keep_out": "Add balls to keep out of",
    "enter_through": "Add balls to enter through",
}
_WIDEST_MM: dict[Wish, float] = {"targets": 15.0, "keep_out": 200.0, "enter_through": 200.0}
"""What the field takes: of targets as the planner, of regions wider than any body part that one would draw by hand."""
_HINT = (
    "Press a button and click in a slice; napari's tools for points move, resize and delete. "
    "Press Plan again to plan with these wishes."
)
_SUFFIX = "TOML (*.toml)"


class WishesWidget(QWidget):
    """Draw wishes, hold needles, save and load all of it.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer.
    session : CementSession
        Judges one's own needle.
    can_judge : callable
        Says whether the session's plan is of the CT that is drawn on.
    """

    valueChanged = Signal(object)
    """The new `WishesConfig`."""
    planWanted = Signal()

    def __init__(self, napari_viewer: Any, session: CementSession, *, can_judge: Callable[[], bool]) -> None:
        super().__init__()
        self.wishes = Wishes(napari_viewer)
        self.needle = OwnNeedle(napari_viewer)
        self.own = OwnNeedleWidget(self.needle, session, can_judge=can_judge)
        self._chosen: PointLps | None = None
        self.add_buttons = {wish: QPushButton(_ADD[wish]) for wish in WISHES}
        self.radii = {wish: QDoubleSpinBox() for wish in WISHES}
        self.counts = {wish: QLabel() for wish in WISHES}
        self.here_button = QPushButton("Target at the chosen row")
        self.here_button.setToolTip("At the place of the row chosen in the plan: a gap's middle, a needle's tip")
        self.locked = QListWidget()
        self.unlock_button = QPushButton("Let it go")
        self.plan_button = QPushButton("Plan again")
        self.save_button = QPushButton("Save wishes…")
        self.load_button = QPushButton("Load wishes…")
        self.message = QLabel(_HINT)
        self.message.setWordWrap(True)
        self._lay_out()
        self._wire()
        self._show()

    def value(self) -> WishesConfig:
        """Give the wishes as settings; raises `ConfigError` where something drawn is none that the planner takes."""
        return self.wishes.value()

    def setValue(self, wishes: WishesConfig) -> None:
        """Draw other wishes in the place of these."""
        self.wishes.setValue(wishes)

    def set_chosen(self, point_lps: PointLps | None) -> None:
        """Take the place of the row that is chosen in the plan; None for none."""
        self._chosen = point_lps
        self._show()

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.addWidget(QLabel("radius"), 0, 2)
        for row, wish in enumerate(WISHES, start=1):
            button, radius = self.add_buttons[wish], self.radii[wish]
            button.setCheckable(True)
            radius.setRange(0.5, _WIDEST_MM[wish])
            radius.setDecimals(1)
            radius.setSingleStep(0.5)
            radius.setValue(FIRST_RADIUS_MM[wish])
            radius.setSuffix(" mm")
            radius.setToolTip("Of the balls that come next, and of those selected in the layer")
            chip = QLabel()
            chip.setFixedSize(14, 14)
            chip.setStyleSheet(f"background: {WISH_COLOURS[wish]}; border: 1px solid black;")
            for column, part in enumerate((chip, button, radius, self.counts[wish])):
                grid.addWidget(part, row, column)
        grid.addWidget(self.here_button, len(WISHES) + 1, 1, 1, 2)
        grid.setColumnStretch(1, 1)
        places = QGroupBox("Targets and regions")
        places.setLayout(grid)
        stay = QGroupBox("Needles that stay as they are")
        column = QVBoxLayout(stay)
        column.addWidget(self.locked)
        column.addWidget(self.unlock_button)
        self.locked.setMaximumHeight(70)
        files = QHBoxLayout()
        for button in (self.save_button, self.load_button):
            files.addWidget(button)
        layout = QVBoxLayout(self)
        for part in (places, self.own, stay, self.message):
            layout.addWidget(part)
        layout.addStretch(1)
        layout.addWidget(self.plan_button)
        layout.addLayout(files)

    def _wire(self) -> None:
        for wish in WISHES:
            self.add_buttons[wish].clicked.connect(partial(self._on_draw, wish))
            self.radii[wish].valueChanged.connect(lambda mm, wish=wish: self.wishes.resize(wish, radius_mm=mm))
        self.here_button.clicked.connect(self._on_here)
        self.unlock_button.clicked.connect(self._on_unlock)
        self.locked.currentRowChanged.connect(lambda row: self.unlock_button.setEnabled(row >= 0))
        self.plan_button.clicked.connect(self.planWanted)
        self.save_button.clicked.connect(self._on_save)
        self.load_button.clicked.connect(self._on_load)
        self.own.kept.connect(self.wishes.lock)
        self.wishes.changed.connect(self._show)
        self.wishes.refused.connect(self._on_refused)
        self.wishes.valueChanged.connect(self._on_value)

    def _on_value(self, value: WishesConfig) -> None:
        self.valueChanged.emit(value)
        self.own.judge_anew()

    def _on_draw(self, wish: Wish, *_: object) -> None:
        if self.wishes.is_drawing(wish):
            self.wishes.put_down()
        else:
            self.wishes.draw(wish, radius_mm=self.radii[wish].value())
        self._show()

    def _on_here(self) -> None:
        if self._chosen is not None:
            self.wishes.add_target(self._chosen, radius_mm=self.radii["targets"].value())

    def _on_unlock(self) -> None:
        item = self.locked.currentItem()
        if item is not None:
            self.wishes.unlock(item.data(Qt.ItemDataRole.UserRole))

    def _on_refused(self, words: str) -> None:
        self.message.setText(f"Cannot be planned with: {words}.")

    def _on_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Save wishes", "wishes.toml", _SUFFIX)
        if name:
            self.save(Path(name))

    def _on_load(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Load wishes", "", _SUFFIX)
        if name:
            self.load(Path(name))

    def save(self, file: Path) -> None:
        """Write the wishes as settings that ``cement-planner plan --settings`` takes.

        Parameters
        ----------
        file : Path
            Where; what was there is written over.
        """
        try:
            file.write_text(wishes_text(self.value()), encoding="utf-8")
        except ConfigError as error:
            self._on_refused(str(error))
        except OSError as error:
            self.message.setText(f"Not saved: {error.strerror}.")
        else:
            self.message.setText(f"Saved: cement-planner plan CT_FOLDER -o OUT --settings {file.name}")

    def load(self, file: Path) -> None:
        """Take the wishes of a settings file; its other settings are left.

        Parameters
        ----------
        file : Path
            What `save` wrote, or any settings.
        """
        try:
            wishes = load_settings(file).needles.wishes
        except PlannerError as error:
            self.message.setText(f"Not loaded: {error}.")
        else:
            self.setValue(wishes)

    def _show(self) -> None:
        for wish in WISHES:
            self.add_buttons[wish].setChecked(self.wishes.is_drawing(wish))
            boxes = len(self.wishes.boxes(wish))
            count = f"{len(self.wishes.balls(wish))} there" + (f", {boxes} boxes" if boxes else "")
            self.counts[wish].setText(count)
        self.here_button.setEnabled(self._chosen is not None)
        self.message.setText(_HINT)
        self._list_locked()

    def _list_locked(self) -> None:
        held = self.wishes.locked
        shown = tuple(self.locked.item(row).data(Qt.ItemDataRole.UserRole) for row in range(self.locked.count()))
        if shown != held:
            self.locked.clear()
            for wish in held:
                item = QListWidgetItem(locked_words(wish))
                item.setData(Qt.ItemDataRole.UserRole, wish)
                self.locked.addItem(item)
        self.unlock_button.setEnabled(self.locked.currentRow() >= 0)


def locked_words(wish: LockedNeedle) -> str:
    """Name a needle that stays."""
    ends = " to ".join("({:.1f}, {:.1f}, {:.1f})".format(*point) for point in (wish.entry_lps, wish.target_lps))
    return f"{wish.needle} from {ends}"
