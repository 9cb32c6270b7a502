"""A corrected gap mask brought onto a CT, and refused where it cannot belong to it."""

from collections.abc import Sequence
from itertools import product

import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.given_gap_config import GivenGapConfig
from planner.errors import LabelError
from planner.geometry.frames import Array, PointsLps
from planner.geometry.grid import Grid
from planner.model.labels import LabelMap
from planner.model.volume import Mask, Volume
from planner.segment.upright import Bools, resample, upright_grid

Codes = npt.NDArray[np.uint16]
_SAME_VOXEL = 0.05
"""Voxels that stray by less than this share are the same: rounded positions. Ours."""
_LOOKED_MM, _STEP_MM = 2.0, 3.0
"""Edge of the voxels that a mask's place is judged on, and the step of its moves. Ours."""
_JUDGED = 20_000
"""So many of the mask's voxels are judged."""
_METAL, _BONE, _NEAR, _MEASURED = 0.3, 0.5, 0.7, 1.0
"""How likely a gap is in metal (a mask may be drawn over the thread), in bone, in bone near metal, and where one was
measured; nowhere else. Ours."""
_FLIPS = (
    ("mirrored from left to right", (0,)),
    ("mirrored from front to back", (1,)),
    ("mirrored from top to bottom", (2,)),
    ("turned half round", (0, 1)),
)
_WAYS = (("to the left", "to the right"), ("back", "forwards"), ("up", "down"))


def require_on_ct(labels: LabelMap, volume: Volume, name: str, config: GivenGapConfig) -> None:
    """Refuse a mask that cannot be one of gaps in this CT, before anything is measured.

    Parameters
    ----------
    labels : LabelMap
        The mask, on any grid.
    volume : Volume
        The CT.
    name : str
        The file's name, for messages.
    config : GivenGapConfig
        The limits.

    Raises
    ------
    LabelError
        If it has another frame of reference, is too coarse or too large, or lies beside the scan, outside of the
        patient or in gas.
    """
    own, grid = labels.grid, volume.grid
    frames = {own.frame_of_reference_uid, grid.frame_of_reference_uid} - {None}
    if len(frames) > 1:
        raise LabelError(
            f"{name} belongs to another DICOM frame of reference than the CT: it was drawn on another scan; correct "
            "the gaps of this one"
        )
    coarse = max(own.spacing_mm)
    if coarse > config.coarsest_mm:
        raise LabelError(f"{name} has voxels of {coarse:.1f} mm, too coarse for gaps; draw them on the CT's own grid")
    cells = np.argwhere(np.asarray(labels.codes) > 0)
    total_ml = len(cells) * own.voxel_volume_mm3 / 1000.0
    if total_ml > config.most_ml:
        raise LabelError(
            f"{name} marks {total_ml:.0f} mL as gaps, more than {config.most_ml:.0f} mL: it holds bones or implants "
            "too; keep the gaps only, or the plan.json that names its labels beside it"
        )
    index = np.rint(np.asarray(grid.to_index(own.to_lps(cells)))).astype(int)
    inside = np.all((index >= 0) & (index < np.array(grid.shape)), axis=1)
    if len(cells) and inside.mean() < config.least_inside:
        raise LabelError(
            f"{name} lies beside the CT: only {inside.mean():.0%} of its voxels are in the scan; it was drawn on "
            "another one, or its axes were turned"
        )
    in_air = float(np.mean(volume.hu[tuple(index[inside].T)] < config.air_hu)) if len(cells) else 0.0
    if in_air > config.most_in_air:
        raise LabelError(
            f"{name} does not fit the CT: {in_air:.0%} of its voxels lie in gas or outside of the patient; it was "
            "drawn on another scan, or its axes were turned"
        )


def require_place(
    labels: LabelMap, name: str, *, bone: Mask, metal: Mask, gaps: Sequence[Mask], config: GivenGapConfig
) -> None:
    """Refuse a mask that fits the implants better mirrored or moved.

    Parameters
    ----------
    labels : LabelMap
        The mask, on any grid.
    name : str
        The file's name, for the message.
    bone : Mask
        Bone's envelope, closed over gaps, on an upright grid.
    metal : Mask
        All metal, on the CT's grid.
    gaps : sequence of Mask
        The gaps that were measured, on any grids.
    config : GivenGapConfig
        How much better counts.

    Raises
    ------
    LabelError
        Saying how it would fit.

    Notes
    -----
    Each voxel scores by where it lies: in soft tissue 0, in bone, in bone near metal, in a measured gap 1. The mean
    score is compared with that of the array mirrored about its middle, turned half round, and moved. Ours.
    """
    cells = np.argwhere(np.asarray(labels.codes) > 0)
    if not len(cells):
        return
    cells = cells[:: max(1, len(cells) // _JUDGED)]
    grid, score = _scores(bone, metal, gaps, config)
    own = labels.grid
    points = own.to_lps(cells)
    given = _mean(score, grid, points)
    main = np.abs(own.directions_lps).argmax(axis=1)  # which array axis runs along each patient axis
    flips = []
    for words, axes in _FLIPS:
        flipped = cells.copy()
        for axis in axes:
            k = int(main[axis])
            flipped[:, k] = own.shape[k] - 1 - flipped[:, k]
        flips.append((_mean(score, grid, own.to_lps(flipped)), words, own.to_lps(flipped), config.better_by))
    moved, way = _best_move(score, grid, points, config.moved_mm)
    move = (moved, f"moved by {_in_words(way)}", PointsLps(points + np.array(way)), config.better_by_moved)
    for best, how, there, better_by in sorted([*flips, move], key=lambda one: -one[0]):
        if best > given + better_by and _explains(score, grid, there, points, config):
            raise LabelError(
                f"{name} does not lie on the implants' gaps; {how} it would fit ({best:.2f}, as it is {given:.2f}, of "
                "1): export it again with its orientation and position, and look at it over the CT"
            )


def _explains(
    score: npt.NDArray[np.float32], grid: Grid, there_lps: PointsLps, given_lps: PointsLps, config: GivenGapConfig
) -> bool:
    """Say whether a mask belongs elsewhere: it covers the measured gaps there, or lies at metal only there.

    A new gap beside a part of a screw where none was measured would fit the measured one too, if it were moved along.
    """
    covered = np.zeros(grid.shape, dtype=bool)
    index = np.rint(np.asarray(grid.to_index(there_lps))).astype(int)
    inside = np.all((index >= 0) & (index < np.array(grid.shape)), axis=1)
    covered[tuple(index[inside].T)] = True
    measured = score >= _MEASURED
    if measured.any() and np.mean(covered[measured]) >= config.least_covered:
        return True
    plain = np.minimum(score, _NEAR)
    return _mean(plain, grid, there_lps) > _mean(plain, grid, given_lps) + config.better_by


def _scores(
    bone: Mask, metal: Mask, gaps: Sequence[Mask], config: GivenGapConfig
) -> tuple[Grid, npt.NDArray[np.float32]]:
    grid = upright_grid(bone.grid, _LOOKED_MM)
    solid = resample(metal.voxels, metal.grid, grid) > 0.5
    bony = resample(bone.voxels, bone.grid, grid) > 0.5
    near = edt.edt(~solid, parallel=2) * _LOOKED_MM <= config.around_metal_mm
    score = np.zeros(grid.shape, dtype=np.float32)
    score[bony] = _BONE
    score[bony & near] = _NEAR
    score[solid] = _METAL
    for gap in gaps:
        score[resample(gap.voxels, gap.grid, grid) > 0.2] = _MEASURED
    return grid, score


def _mean(score: npt.NDArray[np.float32], grid: Grid, points_lps: Array) -> float:
    index = np.rint(np.asarray(grid.to_index(points_lps))).astype(int)
    inside = np.all((index >= 0) & (index < np.array(grid.shape)), axis=1)
    return float(score[tuple(index[inside].T)].sum()) / len(points_lps)


def _best_move(
    score: npt.NDArray[np.float32], grid: Grid, points_lps: PointsLps, reach_mm: float
) -> tuple[float, tuple[float, float, float]]:
    """Give the best mean score of the points moved along the patient's axes, and the move."""
    few = points_lps[:: max(1, len(points_lps) // 500)]
    steps = np.arange(-reach_mm, reach_mm + 1e-6, _STEP_MM)
    ways = [(float(x), float(y), float(z)) for x, y, z in product(steps, steps, steps)]
    best = max(ways, key=lambda way: (_mean(score, grid, few + np.array(way)), -float(np.abs(way).sum())))
    return _mean(score, grid, points_lps + np.array(best)), best


def _in_words(way: tuple[float, float, float]) -> str:
    parts = [f"{abs(mm):.0f} mm {one[0] if mm > 0 else one[1]}" for mm, one in zip(way, _WAYS, strict=True) if mm]
    return " and ".join(parts) or "nothing"


def block_round(grid: Grid, masks: Sequence[Mask], *, margin: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Give the block of a grid that holds some masks.

    Parameters
    ----------
    grid : Grid
        The CT's grid.
    masks : sequence of Mask
        On any grids.
    margin : int
        So many voxels beyond them.

    Returns
    -------
    start, stop : tuple of int
        First voxel and one past the last, along (slice, row, column).
    """
    low, high = np.array(grid.shape), np.zeros(3, dtype=int)
    for mask in masks:
        filled = [np.flatnonzero(mask.voxels.any(axis=tuple(a for a in range(3) if a != k))) for k in range(3)]
        if not all(len(f) for f in filled):
            continue
        corners = np.array(list(product(*((f[0] - 0.5, f[-1] + 0.5) for f in filled))))
        index = np.asarray(grid.to_index(mask.grid.to_lps(corners)))
        low = np.minimum(low, np.floor(index.min(axis=0)).astype(int))
        high = np.maximum(high, np.ceil(index.max(axis=0)).astype(int) + 1)
    start = np.clip(low - margin, 0, np.array(grid.shape) - 1)
    stop = np.clip(high + margin, start + 1, grid.shape)
    return (int(start[0]), int(start[1]), int(start[2])), (int(stop[0]), int(stop[1]), int(stop[2]))


def on_grid(labels: LabelMap, grid: Grid) -> Codes:
    """Bring a mask's labels onto a block of the CT's grid.

    Parameters
    ----------
    labels : LabelMap
        On any grid.
    grid : Grid
        The block's.

    Returns
    -------
    ndarray of uint16, shape ``grid.shape``
        Voxel by voxel where the grids' voxels are the same; else a voxel is marked where the mask, read between its
        voxels, passes a half, with the nearest label.
    """
    codes = np.asarray(labels.codes)
    if on_same_voxels(labels.grid, grid):
        return resample(codes, labels.grid, grid, order=0).astype(np.uint16)
    marked = resample(codes > 0, labels.grid, grid) > 0.5
    spread = np.where(codes > 0, codes, ndimage.grey_dilation(codes, size=(3, 3, 3)))
    return np.asarray(np.where(marked, resample(spread, labels.grid, grid, order=0), 0), dtype=np.uint16)


def on_same_voxels(own: Grid, grid: Grid) -> bool:
    """Say whether two grids' voxels lie on each other, perhaps in another order and as parts of each other.

    Parameters
    ----------
    own, grid : Grid
        The grids.

    Returns
    -------
    bool
    """
    ends = np.asarray(grid.to_index(own.corners_lps))
    steps = np.abs(grid.index_from_lps[:3, :3] @ own.lps_from_index[:3, :3])
    return bool(
        np.abs(ends - np.rint(ends)).max() < _SAME_VOXEL and np.abs(steps.max(axis=0) - 1.0).max() < _SAME_VOXEL
    )


def painted(masks: Sequence[Mask], over: Sequence[Mask], grid: Grid) -> tuple[npt.NDArray[np.int32], Bools]:
    """Lay measured gaps onto a block of the CT's grid, as the plan's label map does.

    Parameters
    ----------
    masks : sequence of Mask
        The gaps; a later one keeps a voxel that two claim.
    over : sequence of Mask
        The implants, which keep a voxel before the gaps do.
    grid : Grid
        The block's grid.

    Returns
    -------
    owner : ndarray of int32, shape ``grid.shape``
        Number of the gap from 1 on; 0 for none.
    solid : ndarray of bool, shape ``grid.shape``
        The implants.
    """
    owner, solid = np.zeros(grid.shape, dtype=np.int32), np.zeros(grid.shape, dtype=bool)
    for number, mask in enumerate(masks, start=1):
        owner[resample(mask.voxels, mask.grid, grid) > 0.5] = number
    for mask in over:
        solid |= resample(mask.voxels, mask.grid, grid) > 0.5
    owner[solid] = 0
    return owner, solid
