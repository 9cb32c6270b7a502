"""Which cuts a planning station shows: three along the patient's axes, or three that belong to a needle."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import (
    LEFT,
    POSTERIOR,
    SUPERIOR,
    Array,
    PointTuple,
    point_tuple,
    points_lps,
    unit,
)
from planner.geometry.grid import Grid
from planner.report.reslice import Cut, across, axial, coronal, needles_eye, sagittal
from planner.station.reslice.course import Course

ViewName = Literal["axial", "coronal", "sagittal", "eye", "along", "beside"]

_TILTED_DEG = 1.0
"""A cut nearer than this to a standard one is called by its name alone; ours, no eye sees less."""
_STANDARD: dict[str, Array] = {"axial": SUPERIOR, "coronal": POSTERIOR, "sagittal": points_lps(-LEFT)}
"""Where one looks in each of the standard views."""
_SEEN_FROM = (
    ("from the left", "from the right"),
    ("from behind", "from the front"),
    ("from the head", "from the feet"),
)
"""By the axis that one looks along, against it and with it."""
_PARALLEL = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One of the three cuts that are seen together.

    Parameters
    ----------
    name : ViewName
        Which of them.
    title : str
        In words, for its corner.
    cut : Cut
        Its plane, and what is at the right and below.
    """

    name: ViewName
    title: str
    cut: Cut


def patient_views(cursor_lps: npt.ArrayLike, *, half_mm: float) -> tuple[View, View, View]:
    """Cut along the patient's axes.

    Parameters
    ----------
    cursor_lps : array_like, shape (3,)
        The place that all three cut through, LPS mm.
    half_mm : float
        Half of their edge.

    Returns
    -------
    tuple of View
        Axial (seen from the feet), coronal (from the front), sagittal (from the left).
    """
    return (
        View("axial", "axial", axial(cursor_lps, half_mm)),
        View("coronal", "coronal", coronal(cursor_lps, half_mm)),
        View("sagittal", "sagittal", sagittal(cursor_lps, half_mm)),
    )


def needle_views(course: Course, depth_mm: float, *, half_mm: float) -> tuple[View, View, View]:
    """Cut with a needle.

    Parameters
    ----------
    course : Course
        The needle's.
    depth_mm : float
        Where on it, from its outermost point; of a bent one the piece there counts.
    half_mm : float
        Half of their edge.

    Returns
    -------
    tuple of View
        The needle's eye: across the needle, seen from its hub towards its tip, head up (front up for a needle along the
        body). Then the two planes that hold the needle: the one nearest to axial (for steep needles to coronal), and
        the one at right angles to it, each held as the standard view that it is nearest to. None is mirrored.
    """
    place, direction = course.at(depth_mm), course.direction(depth_mm)
    eye = needles_eye(place, direction, half_mm)
    is_upright = abs(direction @ SUPERIOR) > np.sqrt(0.5)
    facing = POSTERIOR if is_upright else SUPERIOR
    normal = unit(facing - (facing @ direction) * direction)
    along = across(place, normal, half_mm)
    beside = across(place, np.cross(direction, normal), half_mm)
    return (
        View("eye", f"needle's eye, {seen_from(eye)}", eye),
        View("along", f"along needle, {tilt_in_words(along)}", along),
        View("beside", f"along needle, {tilt_in_words(beside)}", beside),
    )


def framed(cut: Cut, centre_lps: npt.ArrayLike, half_mm: tuple[float, float]) -> Cut:
    """Show another part of a cut's plane.

    Parameters
    ----------
    cut : Cut
        The plane.
    centre_lps : array_like, shape (3,)
        What comes to the middle: its foot on the plane, LPS mm.
    half_mm : tuple of float
        From the middle to the right edge and to the lower edge.

    Returns
    -------
    Cut
    """
    centre = np.asarray(centre_lps, dtype=np.float64)
    off = (centre - cut.centre_lps) @ cut.normal_lps
    return replace(cut, centre_lps=points_lps(centre - off * cut.normal_lps), half_mm=half_mm)


def place_on(cut: Cut, across_down_mm: tuple[float, float]) -> PointTuple:
    """Give the place in the patient of a place on a cut.

    Parameters
    ----------
    cut : Cut
        Where.
    across_down_mm : tuple of float
        To the right of its middle and below it, mm.

    Returns
    -------
    tuple of float
        LPS mm; `Cut.project` turns it back.
    """
    return point_tuple(cut.centre_lps + across_down_mm[0] * cut.right_lps + across_down_mm[1] * cut.down_lps)


def covering_half_mm(cut: Cut, corners_lps: npt.ArrayLike) -> tuple[float, float]:
    """Say how far a cut must reach to show points, seen along it.

    Parameters
    ----------
    cut : Cut
        Where.
    corners_lps : array_like, shape (N, 3)
        A CT's corners, say, LPS mm.

    Returns
    -------
    tuple of float
        To each side of its middle, and above and below it, mm.
    """
    at, _ = cut.project(corners_lps)
    wide, tall = np.abs(at).max(axis=0)
    return float(wide), float(tall)


def line_in(cut: Cut, other: Cut) -> tuple[PointTuple, PointTuple] | None:
    """Say where another cut crosses one.

    Parameters
    ----------
    cut : Cut
        The one that is looked at.
    other : Cut
        The other one; its whole plane counts.

    Returns
    -------
    tuple of two points, or None
        A place on the line and its unit direction, both LPS mm; the place is the one nearest to the middle of the cut.
        None where the two are parallel.
    """
    run = np.cross(cut.normal_lps, other.normal_lps)
    size = float(np.linalg.norm(run))
    if size < _PARALLEL:
        return None
    run = run / size
    towards = np.cross(run, cut.normal_lps)
    off = (other.centre_lps - cut.centre_lps) @ other.normal_lps
    foot = cut.centre_lps + off / (towards @ other.normal_lps) * towards
    return point_tuple(foot), point_tuple(run)


def stepped(grid: Grid, point_lps: npt.ArrayLike, way_lps: npt.ArrayLike) -> PointTuple:
    """Move a place, but not out of the CT.

    Parameters
    ----------
    grid : Grid
        The CT's.
    point_lps, way_lps : array_like, shape (3,)
        The place, and how far it is to be moved, LPS mm.

    Returns
    -------
    tuple of float
        LPS mm; at the outermost voxels' centres where it would go beyond them.
    """
    return inside(grid, np.asarray(point_lps, dtype=np.float64) + np.asarray(way_lps, dtype=np.float64))


def inside(grid: Grid, point_lps: npt.ArrayLike) -> PointTuple:
    """Bring a place into the CT.

    Parameters
    ----------
    grid : Grid
        The CT's.
    point_lps : array_like, shape (3,)
        The place, LPS mm.

    Returns
    -------
    tuple of float
        LPS mm; at the outermost voxels' centres where it lies beyond them.
    """
    return point_tuple(grid.to_lps(np.clip(grid.to_index(point_lps), 0.0, np.array(grid.shape) - 1.0)))


def seen_from(cut: Cut) -> str:
    """Say where the viewer of a cut stands, as nearly as six directions can: "from behind", "from the left"."""
    nearest = int(np.argmax(np.abs(cut.normal_lps)))
    return _SEEN_FROM[nearest][int(cut.normal_lps[nearest] > 0.0)]


def tilt_in_words(cut: Cut) -> str:
    """Name the standard view that a cut is nearest to, and how far it is tilted from it ("axial, tilted 12°")."""
    cosines = {name: abs(float(cut.normal_lps @ facing)) for name, facing in _STANDARD.items()}
    name = max(cosines, key=lambda one: cosines[one])
    tilt_deg = float(np.degrees(np.arccos(min(cosines[name], 1.0))))
    return name if tilt_deg < _TILTED_DEG else f"{name} tilted {tilt_deg:.0f}°"
