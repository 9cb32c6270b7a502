"""Heights of a vertebral body of which only one endplate was fitted: columns of its mask, from that one on."""

import numpy as np
from scipy import ndimage as ndi

from planner.geometry.frames import Array, points_lps, unit
from planner.geometry.grid import Grid
from planner.segment.anatomy.endplates import Endplate, VertebralBody
from planner.segment.anatomy.flood import Labels
from planner.segment.anatomy.hidden_plates import is_hidden
from planner.segment.upright import Bools

Heights = tuple[float | None, float | None, float | None]
_STEP_MM = 0.25
_REACH_MM = 45.0
"""Higher than the highest body."""
_SMOOTH = 0.7
"""Voxels over which a mask is smoothed before its surface is read between them."""
_START_MM = 3.0
_STRIP = 0.3
"""Half the width of the strip that is read, as a share of half the body's width."""
_FROM_WALL_MM = (2.5, 6.0)
"""Heights in front and behind are read so far from the wall: inside of the rim's spurs."""
_LEAST_SEEN = 0.5


def known_plate(body: VertebralBody) -> Endplate | None:
    """Give the endplate that the body's frame can stand on: the lower one, for the upper one breaks.

    Parameters
    ----------
    body : VertebralBody
        The body.

    Returns
    -------
    Endplate or None
        None where neither was seen.
    """
    return body.lower if body.lower is not None else body.upper


def frame_on(plate: Endplate, body: VertebralBody) -> Array:
    """Give left, back and inward of an endplate as columns, shape (3, 3).

    Parameters
    ----------
    plate : Endplate
        One of the body's.
    body : VertebralBody
        The body.

    Returns
    -------
    ndarray, shape (3, 3)
    """
    inward = -plate.normal_lps
    left = unit(body.axes_lps[:, 0] - (body.axes_lps[:, 0] @ inward) * inward)
    back = np.cross(inward, left)
    return np.column_stack([left, back if back @ body.axes_lps[:, 1] > 0 else -back, inward])


def column_heights(
    body: VertebralBody, label: int, labels: Labels, grid: Grid, *, hidden: Bools | None = None
) -> Heights:
    """Measure a body's height in front, in the middle and behind, from its known endplate inwards.

    Parameters
    ----------
    body : VertebralBody
        The body; its frame may be off where an endplate is missing.
    label : int
        Of its bone.
    labels : ndarray of int16, shape ``grid.shape``
        Bones, apart.
    grid : Grid
        Their grid.
    hidden : ndarray of bool, shape ``grid.shape``, or None
        Where it cannot be read whether a body ends; None where all can be read.

    Returns
    -------
    tuple of (float or None)
        In mm; None where the columns do not end within the scan or end hidden, or there is no endplate to stand on.
    """
    plate = known_plate(body)
    if plate is None:
        return None, None, None
    axes = frame_on(plate, body)
    half, deep = body.half_width_mm, body.depth_mm / 2.0
    near, far = _FROM_WALL_MM
    across = np.linspace(-_STRIP * half, _STRIP * half, 7)
    strips = (np.linspace(-deep + near, -deep + far, 4), np.linspace(-_STRIP * deep, _STRIP * deep, 5),
              np.linspace(deep - far, deep - near, 4))  # fmt: skip
    share = _smoothed(labels == label, grid, plate.centre_lps)
    front, middle, back = (_height(share, grid, plate.centre_lps, axes, across, strip, hidden) for strip in strips)
    return front, middle, back


def _smoothed(own: Array, grid: Grid, centre: Array) -> tuple[Array, Array]:
    at = np.asarray(grid.to_index(points_lps(centre)))
    reach = (_REACH_MM + 15.0) / np.array(grid.spacing_mm)
    low = np.clip(np.floor(at - reach).astype(int), 0, np.array(grid.shape) - 1)
    high = np.clip(np.ceil(at + reach).astype(int) + 1, low + 1, grid.shape)
    block = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return ndi.gaussian_filter(own[block].astype(np.float32), _SMOOTH), low


def _height(
    share: tuple[Array, Array],
    grid: Grid,
    centre: Array,
    axes: Array,
    across: Array,
    strip: Array,
    hidden: Bools | None,
) -> float | None:
    values, low = share
    away = np.arange(-_START_MM, _REACH_MM, _STEP_MM)
    local = np.stack(np.meshgrid(across, strip, away, indexing="ij"), axis=-1)
    at = np.moveaxis(np.asarray(grid.to_index(points_lps(centre + local @ axes.T))), -1, 0)
    read = ndi.map_coordinates(values, at - low.reshape(3, 1, 1, 1), order=1, cval=np.nan)
    read = read.reshape(-1, len(away))
    ends = np.array([_run(row, away) for row in read])
    if hidden is not None:
        columns = centre + local[:, :, 0, :2].reshape(-1, 2) @ axes[:, :2].T
        for reach, sign in ((ends[:, 0], -1.0), (ends[:, 1], 1.0)):
            ends[is_hidden(hidden, grid, columns + reach[:, None] * axes[:, 2], sign * axes[:, 2])] = np.nan
    seen = (ends[:, 1] - ends[:, 0])[np.isfinite(ends).all(axis=1)]
    return float(np.median(seen)) if len(seen) >= _LEAST_SEEN * len(ends) else None


def _run(read: Array, away: Array) -> tuple[float, float]:
    """Give both ends of the run of bone 3 mm inside of the endplate, mm from it; NaN where it has none."""
    inside = np.nan_to_num(read, nan=0.0) >= 0.5
    start = int(np.searchsorted(away, _START_MM))
    if not inside[start]:
        return np.nan, np.nan
    stop = start + int(np.argmin(inside[start:]))
    first = start - int(np.argmin(inside[: start + 1][::-1]))
    if inside[start:].all() or inside[: start + 1].all() or not np.isfinite(read[[stop, first]]).all():
        return np.nan, np.nan
    fine = [(read[a] - 0.5) / max(read[a] - read[b], 1e-6) for a, b in ((stop - 1, stop), (first + 1, first))]
    return float(away[first + 1] - fine[1] * _STEP_MM), float(away[stop - 1] + fine[0] * _STEP_MM)
