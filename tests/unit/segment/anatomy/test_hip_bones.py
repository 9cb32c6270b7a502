import numpy as np
import pytest
from scipy import ndimage as ndi

from planner.errors import GeometryError
from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.model.volume import Mask
from planner.segment.anatomy.hip_bones import find_hip_bones, find_other_hip, natural_joint, shaft_axis_of
from planner.segment.anatomy.hip_parting import part_hip, rays_met, without_holes
from planner.segment.anatomy.joint_space import (
    HipJoint,
    along,
    ball,
    joint_space,
    joints_of,
    natural_opening_lps,
    squared_from,
)
from tests.unit.segment.anatomy.hip_scene import BASE, GRID, HEAD, HipScene, dice, scene_nail


def found_in(scene: HipScene):
    return find_hip_bones(
        scene.volume, metal=scene.mask(scene.metal), bone=scene.mask(scene.envelope), implants=scene.implants
    )


def natural() -> HipJoint:
    return natural_joint("left", points_lps(HEAD), 24.0)


@pytest.mark.parametrize("bridged", [False, True])
def test_femur_and_pelvis_come_apart_round_a_replaced_joint(bridged):
    scene = HipScene(replaced=True, bridged=bridged)
    found = found_in(scene)
    assert [b.name for b in found.bones] == ["femur-left", "pelvis-left"]
    assert dice(found.bone("femur-left").mask.voxels, scene.femur) > 0.94
    assert not (found.bone("femur-left").mask.voxels & scene.pelvis).any()
    assert dice(found.bone("pelvis-left").mask.voxels, scene.pelvis) > 0.9
    assert not (found.bone("pelvis-left").mask.voxels & scene.femur).any()


def test_the_head_and_the_neck_are_no_bone():
    scene = HipScene(replaced=True)
    found = found_in(scene)
    cell = tuple(np.rint(GRID.to_index((110.0, 4.0, -17.0))).astype(int))
    assert scene.envelope[cell]
    assert not any(b.mask.voxels[cell] for b in found.bones)


def test_a_bone_that_runs_out_of_the_picture_is_cut_and_one_within_is_not():
    scene = HipScene(replaced=True)
    found = found_in(scene)
    assert found.bone("femur-left").is_cut
    assert not found.bone("pelvis-left").is_cut


def test_the_joint_space_lies_before_the_cup_and_not_in_bone():
    scene = HipScene(replaced=True)
    found = found_in(scene)
    space = found.joint.voxels
    assert space[tuple(np.rint(GRID.to_index((112.0, -10.0, -18.0))).astype(int))]
    assert not (space & (found.bone("femur-left").mask.voxels | scene.metal)).any()
    assert not space[tuple(np.rint(GRID.to_index((90.0, 0.0, 60.0))).astype(int))]


def test_without_hip_implants_nothing_is_told():
    scene = HipScene()
    found = found_in(scene)
    assert found.bones == ()
    assert found.joint is None
    assert found.findings == ()


def test_a_stem_alone_shows_no_joint_and_says_so():
    scene = HipScene(replaced=True)
    found = find_hip_bones(
        scene.volume,
        metal=scene.mask(scene.metal),
        bone=scene.mask(scene.envelope),
        implants=scene.implants[:1],
    )
    assert found.bones == ()
    assert [f.code for f in found.findings] == ["hip-bones-not-parted"]
    assert joints_of(scene.implants[:1]) == ()


def test_a_joint_without_a_stem_still_parts_femur_and_pelvis():
    scene = HipScene(replaced=True, bridged=True)
    found = find_hip_bones(
        scene.volume, metal=scene.mask(scene.metal), bone=scene.mask(scene.envelope), implants=scene.implants[1:]
    )
    assert (found.bone("femur-left").mask.voxels & scene.femur).sum() > 0.85 * scene.femur.sum()
    assert (found.bone("pelvis-left").mask.voxels & scene.femur).sum() < 0.02 * scene.femur.sum()


def test_a_nail_in_a_natural_hip_lets_its_head_be_found():
    scene = HipScene()
    nail = scene_nail()
    found = find_hip_bones(
        scene.volume, metal=scene.mask(scene.metal), bone=scene.mask(scene.envelope), implants=(nail,)
    )
    (joint,) = found.joints
    assert joint.is_natural
    assert np.linalg.norm(joint.head_lps - HEAD) < 1.0
    assert dice(found.bone("femur-left").mask.voxels, scene.femur) > 0.93
    assert {m.name for m in found.landmarks} == {"trochanter tip", "lesser trochanter"}


def test_a_nail_in_a_coarse_scan_tells_no_joint():
    scene = HipScene()
    found = find_hip_bones(
        scene.volume,
        metal=scene.mask(scene.metal),
        bone=scene.mask(scene.envelope),
        implants=(scene_nail(),),
        scan_mm=3.0,
    )
    assert found.joints == ()
    assert [f.code for f in found.findings] == ["hip-bones-not-parted"]


def test_masks_of_another_grid_are_refused():
    scene = HipScene(replaced=True)
    other = Mask(Grid((4, 4, 4), np.eye(4)), np.zeros((4, 4, 4), dtype=bool))
    with pytest.raises(GeometryError):
        find_hip_bones(scene.volume, metal=other, bone=scene.mask(scene.envelope), implants=scene.implants)


def test_a_natural_head_comes_out_of_its_socket():
    scene = HipScene()
    # the envelope closes over the joint, as it does over a gap
    gap = joint_space(natural(), GRID, solid=scene.femur | scene.pelvis)
    parts = part_hip(np.asarray(scene.volume.hu), scene.envelope | gap, scene.metal, natural(), GRID)
    assert dice(parts.femur, scene.femur) > 0.93
    assert (parts.pelvis & scene.pelvis).sum() > 0.85 * scene.pelvis.sum()
    assert not (parts.femur & scene.pelvis & (np.indices(GRID.shape)[0] > 100)).any()
    assert not parts.sacrum.any()


def test_the_other_hip_is_found_and_measured_in_a_mirrored_scene():
    scene = HipScene()
    known = HipJoint(
        side="right", head_lps=points_lps([-85.0, 4.0, 5.0]), head_radius_mm=16.0,
        socket_lps=points_lps([-85.0, 4.0, 5.0]), socket_radius_mm=27.0, opening_lps=natural_opening_lps("right"),
        axis_lps=None, is_natural=False,
    )  # fmt: skip
    other = find_other_hip(scene.volume, joint=known, metal=scene.mask(scene.metal))
    (joint,) = other.joints
    assert joint.side == "left"
    assert np.linalg.norm(joint.head_lps - HEAD) < 1.0
    assert joint.head_radius_mm == pytest.approx(24.0, abs=0.8)
    assert {b.name for b in other.bones} >= {"femur-left", "pelvis-left"}
    assert {m.side for m in other.landmarks} == {"left"}


def test_no_other_hip_in_view_gives_nothing():
    scene = HipScene()
    known = natural_joint("left", points_lps(HEAD), 24.0)
    assert find_other_hip(scene.volume, joint=known, metal=scene.mask(scene.metal)).joints == ()


def test_the_shafts_axis_needs_enough_of_the_shaft():
    scene = HipScene()
    upper, lower = shaft_axis_of(scene.femur, points_lps(HEAD), GRID)
    assert np.hypot(*(upper - BASE)[:2]) < 1.0
    assert upper[2] > lower[2]
    short = scene.femur.copy()
    short[: round((140.0 - 80.0) / 1.5)] = False
    assert shaft_axis_of(short, points_lps(HEAD), GRID) is None


def test_rays_across_a_direction_meet_a_ring_and_not_an_open_end():
    wall = np.zeros((21, 41, 41), dtype=bool)
    _s, r, c = np.indices(wall.shape)
    ring = np.hypot(r - 20, c - 20)
    wall[:, :, :] = (ring > 12) & (ring < 16)
    cells = np.array([[10, 20, 20]])
    assert rays_met(wall, cells, np.array([0.0, 0.0, 1.0]), 25.0)[0] == 16
    wall[:, :, 20:] = False
    assert rays_met(wall, cells, np.array([0.0, 0.0, 1.0]), 25.0)[0] <= 9


def slow_rays_met(wall: np.ndarray, cells: np.ndarray, across: np.ndarray, reach: float) -> list[int]:
    """Follow each ray by itself, a voxel and a half at a time."""
    normal = across / np.linalg.norm(across)
    first = np.cross(normal, [0.0, 1.0, 0.0] if abs(normal[1]) < 0.9 else [0.0, 0.0, 1.0])
    first = first / np.linalg.norm(first)
    second = np.cross(normal, first)
    counts = []
    for cell in cells:
        met = 0
        for turn in range(16):
            way = (np.cos(turn * np.pi / 8) * first + np.sin(turn * np.pi / 8) * second)[::-1]
            for k in np.arange(1.5, reach, 1.5):
                at = np.rint(cell + k * way).astype(int)
                if np.any(at < 0) or np.any(at >= wall.shape):
                    break
                if wall[tuple(at)]:
                    met += 1
                    break
        counts.append(met)
    return counts


@pytest.mark.parametrize("across", [(0.0, 0.0, 1.0), (0.3, 0.95, 0.1), (0.5, -0.4, 0.77)])
def test_rays_meet_what_each_meets_by_itself(across):
    wall = np.random.default_rng(4).random((14, 20, 17)) < 0.03
    cells = np.array([[0, 0, 0], [13, 19, 16], [7, 10, 8], [3, 15, 2]])
    assert rays_met(wall, cells, np.array(across), 9.0).tolist() == slow_rays_met(wall, cells, np.array(across), 9.0)
    assert rays_met(wall, cells[:0], np.array(across), 9.0).tolist() == []


def every_voxel_lps() -> np.ndarray:
    return np.asarray(GRID.to_lps(np.indices(GRID.shape).reshape(3, -1).T)).reshape(*GRID.shape, 3)


@pytest.mark.parametrize("off", [0.0, 400.0, 4000.0], ids=["within", "at the edge", "beyond"])
def test_a_ball_is_all_that_lies_so_near_to_its_centre(off):
    centre = points_lps(np.add(HEAD, (off / 10.0, 0.0, 0.0)))
    away = np.linalg.norm(every_voxel_lps() - centre, axis=-1)
    sure = np.abs(away - 21.0) > 1e-3
    assert np.array_equal(ball(centre, 21.0, GRID)[sure], (away <= 21.0)[sure])


def test_single_voxels_and_blocks_lie_where_they_do_in_the_whole():
    block, cells = (slice(3, 9), slice(2, 4), slice(5, 11)), tuple(np.array([[0, 4, 7], [1, 2, 3], [9, 0, 5]]))
    whole = squared_from(points_lps(HEAD), GRID), along(points_lps(HEAD), np.array([0.6, 0.0, -0.8]), GRID)
    for at in (block, cells):
        assert np.array_equal(squared_from(points_lps(HEAD), GRID, at), whole[0][at])
        assert np.array_equal(along(points_lps(HEAD), np.array([0.6, 0.0, -0.8]), GRID, at), whole[1][at])


def test_holes_are_filled_slice_by_slice_and_open_bays_are_not():
    mask = np.random.default_rng(9).random((6, 15, 12)) < 0.6
    expected = np.stack([ndi.binary_fill_holes(row) for row in mask])
    assert np.array_equal(without_holes(mask), expected)
    assert not np.array_equal(expected, mask)
    assert not without_holes(np.zeros((2, 3, 4), dtype=bool)).any()
