"""A cup against the mirrored other side, its tilt, and a head half out of it."""

from dataclasses import replace

import numpy as np
import pytest

from planner.geometry.frames import Array, points_lps, unit
from planner.geometry.grid import Grid
from planner.model.bones import Bone
from planner.model.implant import Side
from planner.model.volume import Mask
from planner.segment.anatomy.joint_space import HipJoint
from planner.segment.candidacy.cup_migration import CupMigration, cup_migration, migration_findings
from planner.segment.candidacy.cup_place import cup_turn, mirrored_side
from planner.segment.candidacy.defect_model import compare_with_mirror, defect_findings
from planner.segment.candidacy.hip_not_told import mirror_not_told
from tests.unit.segment.candidacy.socket import OPENING, everywhere, joint

HIP = np.array([90.0, 0.0, 0.0])
_EGGS = (
    # middle from the hip, half axes: ilium, ischium, pubis, and a wing in front of the joint
    ((-15.0, 8.0, 60.0), (14.0, 30.0, 26.0)),
    ((-18.0, 30.0, -60.0), (12.0, 14.0, 22.0)),
    ((-55.0, -25.0, -30.0), (20.0, 9.0, 10.0)),
    ((-30.0, -5.0, 5.0), (16.0, 26.0, 44.0)),
)
_SHIFT = np.array([3.0, -4.0, 6.0])
"""The patient does not lie straight: the right side is shifted so far."""


def _pelvis(side: Side, *, middle: Array, turn_deg: float = 0.0, without: int | None = None) -> Bone:
    low = middle - [100.0, 60.0, 100.0] if side == "left" else middle - [40.0, 60.0, 100.0]
    matrix = np.array([[0, 0, 2.0, low[0]], [0, 2.0, 0, low[1]], [2.0, 0, 0, low[2]], [0, 0, 0, 1.0]])
    grid = Grid((100, 60, 70), matrix)
    here = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))) - middle
    c, s = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    here = here @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    if side == "right":
        here = here * [-1.0, 1.0, 1.0]
    mask = np.zeros(grid.shape, dtype=bool)
    for number, (centre, half) in enumerate(_EGGS):
        if number != without:
            mask |= (((here - centre) / half) ** 2).sum(axis=-1) < 1.0
    return Bone(f"pelvis-{side}", "pelvis", Mask(grid, mask), side=side)


def _other(*, natural: bool = True) -> tuple[HipJoint, Bone]:
    centre = HIP * [-1.0, 1.0, 1.0] + _SHIFT
    hip = replace(joint(head=centre, cup=centre, natural=natural), side="right")
    return hip, _pelvis("right", middle=centre, turn_deg=4.0)


def test_a_cup_in_its_place_lies_where_the_other_side_says() -> None:
    found = mirrored_side(joint(), _pelvis("left", middle=HIP), *_other())
    assert found is not None
    assert found.error_mm < 1.0
    np.testing.assert_allclose(found.native_lps, HIP, atol=1.0)
    assert migration_findings(cup_migration(joint(), mirrored=found)) == ()


def test_a_cup_that_went_up_and_in_is_told_with_both_ways() -> None:
    moved = joint(head=np.add(HIP, [-9.0, 0.0, 24.0]), cup=np.add(HIP, [-9.0, 0.0, 24.0]))
    found = mirrored_side(moved, _pelvis("left", middle=HIP), *_other())
    assert found is not None
    place = cup_migration(moved, mirrored=found)
    assert place is not None
    assert place.up_mm == pytest.approx(24.0, abs=2.0)
    assert place.medial_mm == pytest.approx(9.0, abs=2.0)
    (said,) = migration_findings(place)
    assert (said.code, said.severity) == ("cup-grossly-migrated", "warning")
    less = cup_migration(joint(head=np.add(HIP, [0.0, 0.0, 13.0]), cup=np.add(HIP, [0.0, 0.0, 13.0])), mirrored=found)
    assert [f.code for f in migration_findings(less)] == ["cup-off-native-centre"]


@pytest.mark.parametrize(
    ("ways", "code", "words"),
    [
        ((-30.0, 0.0, 0.0), "cup-grossly-migrated", "30 mm downwards."),
        ((0.0, -35.0, 0.0), "cup-grossly-migrated", "35 mm laterally."),
        ((0.0, 0.0, 30.0), "cup-grossly-migrated", "30 mm behind."),
        ((0.0, 0.0, -12.0), "cup-off-native-centre", "12 mm in front."),
        ((5.0, -30.0, 25.0), "cup-grossly-migrated", "5 mm upwards, 30 mm laterally, 25 mm behind."),
        ((6.0, 6.0, 6.0), "cup-off-native-centre", "6 mm upwards, 6 mm medially, 6 mm behind."),
    ],
)
def test_a_cup_that_went_any_way_is_told_with_each_way(ways: tuple[float, float, float], code: str, words: str) -> None:
    up, medial, behind = ways
    (said,) = migration_findings(CupMigration(joint(), up_mm=up, medial_mm=medial, behind_mm=behind))
    assert said.code == code
    assert words in said.message
    assert said.measured == pytest.approx(np.linalg.norm(ways), abs=0.06)


def test_a_cup_a_little_off_every_way_is_in_its_place() -> None:
    place = CupMigration(joint(), up_mm=-5.0, medial_mm=-5.0, behind_mm=5.0)
    assert migration_findings(place) == ()
    assert place.away_mm == pytest.approx(8.66, abs=0.01)
    assert replace(place, behind_mm=None).away_mm is None


def test_what_the_other_side_has_more_is_the_defect() -> None:
    own, (hip, theirs) = _pelvis("left", middle=HIP, without=3), _other()
    whole = _pelvis("left", middle=HIP)
    fit = mirrored_side(joint(), own, hip, theirs)
    assert fit is not None
    metal = Mask(own.mask.grid, np.zeros(own.mask.grid.shape, dtype=bool))
    model = compare_with_mirror(joint(), pelvis=own, other_pelvis=theirs, mirrored=fit, metal=metal).model
    assert model is not None
    assert (model.name, model.against) == ("defect-pelvis-left-against-mirror", "mirrored side")
    missing = np.asarray(model.mask.grid.to_lps(np.argwhere(model.mask.voxels)))
    index = np.rint(np.asarray(whole.mask.grid.to_index(missing))).astype(int)
    assert whole.mask.voxels[tuple(index.T)].mean() > 0.9
    (said,) = defect_findings((model,))
    assert said.code == "bone-missing" and "mirrored other side" in said.message
    assert said.measured == pytest.approx(model.volume_ml, abs=0.01)
    fit = mirrored_side(joint(), whole, hip, theirs)
    assert fit is not None
    less = compare_with_mirror(joint(), pelvis=whole, other_pelvis=theirs, mirrored=fit, metal=metal).model
    assert less is None or less.volume_ml < 0.1 * model.volume_ml


def test_bone_is_not_called_missing_where_nothing_can_be_read() -> None:
    own, (hip, theirs) = _pelvis("left", middle=HIP, without=3), _other()
    fit = mirrored_side(joint(), own, hip, theirs)
    assert fit is not None
    metal = Mask(own.mask.grid, np.zeros(own.mask.grid.shape, dtype=bool))
    compared = {
        value: compare_with_mirror(
            joint(), pelvis=own, other_pelvis=theirs, mirrored=fit, metal=metal, trust=everywhere(value)
        )
        for value in (0.4, 0.9)
    }
    blind, clear = compared[0.4], compared[0.9]
    assert clear.model is not None and clear.unread_ml == 0.0 and mirror_not_told(clear) == ()
    assert blind.model is None and blind.unread_ml == pytest.approx(clear.model.volume_ml)
    (why,) = mirror_not_told(blind)
    assert "artefacts" in why and f"{blind.unread_ml:.1f} mL" in why
    part = replace(clear.model, unread_ml=3.2)
    assert mirror_not_told(replace(clear, model=part, unread_ml=3.2)) == ()
    assert "of 3.2 mL more artefacts leave nothing readable" in defect_findings((part,))[0].message


def test_a_replaced_other_side_says_nothing() -> None:
    assert mirrored_side(joint(), _pelvis("left", middle=HIP), *_other(natural=False)) is None


def test_sides_that_do_not_fit_and_sides_out_of_view_say_nothing() -> None:
    hip, theirs = _other()
    rng = np.random.default_rng(3)
    cloud = Mask(theirs.mask.grid, rng.random(theirs.mask.grid.shape) < 0.004)
    assert mirrored_side(joint(), replace(theirs, mask=cloud, side="left"), hip, theirs) is None
    empty = Mask(theirs.mask.grid, np.zeros(theirs.mask.grid.shape, dtype=bool))
    assert mirrored_side(joint(), _pelvis("left", middle=HIP), hip, replace(theirs, mask=empty)) is None


def test_without_the_other_side_no_way_is_given() -> None:
    place = cup_migration(joint())
    assert place is not None
    assert (place.up_mm, place.medial_mm, place.behind_mm) == (None, None, None)
    assert migration_findings(place) == ()


def test_a_head_half_out_of_its_cup_is_told_and_a_worn_one_is_not() -> None:
    out = cup_migration(joint(head=HIP + 6.0 * OPENING))
    assert out is not None and out.out_mm == pytest.approx(6.0, abs=0.01)
    assert [f.code for f in migration_findings(out)] == ["head-subluxed"]
    assert migration_findings(cup_migration(joint(head=HIP - 6.0 * OPENING))) == ()
    # farther out than there is room: dislocated, which the search for faults tells
    assert migration_findings(cup_migration(joint(head=HIP + 14.0 * OPENING))) == ()
    lone = cup_migration(joint(head=HIP + 6.0 * OPENING), has_head=False)
    assert lone is not None and lone.out_mm is None


def test_a_natural_hip_and_one_without_a_cup_have_no_place() -> None:
    assert cup_migration(joint(natural=True)) is None
    assert cup_migration(joint(), has_cup=False) is None
    assert migration_findings(None) == ()


def test_a_cup_is_measured_by_its_radiographic_angles() -> None:
    for incline, antevert in ((42.0, 16.0), (75.0, -20.0)):
        a, b = np.radians([incline, antevert])
        opening = unit([np.sin(a) * np.cos(b), -np.sin(b), -np.cos(a) * np.cos(b)])
        left = joint(opening=opening)
        right = replace(left, side="right", opening_lps=points_lps(opening * [-1.0, 1.0, 1.0]))
        for hip in (left, right):
            turn = cup_turn(hip)
            assert turn.inclination_deg == pytest.approx(incline)
            assert turn.anteversion_deg == pytest.approx(antevert)
        said = [f.code for f in migration_findings(cup_migration(left))]
        assert said == ([] if incline < 60.0 else ["cup-tilted", "cup-tilted"])
