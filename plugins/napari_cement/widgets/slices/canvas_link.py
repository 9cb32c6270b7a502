"""Ties napari's own canvas to the place that all views share."""

import weakref
from collections.abc import Generator
from typing import Any

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari_cement._display import display_of
from napari_cement._focus import Focus, focus_of
from napari_cement._layers import origin_of, to_lps, to_world
from napari_cement._per_viewer import PerViewer
from planner.geometry.frames import point_tuple

_SAME_MM = 1e-6
_CLICK_PX = 3.0
_REST_MS = 60
"""napari follows when the mouse rests: to cut all of its layers anew takes longer than a drag leaves."""


_links: "PerViewer[CanvasLink]" = PerViewer()


def link_of(viewer: Any) -> "CanvasLink":
    """Tie a viewer's canvas to its cursor.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer, or napari's proxy of it.

    Returns
    -------
    CanvasLink
        The same one for the same viewer.
    """
    return _links.of(viewer, lambda real: CanvasLink(real, focus_of(real)))


class CanvasLink(QObject):
    """Moves napari's slice with the cursor, and the cursor with napari's slice and clicks.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer; only a weak reference is kept.
    focus : Focus
        What its views share.
    """

    hovered = Signal(object)
    """The place under the mouse in a 2D view, LPS mm."""

    def __init__(self, viewer: Any, focus: Focus) -> None:
        super().__init__()
        self._viewer_ref = weakref.ref(viewer)
        self._focus = focus
        self._is_moving = self._is_turning = False
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MS)
        self._rest.timeout.connect(self._settle)
        focus.cursorChanged.connect(self._rest.start)
        viewer.dims.events.ndisplay.connect(self._on_ndisplay)
        viewer.dims.events.point.connect(self._on_point)
        viewer.mouse_drag_callbacks.append(self._on_drag)
        viewer.mouse_move_callbacks.append(self._on_move)
        self._follow()

    def _viewer(self) -> Any:
        """Give the viewer while it shows one of the planner's layers."""
        viewer = self._viewer_ref()
        if viewer is None or viewer.dims.ndim != 3 or not any(origin_of(layer) for layer in viewer.layers):
            return None
        return viewer

    def _on_ndisplay(self, event: object = None) -> None:
        """Show 2D where the place is: as 3D is left, napari's sliders put the cut onto their own whole steps."""
        self._is_turning = True
        self._follow()
        self._rest.start()

    def _settle(self) -> None:
        self._is_turning = False
        self._follow()

    def _follow(self) -> None:
        viewer, cursor = self._viewer(), self._focus.cursor_lps
        if viewer is None or cursor is None or self._is_moving or viewer.dims.ndisplay == 3:
            return
        self._is_moving = True
        display_of(viewer).cut_at(to_world(cursor))
        self._is_moving = False

    def _on_point(self, event: object = None) -> None:
        viewer, cursor = self._viewer(), self._focus.cursor_lps
        if viewer is None or cursor is None or self._is_moving or self._is_turning or viewer.dims.ndisplay == 3:
            return
        # Only the axis that is cut across: the others are where the cursor is, not where napari's sliders stand.
        world = to_world(cursor).copy()
        for axis in viewer.dims.not_displayed:
            world[axis] = viewer.dims.point[axis]
        if np.abs(to_lps(world) - np.asarray(cursor)).max() > _SAME_MM:
            self._is_moving = True
            self._focus.set_cursor(point_tuple(to_lps(world)))
            self._is_moving = False

    def _on_drag(self, viewer: Any, event: Any) -> Generator[None, None, None]:
        """Take a click, not a drag, as the place; a tool in the hand keeps its clicks."""
        if event.button != 1 or event.modifiers or viewer.dims.ndisplay == 3 or self._viewer() is None:
            return
        active = viewer.layers.selection.active
        if active is not None and str(active.mode) != "pan_zoom":
            return
        start = np.asarray(event.pos, dtype=float)
        yield
        farthest = 0.0
        while event.type == "mouse_move":
            farthest = max(farthest, float(np.abs(np.asarray(event.pos, dtype=float) - start).max()))
            yield
        if farthest <= _CLICK_PX:
            self._focus.set_cursor(point_tuple(to_lps(np.asarray(event.position)[-3:])))

    def _on_move(self, viewer: Any, event: Any) -> None:
        if viewer.dims.ndisplay == 2 and self._viewer() is not None:
            self.hovered.emit(point_tuple(to_lps(np.asarray(event.position)[-3:])))
