"""The standard hip phantom says truly what it is made of."""

import numpy as np
import pytest
from scipy import ndimage

from planner.geometry.frames import PointsLps
from planner.phantoms.design import Design
from planner.phantoms.hip.standard import design_standard_hip
from planner.phantoms.solids.raster import grid_over, rasterise
from planner.phantoms.truth.facts import TrueGap, TrueImplant
from planner.phantoms.truth.patches import find_patches


@pytest.fixture(scope="module")
def hip() -> Design:
    return design_standard_hip()


def implant(hip: Design, name: str) -> TrueImplant:
    return next(i for i in hip.truth.implants if i.id == name)


def gap(hip: Design, name: str) -> TrueGap:
    return next(g for g in hip.truth.gaps if g.id == name)


def names_at(hip: Design, points: object) -> list[str]:
    owners = hip.scene.part_index_at(PointsLps(np.atleast_2d(np.asarray(points, dtype=np.float64))))
    return [hip.scene.parts[i].name if i >= 0 else "air" for i in owners]


def points_in(hip: Design, name: str) -> PointsLps:
    """Random points of a gap, from the painted scene rather than from the gap's own solid."""
    low, high = gap(hip, name).solid.bounds_lps
    points = np.random.default_rng(5).uniform(low, high, (60_000, 3))
    return PointsLps(points[[n == name for n in names_at(hip, points)]])


GAPS = ["gap-stem-proximal", "gap-stem-distal", "gap-cup"]


@pytest.mark.parametrize("name", GAPS)
def test_gap_volume_is_what_the_painted_scene_holds(hip: Design, name: str) -> None:
    low, high = gap(hip, name).solid.bounds_lps
    by_counting_ml = len(points_in(hip, name)) / 60_000 * float(np.prod(high - low)) / 1000.0
    assert gap(hip, name).measure.volume_ml == pytest.approx(by_counting_ml, rel=0.05)
    assert gap(hip, name).measure.volume_sd_ml < 0.01


@pytest.mark.parametrize("name", GAPS)
def test_gap_volumes_are_those_of_published_lesions(hip: Design, name: str) -> None:
    assert 2.9 < gap(hip, name).measure.volume_ml < 5.0


@pytest.mark.parametrize("name", GAPS)
def test_gap_is_one_piece_in_the_bone_and_beside_its_implant(hip: Design, name: str) -> None:
    solid = gap(hip, name).solid
    mask = rasterise(solid, grid_over(solid.bounds_lps, 0.5))
    assert ndimage.label(mask, structure=np.ones((3, 3, 3)))[1] == 1
    points = points_in(hip, name)
    assert hip.truth.env.distance_mm(points).max() <= 0.0
    metal = implant(hip, gap(hip, name).implant_id).solid.distance_mm(points)
    assert metal.min() > 0.0
    assert metal.min() < 0.2


def test_stem_axis_runs_in_the_stems_metal(hip: Design) -> None:
    stem = implant(hip, "stem")
    assert stem.head_lps is not None
    assert stem.tip_lps is not None
    head, tip = np.array(stem.head_lps), np.array(stem.tip_lps)
    line = head + np.linspace(0.001, 0.999, 40)[:, None] * (tip - head)
    assert set(names_at(hip, line)) == {"stem"}
    beyond = tip + 0.3 * (tip - head) / np.linalg.norm(tip - head)
    assert names_at(hip, beyond) == ["gap-stem-distal"]
    assert stem.length_mm == pytest.approx(np.linalg.norm(tip - head))


def test_screw_axis_runs_in_the_screws_metal(hip: Design) -> None:
    screw = implant(hip, "cup-screw")
    head, tip = np.array(screw.head_lps), np.array(screw.tip_lps)
    assert set(names_at(hip, head + np.linspace(0.01, 0.99, 20)[:, None] * (tip - head))) == {"cup screw"}


def test_bone_holds_the_stem_between_its_two_gaps(hip: Design) -> None:
    stem = implant(hip, "stem")
    head, tip = np.array(stem.head_lps), np.array(stem.tip_lps)
    axis = (tip - head) / np.linalg.norm(tip - head)
    for name in GAPS[:2]:
        along = (points_in(hip, name) - head) @ axis
        assert not np.any((along > 45.0) & (along < 90.0))


def test_lateral_gap_is_as_wide_as_stated(hip: Design) -> None:
    stem = implant(hip, "stem")
    head, tip = np.array(stem.head_lps), np.array(stem.tip_lps)
    axis = (tip - head) / np.linalg.norm(tip - head)
    out = head - np.array(implant(hip, "head").solid.bounds_lps).mean(axis=0)
    out -= (out @ axis) * axis
    line = head + 29.0 * axis + np.arange(0.0, 25.0, 0.01)[:, None] * out / np.linalg.norm(out)
    width_mm = 0.01 * names_at(hip, line).count("gap-stem-proximal")
    assert width_mm == pytest.approx(gap(hip, "gap-stem-proximal").width_mm, abs=0.1)


def test_upper_gap_has_one_hole_and_one_worn_wall(hip: Design) -> None:
    femur = hip.truth.env
    patches = find_patches(
        gap(hip, "gap-stem-proximal").solid, femur, implant(hip, "stem").solid, thin_mm=hip.truth.thin_mm
    )
    assert len(patches) == 2
    hole, worn = patches
    assert hole.barrier_mm == 0.0
    assert abs(femur.distance_mm(PointsLps(np.array([hole.centre_lps])))[0]) < 0.6
    assert hole.centre_lps[0] > np.array(implant(hip, "stem").head_lps)[0] + 15.0  # through the lateral cortex
    assert 0.2 < worn.barrier_mm < hip.truth.thin_mm
    assert worn.centre_lps[0] < np.array(implant(hip, "stem").head_lps)[0]  # of the calcar, on the inner side
    assert hole.area_mm2 == pytest.approx(np.pi * 2.5**2, rel=0.4)


@pytest.mark.parametrize("name", GAPS[1:])
def test_other_gaps_are_closed(hip: Design, name: str) -> None:
    assert find_patches(gap(hip, name).solid, hip.truth.env, hip.truth.metal, thin_mm=hip.truth.thin_mm) == ()


def test_it_is_a_left_hip_and_no_mirror_image_of_itself(hip: Design) -> None:
    assert {i.side for i in hip.truth.implants} == {"left"}
    metal = hip.truth.metal
    low, high = metal.bounds_lps
    assert low[0] > 0.0  # LPS: the patient's left
    centre = np.array(implant(hip, "head").solid.bounds_lps).mean(axis=0)
    assert np.array(implant(hip, "stem").tip_lps)[0] > centre[0] + 20.0  # the femur lies lateral of the hip's centre
    points = np.random.default_rng(7).uniform(low, high, (20_000, 3))
    mirrored = points * [-1.0, 1.0, 1.0] + [2.0 * centre[0], 0.0, 0.0]
    here, there = (metal.distance_mm(PointsLps(p)) <= 0.0 for p in (points, mirrored))
    assert 2.0 * (here & there).sum() / (here.sum() + there.sum()) < 0.7
    wrong_side = points_in(hip, "gap-stem-proximal") * [-1.0, 1.0, 1.0] + [2.0 * centre[0], 0.0, 0.0]
    assert hip.truth.env.distance_mm(PointsLps(wrong_side)).max() > 0.0


def test_lateral_and_anterior_skin_lie_in_the_field(hip: Design) -> None:
    slices, rows, columns = hip.grid.shape
    for slice_index in (0, slices // 2, slices - 1):
        lateral = hip.grid.to_lps([[slice_index, row, columns - 1] for row in range(0, rows, 10)])
        assert set(names_at(hip, lateral)) == {"air"}
    middle = hip.grid.to_lps([slices // 2, rows // 2, columns // 2])
    anterior = hip.grid.to_lps([slices // 2, 0, columns // 2])
    line = anterior + np.linspace(0.0, 1.0, 200)[:, None] * (middle - anterior)
    names = names_at(hip, line)
    assert names[0] == "air"
    assert "skin" in names


def test_a_lateral_needle_is_free_and_a_medial_one_is_not(hip: Design) -> None:
    target = np.array(gap(hip, "gap-stem-proximal").measure.centroid_lps)
    steps = np.arange(0.0, 110.0, 1.0)[:, None]
    forbidden = hip.truth.forbidden.distance_mm
    assert forbidden(PointsLps(target + steps * [1.0, 0.0, 0.0])).min() > 10.0
    assert forbidden(PointsLps(target + steps * [-0.6, -0.8, 0.0])).min() < 0.0
    assert forbidden(PointsLps(target + steps * [-0.5, 0.866, 0.0])).min() < 0.0


def test_seed_turns_textures_and_leaves_shapes(hip: Design) -> None:
    other = design_standard_hip(seed=4)
    assert other.truth.gaps == hip.truth.gaps
    weld = np.add(np.array(implant(hip, "stem").head_lps), [-14.0, -6.0, -60.0])
    points = PointsLps(weld + np.random.default_rng(1).uniform(-4.0, 4.0, (50, 3)))
    assert np.array_equal(other.scene.part_index_at(points), hip.scene.part_index_at(points))
    assert not np.array_equal(other.scene.hu_at(points), hip.scene.hu_at(points))
