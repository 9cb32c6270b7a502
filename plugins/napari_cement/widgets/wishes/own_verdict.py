"""What is said of a needle of one's own: a headline in its colour, and the figures below it."""

from html import escape
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget

from napari_cement.widgets.whole_words import WholeWords
from planner.report.palette import WARNING

_HEADLINE_LINES, _FIGURE_LINES = 3, 7
"""Seen at least: of the headline there is always room for so many; of the figures the tip and all clearances."""
_JUDGING = "Judging …"
_GETTING_READY = "Getting ready to judge (seconds, once a plan) …"
_PASSED = "Of the place just passed:"
PUT_INSIDE = "That lay outside of the CT: it was put on the CT's edge."
CLEAR, CAUTION, BROKEN = "#009988", WARNING, "#EE6677"
"""Of the headline; told apart by colour-blind readers (P. Tol), and the words say it without."""
_OLD = "#888888"


class OwnVerdict(QWidget):
    """The verdict on one needle, in words."""

    def __init__(self) -> None:
        super().__init__()
        self.is_waiting = False
        """Whether a verdict is under way."""
        self.headline, self.figures = WholeWords(least_lines=_HEADLINE_LINES), QLabel()
        for label in (self.headline, self.figures):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.figures.setTextFormat(Qt.TextFormat.RichText)
        self.figures.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        # What a low window has no room for is scrolled to: the clearances stand first.
        self.scrolled = scrolled = QScrollArea()
        scrolled.setWidgetResizable(True)
        scrolled.setFrameShape(QScrollArea.Shape.NoFrame)
        scrolled.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scrolled.setMinimumHeight(_FIGURE_LINES * self.figures.fontMetrics().lineSpacing())
        scrolled.setWidget(self.figures)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.headline)
        layout.addWidget(scrolled, 1)

    def say(self, words: str, colour: str = "", figures: str = "") -> None:
        """Say something that is no verdict under way.

        Parameters
        ----------
        words : str
            The headline.
        colour : str
            "#RRGGBB"; empty for the window's own.
        figures : str
            What stands below, as rich text.
        """
        self.is_waiting = False
        self.headline.setText(words)
        self.figures.setText(figures)
        self.figures.setVisible(bool(figures))
        self.headline.setStyleSheet(f"color: {colour}; font-weight: bold;" if colour else "")
        self.figures.setStyleSheet(f"color: {_OLD};" if colour == _OLD else "")

    def tell(self, verdict: Any) -> None:
        """Tell a verdict, green only where nothing speaks against the needle.

        Parameters
        ----------
        verdict : planner.station.live_needle.LiveVerdict
            Of the place where the needle is.
        """
        from planner.station.live_needle import verdict_line

        colour = CLEAR if verdict.is_clear else BROKEN if verdict.is_safe is False else CAUTION
        self.say(verdict_line(verdict), colour, _table(verdict))

    def wait(self, passed: Any, *, is_ready: bool) -> None:
        """Say that the needle is being judged where it is now; what is known is of places that it passed.

        No good word of a place just passed stands there, only what it broke: that it keeps all limits is said of the
        place where the needle is, or not at all.

        Parameters
        ----------
        passed : planner.station.live_needle.LiveVerdict or None
            Of the place just passed; None where nothing is known.
        is_ready : bool
            Whether needles of this plan can be judged already.
        """
        from planner.station.live_needle import verdict_line

        words = _JUDGING if is_ready else _GETTING_READY
        if passed is not None and passed.is_safe is False:
            words = f"{_JUDGING} {_PASSED} {verdict_line(passed)}"
        self.say(words, _OLD, "" if passed is None else f"<p>{_PASSED}</p>{_table(passed)}")
        self.is_waiting = True


def _table(verdict: Any) -> str:
    from planner.station.live_needle import verdict_rows

    rows = "".join(
        f"<tr><td>{escape(name)}&nbsp;&nbsp;</td><td><b>{escape(words)}</b></td></tr>"
        for name, words in verdict_rows(verdict)
    )
    return f"<table>{rows}</table>" if rows else ""
