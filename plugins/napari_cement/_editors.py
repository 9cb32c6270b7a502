"""What a person has drawn in a viewer, by name: read to be kept, set to be taken up again; none knows another."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from qtpy.QtCore import QObject, Signal

from napari_cement._focus import Focus, focus_of
from napari_cement._per_viewer import PerViewer
from planner.config.wishes_config import WishesConfig
from planner.model.scan import Scan

EditName = Literal["wishes", "own needle", "gaps"]
"""In this order: `WishesConfig`, `DrawnNeedle`, and what reads the `LabelMap` of painted gaps as planning takes it: a
callable, for other threads, that gives None where none was changed."""

_editors: "PerViewer[Editors]" = PerViewer()


def editors_of(viewer: Any) -> "Editors":
    """Give the editors of a viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer, or napari's proxy of it.

    Returns
    -------
    Editors
        The same one for the same viewer.
    """
    return _editors.of(viewer, lambda real: Editors(focus_of(real)))


class Editors(QObject):
    """What edits in one viewer, and which CT the edits are about: the shown one.

    Parameters
    ----------
    focus : Focus
        What the viewer's views share.
    """

    changed = Signal()
    """Something was edited, or may have been."""
    aboutToTurn = Signal()
    """Edits will be about another CT next: what is drawn now is still of the one before."""
    aboutChanged = Signal()
    """Edits are about another CT."""

    def __init__(self, focus: Focus) -> None:
        super().__init__()
        self._focus = focus
        self._about: Scan | None = focus.shown.scan
        self._read: dict[EditName, Callable[[], Any]] = {}
        self._write: dict[EditName, Callable[[Any], None]] = {}
        self._read_newer: Callable[[], bool | None] = lambda: None
        self._is_turning = False
        self._keep: Callable[[], bool | None] = lambda: None
        self._kept: bool | None = None
        focus.shownChanged.connect(self._follow)

    @property
    def about(self) -> Scan | None:
        """The CT that is edited on; None before there is one."""
        return self._about

    def set_about(self, scan: Scan | None) -> None:
        """Edit on another CT. To be told before anything that was drawn is changed for it."""
        if scan is self._about:
            return
        self.aboutToTurn.emit()
        self._about = scan
        self.aboutChanged.emit()

    @property
    def are_of_shown(self) -> bool:
        """Whether what is drawn is about the CT that is shown: else it is neither drawn over it nor saved with it."""
        return not self._is_turning and self._about is self._focus.shown.scan

    @contextmanager
    def turning(self) -> Iterator[bool | None]:
        """Change what is drawn for a case that is shown next: nothing of it is an edit of the one that goes.

        It ends when that case is shown, or, where it is not, with this block.

        Yields
        ------
        bool or None
            Whether there was unsaved work of the one that goes, which is kept now; None where nobody keeps it.

        Raises
        ------
        OutputError
            If it cannot be kept: then nothing is turned.
        """
        if not self._is_turning:
            self._kept = self._keep()
        self.set_about(None)
        self._is_turning = True
        try:
            yield self._kept
        finally:
            self._follow()

    def _follow(self) -> None:
        self._is_turning = False
        self.set_about(self._focus.shown.scan)

    @property
    def are_newer(self) -> bool | None:
        """Whether the shown plan was made before the edits that stand now; None where that is not known."""
        return self._read_newer()

    def tell_newer_by(self, read: Callable[[], bool | None]) -> None:
        """Let somebody say whether the edits are newer than the shown plan."""
        self._read_newer = read

    def keep_by(self, keep: Callable[[], bool | None]) -> None:
        """Let somebody keep unsaved work before a case goes; see `turning` for what it gives and raises."""
        self._keep = keep

    @property
    def is_anything_drawn(self) -> bool:
        """Whether a person has drawn wishes, or a needle of one's own, or painted gaps."""
        own = self.value("own needle")
        wished = self.value("wishes") not in (None, WishesConfig())
        return wished or (own is not None and bool(own.points_lps)) or self.value("gaps") is not None

    def clear(self) -> None:
        """Take out all that is drawn: another CT is to come. Wishes go last, for steps are forgotten with them."""
        self.set_value("gaps", None)
        self.set_value("own needle", None)
        self.set_value("wishes", WishesConfig())

    def offer(self, name: EditName, read: Callable[[], Any], write: Callable[[Any], None]) -> None:
        """Let something be kept, in the place of what had that name before.

        Parameters
        ----------
        name : str
            What it is.
        read : callable
            Gives it, never changed in place; None for nothing.
        write : callable
            Puts it in the place of what is there.
        """
        self._read[name], self._write[name] = read, write

    def value(self, name: EditName) -> Any:
        """Give what was drawn; None where nothing was, or nobody offers it."""
        return self._read[name]() if name in self._read else None

    def set_value(self, name: EditName, value: Any) -> bool:
        """Put something in the place of what is drawn.

        Returns
        -------
        bool
            False where nobody takes it.
        """
        if name not in self._write:
            return False
        self._write[name](value)
        return True

    def touch(self, *_: object) -> None:
        """Say that something may have been edited."""
        self.changed.emit()
