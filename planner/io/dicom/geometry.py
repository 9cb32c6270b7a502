"""Where a stack of slices lies: from positions and orientations, never from slice numbers or file names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from planner.errors import GeometryError, SeriesError
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.io.dicom.headers import SliceHeader
from planner.io.dicom.pixels import where
from planner.model.finding import Finding

_SAME_PLACE_MM = 0.01
"""Two slices nearer than this are duplicates: a hundredth of the thinnest slice."""
_ROUNDING_MM = 0.06
"""Positions rounded to 0.1 mm, as some scanners write them, stray by 0.05."""
_IRREGULAR_SHARE = 0.05
"""A slice may lie off its place by this share of the slice distance. Ours: far below the partial volume effect."""
_TILT_DEG = 0.1
"""A stack that leans less than this counts as upright: as the grid's own test of right angles."""
_SIDEWAYS_MM = 0.1
_UNIT_TOLERANCE = 1e-3

SamePixels = Callable[[SliceHeader, SliceHeader], bool]


@dataclass(frozen=True, slots=True)
class Arranged:
    """Slices in order, and where they lie.

    Parameters
    ----------
    headers : tuple of SliceHeader
        One per slice, along the slices' normal.
    grid : Grid
        Where the voxels are.
    findings : tuple of Finding
        What had to be put right.
    """

    headers: tuple[SliceHeader, ...]
    grid: Grid
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
        None where they are missing or do not stand at right angles.
    """
    if header.along_row_lps is None or header.along_column_lps is None:
        return None
    row, column = np.array(header.along_row_lps), np.array(header.along_column_lps)
    lengths = np.array([np.linalg.norm(row), np.linalg.norm(column)])
    if np.abs(lengths - 1.0).max() > _UNIT_TOLERANCE or abs(float(row @ column)) > _UNIT_TOLERANCE:
        return None
    normal = np.cross(row, column)
    return row / lengths[0], column / lengths[1], normal / np.linalg.norm(normal)


def arrange(headers: Sequence[SliceHeader], *, same_pixels: SamePixels | None) -> Arranged:
    """Put slices of one orientation in order and find their grid.

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
        If the geometry is missing, two different slices lie in one place, a slice is missing, the distances are
        irregular, or the stack leans (gantry tilt).
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
    row, column, normal = plane
    lost = [h for h in headers if h.position_lps is None]
    if lost:
        raise SeriesError(f"{len(lost)} of {len(headers)} slices have no position; export the original CT series")
    ordered = sorted(headers, key=lambda h: (float(np.array(h.position_lps) @ normal), h.sop_instance_uid, h.frame))
    ordered, findings = _without_duplicates(ordered, same_pixels)
    positions = np.array([h.position_lps for h in ordered], dtype=np.float64)
    if len(ordered) == 1:
        step, alone = _step_of_one(first, normal)
        findings = (*findings, alone)
    else:
        step = _regular_step(positions, normal)
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = step, column * first.row_spacing_mm, row * first.column_spacing_mm
    matrix[:3, 3] = positions[0]
    try:
        grid = Grid((len(ordered), first.rows, first.columns), matrix, first.frame_of_reference_uid)
    except GeometryError as error:
        raise SeriesError(f"the slices make no volume: {error}") from error
    return Arranged(tuple(ordered), grid, findings)


def _without_duplicates(
    ordered: list[SliceHeader], same_pixels: SamePixels | None
) -> tuple[list[SliceHeader], tuple[Finding, ...]]:
    """Drop exact copies, and refuse different slices in one place."""
    kept = ordered[:1]
    for header in ordered[1:]:
        last = kept[-1]
        apart = np.linalg.norm(np.array(header.position_lps) - np.array(last.position_lps))
        if apart > _SAME_PLACE_MM:
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


def _step_of_one(header: SliceHeader, normal: Array) -> tuple[Array, Finding]:
    thickness = header.slice_thickness_mm
    if thickness is None or thickness <= 0:
        raise SeriesError("there is one slice without a thickness; give the folder of the whole series")
    message = "there is only one slice: give the folder of the whole series to plan on it"
    return normal * thickness, Finding(code="single-slice", severity="warning", message=message)


def _regular_step(positions: Array, normal: Array) -> Array:
    """Give the step from slice to slice, LPS mm; refuse gaps, irregular distances and leaning stacks."""
    along = positions @ normal
    step_mm = float(np.median(np.diff(along)))
    tolerance_mm = max(_ROUNDING_MM, _IRREGULAR_SHARE * step_mm)
    _refuse_gaps(positions, along, step_mm)
    count = len(positions)
    step = (positions[-1] - positions[0]) / (count - 1)
    off = positions - positions[0] - np.arange(count)[:, None] * step
    off_mm = np.abs(off @ normal)
    worst = int(off_mm.argmax())
    if off_mm[worst] > tolerance_mm:
        raise SeriesError(
            f"slice distances are irregular: the slice at {_place(positions[worst])} lies {off_mm[worst]:.2f} mm off "
            f"its place (tolerance {tolerance_mm:.2f} mm); export the original series whole"
        )
    lean_deg = float(np.degrees(np.arctan2(np.linalg.norm(step - (step @ normal) * normal), step @ normal)))
    if lean_deg > _TILT_DEG:
        raise SeriesError(
            f"the slices lean by {lean_deg:.1f} degrees (gantry tilt); export the series corrected for tilt, "
            "or scan without tilt"
        )
    sideways_mm = np.linalg.norm(off - np.outer(off @ normal, normal), axis=1)
    if sideways_mm.max() > _SIDEWAYS_MM:
        raise SeriesError(
            f"the slice at {_place(positions[int(sideways_mm.argmax())])} is shifted sideways by "
            f"{sideways_mm.max():.2f} mm against its neighbours; export the original series whole"
        )
    return np.asarray(step)


def _refuse_gaps(positions: Array, along: Array, step_mm: float) -> None:
    distances = np.diff(along)
    tolerance_mm = max(_ROUNDING_MM, _IRREGULAR_SHARE * step_mm) * 2  # both ends of a distance may stray
    off = np.abs(distances - step_mm)
    if off.max() <= tolerance_mm:
        return
    wide = int(distances.argmax())
    times = float(distances[wide] / step_mm)
    missing = round(times) - 1
    if missing >= 1 and abs(times - round(times)) * step_mm <= tolerance_mm:
        raise SeriesError(
            f"{missing} slice(s) are missing after {_place(positions[wide])}: the next is {distances[wide]:.2f} mm on,"
            f" the others {step_mm:.2f} mm apart; export the series whole"
        )
    worst = int(off.argmax())
    raise SeriesError(
        f"slice distances are irregular: {distances[worst]:.2f} mm after {_place(positions[worst])}, the others "
        f"{step_mm:.2f} mm (tolerance {tolerance_mm:.2f} mm); export the original series whole"
    )


def _place(position: Array) -> str:
    x, y, z = (float(v) for v in position)
    return f"({x:.2f}, {y:.2f}, {z:.2f}) mm"
