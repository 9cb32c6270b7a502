"""What a screen shows of a fluoroscopy picture: the part that was scanned, names beside each other, words round it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.fluoro.carm import project
from planner.fluoro.overlay import angles_text
from planner.fluoro.radiograph import LEAST_SHARE, Radiograph
from planner.geometry.frames import Array
from planner.model.carm import CArm
from planner.model.plan import Plan
from planner.model.record import PointLps
from planner.station.carm.fluoro_overlays import Overlays, needles_drawn

_MARGIN_MM = 15.0
"""Kept round what is looked at, as an operator leaves it between the shutters. Ours."""
_MOST_ROWS = 24
"""So many lines of words a name is moved by at most, to stand free of others."""


@dataclass(frozen=True, slots=True)
class PixelBox:
    """A part of a picture: its edges in pixels, where a pixel's centre is the integer."""

    top: float
    left: float
    bottom: float
    right: float

    @property
    def height(self) -> float:
        """Pixels from top to bottom."""
        return self.bottom - self.top

    @property
    def width(self) -> float:
        """Pixels from left to right."""
        return self.right - self.left

    @property
    def middle(self) -> tuple[float, float]:
        """Row and column of its middle."""
        return (self.top + self.bottom) / 2.0, (self.left + self.right) / 2.0


@dataclass(frozen=True, slots=True)
class ShownPart:
    """Which part of a picture a screen shows: the row and column in its middle, and screen pixels for one of it."""

    row: float
    column: float
    scale: float


@dataclass(frozen=True, slots=True)
class NameBox:
    """Words on a screen: their left and top edge, width and height, in its pixels."""

    left: float
    top: float
    width: float
    height: float

    def meets(self, other: "NameBox") -> bool:
        """Say whether two lie on each other."""
        return (
            self.left < other.left + other.width
            and other.left < self.left + self.width
            and self.top < other.top + other.height
            and other.top < self.top + self.height
        )


def whole_box(carm: CArm) -> PixelBox:
    """Give all of a detector."""
    return PixelBox(-0.5, -0.5, carm.rows - 0.5, carm.columns - 0.5)


def scanned_box(radiograph: Radiograph, carm: CArm) -> PixelBox | None:
    """Say which part of a picture shows anything: the rest lies beyond the CT's ends, and is black.

    Parameters
    ----------
    radiograph : Radiograph
        The picture, of all pixels or of fewer.
    carm : CArm
        The C-arm with all its pixels.

    Returns
    -------
    PixelBox or None
        In pixels of all; None where nothing was scanned.
    """
    seen = radiograph.scanned_share >= LEAST_SHARE
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not rows.size:
        return None
    scale = radiograph.carm.pixel_mm / carm.pixel_mm
    edges = np.array([rows[0] - 0.5, columns[0] - 0.5, rows[-1] + 0.5, columns[-1] + 0.5])
    middles = [(radiograph.carm.rows - 1) / 2, (radiograph.carm.columns - 1) / 2]
    wholes = [(carm.rows - 1) / 2, (carm.columns - 1) / 2]
    moved = (edges - np.tile(middles, 2)) * scale + np.tile(wholes, 2)
    whole = whole_box(carm)
    return PixelBox(
        max(float(moved[0]), whole.top),
        max(float(moved[1]), whole.left),
        min(float(moved[2]), whole.bottom),
        min(float(moved[3]), whole.right),
    )


def looked_at_lps(plan: Plan | None, overlays: Overlays) -> tuple[PointLps, ...]:
    """Give points of what a view is of: a gap with its implant and breaches, and the needles that are drawn to it.

    Parameters
    ----------
    plan : Plan or None
        The plan.
    overlays : Overlays
        Which gap is marked, and what is drawn.

    Returns
    -------
    tuple of tuple of float
        LPS mm; empty where there is nothing that a view is of.
    """
    points: list[PointLps] = [] if overlays.own is None else list(overlays.own.path_lps)
    gap = None if plan is None else next((one for one in plan.gaps if one.id == overlays.marked_gap), None)
    if plan is None or gap is None:
        return tuple(points)
    points.append(gap.centroid_lps)
    points += [breach.centroid_lps for breach in plan.breaches if breach.gap_id == gap.id]
    axes = (one.axis for one in plan.implants if one.id == gap.implant_id)
    points += [end for axis in axes if axis is not None for end in (axis.head_lps, axis.tip_lps)]
    drawn = needles_drawn(plan, overlays)
    points += [point for way in plan.ways if way.id in drawn and way.goal_id == gap.id for point in way.path_lps]
    return tuple(points)


def box_round(points_lps: Sequence[PointLps], carm: CArm) -> PixelBox | None:
    """Give the part of a picture that holds points, with a margin.

    Parameters
    ----------
    points_lps : sequence of tuple of float
        The points, LPS mm.
    carm : CArm
        The view.

    Returns
    -------
    PixelBox or None
        Within the detector; None where none of them casts a shadow on it.
    """
    if not points_lps:
        return None
    at: Array = project(carm, points_lps)
    at = at[np.all(np.isfinite(at), axis=-1)]
    whole = whole_box(carm)
    inside = (at > [whole.top, whole.left]) & (at < [whole.bottom, whole.right])
    if not np.any(np.all(inside, axis=-1)):
        return None
    margin = _MARGIN_MM * carm.source_detector_mm / carm.source_isocentre_mm / carm.pixel_mm
    (top, left), (bottom, right) = at.min(axis=0) - margin, at.max(axis=0) + margin
    return PixelBox(
        max(float(top), whole.top),
        max(float(left), whole.left),
        min(float(bottom), whole.bottom),
        min(float(right), whole.right),
    )


def shown_part(scanned: PixelBox, looked_at: PixelBox | None, *, width: float, height: float) -> ShownPart:
    """Choose what a screen shows of a picture, as an operator collimates.

    Parameters
    ----------
    scanned : PixelBox
        What shows anything.
    looked_at : PixelBox or None
        What the view is of; None where it is of nothing.
    width, height : float
        The screen's, in its pixels, over 0.

    Returns
    -------
    ShownPart
        All that was scanned, so far as that is needed for what is looked at; nearer, up to where no black is left.
    """
    scale = _within(scanned, width, height)
    if looked_at is not None:
        filled = max(width / scanned.width, height / scanned.height)
        scale = max(scale, min(filled, _within(looked_at, width, height)))
    wanted = scanned.middle if looked_at is None else looked_at.middle
    row = _held(wanted[0], scanned.top, scanned.bottom, height / scale / 2.0)
    column = _held(wanted[1], scanned.left, scanned.right, width / scale / 2.0)
    return ShownPart(row, column, scale)


def _within(box: PixelBox, width: float, height: float) -> float:
    return min(width / box.width, height / box.height)


def _held(wanted: float, low: float, high: float, half: float) -> float:
    """Keep a screen's middle so that it shows nothing beyond two edges; midway where it is wider than they are."""
    if high - low <= 2.0 * half:
        return (low + high) / 2.0
    return min(max(wanted, low + half), high - half)


def placed_apart(names: Sequence[NameBox], *, others: Sequence[NameBox], height: float) -> list[NameBox]:
    """Move names up or down so that none lies on another.

    Parameters
    ----------
    names : sequence of NameBox
        Where they would stand, the most important first.
    others : sequence of NameBox
        What they must leave free.
    height : float
        The screen's, in its pixels.

    Returns
    -------
    list of NameBox
        Each as near to where it would stand as there is room; where there is none, just there.
    """
    placed: list[NameBox] = []
    for name in names:
        taken = [*others, *placed]
        tried = (NameBox(name.left, name.top + step * name.height, name.width, name.height) for step in _steps())
        free = (
            one
            for one in tried
            if one.top >= 0.0 and one.top + one.height <= height and not any(one.meets(t) for t in taken)
        )
        placed.append(next(free, name))
    return placed


def _steps() -> list[int]:
    return [0, *(sign * step for step in range(1, _MOST_ROWS + 1) for sign in (1, -1))]


def angle_lines(carm: CArm, console_deg: tuple[float, float] | None) -> tuple[str, ...]:
    """Write a view's angles: what is dialled at the console, and the patient's own where these differ.

    Parameters
    ----------
    carm : CArm
        The view, with the patient's own angles.
    console_deg : tuple of float or None
        At the console; None where nobody said how the patient lies.

    Returns
    -------
    tuple of str
        One or two lines.
    """
    own = angles_text(carm.primary_deg, carm.secondary_deg)
    if console_deg is None:
        return (f"patient {own}", "console not known")
    dialled = angles_text(*console_deg)
    return (dialled,) if dialled == own else (f"console {dialled}", f"patient {own}")


def screen_mm_per_pixel(carm: CArm, part: ShownPart) -> float:
    """Give the millimetres at the isocentre that one pixel of the screen stands for."""
    return carm.pixel_mm * carm.source_isocentre_mm / carm.source_detector_mm / part.scale
