"""A cup has its own limits of direction, wherever needles to it are proposed, refined or judged."""

from dataclasses import replace

import numpy as np
import pytest

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import unit
from planner.model.implant import ImplantSphere
from planner.model.volume import Mask
from planner.needles.candidates import Candidates, target_of
from planner.needles.catalogue import needle_named
from planner.needles.check import check_trajectory
from planner.needles.hip.femoral import thigh_of
from planner.needles.hip.hip_families import direction_allowed, to_the_hip
from planner.needles.refine import refine
from planner.needles.surroundings import scene_round
from tests.unit.needles.drawn_hip import GRID, X, Y, build_hip, implant, scene_of

TIP = np.array([7.0, 0.0, 60.0])
CUP = implant(
    "acetabular_cup",
    axis=None,
    sphere=ImplantSphere(centre_lps=(0.0, 0.0, 30.0), diameter_mm=30.0, opening_lps=(0.7, 0.0, -0.7)),
)
WRONG_SIDE = "comes from the side of vessels and nerves"


def hip(*implants):
    anatomy = build_hip(implants=implants or None)
    scene = scene_of(anatomy)
    target = target_of(anatomy, anatomy.gaps[0], scene.fields)
    return scene_round(scene, target), target


def turned(target, turn_deg, *, tilt_deg=0.0):
    thigh = thigh_of(target)
    turn, tilt = np.radians((turn_deg, tilt_deg))
    return np.cos(tilt) * (np.cos(turn) * thigh.lateral + np.sin(turn) * thigh.front) + np.sin(tilt) * thigh.proximal


@pytest.mark.parametrize(
    ("turn_deg", "to_cup", "to_stem"), [(-12.0, True, False), (5.0, True, True), (45.0, False, True)]
)
def test_directions_are_judged_by_the_implant(turn_deg, to_cup, to_stem):
    for implants, allowed in (((CUP,), to_cup), ((), to_stem)):
        scene, target = hip(*implants)
        outward = turned(target, turn_deg)
        assert direction_allowed(target, outward[None], config=scene.config).tolist() == [allowed]
        check = check_trajectory(scene, entry_lps=TIP + 60.0 * outward, target_lps=TIP, needle=needle_named("15G"))
        assert (WRONG_SIDE in check.violations) == (not allowed)


def test_without_a_side_no_direction_is_allowed():
    scene, target = hip(CUP.model_copy(update={"side": None}))
    assert not direction_allowed(target, np.eye(3), config=scene.config).any()
    assert to_the_hip(target, TIP[None], config=scene.config) == ()


def test_each_implant_has_its_own_families():
    assert {w.family for w in to_the_hip(hip(CUP)[1], TIP[None], config=NeedleConfig())} == {"to the cup"}
    assert "lateral" in {w.family for w in to_the_hip(hip()[1], TIP[None], config=NeedleConfig())}


def test_a_needle_to_a_cup_is_refined_where_only_cups_may_be_reached_from():
    # bones that were not told apart: here the cup's needle need not enter another one than the femur
    anatomy = replace(build_hip(implants=(CUP,)), bones=())
    scene = scene_of(anatomy)
    target = target_of(anatomy, anatomy.gaps[0], scene.fields)
    outward = turned(target, -12.0)
    way = Candidates("femoral", "to the cup", TIP[None], TIP[None], outward[None], unit(turned(target, 0.0)))
    refined = refine(scene, target, way, needle_named("15G"), np.array([0])).passed.family
    assert len(refined.aim_lps) == 1
    assert not np.allclose(refined.outward_lps[0], outward)
    assert direction_allowed(target, refined.outward_lps, config=scene.config).all()


def test_settings_that_want_the_spine_do_not_take_a_hip_for_one():
    scene, target = hip()
    outward = turned(target, 5.0)
    narrowed = replace(scene, config=scene.config.model_copy(update={"approaches": ("transpedicular",)}))
    ends = {"entry_lps": TIP + 60.0 * outward, "target_lps": TIP, "needle": needle_named("15G")}
    assert check_trajectory(narrowed, **ends).violations == check_trajectory(scene, **ends).violations


def test_a_hip_has_no_canal_to_be_aimed_into():
    canal = Mask(GRID, np.hypot(X + 35.0, Y) < 5.0)
    anatomy = replace(build_hip(), canal=canal)
    scene = scene_of(anatomy)
    assert scene.fields.canal_known
    outward = turned(target_of(anatomy, anatomy.gaps[0], scene.fields), 5.0)
    check = check_trajectory(scene, entry_lps=TIP + 60.0 * outward, target_lps=TIP, needle=needle_named("15G"))
    assert check.trajectory.approach == "femoral"
    assert check.trajectory.with_aim_error.canal is None
    assert check.trajectory.clearance_mm.canal is None


@pytest.mark.parametrize("known", [True, False])
def test_at_a_hip_the_spines_midline_is_no_landmark(known):
    canal = Mask(GRID, np.hypot(X + 35.0, Y) < 5.0)
    anatomy = replace(build_hip(), canal=canal)
    anatomy = anatomy if known else replace(anatomy, landmarks=())
    scene = scene_of(anatomy)
    outward = turned(target_of(anatomy, anatomy.gaps[0], scene.fields), 5.0)
    check = check_trajectory(scene, entry_lps=TIP + 60.0 * outward, target_lps=TIP, needle=needle_named("15G"))
    seen = check.trajectory.skin_landmark
    assert (None if seen is None else seen.name) == ("trochanter tip" if known else None)
    assert {mark.name for mark in check.trajectory.skin_offsets} <= {"trochanter tip"}
