"""What lies beside a slide only: it is refused for it, and it is told."""

from dataclasses import replace

import numpy as np
import pytest

from planner.model.breach import Breach
from planner.model.needle import Needle
from planner.model.volume import Mask
from planner.needles.account.describe import limits_for, told_of
from planner.needles.account.passage import pedicle_passage
from planner.needles.candidates import Candidates, target_of
from planner.needles.margins import broken_limits, reduced_margins
from planner.needles.robustness import aim_errors
from planner.needles.select import Passed
from planner.needles.spine.canal_wall import canal_wall, stays_lateral
from planner.needles.spine.pedicle import Pedicle
from planner.needles.spine.slide import slide_is_safe
from planner.needles.spine.spine_rules import spine_rules
from planner.safety.clearance import check_straight
from planner.safety.fields import FAR_MM, BoxedDistance, distance_fields
from planner.safety.slide_least import slide_least, slide_points

BACK = np.array([0.0, 1.0, 0.0])
NEEDLE = Needle(gauge="15G", outer_diameter_mm=1.8, length_mm=150.0)
RADIUS = 0.9
AIM, END = np.array([-15.0, 10.0, 0.0]), np.array([-15.0, -6.0, 0.0])
WALL = "crosses the medial pedicle wall"


def sliding(aim=AIM, end=END):
    pedicle = Pedicle(np.array([-14.0, 14.0, 0.0]), BACK, -1.0, np.array([0.0, 14.0, 0.0]), 5.0, 7.0, "v")
    return Candidates(
        "transpedicular", "along the screw", aim[None], end[None], BACK[None], BACK, slides=True, pedicle=pedicle
    )


def beside_the_slide(scene, aside_mm, *, size_mm=1.0):
    """The scene with a small forbidden block so far aside of the slide's axis, at its middle."""
    grid = scene.anatomy.grid
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    centre = np.array([-15.0 - aside_mm, -2.0, 0.0])
    block = np.all(np.abs(points - centre) <= size_mm, axis=-1)
    anatomy = replace(scene.anatomy, forbidden=Mask(grid, block))
    return replace(scene, anatomy=anatomy, fields=distance_fields(anatomy, config=scene.config), memo={}, depths={})


def told(scene, family):
    fine = check_straight(
        scene.fields, family.aim_lps, family.outward_lps, limits=limits_for(NEEDLE, scene.config, slide_mm=16.0),
        fine=True,
    )  # fmt: skip
    one = Passed(family, fine.to_skin_mm, fine.in_view_mm, fine.to_bone_mm, fine.metal_mm, fine.canal_mm, np.zeros(1))
    target = target_of(scene.anatomy, scene.anatomy.gaps[0], scene.fields)
    return told_of(scene, target, one, NEEDLE, fine, score=0.5, terms={}, reach_ml=0.1)


@pytest.mark.parametrize(("aside_mm", "safe"), [(3.0, False), (6.0, True)])
def test_a_block_beside_the_slide_only_refuses_it_and_is_told(scene, aside_mm, safe):
    seen = beside_the_slide(scene, aside_mm)
    assert slide_is_safe(seen, sliding(), NEEDLE)[0] == safe
    free = aside_mm - 1.5 - RADIUS
    assert told(seen, sliding()).clearance_mm.forbidden == pytest.approx(free, abs=0.5)
    margins, words = reduced_margins(seen.fields, AIM, BACK, NEEDLE, config=seen.config, slide_to_lps=END)
    assert ("forbidden tissue" in margins) != safe
    assert any(w.startswith("forbidden: ") and "mm free" in w for w in words) != safe


def test_the_straight_part_alone_knows_nothing_of_it(scene):
    seen = beside_the_slide(scene, 3.0)
    assert "forbidden tissue" not in reduced_margins(seen.fields, AIM, BACK, NEEDLE, config=seen.config)[0]


def test_a_slide_badly_aimed_comes_nearer_than_the_shaft_does(scene):
    seen, length = beside_the_slide(scene, 5.0), np.array([50.0])
    where = (seen.fields, AIM[None], BACK[None], length)
    shaft = aim_errors(*where, radius_mm=RADIUS, config=seen.config)
    whole = aim_errors(*where, radius_mm=RADIUS, config=seen.config, slide_to_lps=END[None])
    exact = slide_least(seen.fields, AIM[None], END[None], radius_mm=RADIUS).surface.forbidden_mm[0]
    # 2 mm aside, and 2 degrees over the 12 mm to the block's middle
    most = seen.config.aim_error_mm + np.tan(np.radians(seen.config.aim_error_deg)) * 12.0
    assert whole.forbidden_mm[0] == pytest.approx(exact - most, abs=0.4)
    assert shaft.forbidden_mm[0] > whole.forbidden_mm[0] + 3.0
    assert whole.harmless[0] <= shaft.harmless[0]


def test_bones_not_told_apart_stay_unknown_along_the_slide(scene):
    assert told(scene, sliding()).clearance_mm.other_bone is None


def test_another_bone_beside_the_slide_refuses_it(scene):
    shape = scene.anatomy.grid.shape
    near = np.full(shape, FAR_MM, np.float32)
    index = np.rint(scene.anatomy.grid.to_index(np.array([-15.0, -2.0, 0.0]))).astype(int)
    near[tuple(index)] = 0.2
    other = replace(scene, fields=replace(scene.fields, other_bone=BoxedDistance(near, (0, 0, 0))))
    assert slide_is_safe(scene, sliding(), NEEDLE)[0]
    assert not slide_is_safe(other, sliding(), NEEDLE)[0]


def test_a_slide_is_looked_at_each_half_millimetre_however_long():
    points = slide_points(np.zeros((1, 3)), np.array([[0.0, 37.0, 0.0]]))
    assert np.linalg.norm(np.diff(points[0], axis=0), axis=1).max() <= 0.5 + 1e-9
    assert points[0, 0].tolist() == [0.0, 0.0, 0.0] and points[0, -1].tolist() == [0.0, 37.0, 0.0]


def test_a_slide_along_the_medial_wall_is_refused_though_the_shaft_is_lateral(scene):
    medial = sliding(aim=np.array([-9.0, 18.0, 0.0]), end=np.array([-5.0, 9.5, 0.0]))
    bone = np.array([[-9.0, 27.0, 0.0]])
    none, skin = np.zeros(1), np.full(1, 40.0)
    one = Passed(medial, skin, skin, np.array([9.0]), none, none, none)
    wall = canal_wall(scene.anatomy, near_mm=0.0)
    margin = scene.config.spine.medial_wall_margin_mm
    assert stays_lateral(wall, bone, medial.aim_lps, side=-1.0, radius_mm=RADIUS, margin_mm=margin)[0]
    assert not spine_rules(scene, one, medial.pedicle, NEEDLE, bone)[WALL][0]


def test_a_passage_goes_on_along_the_slide(scene):
    where = {"bone_lps": np.array([-12.0, 27.0, 0.0]), "end_lps": np.array([-12.0, 24.0, 0.0])}
    given = (scene.anatomy, scene.fields, sliding().pedicle, canal_wall(scene.anatomy, near_mm=0.0))
    more = {"radius_mm": RADIUS, "blooming_mm": 0.0}
    short = pedicle_passage(*given, **where, **more)
    whole = pedicle_passage(*given, **where, **more, slide_to_lps=np.array([-8.5, 6.0, 0.0]))
    assert short.posterior_wall_after_mm is None and short.grade is None
    assert whole.posterior_wall_after_mm is not None and whole.grade is not None
    assert whole.medial_wall_mm < short.medial_wall_mm - 2.0


def test_a_breach_beside_the_slide_is_the_nearest(scene):
    place = Breach.model_construct(gap_id="gap-1", centroid_lps=(-17.0, -2.0, 0.0))
    way = told(replace(scene, breaches=(place,)), sliding())
    assert way.clearance_mm.nearest_breach == pytest.approx(2.0 - RADIUS, abs=0.01)
    assert told(scene, sliding()).clearance_mm.nearest_breach is None


def test_a_touch_by_design_is_no_metal_within(scene):
    """A slide that begins at the screw's side and leaves it too flat lacks room there; it is not said to be in it."""
    axis = scene.anatomy.implants[0].axis
    along = np.subtract(axis.head_lps, axis.tip_lps) / axis.length_mm
    away = np.cross(along, [0.0, 0.0, 1.0])
    aim = np.asarray(axis.tip_lps) + 16.0 * along + away * (3.0 + RADIUS + 0.3)
    flat = (along + 0.02 * away) / np.linalg.norm(along + 0.02 * away)
    words = broken_limits(
        scene.fields, aim, flat, NEEDLE, config=scene.config, slide_to_lps=aim - 10.0 * along
    )  # fmt: skip
    metal = [w for w in words.values() if w.startswith("metal")]
    assert all("of the room wanted where it leaves the screw" in w or "on the slide" in w for w in metal)
    assert metal
