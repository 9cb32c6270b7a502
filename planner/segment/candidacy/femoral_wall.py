"""The wall of a femoral shaft, unrolled: how dense it is at each height and angle, and where that can be read."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from planner.config.candidacy_config import FemoralWallConfig
from planner.geometry.cells import cells_in
from planner.geometry.distance import distance_mm
from planner.geometry.frames import Array, PointsLps, points_lps
from planner.geometry.grid import Grid
from planner.model.bones import Bone
from planner.model.implant import Side
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.trochanters import ShaftFrame, shaft_frame
from planner.segment.interpolation import interpolated
from planner.segment.region import block_of
from planner.segment.trust import TrustMap
from planner.segment.upright import Bools

DEFAULT = FemoralWallConfig()
_ANGLES = 120
"""Three degrees apart: under 1 mm on a shaft of 30 mm."""
_RAY_MM, _REACH_MM = 0.5, 35.0
_OUTSIDE_MM, _INSIDE_MM, _DEPTH_STEP_MM = 1.6, 6.0, 0.4
"""The wall is looked for from so far outside of the envelope to so far within: a cortex and its blur. Ours."""
_SHAFT_FROM_MM = 15.0
"""Below the lesser trochanter, where the shaft is a tube. Ours."""
_WHOLE_SECTION = 0.85
"""Of the widest sections' area: shafts taper by less over 150 mm. Ours."""
_LEAST_WHOLE_MM, _BOW_FROM_MM = 20.0, 60.0
"""So much of the shaft must be whole to know its outline; over this length its bow shows. Ours."""
_SHORT_MM = 3.0
"""A section that falls short of the usual outline by this has no wall there. Ours."""
_ROOM_MM = 4.0
_FEWEST_ROWS = 8
_DENSE_PERCENTILE = 75.0


@dataclass(frozen=True, slots=True, eq=False)
class FemoralWall:
    """The wall of one femur below its lesser trochanter, unrolled.

    Parameters
    ----------
    side : {"left", "right"}
        The patient's side.
    below_mm : ndarray, shape (H,)
        How far each row lies below the lesser trochanter along the shaft; rising. Negative above.
    angle_deg : ndarray, shape (A,)
        From lateral towards posterior, all the way round.
    points_lps : PointsLps, shape (H, A, 3)
        On the envelope's surface.
    radius_mm : ndarray, shape (H, A)
        From the shaft's middle to it.
    peak_hu : ndarray, shape (H, A)
        The brightest reading across the wall, without metal; NaN where nothing of it can be read.
    is_readable : ndarray of bool, shape (H, A)
        Metal is far enough, and artefacts leave the wall readable.
    trust : ndarray, shape (H, A)
        How far artefacts leave it readable, 0..1; 1 where no map of them is at hand.
    dense_hu : float
        What this patient's cortex reads where it is thick.
    """

    side: Side
    below_mm: Array
    angle_deg: Array
    points_lps: PointsLps
    radius_mm: Array
    peak_hu: Array
    is_readable: Bools
    trust: Array
    dense_hu: float

    @property
    def row_mm(self) -> float:
        """From row to row, mm."""
        return float(self.below_mm[1] - self.below_mm[0])


def femoral_wall(
    femur: Bone,
    *,
    ct: Volume,
    metal: Mask,
    axis_lps: tuple[PointsLps, PointsLps],
    lesser_lps: PointsLps,
    trust: TrustMap | None = None,
    config: FemoralWallConfig = DEFAULT,
) -> FemoralWall | None:
    """Unroll the wall of a femur's shaft.

    Parameters
    ----------
    femur : Bone
        Its envelope, closed over holes: it says where a wall should be.
    ct : Volume
        The CT, on the envelope's grid.
    metal : Mask
        All metal, on the same grid.
    axis_lps : tuple of two PointsLps
        Upper and lower end of the stem or the shaft.
    lesser_lps : PointsLps, shape (3,)
        The lesser trochanter; heights count from it.
    trust : TrustMap or None
        What artefacts leave readable; None: all but the metal's blur is believed.
    config : FemoralWallConfig
        Limits.

    Returns
    -------
    FemoralWall or None
        None where too little of the shaft is in view, or none of its wall can be read.

    Raises
    ------
    GeometryError
        If the masks lie on other grids.
    """
    ct.grid.require_same(femur.mask.grid)
    ct.grid.require_same(metal.grid)
    block = _block(femur.mask, float(lesser_lps[2]) + config.above_mm + _ROOM_MM)
    if femur.side is None or block is None:
        return None
    z, y, x = block
    grid = ct.grid.crop((z.start, y.start, x.start), (z.stop, y.stop, x.stop))
    own, solid = femur.mask.voxels[block], metal.voxels[block]
    frame = shaft_frame(axis_lps[0], axis_lps[1], femur.side)
    middle = _middles(own, grid, frame, lesser_lps, config)
    if middle is None:
        return None
    below, centre, whole = middle
    angle = np.arange(_ANGLES) * 360.0 / _ANGLES
    turn = np.radians(angle)[:, None]
    way = np.cos(turn) * frame.lateral_lps + np.sin(turn) * frame.posterior_lps
    radius = _filled(_radii(own, grid, centre, way), whole)
    surface = centre[:, None, :] + radius[..., None] * way
    depth = np.arange(-_OUTSIDE_MM, _INSIDE_MM, _DEPTH_STEP_MM)
    points = surface[..., None, :] - depth[:, None] * way[:, None, :]
    away = distance_mm(solid, grid.spacing_mm)
    hu = _read(np.asarray(ct.hu[block], dtype=np.float32), grid, points)
    clear = _read(away, grid, points) > config.bloom_mm
    peak = np.where(clear, hu, -np.inf).max(axis=-1)
    at_wall = np.abs(depth) <= config.wall_mm
    readable = clear[..., at_wall].all(axis=-1) & (radius > 0)
    trusted = np.ones(radius.shape) if trust is None else np.asarray(trust.trust_at(surface))
    readable &= trusted >= config.least_trust
    peak = np.where(np.isfinite(peak), peak, np.nan)
    if np.count_nonzero(readable) < _FEWEST_ROWS * _ANGLES / 4:
        return None
    dense = float(np.percentile(peak[readable], _DENSE_PERCENTILE))
    return FemoralWall(femur.side, below, angle, points_lps(surface), radius, peak, readable, trusted, dense)


def _block(femur: Mask, top_mm: float) -> tuple[slice, slice, slice] | None:
    """Give the block round what of a femur lies below a height."""
    grid = femur.grid
    cells = cells_in(femur.voxels)
    points = np.asarray(grid.to_lps(cells))
    points = points[points[:, 2] < top_mm]
    if not len(points):
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    low[:2] -= _ROOM_MM
    high[:2] += _ROOM_MM
    return block_of(grid, np.stack([low, high]))


def _middles(
    femur: Bools, grid: Grid, frame: ShaftFrame, lesser_lps: PointsLps, config: FemoralWallConfig
) -> tuple[Array, Array, Bools] | None:
    """Give the rows' heights below the lesser trochanter, the shaft's middle in each, and which have a whole section.

    The middle is a bowed line through whole sections: one that has lost half of its wall would pull it aside.
    """
    z = grid.lps_from_index[2, 3] + grid.spacing_mm[0] * np.arange(grid.shape[0])
    rows = np.flatnonzero(femur.any(axis=(1, 2)) & (z <= float(lesser_lps[2]) + config.above_mm))
    rows = rows[rows > rows.min(initial=grid.shape[0])]  # the lowest one is cut
    if len(rows) < _FEWEST_ROWS:
        return None
    sections = [_round_axis(femur[k], grid, frame, float(z[k])) for k in rows]
    found = np.stack([grid.to_lps([k, *middle]) for k, (middle, _) in zip(rows, sections, strict=True)])
    area = np.array([size for _, size in sections])
    below = -((found - np.asarray(lesser_lps)) @ frame.up_lps)
    shaft = below > _SHAFT_FROM_MM
    if np.count_nonzero(shaft) < _FEWEST_ROWS:
        return None
    whole = area >= _WHOLE_SECTION * np.percentile(area[shaft], 90)
    if np.ptp(below[shaft & whole]) < _LEAST_WHOLE_MM:
        return None
    degree = 2 if np.ptp(below[shaft & whole]) > _BOW_FROM_MM else 1
    line = np.polyfit(below[shaft & whole], found[shaft & whole], degree)
    heights = np.arange(float(below.min()), float(below.max()), config.row_mm)
    middle = np.stack([np.polyval(line[:, k], heights) for k in range(3)], axis=-1)
    # the line gives a row its middle; along the shaft it is put to its own height
    shift = -heights - (middle - np.asarray(lesser_lps)) @ frame.up_lps
    is_whole = np.interp(heights, below[::-1], whole[::-1].astype(float)) > 0.5
    return heights, middle + shift[:, None] * frame.up_lps, np.asarray(is_whole & (heights > _SHAFT_FROM_MM))


def _round_axis(section: Bools, grid: Grid, frame: ShaftFrame, z: float) -> tuple[Array, int]:
    """Give middle (row, column) and size of what of a section lies near the shaft's axis: trochanters are left out."""
    t = (z - frame.origin_lps[2]) / frame.up_lps[2]
    foot = grid.to_index(np.asarray(frame.origin_lps) + t * frame.up_lps)[1:]
    cells = np.argwhere(section)
    near = np.linalg.norm((cells - foot) * grid.spacing_mm[1:], axis=1) < 20.0
    kept = cells[near] if near.any() else cells
    return np.asarray(kept.mean(axis=0)), len(kept)


def _filled(radius: Array, whole: Bools) -> Array:
    """Give the outline that the whole sections have, where a section falls short of it: its wall is gone there."""
    usual = np.median(radius[whole], axis=0)
    return np.where(radius < usual - _SHORT_MM, usual, radius)


def _radii(femur: Bools, grid: Grid, centre: Array, way: Array) -> Array:
    """Give the distance to the first way out of the envelope, smoothed, shape (H, A)."""
    steps = np.arange(_RAY_MM, _REACH_MM, _RAY_MM)
    points = centre[:, None, None, :] + steps[:, None] * way[:, None, :]
    inside = _read(femur.astype(np.float32), grid, points) > 0.5
    out = np.where(inside.all(axis=-1), len(steps), np.argmin(inside, axis=-1))
    round_twice = np.pad(out * _RAY_MM, ((0, 0), (2, 2)), mode="wrap")
    return np.asarray(ndi.median_filter(round_twice, size=(3, 5), mode="nearest")[:, 2:-2])


def _read(values: npt.NDArray[np.float32], grid: Grid, points: Array) -> npt.NDArray[np.float32]:
    return interpolated(np.ascontiguousarray(values), np.asarray(grid.to_index(points)))
