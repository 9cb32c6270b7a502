"""Screws that stand out of their bone: how far, and through which wall."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import edt
import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_erosion
from scipy.spatial import KDTree

from planner.config.fault_config import FaultConfig
from planner.geometry.frames import Array, PointsLps, unit
from planner.geometry.grid import Grid
from planner.geometry.rigid import perpendicular_pair
from planner.model.implant import Implant
from planner.model.volume import Mask
from planner.segment.anatomy.canal import Canal
from planner.segment.implants.broken_shafts import ends_lps
from planner.segment.implants.seats import behind_canal_mm

Wall = Literal["canal", "front", "side", "upper endplate", "lower endplate", "untold", "none"]
"""Through what a screw leaves its bone; "none" where it lies in no bone at all."""
_STEP_MM, _TURNS = 0.5, 24
_ROOM_MM = 14.0
_OUT_MM = 1.0
_USUAL_MM = 5.0
"""Over the thread of a screw that is too short to be measured: thin, so that nothing is said that is not sure. Ours."""
"""Cells of the thread this far out are out: a voxel and its blur. `_GRAZES_MM` of the phantoms' truth is the same."""
_LEAST_IN_BONE = 0.25
"""Of which less lies in bone, that is held by none: pulled out, or no screw."""
_CLEAR_SHARE = 0.72
"""A way out within 44 degrees of one of the vertebra's directions has gone through that wall; else it is untold."""
_TANGENT_MM = 15.0
"""The canal's lean is told over a vertebra's height."""
_MIDLINE_DEGREE, _MIDLINE_ROUNDS = 3, 4
"""The canal's midline is a smooth curve: a cubic over the few levels seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Stray:
    """A screw outside of its bone.

    Parameters
    ----------
    screw : Implant
        Which.
    where_lps : ndarray, shape (3,)
        The place of its thread that lies farthest out.
    beyond_mm : float
        How far that is from the bone; in the canal, how deep in it.
    wall : Wall
        Through what.
    """

    screw: Implant
    where_lps: Array
    beyond_mm: float
    wall: Wall


def screws_outside(
    implants: Sequence[Implant], *, bone: Mask | None, canal: Canal | None, config: FaultConfig
) -> tuple[Stray, ...]:
    """Find the screws that stand out of their bone, beyond the pedicle's middle: before it all come in from outside.

    Parameters
    ----------
    implants : sequence of Implant
        What was found.
    bone : Mask or None
        Bone, closed over gaps; None where it is not known: then only the canal is asked.
    canal : Canal or None
        The spinal canal; without it half of a screw's length counts as its pedicle's.
    config : FaultConfig
        The limits.

    Returns
    -------
    tuple of Stray
        One a screw at most, the canal before all others; none but in the canal where most screws seem to stand out of
        their bone.
    """
    screws = [i for i in implants if i.kind == "pedicle_screw" and i.axis is not None and i.axis.length_mm > 1.0]
    found, out = [], []
    for screw in screws:
        into = None if canal is None else _in_canal(screw, canal, config)
        if into is not None and into.beyond_mm > config.in_canal_mm:
            found.append(into)
        elif bone is not None:
            stray = _out_of_bone(screw, bone, canal, config)
            out += [] if stray is None else [stray]
    # Where most screws seem to stand out of the bone, it is the bone's outline that is wrong.
    believed = len(out) <= max(1.0, config.most_outside_share * len(screws))
    return (*found, *out) if believed else tuple(found)


def thread_lps(screw: Implant, *, from_mm: float) -> Array:
    """Give points on the crest of a screw's thread.

    Parameters
    ----------
    screw : Implant
        With an axis.
    from_mm : float
        Where to begin, from the head.

    Returns
    -------
    ndarray, shape (N, 3)
        LPS mm; half a radius before the tip they stop, for the nose is thinner.
    """
    head, tip = ends_lps(screw)
    assert screw.axis is not None
    radius, way = _diameter_mm(screw) / 2, unit(tip - head)
    turn = np.arange(_TURNS) * 2 * np.pi / _TURNS
    ring = radius * (np.stack([np.cos(turn), np.sin(turn)], axis=1) @ np.stack(perpendicular_pair(way)))
    along = np.arange(from_mm, screw.axis.length_mm - radius / 2, _STEP_MM)
    crest = (head + along[:, None, None] * way + ring).reshape(-1, 3)
    return np.concatenate([crest, tip[None]])


def _diameter_mm(screw: Implant) -> float:
    """Diameter over the thread; a usual one where it was not measured."""
    measured = None if screw.axis is None else screw.axis.diameter_mm
    return _USUAL_MM if measured is None else measured


def _out_of_bone(screw: Implant, bone: Mask, canal: Canal | None, config: FaultConfig) -> Stray | None:
    assert screw.axis is not None
    behind = None if canal is None else behind_canal_mm(screw, canal)
    start = 0.5 * screw.axis.length_mm if behind is None else behind
    points = thread_lps(screw, from_mm=min(start, 0.75 * screw.axis.length_mm))
    block = _block_round(bone.grid, points)
    own, grid = bone.voxels[block], bone.grid.crop(*_ends(block))
    if not own.any():
        return Stray(screw, points[-1], _ROOM_MM, "none")
    away = edt.edt(~own, anisotropy=grid.spacing_mm, parallel=1)
    index = np.clip(np.rint(grid.to_index(PointsLps(points))).astype(int), 0, np.array(grid.shape) - 1)
    beyond = np.asarray(away[tuple(index.T)], dtype=np.float64)
    worst, is_out = int(np.argmax(beyond)), beyond > _OUT_MM
    if float(np.mean(beyond <= _OUT_MM)) < _LEAST_IN_BONE:
        return Stray(screw, points[worst], float(beyond[worst]), "none")
    cell_mm2 = _STEP_MM * np.pi * _diameter_mm(screw) / _TURNS
    if np.count_nonzero(is_out) * cell_mm2 < config.least_outside_mm2 or beyond[worst] <= config.outside_mm:
        return None
    cells = np.asarray(grid.to_lps(np.argwhere(own & ~binary_erosion(own))))
    far = points[beyond > 0.7 * beyond[worst]]
    way_out = (far - cells[KDTree(cells).query(far)[1]]).mean(axis=0)
    return Stray(screw, points[worst], float(beyond[worst]), _wall(way_out, _upward(points[worst], canal)))


def _upward(point: Array, canal: Canal | None) -> Array:
    """Give the way up at a place: along the canal, as vertebrae stand square to it."""
    if canal is None:
        return np.array([0.0, 0.0, 1.0])
    line = canal.centre_lps
    ends = np.clip(point[2] + np.array([-_TANGENT_MM, _TANGENT_MM]), line[0, 2], line[-1, 2])
    if np.ptp(ends) < _TANGENT_MM:
        return np.array([0.0, 0.0, 1.0])
    low, high = (np.array([np.interp(z, line[:, 2], line[:, k]) for k in range(3)]) for z in ends)
    return unit(high - low)


def _wall(way_out: Array, upward: Array) -> Wall:
    left = unit(np.array([1.0, 0.0, 0.0]) - upward[0] * upward)
    way = np.array([left, np.cross(upward, left), upward]) @ unit(way_out)
    axis = int(np.argmax(np.abs(way)))
    if abs(way[axis]) < _CLEAR_SHARE or (axis == 1 and way[1] > 0):
        return "untold"
    if axis == 2:
        return "upper endplate" if way[2] > 0 else "lower endplate"
    return "side" if axis == 0 else "front"


def _block_round(grid: Grid, points: Array) -> tuple[slice, slice, slice]:
    index = np.asarray(grid.to_index(PointsLps(points)))
    room = _ROOM_MM / np.array(grid.spacing_mm)
    low = np.clip(np.floor(index.min(axis=0) - room).astype(int), 0, np.array(grid.shape) - 1)
    high = np.clip(np.ceil(index.max(axis=0) + room).astype(int) + 1, low + 1, grid.shape)
    z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return z, y, x


def _ends(block: tuple[slice, slice, slice]) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    z, y, x = block
    return (z.start, y.start, x.start), (z.stop, y.stop, x.stop)


def _in_canal(screw: Implant, canal: Canal, config: FaultConfig) -> Stray | None:
    """Measure how deep a screw stands in the canal: the mean of what the canal's own and its opposite wall say.

    A screw in the canal hides the wall that it went through, and is taken for it: its depth comes out too small. The
    opposite wall, mirrored at the midline, is whole; but canals are not quite even.
    """
    line = canal.centre_lps
    midline = _midline_mm(canal)
    angle = np.arange(canal.radii_mm.shape[1]) * 2 * np.pi / canal.radii_mm.shape[1]
    wall_x = line[:, :1] + canal.radii_mm * np.cos(angle)
    wall_y = line[:, 1:2] + canal.radii_mm * np.sin(angle)
    points = thread_lps(screw, from_mm=0.0)
    rows = np.rint(np.interp(points[:, 2], line[:, 2], np.arange(len(line)))).astype(int)
    known = (points[:, 2] >= line[0, 2]) & (points[:, 2] <= line[-1, 2])
    # What lies farther aside than the wall does anywhere is not in the canal, and need not be asked.
    known &= np.abs(points[:, 0] - midline[rows]) < float(canal.radii_mm.max())
    head, _ = ends_lps(screw)
    best: tuple[float, Array] | None = None
    for point, row in zip(points[known], rows[known], strict=True):
        side = 1.0 if head[0] > midline[row] else -1.0
        walls = [
            _half_width(wall_x[row] - midline[row], wall_y[row], towards * side, float(point[1]))
            for towards in (1.0, -1.0)
        ]
        if walls[0] is None or walls[1] is None:
            continue
        aside = side * float(point[0] - midline[row])
        if walls[0] - aside < config.in_own_wall_mm:
            continue
        depth = (walls[0] + walls[1]) / 2 - aside
        if best is None or depth > best[0]:
            best = (depth, point)
    return None if best is None else Stray(screw, best[1], best[0], "canal")


def _half_width(x_mm: Array, y_mm: Array, side: float, y: float) -> float | None:
    """Give the distance from the midline to the wall of one side at a height; None before and behind the canal."""
    out = side * x_mm
    own = out > 0
    if np.count_nonzero(own) < 2:
        return None
    order = np.argsort(y_mm[own])
    heights: npt.NDArray[np.float64] = y_mm[own][order]
    if not heights[0] <= y <= heights[-1]:
        return None
    return float(np.interp(y, heights, out[own][order]))


def _midline_mm(canal: Canal) -> Array:
    """Give the x of the canal's midline along its centre line: a smooth curve, for a screw pushes the centre aside."""
    z, x = canal.centre_lps[:, 2], canal.centre_lps[:, 0]
    keep = np.ones(len(z), dtype=bool)
    smooth = np.full(len(z), float(np.median(x)))
    for _ in range(_MIDLINE_ROUNDS):
        if np.count_nonzero(keep) < 4 * _MIDLINE_DEGREE:
            break
        smooth = np.asarray(np.polynomial.Polynomial.fit(z[keep], x[keep], _MIDLINE_DEGREE)(z))
        off = np.abs(x - smooth)
        keep = off <= max(3.0 * float(np.median(off[keep])), 0.3)
    return smooth
