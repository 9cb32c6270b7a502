"""A black sheet to draw a cut on: millimetres as coordinates, edge letters, a scale, words that can be read."""

import io

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from planner.report.reslice import Cut

_INCHES = 3.3
_DPI = 170
_STRIPE_MM, _STRIPE_SHARE, _STRIPE_OPACITY = 2.0, 0.28, 0.6
"""Distance of a hatching's stripes along an edge of the picture, how wide they are, and how opaque."""
_SCALES_MM = (5.0, 10.0, 20.0, 50.0, 100.0)


def open_sheet(cut: Cut) -> tuple[Figure, Axes]:
    """Open a sheet whose coordinates are mm to the right of the cut's middle and below it.

    Parameters
    ----------
    cut : Cut
        What will be shown; the sheet has its shape.

    Returns
    -------
    Figure, Axes
        Without pyplot, so that no state is shared between threads.
    """
    tall = cut.half_mm[1] / cut.half_mm[0]
    figure = Figure(figsize=(_INCHES, _INCHES * tall), dpi=_DPI, facecolor="black")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    left, right, bottom, top = extent_of(cut)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_autoscale_on(False)
    return figure, axes


def extent_of(cut: Cut) -> tuple[float, float, float, float]:
    """Left, right, bottom, top in mm; downwards is positive."""
    wide, tall = cut.half_mm
    return -wide, wide, tall, -tall


def draw_outline(
    axes: Axes, cut: Cut, inside: npt.NDArray[np.float32], *, colour: str, width: float, style: str
) -> None:
    """Draw the edge of a shape.

    Parameters
    ----------
    axes : Axes
        The sheet.
    cut : Cut
        Where the shape lies.
    inside : ndarray, shape (rows, columns)
        How far each pixel of the cut lies inside the shape, 0 to 1; the edge is at a half.
    colour, width, style
        As matplotlib names them, the width in points.
    """
    if not inside.size or not inside.min() < 0.5 < inside.max():
        return
    rows, columns = inside.shape
    wide, tall = cut.half_mm
    across_mm = ((np.arange(columns) + 0.5) / columns * 2.0 - 1.0) * wide
    down_mm = ((np.arange(rows) + 0.5) / rows * 2.0 - 1.0) * tall
    axes.contour(across_mm, down_mm, inside, levels=[0.5], colors=[colour], linewidths=width, linestyles=style)


def draw_hatching(axes: Axes, cut: Cut, inside: npt.NDArray[np.floating], *, colour: str) -> None:
    """Hatch a shape, so that the CT below can still be read.

    Parameters
    ----------
    axes : Axes
        The sheet.
    cut : Cut
        Where the shape lies.
    inside : ndarray, shape (rows, columns)
        How far each pixel of the cut lies inside the shape, 0 to 1; what is over a half is hatched.
    colour : str
        As "#RRGGBB".
    """
    rows, columns = inside.shape
    wide, tall = cut.half_mm
    down_mm = (np.arange(rows) + 0.5) / rows * 2.0 * tall
    across_mm = (np.arange(columns) + 0.5) / columns * 2.0 * wide
    striped = (down_mm[:, None] + across_mm) / _STRIPE_MM % 1.0 < _STRIPE_SHARE
    sheet = np.zeros((rows, columns, 4), dtype=np.float32)
    sheet[..., :3] = [int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5)]
    sheet[..., 3] = _STRIPE_OPACITY * (striped & (inside > 0.5))
    axes.imshow(sheet, extent=extent_of(cut), interpolation="nearest", zorder=1)


def points_per_mm(cut: Cut) -> float:
    """Give how many points of line width one mm of a cut takes."""
    return _INCHES * 72.0 / (2.0 * cut.half_mm[0])


def draw_frame(axes: Axes, cut: Cut, *, title: str, corner: str) -> None:
    """Write a cut's title, edge letters and scale.

    Parameters
    ----------
    axes : Axes
        The sheet.
    cut : Cut
        What is shown.
    title, corner : str
        Upper left and lower right.
    """
    letters = cut.edge_letters()
    # the upper letter stands below the title, which may be longer than half the picture
    places = {"left": (0.02, 0.5), "right": (0.98, 0.5), "top": (0.5, 0.91), "bottom": (0.5, 0.02)}
    aligned = {"left": ("left", "center"), "right": ("right", "center"), "top": ("center", "top")}
    for edge, (x, y) in places.items():
        across_, down = aligned.get(edge, ("center", "bottom"))
        write(axes, x, y, letters[edge], size=11.0, ha=across_, va=down, weight="bold")
    write(axes, 0.02, 0.98, title, size=9.5, ha="left", va="top")
    write(axes, 0.98, 0.02, corner, size=7.5, ha="right", va="bottom")
    fitting = [length for length in _SCALES_MM if length <= cut.half_mm[0] * 0.7]
    length = fitting[-1] if fitting else 1.0
    share = length / (2.0 * cut.half_mm[0])
    rim = [withStroke(linewidth=3.5, foreground="black")]
    axes.plot(
        [0.03, 0.03 + share], [0.035, 0.035], color="white", linewidth=2.0, solid_capstyle="butt",
        transform=axes.transAxes, path_effects=rim, zorder=9,
    )  # fmt: skip
    write(axes, 0.03, 0.05, f"{length:g} mm", size=8.5, ha="left", va="bottom")


def write(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    *,
    size: float,
    ha: str,
    va: str,
    weight: str = "normal",
    colour: str = "white",
) -> None:
    """Write words at a share of the picture's width and height from its lower left corner, readable on any grey.

    Parameters
    ----------
    axes : Axes
        The picture.
    x, y : float
        0 to 1.
    text : str
        Plain words: no markup is understood in them.
    size : float
        Points.
    ha, va : str
        Alignment, as matplotlib names it.
    weight, colour : str
        As matplotlib names them.
    """
    axes.text(
        x, y, text, color=colour, fontsize=size, ha=ha, va=va, weight=weight, transform=axes.transAxes,
        parse_math=False, path_effects=[withStroke(linewidth=1.8, foreground="black")], zorder=10,
    )  # fmt: skip


def png_of(figure: Figure) -> bytes:
    """Give a sheet as PNG, the same bytes for the same picture."""
    out = io.BytesIO()
    # Without a software name and a date: the same plan gives the same bytes.
    figure.savefig(out, format="png", dpi=_DPI, facecolor="black", metadata={"Software": None})
    return out.getvalue()
