"""Lines, rings and words over a fluoroscopy picture, as large on any screen whatever part of the picture it shows."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF

if TYPE_CHECKING:
    from collections.abc import Callable

    from planner.fluoro.overlay import Layer, Words
    from planner.station.carm.fluoro_screen import NameBox

RIM, LETTERING = QColor(0, 0, 0), QColor("#FFC85A")
_EDGE_PX = 6.0
_LEAST_LINE_PX = 1.2
_BESIDE_PX = 12.0
_FAR_ROWS = 1.5
"""A name that was moved by more of its heights gets a line to where it belongs."""


def draw_marks(
    painter: QPainter,
    layers: "Iterable[Layer]",
    place: "Callable[[Any], QPointF]",
    *,
    scale: float,
    taken: "Sequence[NameBox]",
) -> None:
    """Draw layers: lines and rings first, their names over them, none on another.

    Parameters
    ----------
    painter : QPainter
        On the widget.
    layers : iterable of Layer
        In pixels of the picture.
    place : callable
        Takes (row, column) of the picture, gives the place on the widget.
    scale : float
        Screen pixels for one of the picture.
    taken : sequence of NameBox
        What names must leave free.
    """
    from planner.fluoro.overlay import Line, Ring, Words

    names: list[Words] = []
    for layer in layers:
        for shape in layer.shapes:
            if isinstance(shape, Words):
                names.append(shape)
            elif isinstance(shape, Ring):
                _draw_ring(painter, shape, place(shape.pixel))
            elif isinstance(shape, Line):
                _draw_line(painter, shape, place, scale)
    _draw_names(painter, names, place, taken)


def draw_words(painter: QPainter, words: str, left: float, baseline: float, colour: QColor) -> None:
    """Write words with a dark rim, to be read on any ground."""
    path = QPainterPath()
    path.addText(QPointF(left, baseline), painter.font(), words)
    painter.setPen(QPen(RIM, 2.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPath(path)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def draw_lettering(
    painter: QPainter, area: QRectF, *, top: Sequence[str], bottom: Sequence[str], edges: dict[str, str]
) -> "list[NameBox]":
    """Write what a console writes round a picture.

    Parameters
    ----------
    painter : QPainter
        On the widget.
    area : QRectF
        All of the widget.
    top, bottom : sequence of str
        Lines at the upper left and at the lower right.
    edges : dict of str
        The patient's directions under left, right, top and bottom.

    Returns
    -------
    list of NameBox
        Where words stand now.
    """
    from planner.station.carm.fluoro_screen import NameBox

    metrics = QFontMetricsF(painter.font())
    high, wide = metrics.height(), metrics.horizontalAdvance
    at = [(_EDGE_PX, _EDGE_PX + n * high, line) for n, line in enumerate(top)]
    low = area.height() - _EDGE_PX - len(bottom) * high
    at += [(area.width() - _EDGE_PX - wide(line), low + n * high, line) for n, line in enumerate(bottom)]
    middle = area.height() / 2.0 - high / 2.0
    places = {
        "left": (_EDGE_PX, middle),
        "right": (area.width() - _EDGE_PX - wide(edges["right"]), middle),
        "top": (area.width() / 2.0 - wide(edges["top"]) / 2.0, _EDGE_PX),
        "bottom": (area.width() / 2.0 - wide(edges["bottom"]) / 2.0, area.height() - _EDGE_PX - high),
    }
    at += [(*places[edge], letter) for edge, letter in edges.items()]
    for left, upper, line in at:
        draw_words(painter, line, left, upper + metrics.ascent(), LETTERING)
    return [NameBox(left, upper, wide(line), high) for left, upper, line in at]


def draw_scale(painter: QPainter, area: QRectF, *, length_mm: float, length_px: float) -> "NameBox":
    """Draw a bar at the lower left, and how long it is; give where it stands."""
    from planner.station.carm.fluoro_screen import NameBox

    metrics = QFontMetricsF(painter.font())
    words = f"{length_mm:g} mm at the isocentre"
    bottom = area.height() - _EDGE_PX
    for colour, width in ((RIM, 5.0), (LETTERING, 2.0)):
        painter.setPen(QPen(colour, width))
        painter.drawLine(QPointF(_EDGE_PX, bottom), QPointF(_EDGE_PX + length_px, bottom))
    draw_words(painter, words, _EDGE_PX, bottom - 4.0 - metrics.descent(), LETTERING)
    high = metrics.height() + 8.0
    return NameBox(_EDGE_PX, bottom - high, max(length_px, metrics.horizontalAdvance(words)), high)


def _draw_line(painter: QPainter, line: Any, place: "Callable[[Any], QPointF]", scale: float) -> None:
    points = [place(pixel) for pixel in line.pixels]
    if len(points) < 2 or any(point.x() != point.x() or point.y() != point.y() for point in points):
        return
    colour = QColor(*line.colour)
    colour.setAlphaF(line.opacity)
    # Needles keep their true width; outlines their place, not less than can be seen.
    pen = QPen(colour, max(line.width_px * scale, _LEAST_LINE_PX) if line.opacity < 1.0 else _LEAST_LINE_PX * 1.25)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(QPolygonF(points))


def _draw_ring(painter: QPainter, ring: Any, at: QPointF) -> None:
    if at.x() != at.x() or at.y() != at.y():
        return
    colour = QColor(*ring.colour)
    painter.setPen(QPen(colour, 1.5))
    painter.setBrush(colour if ring.filled else Qt.BrushStyle.NoBrush)
    painter.drawEllipse(at, ring.radius_px, ring.radius_px)


def _beside(name: "Words", place: "Callable[[Any], QPointF]") -> QPointF:
    """Say where a name would stand: beside what it names, as far as the ring there is wide on any screen."""
    if name.about is None:
        return place(name.pixel)
    off = _BESIDE_PX if name.anchor.startswith("l") else -_BESIDE_PX
    return place(name.about) + QPointF(off, 0.0)


def _draw_names(
    painter: QPainter, names: "Sequence[Words]", place: "Callable[[Any], QPointF]", taken: "Sequence[NameBox]"
) -> None:
    from planner.station.carm.fluoro_screen import NameBox, placed_apart

    metrics, area = QFontMetricsF(painter.font()), QRectF(painter.viewport())
    high = metrics.height()
    shown = [(name, _beside(name, place)) for name in names]
    # A name beside the screen belongs to what is not shown either.
    shown = [(name, at) for name, at in shown if area.contains(at)]
    wanted: list[NameBox] = []
    for name, at in shown:
        wide = metrics.horizontalAdvance(name.text)
        left = at.x() - {"l": 0.0, "m": wide / 2.0, "r": wide}[name.anchor[0]]
        upper = at.y() - {"t": 0.0, "a": 0.0, "m": high / 2.0, "b": high}[name.anchor[1]]
        wanted.append(NameBox(min(max(left, 2.0), max(area.width() - wide - 2.0, 2.0)), upper, wide, high))
    placed = placed_apart(wanted, others=taken, height=area.height())
    for (name, at), first, last in zip(shown, wanted, placed, strict=True):
        colour = QColor(*name.colour)
        if abs(last.top - first.top) > _FAR_ROWS * high:
            painter.setPen(QPen(colour, 0.8))
            painter.drawLine(
                at if name.about is None else place(name.about),
                QPointF(last.left + last.width / 2.0, last.top + high / 2.0),
            )
        draw_words(painter, name.text, last.left, last.top + metrics.ascent(), colour)
