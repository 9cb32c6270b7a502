"""One cut of the CT, painted with all that lies on it; the mouse moves the place, the window, the picture."""

from typing import Any

import numpy as np
from qtpy.QtCore import QPointF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QPainter
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_cement._focus import Handle
from napari_cement.widgets.slices import slice_drawing as drawing
from napari_cement.widgets.slices.content import Content
from napari_cement.widgets.slices.slice_drawing import HANDLE_PX, VIEW_COLOURS, Sheet
from planner.geometry.frames import point_tuple
from planner.model.record import PointLps
from planner.report.reslice import Cut
from planner.station.reslice.crossings import MARK_FAINT_MM, MARK_NEAR_MM, breaches_on, mark_on, needle_on
from planner.station.reslice.cuts import View, framed, place_on
from planner.station.reslice.region_outlines import outline_on
from planner.station.reslice.slices import picture, sampled
from planner.station.reslice.windows import WINDOWS, Window

_ZOOM_STEP = 1.2
_LEAST_MM_PER_PX, _MOST_MM_PER_PX = 0.02, 5.0
_LEFT, _MIDDLE, _RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton
Framing = tuple[np.ndarray | None, float, tuple[float, float] | None]
"""The middle, the scale, and what must be seen of a view that nobody zoomed."""
_STEP_KEYS = {
    Qt.Key.Key_Up: 1,
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_PageUp: 1,
    Qt.Key.Key_Down: -1,
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_PageDown: -1,
}


class SliceView(QWidget):
    """One cut. It knows no other view: it tells what the user wants, and shows what it is given."""

    pointed = Signal(object)
    """A place that was clicked or dragged over, LPS mm."""
    hovered = Signal(object)
    """The place under the mouse, LPS mm; None when the mouse has left."""
    stepped = Signal(int)
    """So many slices deeper, away from the viewer; back where negative."""
    windowChanged = Signal(object)
    dragged = Signal(str, object)
    """A handle's name, and the place that it was dragged to, LPS mm."""
    dropped = Signal()
    """The handle was let go."""
    enlarged = Signal()
    """This view large, or back: it was double-clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._content = Content()
        self._view: View | None = None
        self._others: tuple[View, ...] = ()
        self._common: PointLps | None = None
        self._window = WINDOWS["bone"]
        self._cursor: PointLps | None = None
        self._handles: tuple[Handle, ...] = ()
        self._centre: np.ndarray | None = None
        self._mm_per_px = 0.5
        self._fitted: tuple[float, float] | None = None
        self._image: QImage | None = None
        self._pixels: np.ndarray | None = None
        self._held: tuple[Handle, float] | None = None
        self._last = QPointF()
        self._wheel = 0
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 90)

    def sizeHint(self) -> QSize:  # Qt's name
        """Give the size that a dock is laid out for."""
        return QSize(360, 280)

    @property
    def view(self) -> View | None:
        """What is shown; None before there is anything."""
        return self._view

    @property
    def is_dragging(self) -> bool:
        """Whether a handle is in the user's hand."""
        return self._held is not None

    @property
    def cut(self) -> Cut | None:
        """The part of the cut's plane that the widget shows."""
        if self._view is None or self._centre is None:
            return None
        half = (0.5 * self.width() * self._mm_per_px, 0.5 * self.height() * self._mm_per_px)
        return framed(self._view.cut, self._centre, half)

    def value(self) -> Window:
        """Give the window on the grey values."""
        return self._window

    def setValue(self, window: Window) -> None:  # Qt's manner
        """Take another window on the grey values."""
        if window != self._window:
            self._window = window
            self._repaint()
            self.windowChanged.emit(window)

    def set_content(self, content: Content) -> None:
        """Cut through something else, or draw something else over it."""
        self._content = content
        self._repaint()

    def set_view(self, view: View | None, others: tuple[View, ...] = (), *, common_lps: PointLps | None = None) -> None:
        """Show another cut, with the lines of others.

        Parameters
        ----------
        view : View or None
            What to show; None: nothing.
        others : tuple of View
            The cuts whose lines are drawn.
        common_lps : PointLps or None
            The place where they all meet, which the lines leave free; None: the middle of the cut.
        """
        self._view, self._others, self._common = view, others, common_lps
        if view is not None and self._centre is None:
            self._centre = np.asarray(view.cut.centre_lps)
        self._repaint()

    def set_cursor(self, point_lps: PointLps | None) -> None:
        """Mark the place that all views share."""
        self._cursor = point_lps
        self.update()

    def set_handles(self, handles: tuple[Handle, ...]) -> None:
        """Offer points to be dragged."""
        self._handles = handles
        self.update()

    def look_at(self, centre_lps: Any, *, half_mm: tuple[float, float] | None = None) -> None:
        """Bring a place to the middle.

        Parameters
        ----------
        centre_lps : array_like, shape (3,)
            Where, LPS mm.
        half_mm : tuple of float or None
            What must be seen to each side, and above and below; None keeps the zoom.
        """
        self._centre = np.asarray(centre_lps, dtype=np.float64)
        if half_mm is not None:
            self._fitted = half_mm
            self._fit()
        self._repaint()

    def framing(self) -> Framing:
        """Give what part of the cuts' planes is shown, to come back to it."""
        return self._centre, self._mm_per_px, self._fitted

    def set_framing(self, framing: Framing) -> None:
        """Show the part that `framing` gave."""
        self._centre, self._mm_per_px, self._fitted = framing
        self._fit()
        self._repaint()

    def _fit(self) -> None:
        if self._fitted is not None:
            wide, tall = self._fitted
            needed = max(2.0 * wide / max(self.width(), 1), 2.0 * tall / max(self.height(), 1))
            self._mm_per_px = float(np.clip(needed, _LEAST_MM_PER_PX, _MOST_MM_PER_PX))

    def shows(self, point_lps: Any) -> bool:
        """Say whether a place, seen along the cut, lies within the picture, its rim left out."""
        sheet = self._sheet()
        if sheet is None:
            return False
        at, _ = sheet.of(point_lps)
        wide, tall = sheet.size_px
        return 0.05 * wide <= at.x() <= 0.95 * wide and 0.05 * tall <= at.y() <= 0.95 * tall

    def paintEvent(self, event: Any) -> None:  # Qt's name
        """Paint the picture and what lies on it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        sheet = self._sheet()
        if sheet is None or self._view is None:
            painter.fillRect(self.rect(), QColor("black"))
            drawing.write(painter, "no CT", (self.width() / 2.0, self.height() / 2.0), (0.5, 0.5), font=self.font())
            return
        if self._image is None:
            self._image = self._picture(sheet)
        painter.drawImage(self.rect(), self._image)
        self._draw(painter, sheet)

    def _draw(self, painter: QPainter, sheet: Sheet) -> None:
        content, view = self._content, self._view
        assert view is not None
        drawing.draw_lines(painter, sheet, self._others, self._common or point_tuple(view.cut.centre_lps))
        for region, colour in content.drawn:
            if (outline := outline_on(sheet.cut, region)) is not None:
                drawing.draw_region(painter, sheet, outline, colour)
        for way in content.ways:
            seen = needle_on(sheet.cut, way.path_lps, diameter_mm=way.needle.outer_diameter_mm, way=way)
            drawing.draw_needle(painter, sheet, seen)
        for path, diameter in content.own:
            drawing.draw_needle(painter, sheet, needle_on(sheet.cut, path, diameter_mm=diameter))
        if content.plan is not None:
            for mark in breaches_on(sheet.cut, content.plan, hidden=content.hidden):
                drawing.draw_breach(painter, sheet, mark)
        cursor = None if self._cursor is None else mark_on(sheet.cut, "cursor", self._cursor)
        if cursor is not None:
            drawing.draw_cursor(painter, sheet, cursor)
        for handle in self._handles:
            at, off = sheet.of(handle.point_lps)
            if abs(off) <= MARK_FAINT_MM:
                drawing.draw_handle(painter, at, is_near=abs(off) <= MARK_NEAR_MM)
        drawing.draw_letters(painter, sheet)
        drawing.draw_scale(painter, sheet)
        drawing.draw_words(
            painter,
            sheet,
            title=view.title,
            colour=VIEW_COLOURS[view.name],
            window=self._window.in_words,
            note=content.note,
            is_active=self.hasFocus(),
        )

    def _picture(self, sheet: Sheet) -> QImage:
        content, ratio = self._content, self.devicePixelRatioF()
        rows, columns = max(round(self.height() * ratio), 1), max(round(self.width() * ratio), 1)
        seen = sampled(
            sheet.cut,
            (rows, columns),
            volume=content.volume,
            labels=None if content.table is None else content.labels,
            unreadable=content.unreadable,
            cement=content.cement,
            painted=content.painted,
        )
        # Kept: the image does not copy it.
        self._pixels = picture(seen, self._window, content.table, is_filled=content.is_filled)
        return QImage(self._pixels.data, columns, rows, 3 * columns, QImage.Format.Format_RGB888)

    def _sheet(self) -> Sheet | None:
        cut = self.cut
        return None if cut is None else Sheet(cut, (float(self.width()), float(self.height())))

    def _repaint(self) -> None:
        self._image = None
        self.update()

    def _place(self, at: QPointF) -> PointLps | None:
        sheet = self._sheet()
        return None if sheet is None else place_on(sheet.cut, sheet.mm(at.x(), at.y()))

    def _handle_at(self, at: QPointF) -> tuple[Handle, float] | None:
        """Give the handle under the mouse, and how far behind the cut it lies."""
        sheet = self._sheet()
        if sheet is None:
            return None
        for handle in reversed(self._handles):
            where, off = sheet.of(handle.point_lps)
            if abs(off) <= MARK_FAINT_MM and max(abs(where.x() - at.x()), abs(where.y() - at.y())) <= HANDLE_PX:
                return handle, off
        return None

    def resizeEvent(self, event: Any) -> None:  # Qt's name
        """Show as much of the patient as before, unless the user zoomed."""
        self._fit()
        self._repaint()

    def mousePressEvent(self, event: Any) -> None:  # Qt's name
        """Take a handle, or the place."""
        self._last = event.position()
        if event.button() == _LEFT:
            self._held = self._handle_at(event.position())
            if self._held is None:
                self._point(event.position())

    def mouseMoveEvent(self, event: Any) -> None:  # Qt's name
        """Drag what the button stands for."""
        at, buttons = event.position(), event.buttons()
        moved = at - self._last
        if buttons & _LEFT:
            self._drag(at)
        elif buttons & _MIDDLE:
            self._pan(moved)
        elif buttons & _RIGHT:
            self.setValue(self._window.dragged(moved.x(), moved.y()))
        else:
            over = self._handle_at(at) is not None
            self.setCursor(Qt.CursorShape.SizeAllCursor if over else Qt.CursorShape.CrossCursor)
        self._last = at
        self.hovered.emit(self._place(at))

    def mouseReleaseEvent(self, event: Any) -> None:  # Qt's name
        """Let a handle go."""
        if event.button() == _LEFT and self._held is not None:
            self._held = None
            self.dropped.emit()

    def mouseDoubleClickEvent(self, event: Any) -> None:  # Qt's name
        """Show this view large, or all three again."""
        if event.button() == _LEFT:
            self.enlarged.emit()

    def leaveEvent(self, event: Any) -> None:  # Qt's name
        """Nothing is under the mouse any more."""
        self.hovered.emit(None)

    def wheelEvent(self, event: Any) -> None:  # Qt's name
        """Step through the slices; with Ctrl, zoom."""
        turned = event.angleDelta().y()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(_ZOOM_STEP ** (turned / 120.0), event.position())
        else:
            # Fine wheels and touch pads send parts of a notch.
            self._wheel += turned
            notches = int(self._wheel / 120)
            self._wheel -= 120 * notches
            if notches:
                self.stepped.emit(notches)
        event.accept()

    def keyPressEvent(self, event: Any) -> None:  # Qt's name
        """Step with the arrows, zoom with plus and minus."""
        key = event.key()
        if key in _STEP_KEYS:
            self.stepped.emit(_STEP_KEYS[key])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_Equal):
            middle = QPointF(self.width() / 2.0, self.height() / 2.0)
            self.zoom(1.0 / _ZOOM_STEP if key == Qt.Key.Key_Minus else _ZOOM_STEP, middle)
        else:
            super().keyPressEvent(event)

    def zoom(self, factor: float, at: QPointF) -> None:
        """Magnify round a pixel; that place stays under it."""
        self._fitted = None
        before = self._place(at)
        self._mm_per_px = float(np.clip(self._mm_per_px / factor, _LEAST_MM_PER_PX, _MOST_MM_PER_PX))
        after = self._place(at)
        if before is not None and after is not None and self._centre is not None:
            self._centre = self._centre + np.subtract(before, after)
        self._repaint()

    def _pan(self, moved: QPointF) -> None:
        cut = self.cut
        if cut is not None and self._centre is not None:
            shift = moved.x() * cut.right_lps + moved.y() * cut.down_lps
            self._centre = self._centre - self._mm_per_px * shift
            self._repaint()

    def _drag(self, at: QPointF) -> None:
        if self._held is None:
            self._point(at)
            return
        place, cut = self._place(at), self.cut
        if place is not None and cut is not None:
            handle, off = self._held
            # It stays as far off the cut as it was: a drag moves it in the picture, not towards the viewer.
            self.dragged.emit(handle.name, point_tuple(np.asarray(place) + off * cut.normal_lps))

    def _point(self, at: QPointF) -> None:
        place = self._place(at)
        if place is not None:
            self.pointed.emit(place)
