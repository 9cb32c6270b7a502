"""Landmarks of a gap's own bones, on their own sides; what was not measured is not there."""

from dataclasses import replace

import numpy as np
import pytest

from planner.model.bones import Bone
from planner.pipeline.fluoroscopy.landmarks import bones_of_gap, gap_landmarks, vertebra_marks
from planner.segment.anatomy.hip_bones import HipBones
from planner.segment.anatomy.skeleton import Skeleton
from tests.unit.pipeline.fluoroscopy.fluoro_cases import (
    FEMUR_MM,
    SHAPE,
    X,
    Y,
    Z,
    case_of,
    cortex_of,
    femur_case,
    implant,
    mask,
    pedicle,
    tip,
)
from tests.unit.segment.candidacy.socket import joint
from tests.unit.segment.candidacy.spine_blocks import SpineBlocks

UPPER = Bone("vertebra-1", "vertebra", mask((np.abs(X) < 20) & (np.abs(Y) < 14) & (Z > 6) & (Z < 30)))
LOWER = Bone("vertebra-2", "vertebra", mask((np.abs(X) < 20) & (np.abs(Y) < 14) & (Z < -6) & (Z > -30)), level="L5")
BOX = (np.abs(X) < 6) & (np.abs(Y) < 6)


def names(case, gap_id="gap-1"):
    return [bone.name for bone in bones_of_gap(case, gap_id)]


@pytest.mark.parametrize(
    ("voxels", "wanted"),
    [
        (BOX & (Z > 10) & (Z < 20), ["vertebra-1"]),
        (BOX & (Z < -10) & (Z > -20), ["vertebra-2"]),
        (BOX & (Z < 12) & (Z > -26), ["vertebra-2"]),
        (BOX & (Z < 18) & (Z > -26), ["vertebra-2", "vertebra-1"]),
        (BOX & (np.abs(Z) > 3) & (np.abs(Z) < 6), ["vertebra-1", "vertebra-2"]),
        (BOX & (Z > 3) & (Z < 6), ["vertebra-1"]),
        (BOX & (Z > 40), []),
        (np.zeros(SHAPE), []),
    ],
    ids=["upper", "lower", "mostly lower", "both", "at both endplates of a disc", "at one", "far off", "empty"],
)
def test_a_gap_belongs_to_the_bones_that_hold_it_or_lie_beside_it(voxels, wanted):
    case = case_of(bones=[UPPER, LOWER], spaces=[("gap-1", None, voxels)])
    assert names(case) == wanted
    assert names(case, "gap-9") == []


def test_a_femurs_cortex_is_named_by_its_side():
    for side, outwards in (("left", 1.0), ("right", -1.0)):
        found = {one.name: one for one in gap_landmarks(femur_case(side=side), "gap-1")}
        assert set(found) == {"medial cortex", "lateral cortex", "anterior cortex", "posterior cortex", "stem tip"}
        ways = {
            "lateral": (outwards, 0, 0),
            "medial": (-outwards, 0, 0),
            "posterior": (0, 1, 0),
            "anterior": (0, -1, 0),
        }
        for name, way in ways.items():
            one = found[f"{name} cortex"]
            assert (one.bone, one.side) == (f"femur-{side}", side)
            assert np.all(one.points_lps @ way >= np.cos(np.radians(30.0)) * FEMUR_MM - 1e-6)
            assert np.all(np.einsum("ij,ij->i", one.points_lps, one.normals_lps) > 0.0), "outwards"


def test_the_cortex_is_looked_at_along_the_gap_and_little_further():
    found = {one.name: one for one in gap_landmarks(femur_case(), "gap-1")}
    z = found["lateral cortex"].points_lps[:, 2]
    assert z.min() == pytest.approx(-15.0, abs=1.2) and z.max() == pytest.approx(25.0, abs=1.2)
    assert found["lateral cortex"].part_count == pytest.approx(40.0 / 3.0, abs=1.0)


def test_the_tip_is_told_just_beyond_the_metal():
    tip_mark = next(one for one in gap_landmarks(femur_case(), "gap-1") if one.name == "stem tip")
    np.testing.assert_allclose(tip_mark.points_lps, [[0.0, 0.0, -32.0]])
    assert tip_mark.normals_lps is None


@pytest.mark.parametrize("is_cut", [True, None])
def test_a_tip_that_the_scan_may_have_cut_off_is_none(is_cut):
    case = femur_case()
    stem = case.anatomy.implants[0].model_copy(update={"is_cut": is_cut})
    found = gap_landmarks(replace(case, anatomy=replace(case.anatomy, implants=(stem,))), "gap-1")
    assert "stem tip" not in {one.name for one in found} and len(found) == 4


def test_round_a_lag_screw_along_the_neck_no_side_of_the_shaft_is_named():
    case = femur_case()
    axis = case.anatomy.implants[0].axis.model_copy(
        update={"head_lps": (40.0, 0.0, -20.0), "tip_lps": (-30.0, 0.0, 20.0)}
    )
    lag = case.anatomy.implants[0].model_copy(update={"kind": "nail", "axis": axis})
    case = replace(case, anatomy=replace(case.anatomy, implants=(lag,)))
    assert [one.name for one in gap_landmarks(case, "gap-1")] == ["nail tip"]
    axis_lps = (np.array([0.0, 0.0, 40.0]), np.array([0.0, 0.0, -40.0]))
    hips = HipBones(joints=(replace(joint(), side="left", axis_lps=axis_lps),))
    found = gap_landmarks(replace(case, skeleton=replace(case.skeleton, hips=hips)), "gap-1")
    assert len(found) == 5, "the joint knows the shaft"


def test_what_was_not_measured_is_not_there():
    assert [one.name for one in gap_landmarks(femur_case(with_cortex=False), "gap-1")] == ["stem tip"]
    assert gap_landmarks(femur_case(with_stem=False), "gap-1") == (), "no axis is known"
    assert gap_landmarks(femur_case(), "gap-9") == ()
    case = femur_case()
    pelvis = replace(case.anatomy.bones[0], name="pelvis-left", kind="pelvis")
    other = replace(case, anatomy=replace(case.anatomy, bones=(pelvis,)))
    assert [one.name for one in gap_landmarks(other, "gap-1")] == ["stem tip"]
    sideless = replace(case.anatomy, bones=(replace(case.anatomy.bones[0], side=None),))
    assert [one.name for one in gap_landmarks(replace(case, anatomy=sideless), "gap-1")] == ["stem tip"]
    assert gap_landmarks(replace(case, skeleton=None), "gap-1")[0].name == "stem tip"


def test_without_a_stem_the_joints_axis_stands_in():
    case, axis = femur_case(with_stem=False), (np.array([0.0, 0.0, 40.0]), np.array([0.0, 0.0, -40.0]))
    own, other = (HipBones(joints=(replace(joint(), side=side, axis_lps=axis),)) for side in ("left", "right"))
    found = gap_landmarks(replace(case, skeleton=replace(case.skeleton, hips=own)), "gap-1")
    assert [one.name for one in found] == ["medial cortex", "lateral cortex", "anterior cortex", "posterior cortex"]
    assert gap_landmarks(replace(case, skeleton=replace(case.skeleton, hips=other)), "gap-1") == ()


def _moved(body, shift):
    """A body elsewhere, of which the lower endplate was not fitted."""
    upper = replace(body.upper, centre_lps=body.upper.centre_lps + shift, points_lps=body.upper.points_lps + shift)
    return replace(body, centre_lps=body.centre_lps + shift, upper=upper, lower=None)


def spine_case(*, pedicles=(), landmarks=(), cortex=None, canal=None):
    """The blocks' lower body is where this grid's lower vertebra is; the other one far above."""
    blocks = SpineBlocks([(24.0, 24.0), (24.0, 24.0)])
    shift = np.array([0.0, 0.0, -18.0]) - blocks.spine.bodies[1].centre_lps
    bodies = tuple(_moved(body, shift) for body in blocks.spine.bodies)
    spine = replace(blocks.spine, bodies=bodies, landmarks=landmarks)
    skeleton = Skeleton(spine=spine, pedicles=pedicles, cortex=cortex)
    screw = implant("screw-1", "pedicle_screw", head=(8.0, 30.0, -15.0), tip=(5.0, -8.0, -15.0), side="left")
    space = ("gap-1", "screw-1", BOX & (Z < -10) & (Z > -20))
    return case_of(bones=[UPPER, LOWER], spaces=[space], implants=[screw], skeleton=skeleton, canal=canal)


def test_marks_of_a_vertebra_are_those_that_were_measured():
    marks = vertebra_marks(spine_case(), "gap-1")
    assert marks is not None
    assert (marks.bone, marks.level) == ("vertebra-2", "L5")
    assert marks.upper_normal_lps is not None and marks.lower_normal_lps is None
    assert [marks.left_pedicle_lps, marks.right_pedicle_lps, marks.spinous_lps] == [None, None, None]
    assert marks.wall_normal_lps is None
    both = (
        pedicle("vertebra-2", "left", 12.0),
        pedicle("vertebra-2", "right", -12.0),
        pedicle("vertebra-1", "left", 5.0),
    )
    full = vertebra_marks(spine_case(pedicles=both, landmarks=(tip("vertebra-1"), tip("vertebra-2"))), "gap-1")
    assert (full.left_pedicle_lps[0], full.right_pedicle_lps[0], full.spinous_lps[1]) == (12.0, -12.0, 28.0)
    others = vertebra_marks(spine_case(pedicles=both[2:], landmarks=(tip("vertebra-1"),)), "gap-1")
    assert [others.left_pedicle_lps, others.spinous_lps] == [None, None], "another vertebra's"
    assert vertebra_marks(spine_case(), "gap-9") is None
    assert vertebra_marks(femur_case(), "gap-1") is None


def test_of_a_vertebra_only_its_own_landmarks_are_given():
    """Without a cortex, a canal and pedicles there is the one endplate that was fitted, and the screw's tip."""
    found = gap_landmarks(spine_case(), "gap-1")
    assert [(one.name, one.bone, one.level) for one in found] == [
        ("upper endplate", "vertebra-2", "L5"), ("screw tip", "vertebra-2", "L5"),
    ]  # fmt: skip
    np.testing.assert_allclose(found[0].normals_lps @ [0.0, 0.0, 1.0], 1.0, atol=1e-6)
    assert found[0].part_count > 20


def ring_surface(x, *, turns=None):
    turn, along = (v.ravel() for v in np.meshgrid(np.radians(np.arange(0, 360, 9)), np.arange(4.0, 16.0, 1.0)))
    out = np.stack([np.cos(turn), np.zeros_like(turn), np.sin(turn)], axis=-1)
    at = out * [4.5, 0.0, 7.0] + np.stack([np.full_like(turn, x), along, np.full_like(turn, -15.0)], axis=-1)
    kept = np.ones(len(at), bool) if turns is None else turns(np.degrees(turn))
    return at[kept], out[kept]


def test_a_pedicles_medial_wall_is_towards_the_middle():
    vertebra = (np.abs(X) < 20) & (Y < 18) & (Y > -14) & (Z < -6) & (Z > -30)
    for side, x in (("left", 12.0), ("right", -12.0)):
        one = replace(pedicle("vertebra-2", side, x), centre_lps=np.array([x, 10.0, -15.0]))
        case = spine_case(pedicles=(one,), cortex=cortex_of(*ring_surface(x)))
        own = replace(LOWER, mask=mask(vertebra))
        found = gap_landmarks(replace(case, anatomy=replace(case.anatomy, bones=(UPPER, own))), "gap-1")
        by_name = {landmark.name: landmark for landmark in found}
        ring, wall = by_name["pedicle ring"], by_name["medial pedicle wall"]
        assert ring.side == wall.side == side
        assert ring.part_count == 16
        assert np.ptp(ring.points_lps[:, 1]) <= 6.0, "the narrowest part alone"
        inwards = (x - wall.points_lps[:, 0]) * np.sign(x)
        assert np.all(inwards > 0.0)
        assert len(wall.points_lps) < len(ring.points_lps) / 2


def test_of_a_ring_that_is_mostly_missing_there_is_none():
    vertebra = mask((np.abs(X) < 20) & (Y < 18) & (Y > -14) & (Z < -6) & (Z > -30))
    one = replace(pedicle("vertebra-2", "left", 12.0), centre_lps=np.array([12.0, 10.0, -15.0]))
    case = spine_case(pedicles=(one,), cortex=cortex_of(*ring_surface(12.0, turns=lambda t: (t > 10) & (t < 60))))
    found = gap_landmarks(replace(case, anatomy=replace(case.anatomy, bones=(replace(LOWER, mask=vertebra),))), "gap-1")
    assert not {"pedicle ring", "medial pedicle wall"} & {landmark.name for landmark in found}


def test_the_posterior_wall_faces_the_canal_and_without_a_canal_there_is_none():
    x, z = (v.ravel() for v in np.meshgrid(np.arange(-18.0, 19.0), np.arange(-29.0, -6.5)))
    wall = np.stack([x, np.full_like(x, 13.5), z], axis=-1), np.tile([0.0, 1.0, 0.0], (len(x), 1))
    canal = (np.abs(X) < 8) & (Y > 15) & (Y < 28)
    found = gap_landmarks(spine_case(cortex=cortex_of(*wall), canal=canal), "gap-1")
    one = next(landmark for landmark in found if landmark.name == "posterior wall")
    marks = vertebra_marks(spine_case(cortex=cortex_of(*wall), canal=canal), "gap-1")
    np.testing.assert_allclose(marks.wall_normal_lps, [0.0, 1.0, 0.0], atol=1e-9)
    assert np.abs(one.points_lps[:, 0]).max() <= 8.5, "beside the canal are the pedicles"
    assert one.points_lps[:, 2].max() < -6.0, "below the upper endplate"
    assert one.part_count > 8
    without = gap_landmarks(spine_case(cortex=cortex_of(*wall)), "gap-1")
    assert "posterior wall" not in {landmark.name for landmark in without}
    forwards = wall[0], -wall[1]
    away = gap_landmarks(spine_case(cortex=cortex_of(*forwards), canal=canal), "gap-1")
    assert "posterior wall" not in {landmark.name for landmark in away}
