"""The picture that is turned with the mouse, and looked at more nearly with its wheel."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QPainter
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_cement.widgets.fluoroscopy.picture_drawing import draw_lettering, draw_marks, draw_scale

if TYPE_CHECKING:
    from planner.station.carm.fluoro_screen import ShownPart
    from planner.station.carm.turning import TurnedPicture

_HINT_PX, _LEAST_PX = 420, 200
_WHEEL, _NEAREST = 1.25, 8.0
"""What a step of the wheel enlarges by, and screen pixels for one of the picture at the most. Ours."""
_LETTERS_PT = 9


class CArmPicture(QWidget):
    """A fluoroscopy picture: dragging it turns the C-arm, arrow keys turn it by a degree, the wheel looks nearer.

    Parameters
    ----------
    parent : QWidget or None
        Its parent.
    """

    dragged = Signal(float, float)
    """How far the hand went to the right and down, as shares of the picture's width."""
    stepped = Signal(int, int)
    """Steps to the right and down, of the arrow keys."""
    released = Signal()
    """The hand has let go."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: QImage | None = None
        self._picture: TurnedPicture | None = None
        self._part: ShownPart | None = None
        self._is_fitted = True
        self._words, self._review = "", ""
        self._held: QPointF | None = None
        self._moved: QPointF | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(_LEAST_PX, _LEAST_PX)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setAccessibleName("Simulated fluoroscopy")

    def sizeHint(self) -> QSize:
        """Say how large it likes to be."""
        return QSize(_HINT_PX, _HINT_PX)

    @property
    def image(self) -> QImage | None:
        """The whole picture, without what is drawn over it."""
        return self._image

    @property
    def words(self) -> str:
        """What is said where there is no picture."""
        return self._words

    @property
    def part(self) -> "ShownPart | None":
        """Which part of the picture is shown; None without a picture."""
        return self._part

    def set_words(self, words: str) -> None:
        """Show words in the picture's place."""
        self._image = self._picture = self._part = None
        self._words, self._is_fitted = words, True
        self.update()

    def set_picture(self, picture: "TurnedPicture", *, review: str | None) -> None:
        """Show a picture, and who stands behind the plan that is drawn over it; None: nothing to be said of that."""
        packed = np.ascontiguousarray(picture.grey)
        rows, columns = packed.shape
        # A copy: Qt does not keep the array alive.
        self._image = QImage(packed.data, columns, rows, columns, QImage.Format.Format_Grayscale8).copy()
        self._picture, self._review = picture, review or ""
        if self._part is None:
            self.fit()
        self.update()

    def fit(self) -> None:
        """Show what was scanned, as an operator collimates."""
        if self._picture is None:
            self._part = None
            return
        from planner.station.carm.fluoro_screen import shown_part, whole_box

        scanned = self._picture.scanned or whole_box(self._picture.carm)
        width, height = max(self.width(), 1), max(self.height(), 1)
        self._part = shown_part(scanned, self._picture.looked_at, width=width, height=height)
        self._is_fitted = True
        self.update()

    def place_of(self, pixel: Any) -> QPointF:
        """Say where on the widget a pixel (row, column) of the picture lies."""
        if self._part is None:
            return QPointF(0.0, 0.0)
        row, column = float(pixel[0]) - self._part.row, float(pixel[1]) - self._part.column
        return QPointF(self.width() / 2.0 + column * self._part.scale, self.height() / 2.0 + row * self._part.scale)

    def place(self) -> QRectF:
        """Say where the whole picture lies, also beside the widget."""
        if self._picture is None or self._part is None:
            return QRectF(self.rect())
        carm = self._picture.carm
        return QRectF(self.place_of((-0.5, -0.5)), self.place_of((carm.rows - 0.5, carm.columns - 0.5)))

    def resizeEvent(self, event: Any) -> None:
        """Show the same part, unless that was never chosen."""
        super().resizeEvent(event)
        if self._is_fitted:
            self.fit()

    def paintEvent(self, event: Any) -> None:
        """Paint the picture, or the words."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("black"))
        if self._image is None or self._picture is None or self._part is None:
            painter.setPen(QColor("#DDDDDD"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(12, 12, -12, -12), int(flags), self._words)
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(self.place(), self._image)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_over(painter, self._picture, self._part)
        painter.end()

    def _paint_over(self, painter: QPainter, picture: "TurnedPicture", part: "ShownPart") -> None:
        from planner.fluoro.carm import edge_letters
        from planner.fluoro.overlay import scale_mm
        from planner.station.carm.fluoro_screen import angle_lines, screen_mm_per_pixel

        font = painter.font()
        font.setPointSize(_LETTERS_PT)
        font.setBold(True)
        painter.setFont(font)
        area = QRectF(self.rect())
        top = (*angle_lines(picture.carm, picture.console_deg), *(line for line in (self._review,) if line))
        taken = draw_lettering(painter, area, top=top, bottom=("SIMULATED",), edges=edge_letters(picture.carm))
        one_mm = 1.0 / screen_mm_per_pixel(picture.carm, part)
        length_mm = scale_mm(self.width() / one_mm)
        taken.append(draw_scale(painter, area, length_mm=length_mm, length_px=length_mm * one_mm))
        draw_marks(painter, picture.marks, self.place_of, scale=part.scale, taken=taken)

    def wheelEvent(self, event: Any) -> None:
        """Look nearer at what is under the mouse, or from farther."""
        if self._part is None or self._picture is None:
            return
        carm = self._picture.carm
        least = min(self.width() / carm.columns, self.height() / carm.rows)
        step = _WHEEL ** (event.angleDelta().y() / 120.0)
        scale = min(max(self._part.scale * step, least), max(_NEAREST, least))
        right, down = event.position().x() - self.width() / 2.0, event.position().y() - self.height() / 2.0
        share = 1.0 / self._part.scale - 1.0 / scale
        self._part = replace(
            self._part, row=self._part.row + down * share, column=self._part.column + right * share, scale=scale
        )
        self._is_fitted = False
        self.update()
        event.accept()

    def mouseDoubleClickEvent(self, event: Any) -> None:
        """Show again what was scanned."""
        self.fit()

    def mousePressEvent(self, event: Any) -> None:
        """Take hold of the picture: the left button turns, the others move what is shown."""
        if self._image is None:
            return
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = event.position()
        else:
            self._moved = event.position()
        self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: Any) -> None:
        """Turn with the hand, or move what is shown."""
        if self._moved is not None and self._part is not None:
            went = (event.position() - self._moved) / self._part.scale
            self._moved = event.position()
            self._part = replace(self._part, row=self._part.row - went.y(), column=self._part.column - went.x())
            self._is_fitted = False
            self.update()
        if self._held is None:
            return
        went = event.position() - self._held
        self._held = event.position()
        width = max(min(self.place().width(), float(self.width())), 1.0)
        self.dragged.emit(went.x() / width, went.y() / width)

    def mouseReleaseEvent(self, event: Any) -> None:
        """Let go."""
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self._moved = None
        if self._held is not None:
            self._held = None
            self.released.emit()

    def keyPressEvent(self, event: Any) -> None:
        """Turn by steps."""
        steps = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }.get(event.key())
        if steps is None:
            super().keyPressEvent(event)
        else:
            self.stepped.emit(*steps)
