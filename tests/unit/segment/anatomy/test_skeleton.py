"""Bones of two searches in one scan: each voxel in one bone, one bone a name."""

import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.model.bones import Bone, BoneKind
from planner.model.volume import Mask
from planner.segment.anatomy.hip_bones import HipBones
from planner.segment.anatomy.skeleton import Skeleton, find_spine

GRID = Grid((4, 4, 12), np.eye(4)[[2, 1, 0, 3]])


class _Spine:
    """What of a spine the skeleton asks for."""

    def __init__(self, *bones: Bone) -> None:
        self.bones = bones
        self.discs = ()
        self.landmarks = ()


def bone(name: str, kind: BoneKind, first: int, last: int) -> Bone:
    voxels = np.zeros(GRID.shape, dtype=bool)
    voxels[:, :, first:last] = True
    return Bone(name, kind, Mask(GRID, voxels))


def columns(found: Bone) -> set[int]:
    return set(np.flatnonzero(found.mask.voxels.any(axis=(0, 1))).tolist())


def test_spine_and_hip_in_one_scan_share_no_voxel_and_no_name():
    spine = _Spine(
        bone("vertebra-1", "vertebra", 0, 3), bone("sacrum", "sacrum", 3, 6), bone("ilium-left", "ilium", 6, 9)
    )
    hips = HipBones(
        bones=(bone("femur-left", "femur", 7, 10), bone("pelvis-left", "pelvis", 2, 7), bone("sacrum", "sacrum", 4, 8))
    )
    found = {b.name: columns(b) for b in Skeleton(spine=spine, hips=hips).bones}
    assert found["vertebra-1"] == {0, 1, 2}
    assert found["sacrum"] == {3, 4, 5}
    assert found["pelvis-left"] == {6}
    assert found["femur-left"] == {7, 8, 9}
    assert "ilium-left" not in found


@pytest.mark.parametrize("alone", ["spine", "hips"])
def test_one_search_alone_keeps_its_bones_as_they_are(alone):
    own = (bone("femur-left", "femur", 0, 3), bone("pelvis-left", "pelvis", 2, 5))
    skeleton = Skeleton(spine=_Spine(*own)) if alone == "spine" else Skeleton(hips=HipBones(bones=own))
    assert skeleton.bones == own


def test_without_a_canal_no_spine_is_told():
    class Seen:
        canal = None

    assert find_spine(Seen()).spine is None
