"""Bones, discs and canal of a plan against those that were built, voxel by voxel."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.bones import Bone, BoneKind, Disc
from planner.model.implant import Side
from planner.model.labels import Structure, StructureKind
from planner.model.record import NotNegative, Record, Share
from planner.model.volume import Mask
from planner.phantoms.score.known_case import Bools, Codes, KnownCase
from planner.phantoms.score.matching import pair_up
from planner.phantoms.truth.document import AnatomyTruth

_ROUND_METAL_MM = 35.0
"""Plans outline bone this near to metal (`RegionConfig.envelope_mm`): farther off nothing is judged."""
_COARSE = 2
"""The reach round metal is worked out on voxels this many times as large."""
_LEAST_ML = 1.0
"""Of a bone or a disc in view: less of it is not judged. Ours."""
_LEAST_SHARE = 0.1
"""A found bone is a true one's only if it covers so much of it. Ours."""
_SMOOTH = 0.6
"""Standard deviation, in voxels of the mask, by which its stairs are smoothed before it is drawn on other voxels.

True bones, put on a CT's voxels and brought back so, keep a Dice of 0.97 (ribs) to 0.99. Without, centres halfway
between two voxels would all fall to one side. Ours."""
_PAD = 3
_OVERLAID: tuple[StructureKind, ...] = ("implant", "gap", "breach")
"""In a label map these hide what they lie in."""


class OutlineScore(Record):
    """One bone that was built, as far as it is in view, and the plan's outline of it."""

    name: str
    """Of a disc: those of the bones above and below."""
    kind: BoneKind | None
    """None of a disc."""
    level: str | None
    side: Side | None
    found: str | None
    """The plan's name for it; None where it has none."""
    dice: Share | None
    true_ml: NotNegative
    """What of it is judged."""


class CanalScore(Record):
    """How the plan's canal holds the true one."""

    missed: Share
    """Share of the true canal in view that the plan does not call canal, implant, gap or breach; 1 without a canal."""
    missed_mm: NotNegative | None
    """The greatest distance of a missed voxel from the plan's canal; 0 where none is missed, None where the plan has
    none."""
    excess_ml: NotNegative
    """What the plan calls canal within a bone that was built."""


@dataclass(frozen=True, eq=False)
class View:
    """What of a case is judged, on the truth's grid.

    Parameters
    ----------
    bones, discs : ndarray of uint8
        True codes.
    canal : ndarray of bool or None
        The true canal's space; None where there is none.
    judged : ndarray of bool
        Near metal and within the CT.
    overlaid : ndarray of bool
        What the plan's label map calls implant, gap or breach.
    """

    bones: Codes
    discs: Codes
    canal: Bools | None
    judged: Bools
    overlaid: Bools


def view_of(
    case: KnownCase, codes: npt.NDArray[np.generic], structures: Sequence[Structure], scanned: Grid
) -> View | None:
    """Say what of a case is judged.

    Parameters
    ----------
    case : KnownCase
        What is true.
    codes : ndarray, shape ``case.grid.shape``
        The plan's label map on the truth's grid.
    structures : sequence of Structure
        What its codes mean.
    scanned : Grid
        The CT's voxels.

    Returns
    -------
    View or None
        None where the truth does not tell bones apart.
    """
    if case.bones is None or case.discs is None:
        return None
    judged = _near(case.metal, case.grid) & _within(scanned, case.grid)
    overlaid = np.isin(codes, [s.code for s in structures if s.kind in _OVERLAID])
    return View(case.bones, case.discs, case.canal, judged, overlaid)


def _near(metal: Bools, grid: Grid) -> Bools:
    """Give what lies within reach of metal; everything where there is none."""
    if not metal.any():
        return np.ones(metal.shape, dtype=bool)
    padded = np.pad(metal, [(0, -n % _COARSE) for n in metal.shape])
    # Split every axis into cells; a cell holds metal where any voxel of it does.
    cells = padded.reshape([n for size in padded.shape for n in (size // _COARSE, _COARSE)])
    coarse = cells.any(axis=(1, 3, 5))
    away = ndimage.distance_transform_edt(~coarse, sampling=[_COARSE * s for s in grid.spacing_mm])
    near = np.asarray(away) <= _ROUND_METAL_MM
    for axis in range(3):
        near = np.repeat(near, _COARSE, axis=axis)
    return np.asarray(near[tuple(slice(0, n) for n in metal.shape)])


def _within(scanned: Grid, grid: Grid) -> Bools:
    """Say which voxels lie in the CT."""
    moved = _moved(np.ones(scanned.shape, dtype=np.uint8), scanned, grid, order=0)
    return np.asarray(moved > 0)


def _moved(array: npt.NDArray[Any], source: Grid, target: Grid, *, order: int) -> npt.NDArray[Any]:
    source_from_target = source.index_from_lps @ target.lps_from_index
    matrix, offset = source_from_target[:3, :3], source_from_target[:3, 3]
    moved = ndimage.affine_transform(
        array, matrix, offset=offset, output_shape=target.shape, order=order, mode="grid-constant", cval=0
    )
    return np.asarray(moved)


def mask_on(mask: Mask, grid: Grid) -> Bools:
    """Bring a mask onto another grid: where it would be at least half full, its stairs smoothed.

    Parameters
    ----------
    mask : Mask
        On its own grid.
    grid : Grid
        Where it is wanted.

    Returns
    -------
    ndarray of bool, shape ``grid.shape``
    """
    out = np.zeros(grid.shape, dtype=bool)
    index = np.argwhere(mask.voxels)
    if not len(index):
        return out
    low, high = index.min(axis=0), index.max(axis=0) + 1
    own = np.pad(mask.voxels[_block(low, high)].astype(np.float32), _PAD)
    soft = np.asarray(ndimage.gaussian_filter(own, _SMOOTH, mode="constant"))
    source = mask.grid.crop(_three(low - _PAD), _three(high + _PAD))
    box = np.array(list(product(*((0.0, float(n - 1)) for n in source.shape))))
    corners = np.asarray(grid.to_index(source.to_lps(box)))
    start = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
    stop = np.minimum(np.ceil(corners.max(axis=0)) + 1, grid.shape).astype(int)
    if np.all(stop > start):
        target = grid.crop(_three(start), _three(stop))
        out[_block(start, stop)] = _moved(soft, source, target, order=1) >= 0.5
    return out


def _three(index: npt.NDArray[np.intp]) -> tuple[int, int, int]:
    return int(index[0]), int(index[1]), int(index[2])


def _block(start: npt.NDArray[np.intp], stop: npt.NDArray[np.intp]) -> tuple[slice, ...]:
    return tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))


def score_bones(
    truth: AnatomyTruth,
    view: View,
    *,
    bones: Sequence[Bone] | None,
    codes: npt.NDArray[np.generic],
    structures: Sequence[Structure],
    grid: Grid,
) -> tuple[OutlineScore, ...]:
    """Hold each bone's outline against the true one.

    Parameters
    ----------
    truth : AnatomyTruth
        What was built.
    view : View
        What is judged.
    bones : sequence of Bone or None
        The plan's bones, envelopes with implants and gaps in them; None for those of the label map, in which implants,
        gaps and breaches hide bone: there nothing is judged.
    codes : ndarray, shape ``grid.shape``
        The plan's label map on the truth's grid.
    structures : sequence of Structure
        What its codes mean.
    grid : Grid
        The truth's.

    Returns
    -------
    tuple of OutlineScore
        Of each true bone of which at least 1 mL is in view; fusion masses, which belong to no bone, are not judged.
    """
    nobodys = np.isin(view.bones, [b.code for b in truth.bones if b.kind == "other"])
    judged = view.judged & ~nobodys
    if bones is None:
        judged = judged & ~view.overlaid
        found = [(s.id, codes == s.code) for s in structures if s.kind == "bone"]
    else:
        found = [(b.name, mask_on(b.mask, grid)) for b in bones]
    true = [b for b in truth.bones if b.kind != "other"]
    pairs = _compared(view.bones, [b.code for b in true], found, judged, grid)
    return tuple(
        OutlineScore(name=b.name, kind=b.kind, level=b.level, side=b.side, found=name, dice=dice, true_ml=true_ml)
        for b, (name, dice, true_ml) in zip(true, pairs, strict=True)
        if true_ml >= _LEAST_ML
    )


def score_discs(
    truth: AnatomyTruth,
    view: View,
    *,
    discs: Sequence[Disc] | None,
    codes: npt.NDArray[np.generic],
    structures: Sequence[Structure],
    case: KnownCase,
) -> tuple[OutlineScore, ...]:
    """Hold each disc's outline against the true one, metal apart; see `score_bones`."""
    judged = view.judged & ~case.metal
    if discs is None:
        judged = judged & ~view.overlaid
        found = [(s.id, codes == s.code) for s in structures if s.kind == "disc"]
    else:
        found = [(f"{d.above} {d.below}", mask_on(d.mask, case.grid)) for d in discs]
    pairs = _compared(view.discs, [d.code for d in truth.discs], found, judged, case.grid)
    return tuple(
        OutlineScore(
            name=f"{d.above} {d.below}", kind=None, level=None, side=None, found=name, dice=dice, true_ml=true_ml
        )
        for d, (name, dice, true_ml) in zip(truth.discs, pairs, strict=True)
        if true_ml >= _LEAST_ML
    )


def _compared(
    true: Codes, wanted: Sequence[int], found: Sequence[tuple[str, Bools]], judged: Bools, grid: Grid
) -> list[tuple[str | None, float | None, float]]:
    """Pair true codes with found masks; give for each true one the name, the Dice, and how much of it is judged, mL."""
    inside = np.where(judged, true, 0).astype(np.uint8)
    counts = np.bincount(inside.ravel(), minlength=256)
    both = np.zeros((len(wanted), len(found)))
    sizes = np.zeros(len(found))
    for column, (_, mask) in enumerate(found):
        own = np.bincount(inside[mask], minlength=256)
        both[:, column] = own[list(wanted)]
        sizes[column] = np.count_nonzero(mask & judged)
    known = counts[list(wanted)].astype(np.float64)
    dice = 2.0 * both / np.maximum(known[:, None] + sizes, 1.0)
    pairs = dict(pair_up(1.0 - dice, both >= _LEAST_SHARE * np.maximum(known[:, None], 1.0)))
    volumes = known * grid.voxel_volume_mm3 / 1000.0
    return [
        (*((found[pairs[row]][0], float(dice[row, pairs[row]])) if row in pairs else (None, None)), float(true_ml))
        for row, true_ml in enumerate(volumes)
    ]


def score_canal(
    view: View, *, canal: Mask | None, codes: npt.NDArray[np.generic], structures: Sequence[Structure], grid: Grid
) -> CanalScore | None:
    """Hold the canal against the true one.

    Parameters
    ----------
    view : View
        What is judged.
    canal : Mask or None
        The plan's canal; None for that of the label map.
    codes, structures
        The plan's label map on the truth's grid.
    grid : Grid
        The truth's.

    Returns
    -------
    CanalScore or None
        None where none of the true canal is in view.
    """
    true = np.zeros_like(view.judged) if view.canal is None else view.canal & view.judged
    if not true.any():
        return None
    told = np.isin(codes, [s.code for s in structures if s.kind == "canal"])
    taken = told if canal is None else mask_on(canal, grid)
    missed = true & ~taken & ~view.overlaid
    excess = float(np.count_nonzero(taken & view.judged & (view.bones > 0))) * grid.voxel_volume_mm3 / 1000.0
    depth = _deepest_mm(missed, taken, grid) if taken.any() else None
    share = float(missed.sum()) / float(true.sum()) if taken.any() else 1.0
    return CanalScore(missed=share, missed_mm=depth, excess_ml=excess)


def _deepest_mm(missed: Bools, taken: Bools, grid: Grid) -> float:
    if not missed.any():
        return 0.0
    rim = taken & ~np.asarray(ndimage.binary_erosion(taken))
    away, _ = cKDTree(_centres(rim, grid)).query(_centres(missed, grid))
    return float(np.max(away))


def _centres(voxels: Bools, grid: Grid) -> Array:
    return np.asarray(grid.to_lps(np.argwhere(voxels)), dtype=np.float64).reshape(-1, 3)
