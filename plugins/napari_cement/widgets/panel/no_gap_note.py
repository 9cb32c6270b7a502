"""What the panel says of a plan without a gap, and what one can do."""

from typing import Literal

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from planner.model.plan import Plan
from planner.report.palette import WARNING

Way = Literal["paint", "target", "needle"]
_BUTTONS: tuple[tuple[Way, str, str], ...] = (
    ("paint", "Paint a gap…", "Draw the gap that you see; its volume, needles and leaks are then worked out"),
    ("target", "Set a target…", "Needles are searched to a place that you choose"),
    ("needle", "Own needle…", "Place a needle yourself; its clearances are worked out"),
)
_MOST = 4
"""Implants that are named; ours."""


def no_gap_words(plan: Plan) -> str | None:
    """Say that a plan tells no gap, what that means, and what hides gaps.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    str or None
        None for a plan with a gap.
    """
    if plan.gaps:
        return None
    said = ["No gap was told round any implant: this does not exclude loosening."]
    hidden = _named(plan, "unreadable-by-artefact")
    if hidden:
        said.append(f"Metal artefacts hide tissue at {hidden}.")
    doubtful = _named(plan, "trace-of-a-gap")
    if doubtful:
        said.append(f"Too doubtful to be measured: a dark patch at {doubtful}.")
    return " ".join(said)


def _named(plan: Plan, code: str) -> str:
    """Name the implants that findings of one code begin with."""
    ids = [implant.id for implant in plan.implants]
    found = [name for name in ids if any(f.code == code and f.message.startswith(f"{name}:") for f in plan.findings)]
    more = len(found) - _MOST
    return ", ".join(found[:_MOST]) + (f" and {more} more" if more > 0 else "")


class NoGapNote(QFrame):
    """Says that there is no gap, with the ways on; not to be seen where there is one."""

    wanted = Signal(str)
    """ "paint", "target" or "needle": what a person wants to do."""

    def __init__(self) -> None:
        super().__init__()
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setStyleSheet(f"color: {WARNING};")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.addWidget(self.words)
        row = QHBoxLayout()
        self.buttons: dict[str, QPushButton] = {}
        for way, words, tip in _BUTTONS:
            button = QPushButton(words)
            button.setToolTip(tip)
            button.clicked.connect(lambda checked=False, way=way: self.wanted.emit(way))
            row.addWidget(button)
            self.buttons[way] = button
        layout.addLayout(row)
        self.set_plan(None)

    def set_plan(self, plan: Plan | None) -> None:
        """Say it of a plan.

        Parameters
        ----------
        plan : Plan or None
            None, or one with a gap, hides the note.
        """
        words = None if plan is None else no_gap_words(plan)
        self.words.setText(words or "")
        self.setVisible(words is not None)
