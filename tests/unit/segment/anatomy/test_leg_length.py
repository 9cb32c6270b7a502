from dataclasses import replace

import numpy as np
import pytest

from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.model.bones import Bone, Landmark
from planner.model.volume import Mask
from planner.segment.anatomy.hip_bones import natural_joint
from planner.segment.anatomy.leg_length import findings_of, leg_length, offset_mm, tuberosity_of

GRID = Grid((80, 30, 130), np.array([[0, 0, 2.0, -130], [0, 2.0, 0, -20], [2.0, 0, 0, -100], [0, 0, 0, 1.0]]))


def joint(side: str, offset: float = 42.0):
    out = 1.0 if side == "left" else -1.0
    shaft = out * (90.0 + offset)
    bare = natural_joint(side, points_lps([out * 90.0, 0.0, 0.0]), 24.0)
    return replace(bare, axis_lps=(points_lps([shaft, 0.0, 0.0]), points_lps([shaft, 0.0, -90.0])))


def pelvis(side: str, low: float):
    out = 1.0 if side == "left" else -1.0
    k, r, c = np.indices(GRID.shape)
    x, y, z = -130 + 2 * c, -20 + 2 * r, -100 + 2 * k
    return Bone(
        f"pelvis-{side}", "pelvis", Mask(GRID, (abs(x - out * 60) < 9) & (abs(y - 20) < 9) & (z > low)), side=side
    )


def lesser(side: str, height: float, name: str = "lesser trochanter"):
    out = 1.0 if side == "left" else -1.0
    return Landmark(name, f"femur-{side}", points_lps([out * 115.0, 20.0, height]), side)


JOINTS = (joint("left", 46.0), joint("right", 42.0))
BONES = (pelvis("left", -71.0), pelvis("right", -71.0))
MARKS = (lesser("left", -62.0), lesser("right", -55.0))


def test_the_lower_lesser_trochanter_makes_the_longer_leg():
    found = leg_length(joints=JOINTS, bones=BONES, landmarks=MARKS)
    assert found.landmark == "lesser trochanter"
    assert found.left_longer_mm == pytest.approx(7.0, abs=0.1)
    assert found.left_offset_more_mm == pytest.approx(4.0, abs=0.01)
    (finding,) = findings_of(found)
    assert finding.severity == "info"
    assert "left leg is 7 mm longer" in finding.message


def test_a_tilted_pelvis_makes_no_short_leg():
    tilted = (pelvis("left", -71.0), pelvis("right", -61.0))
    slope = 10.0 / 120.0
    marks = (lesser("left", -62.0), lesser("right", -62.0 + 230.0 * slope))
    found = leg_length(joints=JOINTS, bones=tilted, landmarks=marks)
    assert found.left_longer_mm == pytest.approx(0.0, abs=0.3)


def test_tips_serve_where_a_lesser_trochanter_is_out_of_view():
    marks = (MARKS[0], lesser("left", 2.0, "trochanter tip"), lesser("right", 14.0, "trochanter tip"))
    found = leg_length(joints=JOINTS, bones=BONES, landmarks=marks)
    assert found.landmark == "trochanter tip"
    assert findings_of(found)[0].severity == "caution"


@pytest.mark.parametrize(
    ("joints", "bones", "marks"),
    [(JOINTS[:1], BONES, MARKS), (JOINTS, BONES[:1], MARKS), (JOINTS, BONES, MARKS[:1])],
)
def test_what_is_out_of_view_leaves_it_unmeasured(joints, bones, marks):
    assert leg_length(joints=joints, bones=bones, landmarks=marks) is None
    assert findings_of(None) == ()


def test_an_ischium_that_the_picture_cuts_is_not_measured():
    assert tuberosity_of((pelvis("left", -300.0),), JOINTS[0]) is None


def test_a_joint_without_a_shaft_has_no_offset():
    assert offset_mm(natural_joint("left", points_lps([90.0, 0.0, 0.0]), 24.0)) is None
