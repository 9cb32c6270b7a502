"""The dock "Cement plan": choose a CT, plan, stop, read the plan."""

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_cement._display import NOT_CERTIFIED, VIEWS, display_of, review_words
from napari_cement._layers import origin_of
from napari_cement._plan_layers import LEGEND
from napari_cement._session import CementSession
from napari_cement.widgets.plan_tree import PlanTree
from napari_cement.widgets.wishes_widget import WishesWidget
from planner.config.plan_config import PlanConfig
from planner.config.wishes_config import LockedNeedle, WishesConfig
from planner.errors import PlannerError
from planner.model.plan import Plan
from planner.model.scan import Scan
from planner.needles.lock import is_held_by, lock_of
from planner.progress import Progress

_WIDTH_PX = 460
_LOCK, _UNLOCK = "Lock this needle", "Unlock this needle"
_NO_CT = "no CT yet: open a folder, or File > Open Sample"


class PlanWidget(QWidget):
    """Plan on a CT and read the plan.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer.
    config : PlanConfig or None
        The settings; None for the defaults.
    """

    def __init__(self, napari_viewer: Any, config: PlanConfig | None = None) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self.session = CementSession(napari_viewer, config)
        self.inputs = QComboBox()
        self.inputs.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.inputs.setToolTip("The CT to plan on")
        self.open_button = QPushButton("Open CT…")
        self.plan_button = QPushButton("Plan")
        self.cancel_button = QPushButton("Cancel")
        self.progress = QProgressBar()
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.review = QLabel(NOT_CERTIFIED)
        self.review.setWordWrap(True)
        self.tree = PlanTree()
        self.lock_button = QPushButton(_LOCK)
        self.lock_button.setToolTip("The next plan holds the chosen needle as it is")
        self.wishes = WishesWidget(
            napari_viewer, self.session, can_judge=lambda: self.session.can_judge and self._is_of_this_ct()
        )
        self._plan: Plan | None = None
        self._needle: str | None = None
        self._wishes_of: dict[Any, WishesConfig] = {}
        self._about: Any = None
        self.details = QLabel()
        self.details.setWordWrap(True)
        self.details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setMinimumWidth(_WIDTH_PX)
        self._lay_out()
        self._wire()
        self.wishes.setValue(self.session.wishes)
        self._list_inputs()
        self._show_running(False)

    def closeEvent(self, event: Any) -> None:
        """Stop the run when the dock goes: nobody would see its result."""
        self.session.cancel()
        super().closeEvent(event)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        top = QHBoxLayout()
        top.addWidget(self.inputs, 1)
        top.addWidget(self.open_button)
        run = QHBoxLayout()
        run.addWidget(self.plan_button, 1)
        run.addWidget(self.cancel_button)
        views = QHBoxLayout()
        self.view_buttons = {}
        for view in VIEWS:
            button = QPushButton(view.upper() if view == "3d" else view.capitalize())
            button.clicked.connect(lambda checked=False, view=view: display_of(self._viewer).show(view))
            views.addWidget(button)
            self.view_buttons[view] = button
        for row in (top, run):
            layout.addLayout(row)
        layout.addWidget(self.progress)
        layout.addWidget(self.message)
        layout.addLayout(views)
        self.tabs = QTabWidget()
        page = QWidget()
        column = QVBoxLayout(page)
        column.addWidget(self.tree, 1)
        column.addWidget(self.details)
        column.addWidget(self.lock_button)
        self.tabs.addTab(page, "Plan")
        scrolled = QScrollArea()
        scrolled.setWidgetResizable(True)
        scrolled.setFrameShape(QScrollArea.Shape.NoFrame)
        scrolled.setWidget(self.wishes)
        self.tabs.addTab(scrolled, "My wishes")
        layout.addWidget(self.tabs, 1)
        layout.addLayout(_legend())
        layout.addWidget(self.review)

    def _wire(self) -> None:
        self.open_button.clicked.connect(self._on_open)
        self.plan_button.clicked.connect(self._on_plan)
        self.cancel_button.clicked.connect(self.session.cancel)
        self.session.running.connect(self._show_running)
        self.session.progressed.connect(self._on_progressed)
        self.session.failed.connect(self._on_failed)
        self.session.stopped.connect(self._on_stopped)
        self.session.loaded.connect(self._on_loaded)
        self.session.planned.connect(self._on_planned)
        self.tree.chosen.connect(self._on_chosen)
        self.tree.described.connect(self.details.setText)
        self.session.judged.connect(self._on_judged)
        self.lock_button.clicked.connect(self._on_lock)
        self.wishes.valueChanged.connect(self._on_wishes)
        self.wishes.planWanted.connect(self._on_plan)
        self.inputs.currentIndexChanged.connect(self._follow_input)
        self._viewer.layers.events.inserted.connect(self._list_inputs)
        self._viewer.layers.events.removed.connect(self._list_inputs)

    def _list_inputs(self, event: object = None) -> None:
        """List the CTs of the viewer: only those that the planner loaded know the patient's left from right."""
        wanted = self.inputs.currentText()
        self.inputs.blockSignals(True)
        self.inputs.clear()
        for layer in self._viewer.layers:
            origin = origin_of(layer)
            if origin is not None and origin.scan is not None:
                self.inputs.addItem(layer.name, origin.scan)
        if not self.inputs.count():
            self.inputs.addItem(_NO_CT, None)
        # The newest where the one before has gone.
        kept = self.inputs.findText(wanted)
        self.inputs.setCurrentIndex(kept if kept >= 0 else self.inputs.count() - 1)
        self.inputs.blockSignals(False)
        self._follow_input()
        self._show_running(self.session.is_running)

    def _on_open(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder with a CT in DICOM")
        if folder:
            self.session.load(Path(folder))

    def _on_plan(self) -> None:
        scan = self.inputs.currentData()
        if not isinstance(scan, Scan):
            return
        try:
            wishes = self.wishes.value()
        except PlannerError as error:
            self._on_failed(str(error))
            return
        self.session.set_wishes(wishes)
        self.session.plan(scan)

    def _follow_input(self, index: int = -1) -> None:
        """Change wishes with the CT: a place in one patient is none in another."""
        scan = self.inputs.currentData()
        if not isinstance(scan, Scan) or _patient(scan) == self._about:
            return
        before, self._about = self._about, _patient(scan)
        if before is None:
            return  # what was wished before there was a CT is of this one
        # As it stands in the session: what the planner takes.
        self._wishes_of[before] = self.session.wishes
        self.wishes.needle.clear()
        self.wishes.setValue(self._wishes_of.pop(self._about, WishesConfig()))
        self._offer_lock()

    def _on_wishes(self, wishes: WishesConfig) -> None:
        self.session.set_wishes(wishes)
        self._offer_lock()

    def _offer_lock(self) -> None:
        """Offer to hold the chosen needle, or to let it go, where it lies in the CT that is planned on next."""
        chosen = self._plan is not None and self._needle is not None
        self.lock_button.setEnabled(chosen and self._is_of_this_ct())
        self.lock_button.setText(_LOCK if self._holds() is None else _UNLOCK)

    def _is_of_this_ct(self) -> bool:
        return self.session.planned_scan is self.inputs.currentData()

    def _holds(self) -> LockedNeedle | None:
        ways = () if self._plan is None else self._plan.ways
        way = next((way for way in ways if way.id == self._needle), None)
        return (
            None
            if way is None
            else next(
                (w for w in self.wishes.wishes.locked if is_held_by(way, w, catalogue=self.session.catalogue)), None
            )
        )

    def _on_lock(self) -> None:
        held = self._holds()
        if held is not None:
            self.wishes.wishes.unlock(held)
            self.message.setText("The next plan may take another needle in its place.")
        elif self._plan is not None and self._needle is not None:
            try:
                self.wishes.wishes.lock(lock_of(self._plan, self._needle, catalogue=self.session.catalogue))
            except PlannerError as error:
                self._on_failed(str(error))
                return
            self.message.setText("The next plan holds this needle as it is.")
        self._offer_lock()

    def _show_running(self, running: bool) -> None:  # noqa: FBT001  # a Qt slot
        can_plan = not running and self.inputs.currentData() is not None
        self.plan_button.setEnabled(can_plan)
        self.wishes.plan_button.setEnabled(can_plan)
        self.open_button.setEnabled(not running)
        self.inputs.setEnabled(not running)
        self.cancel_button.setEnabled(running)
        self.progress.setVisible(running)
        if running:
            self.progress.setRange(0, 0)
            self.message.setText("starting")

    def _on_progressed(self, progress: Progress) -> None:
        self.message.setText(progress.stage)
        # A range of nothing makes Qt's bar run to and fro: under way, end not known.
        self.progress.setRange(0, progress.total or 0)
        self.progress.setValue(progress.done)

    def _on_failed(self, words: str) -> None:
        self.message.setText(words[:1].upper() + words[1:] + ".")

    def _on_stopped(self) -> None:
        self.message.setText("Stopped. Nothing was changed.")

    def _on_loaded(self, scan: Scan) -> None:
        index = next((k for k in range(self.inputs.count()) if self.inputs.itemData(k) is scan), None)
        if index is not None:
            self.inputs.setCurrentIndex(index)
        self.message.setText("CT loaded.")
        self._show_running(self.session.is_running)

    def _on_judged(self, check: object) -> None:
        self.message.setText("Own needle judged.")

    def _on_planned(self, plan: Plan) -> None:
        self._plan, self._needle = plan, None
        self._offer_lock()
        self.tree.set_plan(plan)
        self.details.setText("Choose a row to go there.")
        self.review.setText(f"{review_words(plan.review)}. {NOT_CERTIFIED}")
        self.message.setText(
            f"{_count(len(plan.implants), 'implant')}, {_count(len(plan.gaps), 'gap')}, "
            f"{_count(len(plan.ways), 'needle')}, {_count(len(plan.breaches), 'breach', 'breaches')}."
        )
        if plan.gaps:
            # Begin where there is something to see, not in the middle of the scan.
            first = next((t.id for t in plan.trajectories if t.gap_id == plan.gaps[0].id and t.rank == 1), None)
            self.session.fly_to(plan.gaps[0].centroid_lps, trajectory_id=first)

    def _on_chosen(self, point_lps: tuple[float, float, float], needle: str | None) -> None:
        self._needle = needle
        self._offer_lock()
        self.wishes.set_chosen(point_lps if self._is_of_this_ct() else None)
        self.session.fly_to(point_lps, trajectory_id=needle)


def _patient(scan: Scan) -> object:
    """Tell CTs apart by what lies where in them: their series, else the CT itself."""
    return scan if scan.series.series_instance_uid is None else scan.series


def _legend() -> QGridLayout:
    grid = QGridLayout()
    for number, (words, colour) in enumerate(LEGEND):
        chip = QLabel()
        chip.setFixedSize(14, 14)
        chip.setStyleSheet(f"background: {colour}; border: 1px solid black;")
        text = QLabel(words)
        row, column = divmod(number, 2)
        grid.addWidget(chip, row, 2 * column, Qt.AlignmentFlag.AlignCenter)
        grid.addWidget(text, row, 2 * column + 1)
        grid.setColumnStretch(2 * column + 1, 1)
    return grid


def _count(number: int, one: str, several: str | None = None) -> str:
    return f"{number} {one if number == 1 else several or one + 's'}"
