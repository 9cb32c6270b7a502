"""Bones that are not the target's own: no needle may pass through a rib or a facet of the next vertebra on its way."""

import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.geometry.cells import cells_in
from planner.geometry.grid import Grid
from planner.model.bones import Bone
from planner.model.volume import Mask
from planner.safety.fields import FAR_MM, BoxedDistance, BoxedMask

_RIM_MM = 2.0
"""The gap's rim: two voxels of a usual CT."""
_OWN_SHARE = 0.2
"""A bone that holds so much of what is told of gap and rim is the target's own: a cage lies between two, an S2 alar
iliac screw in two; a halo that touches the next vertebra's facet does not make it one's own. Ours."""
_LEAST_TOLD = 0.3
"""So much of gap and rim must lie in bones that were told apart. Ours."""
_ROOM_MM = 30.0
"""The box reaches so far beyond the target. Joints lie nearer; farther out the march refuses any bone."""
_SEAM_MM = 2.0
"""Labels of bones fall so far short of the outline of all bone. Ours: two and a half voxels of the working grid."""
_THREADS = 2


def own_bones(target: Mask, bones: tuple[Bone, ...]) -> tuple[str, ...] | None:
    """Tell in which bones a target lies.

    Parameters
    ----------
    target : Mask
        The gap; not empty.
    bones : tuple of Bone
        On the same grid.

    Returns
    -------
    tuple of str or None
        Names, the one that holds most first; None where bones were not told apart there.
    """
    box = _box(target.voxels, target.grid, _RIM_MM + max(target.grid.spacing_mm))
    steps = max(1, round(_RIM_MM / float(np.mean(target.grid.spacing_mm))))
    around = ndimage.binary_dilation(target.voxels[box], iterations=steps)
    held = {bone.name: int(np.count_nonzero(bone.mask.voxels[box] & around)) for bone in bones}
    told = sum(held.values())
    if told < _LEAST_TOLD * np.count_nonzero(around):
        return None
    names = sorted(held, key=lambda name: (-held[name], name))
    return tuple(name for name in names if held[name] >= _OWN_SHARE * told)


def distance_from_others(target: Mask, bone: Mask, bones: tuple[Bone, ...], own: tuple[str, ...]) -> BoxedDistance:
    """Measure how far all but a target's own bones are, in a box round it.

    Parameters
    ----------
    target : Mask
        The gap; not empty.
    bone : Mask
        All bone, told apart or not, on the same grid.
    bones : tuple of Bone
        Those told apart, on the same grid.
    own : tuple of str
        Names of the target's own bones.

    Returns
    -------
    BoxedDistance
        Where an own and another bone's envelopes overlap, the place counts as the own bone's. Bone that was not told
        apart is another's, but for a seam round the own bone.
    """
    spacing = target.grid.spacing_mm
    box = _box(target.voxels, target.grid, _ROOM_MM)
    shape = target.voxels[box].shape
    others, mine = np.zeros(shape, bool), np.zeros(shape, bool)
    for one in bones:
        into = mine if one.name in own else others
        into |= one.mask.voxels[box]
    untold = bone.voxels[box] & ~mine & ~others
    if untold.any() and mine.any():
        untold &= ~_beside(untold, mine, spacing)
    others = (others | untold) & ~mine
    corner = (box[0].start, box[1].start, box[2].start)
    if not others.any():
        return BoxedDistance(np.full(shape, FAR_MM, np.float32), corner)
    # As bytes, which edt takes as they are: it copies bools into twice the time.
    outside = edt.edt((~others).view(np.uint8), anisotropy=spacing, parallel=_THREADS)
    half = 0.5 * float(np.prod(spacing)) ** (1 / 3)
    return BoxedDistance(np.asarray(outside - half, dtype=np.float32), corner)


def own_bone_round(target: Mask, bones: tuple[Bone, ...], own: tuple[str, ...]) -> BoxedMask:
    """Give a target's own bones in the box of `distance_from_others`.

    Parameters
    ----------
    target : Mask
        The gap; not empty.
    bones : tuple of Bone
        Those told apart, on the same grid.
    own : tuple of str
        Names of the target's own bones.

    Returns
    -------
    BoxedMask
    """
    box = _box(target.voxels, target.grid, _ROOM_MM)
    mine = np.zeros(target.voxels[box].shape, bool)
    for one in bones:
        if one.name in own:
            mine |= one.mask.voxels[box]
    return BoxedMask(mine, (box[0].start, box[1].start, box[2].start))


def _beside(
    some: npt.NDArray[np.bool_], mine: npt.NDArray[np.bool_], spacing_mm: tuple[float, float, float]
) -> npt.NDArray[np.bool_]:
    """Say which of some voxels lie no farther from others' centres than the seam is wide."""
    reach = [int(_SEAM_MM / s) for s in spacing_mm]
    steps = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), axis=-1).reshape(-1, 3)
    steps = steps[np.linalg.norm(steps * spacing_mm, axis=1) <= _SEAM_MM]
    padded = np.pad(mine, [(r, r) for r in reach])
    cells = cells_in(some)
    flat = np.ravel_multi_index(tuple((cells + reach).T), padded.shape)
    size = np.array([padded.shape[1] * padded.shape[2], padded.shape[2], 1])
    near = np.zeros(len(flat), bool)
    for step in steps @ size:
        near |= padded.ravel()[flat + step]
    out = np.zeros(some.shape, bool)
    out[tuple(cells[near].T)] = True
    return out


def _box(voxels: npt.NDArray[np.bool_], grid: Grid, room_mm: float) -> tuple[slice, slice, slice]:
    index = cells_in(voxels)
    a, b, c = (
        slice(max(0, int(low) - int(np.ceil(room_mm / s))), int(high) + int(np.ceil(room_mm / s)) + 1)
        for low, high, s in zip(index.min(axis=0), index.max(axis=0), grid.spacing_mm, strict=True)
    )
    return a, b, c
