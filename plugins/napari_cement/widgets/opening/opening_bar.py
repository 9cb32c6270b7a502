"""The bar for opening: a folder, a file, the cases opened last; and what opening asks the user."""

from html import escape
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QMenu, QPushButton, QVBoxLayout, QWidget

from napari_cement._session import session_of
from napari_cement.widgets.opening.opening import opening_of
from napari_cement.widgets.opening.series_dialog import SeriesDialog
from planner.errors import PlannerError
from planner.io.inspection import Inspection
from planner.station.keeping.plan_folder import OpenedPlan
from planner.station.keeping.recent import RecentCase

_FILES = "CT or plan (*.dcm *.zip DICOMDIR dicomdir *.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd plan.json);;All files (*)"


class OpeningBar(QWidget):
    """Open, and answer what opening asks.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self.opening = opening_of(napari_viewer)
        self.open_button = QPushButton("Open…")
        self.folder_action, self.file_action = None, None
        self.recent_button = QPushButton("Recent")
        self.recent_menu = QMenu(self)
        self.open_button.setToolTip("A CT, or a plan's folder; either may be dropped onto the window too")
        self.recent_button.setToolTip("The cases opened last")
        self.dialog: SeriesDialog | None = None
        self.question = QLabel()
        self.question.setWordWrap(True)
        self.question.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.yes_button, self.no_button = QPushButton("Yes"), QPushButton("No")
        self._yes: Any = None
        self._no: Any = None
        self._is_of_shown = False
        self._lay_out()
        self._wire()
        self._ask(None)

    def _lay_out(self) -> None:
        menu = QMenu(self)
        self.folder_action = menu.addAction("A folder: a CT, or a plan…")
        self.file_action = menu.addAction("A file: DICOM, DICOMDIR, zip, NIfTI, NRRD, MHA, plan.json…")
        self.open_button.setMenu(menu)
        self.recent_button.setMenu(self.recent_menu)
        row = QHBoxLayout()
        row.addWidget(self.open_button, 1)
        row.addWidget(self.recent_button, 1)
        answers = QHBoxLayout()
        answers.addWidget(self.yes_button)
        answers.addWidget(self.no_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.question)
        layout.addLayout(answers)

    def _wire(self) -> None:
        self.folder_action.triggered.connect(self._on_folder)
        self.file_action.triggered.connect(self._on_file)
        self.recent_menu.aboutToShow.connect(self._list_recents)
        self.yes_button.clicked.connect(lambda: self._answer(self._yes))
        self.no_button.clicked.connect(lambda: self._answer(self._no))
        self.opening.begun.connect(self._on_begun)
        self.opening.choiceWanted.connect(self._on_choice)
        self.opening.ctWanted.connect(self._on_ct_wanted)
        self.opening.differs.connect(self._on_differs)
        self.opening.said.connect(self._say)
        self.opening.stopWanted.connect(self._on_stop_wanted)
        self.opening.takenBack.connect(self._on_taken_back)
        self.opening.opened.connect(self._on_opened)
        session_of(self._viewer).running.connect(self._on_running)

    def _on_folder(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "Folder with a CT, or a plan's folder"):
            self.opening.open(Path(folder))

    def _on_file(self) -> None:
        file, _ = QFileDialog.getOpenFileName(self, "CT or plan", "", _FILES)
        if file:
            self.opening.open(Path(file))

    def _list_recents(self) -> None:
        """List them when they are looked at: what is gone by then is shown as gone."""
        self.recent_menu.clear()
        cases = self.opening.recents.cases()
        for case in cases:
            action = self.recent_menu.addAction(_recent_words(case))
            action.setToolTip(case.path)
            action.setEnabled(case.is_there)
            action.triggered.connect(lambda checked=False, case=case: self.opening.open_recent(case))
        if not cases:
            self.recent_menu.addAction("no case was opened yet").setEnabled(False)
            return
        self.recent_menu.addSeparator()
        self.recent_menu.addAction("Clear recent").triggered.connect(lambda checked=False: self._clear_recents())

    def _clear_recents(self) -> None:
        """Forget where cases lie; the cases themselves stay."""
        try:
            self.opening.recents.clear()
        except PlannerError as error:
            self._say(f"{str(error)[:1].upper()}{str(error)[1:]}.")

    def _on_begun(self) -> None:
        """Take back what was asked of another input; what is asked of the shown case stays while that is shown."""
        if not self._is_of_shown:
            self._ask(None)
        if self.dialog is not None:
            self.dialog.reject()

    def _on_taken_back(self) -> None:
        """Ask no more about a case that is not shown any more."""
        if self._is_of_shown or self._yes is None:
            self._ask(None)

    def _on_opened(self, path: Path) -> None:
        self._ask(None)
        self._on_running(session_of(self._viewer).is_running)

    def _on_stop_wanted(self, name: str) -> None:
        self._ask(
            f"Something is being planned. Opening {name} stops it.",
            yes=("Stop it and open", self.opening.open_anyway),
            no=("Let it go on", None),
        )

    def _on_choice(self, inspection: Inspection) -> None:
        self.dialog = dialog = SeriesDialog(inspection, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.chosen.connect(self.opening.choose)
        dialog.finished.connect(lambda code: self._let_go(dialog))
        dialog.open()

    def _let_go(self, dialog: SeriesDialog) -> None:
        if self.dialog is dialog:
            self.dialog = None

    def _on_ct_wanted(self, opened: OpenedPlan) -> None:
        self._ask(
            "It is not known where this plan's CT lies, so that only the plan is shown.",
            yes=("Its CT is in a folder…", lambda: self._find_ct(opened, is_file=False)),
            no=("… or a file", lambda: self._find_ct(opened, is_file=True)),
            is_of_shown=True,
        )

    def _find_ct(self, opened: OpenedPlan, *, is_file: bool) -> None:
        title = f"CT of {opened.folder.name}"
        if is_file:
            chosen, _ = QFileDialog.getOpenFileName(self, title, "", _FILES)
        else:
            chosen = QFileDialog.getExistingDirectory(self, title)
        if chosen:
            self.opening.give_ct(Path(chosen))
        else:
            self._on_ct_wanted(opened)

    def _on_differs(self, told: tuple[str, ...]) -> None:
        lines = "".join(f"<li>{escape(one)}</li>" for one in told)
        self._ask(
            "This program does not come to the same plan any more. The saved one is shown. What is other now:"
            f"<ul>{lines}</ul>",
            yes=("Show the new plan", self.opening.take_new),
            no=("Keep the saved one", self.opening.keep_saved),
            text_format=Qt.TextFormat.RichText,
            is_of_shown=True,
        )

    def _on_running(self, running: bool) -> None:  # noqa: FBT001  # a Qt slot
        """Offer again to make a plan's voxels where that was stopped, or failed."""
        if not running and self.opening.can_go_live and self._yes is None:
            self._ask(
                "The plan is shown as it was saved; its needles cannot be moved yet.",
                yes=("Make its needles movable", self.opening.go_live),
                is_of_shown=True,
            )

    def _say(self, words: str) -> None:
        self._ask(words)

    def _ask(
        self,
        words: str | None,
        *,
        yes: Any = None,
        no: Any = None,
        text_format: Qt.TextFormat = Qt.TextFormat.PlainText,
        is_of_shown: bool = False,
    ) -> None:
        """Show words with up to two answers; None hides all of it. Names of files are no markup."""
        self.question.setTextFormat(text_format)
        self.question.setText(words or "")
        self.question.setVisible(words is not None)
        self._is_of_shown = is_of_shown
        self._yes, self._no = (None if one is None else one[1] for one in (yes, no))
        for button, one in ((self.yes_button, yes), (self.no_button, no)):
            button.setVisible(one is not None)
            if one is not None:
                button.setText(one[0])

    def _answer(self, act: Any) -> None:
        self._ask(None)
        if act is not None:
            act()


def _recent_words(case: RecentCase) -> str:
    path = Path(case.path)
    what = "plan" if case.kind == "plan" else "CT"
    gone = "" if case.is_there else ", gone"
    return f"{what}: {path.parent.name}/{path.name}, {case.opened:%d %b %Y %H:%M}{gone}"
