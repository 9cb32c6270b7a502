"""The angle map for the report: from which C-arm angles a target is seen, as PNG."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from planner.geometry.frames import Array
from planner.model.view_sight import AngleMap, ViewKind

MarkKind = ViewKind

_COLOURS = "viridis"
_OUT, _UNKNOWN, _HATCHING = "#f4f6f8", "#b3b8bd", "#8d969e"
_INK, _BORDER = "#1b1f24", "#5b6570"
_INCHES, _DPI = (6.1, 2.95), 230
"""75 mm high on paper, as large as it is drawn."""
_LEFT_INCHES, _BELOW_INCHES, _ABOVE_INCHES, _WORDS_INCHES = 0.72, 0.42, 0.1, 1.56
_PATIENTS_INCHES = (0.34, 0.44)
"""Room for the words round the map; more above it and to its right for the patient's own angles."""
_BESIDE_INCHES, _LETTERS = 0.12, 21
"""Between the map and its legend; how long the legend's lines are."""
_NOT_KNOWN = "not known: metal goes on beyond the CT"
_TICK_DEG = {"primary": 30.0, "secondary": 15.0}
_STYLES: dict[MarkKind, tuple[str, float]] = {
    "frontal": ("s", 5.0),
    "lateral": ("D", 4.6),
    "endplate frontal": ("^", 5.6),
    "true lateral": ("v", 5.6),
    "bull's-eye": ("o", 5.6),
}


@dataclass(frozen=True, slots=True)
class AngleMark:
    """A view that is marked in an angle map.

    Parameters
    ----------
    kind : MarkKind
        Which: it gives the sign.
    label : str
        As the legend says it.
    primary_deg, secondary_deg : float
        Positioner angles in the patient's axes.
    is_better : bool
        It is the better view near that one: its sign is black.
    """

    kind: MarkKind
    label: str
    primary_deg: float
    secondary_deg: float
    is_better: bool = False


def draw_angle_map(angles: AngleMap, marks: Sequence[AngleMark] = ()) -> bytes:
    """Draw an angle map.

    Parameters
    ----------
    angles : AngleMap
        The map.
    marks : sequence of AngleMark
        Views to mark; those beside the map are left out.

    Returns
    -------
    bytes
        PNG: the primary angle to the right, towards LAO, the secondary upwards, towards cranial. The scales below and
        to the left are what to dial at the console; where the patient's own angles differ, these stand above and to the
        right. Hatched: out of the gantry's reach; grey: not known.
    """
    wide, tall = _INCHES
    figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    above, beside = (room * differs for room, differs in zip(_PATIENTS_INCHES, _differs(angles), strict=True))
    low, high = _BELOW_INCHES / tall, 1.0 - (_ABOVE_INCHES + above) / tall
    left, right = _LEFT_INCHES / wide, 1.0 - (_WORDS_INCHES + beside) / wide
    axes = figure.add_axes((left, low, right - left, high - low))
    _draw_cells(axes, angles)
    _label(axes, angles)
    inside = _draw_marks(axes, angles, marks)
    _draw_legend(figure, axes, angles, inside)
    out = io.BytesIO()
    # Without a software name and a date: the same plan gives the same bytes.
    figure.savefig(out, format="png", dpi=_DPI, metadata={"Software": None})
    return out.getvalue()


def _edges(middles: Array) -> Array:
    """Give the borders of cells."""
    step = float(middles[1] - middles[0]) if len(middles) > 1 else 1.0
    return np.append(middles - step / 2.0, middles[-1] + step / 2.0)


def _draw_cells(axes: Axes, angles: AngleMap) -> None:
    columns, rows = _edges(angles.primary_deg), _edges(angles.secondary_deg)
    axes.set_facecolor(_UNKNOWN)
    axes.pcolormesh(columns, rows, angles.visible_share, cmap=_COLOURS, norm=Normalize(0.0, 1.0), zorder=2)
    if not angles.in_reach.all():
        # each cell twice, so that a hatching ends at the cells' borders and is not cut up
        field = np.repeat(np.repeat((~angles.in_reach).astype(float), 2, axis=0), 2, axis=1)
        filled = axes.contourf(
            np.repeat(columns, 2)[1:-1], np.repeat(rows, 2)[1:-1], field,
            levels=[0.5, 1.5], colors=[_OUT], hatches=["//////"], zorder=3,
        )  # fmt: skip
        filled.set_edgecolor(_HATCHING)
        filled.set_linewidth(0.0)
    axes.set_xlim(float(columns[0]), float(columns[-1]))
    axes.set_ylim(float(rows[0]), float(rows[-1]))


def _label(axes: Axes, angles: AngleMap) -> None:
    """Write the console's angles below and to the left; the patient's above and to the right where they differ."""
    own, at_console = (angles.primary_deg, angles.secondary_deg), _at_console(angles)
    same = [not one for one in _differs(angles)]
    for which, name in enumerate(("primary", "secondary")):
        at, said = _ticks(own[which], at_console[which], _TICK_DEG[name])
        words = [_in_words(v, name) if same[which] else f"{v:+.0f}".replace("-", "−") if v else "0" for v in said]
        axis = (axes.xaxis, axes.yaxis)[which]
        axis.set_ticks(at, words)
        if not same[which]:
            _label_patients(axes, own[which], name)
    text = "primary angle, °" if same[0] else "console primary angle, °"
    axes.set_xlabel(text, fontsize=7, color=_INK, labelpad=2)
    axes.set_ylabel(
        "secondary angle, °" if same[1] else "console secondary angle, °", fontsize=7, color=_INK, labelpad=2
    )
    axes.tick_params(axis="both", labelsize=7, length=2, color=_BORDER, labelcolor=_INK)
    for spine in axes.spines.values():
        spine.set_color(_BORDER)
        spine.set_linewidth(0.6)


def _label_patients(axes: Axes, own: Array, name: str) -> None:
    at, said = _ticks(own, own, _TICK_DEG[name])
    words = [_in_words(v, name) for v in said]
    twin = axes.secondary_xaxis("top") if name == "primary" else axes.secondary_yaxis("right")
    (twin.set_xticks if name == "primary" else twin.set_yticks)(at, words)
    twin.tick_params(labelsize=6.5, length=2, color=_BORDER, labelcolor=_INK)
    if name == "primary":
        twin.set_xlabel("in the patient's axes", fontsize=7, color=_INK, labelpad=3)


def _at_console(angles: AngleMap) -> tuple[Array, Array]:
    """Give the console's primary angle of each column and its secondary angle of each row."""
    row, column = int(np.argmin(np.abs(angles.secondary_deg))), len(angles.primary_deg) // 2
    return angles.console_deg[row, :, 0], angles.console_deg[:, column, 1]


def _differs(angles: AngleMap) -> tuple[bool, bool]:
    """Say whether the console's primary and secondary angles are others than the patient's."""
    own, at_console = (angles.primary_deg, angles.secondary_deg), _at_console(angles)
    primary, secondary = (bool(np.any(_turned(a - b) > 1e-6)) for a, b in zip(at_console, own, strict=True))
    return primary, secondary


def _turned(difference: Array) -> Array:
    """Give by how much angles differ, whole turns aside."""
    return np.asarray(np.abs((difference + 180.0) % 360.0 - 180.0))


def _ticks(own: Array, said: Array, step: float) -> tuple[list[float], list[float]]:
    """Give places on an axis, and round angles that are said there: an angle's sense and its zero may differ."""
    unrolled = np.degrees(np.unwrap(np.radians(said)))
    low, high = sorted((float(unrolled[0]), float(unrolled[-1])))
    round_deg = np.arange(np.ceil(low / step) * step, high + 1e-6, step)
    order = np.argsort(unrolled)
    places = np.interp(round_deg, unrolled[order], own[order])
    return [float(v) for v in places], [float(-((180.0 - v) % 360.0 - 180.0)) for v in round_deg]


def _in_words(angle_deg: float, name: str) -> str:
    size = abs(round(angle_deg))
    if size in (0, 180):
        return f"{size}"
    positive, negative = ("LAO", "RAO") if name == "primary" else ("CRAN", "CAUD")
    return f"{positive if angle_deg > 0 else negative} {size}"


def _draw_marks(axes: Axes, angles: AngleMap, marks: Sequence[AngleMark]) -> list[AngleMark]:
    """Draw the marks that lie on the map, and give them."""
    left, right = _edges(angles.primary_deg)[[0, -1]]
    low, high = _edges(angles.secondary_deg)[[0, -1]]
    inside = []
    for mark in marks:
        primary = left + (mark.primary_deg - left) % 360.0
        if not (primary <= right and low <= mark.secondary_deg <= high):
            continue
        axes.plot(primary, mark.secondary_deg, zorder=6, **_sign(mark))
        inside.append(mark)
    return inside


def _sign(mark: AngleMark) -> dict[str, Any]:
    sign, size = _STYLES[mark.kind]
    inside, rim = ("black", "white") if mark.is_better else ("white", "black")
    return {
        "marker": sign, "markersize": size, "markerfacecolor": inside, "markeredgecolor": rim, "markeredgewidth": 1.0,
        "linestyle": "none",
    }  # fmt: skip


def _draw_legend(figure: Figure, axes: Axes, angles: AngleMap, marks: Sequence[AngleMark]) -> None:
    """Say beside the map what colours, hatching and signs mean."""
    wide, tall = _INCHES
    handles: list[Artist] = [Line2D([], [], label=fill(mark.label, _LETTERS), **_sign(mark)) for mark in marks]
    if not angles.in_reach.all():
        words = "out of the gantry's reach"
        handles.append(
            Patch(facecolor=_OUT, edgecolor=_HATCHING, hatch="//////", linewidth=0.4, label=fill(words, _LETTERS))
        )
    if np.any(angles.in_reach & ~angles.known):
        handles.append(Patch(facecolor=_UNKNOWN, edgecolor=_BORDER, linewidth=0.4, label=fill(_NOT_KNOWN, _LETTERS)))
    place = 1.0 - (_WORDS_INCHES - _BESIDE_INCHES) / wide
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(place, 1.0 - _ABOVE_INCHES / tall),
        bbox_transform=figure.transFigure, fontsize=7, frameon=False, borderaxespad=0.0, borderpad=0.0,
        handlelength=1.4, handletextpad=0.5, labelspacing=0.5, labelcolor=_INK,
    )  # fmt: skip
    bar = figure.add_axes((place + 0.05 / wide, _BELOW_INCHES / tall, (wide - 0.2) / wide - place, 0.09 / tall))
    colours = figure.colorbar(
        ScalarMappable(Normalize(0.0, 1.0), _COLOURS), cax=bar, orientation="horizontal", ticks=[0.0, 0.5, 1.0]
    )
    colours.ax.set_xticklabels(["0", "50", "100 %"], fontsize=6.5)
    colours.ax.tick_params(length=2, color=_BORDER, labelcolor=_INK, pad=1.5)
    colours.set_label("share of the target\nthat metal leaves visible", fontsize=7, color=_INK, labelpad=2)
