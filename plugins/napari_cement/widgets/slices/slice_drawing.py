"""What is painted over a cut: lines of the other cuts, needles, breaches, letters, scale, words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF

from planner.model.record import PointLps
from planner.report.palette import BREACH, NEEDLE, WARNING
from planner.report.reslice import Cut
from planner.station.reslice.crossings import Mark, NeedleSeen
from planner.station.reslice.cuts import View, ViewName, line_in

FIRST, SECOND, THIRD = "#EE8866", "#77AADD", "#BBCC33"
"""Of the three views, told apart by colour-blind readers too (P. Tol, light); their lines have dashes of their own."""
VIEW_COLOURS: dict[ViewName, str] = {
    "axial": FIRST,
    "coronal": SECOND,
    "sagittal": THIRD,
    "eye": FIRST,
    "along": SECOND,
    "beside": THIRD,
}
_DASHES: dict[str, list[float]] = {FIRST: [8.0, 4.0], SECOND: [3.0, 3.0], THIRD: [8.0, 3.0, 2.0, 3.0]}
LOCKED, OWN, CURSOR = "#FFFFFF", "#99DDFF", "#FFFFFF"
_SCALES_MM = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_GAP_PX = 14.0
"""The lines of the other cuts leave the place itself free."""
HANDLE_PX = 8.0
_MARGIN_PX = 6.0
_SMALL = 8.5
"""Points."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A painter's sheet: a cut, and how many pixels are a mm.

    Parameters
    ----------
    cut : Cut
        What is seen; its middle is the sheet's.
    size_px : tuple of float
        Width and height.
    """

    cut: Cut
    size_px: tuple[float, float]

    @property
    def px_per_mm(self) -> float:
        """The same to the right and down."""
        return self.size_px[0] / (2.0 * self.cut.half_mm[0])

    def at(self, across_down_mm: Sequence[float] | np.ndarray) -> QPointF:
        """Give the pixel of a place on the cut, mm to the right of its middle and below it."""
        scale = self.px_per_mm
        x, y = self.size_px[0] / 2.0 + scale * across_down_mm[0], self.size_px[1] / 2.0 + scale * across_down_mm[1]
        return QPointF(float(x), float(y))

    def of(self, point_lps: Sequence[float] | np.ndarray) -> tuple[QPointF, float]:
        """Give the pixel of a place in the patient, and how far behind the cut it lies, mm."""
        at, off = self.cut.project(point_lps)
        return self.at(at), float(off)

    def mm(self, x_px: float, y_px: float) -> tuple[float, float]:
        """Give the place on the cut of a pixel, mm to the right of its middle and below it."""
        scale = self.px_per_mm
        return (x_px - self.size_px[0] / 2.0) / scale, (y_px - self.size_px[1] / 2.0) / scale


def draw_lines(painter: QPainter, sheet: Sheet, others: Sequence[View], common_lps: PointLps) -> None:
    """Draw where the other cuts cross this one, in their colours, leaving their common place free."""
    reach = 2.0 * (sheet.size_px[0] + sheet.size_px[1]) / sheet.px_per_mm
    free = _GAP_PX / sheet.px_per_mm
    for other in others:
        line = line_in(sheet.cut, other.cut)
        if line is None:
            continue
        place, run = np.asarray(line[0]), np.asarray(line[1])
        middle = place + ((np.asarray(common_lps) - place) @ run) * run
        colour = VIEW_COLOURS[other.name]
        pen = QPen(QColor(colour), 1.0)
        pen.setDashPattern(_DASHES[colour])
        painter.setPen(pen)
        for sign in (-1.0, 1.0):
            painter.drawLine(sheet.of(middle + sign * free * run)[0], sheet.of(middle + sign * reach * run)[0])


def draw_needle(painter: QPainter, sheet: Sheet, needle: NeedleSeen) -> None:
    """Draw a needle as wide as it is near the cut, a dotted line elsewhere, a ring where it passes through."""
    colour = QColor(LOCKED if needle.is_locked else OWN if needle.id is None else NEEDLE)
    width = max(needle.diameter_mm * sheet.px_per_mm, 2.0)
    for piece in needle.pieces:
        corners = QPolygonF([sheet.at(corner) for corner in piece.across_down_mm])
        if piece.is_near:
            shade = QColor(colour)
            shade.setAlpha(150)
            painter.setPen(_pen(shade, width))
            painter.drawPolyline(corners)
        painter.setPen(_pen(colour, 1.0, Qt.PenStyle.SolidLine if piece.is_near else Qt.PenStyle.DotLine))
        painter.drawPolyline(corners)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for hole in needle.holes_mm:
        for shade, line in ((QColor("black"), 3.0), (colour, 1.6)):
            painter.setPen(QPen(shade, line))
            painter.drawEllipse(sheet.at(hole), max(width / 2.0, 3.0), max(width / 2.0, 3.0))
    for mark in needle.marks:
        _draw_end(painter, sheet, mark, colour)


def _draw_end(painter: QPainter, sheet: Sheet, mark: Mark, colour: QColor) -> None:
    size = 3.5 if mark.is_near else 2.5
    painter.setPen(QPen(QColor("black"), 1.0))
    painter.setBrush(QColor("white") if mark.name == "tip" else colour)
    painter.setOpacity(1.0 if mark.is_near else 0.5)
    at = sheet.at(mark.across_down_mm)
    if mark.name == "skin":
        painter.drawRect(QRectF(at.x() - size, at.y() - size, 2.0 * size, 2.0 * size))
    else:
        painter.drawEllipse(at, size, size)
    painter.setOpacity(1.0)


def draw_breach(painter: QPainter, sheet: Sheet, mark: Mark) -> None:
    """Mark a breach by a cross; small and faint where it lies off the cut."""
    at, size = sheet.at(mark.across_down_mm), 5.0 if mark.is_near else 3.5
    painter.setOpacity(1.0 if mark.is_near else 0.55)
    for colour, width in (("black", 4.0), (BREACH, 2.2)) if mark.is_near else ((BREACH, 1.4),):
        painter.setPen(_pen(QColor(colour), width))
        painter.drawLine(at + QPointF(-size, -size), at + QPointF(size, size))
        painter.drawLine(at + QPointF(-size, size), at + QPointF(size, -size))
    painter.setOpacity(1.0)


def draw_region(painter: QPainter, sheet: Sheet, outline_mm: np.ndarray, colour: str) -> None:
    """Draw the outline of a ball or a box that a person drew, lightly filled."""
    fill = QColor(colour)
    fill.setAlpha(40)
    corners = QPolygonF([sheet.at(corner) for corner in outline_mm])
    painter.setBrush(fill)
    for shade, width in (("black", 3.5), (colour, 1.8)):
        painter.setPen(_pen(QColor(shade), width))
        painter.drawPolygon(corners)
        painter.setBrush(Qt.BrushStyle.NoBrush)


def draw_cursor(painter: QPainter, sheet: Sheet, mark: Mark) -> None:
    """Draw the place that all views share; hollow where it lies off the cut."""
    at = sheet.at(mark.across_down_mm)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setOpacity(1.0 if mark.is_near else 0.5)
    for colour, width in (("black", 3.0), (CURSOR, 1.2)):
        painter.setPen(_pen(QColor(colour), width))
        if mark.is_near:
            painter.drawLine(at + QPointF(-4.0, 0.0), at + QPointF(4.0, 0.0))
            painter.drawLine(at + QPointF(0.0, -4.0), at + QPointF(0.0, 4.0))
        else:
            painter.drawEllipse(at, 4.0, 4.0)
    painter.setOpacity(1.0)


def draw_handle(painter: QPainter, at: QPointF, *, is_near: bool) -> None:
    """Draw a point that can be dragged; hollow where it lies off the cut."""
    painter.setBrush(QColor(OWN) if is_near else Qt.BrushStyle.NoBrush)
    for colour, width in (("black", 3.5), ("white", 1.6)):
        painter.setPen(QPen(QColor(colour), width))
        painter.drawEllipse(at, HANDLE_PX - 1.0, HANDLE_PX - 1.0)


def draw_letters(painter: QPainter, sheet: Sheet) -> None:
    """Write the patient's sides at the four edges; the upper one below the lines of words."""
    wide, tall = sheet.size_px
    font = _font(12.0, bold=True)
    letters = sheet.cut.edge_letters()
    top = 2.0 * QFontMetricsF(_font(_SMALL)).height() / tall
    for edge, (x, y) in {"left": (0.0, 0.5), "right": (1.0, 0.5), "top": (0.5, top), "bottom": (0.5, 1.0)}.items():
        write(painter, letters[edge], (x * wide, y * tall), (x, 0.0 if edge == "top" else y), font=font)


def draw_scale(painter: QPainter, sheet: Sheet) -> None:
    """Draw a bar of a round length, and say how long it is."""
    fitting = [length for length in _SCALES_MM if length * sheet.px_per_mm <= 0.3 * sheet.size_px[0]]
    length = fitting[-1] if fitting else _SCALES_MM[0]
    x, y = _MARGIN_PX + 2.0, sheet.size_px[1] - _MARGIN_PX - 2.0
    for colour, width in (("black", 5.0), ("white", 2.5)):
        painter.setPen(_pen(QColor(colour), width))
        painter.drawLine(QPointF(x, y), QPointF(x + length * sheet.px_per_mm, y))
    write(painter, f"{length:g} mm", (0.0, sheet.size_px[1] - 10.0), (0.0, 1.0), font=_font(_SMALL))


def draw_words(
    painter: QPainter, sheet: Sheet, *, title: str, colour: str, window: str, note: str | None, is_active: bool
) -> None:
    """Write on top who stands behind the plan, then the view's title, the window below; frame it in its colour."""
    wide, tall = sheet.size_px
    font, bold = _font(_SMALL), _font(_SMALL, bold=True)
    line, room = QFontMetricsF(font).height(), wide - 2.0 * _MARGIN_PX
    if note is not None:
        words = QFontMetricsF(font).elidedText(note, Qt.TextElideMode.ElideRight, room)
        write(painter, words, (0.0, 0.0), (0.0, 0.0), font=font, colour=WARNING)
    words = QFontMetricsF(bold).elidedText(title, Qt.TextElideMode.ElideRight, room)
    write(painter, words, (0.0, line), (0.0, 0.0), font=bold, colour=colour)
    write(painter, window, (wide, tall - line), (1.0, 1.0), font=font)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(colour), 2.0 if is_active else 1.0))
    painter.drawRect(QRectF(0.5, 0.5, wide - 1.0, tall - 1.0))


def write(
    painter: QPainter,
    text: str,
    at_px: tuple[float, float],
    anchor: tuple[float, float],
    *,
    font: QFont,
    colour: str = "white",
) -> None:
    """Write words that are readable on any grey.

    Parameters
    ----------
    painter : QPainter
        Of the sheet.
    text : str
        What.
    at_px : tuple of float
        Where its anchor is.
    anchor : tuple of float
        Share of the words' own width and height that lies left of it and above it: (0, 0) is their upper left corner.
    font : QFont
        How large.
    colour : str
        "#RRGGBB".
    """
    metrics = QFontMetricsF(font)
    box = metrics.boundingRect(text)
    x = at_px[0] + _MARGIN_PX * (1.0 - 2.0 * anchor[0]) - anchor[0] * box.width() - box.left()
    y = at_px[1] + _MARGIN_PX / 2.0 * (1.0 - 2.0 * anchor[1]) - anchor[1] * metrics.height() + metrics.ascent()
    path = QPainterPath()
    path.addText(QPointF(x, y), font, text)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor("black"), 2.5))
    painter.drawPath(path)
    painter.fillPath(path, QColor(colour))


def _font(points: float, *, bold: bool = False) -> QFont:
    font = QFont()
    font.setPointSizeF(points)
    font.setBold(bold)
    return font


def _pen(colour: QColor, width: float, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
    return QPen(colour, width, style, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.RoundJoin)
