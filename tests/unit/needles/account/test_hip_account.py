from dataclasses import replace

import numpy as np
import pytest

from planner.needles.account.crossed import BURSA, crossed_at_hip, muscle_at
from planner.needles.account.hip_account import skin_offset
from planner.needles.account.zones import zones_reached
from planner.needles.hip.femoral import Thigh
from planner.needles.hip.flank import Flank, flank_of
from planner.needles.search import search_gap
from tests.unit.needles.drawn_hip import build_hip, scene_of


def flank(side="left"):
    lateral = np.array([1.0 if side == "left" else -1.0, 0.0, 0.0])
    thigh = Thigh(lateral, np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, 1.0]))
    return Flank(np.array([10.0, 0.0, 112.0]) * [lateral[0], 1, 1], thigh, 40.0)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ((30, 0, 130), "gluteus medius or minimus"),
        ((30, 0, 60), "vastus lateralis"),
        ((30, -40, 100), "tensor fasciae latae"),
        ((30, -40, 20), "vastus lateralis or rectus femoris"),
        ((30, 40, 100), "gluteus maximus"),
    ],
)
def test_muscles_are_named_by_their_place(place, name):
    assert muscle_at(flank(), np.array(place, float)) == f"muscle ({name} by its place)"


@pytest.mark.parametrize(("side", "lateral"), [("left", 1.0), ("right", -1.0)])
def test_parts_make_the_soft_tissue_whole_and_the_bursa_lies_over_the_trochanter_alone(side, lateral):
    anatomy = build_hip(side)
    cross = lambda height, **more: crossed_at_hip(  # noqa: E731
        anatomy,
        flank(side),
        bone_lps=np.array([15.0 * lateral, 0.0, height]),
        skin_lps=np.array([40.0 * lateral, 0.0, height]),
        in_bone_mm=6.0,
        **({"into_femur": True} | more),
    )
    over = {c.structure: c.length_mm for c in cross(100.0)}
    assert over["soft tissue"] == pytest.approx(25.0)
    assert sum(over.values()) == pytest.approx(2 * 25.0 + 6.0)
    assert BURSA in over
    assert over["skin and fat"] == pytest.approx(4.0, abs=1.0)
    assert BURSA not in {c.structure for c in cross(50.0)}
    assert BURSA not in {c.structure for c in cross(100.0, into_femur=False)}


def test_nothing_is_named_without_tissue_or_skin():
    anatomy = replace(build_hip(), muscle=None)
    ends = {"bone_lps": np.array([15.0, 0.0, 100.0]), "in_bone_mm": 6.0, "into_femur": True}
    told = crossed_at_hip(anatomy, flank(), skin_lps=np.array([40.0, 0.0, 100.0]), **ends)
    assert [c.structure for c in told] == ["soft tissue", "bone"]
    assert [c.structure for c in crossed_at_hip(anatomy, flank(), skin_lps=None, **ends)] == ["bone"]


def test_the_trochanter_of_the_other_side_is_no_landmark():
    marks = build_hip("left").landmarks
    assert flank_of(marks, "left", flank().thigh) is not None
    assert flank_of(marks, "right", flank().thigh) is None
    assert flank_of(marks, "left", None) is None


def test_the_skin_point_is_told_in_words():
    told = skin_offset(flank(), np.array([40.0, -12.0, 67.0]))
    assert told.in_words == "45 mm below the trochanter's tip along the thigh, 12 mm before it"
    assert told.offset_mm == pytest.approx((30.0, -12.0, -45.0))


def test_zones_begin_with_the_tips_own_and_end_with_the_reach():
    anatomy = build_hip()
    points = np.asarray(anatomy.grid.to_lps(np.argwhere(anatomy.gaps[0].mask.voxels)))
    stem = anatomy.implants[0]
    near = zones_reached(anatomy, stem, points, np.array([7.0, 0.0, 95.0]), reach_mm=5.0)
    assert near[0] == "gruen-1"
    assert "gruen-2" not in near
    assert "gruen-2" in zones_reached(anatomy, stem, points, np.array([7.0, 0.0, 72.0]), reach_mm=15.0)
    assert zones_reached(anatomy, None, points, points[0], reach_mm=15.0) == ()


def test_cautions_name_what_was_not_measured_or_lies_near():
    anatomy = build_hip()
    found = search_gap(scene_of(anatomy), anatomy.gaps[0]).trajectories
    assert not any("not measured" in words for t in found for words in t.cautions)
    thin = build_hip(wall_mm=1.5)
    found = search_gap(scene_of(thin), thin.gaps[0]).trajectories
    assert found
    assert all("cortex at the entry not measured" in t.cautions for t in found)
    assert all(t.entry_cortex_mm is None for t in found)
