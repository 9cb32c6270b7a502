"""What of the bones' outline belongs to none of the bones that were told apart, and still is bone."""

from collections.abc import Sequence

import cc3d
import numpy as np
from scipy import ndimage as ndi

from planner.config.hip_bone_config import HipBoneConfig
from planner.model.bones import Bone
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.hip_parting import reads_as_bone
from planner.segment.anatomy.joint_space import HipJoint, behind_mouth
from planner.segment.anatomy.walls import within
from planner.segment.blocks import block_round
from planner.segment.upright import Bools

DEFAULT = HipBoneConfig()
_CLING_MM, _CLING_SHARE = 6.0, 0.7
"""A piece of which so much lies so near to metal is its glare, as bright as cortex. Ours, seen round a real cup."""


def loose_bone(
    ct: Volume,
    *,
    outline: Mask,
    metal: Mask,
    bones: Sequence[Bone],
    config: HipBoneConfig = DEFAULT,
) -> Mask:
    """Give bone that is in the outline and in none of the bones.

    Parameters
    ----------
    ct : Volume
        The CT on an upright isotropic grid.
    outline, metal : Mask
        The outline of all bone, and all metal, on the same grid.
    bones : sequence of Bone
        What was told apart, on the same grid.
    config : HipBoneConfig
        What is too small, and what reads as bone.

    Returns
    -------
    Mask
        Pieces that do not cling to metal and are denser at their rim than within, or compact where they are thin:
        streaks, soft tissue and what lies between metal parts are neither. The whole outline where no bone was told.

    Raises
    ------
    GeometryError
        If the masks lie on other grids.
    """
    grid = ct.grid
    for mask in (outline, metal, *(bone.mask for bone in bones)):
        grid.require_same(mask.grid)
    if not bones:
        return outline
    rest = outline.voxels & ~within(metal.voxels, config.bloom_mm, grid.spacing_mm[0])
    for bone in bones:
        rest &= ~bone.mask.voxels
    near = within(metal.voxels, _CLING_MM, grid.spacing_mm[0])
    return Mask(grid, _that_read_as_bone(rest, near, ct, config))


def _that_read_as_bone(rest: Bools, near: Bools, ct: Volume, config: HipBoneConfig) -> Bools:
    grid = ct.grid
    out = np.zeros(grid.shape, dtype=bool)
    box = block_round(rest, 0)
    if box is None:
        return out
    labels = cc3d.connected_components(rest[box].astype(np.uint8), connectivity=6)
    sizes = np.bincount(labels.ravel())
    keep = sizes >= max(1, round(config.least_piece_ml * 1000.0 / grid.voxel_volume_mm3))
    keep &= np.bincount(labels[near[box]], minlength=len(sizes)) < _CLING_SHARE * sizes
    keep[0] = False
    blocks = ndi.find_objects(labels.astype(np.int32))
    seen = ct.hu[box]
    for label in np.flatnonzero(keep):
        block = blocks[label - 1]
        hu = np.asarray(seen[block], dtype=np.float32)
        keep[label] = reads_as_bone(labels[block] == label, hu, grid.spacing_mm[0], config)
    out[box] = keep[labels]
    return out


def inside_cups(joints: Sequence[HipJoint], like: Mask) -> Mask:
    """Give what cups hold: shell, liner and head, which are no bone whatever their bed's outline says.

    Parameters
    ----------
    joints : sequence of HipJoint
        The hips; natural ones have no cup.
    like : Mask
        Any mask on the upright grid that is wanted.

    Returns
    -------
    Mask
        The balls of the cups behind the planes of their openings. Where a cup's sphere was not told it is the head's
        with a usual liner and shell, as the joint has it.
    """
    out = np.zeros(like.grid.shape, dtype=bool)
    for joint in joints:
        if not joint.is_natural:
            out |= behind_mouth(joint, like.grid)
    return Mask(like.grid, out)
