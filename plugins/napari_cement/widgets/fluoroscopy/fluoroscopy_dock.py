"""The dock "Fluoroscopy": turn the C-arm with the mouse or the sliders, look from views by name, save what is seen."""

from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_cement._display import NOT_CERTIFIED, review_words
from napari_cement._focus import focus_of
from napari_cement.widgets.fluoroscopy.angle_rows import AngleRows
from napari_cement.widgets.fluoroscopy.carm_picture import CArmPicture
from napari_cement.widgets.fluoroscopy.turned_carm import TurnedCArm
from napari_cement.widgets.whole_words import WholeWords
from planner.report.palette import WARNING
from planner.report.review_words import review_note
from planner.station.carm.gantry_dial import Dial

_NEEDLES = (("none", "no needles"), ("chosen", "chosen needle"), ("first", "first needles"), ("all", "all needles"))
_DRAWN = (("gaps", "Gaps"), ("breaches", "Breaches"), ("cement", "Cement"), ("landmarks", "Landmarks"))
_VIEWS = "Other views …"
_WARNING = f"font-weight: bold; color: {WARNING};"
_BEYOND = f"color: {WARNING};"
_DIAL_TIP = (
    "A console that was told how the patient lies, or that knows no patient, may show other angles: "
    "go by where the detector stands."
)
_SHOW_MS = 60
_FORMATS = "Picture (*.png);;DICOM (*.dcm)"


class FluoroscopyDock(QWidget):
    """Simulated fluoroscopy of the case that is shown.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._focus = focus_of(napari_viewer)
        self.carm = TurnedCArm(napari_viewer, self)
        self.picture = CArmPicture()
        self.angles = AngleRows()
        self.dial_words, self.reach, self.sight, self.notes, self.message = (WholeWords() for _ in range(5))
        self.dial_words.setToolTip(_DIAL_TIP)
        self.reach.setStyleSheet(_WARNING)
        self.standard = [QPushButton() for _ in range(4)]
        self.more = QComboBox()
        self.more.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.more.setMinimumContentsLength(14)
        self.better = QPushButton("Best view near here")
        self.better.setToolTip("The view near by that shows most of the gap, and what this one shows besides")
        self.centre = QPushButton("Centre on selection")
        self.save = QPushButton("Save view …")
        self.save.setToolTip("The whole picture, not only the part that is shown here")
        self.fit = QPushButton("Fit")
        self.fit.setToolTip("Show what was scanned; the wheel looks nearer, the right button moves the picture")
        self.follow = QCheckBox("Follow the selection")
        self.follow.setToolTip("A needle is looked along, a breach from its watch view, a gap from where it shows best")
        self.hold = QCheckBox("Hold to the gantry's reach")
        self.drawn = {name: QCheckBox(words) for name, words in _DRAWN}
        self.needles = QComboBox()
        for name, words in _NEEDLES:
            self.needles.addItem(words, name)
        self._is_fit_due = False
        self._due = QTimer(self)
        self._due.setSingleShot(True)
        self._due.setInterval(_SHOW_MS)
        self._set_controls()
        self._lay_out()
        self._wire()
        self.reach.setVisible(False)
        self._show_views()
        self._show_picture()
        self._show_angles()

    def showEvent(self, event: Any) -> None:
        """Take pictures as long as somebody looks."""
        super().showEvent(event)
        self.carm.wake()

    def hideEvent(self, event: Any) -> None:
        """Take none while nobody looks."""
        self.carm.sleep()
        super().hideEvent(event)

    def closeEvent(self, event: Any) -> None:
        """Stop what is under way when the dock goes."""
        self.carm.sleep()
        super().closeEvent(event)

    def value(self) -> Dial | None:
        """Give what is dialled; None before a CT is there."""
        return self.carm.dial

    def setValue(self, primary_deg: float, secondary_deg: float) -> None:
        """Turn the C-arm to angles that are dialled, degrees."""
        self.carm.turn_to(primary_deg, secondary_deg)

    def save_to(self, path: Path) -> None:
        """Write the view as it is shown; without a suffix as PNG."""
        self.message.setText("Saving …")
        self.carm.save(path if path.suffix.lower() in (".png", ".dcm") else path.with_name(f"{path.name}.png"))

    def _set_controls(self) -> None:
        self.follow.setChecked(self.carm.follows)
        self.hold.setChecked(self.carm.holds)
        overlays = self.carm.overlays
        for name, box in self.drawn.items():
            box.setChecked(getattr(overlays, name))
        self.needles.setCurrentIndex(self.needles.findData(overlays.needles))

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.addLayout(_row(*self.standard, self.more))
        layout.addWidget(self.picture, 1)
        layout.addWidget(self.reach)
        layout.addWidget(self.dial_words)
        layout.addWidget(self.angles)
        layout.addWidget(self.sight)
        layout.addWidget(self.notes)
        layout.addLayout(_row(self.better, self.centre, self.fit, self.save))
        layout.addLayout(_row(*self.drawn.values(), self.needles))
        layout.addLayout(_row(self.follow, self.hold))
        layout.addWidget(self.message)

    def _wire(self) -> None:
        carm = self.carm
        carm.turned.connect(self._show_angles_soon)
        self._due.timeout.connect(self._show_angles)
        carm.pictureChanged.connect(self._show_picture)
        carm.viewsChanged.connect(self._show_views)
        carm.looked.connect(self._fit_soon)
        self.fit.clicked.connect(lambda *_: self.picture.fit())
        carm.said.connect(self.message.setText)
        self.picture.dragged.connect(self._on_drag)
        self.picture.stepped.connect(self._on_step)
        self.picture.released.connect(lambda: self._set_held(held=False))
        self.angles.valueChanged.connect(carm.turn_to)
        self.angles.moving.connect(lambda held: self._set_held(held=held))
        for number, button in enumerate(self.standard):
            button.clicked.connect(lambda checked=False, number=number: self._look(number))
        self.more.activated.connect(lambda row: self._look(row + len(self.standard) - 1) if row else None)
        self.better.clicked.connect(lambda *_: carm.look_for_better())
        self.centre.clicked.connect(lambda *_: carm.centre_on_chosen())
        self.save.clicked.connect(lambda *_: self._on_save())
        self.follow.toggled.connect(self._on_follow)
        self.hold.toggled.connect(self._on_hold)
        for name, box in self.drawn.items():
            box.toggled.connect(lambda on, name=name: carm.set_overlays(**{name: on}))
        self.needles.currentIndexChanged.connect(lambda *_: carm.set_overlays(needles=self.needles.currentData()))

    def _set_held(self, *, held: bool) -> None:
        self.carm.is_held = held
        if not held:
            self.carm.refresh()

    def _on_drag(self, right: float, down: float) -> None:
        self.carm.is_held = True
        self.carm.drag(right, down)

    def _on_step(self, right: int, down: int) -> None:
        # A key turns by a degree, the way that a hand would.
        from planner.station.carm.gantry_dial import TURN_OVER_WIDTH_DEG

        self.carm.drag(right / TURN_OVER_WIDTH_DEG, down / TURN_OVER_WIDTH_DEG)

    def _on_follow(self, on: bool) -> None:  # noqa: FBT001  # a Qt slot
        self.carm.follows = on

    def _on_hold(self, on: bool) -> None:  # noqa: FBT001  # a Qt slot
        self.carm.holds = on

    def _look(self, number: int) -> None:
        if number < len(self.carm.views):
            self.carm.look(self.carm.views[number])

    def _on_save(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(self, "Save this view", f"{self.carm.name()}.png", _FORMATS)
        if chosen:
            self.save_to(Path(chosen))

    def _show_views(self) -> None:
        views = self.carm.views
        for number, button in enumerate(self.standard):
            button.setVisible(number < len(views))
            if number < len(views):
                button.setText(views[number].name)
                self._say_reach(button, views[number])
        self.more.clear()
        self.more.addItem(_VIEWS)
        for view in views[len(self.standard) :]:
            self.more.addItem(f"{view.name} ({view.words})" if view.words else view.name)
        for part in (self.more, self.better, self.centre, self.save, self.angles):
            part.setEnabled(bool(views))

    def _say_reach(self, button: QPushButton, view: Any) -> None:
        """Mark a button whose view the gantry does not reach."""
        reached = self.carm.reaches(view)
        button.setStyleSheet(_BEYOND if reached is False else "")
        button.setToolTip("The gantry does not reach this view" if reached is False else "")

    def _fit_soon(self) -> None:
        # When the picture comes: what it shows is not known before.
        self._is_fit_due = True

    def _show_angles_soon(self) -> None:
        # Each change of a widget makes Qt compose the whole window anew, napari's canvas with it: not for every pixel
        # that the mouse goes.
        if not self._due.isActive():
            self._due.start()

    def _show_angles(self) -> None:
        self._due.stop()
        dial, carm = self.carm.dial, self.carm.carm
        self.angles.set_limits(self.carm.gantry)
        if dial is None or carm is None:
            self.dial_words.setText("")
            self._warn("")
            return
        self.angles.setValue(dial)
        self.dial_words.setText(self.carm.dial_words)
        if not dial.at_console:
            self._warn("What the gantry reaches is not known.")
            return
        gantry = self.carm.gantry
        is_beyond = gantry is not None and not gantry.reaches(dial.primary_deg, dial.secondary_deg)
        self._warn("THE GANTRY DOES NOT REACH THIS VIEW" if is_beyond else "")

    def _warn(self, words: str) -> None:
        if words != self.reach.text():
            self.reach.setText(words)
            self.reach.setVisible(bool(words))

    def _show_picture(self) -> None:
        shown, plan = self.carm.picture, self._focus.shown.plan
        if shown is None:
            self.picture.set_words(self.carm.words)
            self.sight.setText("")
            self.notes.setText("")
            if self.carm.carm is None:
                # Another patient's: how it stood, and what was said of it, is none of this one.
                self._show_angles()
                self.message.setText("")
            return
        self.picture.set_picture(shown, review=None if plan is None else review_note(plan.review))
        # A picture on the way may be of the view before.
        if self._is_fit_due and shown.carm == self.carm.carm:
            self._is_fit_due = False
            self.picture.fit()
        self._show_angles()
        notes = "; ".join(shown.notes)
        self.notes.setText(f"{notes[:1].upper()}{notes[1:]}." if notes else "")
        self.picture.setToolTip("" if plan is None else f"{review_words(plan.review)}. {NOT_CERTIFIED}")
        self.sight.setText(_sight_words(shown))


def _sight_words(picture: Any) -> str:
    """Say how much of the gap the view shows."""
    if picture.sight is None:
        return ""
    target = picture.sight.target
    if target.visible_share is None:
        return f"{target.target_id}: not known how much is seen; metal goes on beyond the CT."
    beside = f", {100 * target.outside_share:.0f} % beside the picture" if target.outside_share > 0.0 else ""
    return f"{target.target_id}: {100 * target.visible_share:.0f} % seen clear of metal{beside}."


def _row(*parts: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    for part in parts:
        row.addWidget(part)
    return row
