"""Where the station's docks stand round napari's canvas, by how large the window is."""

import weakref
from itertools import pairwise
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

from napari_cement.widgets.panel.legend import Legend

_SHARE_OF_HEIGHT = 0.5
"""Of the window, for the row of cuts below the 3D picture; by eye at 1900 x 1050."""
_PANEL_PX = 500
"""Where it fits: then names of needles and breaches are read too. By eye."""
_LAYERS_PX = 200
"""Of napari's list of layers; Qt takes more where its controls need it."""
_WIDE_PX = 1700
"""A window narrower than this has no room for the C-arm beside the panel: it goes behind it, as a tab. By eye."""

_HIGH_PX = 950
"""In a window lower than this the legend opens folded: the rows need the room. By eye."""
_BREATH_MS, _SETTLED_MS = 100, 1500
"""From a change of the window's size till the docks follow, and from its opening till they stay as they are. Ours."""


class DockLayout(QObject):
    """Lays docks out at once, and again while a window that was just opened finds its size; then it goes.

    A window is opened small and made large afterwards, and Qt takes no dock's width before it has drawn one.

    Parameters
    ----------
    viewer : napari.Viewer
        A viewer with a window; only a weak reference is kept.
    panel, slices, fluoroscopy, fill : QDockWidget
        The docks.
    """

    def __init__(
        self, viewer: Any, panel: QDockWidget, slices: QDockWidget, fluoroscopy: QDockWidget, fill: QDockWidget
    ) -> None:
        main = viewer.window._qt_window  # napari has no public way to place a dock beside another
        super().__init__(main)
        self._viewer = weakref.ref(viewer)
        self._main, self._panel, self._slices, self._fluoroscopy, self._fill = main, panel, slices, fluoroscopy, fill
        self._is_wide: bool | None = None
        self._again, self._end = QTimer(self), QTimer(self)
        for timer, wait_ms, act in (
            (self._again, _BREATH_MS, self._lay_out), (self._end, _SETTLED_MS, self._leave_in_peace),
        ):  # fmt: skip
            timer.setSingleShot(True)
            timer.setInterval(wait_ms)
            timer.timeout.connect(act)
        _tab_layer_docks(viewer, main)
        self._lay_out()
        main.installEventFilter(self)
        if main.isVisible():
            self._begin()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """See the window shown and resized; called by Qt."""
        if event.type() == QEvent.Type.Show:
            self._begin()
        elif event.type() == QEvent.Type.Resize and self._end.isActive():
            self._again.start()
        return False

    def _begin(self) -> None:
        self._again.start()
        self._end.start()

    def _leave_in_peace(self) -> None:
        """From now on the docks are the user's."""
        self._again.stop()
        self._main.removeEventFilter(self)
        self.deleteLater()

    def _lay_out(self) -> None:
        """Put the cuts below the canvas, right of both the C-arm over the fill, and outermost the panel."""
        main = self._main
        if not self._are_there():
            self._leave_in_peace()
            return
        is_wide = is_wide_window(main)
        if is_wide != self._is_wide:
            self._is_wide = is_wide
            self._arrange()
        self._panel.widget().findChild(Legend).unfold(main.height() >= _HIGH_PX)
        raise_cuts(main, self._slices)
        least = self._fluoroscopy.minimumSizeHint().width()
        narrow = [max(self._panel.minimumSizeHint().width(), _PANEL_PX), least]
        main.resizeDocks([self._panel, self._fluoroscopy], narrow, Qt.Orientation.Horizontal)
        low = self._fill.minimumSizeHint().height()
        main.resizeDocks([self._fluoroscopy, self._fill], [main.height() - low, low], Qt.Orientation.Vertical)

    def _are_there(self) -> bool:
        """Say whether nobody closed one meanwhile: who does has begun to lay them out."""
        there = {id(dock) for dock in self._main.findChildren(QDockWidget)}  # one that was closed is soon deleted
        gone = Qt.DockWidgetArea.NoDockWidgetArea
        ours = (self._panel, self._slices, self._fluoroscopy, self._fill)
        return all(id(dock) in there and self._main.dockWidgetArea(dock) != gone for dock in ours)

    def _arrange(self) -> None:
        main = self._main
        main.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        main.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        arrange(main, self._panel, self._fluoroscopy, self._fill, is_wide=bool(self._is_wide))


def is_wide_window(main: QWidget) -> bool:
    """Say whether a window has room for the C-arm beside the panel."""
    return main.width() >= _WIDE_PX


def raise_cuts(main: QMainWindow, slices: QDockWidget) -> None:
    """Give the row of cuts its share of a window's height."""
    main.resizeDocks([slices], [int(_SHARE_OF_HEIGHT * main.height())], Qt.Orientation.Vertical)


def arrange(
    main: QMainWindow,
    panel: QDockWidget | None,
    fluoroscopy: QDockWidget | None,
    fill: QDockWidget | None,
    *,
    is_wide: bool,
) -> None:
    """Put docks on a window's right side.

    Parameters
    ----------
    main : QMainWindow
        The window.
    panel, fluoroscopy, fill : QDockWidget or None
        The docks; None for one that is not there.
    is_wide : bool
        Whether the C-arm stands over the fill, left of the panel; all of them are tabs otherwise.
    """
    there = [dock for dock in (panel, fill, fluoroscopy) if dock is not None]
    for dock in there:  # out of the tabs: what is split off one of them would be one, too
        main.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    if not is_wide:
        for before, dock in pairwise(there):
            main.tabifyDockWidget(before, dock)
        for dock in there[:1]:
            dock.raise_()
        return
    beside = fluoroscopy or fill
    if beside is not None and panel is not None:
        main.splitDockWidget(beside, panel, Qt.Orientation.Horizontal)
    if fluoroscopy is not None and fill is not None:
        main.splitDockWidget(fluoroscopy, fill, Qt.Orientation.Vertical)


def _tab_layer_docks(viewer: Any, main: Any) -> None:
    """Put napari's list of layers before their controls: one above the other they push a low window out of the screen.

    Only where both are docked on one side, as napari opens them.
    """
    qt_viewer = viewer.window._qt_viewer
    layers, controls = qt_viewer.dockLayerList, qt_viewer.dockLayerControls
    areas = {main.dockWidgetArea(dock) for dock in (layers, controls)}
    if areas == {Qt.DockWidgetArea.LeftDockWidgetArea} and not (layers.isFloating() or controls.isFloating()):
        main.tabifyDockWidget(controls, layers)
        layers.raise_()
        main.resizeDocks([layers], [_LAYERS_PX], Qt.Orientation.Horizontal)
