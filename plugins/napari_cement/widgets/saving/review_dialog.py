"""A person confirms whose plan it is and on which sides, and approves it with a name."""

from collections.abc import Mapping, Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGroupBox,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_cement.widgets.whole_words import WholeWords
from planner.report.palette import WARNING
from planner.station.review import PlaceToConfirm

_WIDTH_PX, _HEIGHT_PX = 640, 420
"""Of what is to be read, at first: the rest scrolls, and all of the dialog stays on a low screen. Ours."""
_INDENT_PX = 24


class ReviewDialog(QDialog):
    """Ask for what an approval needs. Nothing of the patient leaves it.

    Parameters
    ----------
    patient : sequence of (str, str), or None
        What the CT's own files say of the patient, name and value; None where they say nothing, or there are none.
    places : sequence of PlaceToConfirm
        Where cement or needles are planned: what is to be confirmed of each, and what is planned there.
    unsafe : sequence of (str, str)
        Id and words of each needle that breaks a hard limit: approved by itself or not at all.
    must_know : sequence of str
        What speaks against the plan, the gravest first: the approval is given in spite of it.
    parent : QWidget or None
        The window it lies over.
    """

    confirmed = Signal(str)
    """The name of who approves: patient and sides were confirmed."""

    def __init__(
        self,
        patient: Sequence[tuple[str, str]] | None,
        places: Sequence[PlaceToConfirm],
        unsafe: Sequence[tuple[str, str]] = (),
        must_know: Sequence[str] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Review and approve")
        self.patient_box = QCheckBox("This is the patient whom I mean to treat")
        self.place_boxes = {place.id: _box(place.words) for place in places}
        self.unsafe_boxes = {name: _box(words) for name, words in unsafe}
        self.name = QLineEdit()
        self.name.setPlaceholderText("your name")
        self.why = QLabel()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.approve_button = self.buttons.addButton("Approve", QDialogButtonBox.ButtonRole.AcceptRole)
        layout = QVBoxLayout(self)
        layout.addWidget(_patient(patient, self.patient_box))
        self.scrolled = QScrollArea()
        self.scrolled.setWidgetResizable(True)
        self.scrolled.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scrolled.setWidget(self._to_read(places, must_know))
        layout.addWidget(self.scrolled, 1)
        form = QFormLayout()
        form.addRow("Approved by", self.name)
        layout.addLayout(form)
        layout.addWidget(self.why)
        layout.addWidget(self.buttons)
        for box in (self.patient_box, *self.place_boxes.values(), *self.unsafe_boxes.values()):
            box.toggled.connect(self._show)
        self.name.textChanged.connect(self._show)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.accepted.connect(lambda: self.confirmed.emit(self.value()))
        self._show()
        self.resize(_WIDTH_PX, _HEIGHT_PX + self.sizeHint().height() - self.scrolled.sizeHint().height())

    def _to_read(self, places: Sequence[PlaceToConfirm], must_know: Sequence[str]) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        if must_know:
            column.addWidget(_column(f"To know first ({len(must_know)})", [_text(words) for words in must_know]))
        if places:
            lacks = any(place.lacks for place in places)
            title = "What is known of each place is right" if lacks else "Level and side are right"
            parts = (part for place in places for part in (self.place_boxes[place.id], *_below(place)))
            column.addWidget(_column(f"{title}, compared with the CT", list(parts)))
        if self.unsafe_boxes:
            title = "These needles break hard limits; I want them all the same"
            column.addWidget(_column(title, list(self.unsafe_boxes.values())))
        column.addStretch(1)
        return page

    def value(self) -> str:
        """Give the name of who approves."""
        return self.name.text().strip()

    @staticmethod
    def checked(boxes: Mapping[str, QCheckBox]) -> frozenset[str]:
        """Give the ids whose boxes are checked."""
        return frozenset(name for name, box in boxes.items() if box.isChecked())

    def missing(self) -> tuple[str, ...]:
        """Say what an approval still needs."""
        wanted = (
            (self.patient_box.isChecked(), "the patient"),
            (all(box.isChecked() for box in self.place_boxes.values()), "every place"),
            (all(box.isChecked() for box in self.unsafe_boxes.values()), "every needle that breaks a limit"),
            (bool(self.value()), "your name"),
        )
        return tuple(what for given, what in wanted if not given)

    def _show(self, *_: object) -> None:
        missing = self.missing()
        self.why.setText(f"Still to be confirmed: {', '.join(missing)}." if missing else "")
        self.approve_button.setEnabled(not missing)


def _patient(patient: Sequence[tuple[str, str]] | None, confirm: QCheckBox) -> QGroupBox:
    box = QGroupBox("Patient, as the CT's own files say at this moment; kept nowhere")
    form = QFormLayout(box)
    if patient is None:
        text = QLabel("The CT's files do not say whose it is: make sure of it yourself.")
        text.setWordWrap(True)
        form.addRow(text)
    for name, value in patient or ():
        text = QLabel()
        text.setTextFormat(Qt.TextFormat.PlainText)
        text.setText(value or "not told")
        form.addRow(name, text)
    form.addRow(confirm)
    return box


def _column(title: str, parts: Sequence[QWidget]) -> QGroupBox:
    box = QGroupBox(title)
    column = QVBoxLayout(box)
    for part in parts:
        column.addWidget(part)
    return box


def _below(place: PlaceToConfirm) -> tuple[QLabel, ...]:
    """Say what is confirmed with a place, and what is planned there."""
    confirms, planned = _text(place.confirms), _text("\n".join(place.planned))
    if place.lacks:
        confirms.setStyleSheet(f"color: {WARNING}; font-weight: bold;")
    for text in (confirms, planned):
        text.setIndent(_INDENT_PX)
    return (confirms, planned) if place.planned else (confirms,)


def _text(words: str) -> QLabel:
    text = WholeWords()
    text.setTextFormat(Qt.TextFormat.PlainText)
    text.setWordWrap(True)
    text.setText(words)
    return text


def _box(words: str) -> QCheckBox:
    # An ampersand would become a shortcut.
    return QCheckBox(words.replace("&", "&&"))
