"""The dock "Cement plan": choose a CT, plan, stop, read the plan."""

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_cement._choosing import Picking, choose
from napari_cement._display import NOT_CERTIFIED, display_of
from napari_cement._focus import Chosen, focus_of
from napari_cement._layers import origin_of, to_world
from napari_cement._session import session_of
from napari_cement.widgets.opening.opening_bar import OpeningBar
from napari_cement.widgets.panel.details import Details
from napari_cement.widgets.panel.filter_bar import FilterBar
from napari_cement.widgets.panel.legend import Legend
from napari_cement.widgets.panel.no_gap_note import NoGapNote
from napari_cement.widgets.panel.plan_tree import PlanTree
from napari_cement.widgets.panel.plan_words import with_ranks
from napari_cement.widgets.panel.row_filter import RowFilter
from napari_cement.widgets.panel.told import Told
from napari_cement.widgets.panel.view_bar import ViewBar
from napari_cement.widgets.saving.saving_bar import SavingBar
from napari_cement.widgets.wishes.wishes_widget import WishesWidget
from planner.config.plan_config import PlanConfig
from planner.config.wishes_config import LockedNeedle, WishesConfig
from planner.errors import PlannerError
from planner.model.plan import Plan
from planner.model.record import PointLps
from planner.model.scan import Scan
from planner.needles.lock import is_held_by, lock_of, why_not_locked
from planner.progress import Progress
from planner.report.review_words import review_words
from planner.station.choice import choice_of, findings_about, target_place

_WIDTH_PX = 420
"""At least: names, mL, leaks and widths are seen, the tree scrolls sideways for the rest."""
_KEYS = "Choose a row to go there. Keys: up and down walk, Enter goes closely, H hides, L locks a needle."
_EDITORS = {"paint": "Gaps", "target": "My wishes", "needle": "My needle"}
"""The tabs where one does what a plan without gaps offers."""
_LOCK, _UNLOCK = "Lock this needle", "Unlock this needle"
_LOCK_TIP = "The next plan holds the chosen needle as it is (L)"
_HELD, _LET_GO = "The next plan holds this needle as it is.", "The next plan may take another needle in its place."
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
        self.session = session_of(napari_viewer, config)
        self.ct = QLabel(_NO_CT)
        self.ct.setToolTip("The CT that is open: one a window")
        self.opening, self.saving = OpeningBar(napari_viewer), SavingBar(napari_viewer)
        self.ct.setAccessibleName("The CT to plan on")
        self.plan_button = QPushButton("Plan")
        self.plan_button.setToolTip("Look for implants, gaps, needles and leaks in the CT, with My wishes")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop what runs; what is shown stays")
        self.progress = QProgressBar()
        self.message, self.notice = QLabel(), QLabel()
        for words in (self.ct, self.message, self.notice):
            words.setTextFormat(Qt.TextFormat.PlainText)
            words.setWordWrap(True)
        self.notice.hide()
        self.review = QLabel(NOT_CERTIFIED)
        self.review.setWordWrap(True)
        self.focus = focus_of(napari_viewer)
        self.tree = PlanTree()
        self.filter = FilterBar()
        self.legend = Legend()
        self.views = ViewBar(napari_viewer)
        self._picking = Picking(napari_viewer)
        self.lock_button = QPushButton(_LOCK)
        self._said_of: str | None = None
        self.wishes = WishesWidget(napari_viewer, self.session, can_judge=lambda: self.session.can_judge)
        self._plan: Plan | None = None
        self._needle: str | None = None
        self._opened = False
        self.details = Details()
        self.no_gap = NoGapNote()
        self.setMinimumWidth(_WIDTH_PX)
        self._lay_out()
        self._wire()
        self.wishes.setValue(self.session.wishes)
        self._on_shown()
        self._offer_lock()

    def closeEvent(self, event: Any) -> None:
        """Stop the run when the dock goes: nobody would see its result."""
        self.session.cancel()
        super().closeEvent(event)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.addWidget(self.opening)
        run = QHBoxLayout()
        run.addWidget(self.ct, 1)
        run.addWidget(self.plan_button)
        run.addWidget(self.cancel_button)
        layout.addLayout(run)
        layout.addWidget(self.progress)
        layout.addWidget(self.notice)
        layout.addWidget(self.message)
        layout.addWidget(self.views)
        self.tabs = QTabWidget()
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(2, 2, 2, 2)
        column.addWidget(self.no_gap)
        column.addWidget(self.filter)
        told = QScrollArea()
        told.setWidgetResizable(True)
        told.setFrameShape(QScrollArea.Shape.NoFrame)
        told.setWidget(self.details)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.addWidget(self.tree)
        self.splitter.addWidget(told)
        self.splitter.setSizes([500, 360])
        self.splitter.setChildrenCollapsible(False)
        column.addWidget(self.splitter, 1)
        column.addWidget(self.lock_button)
        self.tabs.addTab(page, "Plan")
        scrolled = QScrollArea()
        scrolled.setWidgetResizable(True)
        scrolled.setFrameShape(QScrollArea.Shape.NoFrame)
        scrolled.setWidget(self.wishes)
        self.tabs.addTab(scrolled, "My wishes")
        self.tabs.addTab(self.wishes.own, "My needle")
        self.tabs.addTab(self.wishes.painting, "Gaps")
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.wishes.steps)
        layout.addWidget(self.saving)
        layout.addWidget(self.legend)
        layout.addWidget(self.review)

    def _wire(self) -> None:
        self.plan_button.clicked.connect(self._on_plan)
        self.cancel_button.clicked.connect(self.session.cancel)
        self.session.running.connect(self._show_running)
        self.session.progressed.connect(self._on_progressed)
        self.session.failed.connect(self._on_failed)
        self.session.stopped.connect(self._on_stopped)
        self.session.loaded.connect(self._on_loaded)
        self.session.noted.connect(self._note)
        self.opening.opening.begun.connect(self._note)
        self.plan_button.clicked.connect(lambda: self._note())
        self.session.planned.connect(self._on_planned)
        self.tree.chosen.connect(self._on_chosen)
        self.tree.described.connect(self._describe)
        self.tree.flown.connect(self._fly_closely)
        self.tree.lockWanted.connect(self.lock_button.click)
        self.tree.hiddenChanged.connect(self.focus.set_hidden)
        self.focus.hiddenChanged.connect(lambda: self.tree.set_hidden(self.focus.hidden))
        self.focus.chosenChanged.connect(self._follow_chosen)
        self.focus.reviewChanged.connect(self._on_review)
        self.filter.valueChanged.connect(self._filter)
        self.no_gap.wanted.connect(self._open_editor)
        self.lock_button.clicked.connect(self._on_lock)
        self.wishes.valueChanged.connect(self._on_wishes)
        self.wishes.wishes.changed.connect(self._offer_lock)
        self.wishes.own.touched.connect(self._offer_lock)
        self.wishes.planWanted.connect(self._on_plan)
        self.focus.shownChanged.connect(self._on_shown)
        for event in (self._viewer.layers.events.inserted, self._viewer.layers.events.removed):
            event.connect(self._show_ct)

    def _ct_layer(self) -> Any | None:
        """Give the layer of the open CT; None where there is no CT, or a person deleted its layer."""
        scan = self.focus.shown.scan
        origins = ((layer, origin_of(layer)) for layer in self._viewer.layers)
        return next((layer for layer, o in origins if o is not None and scan is not None and o.scan is scan), None)

    def _show_ct(self, event: object = None) -> None:
        """Name the open CT: only one that the planner loaded knows the patient's left from right."""
        layer = self._ct_layer()
        self.ct.setText(_NO_CT if layer is None else layer.name)
        self._offer_plan()

    def _on_shown(self) -> None:
        """Follow another case; where its plan was taken out, nothing of it stays."""
        if self.focus.shown.plan is None:
            self.message.setText("")  # what was said is of another CT
            if self._plan is not None:
                self._clear()
        self._show_ct()
        self._show_running(self.session.is_running)

    def _clear(self) -> None:
        self._plan, self._needle, self._opened = None, None, False
        self.tree.set_plan(None)
        self.filter.set_approaches(())
        self.no_gap.set_plan(None)
        self.details.say("")
        self.review.setText(NOT_CERTIFIED)
        self.wishes.set_chosen(None)
        self._offer_lock()

    def _on_plan(self) -> None:
        scan = self.focus.shown.scan
        if scan is None or self._ct_layer() is None:
            return
        try:
            wishes = self.wishes.value()
        except PlannerError as error:
            self._on_failed(str(error))
            return
        self.session.set_wishes(wishes)
        self.session.plan(scan)

    def _on_wishes(self, wishes: WishesConfig) -> None:
        self.session.set_wishes(wishes)
        self._offer_lock()

    def _offer_lock(self, *_: object) -> None:
        """Offer to hold the chosen needle, or to let it go, where its CT is there to be planned on."""
        held, why = self._holds(), None
        if held is None and self._plan is not None and self._needle is not None:
            why = why_not_locked(self._plan, self._needle, catalogue=self.session.catalogue)
        chosen = self._plan is not None and self._needle is not None and why is None
        self.lock_button.setEnabled(chosen and self._has_ct())
        self.lock_button.setText(_LOCK if held is None else _UNLOCK)
        self.lock_button.setToolTip(_LOCK_TIP if why is None else f"{why[:1].upper()}{why[1:]}.")
        self._take_back(held)

    def _take_back(self, held: LockedNeedle | None) -> None:
        """Let words on a lock stand only while they are true of the chosen needle."""
        said = self.message.text()
        is_same = self._needle is not None and self._needle == self._said_of
        true = (said == _HELD and held is not None and not self.wishes.own.is_moved) or (
            said == _LET_GO and held is None
        )
        if said in (_HELD, _LET_GO) and not (is_same and true):
            self.message.setText("")

    def _has_ct(self) -> bool:
        return self.session.planned_scan is not None

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
            self._say_lock(_LET_GO)
        elif self._plan is not None and self._needle is not None:
            self.wishes.wishes.lock(lock_of(self._plan, self._needle, catalogue=self.session.catalogue))
            self._say_lock(_HELD)
        self._offer_lock()

    def _say_lock(self, words: str) -> None:
        self._said_of = self._needle
        self.message.setText(words)

    def _show_running(self, running: bool) -> None:  # noqa: FBT001  # a Qt slot
        self._offer_plan()
        self.cancel_button.setEnabled(running)
        self.progress.setVisible(running)
        if running:
            self.progress.setRange(0, 0)
            self.message.setText("starting")

    def _note(self, words: str = "") -> None:
        """Say what else has happened, until something else is opened or planned."""
        self.notice.setText(words)
        self.notice.setVisible(bool(words))

    def _offer_plan(self) -> None:
        can_plan = not self.session.is_running and self._ct_layer() is not None
        self.plan_button.setEnabled(can_plan)
        self.wishes.plan_button.setEnabled(can_plan)

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
        self.message.setText("CT loaded.")
        self._show_running(self.session.is_running)

    def _on_planned(self, plan: Plan) -> None:
        self._plan, self._needle = plan, None
        self._offer_lock()
        self.tree.set_plan(plan)
        self.filter.set_approaches(self.tree.approaches())
        self._filter(self.filter.value())
        self._tell_review(plan)
        self.no_gap.set_plan(plan)
        self.lock_button.setVisible(bool(plan.ways))
        self.details.say(_KEYS)
        self.message.setText(
            f"{_count(len(plan.implants), 'implant')}, {_count(len(plan.gaps), 'gap')}, "
            f"{_count(len(plan.ways), 'needle')}, {_count(len(plan.breaches), 'breach', 'breaches')}."
        )
        opens = bool(self.focus.shown.surfaces) and not self._opened
        if opens:
            self._opened = True  # later on the user's view stays
            display_of(self._viewer).show("3d")
        if plan.gaps:
            # Begin where there is something to see, not in the middle of the scan; in 3D all of it is seen.
            self.session.fly_to(plan.gaps[0].centroid_lps, camera=not opens)
        elif plan.implants:
            self.session.fly_to(plan.implants[0].centroid_lps, camera=not opens)

    def _on_review(self, *_: object) -> None:
        self._plan = self.focus.shown.plan
        if self._plan is not None:
            self._tell_review(self._plan)

    def _tell_review(self, plan: Plan) -> None:
        self.review.setText(f"{review_words(plan.review)}. {NOT_CERTIFIED}")

    def _open_editor(self, way: str) -> None:
        """Show where a gap is painted, a target set, a needle placed."""
        names = [self.tabs.tabText(number) for number in range(self.tabs.count())]
        self.tabs.setCurrentIndex(names.index(_EDITORS[way]) if _EDITORS[way] in names else 1)

    def _filter(self, wanted: RowFilter) -> None:
        self.filter.tell_hidden(self.tree.apply(wanted))

    def _describe(self, told: Told) -> None:
        chosen, plan = self.tree.current(), self._plan
        if plan is None or chosen is None:
            self.details.setValue(told)
            return
        about = findings_about(plan, chosen.id)
        self.details.setValue(told, [f.model_copy(update={"message": with_ranks(plan, f.message)}) for f in about])

    def _on_chosen(self, chosen: Chosen) -> None:
        """Let all views follow a row that a person went to."""
        self._took(chosen)
        if choose(self.focus, chosen) and (place := self._place(chosen)) is not None:
            self.session.fly_to(place, trajectory_id=self._needle)

    def _follow_chosen(self) -> None:
        """Mark the row of what was chosen elsewhere."""
        chosen = self.focus.chosen
        if chosen == self.tree.current():
            return
        self.tree.go_to(chosen)
        self._took(chosen)

    def _took(self, chosen: Chosen | None) -> None:
        self._needle = chosen.id if chosen is not None and chosen.kind == "needle" else None
        self._offer_lock()
        plan = self._plan
        place = None if chosen is None or plan is None else target_place(plan, chosen.kind, chosen.id)
        self.wishes.set_chosen(place if self._has_ct() else None)

    def _place(self, chosen: Chosen) -> PointLps | None:
        found = None if self._plan is None else choice_of(self._plan, chosen.kind, chosen.id)
        return None if found is None else found.place_lps

    def _fly_closely(self) -> None:
        chosen = self.tree.current()
        place = None if chosen is None else self._place(chosen)
        if place is not None:
            self.focus.set_cursor(place)
            display_of(self._viewer).fly_to(to_world(place), closely=True)


def _count(number: int, one: str, several: str | None = None) -> str:
    return f"{number} {one if number == 1 else several or one + 's'}"
