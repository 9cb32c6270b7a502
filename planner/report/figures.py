"""Pictures for the report: cuts of the CT round each gap with the plan's outlines, and an overview, as PNG."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from planner.geometry.cells import cells_in
from planner.geometry.frames import POSTERIOR, SUPERIOR, Array, PointsLps, points_lps, unit
from planner.model.breach import Breach
from planner.model.gap import Gap
from planner.model.labels import LabelMap, StructureKind
from planner.model.needle import Trajectory
from planner.model.plan import Plan
from planner.model.proposal import no_candidate, proposed_needles
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, track
from planner.report.canvas import (
    draw_frame,
    draw_hatching,
    draw_outline,
    extent_of,
    open_sheet,
    png_of,
    points_per_mm,
)
from planner.report.palette import BONE_LEVEL_HU, BONE_WIDTH_HU, BREACH, NEEDLE, OUTLINES, UNREADABLE
from planner.report.reslice import Cut, across, along, axial, coronal, needles_eye, sagittal, sample

_STEP_MM = 0.4
_AIR_HU = -1024.0
_HALF_MM = (32.0, 110.0)
"""A picture shows at least and at most so much to each side of its middle."""
_ROOM_MM = 14.0
"""Round the gap: enough to see the bone next to it."""
_BEYOND_TARGET_MM = 20.0
"""Shown beyond a needle's target: its gap, and what lies behind."""
_NEAR_CUT_MM = 3.0
"""A breach nearer to the cut than this is marked in it."""
_OFF_CUT_MM = 2.0
"""A needle further from the cut than this is drawn dotted."""
_STEEP_SHARE = 0.5
"""A needle that meets the cut at 30 degrees or more is a ring in it, as wide as the needle."""


@dataclass(frozen=True, slots=True, eq=False)
class PictureInput:
    """What the pictures are drawn from.

    Parameters
    ----------
    volume : Volume
        The CT.
    labels : LabelMap
        Implants, gaps, breaches and canal on the CT's grid; the ids of implants and gaps are the plan's.
    plan : Plan
        The plan.
    unreadable : Mask or None
        Where metal artefacts leave tissue unreadable, on any grid; None where that is not known.

    Raises
    ------
    GeometryError
        If the labels lie on another grid than the CT.
    """

    volume: Volume
    labels: LabelMap
    plan: Plan
    unreadable: Mask | None = None

    def __post_init__(self) -> None:
        self.volume.grid.require_same(self.labels.grid)


def gap_pictures(inputs: PictureInput, *, monitor: Monitor = SILENT) -> dict[str, bytes]:
    """Draw every gap's cuts.

    Parameters
    ----------
    inputs : PictureInput
        CT, labels and plan.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    dict
        PNG by name: ``<gap id>/axial``, ``/coronal``, ``/sagittal`` through the gap's centroid; where its implant has
        an axis ``/across-implant`` and ``/along-implant``; where a needle leads to it ``/along-needle`` of the first
        that is proposed; and of each of `shown_needles` ``<trajectory id>/needles-eye``, across it at its target.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    pictures: dict[str, bytes] = {}
    for gap in track(inputs.plan.gaps, stage="drawing the gaps", monitor=monitor):
        needles = shown_needles(inputs.plan, gap)
        for view, (title, cut) in gap_cuts(inputs, gap).items():
            pictures[f"{gap.id}/{view}"] = draw_cut(inputs, cut, title=title, needles=needles)
        for needle in needles:
            title = f"needle's eye, {needle.id}"
            pictures[f"{needle.id}/needles-eye"] = draw_cut(inputs, _eye_cut(needle), title=title, needles=(needle,))
    return pictures


def shown_needles(plan: Plan, gap: Gap) -> tuple[Trajectory, ...]:
    """Give the needles that are drawn for a gap: those that are proposed; without a proposal the first-ranked one.

    Parameters
    ----------
    plan : Plan
        The plan.
    gap : Gap
        One of its gaps.

    Returns
    -------
    tuple of Trajectory
        In the order of injection; empty where the patient is no candidate.
    """
    if no_candidate(plan.findings):
        return ()
    proposed = tuple(way for way in proposed_needles(plan) if way.gap_id == gap.id)
    return proposed or tuple(way for way in plan.trajectories if way.gap_id == gap.id and way.rank == 1)


def gap_cuts(inputs: PictureInput, gap: Gap) -> dict[str, tuple[str, Cut]]:
    """Choose a gap's cuts.

    Parameters
    ----------
    inputs : PictureInput
        CT, labels and plan.
    gap : Gap
        One of the plan's gaps.

    Returns
    -------
    dict
        By view: the title and the cut.
    """
    centre = points_lps(gap.centroid_lps)
    half = _half_mm(inputs, gap)
    cuts = {
        "axial": ("axial", axial(centre, half)),
        "coronal": ("coronal", coronal(centre, half)),
        "sagittal": ("sagittal", sagittal(centre, half)),
    }
    implant = next((i for i in inputs.plan.implants if i.id == gap.implant_id), None)
    if implant is not None and implant.axis is not None:
        head, tip = points_lps(implant.axis.head_lps), points_lps(implant.axis.tip_lps)
        run = tip - head
        on_axis = points_lps(head + run * ((centre - head) @ run) / (run @ run))
        cuts["across-implant"] = ("across the implant", across(on_axis, run, _HALF_MM[0]))
        cuts["along-implant"] = ("along the implant", _lengthwise(on_axis, run, half))
    needles = shown_needles(inputs.plan, gap)
    if needles:
        cuts["along-needle"] = _needle_cut(needles[0])
    return cuts


def draw_cut(inputs: PictureInput, cut: Cut, *, title: str, needles: Sequence[Trajectory] = ()) -> bytes:
    """Draw one cut of the CT with outlines, needles, orientation letters and a scale.

    Parameters
    ----------
    inputs : PictureInput
        CT, labels and plan.
    cut : Cut
        Where.
    title : str
        Written into the picture.
    needles : sequence of Trajectory
        Drawn as wide as they are, projected onto the cut.

    Returns
    -------
    bytes
        PNG. Nothing is known of the patient outside the CT: it is black.
    """
    figure, axes = open_sheet(cut)
    positions = cut.points(_STEP_MM)
    hu = sample(inputs.volume.grid, inputs.volume.hu, positions, outside=_AIR_HU)
    low = BONE_LEVEL_HU - BONE_WIDTH_HU / 2.0
    axes.imshow(
        hu, cmap="gray", vmin=low, vmax=low + BONE_WIDTH_HU, extent=extent_of(cut), interpolation="bilinear", zorder=0
    )
    near = _labels_near(inputs.labels, positions)
    if inputs.unreadable is not None:
        blind = sample(inputs.unreadable.grid, inputs.unreadable.voxels, positions, outside=0.0)
        metal = _sample_kind(near, "implant", positions)
        draw_hatching(axes, cut, np.where(metal < 0.5, blind, 0.0), colour=UNREADABLE)
    for kind, (colour, width, style) in OUTLINES.items():
        inside = _sample_kind(near, kind, positions)
        draw_outline(axes, cut, inside, colour=colour, width=width, style=style)
    for needle in needles:
        _draw_needle(axes, cut, needle)
    _mark_breaches(axes, cut, inputs.plan.breaches)
    window = f"W {BONE_WIDTH_HU:.0f} L {BONE_LEVEL_HU:.0f} HU"
    draw_frame(axes, cut, title=title, corner=window)
    return png_of(figure)


def _half_mm(inputs: PictureInput, gap: Gap) -> float:
    code = next((s.code for s in inputs.labels.structures if s.kind == "gap" and s.id == gap.id), None)
    voxels = cells_in(np.asarray(inputs.labels.codes == code)) if code is not None else np.empty((0, 3))
    if not len(voxels):
        return _HALF_MM[0]
    reach = np.abs(inputs.labels.grid.to_lps(voxels) - np.asarray(gap.centroid_lps)).max()
    return float(np.clip(reach + _ROOM_MM, *_HALF_MM))


def _lengthwise(centre: PointsLps, run: Array, half_mm: float) -> Cut:
    """Hold a lengthwise cut like an axial picture for a shaft that lies, like a coronal one for a shaft that stands."""
    stands = abs(run[2]) > max(abs(run[0]), abs(run[1]))
    return along(centre, run, facing_lps=POSTERIOR if stands else SUPERIOR, half_mm=half_mm)


def _needle_cut(needle: Trajectory) -> tuple[str, Cut]:
    path = np.asarray(needle.path_lps, dtype=np.float64)
    start, aim = path[0], np.asarray(needle.aim_lps)
    end = path[-1] + _BEYOND_TARGET_MM * unit(path[-1] - start)
    reach = float(np.linalg.norm(end - start)) / 2.0 + _ROOM_MM
    middle = points_lps((start + end) / 2.0)
    half = float(np.clip(reach, *_HALF_MM))
    facing = POSTERIOR if needle.approach == "femoral" else SUPERIOR
    return f"along {needle.id}", along(middle, aim - start, facing_lps=facing, half_mm=half)


def _eye_cut(needle: Trajectory) -> Cut:
    path = np.asarray(needle.path_lps, dtype=np.float64)
    before = path[np.any(path != path[-1], axis=1)][-1]
    return needles_eye(path[-1], path[-1] - before, _HALF_MM[0])


def _labels_near(labels: LabelMap, positions_lps: PointsLps) -> LabelMap:
    """Cut out of a label map what positions are read from."""
    index = labels.grid.to_index(positions_lps).reshape(-1, 3)
    last = np.array(labels.grid.shape) - 1
    low = np.clip(np.floor(index.min(axis=0)).astype(int) - 1, 0, last)
    high = np.clip(np.ceil(index.max(axis=0)).astype(int) + 2, low + 1, last + 1)
    block = labels.codes[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    stop = (int(high[0]), int(high[1]), int(high[2]))
    grid = labels.grid.crop((int(low[0]), int(low[1]), int(low[2])), stop)
    return LabelMap(grid, block, labels.structures)


def _sample_kind(labels: LabelMap, kind: StructureKind, positions_lps: PointsLps) -> npt.NDArray[np.float32]:
    """Give how far each position lies inside the structures of a kind, 0 to 1."""
    codes = [s.code for s in labels.structures if s.kind == kind]
    inside = np.isin(labels.codes, codes)
    if not inside.any():
        return np.zeros(positions_lps.shape[:-1], dtype=np.float32)
    return sample(labels.grid, inside, positions_lps, outside=0.0)


def _mark_breaches(axes: Axes, cut: Cut, breaches: Sequence[Breach]) -> None:
    for breach in breaches:
        at, off = cut.project(breach.centroid_lps)
        if abs(float(off)) <= _NEAR_CUT_MM:
            for colour, width in (("black", 3.4), (BREACH, 2.0)):
                axes.plot(at[0], at[1], "x", markersize=6.5, markeredgewidth=width, color=colour, zorder=6)


def _draw_needle(axes: Axes, cut: Cut, needle: Trajectory) -> None:
    path = np.asarray(needle.path_lps, dtype=np.float64)
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    fine = np.linspace(0.0, length[-1], max(int(length[-1] / 0.5), 2))
    spread = np.stack([np.interp(fine, length, path[:, axis]) for axis in range(3)], axis=-1)
    at, off = cut.project(spread)
    width = needle.needle.outer_diameter_mm * points_per_mm(cut)
    axes.plot(at[:, 0], at[:, 1], color=NEEDLE, linewidth=1.2, linestyle=":", zorder=5)
    near = np.where(np.abs(off)[:, None] <= _OFF_CUT_MM, at, np.nan)
    axes.plot(near[:, 0], near[:, 1], color=NEEDLE, linewidth=width, alpha=0.75, solid_capstyle="butt", zorder=5)
    _ring_needle(axes, cut, path, width)
    tip, tip_off = cut.project(path[-1])
    if abs(float(tip_off)) <= _OFF_CUT_MM:
        axes.plot(tip[0], tip[1], marker="o", markersize=3.5, color="white", markeredgecolor="black", zorder=6)


def _ring_needle(axes: Axes, cut: Cut, path: Array, width_pt: float) -> None:
    """Draw a ring where a needle goes through the cut, or ends in it."""
    for start, end in pairwise(path):
        run = end - start
        rise = float(run @ cut.normal_lps)
        if abs(rise) <= _STEEP_SHARE * float(np.linalg.norm(run)):
            continue
        share = -float((start - cut.centre_lps) @ cut.normal_lps) / rise
        if -1e-6 <= share <= 1.0 + 1e-6:
            at, _ = cut.project(start + share * run)
            for colour, edge in (("black", 2.6), (NEEDLE, 1.4)):
                axes.plot(
                    at[0], at[1], "o", markersize=max(width_pt, 5.0), markerfacecolor="none", markeredgewidth=edge,
                    color=colour, zorder=5,
                )  # fmt: skip
