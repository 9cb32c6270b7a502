"""From slices that lean or lie unevenly, and from sheared grids, to voxels on a rectangular grid.

A leaning slice is shifted within its own plane, so that nothing is interpolated through the slices; uneven ones are
interpolated between neighbours; other shears are resampled in all directions. Whatever was not scanned is padding.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.config.metal_config import MetalConfig
from planner.errors import SeriesError
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.io.dicom.pixels import PADDING_HU
from planner.io.slice_distances import CLEAR_OF_METAL_MM, MISSING_SHARE, counts_as_even_mm, heights_mm, place_of
from planner.io.slice_layout import Layout, lay_out
from planner.model.finding import Finding
from planner.model.scan import StoredSlices
from planner.model.volume import Volume
from planner.progress import SILENT, Monitor, track

Voxels = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

_WHOLE = 1e-3
"""A shift this near to whole pixels is one: a thousandth of a pixel."""
_RIGHT_ANGLE_DEG = 0.1
_GREATEST_SHEAR_DEG = 30.0
"""Ours: as for gantries. What leans further comes from no scanner and no rigid registration."""
_EDGE = 1e-6
_TILTED = "gantry-tilt"


@dataclass(frozen=True, slots=True, eq=False)
class Rectified:
    """A CT on a rectangular grid.

    Parameters
    ----------
    volume : Volume
        The voxels to plan on.
    stored : StoredSlices or None
        Where the file's own slices lie; None where they are the volume's.
    findings : tuple of Finding
        What was done.
    """

    volume: Volume
    stored: StoredSlices | None
    findings: tuple[Finding, ...]


def rectify(
    hu: Voxels, padding: Bools | None, *, layout: Layout, clipped_hu: float | None, monitor: Monitor = SILENT
) -> Rectified:
    """Bring a stack of slices onto its rectangular grid.

    Parameters
    ----------
    hu : ndarray, shape ``layout.stored.shape``
        The slices as they are stored; the same array comes out where they lie on the grid already.
    padding : ndarray of bool or None, of the same shape
        True where nothing was measured.
    layout : Layout
        Where they lie.
    clipped_hu : float or None
        The scan's clipping level, by which metal is told.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    Rectified
        In the type that came in; `PADDING_HU` where nothing was scanned.

    Raises
    ------
    SeriesError
        If metal lies near a place where something is interpolated through the slices.
    CancelledError
        If the monitor stops the work.
    """
    if layout.is_rectangular and not layout.odd_places:
        return Rectified(Volume(layout.grid, hu, padding), None, layout.findings)
    bright, heights, step_mm = _bright_slices(hu, clipped_hu), heights_mm(layout.stored), layout.spacing_mm[0]
    _refuse_metal(bright, heights, layout)
    at_metal = (np.abs(heights[:, None] - heights[bright]) <= CLEAR_OF_METAL_MM).any(axis=1)
    on_slice = np.where(at_metal, counts_as_even_mm(step_mm) / step_mm, _WHOLE)
    places = np.asarray(layout.grid.to_index(layout.stored.positions_lps))
    out = np.empty(layout.grid.shape, hu.dtype)
    blank = np.zeros(layout.grid.shape, dtype=np.bool_)
    known: dict[int, tuple[Floats, Bools]] = {}
    for target in track(range(len(out)), stage="resampling slices", monitor=monitor):
        first, second, share = _neighbours(places[:, 0], target, on_slice)
        known = {k: known[k] for k in (first, second) if k in known}
        for k in (first, second):
            if k not in known:
                known[k] = _shifted(hu[k], None if padding is None else padding[k], places[k, 1:], out.shape[1:])
        values, missing = known[first]
        if share:
            values = values + np.float32(share) * (known[second][0] - values)
            missing = missing | known[second][1]
        _store(values, missing, out[target])
        blank[target] = missing
    return Rectified(Volume(layout.grid, out, blank if blank.any() else None), layout.stored, layout.findings)


def rectify_volume(volume: Volume, *, monitor: Monitor = SILENT) -> Rectified:
    """Bring a volume with a sheared grid onto a rectangular one.

    Parameters
    ----------
    volume : Volume
        On any grid.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    Rectified
        The volume itself where its grid is rectangular.

    Raises
    ------
    SeriesError
        If it is sheared by more than can be put right.
    CancelledError
        If the monitor stops the work.
    """
    grid = volume.grid
    if grid.is_rectangular:
        return Rectified(volume, None, ())
    stored = StoredSlices.of_grid(grid)
    axis = _slice_axis(grid)
    if axis is None:
        return Rectified(_resampled(volume, _upright(grid), monitor), stored, _shear_findings(grid))
    layout = _sheared_layout(grid, axis)
    hu = np.moveaxis(volume.hu, axis, 0)
    padding = None if volume.padding is None else np.moveaxis(volume.padding, axis, 0)
    made = rectify(hu, padding, layout=layout, clipped_hu=None, monitor=monitor)
    return Rectified(made.volume, stored, made.findings)


def foresee(grid: Grid) -> tuple[Finding, ...]:
    """Say what `rectify_volume` will do to a volume on a grid.

    Parameters
    ----------
    grid : Grid
        Any.

    Returns
    -------
    tuple of Finding
        Empty where it is rectangular.

    Raises
    ------
    SeriesError
        If it is sheared by more than can be put right.
    """
    if grid.is_rectangular:
        return ()
    axis = _slice_axis(grid)
    return _shear_findings(grid) if axis is None else _sheared_layout(grid, axis).findings


def plane_spacing_mm(grid: Grid) -> tuple[float, float, float]:
    """Give the distance between neighbouring slices' planes, and between voxels along rows and columns.

    Parameters
    ----------
    grid : Grid
        Rectangular or sheared.

    Returns
    -------
    tuple of float
        Along (slice, row, column), mm: the grid's spacing where it is rectangular.
    """
    _, rows, columns = grid.spacing_mm
    normal = np.cross(grid.directions_lps[:, 2], grid.directions_lps[:, 1])
    return abs(float(grid.lps_from_index[:3, 0] @ normal)) / float(np.linalg.norm(normal)), rows, columns


def _bright_slices(hu: Voxels, clipped_hu: float | None) -> Bools:
    """Say which slices hold a voxel as bright as metal."""
    config = MetalConfig()
    level = min(config.least_level_hu, np.inf if clipped_hu is None else config.ceiling_share * clipped_hu)
    return np.array([bool(slice_hu.max() >= level) for slice_hu in hu])


def _refuse_metal(bright: Bools, heights: Array, layout: Layout) -> None:
    apart_mm: dict[int, float] = {}
    for after in layout.odd_places:
        away = np.maximum(heights[after] - heights, heights - heights[after + 1])
        near = away[bright & (away <= CLEAR_OF_METAL_MM)]
        if near.size:
            apart_mm[after] = max(0.0, float(near.min()))
    if apart_mm:
        step_mm = layout.spacing_mm[0]
        odd = np.abs(np.diff(heights) - step_mm) > 2 * counts_as_even_mm(step_mm)
        worst = max(apart_mm, key=lambda after: (bool(odd[after]), -apart_mm[after]))
        raise SeriesError(
            f"slice distances are irregular: {_said_of(layout, heights, worst)}, with metal {apart_mm[worst]:.1f} mm "
            f"away; nothing is filled in within {CLEAR_OF_METAL_MM:g} mm of metal: export the whole original series"
        )


def _said_of(layout: Layout, heights: Array, after: int) -> str:
    """Say how a distance is odd, or how far its slices lie off even ones."""
    step_mm, mm = layout.spacing_mm[0], float(heights[after + 1] - heights[after])
    place = place_of(layout.stored, after)
    if abs(mm - step_mm) > 2 * counts_as_even_mm(step_mm):
        cause = "a slice is missing" if mm >= MISSING_SHARE * step_mm else "a slice is out of place"
        return f"{mm:.2f} mm after {place} where {step_mm:.2f} mm are usual ({cause})"
    off = [abs(h - step_mm * np.rint(h / step_mm)) for h in heights[after : after + 2]]
    return f"up to {max(off):.2f} mm off even distances of {step_mm:.2f} mm after {place}"


def _neighbours(heights_idx: Array, target: int, on_slice: Array) -> tuple[int, int, float]:
    """Give the stored slices below and above a plane of the grid, and the share of the upper one.

    A plane no further from a slice than its ``on_slice`` (in distances) is that slice: near metal, where no two slices
    are mixed, the tolerance of even distances; elsewhere rounding only.
    """
    above = int(np.clip(np.searchsorted(heights_idx, target), 1, len(heights_idx) - 1))
    share = float((target - heights_idx[above - 1]) / (heights_idx[above] - heights_idx[above - 1]))
    nearest = above if share > 0.5 else above - 1
    if abs(heights_idx[nearest] - target) <= on_slice[nearest]:
        return nearest, nearest, 0.0
    return above - 1, above, share


def _shifted(hu: Voxels, padding: Bools | None, by: Array, size: tuple[int, int]) -> tuple[Floats, Bools]:
    """Shift a slice within its plane; also say where nothing was scanned."""
    values = np.asarray(hu, dtype=np.float32)
    missing = np.zeros(values.shape, dtype=np.bool_) if padding is None else padding
    for axis in (0, 1):
        values, missing = _shifted_along(values, missing, float(by[axis]), size[axis], axis)
    return values, missing


def _shifted_along(values: Floats, missing: Bools, by: float, size: int, axis: int) -> tuple[Floats, Bools]:
    """Read an image at ``arange(size) - by`` along one axis.

    Between pixels runs a cubic through the neighbours whose slopes are Catmull-Rom's, limited after Fritsch and Carlson
    (SIAM J Numer Anal 1980) so that it never leaves the range of the two pixels that it joins: a plain cubic
    undershoots beside metal, which would look like a lucent halo.
    """
    count = values.shape[axis]
    start = int(np.floor(-by))
    share = -by - start
    if min(share, 1 - share) < _WHOLE:
        start, share = round(-by), 0.0
    before = np.arange(size) + start
    inside = (before >= 0) & (before + (share > 0) < count)
    at, after = np.clip(before, 0, count - 1), np.clip(before + 1, 0, count - 1)
    shape = [1, 1]
    shape[axis] = size
    gone = np.take(missing, at, axis=axis) | ~inside.reshape(shape)
    if not share:
        return np.take(values, at, axis=axis), gone
    slopes = _limited_slopes(values, axis)
    s, t = np.float32(share), np.float32(1 - share)
    out = np.take(t * t * (1 + 2 * s) * values + s * t * t * slopes, at, axis=axis)
    out += np.take(s * s * (1 + 2 * t) * values - s * s * t * slopes, after, axis=axis)
    return out, gone | np.take(missing, after, axis=axis)


def _limited_slopes(values: Floats, axis: int) -> Floats:
    """Give the slope at each pixel: the mean of the steps on both sides, at most three times the lesser; 0 at peaks."""
    edge = [(0, 0), (0, 0)]
    edge[axis] = (1, 1)
    steps = np.pad(np.diff(values, axis=axis), edge)
    first, last = [slice(None)] * 2, [slice(None)] * 2
    first[axis], last[axis] = slice(None, -1), slice(1, None)
    left, right = steps[tuple(first)], steps[tuple(last)]
    steep = np.minimum(np.abs(left), np.abs(right))
    steep *= 3
    slopes = (left + right) / 2
    np.minimum(slopes, steep, out=slopes)
    np.maximum(slopes, -steep, out=slopes)
    slopes[left * right <= 0] = 0
    return np.asarray(slopes, dtype=np.float32)


def _store(values: Floats, missing: Bools, out: Voxels) -> None:
    out[...] = np.rint(values) if out.dtype.kind == "i" else values
    out[missing] = PADDING_HU


def _slice_axis(grid: Grid) -> int | None:
    """Choose the axis that leans over a plane of right angles; None where there is none.

    Of several the one with the widest spacing, the first where they are alike: what is interpolated is then in the
    finer plane.
    """
    angles = _off_right_deg(grid)
    upright = [k for k in range(3) if angles[(k + 1) % 3, (k + 2) % 3] < _RIGHT_ANGLE_DEG]
    return max(upright, key=lambda k: (round(grid.spacing_mm[k], 3), -k), default=None)


def _off_right_deg(grid: Grid) -> Array:
    """Give how far each pair of axes is from a right angle, shape (3, 3), degrees."""
    cosines = np.abs(grid.directions_lps.T @ grid.directions_lps)
    np.fill_diagonal(cosines, 0.0)
    return np.asarray(np.degrees(np.arcsin(np.clip(cosines, 0.0, 1.0))))


def _axis_first(grid: Grid, axis: int) -> Grid:
    order = [axis, *(k for k in range(3) if k != axis)]
    matrix = grid.lps_from_index.copy()
    matrix[:, :3] = matrix[:, order]
    shape = (grid.shape[order[0]], grid.shape[order[1]], grid.shape[order[2]])
    return Grid(shape, matrix, grid.frame_of_reference_uid)


def _sheared_layout(grid: Grid, axis: int) -> Layout:
    """Lay out the slices along one axis; a volume's file says nothing of a gantry, only that its axes are oblique."""
    layout = lay_out(StoredSlices.of_grid(_axis_first(grid, axis)))
    message = (
        f"the volume is sheared by {layout.tilt_deg:.1f} degrees, as a tilted gantry leaves it: each slice is shifted "
        "within its own plane onto a rectangular grid; what lies outside of the slices is padding"
    )
    findings = (f.model_copy(update={"message": message}) if f.code == _TILTED else f for f in layout.findings)
    return replace(layout, findings=tuple(findings))


def _shear_findings(grid: Grid) -> tuple[Finding, ...]:
    shear_deg = float(_off_right_deg(grid).max())
    if shear_deg > _GREATEST_SHEAR_DEG:
        raise SeriesError(
            f"the voxel axes are {shear_deg:.1f} degrees off right angles, more than any scanner makes "
            f"({_GREATEST_SHEAR_DEG:.0f}): the file's directions are damaged; convert the CT again"
        )
    message = (
        f"the voxel axes are {shear_deg:.1f} degrees off right angles: the CT was resampled onto a rectangular grid, "
        "which blurs thin edges by up to a voxel"
    )
    return (
        Finding(
            code="sheared-grid",
            severity="caution",
            message=message,
            measured=shear_deg,
            limit=_GREATEST_SHEAR_DEG,
            unit="deg",
            source="ours: as far as gantries tilt",
        ),
    )


def _upright(grid: Grid) -> Grid:
    """Lay a rectangular grid round a sheared one, its axes as near to the old ones as they can be, spaced as they."""
    left, _, right = np.linalg.svd(grid.directions_lps)
    axes = left @ right
    spacing = np.array(grid.spacing_mm)
    along = np.asarray(grid.corners_lps) @ axes / spacing
    low = along.min(axis=0)
    shape = np.floor(along.max(axis=0) - low + _EDGE).astype(int) + 1
    matrix = np.eye(4)
    matrix[:3, :3] = axes * spacing
    matrix[:3, 3] = matrix[:3, :3] @ low
    return Grid((int(shape[0]), int(shape[1]), int(shape[2])), matrix, grid.frame_of_reference_uid)


def _resampled(volume: Volume, target: Grid, monitor: Monitor) -> Volume:
    """Interpolate linearly in all three directions, slice by slice of the target."""
    matrix = volume.grid.index_from_lps @ target.lps_from_index
    out = np.empty(target.shape, volume.hu.dtype)
    blank = np.zeros(target.shape, dtype=np.bool_)
    covered = None if volume.padding is None else volume.padding.view(np.uint8)
    last = np.array(volume.grid.shape) - 1
    rows, columns = np.arange(target.shape[1])[:, None], np.arange(target.shape[2])[None, :]
    for number in track(range(len(out)), stage="resampling slices", monitor=monitor):
        offset = matrix[:3, 3] + matrix[:3, 0] * number
        missing = np.zeros(target.shape[1:], dtype=np.bool_)
        for axis in range(3):
            at = offset[axis] + matrix[axis, 1] * rows + matrix[axis, 2] * columns
            missing |= (at < -_EDGE) | (at > last[axis] + _EDGE)
        values = _linear(volume.hu, matrix, offset, target.shape[1:])
        if covered is not None:
            missing |= _linear(covered, matrix, offset, target.shape[1:]) > _EDGE
        _store(values, missing, out[number])
        blank[number] = missing
    return Volume(target, out, blank if blank.any() else None)


def _linear(voxels: Voxels, matrix: Array, offset: Array, size: tuple[int, int]) -> Floats:
    from scipy import ndimage as ndi

    plane = ndi.affine_transform(
        voxels, matrix[:3, :3], offset=offset, output_shape=(1, *size), order=1, mode="nearest", output=np.float32
    )
    return np.asarray(plane[0])
