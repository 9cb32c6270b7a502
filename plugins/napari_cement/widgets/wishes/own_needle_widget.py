"""A person's own needle: picked or taken from the plan, dragged, judged while it moves, kept if wanted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_cement._focus import Aim, Focus
from napari_cement._session import CementSession
from napari_cement.edit.live_judge import LiveJudge, Question
from napari_cement.edit.own_needle import OwnNeedle
from napari_cement.widgets.whole_words import WholeWords
from napari_cement.widgets.wishes.own_verdict import CAUTION, PUT_INSIDE, OwnVerdict
from planner.config.wishes_config import LockedNeedle
from planner.errors import PlannerError
from planner.model.record import PointLps
from planner.needles.lock import is_held_by, straight_of
from planner.station.keeping.scene_file import DrawnNeedle

_FIRST_GAUGE = str(LockedNeedle.model_fields["needle"].default)
_TO_DO = {
    0: "Pick its entry (skin, or any point outside of the bone), then its tip; or take a needle of the plan.",
    1: "Now pick its tip; scroll to its slice first.",
}
_KEEP, _KEEP_WITH_TARGET = "Keep it", "Keep it, with a target at its tip"
_KEEP_TIP = "The next plan holds this needle as it is, and says what it breaks; it takes the place of the one moved"
_NO_GAP_TIP = (
    "Its tip lies in no gap, and a plan holds needles to gaps: with a target there the next plan searches needles to it"
)
_NO_PLAN = "Not judged: plan on this CT first."
_PLANNING = "Judged again when planning is over."
_TOO_MANY = "More than two points: delete all but its entry and its tip."
_AT_TIP_MM = 0.01


@dataclass(frozen=True, slots=True)
class Taken:
    """The planned needle that was taken to be moved.

    Parameters
    ----------
    needle : LockedNeedle
        As it was, and who made it.
    lock : LockedNeedle or None
        The wish that held it; None where it was free.
    """

    needle: LockedNeedle
    lock: LockedNeedle | None


class OwnNeedleWidget(QWidget):
    """Pick a needle or take one of the plan, drag it, read what it breaks, keep it.

    Parameters
    ----------
    needle : OwnNeedle
        What is picked.
    session : CementSession
        Has the settings, and the catalogue of needles.
    focus : Focus
        What all views share: they look along the needle while it moves.
    can_judge : callable
        Says whether the shown plan is of the CT that the needle is picked in.
    """

    kept = Signal(object, object)
    """The `LockedNeedle` that is to stay, and the one whose place it takes, or None."""
    targetWanted = Signal(object)
    """The needle's tip, LPS mm, is to be a target."""
    touched = Signal()
    """The needle or its gauge may have changed."""

    def __init__(
        self, needle: OwnNeedle, session: CementSession, focus: Focus, *, can_judge: Callable[[], bool]
    ) -> None:
        super().__init__()
        self._needle, self._session, self._focus, self._can_judge = needle, session, focus, can_judge
        self.judge = LiveJudge(focus, lambda: session.config)
        self._asked: Question | None = None
        self._aimed: Aim | None = None
        self._passed: Any = None
        self._taken: Taken | None = None
        self.pick_button = QPushButton("Pick entry and tip")
        self.move_button = QPushButton("Move the chosen needle")
        self.move_button.setToolTip("Take the needle chosen in the plan into the hand; the plan's own stays as it is")
        self.hold_button = QPushButton("Drag its ends")
        self.entry_button, self.tip_button = QPushButton("Go to entry"), QPushButton("Go to tip")
        self.gauges = QComboBox()
        self._catalogue = session.catalogue
        for name, made in self._catalogue.items():
            self.gauges.addItem(f"{name}: {made.outer_diameter_mm:.2f} x {made.length_mm:.0f} mm", name)
        # A catalogue of one's own may not hold the usual gauge.
        usual = [name for name, made in self._catalogue.items() if _FIRST_GAUGE in (name, made.gauge)]
        self.gauges.setCurrentIndex(self.gauges.findData(usual[-1]) if usual else 0)
        self.keep_button = QPushButton(_KEEP)
        self.target_button = QPushButton("Target at its tip")
        self.target_button.setToolTip("Also where no gap was found: the next plan searches needles to there")
        self.clear_button = QPushButton("Clear")
        self.note = WholeWords()
        self.note.setText(PUT_INSIDE)
        self._put_inside: tuple[PointLps, ...] = ()
        self.said = OwnVerdict()
        self.verdict, self.figures, self.scrolled = self.said.headline, self.said.figures, self.said.scrolled
        self._lay_out()
        self._wire()
        self._show()

    def gauge(self) -> str:
        """Give the needle's name in the catalogue."""
        return str(self.gauges.currentData())

    def set_gauge(self, name: str) -> None:
        """Take another needle of the catalogue; nothing where it holds none of that name."""
        index = self.gauges.findData(name)
        if index >= 0:
            self.gauges.setCurrentIndex(index)

    def _lay_out(self) -> None:
        self.gauges.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for toggle in (self.pick_button, self.hold_button):
            toggle.setCheckable(True)
        layout = QVBoxLayout(self)
        for row in (
            (self.pick_button, self.move_button),
            (self.hold_button, self.entry_button, self.tip_button),
            (self.gauges, self.clear_button),
        ):
            layout.addLayout(_in_a_row(row))
        layout.addWidget(self.note)
        layout.addWidget(self.said, 1)
        layout.addLayout(_in_a_row((self.keep_button, self.target_button)))

    def _wire(self) -> None:
        self.pick_button.clicked.connect(self._on_pick)
        self.hold_button.clicked.connect(self._on_hold)
        self.move_button.clicked.connect(self._on_move)
        self.entry_button.clicked.connect(lambda: self._needle.go_to("entry"))
        self.tip_button.clicked.connect(lambda: self._needle.go_to("tip"))
        self.gauges.currentIndexChanged.connect(self._show)
        self.keep_button.clicked.connect(self._on_keep)
        self.target_button.clicked.connect(self._on_target)
        self.clear_button.clicked.connect(self._needle.clear)
        self._needle.changed.connect(self._show)
        self._needle.putInside.connect(self._on_put_inside)
        self.judge.judged.connect(self._on_judged)
        self.judge.failed.connect(self._on_failed)
        self.judge.readyChanged.connect(self._on_ready)
        self._focus.shownChanged.connect(self.judge_anew)
        self._session.running.connect(self._on_running)
        self._focus.chosenChanged.connect(self._offer_move)

    def value(self) -> DrawnNeedle | None:
        """Give what is picked; None where nothing is."""
        points = self._needle.points()[:2]
        return DrawnNeedle(points_lps=points, gauge=self.gauges.currentData()) if points else None

    def setValue(self, drawn: DrawnNeedle | None) -> None:
        """Pick another needle in the place of this; None picks nothing."""
        self._needle.set_points(() if drawn is None else drawn.points_lps)
        if drawn is not None and (row := self.gauges.findData(drawn.gauge)) >= 0:
            self.gauges.setCurrentIndex(row)

    @property
    def taken(self) -> Taken | None:
        """The planned needle that is being moved; None where it is none."""
        return self._taken

    @property
    def is_moved(self) -> bool:
        """Whether the planned needle that was taken is elsewhere now, or another gauge."""
        question, taken = self._question(), self._taken
        if question is None or taken is None:
            return False
        now = (question.entry_lps, question.tip_lps, question.gauge)
        return now != (taken.needle.entry_lps, taken.needle.target_lps, taken.needle.needle)

    def set_taken(self, taken: Taken | None) -> None:
        """Say which planned needle is being moved."""
        self._taken = taken

    def judge_anew(self, *_: object) -> None:
        """Judge the needle again: what it is judged against has changed."""
        self._asked = self._passed = None
        self._show()

    def _on_ready(self) -> None:
        if self._asked is not None and self.said.is_waiting:
            self._wait()

    def _on_running(self, running: bool) -> None:  # noqa: FBT001  # a Qt slot
        if not running and self.verdict.text() in (_PLANNING, _NO_PLAN):
            self.judge_anew()
        self._offer_move()

    def _question(self) -> Question | None:
        ends = self._needle.ends()
        return None if ends is None else Question(*ends, self.gauge())

    def _on_pick(self, *_: object) -> None:
        if self._needle.is_drawing():
            self._needle.put_down()
        else:
            self._needle.draw()
        self._show()

    def _on_hold(self, *_: object) -> None:
        if self._needle.is_held():
            self._needle.put_down()
        else:
            self._needle.hold()
        self._show()

    def _on_move(self) -> None:
        plan, chosen = self._focus.shown.plan, self._focus.chosen
        if plan is None or chosen is None or chosen.kind != "needle":
            return
        try:
            taken = straight_of(plan, chosen.id, catalogue=self._session.catalogue)
        except PlannerError as error:
            self.said.say(f"{str(error)[:1].upper()}{str(error)[1:]}.", CAUTION)
            return
        way = next(way for way in plan.ways if way.id == chosen.id)
        held = (w for w in self._session.wishes.locked if is_held_by(way, w, catalogue=self._session.catalogue))
        self.set_gauge(taken.needle)
        self._needle.set_points((taken.entry_lps, taken.target_lps))
        self._taken = Taken(taken, next(held, None))
        self._needle.hold()
        self._show()

    def _on_keep(self) -> None:
        question, taken = self._question(), self._taken
        if question is None:
            return
        kept = LockedNeedle(entry_lps=question.entry_lps, target_lps=question.tip_lps, needle=question.gauge)
        if taken is not None and kept.model_copy(update={"made": taken.needle.made}) == taken.needle:
            # Nobody moved it: it is still whose it was.
            kept = taken.needle
        with_target = self._misses(question)
        self._needle.clear()
        self.kept.emit(kept, None if taken is None else taken.lock)
        if with_target:
            self.targetWanted.emit(question.tip_lps)

    def _misses(self, question: Question | None) -> bool:
        """Say whether the needle was judged, and its tip lies neither in a gap nor in a target of one's own."""
        passed = self._passed
        return (
            question is not None
            and passed is not None
            and (passed.entry_lps, passed.target_lps) == (question.entry_lps, question.tip_lps)
            and passed.reaches is False
        )

    def _is_unjudged(self) -> bool:
        """Say whether the needle, where it is now, cannot be judged: its tip lies outside of bone or of the picture."""
        passed, question = self._passed, self._question()
        if passed is None or question is None:
            return False
        here = (passed.entry_lps, passed.target_lps) == (question.entry_lps, question.tip_lps)
        return here and passed.check is None

    def _on_target(self) -> None:
        question = self._question()
        if question is not None:
            self.targetWanted.emit(question.tip_lps)

    def _offer_move(self) -> None:
        chosen = self._focus.chosen
        self.move_button.setEnabled(chosen is not None and chosen.kind == "needle" and self._can_judge())

    def _show(self, *_: object) -> None:
        self.pick_button.setChecked(self._needle.is_drawing())
        self.hold_button.setChecked(self._needle.is_held())
        points, question = self._needle.points(), self._question()
        for button in (self.target_button, self.hold_button, self.entry_button, self.tip_button):
            button.setEnabled(question is not None)
        self.clear_button.setEnabled(bool(points))
        # Said until it is moved.
        self.note.setVisible(bool(points) and points == self._put_inside)
        self._offer_move()
        self._look_along(question)
        if question is None:
            self._asked = self._passed = None
            if not points:
                self._taken = None
            self.judge.drop()
            self._draw(is_safe=None)
            self.said.say(_TO_DO.get(len(points), _TOO_MANY))
        elif question != self._asked:
            self._draw(is_safe=None)
            self._ask(question)
        self._offer_keep()
        self.touched.emit()

    def _on_put_inside(self) -> None:
        self._put_inside = self._needle.points()
        self._show()

    def _offer_keep(self) -> None:
        misses = self._misses(self._question())
        self.keep_button.setText(_KEEP_WITH_TARGET if misses else _KEEP)
        # What is being judged may turn out to reach no gap: it is kept knowingly.
        # A needle that nothing can be said of is not kept: the plan would leave it out.
        self.keep_button.setEnabled(
            self._question() is not None and not self.said.is_waiting and not self._is_unjudged()
        )
        self.target_button.setEnabled(self._question() is not None and not self._is_unjudged())
        self.keep_button.setToolTip(_NO_GAP_TIP if misses else _KEEP_TIP)

    def _ask(self, question: Question) -> None:
        if self._asked is None or self._asked.gauge != question.gauge:
            self._passed = None
        self._asked = question
        if not self._can_judge() or not self.judge.has_case:
            self.said.say(_PLANNING if self._session.is_running else _NO_PLAN)
            return
        self.judge.ask(question)
        self._wait()

    def _wait(self) -> None:
        self.said.wait(self._passed, is_ready=self.judge.is_ready)

    def _look_along(self, question: Question | None) -> None:
        """Let all views follow the needle while it moves; a planned needle that is looked along is left."""
        if question is None:
            if self._aimed is not None and self._focus.aim == self._aimed:
                self._focus.set_aim(None)
            self._aimed = None
            return
        diameter = self._catalogue[question.gauge].outer_diameter_mm
        aim = Aim((question.entry_lps, question.tip_lps), diameter, None)
        if aim == self._aimed:
            return
        before, self._aimed = self._aimed, aim
        at_tip = before is None or abs(self._focus.depth_mm - _length_mm(*before.path_lps)) < _AT_TIP_MM
        self._focus.set_aim(aim)
        if at_tip:
            # Who looks at the tip goes on looking at it while it moves.
            self._focus.set_depth(_length_mm(*aim.path_lps))

    def _on_judged(self, question: Question, verdict: Any) -> None:
        if self._asked is None or question.gauge != self._asked.gauge:
            return
        self._passed = verdict
        if question == self._asked:
            self.said.tell(verdict)
            # Its rim is green where the headline is.
            is_safe = None if verdict.is_safe and not verdict.is_clear else verdict.is_safe
            self._draw(is_safe=is_safe, is_judged=True)
        else:
            # It moved on meanwhile; its own verdict is under way.
            self._wait()
        self._offer_keep()

    def _on_failed(self, question: Question, words: str) -> None:
        if question == self._asked:
            self._passed = None
            self.said.say(f"Cannot be judged: {words}.", CAUTION)
            self.keep_button.setEnabled(False)

    def _draw(self, *, is_safe: bool | None, is_judged: bool = False) -> None:
        diameter_mm = self._catalogue[self.gauge()].outer_diameter_mm
        self._needle.show_course(diameter_mm=diameter_mm, is_safe=is_safe, is_judged=is_judged)


def _in_a_row(parts: tuple[QWidget, ...]) -> QHBoxLayout:
    row = QHBoxLayout()
    for part in parts:
        row.addWidget(part, 1)
    return row


def _length_mm(one: PointLps, other: PointLps) -> float:
    return float(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5)
