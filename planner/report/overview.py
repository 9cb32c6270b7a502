"""An overview: the CT summed up from the front and from the side, implants and gaps in outline."""

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from scipy import ndimage

from planner.geometry.frames import Array, PointsLps, points_lps
from planner.model.labels import LabelMap, StructureKind
from planner.model.record import PointLps
from planner.progress import SILENT, Monitor, track
from planner.report.canvas import draw_frame, draw_outline, extent_of, open_sheet, png_of, points_per_mm, write
from planner.report.figures import PictureInput
from planner.report.palette import FAULT, OUTLINES
from planner.report.reslice import Cut, coronal, sagittal, sample
from planner.report.said import broken

_ROOM_MM = 30.0
_MOST_SAMPLES = 3_000_000
_LEAST_STEP_MM = 0.8
_LINE_MM = 7.0
_LINE_PT = 11.0
"""Names stand at least so far above each other; by eye."""
_SHOWN: tuple[StructureKind, ...] = ("implant", "gap", "breach")
_SOFT_HU, _DENSE_HU = -200.0, 1500.0
"""HU that count in the sum: fat and air would only veil the bone, and metal would drown it. Tuned by eye on the
synthetic lumbar spine."""


def overview_pictures(inputs: PictureInput, *, monitor: Monitor = SILENT) -> dict[str, bytes]:
    """Draw the overview.

    Parameters
    ----------
    inputs : PictureInput
        CT, labels and plan.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    dict
        PNG by name: ``overview/front`` and ``overview/side``; empty where the plan names neither implants nor gaps.
        Screws carry their numbers at their heads, other implants their ids at their middles; broken ones are marked.
        Parallel sums of the CT round the implants: pictures to find one's way by, not fluoroscopy.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    box = _box(inputs)
    if box is None:
        return {}
    centre, half = points_lps(box.mean(axis=0)), (box[1] - box[0]) / 2.0
    front = Cut(centre, *_axes(coronal(centre, 1.0)), (float(half[0]), float(half[2])))
    side = Cut(centre, *_axes(sagittal(centre, 1.0)), (float(half[1]), float(half[2])))
    step = max(_LEAST_STEP_MM, float(np.prod(2.0 * half) / _MOST_SAMPLES) ** (1.0 / 3.0))
    views = {"front": (front, "from the front", half[1]), "side": (side, "from the patient's left", half[0])}
    pictures = {}
    for name, (cut, title, deep) in track(views.items(), stage="drawing the overview", monitor=monitor):
        pictures[f"overview/{name}"] = _draw(inputs, cut, title=title, deep_mm=float(deep), step_mm=step)
    return pictures


def _axes(cut: Cut) -> tuple[PointsLps, PointsLps]:
    return cut.right_lps, cut.down_lps


def _box(inputs: PictureInput) -> Array | None:
    """Give the corners of the box round everything that is planned on, within the CT, shape (2, 3), LPS mm."""
    boxes = ndimage.find_objects(np.asarray(inputs.labels.codes))
    codes = [s.code for s in inputs.labels.structures if s.kind in _SHOWN and 0 < s.code <= len(boxes)]
    shown = [boxes[code - 1] for code in codes if boxes[code - 1] is not None]
    if not shown:
        return None
    ends = np.array([[min(box[k].start for box in shown), max(box[k].stop for box in shown) - 1] for k in range(3)])
    grid = inputs.labels.grid
    corners = grid.to_lps(np.array([[ends[a, i], ends[b, j], ends[c, k]] for (a, i), (b, j), (c, k) in _CORNERS]))
    whole = grid.corners_lps
    low = np.maximum(corners.min(axis=0) - _ROOM_MM, whole.min(axis=0))
    high = np.minimum(corners.max(axis=0) + _ROOM_MM, whole.max(axis=0))
    return np.stack([low, np.maximum(high, low + 1.0)])


_CORNERS = [((0, i), (1, j), (2, k)) for i in (0, 1) for j in (0, 1) for k in (0, 1)]


def _draw(inputs: PictureInput, cut: Cut, *, title: str, deep_mm: float, step_mm: float) -> bytes:
    figure, axes = open_sheet(cut)
    positions = cut.points(step_mm)
    shadow = np.zeros(positions.shape[:-1], dtype=np.float64)
    seen = {kind: np.zeros(shadow.shape, dtype=bool) for kind in _SHOWN}
    tables = {kind: _table(inputs.labels, kind) for kind in _SHOWN}
    grid = inputs.volume.grid
    for depth in np.arange(-deep_mm + step_mm / 2.0, deep_mm, step_mm):
        layer = positions + depth * cut.normal_lps
        hu = sample(grid, inputs.volume.hu, layer, outside=_SOFT_HU)
        shadow += np.clip(hu, _SOFT_HU, _DENSE_HU) - _SOFT_HU
        index = np.rint(grid.to_index(layer)).astype(int)
        along = [index[..., k] for k in range(3)]
        there = np.logical_and.reduce([(at >= 0) & (at < n) for at, n in zip(along, grid.shape, strict=True)])
        found = inputs.labels.codes[along[0][there], along[1][there], along[2][there]]
        for kind in _SHOWN:
            seen[kind][there] |= tables[kind][found]
    inside = {kind: np.asarray(shape, dtype=np.float32) for kind, shape in seen.items()}
    low, high = np.percentile(shadow, (2.0, 99.5))
    axes.imshow(shadow, cmap="gray", vmin=low, vmax=max(high, low + 1.0), extent=extent_of(cut), zorder=0)
    for kind in _SHOWN:
        colour, width, style = OUTLINES[kind]
        _tint(axes, cut, inside[kind], colour)
        draw_outline(axes, cut, inside[kind], colour=colour, width=width, style=style)
    room = _Room(cut)
    _number(axes, cut, inputs, room)
    _name(axes, cut, inputs, room)
    draw_frame(axes, cut, title=title, corner="parallel sum of the CT")
    return png_of(figure)


def _table(labels: LabelMap, kind: StructureKind) -> npt.NDArray[np.bool_]:
    """Say of each code whether it is of a structure of a kind."""
    table = np.zeros(1 << 8 * labels.codes.dtype.itemsize, dtype=np.bool_)
    table[[s.code for s in labels.structures if s.kind == kind]] = True
    return table


def _tint(axes: Axes, cut: Cut, inside: npt.NDArray[np.float32], colour: str) -> None:
    rgb = [int(colour[i : i + 2], 16) / 255.0 for i in (1, 3, 5)]
    sheet = np.zeros((*inside.shape, 4), dtype=np.float32)
    sheet[..., :3] = rgb
    sheet[..., 3] = 0.28 * inside
    axes.imshow(sheet, extent=extent_of(cut), interpolation="nearest", zorder=1)


class _Room:
    """What of a picture is written on, so that no words stand over others; shares of its width and height."""

    def __init__(self, cut: Cut) -> None:
        self.wide, self.tall = cut.half_mm
        self.line = max(_LINE_MM, _LINE_PT / points_per_mm(cut)) / (2.0 * self.tall)
        # the edge letters; title, scale and corner
        letters = [(0.5, 0.98), (0.5, 0.02), (0.02, 0.5), (0.98, 0.5)]
        self.taken = [(x - 0.04, x + 0.04, y) for x, y in letters] + [
            (0.0, 0.5, 0.97),
            (0.0, 0.4, 0.06),
            (0.5, 1.0, 0.03),
        ]

    def at(self, cut: Cut, point_lps: PointLps) -> tuple[float, float]:
        """Give where a point is in the picture."""
        at, _ = cut.project(points_lps(point_lps))
        return 0.5 + float(at[0]) / (2.0 * self.wide), 0.5 - float(at[1]) / (2.0 * self.tall)

    def place(self, left: float, right: float, y: float) -> float:
        """Give the height nearest below, else above, where words from left to right are free; and take it."""
        steps = int(1.0 / self.line)
        below = [y - k * self.line for k in range(steps)]
        above = [y + k * self.line for k in range(1, steps)]
        heights = [h for h in (*below, *above) if 0.0 < h < 1.0] or [y]
        free = next((h for h in heights if self._is_free(left, right, h)), y)
        self.taken.append((left, right, free))
        return free

    def _is_free(self, left: float, right: float, y: float) -> bool:
        return not any(left < b and a < right and abs(y - other) < self.line for a, b, other in self.taken)


def _width(text: str) -> float:
    """Give a text's width as a share of the picture's, at the size that names have."""
    return 0.02 + 0.021 * len(text)


def _number(axes: Axes, cut: Cut, inputs: PictureInput, room: _Room) -> None:
    """Write each implant's number, or id, on it, no two over each other."""
    for implant in sorted(inputs.plan.implants, key=lambda one: (-one.centroid_lps[2], one.id)):
        is_screw = implant.kind == "pedicle_screw"
        x, y = room.at(cut, implant.axis.head_lps if is_screw and implant.axis is not None else implant.centroid_lps)
        if not (0.0 < x < 1.0 and 0.0 < y < 1.0):
            continue
        fault = "broken" if broken(implant) else ""
        name = implant.id.removeprefix("screw-") if is_screw else implant.id
        text = f"{name} {fault}" if fault else name
        half = _width(text) / 2.0
        write(
            axes, x, room.place(x - half, x + half, y), text, size=8.0, ha="center", va="center", weight="bold",
            colour=FAULT if fault else "white",
        )  # fmt: skip


def _name(axes: Axes, cut: Cut, inputs: PictureInput, room: _Room) -> None:
    """Write each gap's and its implant's id beside it, outwards, none over other words."""
    for gap in sorted(inputs.plan.gaps, key=lambda g: -g.centroid_lps[2]):
        x, y = room.at(cut, gap.centroid_lps)
        rightwards = x > 0.5
        name = f"{gap.id} ({gap.implant_id})" if gap.implant_id else gap.id
        edge, wide = (0.93, -_width(name)) if rightwards else (0.07, _width(name))
        place = room.place(min(edge, edge + wide), max(edge, edge + wide), y)
        under = place - 0.4 * room.line
        axes.plot([x, edge], [y, under], color="white", linewidth=0.6, transform=axes.transAxes, zorder=8)
        write(axes, edge, place, name, size=9.0, ha="right" if rightwards else "left", va="center")
