"""What a needle to the spine must keep besides the march, rule by rule; and slides that meet a disc."""

from dataclasses import replace

import numpy as np
import pytest

from planner.model.bones import Bone
from planner.model.implant import ImplantAxis
from planner.model.needle import Needle
from planner.model.volume import Mask
from planner.needles.candidates import Candidates, target_of
from planner.needles.select import Passed
from planner.needles.spine.pedicle import Pedicle
from planner.needles.spine.slide import slide_is_safe
from planner.needles.spine.spine_rules import spine_rules

BACK = np.array([0.0, 1.0, 0.0])
NEEDLE = Needle(gauge="15G", outer_diameter_mm=1.8, length_mm=150.0)
SKIN = "skin point across the midline or too far out"
WAY = "not this approach's way through the bone"
WALL = "crosses the medial pedicle wall"


def passed(bone, aim, *, approach="transpedicular", skin_mm=60.0, pedicle=None):
    bone, aim = np.array([bone], dtype=float), np.array([aim], dtype=float)
    length = np.linalg.norm(bone - aim, axis=1)
    family = Candidates(
        approach, "beside the screw", aim, aim, (bone - aim) / length[:, None], BACK, pedicle=pedicle or usual()
    )
    skin, none = np.full(1, skin_mm), np.zeros(1)
    return Passed(family, skin, skin, length, none, none, none), bone


def usual(**changes):
    return Pedicle(np.array([-14.0, 14.0, 0.0]), BACK, -1.0, np.array([0.0, 14.0, 0.0]), 5.0, 7.0, "v", **changes)


def rules(scene, bone, aim, **changes):
    some, entry = passed(bone, aim, **changes)
    said = spine_rules(scene, some, some.family.pedicle, NEEDLE, entry)
    return {name: bool(good[0]) for name, good in said.items()}


def test_a_way_through_the_pedicle_keeps_all_rules(scene):
    assert all(rules(scene, (-15.0, 27.0, 0.0), (-12.0, -5.0, 0.0)).values())


def test_past_the_pedicle_is_no_way_through_it_and_the_other_way_round(scene):
    beside = (-28.0, 18.0, 0.0), (-14.0, -5.0, 0.0)
    assert not rules(scene, *beside)[WAY]
    assert rules(scene, *beside, approach="extrapedicular")[WAY]
    assert not rules(scene, (-15.0, 27.0, 0.0), (-12.0, -5.0, 0.0), approach="extrapedicular")[WAY]


def test_the_medial_wall_is_not_crossed_before_the_posterior_wall(scene):
    assert not rules(scene, (-5.0, 27.0, 0.0), (-5.0, -5.0, 0.0))[WALL]


def test_the_skin_is_entered_on_the_pedicles_side_and_not_too_far_out(scene):
    across = rules(scene, (-15.0, 27.0, 0.0), (-24.0, -5.0, 0.0), skin_mm=120.0)
    assert not across[SKIN]
    far = rules(scene, (-27.0, 27.0, 0.0), (-6.0, -5.0, 0.0), skin_mm=160.0)
    assert not far[SKIN]


def iliac(change, scene, *, sacrum):
    """An iliac screw's way, and a sacrum at its inner half where it is told apart."""
    anatomy = change()
    points = np.asarray(anatomy.grid.to_lps(np.moveaxis(np.indices(anatomy.grid.shape), 0, -1)))
    inner = Bone("sacrum", "sacrum", Mask(anatomy.grid, anatomy.bone.voxels & (points[..., 1] < 8.0)))
    seen = replace(scene, anatomy=change(bones=(inner,) if sacrum else ()))
    pedicle = Pedicle(np.array([-15.0, 27.0, 0.0]), BACK, -1.0, np.array([0.0, 14.0, 0.0]), in_ilium=True)
    return rules(seen, (-15.0, 27.0, 0.0), (-14.0, -5.0, 0.0), pedicle=pedicle)


def test_along_an_ilium_no_joint_is_crossed_where_bones_are_told_apart(change, scene):
    assert not iliac(change, scene, sacrum=True)[WAY]
    assert iliac(change, scene, sacrum=False) == {SKIN: True, WAY: True, "through a disc": True}


@pytest.mark.parametrize(("aside_mm", "in_ilium"), [(14.0, False), (34.0, True)])
def test_bones_not_told_apart_a_screw_far_from_the_canal_is_iliac(vertebra, change, scene, aside_mm, in_ilium):
    screw = vertebra.implants[0]
    axis = ImplantAxis(
        head_lps=(aside_mm + 4.0, 27.0, 0.0), tip_lps=(aside_mm, -8.0, 0.0), diameter_mm=6.0, core_diameter_mm=None,
        length_mm=35.2,
    )  # fmt: skip
    seen = change(implants=(screw.model_copy(update={"axis": axis}),))
    assert target_of(seen, seen.gaps[0], scene.fields).pedicle.in_ilium == in_ilium


def sliding(target_y):
    aim, end = np.array([[-15.0, 20.0, 0.0]]), np.array([[-15.0, target_y, 0.0]])
    return Candidates("transpedicular", "along the screw", aim, end, BACK[None], BACK, slides=True, pedicle=usual())


@pytest.mark.parametrize(("until_y", "safe"), [(2.0, True), (-12.0, False)])
def test_a_slide_ends_before_the_disc(change, scene, until_y, safe):
    anatomy = change()
    points = np.asarray(anatomy.grid.to_lps(np.moveaxis(np.indices(anatomy.grid.shape), 0, -1)))
    seen = replace(scene, anatomy=change(disc=Mask(anatomy.grid, points[..., 1] < -6.0)))
    assert slide_is_safe(scene, sliding(until_y), NEEDLE)[0]
    assert slide_is_safe(seen, sliding(until_y), NEEDLE)[0] == safe
