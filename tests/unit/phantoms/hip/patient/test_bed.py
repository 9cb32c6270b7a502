"""The hip's living part: made to its figures, left the mirror of right, structures where they lie."""

from functools import cache
from typing import Literal

import numpy as np
import pytest
from pydantic import ValidationError

from planner.config.phantoms.hip.patient import HipPatient, draw_patient
from planner.geometry.frames import Array, PointsLps, point_tuple, unit
from planner.phantoms.hip.frames import BodyFrame, tilted
from planner.phantoms.hip.patient.bed import HipBed, bed_of
from planner.phantoms.hip.patient.sections import Band, rod, sheet
from planner.phantoms.scene import Scene
from planner.phantoms.solids.basic import Solid

OPENING = (0.62, -0.27, -0.735)
RECIPES = {
    "usual": HipPatient(),
    "right": HipPatient(side="right", neck_shaft_deg=134.0, anteversion_deg=24.0, offset_mm=36.0),
    "wide": draw_patient(seed=11, dorr="C"),
    "narrow": draw_patient(seed=12, dorr="A"),
}


@cache
def bed(name: str) -> HipBed:
    return bed_of(RECIPES[name])


def opening(of: HipBed) -> tuple[float, float, float]:
    return point_tuple(of.frame.direction(OPENING))


def solids() -> dict[str, Solid]:
    b = bed("usual")
    found: dict[str, Solid] = {
        "femur": b.femur,
        "femur inside": b.femur_inside,
        "whole femur": b.femur_bone.whole,
        "marrow": b.marrow,
        "pelvis": b.pelvis(opening(b), 25.0),
        "pelvis inside": b.pelvis_inside(opening(b), 25.0),
        "sacrum": b.pelvis_bone.sacrum,
        "openings of the sacrum": b.pelvis_bone.sacral_openings,
        "body": b.body,
        "capsule": b.soft_tissue.capsule,
        "artery": b.soft_tissue.artery,
        "bowel": b.soft_tissue.bowel,
        "gas": b.soft_tissue.bowel_gas,
        "cavity": b.pelvic_cavity,
    }
    return found | {
        name: b.muscles.solids[name] for name in ("gluteus maximus", "gluteus medius", "obturator externus")
    }


SOLIDS = solids()


def scattered(solid: Solid, count: int, seed: int) -> Array:
    low, high = solid.bounds_lps
    return np.random.default_rng(seed).uniform(low - 10.0, high + 10.0, (count, 3))


def surface_mm(solid: Solid, start: Array, way: Array, reach: float = 60.0) -> float:
    """Give the distance along a way at which a solid ends that the start lies in."""
    steps = np.arange(0.0, reach, 0.02)
    outside = solid.distance_mm(PointsLps(start + steps[:, None] * way)) > 0.0
    assert not outside[0]
    return float(steps[np.argmax(outside)])


@pytest.mark.parametrize("name", SOLIDS)
def test_no_distance_is_overstated(name: str) -> None:
    # Between a point within and one without lies the surface: neither may claim to be further from it than the other.
    solid, random = SOLIDS[name], np.random.default_rng(4)
    points = scattered(solid, 15_000, 3)
    step = random.normal(size=points.shape)
    step *= random.uniform(0.01, 12.0, (len(points), 1)) / np.linalg.norm(step, axis=1, keepdims=True)
    here, there = solid.distance_mm(PointsLps(points)), solid.distance_mm(PointsLps(points + step))
    across = (here <= 0.0) != (there <= 0.0)
    assert across.sum() > 50
    apart = np.linalg.norm(step[across], axis=1) * (1.0 + 1e-9)
    assert np.all(np.abs(here[across]) <= apart)
    assert np.all(np.abs(there[across]) <= apart)


def test_band_and_femur_change_by_no_more_than_the_way_walked() -> None:
    for solid in (bed("usual").femur_bone.canal, bed("usual").soft_tissue.thigh, bed("usual").body):
        points, random = scattered(solid, 10_000, 3), np.random.default_rng(4)
        step = random.normal(size=points.shape)
        step *= random.uniform(0.01, 6.0, (len(points), 1)) / np.linalg.norm(step, axis=1, keepdims=True)
        change = solid.distance_mm(PointsLps(points + step)) - solid.distance_mm(PointsLps(points))
        assert np.all(np.abs(change) <= np.linalg.norm(step, axis=1) * (1.0 + 1e-9))


@pytest.mark.parametrize("name", SOLIDS)
def test_box_holds_the_solid(name: str) -> None:
    solid = SOLIDS[name]
    points = scattered(solid, 12_000, 5)
    inside = points[solid.distance_mm(PointsLps(points)) <= 0.0]
    low, high = solid.bounds_lps
    assert len(inside) > 0
    assert np.all((inside >= low) & (inside <= high))


def test_a_steep_band_would_overstate_without_its_slope() -> None:
    # What the scaling is for: the plain distance from the edge of a section changes faster than the way walked.
    frame = BodyFrame("left", (0.0, 0.0, 0.0))
    band = Band(frame, ((0.0, (0.0, 0.0), (0.0, 0.0), 4.0), (10.0, (20.0, 0.0), (20.0, 0.0), 4.0)))
    low, high = band.distance_mm(PointsLps(np.array([[40.0, 0.0, 2.0], [40.0, 0.0, 3.0]])))
    assert low > high
    assert (low - high) * np.hypot(1.0, 2.0) > 1.0


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("height", [-120.0, -80.0, -50.0, -25.0])
def test_cortex_is_as_thick_as_the_recipe_asks(name: str, height: float) -> None:
    femur = bed(name).femur_bone
    start = np.array(femur.canal_axis(height))
    asked = {-120.0: RECIPES[name].cortex_shaft_mm, -80.0: RECIPES[name].cortex_shaft_mm}.get(height)
    # Clear of the ridge behind and of the trochanters.
    for way in ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (-1.0, -0.4, 0.0)):
        along = unit(femur.frame.direction(way))
        wall = surface_mm(femur.outside, start, along) - surface_mm(femur.inside, start, along)
        assert wall == pytest.approx(femur.cortex_mm(height) if asked is None else asked, abs=0.2)


@pytest.mark.parametrize("name", RECIPES)
def test_cortex_thins_to_the_metaphysis(name: str) -> None:
    femur, recipe = bed(name).femur_bone, RECIPES[name]
    walls = []
    for height in (-100.0, -40.0, -12.0):
        start, way = np.array(femur.canal_axis(height)), -femur.frame.direction((0.0, 1.0, 0.0))
        walls.append(surface_mm(femur.outside, start, way) - surface_mm(femur.inside, start, way))
    assert walls[0] > walls[1] > walls[2] > recipe.cortex_metaphysis_mm - 0.2


@pytest.mark.parametrize("name", RECIPES)
def test_canal_has_the_isthmus_and_flare_asked_for(name: str) -> None:
    femur, recipe = bed(name).femur_bone, RECIPES[name]
    widths = []
    for height in (-100.0, 20.0):
        start = np.array(femur.canal_axis(height))
        inward = femur.frame.direction(femur.inward)
        marrow = femur.canal
        widths.append(surface_mm(marrow, start, inward) + surface_mm(marrow, start, -inward))
    assert widths[0] == pytest.approx(recipe.isthmus_mm, abs=0.2)
    assert widths[1] / widths[0] == pytest.approx(recipe.canal_flare_index, abs=0.06)


def centroid(solid: Solid, middle: Array, normal: Array, half_mm: float) -> Array:
    """Give the middle of a solid's section across a direction."""
    first = unit(np.cross(normal, [0.3, 0.9, 0.1]))
    second = np.cross(normal, first)
    steps = np.arange(-half_mm, half_mm, 0.4)
    a, b = (g.ravel()[:, None] for g in np.meshgrid(steps, steps))
    points = middle + a * first + b * second
    return np.asarray(points[solid.distance_mm(PointsLps(points)) <= 0.0].mean(axis=0))


@pytest.mark.parametrize("name", RECIPES)
def test_neck_stands_at_the_angles_and_offset_asked_for(name: str) -> None:
    of, recipe = bed(name), RECIPES[name]
    femur, head = of.femur_bone, np.array(of.centre_lps)
    up = femur.frame.direction((0.0, 0.0, 1.0))
    neck = -np.array(femur.neck_direction_lps)
    middle = centroid(femur.whole, head + 0.56 * recipe.head_diameter_mm * neck, neck, 17.0)
    way = unit(middle - head)  # from the head down the neck
    angle = np.degrees(np.arccos(way @ -up))
    assert 180.0 - angle == pytest.approx(recipe.neck_shaft_deg, abs=1.0)
    lateral, behind = (way @ femur.frame.direction(axis) for axis in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))
    assert np.degrees(np.arctan2(behind, lateral)) == pytest.approx(recipe.anteversion_deg, abs=2.0)
    from_axis = femur.frame.offsets(PointsLps(head[None]))[0, :2]
    assert np.hypot(*from_axis) == pytest.approx(recipe.offset_mm, abs=1e-6)


@pytest.mark.parametrize("name", RECIPES)
def test_shaft_is_straight_from_the_front_and_bowed_from_the_side(name: str) -> None:
    femur, recipe = bed(name).femur_bone, RECIPES[name]
    up = femur.frame.direction((0.0, 0.0, 1.0))
    middles = []
    for height in (-100.0, -200.0):
        found = centroid(femur.canal, np.array(femur.canal_axis(height)), up, 16.0)
        middles.append(femur.frame.offsets(PointsLps(found)))
    lean = np.degrees(np.arctan2(middles[0][0] - middles[1][0], 100.0))
    assert lean == pytest.approx(0.0, abs=0.5)
    bow = middles[1][1] - middles[0][1]
    assert bow == pytest.approx((200.0**2 - 100.0**2) / (2.0 * recipe.bow_radius_mm), abs=0.4)


def test_left_is_the_mirror_of_right_exactly() -> None:
    left = HipBed(HipPatient(side="left"), (80.0, -10.0, -600.0))
    right = HipBed(HipPatient(side="right"), (-80.0, -10.0, -600.0))
    points = np.random.default_rng(7).uniform((-60.0, -110.0, -840.0), (190.0, 130.0, -500.0), (4_000, 3))
    mirrored = points * np.array([-1.0, 1.0, 1.0])
    pairs = zip(left.parts(opening(left), 25.0), right.parts(opening(right), 25.0), strict=True)
    for of_left, of_right in pairs:
        assert of_left.name == of_right.name
        one = of_left.solid.distance_mm(PointsLps(points))
        other = of_right.solid.distance_mm(PointsLps(mirrored))
        np.testing.assert_allclose(one, other, rtol=0.0, atol=1e-9, err_msg=of_left.name)


def test_patient_is_no_mirror_image_of_itself() -> None:
    of = bed("usual")
    middle = (np.array(of.centre_lps) + np.array(of.other.centre_lps)) / 2.0
    scene = Scene(of.parts(opening(of), 25.0))
    points = np.random.default_rng(8).uniform((20.0, -40.0, -120.0), (140.0, 40.0, 60.0), (6_000, 3))
    mirrored = points * np.array([-1.0, 1.0, 1.0])
    here, there = (scene.hu_at(PointsLps(p + middle)) for p in (points, mirrored))
    assert np.mean(np.abs(here - there) > 60.0) > 0.05


def part_at(of: HipBed, offset: tuple[float, float, float]) -> str:
    parts = of.parts(opening(of), 25.0)
    number = int(Scene(parts).part_index_at(PointsLps(np.array([of.frame.place(offset)])))[0])
    return "air" if number < 0 else parts[number].name


@pytest.mark.parametrize("name", RECIPES)
def test_vessels_lie_medially_in_front_and_the_nerve_behind(name: str) -> None:
    of = bed(name)
    points = scattered(of.soft_tissue.artery, 60_000, 9)
    height = points[:, 2] - of.centre_lps[2]
    near = points[np.abs(height + 10.0) < 25.0]

    def middle(solid: Solid) -> Array:
        return of.frame.offsets(PointsLps(near[solid.distance_mm(PointsLps(near)) <= 0.0])).mean(axis=0)

    artery, vein = middle(of.soft_tissue.artery), middle(of.soft_tissue.vein)
    assert artery[0] < 0.0
    assert artery[1] < -35.0
    assert vein[0] < artery[0]
    box = scattered(of.soft_tissue.sciatic_nerve, 60_000, 10)
    box = box[np.abs(box[:, 2] - of.centre_lps[2] + 10.0) < 25.0]
    nerve = of.frame.offsets(PointsLps(box[of.soft_tissue.sciatic_nerve.distance_mm(PointsLps(box)) <= 0.0])).mean(
        axis=0
    )
    assert nerve[1] > 35.0


@pytest.mark.parametrize("name", RECIPES)
def test_no_forbidden_course_runs_through_bone(name: str) -> None:
    of = bed(name)
    bones = (of.femur, of.pelvis(opening(of), 25.0))
    soft = of.soft_tissue
    for course in (soft.artery, soft.vein, soft.sciatic_nerve, soft.bowel):
        points = PointsLps(scattered(course, 40_000, 11))
        points = PointsLps(points[course.distance_mm(points) <= 0.0])
        assert len(points) > 100
        for bone in bones:
            assert np.mean(bone.distance_mm(points) <= 0.0) < 0.002


def test_structures_are_named() -> None:
    names = [s.name for s in bed("usual").structures]
    assert names == ["femoral vessels", "sciatic nerve", "bowel", "bladder", "inside of the pelvis"]


@pytest.mark.parametrize("side", ["left", "right"])
def test_tissues_lie_where_a_ct_shows_them(side: Literal["left", "right"]) -> None:
    of = bed_of(HipPatient(side=side))
    assert part_at(of, (-24.0, 27.0, -40.0)).startswith("pelvis")
    assert part_at(of, (0.0, -35.0, 0.0)) in ("iliopsoas", "joint capsule")
    assert part_at(of, (0.0, 84.0, -20.0)) == "gluteus maximus"
    assert part_at(of, (-84.0, -8.0, 20.0)) == "bladder"
    assert part_at(of, (-84.0, 68.0, 80.0)) == "sacrum inside"
    shaft = of.frame.offsets(PointsLps(np.array(of.canal_axis(-110.0))))
    assert part_at(of, point_tuple(shaft)) == "marrow"
    assert part_at(of, (200.0, 0.0, 0.0)) == "air"


def test_metal_of_a_cup_finds_its_bed_empty_and_bone_behind() -> None:
    of = bed("usual")
    out = np.array(opening(of))
    inward = PointsLps(np.array(of.centre_lps) + np.outer([24.0, 26.5, 31.0], -out))
    bone = of.pelvis(opening(of), 25.0).distance_mm(inward) <= 0.0
    assert bone.tolist() == [False, True, True]


def test_muscles_follow_the_femur_and_stay_with_the_pelvis() -> None:
    near, far = bed_of(HipPatient(offset_mm=34.0)), bed_of(HipPatient(offset_mm=48.0))
    lateral = [b.muscles.solids["vastus lateralis"].bounds_lps[1][0] for b in (near, far)]
    medial = [b.muscles.solids["obturator internus"].bounds_lps[0][0] for b in (near, far)]
    assert lateral[1] - lateral[0] > 8.0
    assert medial[1] == pytest.approx(medial[0], abs=1e-9)


def test_the_same_seed_draws_the_same_patient_and_another_one_another() -> None:
    assert draw_patient(seed=5) == draw_patient(seed=5)
    assert draw_patient(seed=5) != draw_patient(seed=6)
    assert {draw_patient(seed=s).side for s in range(12)} == {"left", "right"}
    points = PointsLps(np.random.default_rng(2).uniform(-60.0, 60.0, (500, 3)) + np.array(bed("usual").centre_lps))
    again = bed_of(RECIPES["usual"]).femur.distance_mm(points)
    assert np.array_equal(again, bed("usual").femur.distance_mm(points))


@pytest.mark.parametrize("kind", ["A", "B", "C"])
def test_drawn_patients_are_of_the_asked_type(kind: Literal["A", "B", "C"]) -> None:
    drawn = [draw_patient(seed=s, dorr=kind) for s in range(60)]
    assert np.mean([p.dorr_type == kind for p in drawn]) > 0.75
    index = float(np.mean([p.cortical_thickness_index for p in drawn]))
    assert index == pytest.approx({"A": 0.58, "B": 0.50, "C": 0.42}[kind], abs=0.015)


def test_drawn_population_has_the_published_means() -> None:
    drawn = [draw_patient(seed=s) for s in range(300)]
    assert np.mean([p.neck_shaft_deg for p in drawn]) == pytest.approx(124.7, abs=1.2)
    assert np.mean([p.anteversion_deg for p in drawn]) == pytest.approx(14.5, abs=1.5)
    assert np.mean([p.pelvic_tilt_deg for p in drawn]) == pytest.approx(4.2, abs=1.2)


@pytest.mark.parametrize("wrong", [{"neck_shaft_deg": 170.0}, {"side": "both"}, {"neck_shaft": 120.0}])
def test_impossible_recipes_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        HipPatient(**wrong)  # type: ignore[arg-type]


def test_frames_give_back_what_they_place() -> None:
    frame = BodyFrame("right", (-70.0, 5.0, -600.0)).turn(tilted(20.0), origin=(3.0, 4.0, 5.0), scale=1.2)
    offset = np.array([[7.0, -3.0, 11.0]])
    np.testing.assert_allclose(frame.offsets(PointsLps(np.array([frame.place(offset[0])]))), offset, atol=1e-12)
    over = BodyFrame("left", (80.0, 0.0, 0.0)).across_midline(85.0)
    assert over.origin_lps == (-90.0, 0.0, 0.0)
    assert over.place((10.0, 0.0, 0.0)) == (-100.0, 0.0, 0.0)


def test_sheet_and_rod_are_as_thick_as_told() -> None:
    frame = BodyFrame("left", (0.0, 0.0, 0.0), scale=1.5)
    level = ((-10.0, 0.0), (10.0, 0.0))
    for shrunk, half in ((0.0, 6.0), (1.0, 5.0)):
        flat = sheet(frame, ((0.0, level, 4.0), (20.0, level, 4.0)), shrunk_mm=shrunk)
        bar = rod(frame, (((0.0, 0.0, 0.0), 4.0), ((0.0, 0.0, 20.0), 4.0)), shrunk_mm=shrunk)
        for solid in (flat, bar):
            assert surface_mm(solid, np.array([0.0, 0.0, 15.0]), np.array([0.0, 1.0, 0.0])) == pytest.approx(
                half, abs=0.03
            )
