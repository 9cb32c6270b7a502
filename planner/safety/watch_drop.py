"""Where the first drop of cement lies that leaves a gap through a breach."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.watch_config import WatchConfig
from planner.geometry.frames import Array, unit
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy
from planner.model.volume import Mask

Bools = npt.NDArray[np.bool_]
_Voxel = tuple[int, int, int]
_VOXEL_MM = 0.6
"""A drop of 0.2 mL has some 900 voxels of this size. Ours."""
_STEP_MM = 0.25
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
        Where no free space lies along the way out, bone gives way; metal and filled gaps never do. None where there is
        room for less than half of it, or where the CT ends.
    """
    start, out = np.asarray(centroid_lps, dtype=np.float64), unit(outward_lps)
    radius = (3.0 * config.drop_ml * 1000.0 / (4.0 * np.pi)) ** (1.0 / 3.0)
    grid = _box_round(start, config.way_mm + _WIDTHS * radius)
    taken, bone = _sampled([[anatomy.metal, filled], [anatomy.bone]], grid)
    count = round(config.drop_ml * 1000.0 / grid.voxel_volume_mm3)
    for room, within_bone in ((~(taken | bone), False), (~taken, True)):
        way = _way_out(room, grid, start, out, way_mm=config.way_mm, radius_mm=radius)
        if way is not None:
            ball, cushion = (_grown(room, middle, count=count) for middle in (way[-1], way[0]))
            if ball is None or cushion is None:
                return None
            return Drop(Mask(grid, ball), Mask(grid, cushion), within_bone)
    return None


def _box_round(centre_lps: Array, reach_mm: float) -> Grid:
    count = 2 * int(np.ceil(reach_mm / _VOXEL_MM)) + 1
    matrix = np.diag([_VOXEL_MM, _VOXEL_MM, _VOXEL_MM, 1.0])
    matrix[:3, 3] = centre_lps - _VOXEL_MM * (count - 1) / 2.0
    return Grid((count, count, count), matrix)


def _sampled(groups: list[list[Mask]], grid: Grid) -> list[Bools]:
    """Bring each group of masks onto another grid, by the nearest voxel; beyond their grid nothing is free."""
    source = groups[0][0].grid
    index = np.rint(source.to_index(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))).astype(np.intp)
    inside = np.all((index >= 0) & (index < np.array(source.shape)), axis=-1)
    at = tuple(np.moveaxis(np.clip(index, 0, np.array(source.shape) - 1), -1, 0))
    return [np.logical_or.reduce([mask.voxels[at] for mask in group]) | ~inside for group in groups]


def _way_out(
    room: Bools, grid: Grid, start: Array, out: Array, *, way_mm: float, radius_mm: float
) -> list[_Voxel] | None:
    """Give the way from the outside of the wall to the middle of a ball that touches it; None where none is free."""
    steps = np.arange(0.0, way_mm + radius_mm, _STEP_MM)
    places = np.rint(grid.to_index(start + steps[:, None] * out)).astype(np.intp)
    free = room[tuple(places.T)]
    opens = np.flatnonzero(free & (steps <= way_mm))
    if not len(opens):
        return None
    first = int(opens[0])
    shut = np.flatnonzero(~free[first:])
    # Between two walls that are nearer than the ball is wide its middle lies midway.
    deep_mm = min(radius_mm, (shut[0] - 1) * _STEP_MM / 2.0) if len(shut) else radius_mm
    last = min(first + int(deep_mm / _STEP_MM), len(places) - 1)
    return [(int(i), int(j), int(k)) for i, j, k in places[first : last + 1]]


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
