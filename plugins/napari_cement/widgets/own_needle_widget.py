"""A person's own needle: picked by two points, judged at once, kept if wanted."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QComboBox, QGroupBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from napari_cement._own_needle import OwnNeedle
from napari_cement._session import CementSession
from napari_cement.widgets.plan_words import figure
from planner.config.wishes_config import LockedNeedle
from planner.model.record import PointLps

_WAIT_MS = 250
"""After the last move of a point: dragging one would start a judgement at each pixel."""
_FIRST_GAUGE = str(LockedNeedle.model_fields["needle"].default)
_TO_DO = {
    0: "Pick its entry (skin, or any point outside of the bone), then its tip.",
    1: "Now pick its tip; scroll to its slice first.",
}
_VERDICT_LINES = 5
_JUDGING = "Judging …"
_NO_PLAN = "Not judged: plan on this CT first."
_TOO_MANY = "More than two points: delete all but its entry and its tip."


class OwnNeedleWidget(QGroupBox):
    """Pick a needle, read what it breaks, keep it.

    Parameters
    ----------
    needle : OwnNeedle
        What is picked.
    session : CementSession
        Judges it.
    can_judge : callable
        Says whether the session's plan is of the CT that the needle is picked in.
    """

    kept = Signal(object)
    """The `LockedNeedle` that is to stay."""

    def __init__(self, needle: OwnNeedle, session: CementSession, *, can_judge: Callable[[], bool]) -> None:
        super().__init__("A needle of my own")
        self._needle, self._session, self._can_judge = needle, session, can_judge
        self._judged: tuple[Any, ...] | None = None
        self.pick_button = QPushButton("Pick entry and tip")
        self.pick_button.setCheckable(True)
        self.gauges = QComboBox()
        self._catalogue = session.catalogue
        for name, made in self._catalogue.items():
            self.gauges.addItem(f"{name}: {made.outer_diameter_mm:.2f} x {made.length_mm:.0f} mm", name)
        # A catalogue of one's own may not hold the usual gauge.
        usual = [name for name, made in self._catalogue.items() if _FIRST_GAUGE in (name, made.gauge)]
        self.gauges.setCurrentIndex(self.gauges.findData(usual[-1]) if usual else 0)
        self.keep_button = QPushButton("Keep it")
        self.keep_button.setToolTip("The next plan holds this needle as it is, and says what it breaks")
        self.clear_button = QPushButton("Clear")
        self.verdict = QLabel()
        self.verdict.setWordWrap(True)
        # A verdict that is cut off in a low window could read as a good one.
        self.verdict.setMinimumHeight(_VERDICT_LINES * self.verdict.fontMetrics().lineSpacing())
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_WAIT_MS)
        self._lay_out()
        self._wire()
        self._show()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.pick_button, 1)
        row.addWidget(self.gauges, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.keep_button)
        buttons.addWidget(self.clear_button)
        layout = QVBoxLayout(self)
        layout.addLayout(row)
        layout.addWidget(self.verdict)
        layout.addLayout(buttons)

    def _wire(self) -> None:
        self.pick_button.clicked.connect(self._on_pick)
        self.gauges.currentIndexChanged.connect(self._show)
        self.keep_button.clicked.connect(self._on_keep)
        self.clear_button.clicked.connect(self._needle.clear)
        self._timer.timeout.connect(self._judge)
        self._needle.changed.connect(self._show)
        self._session.judged.connect(self._on_judged)
        self._session.failed.connect(self._on_failed)
        self._session.planned.connect(self.judge_anew)
        self._session.running.connect(self._on_running)

    def judge_anew(self, *_: object) -> None:
        """Judge the needle again: what it is judged against has changed."""
        self._judged = None
        self._show()

    def _question(self) -> tuple[tuple[PointLps, PointLps], str] | None:
        ends = self._needle.ends()
        return None if ends is None else (ends, self.gauges.currentData())

    def _on_pick(self, *_: object) -> None:
        if self._needle.is_drawing():
            self._needle.put_down()
        else:
            self._needle.draw()
        self.pick_button.setChecked(self._needle.is_drawing())

    def _on_keep(self) -> None:
        question = self._question()
        if question is None:
            return
        (entry, tip), gauge = question
        self._needle.clear()
        self.kept.emit(LockedNeedle(entry_lps=entry, target_lps=tip, needle=gauge))

    def _show(self, *_: object) -> None:
        self.pick_button.setChecked(self._needle.is_drawing())
        points = self._needle.points()
        self.keep_button.setEnabled(len(points) == 2)
        self.clear_button.setEnabled(bool(points))
        question = self._question()
        if question is None:
            self._judged = None
            self._timer.stop()
            self._draw(is_safe=None)
            self.verdict.setText(_TO_DO.get(len(points), _TOO_MANY))
        elif question != self._judged:
            self._judged = question
            self._draw(is_safe=None)
            self.verdict.setText(_JUDGING if self._can_judge() else _NO_PLAN)
            self._timer.start()

    def _judge(self) -> None:
        question = self._question()
        if question is None:
            return
        if self._can_judge():
            self._session.judge(*question[0], gauge=question[1])
        else:
            self.verdict.setText(_NO_PLAN)

    def _on_running(self, running: bool) -> None:  # noqa: FBT001  # a Qt slot
        if not running and self.verdict.text() == _NO_PLAN and self._can_judge():
            self.judge_anew()

    def _on_judged(self, check: Any) -> None:
        if self._question() is None:
            return
        self._draw(is_safe=check.safe)
        self.verdict.setText(verdict_words(check))
        self.verdict.setToolTip(self.verdict.text())

    def _on_failed(self, words: str) -> None:
        if self._question() is not None and self.verdict.text().startswith(_JUDGING):
            self.verdict.setText(f"Cannot be judged: {words}.")

    def _draw(self, *, is_safe: bool | None) -> None:
        self._needle.show_course(
            diameter_mm=self._catalogue[self.gauges.currentData()].outer_diameter_mm, is_safe=is_safe
        )


def verdict_words(check: Any) -> str:
    """Say what a needle breaks, and how near it passes.

    Parameters
    ----------
    check : TrajectoryCheck
        The judgement.

    Returns
    -------
    str
    """
    needle = check.trajectory
    clear = needle.clearance_mm
    distances = {"metal": clear.metal, "canal": clear.canal, "the nearest breach": clear.nearest_breach}
    verdict = "Keeps every hard limit." if check.safe else f"BREAKS HARD LIMITS: {'; '.join(check.violations)}."
    parts = ", ".join(f"{name} {figure(value, 'mm')}" for name, value in distances.items())
    off = "in" if check.off_target_mm == 0 else f"{figure(check.off_target_mm, 'mm')} off"
    tip = "No gap was found on this CT" if check.off_target_mm is None else f"Tip {off} {needle.gap_id}"
    return f"{verdict} {tip}; clear of {parts}; {needle.depth_in_bone_mm:.1f} mm in bone."
