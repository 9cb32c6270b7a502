"""What is told of the chosen thing: a headline, what speaks against it, its figures in a table, its findings."""

from collections.abc import Iterable
from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_cement.widgets.panel.told import Told
from planner.model.finding import Finding
from planner.report.palette import FAULT, WARNING


class Details(QLabel):
    """Shows a `Told`; its words can be marked and copied."""

    def __init__(self) -> None:
        super().__init__()
        self._words = ""
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setAccessibleName("Figures and findings of the chosen row")

    def value(self) -> str:
        """Give what is told, a line each, as a screen reader reads it."""
        return self._words

    def say(self, words: str) -> None:
        """Say something else in this place.

        Parameters
        ----------
        words : str
            Plain words.
        """
        self._show(words, escape(words))

    def setValue(self, told: Told, findings: Iterable[Finding] = ()) -> None:
        """Tell of a thing.

        Parameters
        ----------
        told : Told
            What was measured.
        findings : iterable of Finding
            What else is said of it, the gravest first.
        """
        findings = tuple(findings)
        parts = [f"<p><b>{escape(told.headline)}</b></p>"]
        if told.unsafe:
            parts.append(
                _paragraph("UNSAFE. It breaks a hard limit: " + "; ".join(told.unsafe) + ".", FAULT, bold=True)
            )
        parts += [_paragraph(f"Caution: {caution}", WARNING) for caution in told.cautions]
        if told.figures:
            rows = "".join(
                f"<tr><td width='38%' style='padding-right: 8px'>{escape(label)}</td><td>{escape(value)}</td></tr>"
                for label, value in told.figures
            )
            parts.append(f"<table width='100%' cellspacing='0' cellpadding='1'>{rows}</table>")
        parts += [
            _paragraph(f"• {finding.message}", FAULT if finding.severity == "warning" else None) for finding in findings
        ]
        self._show("\n".join([told.in_words, *(f"• {finding.message}" for finding in findings)]), "".join(parts))

    def _show(self, words: str, rich: str) -> None:
        self._words = words
        self.setText(rich)
        self.setAccessibleDescription(words)


def _paragraph(words: str, colour: str | None, *, bold: bool = False) -> str:
    style = "margin: 2px 0" + ("" if colour is None else f"; color: {colour}") + ("; font-weight: bold" if bold else "")
    return f'<p style="{style}">{escape(words)}</p>'
