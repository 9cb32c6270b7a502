"""Words of several lines of which none is cut off, however low the dock is that they stand in."""

from typing import Any

from qtpy.QtWidgets import QLabel, QWidget


class WholeWords(QLabel):
    """A label that takes the height of its words: Qt would squeeze it, and half a warning is none.

    Parameters
    ----------
    parent : QWidget or None
        Its parent.
    least_lines : int
        There is always room for so many lines, so that what stands below does not jump.
    """

    def __init__(self, parent: QWidget | None = None, *, least_lines: int = 0) -> None:
        super().__init__(parent)
        self._least_lines = least_lines
        self.setWordWrap(True)
        self._take_height()

    def setText(self, words: str) -> None:  # Qt's manner
        """Say something else."""
        super().setText(words)
        if self.isVisible():  # else it is not known how wide it will be
            self._take_height()

    def showEvent(self, event: Any) -> None:  # Qt's name
        """Take what was said meanwhile."""
        super().showEvent(event)
        self._take_height()

    def resizeEvent(self, event: Any) -> None:  # Qt's name
        """Break the words anew."""
        super().resizeEvent(event)
        self._take_height()

    def _take_height(self) -> None:
        self.setMinimumHeight(0)  # Qt counts it into the height that the words need
        least = self._least_lines * self.fontMetrics().lineSpacing()
        needed = self.heightForWidth(self.width()) if self.text() and self.isVisible() else 0
        self.setMinimumHeight(max(least, needed))
