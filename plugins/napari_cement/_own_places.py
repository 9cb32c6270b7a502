"""Puts a dock of the station that is opened again from napari's menu where it belongs."""

import weakref
from typing import Any

from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QWidget

from napari_cement._dock_layout import arrange, is_wide_window, raise_cuts
from napari_cement.widgets.fill import FillPreview
from napari_cement.widgets.fluoroscopy import FluoroscopyDock
from napari_cement.widgets.panel.plan_widget import PlanWidget
from napari_cement.widgets.slices import SliceViews

_REPLACED = (SliceViews, FluoroscopyDock, FillPreview)
"""Of which a second one takes the hidden first one's place. The panel holds what is edited: it never goes so."""
_BREATH_MS = 50
"""From where docks are moved till Qt knows how much room they need. Ours."""


class OwnPlaces(QObject):
    """Watches a window for docks of the station that come after it was laid out.

    napari puts each one below all others on the right, which makes a low window higher than the screen.

    Parameters
    ----------
    viewer : napari.Viewer
        A viewer with a window; only a weak reference is kept.
    """

    def __init__(self, viewer: Any) -> None:
        main = viewer.window._qt_window  # napari has no public way to place a dock beside another
        super().__init__(main)
        self._viewer, self._main = weakref.ref(viewer), main
        self._known: weakref.WeakSet[QDockWidget] = weakref.WeakSet(main.findChildren(QDockWidget))
        self._size: QSize | None = None
        self._soon, self._back = QTimer(self), QTimer(self)
        for timer, act in ((self._soon, self._place_new), (self._back, self._resize_back)):
            timer.setSingleShot(True)
            timer.timeout.connect(act)
        main.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """See that something is added to the window; called by Qt."""
        if event.type() == QEvent.Type.ChildAdded and not (self._soon.isActive() or self._back.isActive()):
            self._size = self._main.size()  # before Qt makes room for what comes
            self._soon.start(0)
        elif event.type() == QEvent.Type.ChildAdded and not self._soon.isActive():
            self._soon.start(0)
        return False

    def _place_new(self) -> None:
        docks = [dock for dock in self._main.findChildren(QDockWidget) if not dock.isFloating()]
        new = [dock for dock in docks if dock not in self._known]
        self._known.update(new)
        ours = [dock for dock in new if isinstance(dock.widget(), (PlanWidget, *_REPLACED))]
        if ours:
            self._back.start(_BREATH_MS)  # before docks are moved: Qt adds tab bars to the window then
        for dock in ours:
            self._drop_hidden(dock)
            self._place(dock)

    def _resize_back(self) -> None:
        """Take the size of before; later than the docks are moved, for Qt asks for the old room a little longer."""
        if self._size is not None and not self._main.isMaximized():
            self._main.resize(self._size)

    def _drop_hidden(self, dock: QDockWidget) -> None:
        """Take away one of the same kind that was hidden: nobody could tell the two apart in napari's menu."""
        kind, viewer = type(dock.widget()), self._viewer()
        if viewer is None or kind not in _REPLACED:
            return
        for other in self._main.findChildren(QDockWidget):
            inner = other.widget()
            if other is not dock and type(inner) is kind and other.isHidden():
                viewer.window.remove_dock_widget(other)
                inner.close()

    def _place(self, dock: QDockWidget) -> None:
        main = self._main
        if isinstance(dock.widget(), SliceViews):
            main.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
            dock.show()
            raise_cuts(main, dock)
            return
        arrange(
            main, self._there(PlanWidget), self._there(FluoroscopyDock), self._there(FillPreview),
            is_wide=is_wide_window(main),
        )  # fmt: skip
        dock.show()
        dock.raise_()

    def _there(self, kind: type[QWidget]) -> QDockWidget | None:
        """Give the dock of a kind on the window's right side; one that a person moved elsewhere stays there."""
        right = Qt.DockWidgetArea.RightDockWidgetArea
        docks = (dock for dock in self._main.findChildren(QDockWidget) if isinstance(dock.widget(), kind))
        docked = (dock for dock in docks if not dock.isFloating() and self._main.dockWidgetArea(dock) == right)
        return next((dock for dock in docked if not dock.isHidden()), None)
