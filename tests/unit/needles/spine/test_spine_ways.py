"""Ways to the spine: which pedicle, along, beside, past it, and the medial wall."""

from dataclasses import replace

import numpy as np
import pytest

from planner.config.needle_config import NeedleConfig
from planner.config.spine_way_config import SpineWayConfig
from planner.geometry.frames import unit
from planner.model.bones import Bone
from planner.model.bones import Pedicle as MeasuredPedicle
from planner.model.volume import Mask
from planner.needles.candidates import target_of
from planner.needles.spine.canal_wall import canal_wall, stays_lateral
from planner.needles.spine.extrapedicular import anterior_and_medial, enters_beside_pedicle, past_the_pedicle
from planner.needles.spine.pedicle import Pedicle, at_isthmus, within_pedicle
from planner.needles.spine.transpedicular import (
    along_the_screw,
    beside_the_screw,
    passes_pedicle,
    slide_end,
    stays_in_ilium,
)

SIDES = pytest.mark.parametrize("side", [1.0, -1.0])
SPINE = SpineWayConfig()


def pedicle(side, **changes):
    given = {"half_width_mm": 4.0, "half_height_mm": 6.0, "bone": "vertebra-1"} | changes
    return Pedicle(np.array([14.0 * side, 20.0, 0.0]), np.array([0.0, 1.0, 0.0]), side, np.zeros(3), **given)


def one(*point):
    return np.array([point], dtype=float)


@SIDES
def test_lateral_is_away_from_the_canal(side):
    lateral, _ = at_isthmus(pedicle(side), one(17.0 * side, 0.0, 2.0), one(0.0, 1.0, 0.0))
    assert lateral == pytest.approx(3.0)


@SIDES
@pytest.mark.parametrize(("x", "inside"), [(14.0, True), (17.5, True), (19.0, False), (9.0, False)])
def test_within_the_pedicle_is_told_by_its_width(side, x, inside):
    place = at_isthmus(pedicle(side), one(x * side, 0.0, 0.0), one(0.0, 1.0, 0.0))
    assert within_pedicle(pedicle(side), *place, reach_mm=8.0)[0] == inside


def test_an_unmeasured_pedicle_has_the_reach_of_the_settings():
    bare = pedicle(1.0, half_width_mm=None, half_height_mm=None)
    place = at_isthmus(bare, one(19.0, 0.0, 0.0), one(0.0, 1.0, 0.0))
    assert within_pedicle(bare, *place, reach_mm=8.0)[0]
    assert not within_pedicle(bare, *place, reach_mm=4.0)[0]


@SIDES
@pytest.mark.parametrize(
    ("bone", "through", "beside"),
    [((14, 30, 0), True, False), ((14, 21, 0), False, False), ((22, 18, 0), False, False), ((24, 24, 0), False, True)],
)
def test_a_needle_goes_through_the_pedicle_or_beside_it(side, bone, through, beside):
    mirror = np.array([side, 1.0, 1.0])
    entry, aim = one(*bone) * mirror, one(14.0 if bone[0] == 14 else 19.0, 0.0, 0.0) * mirror
    assert passes_pedicle(pedicle(side), entry, aim, reach_mm=8.0)[0] == through
    assert enters_beside_pedicle(pedicle(side), entry, aim, reach_mm=8.0)[0] == (beside or bone == (22, 18, 0))


@SIDES
def test_a_needle_of_the_other_side_enters_not_beside_the_pedicle(side):
    entry, aim = one(-24.0 * side, 24.0, 0.0), one(0.0, 0.0, 0.0)
    assert not enters_beside_pedicle(pedicle(side), entry, aim, reach_mm=8.0)[0]


@SIDES
def test_a_needle_must_not_cross_the_medial_wall_before_the_posterior_wall(vertebra, side):
    wall = canal_wall(vertebra, near_mm=0.0)
    mirror = np.array([side, 1.0, 1.0])
    late, early = one(16.0, 27.0, 0.0) * mirror, one(3.0, 27.0, 0.0) * mirror
    kept = [
        stays_lateral(wall, bone, one(2.0, -8.0, 0.0) * mirror, side=side, radius_mm=0.9, margin_mm=0.0)[0]
        for bone in (late, early)
    ]
    assert kept == [True, False]


def test_no_canal_no_wall(change):
    assert canal_wall(change(canal=None), near_mm=0.0) is None


def test_a_slide_goes_on_over_a_dropout_but_not_over_a_long_hole():
    lined = np.zeros(40)
    dropout, hole = lined.copy(), lined.copy()
    dropout[10:14], hole[10:24] = 3.0, 3.0
    assert slide_end(dropout, config=SPINE) == slide_end(lined, config=SPINE) == pytest.approx(18.0)
    assert slide_end(hole, config=SPINE) is None
    assert slide_end(np.full(40, 3.0), config=SPINE) is None


def test_slides_run_along_the_screw_within_its_gap(vertebra, scene, config):
    target = target_of(vertebra, vertebra.gaps[0], scene.fields)
    ways = along_the_screw(target, radius_mm=0.9, config=config)
    axis = target.implant.axis
    along = unit(np.subtract(axis.tip_lps, axis.head_lps))
    slide = ways.target_lps - ways.aim_lps
    np.testing.assert_allclose(np.cross(slide, along), 0.0, atol=1e-9)
    off = np.linalg.norm(target.points_lps[:, None] - ways.target_lps[None, ::500], axis=2).min(axis=0)
    assert off.max() <= 0.5


def test_without_a_diameter_nothing_slides(vertebra, scene, config):
    target = target_of(vertebra, vertebra.gaps[0], scene.fields)
    axis = target.implant.axis.model_copy(update={"diameter_mm": None})
    blunt = replace(target, implant=target.implant.model_copy(update={"axis": axis}))
    assert along_the_screw(blunt, radius_mm=0.9, config=config) is None


def bones_with(vertebra, **kinds):
    return tuple(Bone(name, kind, vertebra.bone) for name, kind in kinds.items())


def test_a_measured_pedicle_is_taken_and_what_was_hidden_comes_from_the_other_side(vertebra, change, scene):
    measured = (
        MeasuredPedicle("v", "left", (14.0, 12.0, 0.0), (0.0, -1.0, 0.0), None, 13.0),
        MeasuredPedicle("v", "right", (-14.0, 12.0, 0.0), (0.0, -1.0, 0.0), 9.0, None),
    )
    seen = change(bones=bones_with(vertebra, v="vertebra"), pedicles=measured)
    found = target_of(seen, seen.gaps[0], scene.fields).pedicle
    assert (found.bone, found.side, found.half_width_mm, found.half_height_mm) == ("v", 1.0, 4.5, 6.5)
    assert not found.has_rib


def test_a_gap_without_a_screw_is_reached_by_both_pedicles(vertebra, change, scene):
    measured = tuple(
        MeasuredPedicle("v", side, (x, 12.0, 0.0), (0.0, -1.0, 0.0), 9.0, 13.0)
        for side, x in (("left", 14.0), ("right", -14.0))
    )
    gap = replace(vertebra.gaps[0], implant_id=None)
    seen = change(bones=bones_with(vertebra, v="vertebra"), pedicles=measured, gaps=(gap,))
    assert {p.side for p in target_of(seen, gap, scene.fields).pedicles} == {1.0, -1.0}


def test_an_iliac_screw_has_no_pedicle_and_no_way_past_one(vertebra, change, scene, config):
    seen = change(bones=bones_with(vertebra, ilium="ilium"))
    target = target_of(seen, seen.gaps[0], scene.fields)
    assert target.pedicle.in_ilium
    assert past_the_pedicle(target, target.points_lps[:3], config=config) == []
    assert len(beside_the_screw(target, target.points_lps[:3], config=config).aim_lps)


def test_within_the_ilium_from_near_the_head_and_across_no_joint():
    way = pedicle(1.0, in_ilium=True)
    near, far, aim = one(16.0, 22.0, 0.0), one(60.0, 22.0, 0.0), one(14.0, 0.0, 0.0)
    free, met = np.array([True]), np.array([False])
    assert stays_in_ilium(way, near, aim, free, entry_mm=25.0)[0]
    assert not stays_in_ilium(way, far, aim, free, entry_mm=25.0)[0]
    assert not stays_in_ilium(way, near, aim, met, entry_mm=25.0)[0]


def rib_at(vertebra, x):
    voxels = np.zeros(vertebra.grid.shape, bool)
    z, y, column = np.rint(np.asarray(vertebra.grid.to_index(np.array([x, 15.0, 0.0])))).astype(int)
    voxels[z - 2 : z + 3, y - 2 : y + 3, column - 2 : column + 3] = True
    return Bone("rib-1", "rib", Mask(vertebra.grid, voxels))


@pytest.mark.parametrize(("x", "is_there"), [(30.0, True), (50.0, False), (-30.0, False)])
def test_a_rib_at_the_pedicle_makes_the_way_pass_between(vertebra, change, scene, config, x, is_there):
    seen = change(bones=(*bones_with(vertebra, v="vertebra"), rib_at(vertebra, x)))
    target = target_of(seen, seen.gaps[0], scene.fields)
    names = {f.family for f in past_the_pedicle(target, target.points_lps[::50], config=config)}
    assert ("between pedicle and rib head" in names) == is_there
    assert ("juxtapedicular" in names) != is_there


def test_across_a_screws_course_only_where_there_is_no_implant(vertebra, scene):
    config = NeedleConfig(direction_step_deg=4.0)
    target = target_of(vertebra, vertebra.gaps[0], scene.fields)
    bare = replace(target, implant=None)
    tips = target.points_lps[::20]
    front = anterior_and_medial(bare, tips)
    assert 0 < len(front) < len(tips)
    assert front[:, 1].max() <= np.quantile(target.points_lps[:, 1], 1 / 3)
    assert "across the screw's course" not in {f.family for f in past_the_pedicle(target, tips, config=config)}
    assert "across the screw's course" in {f.family for f in past_the_pedicle(bare, tips, config=config)}
