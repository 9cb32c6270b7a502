"""Unwrapped maps for the report: the width of the gap along and round a screw or a stem, as PNG."""

import io
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from planner.geometry.frames import Array
from planner.model.unwrapped import Flags, UnwrappedMap

Cell = TypeVar("Cell", bound=np.generic)

WIDEST_MM = 5.0
"""End of the colour scale: wider spaces are cavities. The same in every map, so that maps can be held side by side."""
_COLOURS = "viridis_r"
_NONE, _NO_BONE, _UNREAD, _HATCHING = "#ffffff", "#b3b8bd", "#f4f6f8", "#8d969e"
_INK, _BORDER = "#1b1f24", "#5b6570"
_BY_THE_EDGE_DEG = 8.0
_INCHES, _DPI = (2.35, 2.9), 230
_LEFT_INCHES, _BELOW_INCHES, _ABOVE_INCHES, _BAR_INCHES = 0.42, 0.2, 0.05, 0.52
"""Room for the words round the map."""
_STEM_INCHES = (2.9, 3.9)
_DIRECTIONS = (
    ("left", (1.0, 0.0, 0.0)),
    ("right", (-1.0, 0.0, 0.0)),
    ("back", (0.0, 1.0, 0.0)),
    ("front", (0.0, -1.0, 0.0)),
    ("head", (0.0, 0.0, 1.0)),
    ("feet", (0.0, 0.0, -1.0)),
)
"""The patient's directions, LPS."""


def map_pictures(maps: Iterable[UnwrappedMap], implant_ids: Iterable[str]) -> dict[str, bytes]:
    """Draw the maps of some implants.

    Parameters
    ----------
    maps : iterable of UnwrappedMap
        All maps.
    implant_ids : iterable of str
        Whose are drawn: those with a gap.

    Returns
    -------
    dict
        PNG by name, ``unwrapped/<implant id>``.
    """
    wanted = set(implant_ids)
    return {f"unwrapped/{one.implant_id}": draw_map(one) for one in maps if one.implant_id in wanted}


def draw_map(unwrapped: UnwrappedMap) -> bytes:
    """Draw one map.

    Parameters
    ----------
    unwrapped : UnwrappedMap
        The map.

    Returns
    -------
    bytes
        PNG: to the right once round the shaft, clockwise as seen from its head, with the patient's directions;
        downwards from head to tip in mm, the zones' borders dotted. White where there is no gap, hatched where it was
        not read, grey beside no bone.
    """
    wide, tall = _STEM_INCHES if unwrapped.kind == "femoral_stem" else _INCHES
    figure = Figure(figsize=(wide, tall), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    low, high, right = _BELOW_INCHES / tall, 1.0 - _ABOVE_INCHES / tall, 1.0 - _BAR_INCHES / wide
    axes = figure.add_axes((_LEFT_INCHES / wide, low, right - _LEFT_INCHES / wide, high - low))
    beside = figure.add_axes((right + 0.1 / wide, low + 0.1 * (high - low), 0.07 / wide, 0.8 * (high - low)))
    rows, columns = edges_mm(unwrapped), _edges_deg(unwrapped)
    _draw_cells(axes, unwrapped, rows, columns)
    colours = axes.pcolormesh(
        columns, rows, _closed(np.where(unwrapped.width_mm > 0.0, unwrapped.width_mm, np.nan)),
        cmap=_COLOURS, norm=Normalize(0.0, WIDEST_MM), zorder=3,
    )  # fmt: skip
    bar = figure.colorbar(colours, cax=beside, extend="max")
    bar.set_label("width of the gap, mm", fontsize=7, color=_INK)
    bar.ax.tick_params(labelsize=6.5, length=2)
    _draw_zones(axes, unwrapped, rows)
    if unwrapped.kind == "femoral_stem":
        _number_zones(axes, unwrapped)
    _label(axes, unwrapped, rows)
    out = io.BytesIO()
    # Without a software name and a date: the same plan gives the same bytes.
    figure.savefig(out, format="png", dpi=_DPI, metadata={"Software": None})
    return out.getvalue()


def edges_mm(unwrapped: UnwrappedMap) -> Array:
    """Give the borders of a map's rows, from the head, mm, rising, shape (rows + 1,)."""
    along = unwrapped.along_mm
    middle = (along[1:] + along[:-1]) / 2.0
    first = along[0] - (along[1] - along[0]) / 2.0
    return np.concatenate([[max(0.0, first)], middle, [max(along[-1], unwrapped.length_mm)]])


def direction_names(unwrapped: UnwrappedMap) -> tuple[str, str, str, str]:
    """Name the patient's direction in which 0, 90, 180 and 270 degrees look; of a stem medial and lateral, too.

    Parameters
    ----------
    unwrapped : UnwrappedMap
        The map.

    Returns
    -------
    tuple of str
        "head", "right", "feet", "left" of most pedicle screws.
    """
    at_0, at_90, at_180, at_270 = (_direction(unwrapped, turn) for turn in (0.0, 90.0, 180.0, 270.0))
    return at_0, at_90, at_180, at_270


def _direction(unwrapped: UnwrappedMap, round_deg: float) -> str:
    looks = unwrapped.looks_lps(round_deg)
    name = max(_DIRECTIONS, key=lambda entry: float(looks @ np.array(entry[1])))[0]
    if unwrapped.kind == "femoral_stem" and unwrapped.side is not None and name in ("left", "right"):
        return "lateral" if name == unwrapped.side else "medial"
    return name


def _edges_deg(unwrapped: UnwrappedMap) -> Array:
    """Give the borders of the columns, the last one drawn again before the first: columns do not begin at 0."""
    turn = unwrapped.round_deg
    whole = np.concatenate([[turn[-1] - 360.0], turn, [turn[0] + 360.0]])
    inner = (whole[1:] + whole[:-1]) / 2.0
    return np.concatenate([[inner[0] - (turn[1] - turn[0])], inner, [inner[-1] + (turn[1] - turn[0])]])


def _closed(cells: npt.NDArray[Cell]) -> npt.NDArray[Cell]:
    """Repeat the last column before the first, and the first after the last."""
    return np.concatenate([cells[:, -1:], cells, cells[:, :1]], axis=1)


def _draw_cells(axes: Axes, unwrapped: UnwrappedMap, rows: Array, columns: Array) -> None:
    """Fill what is no gap: white in bone, grey beside none, hatched where nothing was read."""
    axes.set_facecolor(_NONE)
    unread = unwrapped.in_bone & ~unwrapped.read
    for cells, colour, hatch in ((~unwrapped.in_bone, _NO_BONE, None), (unread, _UNREAD, "//////")):
        _fill(axes, _closed(cells), rows, columns, colour=colour, hatch=hatch)


def _fill(axes: Axes, cells: Flags, rows: Array, columns: Array, *, colour: str, hatch: str | None) -> None:
    """Fill cells, run by run along each row's neighbours, so that a hatching is not cut up cell by cell."""
    if not cells.any():
        return
    fine_rows, fine_columns = np.repeat(rows, 2)[1:-1], np.repeat(columns, 2)[1:-1]
    field = np.repeat(np.repeat(cells.astype(float), 2, axis=0), 2, axis=1)
    filled = axes.contourf(
        fine_columns, fine_rows, field, levels=[0.5, 1.5], colors=[colour], hatches=[hatch or ""], zorder=2
    )
    # the edges' colour is the hatching's
    filled.set_edgecolor(_HATCHING)
    filled.set_linewidth(0.0)


def _draw_zones(axes: Axes, unwrapped: UnwrappedMap, rows: Array) -> None:
    columns = _edges_deg(unwrapped)
    zone = _closed(unwrapped.zone)
    for row, column in np.argwhere(np.diff(zone, axis=0) != 0):
        axes.plot(columns[column : column + 2], [rows[row + 1]] * 2, ":", color=_BORDER, linewidth=0.8, zorder=4)
    for row, column in np.argwhere(np.diff(zone, axis=1) != 0):
        axes.plot([columns[column + 1]] * 2, rows[row : row + 2], ":", color=_BORDER, linewidth=0.8, zorder=4)


def _number_zones(axes: Axes, unwrapped: UnwrappedMap) -> None:
    """Write the number of each Gruen zone into its middle, on either side of an edge that it lies across."""
    for code, name in enumerate(unwrapped.zones):
        rows, columns = np.nonzero(unwrapped.zone == code)
        if not len(rows):
            continue
        along = float(unwrapped.along_mm[rows].mean())
        for middle in _middles_deg(unwrapped.round_deg[columns]):
            at_edge = min(middle, 360.0 - middle) < _BY_THE_EDGE_DEG
            for place in (_BY_THE_EDGE_DEG, 360.0 - _BY_THE_EDGE_DEG) if at_edge else (middle,):
                axes.text(
                    place, along, name.rpartition("-")[2], fontsize=7, color=_INK, ha="center", va="center", zorder=5,
                    path_effects=[withStroke(linewidth=1.6, foreground="white")],
                )  # fmt: skip


def _middles_deg(round_deg: Array) -> tuple[float, ...]:
    """Middle of some turns; both, where they lie on two sides that look away from each other (zones 4 and 11)."""
    around = np.exp(1j * np.radians(round_deg))
    if abs(around.mean()) > 0.5:
        return (float(np.degrees(np.angle(around.mean())) % 360.0),)
    one = float(np.degrees(np.angle((around**2).mean())) / 2.0 % 360.0)
    return one, (one + 180.0) % 360.0


def _label(axes: Axes, unwrapped: UnwrappedMap, rows: Array) -> None:
    axes.set_xlim(0.0, 360.0)
    axes.set_ylim(float(rows[-1]), float(rows[0]))
    names = direction_names(unwrapped)
    axes.set_xticks([0.0, 90.0, 180.0, 270.0, 360.0], [*names, names[0]], fontsize=7)
    axes.tick_params(axis="both", labelsize=7, length=2, color=_BORDER, labelcolor=_INK)
    axes.set_ylabel("from the head to the tip, mm" if unwrapped.kind != "femoral_stem" else
                    "from the shoulder to the tip, mm", fontsize=7, color=_INK)  # fmt: skip
    for spine in axes.spines.values():
        spine.set_color(_BORDER)
        spine.set_linewidth(0.6)
