"""Where the first drop of cement lies that leaves a gap through a breach."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.watch_config import WatchConfig
from planner.geometry.frames import Array, PointsLps, unit
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy
from planner.model.volume import Mask

Bools = npt.NDArray[np.bool_]
_Voxel = tuple[int, int, int]
_VOXEL_MM = 0.6
"""A drop of 0.2 mL has some 900 voxels of this size. Ours."""
_STEP_MM = 0.25
_CONE = 0.5
"""Cosine of 60 degrees: the way out may run so far off the breach's mean direction. Ours."""
_WIDTHS = 2.5
"""So many radii beyond the way out the drop's space is looked at: room to get round an edge. Ours."""
_ROUNDS = 6
"""The drop is let grow so often where walls take its room; 2 or 3 are enough on the cases seen."""
_LEAST_SHARE = 0.5
"""A drop that finds room for less than this of its volume is not one: what it would look like is not known. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class Drop:
    """A drop of cement that has left a gap.

    Parameters
    ----------
    ball, cushion : Mask
        The two forms that it may take: a ball that hangs on the breach, and half a ball on it. On a small grid
        of their own.
    within_bone : bool
        Whether no free space lies behind the breach, so that the cement runs in bone: in a vein, or a cleft.
    """

    ball: Mask
    cushion: Mask
    within_bone: bool

    @property
    def forms(self) -> tuple[Mask, Mask]:
        """Both forms."""
        return self.ball, self.cushion


def leaked_drop(
    anatomy: Anatomy, filled: Mask, centroid_lps: npt.ArrayLike, outward_lps: npt.ArrayLike, *, config: WatchConfig
) -> Drop | None:
    """Lay a drop behind a breach.

    Parameters
    ----------
    anatomy : Anatomy
        Bone and metal.
    filled : Mask
        All gaps, which are taken to be full.
    centroid_lps, outward_lps : array_like, shape (3,)
        A place on the breach, LPS mm, and the direction out of it, of any length but zero.
    config : WatchConfig
        The drop's volume, and how far free space is looked for.

    Returns
    -------
    Drop or None
        The ball touches the outside of the breach, the cushion sits on it as half a ball; where bone, metal or a filled
        gap is in the way each takes the space that hangs together beside them, nearest first, up to the same volume.
        Where there is no free space near the breach, or too little, bone gives way; metal and filled gaps never do.
        None where there is room for less than half of it, or where the CT ends.
    """
    start, out = np.asarray(centroid_lps, dtype=np.float64), unit(outward_lps)
    radius = (3.0 * config.drop_ml * 1000.0 / (4.0 * np.pi)) ** (1.0 / 3.0)
    grid = _box_round(start, config.way_mm + _WIDTHS * radius)
    places = grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))
    taken, bone = _sampled([[anatomy.metal, filled], [anatomy.bone]], places)
    count = round(config.drop_ml * 1000.0 / grid.voxel_volume_mm3)
    # Not round the gap to its other side, which another breach has.
    taken |= np.asarray((places - start) @ out < -_VOXEL_MM)
    free = ~(taken | bone)
    # What was measured of gap and metal may reach a little further out than they do.
    for room, way_mm, within_bone in (
        (free, config.way_mm, False), (~taken, config.way_mm, True), (~taken, 2.0 * config.way_mm, True)
    ):  # fmt: skip
        exit_at = _exit(room, grid, start, out, way_mm=way_mm)
        if exit_at is not None:
            middle = _middle(room, grid, exit_at, out, radius_mm=radius)
            ball, cushion = (_grown(room, place, count=count) for place in (middle, exit_at))
            if ball is not None and cushion is not None:
                return Drop(Mask(grid, ball), Mask(grid, cushion), within_bone)
    return None


def _box_round(centre_lps: Array, reach_mm: float) -> Grid:
    count = 2 * int(np.ceil(reach_mm / _VOXEL_MM)) + 1
    matrix = np.diag([_VOXEL_MM, _VOXEL_MM, _VOXEL_MM, 1.0])
    matrix[:3, 3] = centre_lps - _VOXEL_MM * (count - 1) / 2.0
    return Grid((count, count, count), matrix)


def _sampled(groups: list[list[Mask]], places_lps: PointsLps) -> list[Bools]:
    """Give each group of masks, all on one grid, at places by the nearest voxel; beyond their grid nothing is free."""
    source = groups[0][0].grid
    index = np.rint(source.to_index(places_lps)).astype(np.intp)
    inside = np.all((index >= 0) & (index < np.array(source.shape)), axis=-1)
    at = tuple(np.moveaxis(np.clip(index, 0, np.array(source.shape) - 1), -1, 0))
    return [np.logical_or.reduce([mask.voxels[at] for mask in group]) | ~inside for group in groups]


def _exit(room: Bools, grid: Grid, start: Array, out: Array, *, way_mm: float) -> _Voxel | None:
    """Give the nearest place of the room in a cone outwards; None where none is near enough."""
    index = np.argwhere(room)
    offset = np.asarray(grid.to_lps(index)) - start
    away = np.linalg.norm(offset, axis=1)
    ahead = (offset @ out >= _CONE * away) & (away <= way_mm)
    if not ahead.any():
        return None
    i, j, k = index[ahead][np.argmin(away[ahead])]
    return int(i), int(j), int(k)


def _middle(room: Bools, grid: Grid, exit_at: _Voxel, out: Array, *, radius_mm: float) -> _Voxel:
    """Give the middle of a ball that touches the wall at its exit."""
    steps = np.arange(0.0, 2.0 * radius_mm, _STEP_MM)
    places = np.rint(np.array(exit_at) + steps[:, None] * (grid.directions_lps.T @ out) / _VOXEL_MM).astype(np.intp)
    shut = np.flatnonzero(~room[tuple(places.T)])
    # Between two walls that are nearer than the ball is wide its middle lies midway.
    deep_mm = min(radius_mm, (shut[0] - 1) * _STEP_MM / 2.0) if len(shut) else radius_mm
    i, j, k = places[int(deep_mm / _STEP_MM)]
    return int(i), int(j), int(k)


def _grown(room: Bools, middle: _Voxel, *, count: int) -> Bools | None:
    """Give so many voxels that hang together with the middle, nearest first; None where there are too few."""
    axes = [(np.arange(n) - m) ** 2 for n, m in zip(room.shape, middle, strict=True)]
    away = axes[0][:, None, None] + axes[1][None, :, None] + axes[2][None, None, :]
    limit = _limit(away, room, count)
    joined = np.zeros_like(room)
    for _ in range(_ROUNDS):
        labels, _ = ndimage.label(room & (away <= limit))
        joined = labels == labels[middle]
        found = int(np.count_nonzero(joined))
        if found >= count:
            return np.asarray(joined & (away <= _limit(away, joined, count)))
        # What walls cut off from the ball is looked for further out.
        limit *= 1.5
    return joined if found >= _LEAST_SHARE * count else None


def _limit(away: npt.NDArray[np.int64], among: Bools, count: int) -> float:
    """Give the squared distance within which so many voxels lie."""
    distances = away[among]
    return float(np.partition(distances, count - 1)[count - 1]) if len(distances) >= count else float(distances.max())
