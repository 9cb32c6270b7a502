"""What is told of a needle's way: grade, bevel, depth marks, skin offsets, neighbours."""

from dataclasses import replace

import numpy as np
import pytest

from planner.model.bones import Bone, Landmark
from planner.model.needle import Needle
from planner.needles.account.bevel import bevel_to_canal, bevel_to_screw, clock_hour
from planner.needles.account.depth_marks import depth_marks
from planner.needles.account.nearest import HARDWARE, near_structures
from planner.needles.account.passage import passage_grade, pedicle_passage
from planner.needles.account.skin_points import felt_offsets, midline_offset
from planner.needles.account.way_account import way_account
from planner.needles.candidates import Candidates, target_of
from planner.needles.margins import no_limits
from planner.needles.spine.canal_wall import CanalWall, canal_wall
from planner.needles.spine.pedicle import Pedicle
from planner.safety.clearance import check_straight

BEHIND = np.array([0.0, 1.0, 0.0])
NEEDLE_15G = Needle(gauge="15G", outer_diameter_mm=1.8, length_mm=150.0)
SIDES = pytest.mark.parametrize("side", [1.0, -1.0])


def at(*point):
    return np.array(point, dtype=float)


def pedicle(side=1.0, bone="vertebra-1", **changes):
    return Pedicle(at(14.0 * side, 14.0, 0.0), BEHIND, side, at(0.0, 14.0, 0.0), 8.0, 8.0, bone, **changes)


@pytest.mark.parametrize(("out", "grade"), [(0.0, "A"), (0.1, "B"), (2.0, "C"), (4.0, "D"), (5.9, "D"), (6.0, "E")])
def test_grades_begin_at_two_four_and_six_mm(out, grade):
    assert passage_grade(out) == grade


def passage(scene, x, *, side=1.0, bone="vertebra-1", blooming=1.4, **changes):
    return pedicle_passage(
        scene.anatomy,
        scene.fields,
        pedicle(side, bone, **changes),
        canal_wall(scene.anatomy, near_mm=0.0),
        bone_lps=at(x, 27.0, 0.0),
        end_lps=at(x, -5.0, 0.0),
        radius_mm=0.9,
        blooming_mm=blooming,
    )


def test_a_needle_within_the_pedicle_has_grade_a_and_its_walls_distances(scene):
    seen = passage(scene, -15.0, side=-1.0)
    assert (seen.grade, seen.beyond_wall_mm, seen.side) == ("A", 0.0, "right")
    assert seen.medial_wall_mm == pytest.approx(15.0 - 6.0 - 0.9, abs=1.0)
    assert seen.posterior_wall_after_mm == pytest.approx(27.0 - 9.0, abs=1.5)
    assert seen.width_mm is None


def test_a_needle_that_stands_out_of_the_wall_has_a_worse_grade(scene):
    seen = passage(scene, -24.0, side=-1.0)
    assert seen.grade == "B"
    assert 0.0 < seen.beyond_wall_mm < 2.0


def test_a_wall_within_metals_blooming_gives_no_grade(scene):
    assert passage(scene, -24.0, side=-1.0, blooming=100.0).grade is None


def test_no_passage_in_the_ilium_or_through_a_bone_without_a_name(scene):
    assert passage(scene, -15.0, side=-1.0, in_ilium=True) is None
    assert passage(scene, -15.0, side=-1.0, bone=None) is None


@pytest.mark.parametrize(
    ("facing", "hour"), [((0, 0, 1), 12), ((1, 0, 0), 9), ((-1, 0, 0), 3), ((0, 0, -1), 6), ((-0.5, 0, 0.866), 1)]
)
def test_the_clock_of_a_needle_from_behind_has_the_patients_left_at_nine(facing, hour):
    assert clock_hour(np.array(facing, dtype=float), BEHIND) == hour


@SIDES
def test_the_bevel_lies_on_the_screw(vertebra, side):
    axis = vertebra.implants[0].axis.model_copy(update={"head_lps": (10.0, 30.0, 0.0), "tip_lps": (10.0, -5.0, 0.0)})
    setting = bevel_to_screw(at(10.0 + 4.0 * side, 10.0, 0.0), BEHIND, axis)
    assert setting.facing_lps == pytest.approx((-side, 0.0, 0.0))
    assert setting.clock == (3 if side > 0 else 9)


@SIDES
def test_the_bevel_faces_the_canal_that_it_is_to_drift_away_from(scene, side):
    setting = bevel_to_canal(scene.fields, at(13.0 * side, 27.0, 0.0), at(13.0 * side, 0.0, 0.0), BEHIND)
    assert setting.facing_lps[0] * side < -0.95


def test_no_bevel_far_from_the_canal_or_on_the_axis(scene, vertebra):
    assert bevel_to_canal(scene.fields, at(45.0, 27.0, 0.0), at(45.0, 0.0, 0.0), BEHIND) is None
    axis = vertebra.implants[0].axis
    assert bevel_to_screw(np.asarray(axis.head_lps), BEHIND, axis) is None


def test_depth_marks_come_in_the_order_of_the_way_and_from_the_skin(vertebra):
    marks = depth_marks(
        at(16.0, 27.0, 0.0),
        at(16.0, 10.0, 0.0),
        at(12.0, -4.0, 0.0),
        gap=vertebra.gaps[0].mask,
        skin_to_bone_mm=30.0,
        pedicle=pedicle(),
        wall=canal_wall(vertebra, near_mm=0.0),
    )
    depth = {m.name: m.from_bone_mm for m in marks}
    assert [m.from_bone_mm for m in marks] == sorted(depth.values())
    assert depth["pedicle"] == pytest.approx(13.0, abs=0.3)
    assert depth["contact with the screw"] == pytest.approx(17.0)
    assert depth["target"] == pytest.approx(17.0 + np.hypot(4.0, 14.0))
    assert all(m.from_skin_mm == m.from_bone_mm + 30.0 for m in marks)


def test_what_a_needle_does_not_reach_has_no_mark_and_no_skin_no_depth(vertebra):
    aim = at(-16.0, 20.0, 0.0)
    marks = depth_marks(at(-16.0, 27.0, 0.0), aim, aim, gap=vertebra.gaps[0].mask, skin_to_bone_mm=None)
    assert [m.name for m in marks] == ["bone", "target"]
    assert all(m.from_skin_mm is None for m in marks)


@SIDES
def test_the_midline_is_that_of_the_entrys_own_height(side):
    heights = np.array([0.0, 50.0])
    wall = CanalWall(heights, np.array([8.0, 18.0]), np.array([-8.0, 2.0]), np.zeros(2))
    offset = midline_offset(at(10.0 + 30.0 * side, 60.0, 50.0), wall)
    assert offset.offset_mm == pytest.approx((30.0 * side, 0.0, 0.0))


def test_spinous_processes_are_felt_nearest_first_and_far_ones_left_out():
    marks = [
        Landmark("spinous process", "vertebra-1", at(0.0, 50.0, 60.0)),
        Landmark("spinous process", "vertebra-2", at(1.0, 50.0, 20.0)),
        Landmark("lesser trochanter", "femur-left", at(30.0, 50.0, 20.0)),
        Landmark("spinous process", "vertebra-9", at(0.0, 50.0, -250.0)),
    ]
    felt = felt_offsets(at(31.0, 62.0, 25.0), marks, ())
    assert [f.name for f in felt] == ["spinous process", "spinous process"]
    assert felt[0].offset_mm == pytest.approx((30.0, 12.0, 5.0))
    assert felt[0].in_words == "5 mm above the spinous process of vertebra-2, 30 mm to its left"
    assert felt[1].in_words == "35 mm below the spinous process of vertebra-1, 31 mm to its left"


def test_the_level_is_told_where_it_is_known(scene):
    bone = Bone("vertebra-2", "vertebra", scene.anatomy.bone, level="L4")
    (felt,) = felt_offsets(at(-8.0, 62.0, 25.0), [Landmark("spinous process", "vertebra-2", at(1, 50, 20))], (bone,))
    assert felt.name == "spinous process"
    assert felt.in_words == "5 mm above the spinous process of L4, 9 mm to its right"


def test_neighbours_are_named_with_their_distances(scene):
    path = (at(-16.0, 60.0, 0.0), at(-16.0, 27.0, 0.0), at(-16.0, 5.0, 0.0))
    near = {n.structure: n for n in near_structures(scene.anatomy, scene.fields, path, radius_mm=0.9)}
    assert near["spinal canal"].distance_mm == pytest.approx(16.0 - 6.0 - 0.9, abs=0.8)
    assert near["spinal canal"].depth_mm == pytest.approx(9.0, abs=6.0)
    assert "disc" not in near
    assert "screw-1" not in near
    assert 10.0 < near["far side of the bone"].distance_mm < 30.0


def test_the_own_screw_is_a_neighbour(scene):
    axis = scene.anatomy.implants[0].axis
    tip = np.asarray(axis.tip_lps) + at(5.0, 0.0, 0.0)
    path = (tip + at(0.0, 40.0, 0.0), tip)
    near = {n.structure: n for n in near_structures(scene.anatomy, scene.fields, path, radius_mm=0.9)}
    assert near["screw-1"].distance_mm <= 5.0 - 3.0 - 0.9 + 1e-6


def account(scene, *, slides, skin=True, bone="vertebra-1"):
    """A needle at the patient's left, where the screw is; sliding ones stop at the screw's middle."""
    target = target_of(scene.anatomy, scene.anatomy.gaps[0], scene.fields)
    entry, aim, end = at(19.0, 27.0, 0.0), at(19.0, 12.0, 0.0), at(17.0, 4.0, 0.0)
    family = Candidates(
        "transpedicular",
        "along the screw" if slides else "beside the screw",
        aim[None],
        (end if slides else aim)[None],
        BEHIND[None],
        BEHIND,
        slides=slides,
        pedicle=pedicle(1.0, bone),
    )
    return way_account(
        scene.anatomy,
        scene.fields,
        scene.config,
        target,
        family,
        Needle(gauge="15G", outer_diameter_mm=1.8, length_mm=150.0),
        bone_lps=entry,
        skin_lps=at(19.0, 60.0, 0.0) if skin else None,
    )


@pytest.mark.parametrize("slides", [True, False])
def test_the_whole_account_of_a_way(scene, slides):
    told = account(scene, slides=slides)
    assert told["passage"].bone == "vertebra-1" and told["passage"].side == "left"
    assert told["skin_offsets"][0].name == "midline"
    assert told["skin_offsets"][0].offset_mm[0] == pytest.approx(19.0, abs=0.6)
    distances = [near.distance_mm for near in told["nearest"]]
    assert distances == sorted(distances)
    assert {"far side of the bone", "screw-1"} <= {near.structure for near in told["nearest"]}
    assert [m.from_bone_mm for m in told["depth_marks"]] == sorted(m.from_bone_mm for m in told["depth_marks"])
    assert told["bevel"] is not None
    if not slides:
        # the tip stays before the body's posterior wall
        assert told["passage"].posterior_wall_after_mm is None


def test_without_a_canals_outline_the_midline_is_the_pedicles(scene):
    """Its middle stands for the canal's where that is not outlined there."""
    blind = replace(scene, anatomy=replace(scene.anatomy, canal=None))
    assert account(blind, slides=False)["skin_offsets"][0].name == "midline"


def test_what_is_not_known_of_a_way_is_left_out(scene):
    told = account(scene, slides=True, skin=False, bone=None)
    assert told["passage"] is None
    assert told["skin_offsets"] == ()
    assert all(mark.from_skin_mm is None for mark in told["depth_marks"])


@pytest.mark.parametrize("seed", range(4))
def test_a_neighbour_s_distance_is_that_of_its_nearest_voxel(scene, seed):
    rng = np.random.default_rng(seed)
    skin, tip = at(*rng.uniform((-40, 40, -10), (-10, 60, 10))), at(*rng.uniform((-20, -5, -10), (-5, 15, 10)))
    near = {n.structure: n for n in near_structures(scene.anatomy, scene.fields, (skin, tip), radius_mm=0.9)}
    length = float(np.linalg.norm(skin - tip))
    way = tip + np.arange(0.0, length)[:, None] * (skin - tip) / length
    canal = scene.anatomy.canal
    voxels = np.asarray(canal.grid.to_lps(np.argwhere(canal.voxels)))
    least = float(np.min(np.linalg.norm(voxels[:, None, :] - way[:100], axis=2)))
    if least <= 12.0:
        wanted = least - 0.5 * canal.grid.voxel_volume_mm3 ** (1 / 3) - 0.9
        assert near["spinal canal"].distance_mm == pytest.approx(wanted, abs=1e-6)
    else:
        assert "spinal canal" not in near


def with_screws(scene, *implants):
    return replace(scene.anatomy, implants=implants)


@pytest.mark.parametrize("aside", [4.5, 6.0, 9.0])
def test_an_implant_is_told_as_near_as_the_metal_that_needles_are_kept_from(scene, aside):
    (screw, *_) = scene.anatomy.implants
    axis = screw.axis
    tip = np.asarray(axis.tip_lps) + at(aside, 0.0, 0.0)
    straight = check_straight(scene.fields, tip[None], BEHIND[None], limits=no_limits(NEEDLE_15G), fine=True)
    # a screw whose measured diameter is too large reads as if the needle ran through it
    thick = screw.model_copy(update={"axis": axis.model_copy(update={"diameter_mm": axis.diameter_mm + 3.0})})
    for implant in (screw, thick):
        near = near_structures(
            with_screws(scene, implant),
            scene.fields,
            (tip + 60.0 * BEHIND, tip),
            radius_mm=NEEDLE_15G.outer_diameter_mm / 2,
        )
        told = {n.structure: n.distance_mm for n in near}
        assert told["screw-1"] == pytest.approx(float(straight.metal_mm[0]), abs=1e-4)
        assert HARDWARE not in told


def test_hardware_that_is_no_known_screw_is_told_without_a_name(scene):
    (screw, *_) = scene.anatomy.implants
    tip = np.asarray(screw.axis.tip_lps) + at(5.0, 0.0, 0.0)
    path = (tip + 40.0 * BEHIND, tip)
    far = screw.model_copy(
        update={
            "id": "screw-9",
            "axis": screw.axis.model_copy(
                update={
                    "head_lps": tuple(np.add(screw.axis.head_lps, (14.0, 0.0, 0.0))),
                    "tip_lps": tuple(np.add(screw.axis.tip_lps, (14.0, 0.0, 0.0))),
                }
            ),
        }
    )
    for implants in ((), (far,)):
        told = {n.structure for n in near_structures(with_screws(scene, *implants), scene.fields, path, radius_mm=0.9)}
        assert HARDWARE in told and "screw-1" not in told
    # a screw that stands farther off than this hardware keeps its own distance
    near = {
        n.structure: n.distance_mm for n in near_structures(with_screws(scene, far), scene.fields, path, radius_mm=0.9)
    }
    assert near["screw-9"] > near[HARDWARE] + 3.0


def test_far_from_hardware_none_is_told(scene):
    path = (at(-16.0, 60.0, 0.0), at(-16.0, 5.0, 0.0))
    near = near_structures(scene.anatomy, scene.fields, path, radius_mm=0.9)
    assert not {HARDWARE, "screw-1"} & {n.structure for n in near}
