"""The bar for saving: write the plan's folder, review it, take up what was not saved."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_cement._editors import editors_of
from napari_cement._focus import Shown, focus_of, is_same_but_for_review
from napari_cement._session import session_of
from napari_cement.edit.history import history_of
from napari_cement.widgets.opening.opening import opening_of
from napari_cement.widgets.saving.autosaver import autosaver_of
from napari_cement.widgets.saving.review_dialog import ReviewDialog
from napari_cement.widgets.saving.saving import saving_of
from napari_cement.widgets.whole_words import WholeWords
from planner.config.wishes_config import WishesConfig
from planner.errors import PlannerError
from planner.io.dicom.patient import patient_of
from planner.model.plan import Plan
from planner.progress import Progress
from planner.report.palette import WARNING
from planner.report.review_words import review_words
from planner.station.keeping.autosave import KeptEdits
from planner.station.review import approve, edited, places_to_confirm, to_know_first, unsafe_needles
from planner.station.wished import is_same_wished

_NO_NAME = "Its report.html names no patient: put the label on the print."
_NOT_IN_IT = (
    " The gaps painted since are NOT in it: recompute, then save again. Until then they are kept as unsaved work."
)
_OLDER = "Not approved: this plan is older than your edits; press Recompute first, then review that plan."
_PATIENT = ("Name", "Number", "Born")


class SavingBar(QWidget):
    """Save, review, and answer for unsaved work.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._session, self._focus = session_of(napari_viewer), focus_of(napari_viewer)
        self.saving, self.autosaver = saving_of(napari_viewer), autosaver_of(napari_viewer)
        self._opening = opening_of(napari_viewer)
        self._editors, self._history = editors_of(napari_viewer), history_of(napari_viewer)
        self._kept: Any = None
        # What was wished when the plan came of which it is not known what it was made with.
        self._first: tuple[Shown, WishesConfig] = (self._focus.shown, self._session.wishes)
        self.dialog: ReviewDialog | None = None
        self.save_button = QPushButton("Save plan…")
        self.review_button = QPushButton("Review and approve…")
        self.cancel_button = QPushButton("Cancel saving")
        self.progress = QProgressBar()
        self.message = QLabel()
        self.unsaved = WholeWords()
        self.take_button, self.throw_button = QPushButton("Take it up"), QPushButton("Throw it away")
        for label in (self.message, self.unsaved):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self.unsaved.setStyleSheet(f"color: {WARNING}; font-weight: bold;")
        self._lay_out()
        self._wire()
        self._show()
        if self.autosaver.offer is not None:
            self._on_offered(self.autosaver.offer)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.unsaved)
        for buttons in (
            (self.take_button, self.throw_button),
            (self.save_button, self.review_button),
            (self.progress, self.cancel_button),
        ):
            row = QHBoxLayout()
            for button in buttons:
                row.addWidget(button)
            layout.addLayout(row)
        layout.addWidget(self.message)

    def _wire(self) -> None:
        self.save_button.clicked.connect(self._on_save)
        self.review_button.clicked.connect(self._on_review)
        self.cancel_button.clicked.connect(self.saving.cancel)
        self.take_button.clicked.connect(self.autosaver.take_up)
        self.throw_button.clicked.connect(self.autosaver.throw_away)
        self.saving.running.connect(self._show)
        self.saving.progressed.connect(self._on_progressed)
        self.saving.saved.connect(self._on_saved)
        self.saving.failed.connect(self._say)
        self.saving.stopped.connect(self._on_stopped)
        self.autosaver.offered.connect(self._on_offered)
        self.autosaver.settled.connect(self._show)
        self.autosaver.failed.connect(self._say)
        self._opening.opened.connect(self._on_opened)
        self._focus.shownChanged.connect(self._on_shown)
        self._focus.reviewChanged.connect(self._on_reviewed)
        self._session.wishesChanged.connect(self._on_edited)
        self._editors.changed.connect(self._on_edited)

    def _on_save(self) -> None:
        start = self._opening.folder or Path.home() / f"plan-{date.today():%Y-%m-%d}"
        chosen, _ = QFileDialog.getSaveFileName(
            self, "Save the plan as a folder", str(start), "", "", QFileDialog.Option.DontConfirmOverwrite
        )
        if chosen:
            self.save(Path(chosen))

    def save(self, folder: Path) -> None:
        """Write the shown plan; asks where one lies there already."""
        try:
            overwrite = self.saving.takes_place_of(folder)
        except PlannerError as error:
            self._say(str(error))
            return
        if overwrite and not self._may_replace(folder):
            return
        self._kept = self._focus.shown.scan, self.autosaver.state()
        self.saving.save(folder, overwrite=overwrite)

    def _may_replace(self, folder: Path) -> bool:
        answer = QMessageBox.question(
            self, "A plan lies there", f"{folder.name} holds a plan already. Put this one in its place?"
        )
        return bool(answer == QMessageBox.StandardButton.Yes)

    def _on_review(self) -> None:
        plan, scan = self._focus.shown.plan, self._focus.shown.scan
        if plan is None or self._refuses():
            return
        try:
            told = None if scan is None else patient_of(scan)
        except PlannerError as error:
            self._say(str(error))
            return
        patient = None
        if told is not None and told.is_told:
            values = (told.name, told.patient_id, told.birth_date)
            patient = [(name, value or "not told") for name, value in zip(_PATIENT, values, strict=True)]
        self.dialog = dialog = ReviewDialog(
            patient,
            places_to_confirm(plan),
            [(way.id, f"{way.id}: {'; '.join(way.violations)}") for way in unsafe_needles(plan)],
            to_know_first(plan),
            parent=self.window(),
        )
        dialog.confirmed.connect(lambda name: self._approve(plan, dialog))
        # Qt keeps closed dialogs: what it shows of the patient goes with it.
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _approve(self, plan: Plan, dialog: ReviewDialog) -> None:
        if self._focus.shown.plan is not plan:
            self._say("Not approved: another plan came meanwhile; review that one.")
            return
        if self._refuses():
            return
        try:
            approved = approve(
                plan,
                dialog.value(),
                datetime.now().astimezone(),
                patient_confirmed=dialog.patient_box.isChecked(),
                places_confirmed=dialog.checked(dialog.place_boxes),
                unsafe_confirmed=dialog.checked(dialog.unsafe_boxes),
            )
        except PlannerError as error:
            self._say(str(error))
            return
        self._focus.set_review(approved.review)
        self._say("Approved. Save the plan to keep it; any edit takes the approval away.")

    def _refuses(self) -> bool:
        """Say no to an approval of a plan that is older than what is drawn and painted now."""
        self._history.settle()  # what is still going on is an edit, too
        if not self._editors.are_of_shown:
            self._say("Not approved: what is drawn is not of this plan's CT; open the plan again.")
            return True
        if self._is_edited():
            self._say(_OLDER)
            return True
        return False

    def _on_shown(self) -> None:
        before, wishes = self._first
        now = self._focus.shown
        # The same plan whose CT has come, or whose voxels were made: what is drawn since is no part of it.
        is_same = is_same_but_for_review(before, now)
        self._first = (now, wishes if is_same else self._session.wishes)
        if self.message.text() == _OLDER and not is_same:  # it was said of the plan before
            self._say("")
        self._on_edited()
        self._show()

    def _on_reviewed(self, before: Shown) -> None:
        if self._first[0] is before:
            self._first = (self._focus.shown, self._first[1])

    def _made_with(self) -> WishesConfig:
        """Give what was wished when the shown plan was made, else when it came."""
        shown, (first, wishes) = self._focus.shown, self._first
        if shown.settings is not None:
            return shown.settings.needles.wishes
        return wishes if first is shown else self._session.wishes  # it is coming just now

    def _on_edited(self, *_: object) -> None:
        """Take an approval away: what is wished now is not what was approved."""
        plan = self._focus.shown.plan
        if plan is None or plan.review.state != "approved" or not self._is_edited():
            return
        self._focus.set_review(edited(plan).review)
        self._say("The plan was edited: it is no longer approved.")

    def _is_edited(self) -> bool:
        """Say whether what is drawn and painted now is not what the shown plan was made with."""
        if not self._editors.are_of_shown:
            return False
        newer = self._editors.are_newer
        if newer is not None:
            return newer
        same = is_same_wished(self._session.wishes, self._made_with())
        return not same or self._editors.value("gaps") is not None

    def _on_progressed(self, progress: Progress) -> None:
        self.message.setText(progress.stage)
        self.progress.setRange(0, progress.total or 0)
        self.progress.setValue(progress.done)

    def _on_saved(self, folder: Path, plan: Plan) -> None:
        scan, state = self._kept
        is_shown = scan is self._focus.shown.scan
        if is_shown:  # else another CT came while it was written
            self.autosaver.saved(state)
        painted = is_shown and self._editors.value("gaps") is not None
        saved = "Saved" if is_shown else "The plan of the CT before was saved"
        told = f"{saved} as {folder.name}. {review_words(plan.review)}. {_NO_NAME}"
        self._say(f"{told}{_NOT_IN_IT if painted else ''}")

    def _on_stopped(self) -> None:
        self._say("Saving stopped: nothing was written.")

    def _on_opened(self, path: Path) -> None:
        if self._opening.is_as_saved:
            self.autosaver.saved(self.autosaver.state(), is_new=False)

    def _on_offered(self, kept: KeptEdits) -> None:
        first, *others = (_offer_words(one) for one in self.autosaver.offers)
        more = "".join(f" You are asked next about that {words}." for words in others)
        self.unsaved.setText(f"Unsaved work {first}.{more}")
        self._show()

    def _say(self, words: str) -> None:
        self.message.setText(words[:1].upper() + words[1:])

    def _show(self, *_: object) -> None:
        why = self.saving.why_not
        self.save_button.setEnabled(why is None)
        self.save_button.setToolTip("Report, labels, fluoroscopy and this scene as a folder" if why is None else why)
        self.review_button.setEnabled(self._focus.shown.plan is not None)
        offered = self.autosaver.offer is not None
        for part in (self.unsaved, self.take_button, self.throw_button):
            part.setVisible(offered)
        for running in (self.progress, self.cancel_button):
            running.setVisible(self.saving.is_running)


def _offer_words(kept: KeptEdits) -> str:
    return f"of {kept.edits.at.astimezone():%d %b %H:%M}: {kept.words()}"
