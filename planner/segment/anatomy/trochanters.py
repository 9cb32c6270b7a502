"""The tips of the greater and the lesser trochanter, on a femur that was told apart."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from planner.config.hip_bone_config import HipBoneConfig
from planner.geometry.frames import Array, PointsLps, points_lps, unit
from planner.geometry.grid import Grid
from planner.model.implant import Side
from planner.segment.upright import Bools, Floats

DEFAULT = HipBoneConfig()
_CAP_MM = 2.0
"""A tip is the middle of the last 2 mm: one voxel decides nothing."""
_LATERAL_MM = 2.0
"""So far lateral of the shaft's axis and above, all bone is the greater trochanter's: the neck lies medial. Ours."""
_ANTEVERSION_DEG = 15.0
"""The neck's usual turn before the femur's own medial (10 to 20 degrees in adults)."""
_LEAST_SLANT, _MOST_TURN = 0.3, np.radians(50.0)
"""A neck steeper than this shows no turn, and no leg lies turned further. Ours."""
_BODY_MM2, _ROUND_TOP_MM = 100.0, 4.0
"""The trochanter's section is this large within so much of its top: a spur's or heterotopic bone's is not. Ours."""
_RIND_MM, _SOFT_HU = 5.0, 50.0
"""So deep the cortex of the tip is met; muscle and tendon about it."""
_LEAST_CAP_MM2 = 15.0
"""A topmost slice with less is noise or a spur. Ours."""
_BIN_MM, _BIN_DEG = 2.0, 10.0
_BEHIND_NECK_DEG = (20.0, 120.0)
"""Where it stands, seen along the shaft, from the neck's direction towards behind; about 45. Ours."""
_REACH_MM = 55.0
"""No bone of the femur below its neck lies further from the shaft's axis."""
_ROUND_TIP_MM = 14.0
"""The tip is looked for so far above and below where the trochanter stands out most."""


@dataclass(frozen=True, slots=True, eq=False)
class ShaftFrame:
    """A femur's upper shaft: where to measure from.

    Parameters
    ----------
    origin_lps : PointsLps, shape (3,)
        A point of its axis.
    up_lps, lateral_lps, posterior_lps : ndarray, shape (3,)
        Unit vectors, at right angles to each other.
    """

    origin_lps: PointsLps
    up_lps: Array
    lateral_lps: Array
    posterior_lps: Array

    def angle_deg(self, direction_lps: Array) -> float:
        """Give the direction of a vector seen along the shaft, degrees from medial towards behind."""
        return float(np.degrees(np.arctan2(direction_lps @ self.posterior_lps, -(direction_lps @ self.lateral_lps))))

    def measures(self, points: PointsLps) -> tuple[Array, Array, Array]:
        """Give how far lateral, posterior and above points lie, mm, each of shape (N,)."""
        away = np.asarray(points) - np.asarray(self.origin_lps)
        return away @ self.lateral_lps, away @ self.posterior_lps, away @ self.up_lps


def shaft_frame(upper_lps: PointsLps, lower_lps: PointsLps, side: Side, *, neck_lps: Array | None = None) -> ShaftFrame:
    """Lay a frame along a shaft, turned as the leg is.

    Parameters
    ----------
    upper_lps, lower_lps : PointsLps, shape (3,)
        Two points of its axis.
    side : {"left", "right"}
        The patient's side.
    neck_lps : ndarray, shape (3,), or None
        Towards the head; the neck is taken to lie 15 degrees before medial. None takes the patient's own lateral.

    Returns
    -------
    ShaftFrame
        Its origin is the lower point.
    """
    up = unit(np.asarray(upper_lps) - np.asarray(lower_lps))
    lateral = np.array([1.0 if side == "left" else -1.0, 0.0, 0.0])
    lateral = unit(lateral - (lateral @ up) * up)
    posterior = np.array([0.0, 1.0, 0.0])
    posterior = unit(posterior - (posterior @ up) * up - (posterior @ lateral) * lateral)
    frame = ShaftFrame(points_lps(lower_lps), up, lateral, posterior)
    if neck_lps is None or np.linalg.norm(neck_lps - (neck_lps @ up) * up) < _LEAST_SLANT:
        return frame
    turn = np.clip(np.radians(frame.angle_deg(neck_lps) + _ANTEVERSION_DEG), -_MOST_TURN, _MOST_TURN)
    return ShaftFrame(
        points_lps(lower_lps),
        up,
        np.cos(turn) * lateral - np.sin(turn) * posterior,
        np.sin(turn) * lateral + np.cos(turn) * posterior,
    )


def trochanter_tip(femur: Bools, grid: Grid, shaft: ShaftFrame, *, hu: Floats | None = None) -> PointsLps | None:
    """Find the tip of the greater trochanter.

    Parameters
    ----------
    femur : ndarray of bool, shape ``grid.shape``
        The femur.
    grid : Grid
        An upright grid.
    shaft : ShaftFrame
        Its upper shaft.
    hu : ndarray, shape ``grid.shape``, or None
        The CT, to place the surface half-way up to its cortex; None takes the mask's.

    Returns
    -------
    PointsLps, shape (3,), or None
        The middle of the topmost 2 mm, along the patient's superior axis, of what lies lateral of the shaft's axis.
        None where the picture ends there, or no bone stands there.
    """
    cells = np.argwhere(femur)
    if not len(cells):
        return None
    lateral, _behind, _up = shaft.measures(grid.to_lps(cells))
    cells = cells[(lateral > _LATERAL_MM) & (lateral < _REACH_MM)]
    if not len(cells):
        return None
    top = _top(cells[:, 0], grid)
    if top is None or top >= grid.shape[0] - 2:
        return None
    if hu is not None:
        dense = cells[_is_dense(hu, cells, top, grid)]
        sharper = _top(dense[:, 0], grid)
        if sharper is not None:
            cells, top = dense, sharper
    points = grid.to_lps(cells)
    # the slice itself may hold none of them, where a spur above was left out
    height = points[:, 2] - float(np.asarray(grid.to_lps([float(top), 0.0, 0.0]))[2])
    # a voxel reaches half its edge above its middle
    cap = points[(height <= 0.25) & (height > -_CAP_MM + grid.spacing_mm[0] / 2)]
    return points_lps(cap.mean(axis=0)) if len(cap) else None


def _is_dense(hu: Floats, cells: npt.NDArray[np.intp], top: int, grid: Grid) -> Bools:
    """Keep of the upper end what reads more than half of its cortex over soft tissue."""
    under = (top - cells[:, 0]) * grid.spacing_mm[0]
    values = hu[tuple(cells.T)]
    rind = values[(under >= 0) & (under < _RIND_MM)]
    limit = (_SOFT_HU + float(np.percentile(rind, 90))) / 2.0
    return np.asarray((values > limit) | (under >= _RIND_MM))


def _top(rows: npt.NDArray[np.intp], grid: Grid) -> int | None:
    """Give the topmost slice of the trochanter, without what is thinner than it: spurs and heterotopic bone."""
    area = np.bincount(rows, minlength=grid.shape[0]) * grid.spacing_mm[1] * grid.spacing_mm[2]
    some, much = np.flatnonzero(area >= _LEAST_CAP_MM2), np.flatnonzero(area >= _BODY_MM2)
    if not len(much):
        return None
    room = round(_ROUND_TOP_MM / grid.spacing_mm[0])
    return int(some[-1]) if some[-1] - much[-1] <= room else int(much[-1]) + round(room / 2)


def lesser_trochanter(
    femur: Bools,
    grid: Grid,
    shaft: ShaftFrame,
    *,
    neck_deg: float,
    from_mm: float,
    to_mm: float,
    config: HipBoneConfig = DEFAULT,
) -> PointsLps | None:
    """Find the tip of the lesser trochanter.

    Parameters
    ----------
    femur : ndarray of bool, shape ``grid.shape``
        The femur.
    grid : Grid
        An upright grid.
    shaft : ShaftFrame
        Its upper shaft.
    neck_deg : float
        Where the neck leaves the shaft, degrees from medial towards behind.
    from_mm, to_mm : float
        Lowest and highest place that is looked at, mm up the shaft's axis from the frame's origin.
    config : HipBoneConfig
        How far it must stand out.

    Returns
    -------
    PointsLps, shape (3,), or None
        The middle of the last 2 mm across the shaft, towards where it stands out most. None where nothing stands out
        between medial and behind, or the picture or the bone ends at it.

    Notes
    -----
    The shaft's outline is read as radius over height and direction. The trochanter is its lowest summit behind the
    neck: the flare towards the calcar stands higher and along the neck.
    """
    cells = np.argwhere(femur)
    if not len(cells):
        return None
    points = grid.to_lps(cells)
    lateral, behind, up = shaft.measures(points)
    radius = np.hypot(lateral, behind)
    angle = np.degrees(np.arctan2(behind, -lateral))
    near = (up >= from_mm) & (up < to_mm) & (radius < _REACH_MM)
    first = neck_deg + _BEHIND_NECK_DEG[0]
    near &= (angle >= first) & (angle < neck_deg + _BEHIND_NECK_DEG[1])
    if not near.any():
        return None
    outline = _outline(up[near] - from_mm, angle[near] - first, radius[near], to_mm - from_mm)
    at = _lowest_peak(outline, config.lesser_stands_out_mm)
    if at is None:
        return None
    height = from_mm + (at[0] + 0.5) * _BIN_MM
    turn = np.radians(first + (at[1] + 0.5) * _BIN_DEG)
    way = np.array([-np.cos(turn), np.sin(turn)])
    round_it = np.abs(up - height) <= _ROUND_TIP_MM
    out = lateral * way[0] + behind * way[1]
    cap = round_it & (out >= out[round_it].max() - _CAP_MM + grid.spacing_mm[0] / 2)
    return points_lps(points[cap].mean(axis=0))


def _outline(up: Array, angle: Array, radius: Array, length_mm: float) -> Array:
    """Give the greatest radius in each bin of height and direction; NaN where there is no bone."""
    shape = (int(np.ceil(length_mm / _BIN_MM)), round((_BEHIND_NECK_DEG[1] - _BEHIND_NECK_DEG[0]) / _BIN_DEG))
    out = np.full(shape, -np.inf)
    row = np.minimum((up / _BIN_MM).astype(int), shape[0] - 1)
    column = np.minimum((angle / _BIN_DEG).astype(int), shape[1] - 1)
    np.maximum.at(out, (row, column), radius)
    return np.where(np.isfinite(out), out, np.nan)


def _lowest_peak(outline: Array, least_mm: float) -> tuple[int, int] | None:
    """Find the lowest place that stands out from the outline, both along the shaft and round it; None without any."""
    known = np.isfinite(outline)
    smooth = ndi.uniform_filter(np.where(known, outline, 0.0), size=3, mode="nearest")
    summit = (smooth >= ndi.maximum_filter(smooth, size=(5, 3), mode="nearest")) & known
    found = []
    for column in range(smooth.shape[1]):
        found += [(row, column) for row in _peaks(smooth[:, column], least_mm) if summit[row, column]]
    return min(found, default=None)


def _peaks(line: Array, least: float) -> list[int]:
    """Find a line's peaks by their prominence, as `scipy.signal.find_peaks`, which takes half a second to load."""
    starts = np.flatnonzero(np.concatenate([[True], line[1:] != line[:-1]]))
    level = line[starts]
    found = []
    for k in np.flatnonzero((level[1:-1] > level[:-2]) & (level[1:-1] > level[2:])) + 1:
        # a flat summit's middle
        at, height = int(starts[k] + starts[k + 1] - 1) // 2, level[k]
        higher_before, higher_behind = np.flatnonzero(line[:at] > height), np.flatnonzero(line[at:] > height)
        first = int(higher_before[-1]) + 1 if len(higher_before) else 0
        stop = at + int(higher_behind[0]) if len(higher_behind) else len(line)
        if height - max(line[first : at + 1].min(), line[at:stop].min()) >= least:
            found.append(at)
    return found
