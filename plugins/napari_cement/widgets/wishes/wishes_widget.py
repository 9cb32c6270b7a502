"""The tab "My wishes": targets, regions, needles that stay; it wires the tabs of what else is edited."""

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

from napari_cement._closing import when_closing
from napari_cement._editors import editors_of
from napari_cement._focus import focus_of
from napari_cement._session import CementSession
from napari_cement.drawn.box_layers import BOX_WISHES
from napari_cement.drawn.wish_layers import FIRST_RADIUS_MM, WISH_COLOURS, WISHES, Wish
from napari_cement.edit.history import bind_keys, history_of
from napari_cement.edit.own_needle import OwnNeedle
from napari_cement.edit.step_words import Edited, step_words
from napari_cement.edit.wishes import Drawn, Wishes
from napari_cement.widgets.wishes.gaps_widget import GapsWidget
from napari_cement.widgets.wishes.own_needle_widget import OwnNeedleWidget
from napari_cement.widgets.wishes.own_verdict import PUT_INSIDE
from napari_cement.widgets.wishes.steps_bar import StepsBar
from planner.config.plan_config import load_settings
from planner.config.wishes_config import LockedNeedle, WishesConfig
from planner.config.wishes_toml import wishes_text
from planner.errors import ConfigError, OutputError, PlannerError
from planner.io.whole_file import write_whole
from planner.model.record import PointLps
from planner.report.locked_words import locked_findings

_ADD: dict[Wish, str] = {
    "targets": "Add targets",
    "keep_out": "Add balls to keep out of",
    "enter_through": "Add balls to enter through",
}
_WIDEST_MM: dict[Wish, float] = {"targets": 15.0, "keep_out": 200.0, "enter_through": 200.0}
"""What the field takes: of targets as the planner, of regions wider than any body part that one would draw by hand."""
_HINT = (
    "Press a button and click in a slice of the canvas; napari's tools for points move, resize and delete. "
    "Recompute plans with these wishes; Ctrl+Z takes a step back."
)
_LOCKED_PX = 110
"""Height of the list; ours: three needles with what is to be known of them."""
_SUFFIX = "TOML (*.toml)"


class WishesWidget(QWidget):
    """Draw wishes, hold needles, save and load all of it.

    A needle of one's own (`own`), painted gaps (`painting`) and the steps (`steps`) are widgets apart, to be laid out
    beside this one.

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
        self._viewer, self._session, self._can_judge = napari_viewer, session, can_judge
        self.own = OwnNeedleWidget(self.needle, session, focus_of(napari_viewer), can_judge=can_judge)
        when_closing(napari_viewer, self.own.judge.shut_down)
        self.painting = GapsWidget(napari_viewer, session, can_judge=can_judge)
        self.history = history_of(napari_viewer)
        self._edits = self.history.follow(self, self._edited, self._write, step_words)
        self.recompute = self.painting.recompute
        self.recompute.read_wishes_by(self.wishes.value)
        self.steps = StepsBar(self.history, self.recompute)
        self._chosen: PointLps | None = None
        self.add_buttons = {wish: QPushButton(_ADD[wish]) for wish in WISHES}
        self.box_buttons = {wish: QPushButton("Add box") for wish in BOX_WISHES}
        self.radii = {wish: QDoubleSpinBox() for wish in WISHES}
        self.counts = {wish: QLabel() for wish in WISHES}
        self._put_inside: Drawn | None = None
        self.here_button = QPushButton("Target at the chosen row")
        self.here_button.setToolTip("At the place of the row chosen in the plan: a gap's middle, a needle's tip")
        self.locked = QListWidget()
        self.unlock_button = QPushButton("Let it go")
        self.tip_button = QPushButton("Target at its tip")
        self.tip_button.setToolTip("Where its tip lies in no gap: the next plan searches needles to there")
        self.plan_button = QPushButton("Recompute")
        self.plan_button.setToolTip("Plan with these wishes; from the start, where there is no plan of this CT yet")
        self.save_button = QPushButton("Save wishes…")
        self.load_button = QPushButton("Load wishes…")
        self.message = QLabel(_HINT)
        self.message.setWordWrap(True)
        self._lay_out()
        self._wire()
        self._offer_edits(napari_viewer, session)
        self._show()

    def _offer_edits(self, viewer: Any, session: CementSession) -> None:
        """Let what is drawn here be kept, and taken up again."""
        editors = editors_of(viewer)
        # As it stands in the session: what the planner takes.
        editors.offer("wishes", lambda: session.wishes, self.setValue)
        editors.offer("own needle", self.own.value, self.own.setValue)
        session.wishesChanged.connect(editors.touch)
        self.needle.changed.connect(editors.touch)

    def value(self) -> WishesConfig:
        """Give the wishes as settings; raises `ConfigError` where something drawn is none that the planner takes."""
        return self.wishes.value()

    def setValue(self, wishes: WishesConfig) -> None:
        """Draw other wishes in the place of these: of another patient or scene; steps before are forgotten."""
        self.wishes.setValue(wishes)
        self.painting.brush.forget()
        self.history.clear()

    def set_chosen(self, point_lps: PointLps | None) -> None:
        """Take the place of the row that is chosen in the plan; None for none."""
        self._chosen = point_lps
        self._show()

    def _lay_out(self) -> None:
        places = QGroupBox("Targets and regions: balls of a radius, boxes")
        grid = QGridLayout(places)
        for number, wish in enumerate(WISHES):
            button, radius = self.add_buttons[wish], self.radii[wish]
            button.setCheckable(True)
            radius.setRange(0.5, _WIDEST_MM[wish])
            radius.setDecimals(1)
            radius.setSingleStep(0.5)
            radius.setValue(FIRST_RADIUS_MM[wish])
            radius.setSuffix(" mm")
            radius.setToolTip("Radius of the balls that come next, and of those selected in the layer")
            chip = QLabel()
            chip.setFixedSize(14, 14)
            chip.setStyleSheet(f"background: {WISH_COLOURS[wish]}; border: 1px solid black;")
            for column, part in enumerate((chip, button, radius)):
                grid.addWidget(part, 2 * number, column)
            grid.addWidget(self.counts[wish], 2 * number + 1, 1)
            if wish in self.box_buttons:
                box = self.box_buttons[wish]
                box.setCheckable(True)
                box.setToolTip(
                    "Click two opposite corners; drag them to change it. Both in one slice: as thick as a ball is wide"
                )
                grid.addWidget(box, 2 * number + 1, 2)
        grid.addWidget(self.here_button, 2 * len(WISHES), 1, 1, 2)
        grid.setColumnStretch(1, 1)
        stay = QGroupBox("Needles that stay as they are")
        column = QVBoxLayout(stay)
        self.locked.setMaximumHeight(_LOCKED_PX)
        self.locked.setWordWrap(True)
        column.addWidget(self.locked)
        column.addLayout(_in_a_row(self.unlock_button, self.tip_button))
        layout = QVBoxLayout(self)
        for part in (places, stay, self.message):
            layout.addWidget(part)
        layout.addStretch(1)
        layout.addWidget(self.plan_button)
        layout.addLayout(_in_a_row(self.save_button, self.load_button))

    def _wire(self) -> None:
        for wish in WISHES:
            self.add_buttons[wish].clicked.connect(partial(self._on_draw, wish))
            self.radii[wish].valueChanged.connect(lambda mm, wish=wish: self.wishes.resize(wish, radius_mm=mm))
        for wish, button in self.box_buttons.items():
            button.clicked.connect(partial(self._on_draw_box, wish))
        bind_keys(self._viewer, self.history)
        self.wishes.changed.connect(self._edits.touch)
        self.own.touched.connect(self._edits.touch)
        self.own.targetWanted.connect(self._add_target)
        self.here_button.clicked.connect(self._on_here)
        self.unlock_button.clicked.connect(self._on_unlock)
        self.locked.currentRowChanged.connect(self._offer_locked)
        self.tip_button.clicked.connect(self._on_tip)
        self._session.planned.connect(self._list_locked)
        self.plan_button.clicked.connect(self._on_plan)
        self.save_button.clicked.connect(self._on_save)
        self.load_button.clicked.connect(self._on_load)
        self.own.kept.connect(self.wishes.lock)
        self.wishes.changed.connect(self._show)
        self.wishes.changed.connect(self.recompute.touch)
        self.recompute.refused.connect(self._on_refused)
        self.wishes.refused.connect(self._on_refused)
        self.wishes.valueChanged.connect(self._on_value)
        self.wishes.putInside.connect(self._on_put_inside)

    def _edited(self) -> Edited:
        return Edited(self.wishes.drawn(), self.needle.points(), self.own.gauge(), self.own.taken)

    def _write(self, edited: Edited) -> None:
        self.wishes.draw_all(edited.drawn)
        self.own.set_gauge(edited.gauge)
        self.needle.set_points(edited.needle)
        self.own.set_taken(edited.taken)

    def _add_target(self, point_lps: PointLps) -> None:
        self.wishes.add_target(point_lps, radius_mm=self.radii["targets"].value())

    def _on_plan(self) -> None:
        """Plan again: only what depends on wishes, where the plan of this CT is there with its voxels."""
        if self.recompute.can_start:
            self.recompute.start()
            return
        try:
            self._session.set_wishes(self.wishes.value())
        except ConfigError as error:
            self._on_refused(str(error))
            return
        self.planWanted.emit()

    def _on_draw_box(self, wish: Wish, *_: object) -> None:
        if self.wishes.is_drawing_box(wish):
            self.wishes.put_down()
        else:
            self.wishes.draw_box(wish, depth_mm=2 * self.radii[wish].value())
        self._show()

    def _on_put_inside(self) -> None:
        self._put_inside = self.wishes.drawn()
        self._show()

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
            self._add_target(self._chosen)

    def _on_unlock(self) -> None:
        item = self.locked.currentItem()
        if item is not None:
            self.wishes.unlock(item.data(Qt.ItemDataRole.UserRole))

    def _on_tip(self) -> None:
        item = self.locked.currentItem()
        if item is not None:
            self._add_target(item.data(Qt.ItemDataRole.UserRole).target_lps)

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
            Where; what was there is replaced, or stays as it was where that fails.
        """
        try:
            write_whole(wishes_text(self.value()).encode(), file)
        except ConfigError as error:
            self._on_refused(str(error))
        except OutputError as error:
            self.message.setText(f"Not saved: {error}.")
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
            self.wishes.setValue(wishes)

    def _show(self) -> None:
        for wish in WISHES:
            self.add_buttons[wish].setChecked(self.wishes.is_drawing(wish))
            boxes = len(self.wishes.corners(wish)) // 2
            count = f"{len(self.wishes.balls(wish))} there" + (
                f", {boxes} {'box' if boxes == 1 else 'boxes'}" if boxes else ""
            )
            self.counts[wish].setText(count)
        for wish, button in self.box_buttons.items():
            button.setChecked(self.wishes.is_drawing_box(wish))
        self.here_button.setEnabled(self._chosen is not None)
        # Said until something else is drawn.
        self.message.setText(PUT_INSIDE if self._put_inside == self.wishes.drawn() else _HINT)
        self._list_locked()

    def _list_locked(self, *_: object) -> None:
        """List the needles that stay, each with what the shown plan says of it first."""
        held, plan = self.wishes.locked, focus_of(self._viewer).shown.plan
        said = {} if plan is None else locked_findings(plan)
        row = self.locked.currentRow()
        self.locked.clear()
        for number, wish in enumerate(held, start=1):
            told = said.get(number) if self._is_planned(held) else None
            item = QListWidgetItem(locked_words(wish) if told is None else f"{told}\n{locked_words(wish)}")
            item.setData(Qt.ItemDataRole.UserRole, wish)
            item.setToolTip(item.text())
            self.locked.addItem(item)
        self.locked.setCurrentRow(min(row, self.locked.count() - 1))
        self._offer_locked()

    def _is_planned(self, held: tuple[LockedNeedle, ...]) -> bool:
        """Say whether the shown plan was made with just these needles: only then its words are about them."""
        kept = getattr(focus_of(self._viewer).shown.case, "kept", None)
        return kept is not None and kept.config.needles.wishes.locked == held

    def _offer_locked(self, *_: object) -> None:
        for button in (self.unlock_button, self.tip_button):
            button.setEnabled(self.locked.currentRow() >= 0)


def _in_a_row(*parts: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    for part in parts:
        row.addWidget(part, 1)
    return row


def locked_words(wish: LockedNeedle) -> str:
    """Name a needle that stays."""
    ends = " to ".join("({:.1f}, {:.1f}, {:.1f})".format(*point) for point in (wish.entry_lps, wish.target_lps))
    return f"{wish.needle} from {ends}"
