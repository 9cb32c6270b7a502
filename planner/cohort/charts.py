"""A cohort's drawings, as SVG in a page: values as dots in rows, and shares as bars."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
from markupsafe import Markup

from planner.report.drawings.paper import INK, SOFT, Paper

BLUE, VERMILION, AMBER, PALE = "#0072b2", "#d55e00", "#e69f00", "#d5dae0"
"""Of the report's page; told apart by colour-blind readers."""
_WIDE_MM, _NAMES_MM, _FIGURES_MM = 186.0, 38.0, 40.0
_ROW_MM, _AXIS_MM = 13.0, 9.0
_DOT_MM, _LEAST_DOT_MM = 1.05, 0.35


@dataclass(frozen=True, slots=True)
class Dot:
    """One value in a row.

    Parameters
    ----------
    value : float
        The value.
    told : str
        What a reader is told who points at it.
    href : str
        Where a click leads.
    stands_out : bool
        Whether it is an outlier.
    """

    value: float
    told: str
    href: str
    stands_out: bool = False


@dataclass(frozen=True, slots=True)
class DotRow:
    """A row of dots.

    Parameters
    ----------
    name : str
        Of what.
    dots : tuple of Dot
        Its values; may be empty.
    """

    name: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar.

    Parameters
    ----------
    name : str
        What it counts.
    count : int
        How many.
    colour : str
        As "#RRGGBB".
    """

    name: str
    count: int
    colour: str


class _ChartPaper(Paper):
    """Paper with dots that can be clicked."""

    def linked_disc(self, at: tuple[float, float], radius_mm: float, dot: Dot) -> None:
        link = self._put("a", {"href": dot.href})
        colour = VERMILION if dot.stands_out else BLUE
        disc = ElementTree.SubElement(
            link,
            "circle",
            {
                "cx": f"{at[0]:.2f}", "cy": f"{at[1]:.2f}", "r": f"{radius_mm * (1.25 if dot.stands_out else 1):.2f}",
                "fill": colour, "fill-opacity": "0.78", "stroke": "#ffffff", "stroke-width": "0.12",
            },
        )  # fmt: skip
        ElementTree.SubElement(disc, "title").text = dot.told

    def told_shape(self, corners: Sequence[tuple[float, float]], fill: str, told: str) -> None:
        points = " ".join(f"{x:.2f},{y:.2f}" for x, y in corners)
        shape = self._put("polygon", {"points": points, "fill": fill, "stroke": "#ffffff", "stroke-width": "0.3"})
        ElementTree.SubElement(shape, "title").text = told


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    by_ratio: bool

    def share(self, value: float) -> float:
        """Give how far along the axis a value lies, 0 to 1; what lies beyond an end is shown at that end."""
        if self.by_ratio:
            place = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            place = (value - self.low) / (self.high - self.low)
        return min(max(place, 0.0), 1.0)

    def ticks(self) -> list[float]:
        if self.by_ratio:
            steps = [m * 10.0**k for k in range(-6, 7) for m in (1.0, 3.0)]
            return [step for step in steps if self.low * 0.999 <= step <= self.high * 1.001]
        step = _nice_step((self.high - self.low) / 6.0)
        first = math.ceil(self.low / step - 1e-9)
        return [k * step for k in range(first, math.floor(self.high / step + 1e-9) + 1)]


def dot_chart(
    rows: Sequence[DotRow], *, title: str, unit: str, by_ratio: bool = False, empty: str = "none measured"
) -> Markup | None:
    """Draw rows of dots on one axis, each with its median, the middle half of its values, and its n.

    Parameters
    ----------
    rows : sequence of DotRow
        From top to bottom.
    title : str
        What it shows, for who cannot see it.
    unit : str
        Of the values.
    by_ratio : bool
        Whether equal ratios are equally far apart.
    empty : str
        What is said of a row without a value.

    Returns
    -------
    Markup or None
        None where no row has a value.
    """
    values = [dot.value for row in rows for dot in row.dots]
    if not values:
        return None
    scale = _scale(values, by_ratio=by_ratio)
    tall = _AXIS_MM + _ROW_MM * len(rows)
    paper = _ChartPaper(_WIDE_MM, tall, title)
    left, right, bottom = _NAMES_MM, _WIDE_MM - _FIGURES_MM, _ROW_MM * len(rows)
    for tick in scale.ticks():
        x = left + scale.share(tick) * (right - left)
        paper.line([(x, 1.0), (x, bottom)], PALE, 0.15)
        paper.words((x, bottom + 2.4), f"{tick:g}", size_mm=2.7, colour=SOFT, halo=False)
    paper.words(
        ((left + right) / 2.0, bottom + 6.4), _axis_words(unit, by_ratio=by_ratio), size_mm=2.7, colour=SOFT, halo=False
    )
    for k, row in enumerate(rows):
        middle = _ROW_MM * (k + 0.5)
        paper.words((left - 2.5, middle), row.name, size_mm=3.0, anchor="end", halo=False)
        paper.line([(left, middle + _ROW_MM / 2.0), (right, middle + _ROW_MM / 2.0)], PALE, 0.2)
        if row.dots:
            _draw_row(paper, row, scale, (left, right), middle, unit)
        else:
            paper.words((right + 2.5, middle), empty, size_mm=2.8, anchor="start", colour=SOFT, halo=False)
    return paper.markup()


def bar_chart(bars: Sequence[tuple[str, Sequence[Part]]], *, title: str) -> Markup | None:
    """Draw bars of equal length, each parted by its counts.

    Parameters
    ----------
    bars : sequence of (str, sequence of Part)
        Each bar's name and its parts.
    title : str
        What it shows, for who cannot see it.

    Returns
    -------
    Markup or None
        None where there is nothing to count.
    """
    counted = [(name, parts, sum(part.count for part in parts)) for name, parts in bars]
    counted = [bar for bar in counted if bar[2]]
    if not counted:
        return None
    row = 8.6
    paper = _ChartPaper(_WIDE_MM, row * len(counted) + 1.0, title)
    left, right = _NAMES_MM, _WIDE_MM - _FIGURES_MM
    for k, (name, parts, total) in enumerate(counted):
        middle, at = row * (k + 0.5), left
        paper.words((left - 2.5, middle), name, size_mm=3.0, anchor="end", halo=False)
        for part in parts:
            wide = part.count / total * (right - left)
            if part.count:
                corners = [(at, middle - 2.8), (at + wide, middle - 2.8), (at + wide, middle + 2.8), (at, middle + 2.8)]
                paper.told_shape(corners, part.colour, f"{part.name}: {part.count} of {total}")
                if wide > 4.5:
                    paper.words(
                        (at + wide / 2.0, middle), str(part.count), size_mm=2.7, bold=True, halo=False,
                        colour=INK if part.colour in (PALE, AMBER) else "#ffffff",
                    )  # fmt: skip
            at += wide
        paper.words((right + 2.5, middle), f"n = {total}", size_mm=2.8, anchor="start", colour=SOFT, halo=False)
    return paper.markup()


def _draw_row(
    paper: _ChartPaper, row: DotRow, scale: _Scale, span: tuple[float, float], middle: float, unit: str
) -> None:
    left, right = span
    values = [dot.value for dot in row.dots]
    low, median, high = (float(v) for v in np.quantile(values, (0.25, 0.5, 0.75)))
    at = [left + scale.share(v) * (right - left) for v in (low, median, high)]
    if len(values) > 3:
        half = _ROW_MM / 2.0 - 1.4
        paper.shape(
            [(at[0], middle - half), (at[2], middle - half), (at[2], middle + half), (at[0], middle + half)],
            "#e8f1f7", "none",
        )  # fmt: skip
    _draw_dots(paper, row, scale, span, middle)
    if len(values) > 1:
        paper.line(
            [(at[1], middle - _ROW_MM / 2.0 + 1.0), (at[1], middle + _ROW_MM / 2.0 - 1.0)], INK, 0.45, end="butt"
        )
    paper.words(
        (right + 2.5, middle - 1.9), f"{_figure(median)} {unit}", size_mm=3.2, anchor="start", bold=True, halo=False
    )
    more = f", IQR {_figure(low)}–{_figure(high)}" if len(values) > 3 else ""
    paper.words(
        (right + 2.5, middle + 2.3), f"n = {len(values)}{more}", size_mm=2.6, anchor="start", colour=SOFT, halo=False
    )


def _draw_dots(paper: _ChartPaper, row: DotRow, scale: _Scale, span: tuple[float, float], middle: float) -> None:
    """Stack dots that would lie over each other, out from the row's middle; many dots are drawn smaller."""
    left, right = span
    radius = max(_LEAST_DOT_MM, min(_DOT_MM, 12.0 / math.sqrt(len(row.dots))))
    columns: dict[int, list[Dot]] = {}
    for dot in sorted(row.dots, key=lambda one: one.value):
        columns.setdefault(round(scale.share(dot.value) * (right - left) / (2.0 * radius)), []).append(dot)
    for stack in columns.values():
        step = min(2.0 * radius, (_ROW_MM - 2.4) / len(stack))
        for k, dot in enumerate(stack):
            x = left + scale.share(dot.value) * (right - left)
            level = (k + 1) // 2 * (1 if k % 2 else -1)
            paper.linked_disc((x, middle + level * step), radius, dot)


def _scale(values: Sequence[float], *, by_ratio: bool) -> _Scale:
    positive = [value for value in values if value > 0.0]
    if by_ratio and positive:
        low, high = min(positive), max(positive)
        steps = [m * 10.0**k for k in range(-6, 7) for m in (1.0, 3.0)]
        below = max((step for step in steps if step <= low), default=steps[0])
        above = min((step for step in steps if step >= high), default=steps[-1])
        return _Scale(below, above if above > below else below * 10.0, by_ratio=True)
    low, high = min(0.0, *values), max(0.0, *values)
    step = _nice_step(max(high - low, 1e-3) / 6.0)
    return _Scale(math.floor(low / step) * step, max(math.ceil(high / step), 1) * step, by_ratio=False)


def _nice_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= rough * 0.999)


def _axis_words(unit: str, *, by_ratio: bool) -> str:
    return f"{unit} (equal ratios equally far)" if by_ratio else unit


def _figure(value: float) -> str:
    """Write a figure as short as it is meant: two digits after the point for small ones, none for large."""
    if abs(value) < 10.0:
        return f"{value:.2f}"
    return f"{value:.1f}" if abs(value) < 100.0 else f"{value:.0f}"
