"""Bone in none of the bones, and what cups hold."""

import numpy as np
import pytest

from planner.errors import GeometryError
from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.model.bones import Bone
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.hip_bones import natural_joint
from planner.segment.anatomy.joint_space import joints_of
from planner.segment.anatomy.loose_bone import inside_cups, loose_bone
from tests.unit.segment.anatomy.hip_scene import GRID as HIP_GRID
from tests.unit.segment.anatomy.hip_scene import HEAD, OPENING, HipScene

GRID = Grid((40, 40, 60), np.eye(4)[[2, 1, 0, 3]])
S, R, C = np.indices(GRID.shape)


def _ball(row: float, column: float, radius: float) -> np.ndarray:
    return (S - 20) ** 2 + (R - row) ** 2 + (C - column) ** 2 < radius**2


TOLD, FRAGMENT, BLOB, METAL = _ball(20, 12, 9), _ball(20, 32, 7), _ball(20, 50, 7), _ball(34, 12, 3)
GLARE = _ball(34, 12, 8) & ~METAL & (R > 30)


def _loose(bones: tuple[Bone, ...]) -> np.ndarray:
    hu = np.full(GRID.shape, 40.0, dtype=np.float32)
    for ball, inside in ((TOLD, _ball(20, 12, 7)), (FRAGMENT, _ball(20, 32, 5))):
        hu[ball], hu[inside] = 700.0, 150.0
    hu[GLARE] = 850.0
    # soft tissue that the outline took in: brightest in its middle
    hu[BLOB], hu[_ball(20, 50, 4)], hu[METAL] = 120.0, 160.0, 8000.0
    outline = Mask(GRID, TOLD | FRAGMENT | BLOB | GLARE | _ball(34, 12, 4.3))
    return loose_bone(Volume(GRID, hu), outline=outline, metal=Mask(GRID, METAL), bones=bones).voxels


def test_only_what_reads_as_bone_stays() -> None:
    loose = _loose((Bone("pelvis-left", "pelvis", Mask(GRID, TOLD), side="left"),))
    assert np.array_equal(loose, FRAGMENT)


def test_where_no_bone_was_told_apart_the_outline_is_all_there_is() -> None:
    assert _loose(())[BLOB].all() and _loose(())[TOLD].all()


def test_masks_of_another_grid_are_refused() -> None:
    other = Grid((4, 4, 4), np.eye(4))
    small = Mask(other, np.zeros(other.shape, dtype=bool))
    with pytest.raises(GeometryError):
        loose_bone(Volume(GRID, S.astype(np.float32)), outline=small, metal=Mask(GRID, METAL), bones=())


@pytest.mark.parametrize("told", ["cup", "head alone"])
def test_a_cups_inside_is_its_ball_behind_the_opening(told: str) -> None:
    scene = HipScene(replaced=True)
    implants = tuple(i for i in scene.implants if told == "cup" or i.kind != "acetabular_cup")
    joints = joints_of(implants)
    hollow = inside_cups(joints, Mask(HIP_GRID, scene.pelvis)).voxels
    here = np.asarray(HIP_GRID.to_lps(np.moveaxis(np.indices(HIP_GRID.shape), 0, -1))) - HEAD
    behind = here @ np.asarray(OPENING) < 0
    head = np.linalg.norm(here, axis=-1) < joints[0].head_radius_mm + 4.0
    assert hollow[head & behind].all()
    assert not hollow[here @ np.asarray(joints[0].opening_lps) > 2.0].any()
    assert not hollow[np.linalg.norm(here, axis=-1) > joints[0].socket_radius_mm + 2.0].any()


def test_a_natural_joint_has_no_cup() -> None:
    joint = natural_joint("left", points_lps(HEAD), 24.0)
    assert not inside_cups((joint,), Mask(GRID, METAL)).voxels.any()
