"""Bones that are not the target's own: no needle may pass through a rib or a facet of the next vertebra on its way."""

import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.geometry.grid import Grid
from planner.model.bones import Bone
from planner.model.volume import Mask
from planner.safety.fields import FAR_MM, OtherBone

_RIM_MM = 2.0
"""The gap's rim: two voxels of a usual CT."""
_OWN_SHARE = 0.2
"""A bone that holds so much of what is told of gap and rim is the target's own: a cage lies between two, an S2 alar iliac
screw in two. Ours: halos that touch the next vertebra's facet hold less than a tenth of their rim there."""
_LEAST_TOLD = 0.3
"""So much of gap and rim must lie in bones that were told apart. Ours."""
_ROOM_MM = 40.0
"""The box reaches so far beyond the target. Joints lie nearer; farther out the march refuses any bone."""
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


def distance_from_others(target: Mask, bones: tuple[Bone, ...], own: tuple[str, ...]) -> OtherBone:
    """Measure how far all but a target's own bones are, in a box round it.

    Parameters
    ----------
    target : Mask
        The gap; not empty.
    bones : tuple of Bone
        On the same grid.
    own : tuple of str
        Names of the target's own bones.

    Returns
    -------
    OtherBone
        Where an own and another bone's envelopes overlap, the place counts as the own bone's.
    """
    spacing = target.grid.spacing_mm
    box = _box(target.voxels, target.grid, _ROOM_MM)
    shape = target.voxels[box].shape
    others, mine = np.zeros(shape, bool), np.zeros(shape, bool)
    for bone in bones:
        into = mine if bone.name in own else others
        into |= bone.mask.voxels[box]
    others &= ~mine
    corner = (box[0].start, box[1].start, box[2].start)
    if not others.any():
        return OtherBone(np.full(shape, FAR_MM, np.float32), corner)
    outside = edt.edt(~others, anisotropy=spacing, parallel=_THREADS)
    half = 0.5 * float(np.prod(spacing)) ** (1 / 3)
    return OtherBone(np.asarray(outside - half, dtype=np.float32), corner)


def _box(voxels: npt.NDArray[np.bool_], grid: Grid, room_mm: float) -> tuple[slice, slice, slice]:
    (found,) = ndimage.find_objects(voxels.astype(np.uint8), max_label=1)
    room = [int(np.ceil(room_mm / s)) for s in grid.spacing_mm]
    a, b, c = (
        slice(max(0, part.start - n), min(size, part.stop + n))
        for part, n, size in zip(found, room, voxels.shape, strict=True)
    )
    return a, b, c
