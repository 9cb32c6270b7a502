"""What must be done when a viewer's window closes, whichever way: stop what runs, keep what was edited."""

import contextlib
import weakref
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QApplication

from napari_cement._per_viewer import PerViewer, real_viewer

_closings: "PerViewer[Closing]" = PerViewer()


def when_closing(viewer: Any, act: Callable[[], None]) -> None:
    """Do something once, when the window of a viewer closes.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer, or napari's proxy of it. A viewer model without a window never closes.
    act : callable
        Called in the GUI's thread, in the order of the asking; what it raises does not keep the others from their turn.
    """
    real = real_viewer(viewer)
    window = getattr(getattr(real, "window", None), "_qt_window", None)  # napari has no public way
    if window is None:
        return
    _closings.of(real, lambda _: Closing(window)).add(act)


class Closing(QObject):
    """Watches one window.

    Parameters
    ----------
    window : QMainWindow
        The window.
    """

    def __init__(self, window: Any) -> None:
        super().__init__()
        self._window = weakref.ref(window)
        self._acts: list[Callable[[], None]] = []
        self._asked = False
        window.installEventFilter(self)
        app = QApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self.close)

    def add(self, act: Callable[[], None]) -> None:
        """Do one thing more."""
        self._acts.append(act)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """See the window go; called by Qt."""
        kind = event.type()
        if kind == QEvent.Type.Close:
            window = self._window()
            if window is not None and not window.isVisible():
                self.close()  # a window that was never shown is not hidden either
            else:
                # napari may ask the user, who may say no: then it is not hidden, and this is forgotten.
                self._asked = True
                QTimer.singleShot(0, self._forget)
        elif kind == QEvent.Type.Hide and self._asked and not event.spontaneous():
            self.close()
        return False

    def close(self) -> None:
        """Do everything now, once."""
        acts, self._acts = self._acts, []
        with contextlib.ExitStack() as stack:
            for act in reversed(acts):
                stack.callback(act)

    def _forget(self) -> None:
        self._asked = False
