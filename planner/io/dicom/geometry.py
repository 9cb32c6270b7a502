"""Where a stack of slices lies: from positions and orientations, never from slice numbers or file names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from planner.errors import GeometryError, SeriesError
from planner.geometry.frames import Array, PointsLps
from planner.geometry.grid import Grid
from planner.io.dicom.headers import SliceHeader
from planner.io.dicom.pixels import where
from planner.io.slice_layout import Layout, lay_out, refuse_spacing
from planner.model.finding import Finding
from planner.model.scan import StoredSlices

SAME_PLACE_MM = 0.01
"""Two slices nearer than this are duplicates: a hundredth of the thinnest slice."""
_ROUNDED_DIRECTIONS = 2e-3
"""Directions rounded to three decimals stray from unit length by 0.0009, and from a right angle by 0.0017 (0.1 deg)."""
_TWO_DECIMALS = 9e-3
"""Directions rounded to two decimals stray from unit length by 0.0087 (0.005 in each of three), and from a right angle
by twice as much. What strays further is no rounding."""
_TURNED_BY_ROUNDING = 0.01
"""Radians: they turn by 0.0087 at most, and being made square, which shares their errors out, by 0.0097."""
_TILT_TAG_DEG = 0.5
"""The tag is a whole or half number of degrees on most scanners."""

SamePixels = Callable[[SliceHeader, SliceHeader], bool]


@dataclass(frozen=True, slots=True)
class Arranged:
    """Slices in order, and where they lie.

    Parameters
    ----------
    headers : tuple of SliceHeader
        One per slice, along the slices' normal.
    layout : Layout
        Where they lie, and the rectangular grid that they are planned on.
    findings : tuple of Finding
        What had to be put right in their order; the layout has its own.
    """

    headers: tuple[SliceHeader, ...]
    layout: Layout
    findings: tuple[Finding, ...]


def plane_of(header: SliceHeader) -> tuple[Array, Array, Array] | None:
    """Give the directions of a slice.

    Parameters
    ----------
    header : SliceHeader
        The slice.

    Returns
    -------
    tuple of ndarray or None
        Unit vectors along a row (to higher columns), along a column (to higher rows) and their cross product, LPS;
        None where they are missing or do not stand at right angles but for rounding to two decimals or more.
    """
    if header.along_row_lps is None or header.along_column_lps is None:
        return None
    row, column = np.array(header.along_row_lps), np.array(header.along_column_lps)
    if not _are_square(row, column, _ROUNDED_DIRECTIONS, _ROUNDED_DIRECTIONS):
        has_two_decimals = np.abs(np.rint(100 * (both := np.r_[row, column])) - 100 * both).max() < 1e-6
        if not (has_two_decimals and _are_square(row, column, _TWO_DECIMALS, 2 * _TWO_DECIMALS)):
            return None
    row, column = row / np.linalg.norm(row), column / np.linalg.norm(column)
    off = float(row @ column)
    row, column = row - off / 2 * column, column - off / 2 * row  # both turn by half of what is missing
    row, column = row / np.linalg.norm(row), column / np.linalg.norm(column)
    return row, column, np.cross(row, column)


def _are_square(row: Array, column: Array, off_length: float, off_right_angle: float) -> bool:
    """Whether two vectors have unit length and stand at right angles within tolerances."""
    lengths = np.array([np.linalg.norm(row), np.linalg.norm(column)])
    if not np.abs(lengths - 1.0).max() <= off_length:  # NaN is refused
        return False
    return abs(float(row @ column)) <= off_right_angle


def arrange(headers: Sequence[SliceHeader], *, same_pixels: SamePixels | None) -> Arranged:
    """Put slices of one orientation in order and find where they lie.

    Parameters
    ----------
    headers : sequence of SliceHeader
        Slices of one orientation, matrix and pixel spacing, in any order.
    same_pixels : callable or None
        Says whether two slices at one place hold the same values; None takes them to (where only headers are read).

    Returns
    -------
    Arranged

    Raises
    ------
    SeriesError
        If the geometry is missing, two different slices lie in one place, or the slices are missing, irregular or
        leaning beyond what can be put right.
    """
    first = headers[0]
    plane = plane_of(first)
    if plane is None or first.row_spacing_mm is None or first.column_spacing_mm is None:
        raise SeriesError(
            "the slices name no valid orientation or pixel spacing, so their place cannot be known; "
            "export the original CT series"
        )
    if min(first.row_spacing_mm, first.column_spacing_mm) <= 0:
        raise SeriesError("the pixel spacing is not above zero; export the original CT series")
    refuse_spacing((first.row_spacing_mm, first.column_spacing_mm))
    row, column, normal = plane
    lost = [h for h in headers if h.position_lps is None]
    if lost:
        raise SeriesError(f"{len(lost)} of {len(headers)} slices have no position; export the original CT series")
    ordered = sorted(headers, key=lambda h: (float(np.array(h.position_lps) @ normal), h.sop_instance_uid, h.frame))
    ordered, findings = _without_duplicates(ordered, same_pixels)
    stored = StoredSlices(
        PointsLps(np.array([h.position_lps for h in ordered], dtype=np.float64)),
        column * first.row_spacing_mm,
        row * first.column_spacing_mm,
        first.rows,
        first.columns,
        first.frame_of_reference_uid,
    )
    if len(ordered) == 1:
        layout = _layout_of_one(stored, normal, first.slice_thickness_mm)
    else:
        layout = lay_out(stored, thickness_mm=_usual_thickness_mm(ordered))
        findings = (*findings, *_tilt_tag_findings(ordered, layout.tilt_deg))
    return Arranged(tuple(ordered), layout, (*findings, *_direction_findings(first)))


def _usual_thickness_mm(headers: Sequence[SliceHeader]) -> float | None:
    known = [h.slice_thickness_mm for h in headers if h.slice_thickness_mm is not None and h.slice_thickness_mm > 0]
    return float(np.median(known)) if known else None


def _direction_findings(header: SliceHeader) -> tuple[Finding, ...]:
    """Say how far coarsely rounded directions may put a corner off its place."""
    row, column = np.array(header.along_row_lps), np.array(header.along_column_lps)
    if _are_square(row, column, _ROUNDED_DIRECTIONS, _ROUNDED_DIRECTIONS):
        return ()
    width_mm = (header.columns - 1) * (header.column_spacing_mm or 0.0)
    height_mm = (header.rows - 1) * (header.row_spacing_mm or 0.0)
    off_mm = _TURNED_BY_ROUNDING * (width_mm + height_mm)
    message = (
        "the slices' directions are rounded to two decimals and were made square: a slice's far corner may lie up to "
        f"{off_mm:.1f} mm off; an export with full directions is better"
    )
    finding = Finding(
        code="directions-rounded",
        severity="caution",
        message=message,
        measured=off_mm,
        unit="mm",
        source="half a unit of the second decimal in each direction",
    )
    return (finding,)


def _without_duplicates(
    ordered: list[SliceHeader], same_pixels: SamePixels | None
) -> tuple[list[SliceHeader], tuple[Finding, ...]]:
    """Drop exact copies, and refuse different slices in one place."""
    kept = ordered[:1]
    for header in ordered[1:]:
        last = kept[-1]
        apart = np.linalg.norm(np.array(header.position_lps) - np.array(last.position_lps))
        if apart > SAME_PLACE_MM:
            kept.append(header)
        elif same_pixels is not None and not same_pixels(last, header):
            raise SeriesError(
                f"two different images lie in one place, {where(header)}: reconstructions or time points are mixed in "
                "one series; export them apart"
            )
    dropped = len(ordered) - len(kept)
    if not dropped:
        return kept, ()
    message = f"{dropped} slice(s) were there twice; the copies were left out"
    return kept, (Finding(code="duplicate-slices", severity="info", message=message, measured=float(dropped)),)


def _layout_of_one(stored: StoredSlices, normal: Array, thickness_mm: float | None) -> Layout:
    if thickness_mm is None or thickness_mm <= 0:
        raise SeriesError("there is one slice without a thickness; give the folder of the whole series")
    matrix = np.eye(4)
    matrix[:3, :3] = np.column_stack((normal * thickness_mm, stored.row_step_lps, stored.column_step_lps))
    matrix[:3, 3] = stored.positions_lps[0]
    try:
        grid = Grid(stored.shape, matrix, stored.frame_of_reference_uid)
    except GeometryError as error:
        raise SeriesError(f"the slice makes no volume: {error}") from error
    refuse_spacing(grid.spacing_mm)
    message = "there is only one slice: give the folder of the whole series to plan on it"
    alone = Finding(code="single-slice", severity="warning", message=message)
    return Layout(stored, grid, tilt_deg=0.0, odd_places=(), findings=(alone,))


def _tilt_tag_findings(headers: Sequence[SliceHeader], tilt_deg: float) -> tuple[Finding, ...]:
    """Compare the gantry's tilt as the header names it with that of the positions; signs differ between makers."""
    named = [abs(h.gantry_tilt_deg) for h in headers if h.gantry_tilt_deg is not None]
    if not named or all(abs(tag - tilt_deg) <= _TILT_TAG_DEG for tag in named):
        return ()
    worst = max(named, key=lambda tag: abs(tag - tilt_deg))
    message = (
        f"the header names a gantry tilt of {worst:.1f} degrees, by their positions the slices lean by {tilt_deg:.1f}; "
        "the positions were taken: look whether straight edges are straight across the slices"
    )
    finding = Finding(
        code="tilt-tag-differs",
        severity="caution",
        message=message,
        measured=tilt_deg,
        limit=worst,
        unit="deg",
        source="GantryDetectorTilt (0018,1120)",
    )
    return (finding,)
