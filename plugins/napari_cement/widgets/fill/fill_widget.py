"""The dock "Fill preview": a slider in mL shows how far the cement of the simulated injection has come."""

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_cement._closing import when_closing
from napari_cement._focus import CementShown, Shown, focus_of
from napari_cement._latest import LatestWins
from napari_cement.drawn.cement_layer import cement_layer_of
from napari_cement.widgets.marked_slider import Mark, MarkedSlider
from napari_cement.widgets.whole_words import WholeWords
from planner.progress import Monitor
from planner.report.palette import BREACH, UNREADABLE, WARNING

if TYPE_CHECKING:
    from planner.station.fill_preview import FillCourse

_STEPS_PER_ML = 100
_LINES = 4
"""Of words that are seen at the least, of what is reached; more scroll."""
_PLAY_MS, _PLAY_S = 80, 8.0
"""A course is played in so long, whatever it injects."""
PAST = f"color: white; background: {BREACH};"
"""How words are written of what is past the stop."""
_NONE = "No injection was simulated: there is no plan, no needle, or no measured gap; or the plan's folder lacks flow/."


class FillPreview(QWidget):
    """Follow a simulated injection.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._focus = focus_of(napari_viewer)
        self._layer = cement_layer_of(napari_viewer)
        self._latest = LatestWins(self)
        when_closing(napari_viewer, self._latest.shut_down)
        self._courses: dict[str, FillCourse] = {}
        self.gaps = QComboBox()
        self.slider = MarkedSlider()
        self.number = QDoubleSpinBox()
        self.number.setSuffix(" mL")
        self.number.setSingleStep(0.05)
        self.play = QPushButton("Play")
        self.play.setCheckable(True)
        self.course, self.stop, self.reached, self.amounts = QLabel(), WholeWords(), QLabel(), QLabel()
        for label in (self.course, self.reached, self.amounts):
            label.setWordWrap(True)
        self._timer = QTimer(self)
        self._timer.setInterval(_PLAY_MS)
        self._lay_out()
        self._wire()
        self._on_shown()

    def closeEvent(self, event: Any) -> None:
        """Stop playing when the dock goes, and take the cement away: nobody could any more."""
        self.play.setChecked(False)
        self._latest.drop()
        self._focus.set_cement(None)
        super().closeEvent(event)

    def value(self) -> tuple[str, float] | None:
        """Give the gap that is filled and the volume injected, mL; None where nothing was simulated."""
        name = self.gaps.currentData()
        return None if name not in self._courses else (name, self.number.value())

    def setValue(self, gap_id: str, injected_ml: float) -> None:
        """Show the cement of a gap when so much is in, up to the end of its course."""
        row = self.gaps.findData(gap_id)
        if row >= 0:
            self.gaps.setCurrentIndex(row)
            self.number.setValue(injected_ml)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setSpacing(4)
        layout.addWidget(self.gaps)
        layout.addWidget(self.stop)
        row = QHBoxLayout()
        for part, stretch in ((self.play, 0), (self.slider, 1), (self.number, 0)):
            row.addWidget(part, stretch)
        layout.addLayout(row)
        # What can be long scrolls: words that are cut off would hide a leak.
        inner = QWidget()
        words = QVBoxLayout(inner)
        words.setContentsMargins(0, 0, 0, 0)
        words.setSpacing(4)
        for label in (self.reached, self.amounts, self.course):
            words.addWidget(label)
        words.addStretch(1)
        self.scroll = QScrollArea()
        self.scroll.setWidget(inner)
        self.scroll.setWidgetResizable(True)
        self.scroll.setFrameShape(QFrame.Shape.NoFrame)
        self.scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll.setMinimumHeight(_LINES * self.fontMetrics().lineSpacing())
        layout.addWidget(self.scroll, 1)

    def _wire(self) -> None:
        self._latest.failed.connect(lambda words: self.course.setText(f"{words[:1].upper()}{words[1:]}."))
        self._focus.shownChanged.connect(self._on_shown)
        self._focus.chosenChanged.connect(self._on_chosen)
        self.gaps.currentIndexChanged.connect(self._on_gap)
        self.slider.valueChanged.connect(lambda value: self.number.setValue(value / _STEPS_PER_ML))
        self.number.valueChanged.connect(self._on_volume)
        self.play.toggled.connect(self._on_play)
        self._timer.timeout.connect(self._on_tick)

    def _on_shown(self) -> None:
        shown = self._focus.shown
        self._latest.drop()
        self._take({})
        if shown.plan is not None:
            self._latest.ask("courses", lambda monitor: _courses_of(shown, monitor), self._take)

    def _take(self, courses: "dict[str, FillCourse]") -> None:
        self.play.setChecked(False)
        self._courses = courses
        plan = self._focus.shown.plan
        self.gaps.blockSignals(True)
        self.gaps.clear()
        for gap in () if plan is None else plan.gaps:
            self.gaps.addItem(gap.id if gap.id in courses else f"{gap.id} (not simulated)", gap.id)
        self.gaps.blockSignals(False)
        self._on_gap()
        self._on_chosen()

    def _on_chosen(self) -> None:
        from planner.station.carm.fluoro_views import gap_of_thing

        plan, chosen = self._focus.shown.plan, self._focus.chosen
        name = None if plan is None or chosen is None else gap_of_thing(plan, chosen.id)
        row = -1 if name is None else self.gaps.findData(name)
        if row >= 0:
            self.gaps.setCurrentIndex(row)

    def _course(self) -> "FillCourse | None":
        return self._courses.get(self.gaps.currentData())

    def _on_gap(self, *_: object) -> None:
        """Begin the course of another gap at nothing injected."""
        self.play.setChecked(False)
        course = self._course()
        end = 0.0 if course is None else course.end_ml
        for part in (self.slider, self.number, self.play):
            part.setEnabled(course is not None)
        self.number.blockSignals(True)
        self.slider.blockSignals(True)
        # Cut, not rounded: what lies beyond the course's end was not simulated.
        self.slider.setRange(0, int(end * _STEPS_PER_ML + 1e-6))
        self.number.setRange(0.0, self.slider.maximum() / _STEPS_PER_ML)
        self.slider.setValue(0)
        self.number.setValue(0.0)
        self.slider.blockSignals(False)
        self.number.blockSignals(False)
        self.slider.set_marks(() if course is None else _marks(course))
        self.course.setText(_NONE if course is None else f"Expected course: {course.course_words}")
        self._on_volume(0.0)

    def _on_volume(self, injected_ml: float) -> None:
        course = self._course()
        self.slider.blockSignals(True)
        self.slider.setValue(round(injected_ml * _STEPS_PER_ML))
        self.slider.blockSignals(False)
        self._say_stop(course, injected_ml)
        if course is None:
            self.reached.setText("")
            self.amounts.setVisible(False)
            self._focus.set_cement(None)
            return
        self.reached.setText(course.words_at(injected_ml))
        self.amounts.setText(course.amounts_at(injected_ml))
        self.amounts.setVisible(bool(self.amounts.text()))
        where = course.cement_at(injected_ml)
        self._focus.set_cement(None if where is None else CementShown(course.gap_id, injected_ml, where))

    def _say_stop(self, course: "FillCourse | None", injected_ml: float) -> None:
        """Say when to stop; past it, so that nobody overlooks it."""
        words = "" if course is None else f"{course.stop_words[:1].upper()}{course.stop_words[1:]}"
        past = course is not None and course.is_past_stop(injected_ml)
        self.stop.setStyleSheet(f"font-weight: bold; {PAST if past else f'color: {WARNING};'}")
        self.stop.setText(f"PAST THE STOP. {words}" if past else words)

    def _on_play(self, on: bool) -> None:  # noqa: FBT001  # a Qt slot
        self.play.setText("Pause" if on else "Play")
        if not on:
            self._timer.stop()
            return
        if self.slider.value() >= self.slider.maximum():
            self.number.setValue(0.0)
        self._timer.start()

    def _on_tick(self) -> None:
        step = max(1, round(self.slider.maximum() * _PLAY_MS / (1000.0 * _PLAY_S)))
        following = min(self.slider.value() + step, self.slider.maximum())
        self.number.setValue(following / _STEPS_PER_ML)
        if following >= self.slider.maximum():
            self.play.setChecked(False)


def _marks(course: "FillCourse") -> tuple[Mark, ...]:
    """Mark what is reached, and the stop where it is told earlier: there the words turn."""
    marks = [Mark(int(r.after_ml * _STEPS_PER_ML), BREACH if r.stops else UNREADABLE) for r in course.reached]
    if course.stop_from_ml is not None:
        marks.append(Mark(round(course.stop_from_ml * _STEPS_PER_ML), BREACH))
    return tuple(sorted(set(marks), key=lambda mark: mark.value))


def _courses_of(shown: Shown, monitor: Monitor) -> "dict[str, FillCourse]":
    from planner.station.fill_preview import courses_of_case, courses_of_folder

    if shown.case is not None:
        return courses_of_case(shown.case)
    if shown.plan is None or shown.folder is None:
        return {}
    return courses_of_folder(shown.plan, shown.folder, grid=None if shown.scan is None else shown.scan.volume.grid)
